package web

import (
	"time"

	"cardea/identity/audit"
	"cardea/identity/web/words"
)

// History lists what happened to an account.
type History struct {
	Me
	Asked        Asked
	Events       []EventRow
	Newer, Older string // addresses of the pages beside this one; empty if there is none
	Mine         bool   // the reader just said of an entry that it was them
}

func (History) template() (string, string) { return "history", account }

// Shows are what the history can be narrowed to.
func (History) Shows() []ShowChoice {
	return []ShowChoice{{audit.All, "all"}, {audit.Worked, "worked"}, {audit.Stopped, "stopped"}, {audit.Changes, "changes"}}
}

// Days are how far back the history can go; zero is all of it.
func (History) Days() []int { return HistoryDays() }

// A ShowChoice is a value of a Show with the end of its message's key.
type ShowChoice struct {
	Value audit.Show
	Key   string
}

// A HistoryEntry is all that is known of one event.
type HistoryEntry struct {
	Me
	Event EventRow
	ID    string
	// Browser and System are of the agent, each empty if unknown.
	Browser, System string
	App             string
	ByOther         bool // an administrator did it
	Do              words.Text
	// Denied is when the reader said that it was not them; zero if they did not.
	Denied time.Time
	// Deniable: it may be asked whether it was the reader.
	Deniable bool
}

func (HistoryEntry) template() (string, string) { return "history_entry", account }

// NotMe asks somebody who says that an event was not them whether to shut all
// others out, and shows what that does. If the event was refused, it says that
// nothing is needed.
type NotMe struct {
	Me
	Event   EventRow
	ID      string
	Others  int // sessions that will end
	Stopped bool
}

func (NotMe) template() (string, string) { return "not_me", account }

// NotMeDone leads through what is left to do.
type NotMeDone struct {
	Me
	Event   EventRow
	Ended   int         // sessions that were just ended
	Passkey *PasskeyRow // what took part, if the reader has it still
	Only    bool        // it is the only one
}

func (NotMeDone) template() (string, string) { return "not_me_done", account }
