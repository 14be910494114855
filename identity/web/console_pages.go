package web

import (
	"time"

	"cardea/identity/web/words"
)

// People lists everybody.
type People struct {
	Me
	People []PersonRow
	// Two, One and None count people by passkeys.
	Two, One, None int
}

func (People) template() (string, string) { return "people", console }

// A PersonRow is one person as an administrator sees them.
type PersonRow struct {
	ID          string
	DisplayName string
	Username    string
	Admin       bool
	Disabled    bool
	Passkeys    int
	LastUsed    time.Time
	Added       time.Time
}

// AddPerson asks for the names of somebody new.
type AddPerson struct {
	Me
	Username      string
	DisplayName   string
	MakeAdmin     bool
	WrongUsername string // what is wrong with Username
	WrongDisplay  string // what is wrong with DisplayName
}

func (AddPerson) template() (string, string) { return "add_person", console }

// Person shows one person.
type Person struct {
	Me
	Person   PersonRow
	Passkeys []PasskeyRow
	Sessions int
	Pass     *PassRow // the last one issued, if any
	Events   []EventRow
	JustMade bool // the person was just added
}

func (Person) template() (string, string) { return "person", console }

// A PassRow is an access pass without its code.
type PassRow struct {
	Issued  time.Time
	Expires time.Time
	Used    time.Time
	Live    bool
}

// IssuePass asks for how long a new access pass is to work.
type IssuePass struct {
	Me
	Person PersonRow
	Pass   *PassRow // the last one issued, if any
}

func (IssuePass) template() (string, string) { return "issue_pass", console }

// PassIssued shows the code of a new access pass, once.
type PassIssued struct {
	Me
	Person  PersonRow
	Code    string
	Expires time.Time
	SignIn  string // address that the person opens
}

func (PassIssued) template() (string, string) { return "pass_issued", console }

// Events lists what happened in the house.
type Events struct {
	Me
	Events []EventRow
}

func (Events) template() (string, string) { return "events", console }

// An EventRow is one event in words.
type EventRow struct {
	Time      time.Time
	Who       string     // empty where the reader is the person
	Result    words.Text // "Signed in", "Stopped", "Changed"
	Tone      string     // "ok", "danger", or empty
	Icon      string
	What      words.Text
	How       words.Text // passkey or access pass
	Agent     words.Text
	Address   string
	Why       words.Text // of a refusal, a sentence
	Reference string
}
