package web

import (
	"time"

	"cardea/identity/web/words"
)

// People lists everybody, or whoever is called something, a page at a time.
type People struct {
	Me
	People []PersonRow
	// All, Two, One and None count everybody, and by passkeys.
	All, Two, One, None int
	// Name is what was looked for; empty if nothing was.
	Name string
	// First and Next lead to the first page and to the next one; empty if there
	// is no other.
	First, Next string
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
	WrongUsername words.Text // what is wrong with Username
	WrongDisplay  words.Text // what is wrong with DisplayName
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
	JustMade bool       // the person was just added
	Done     words.Text // what was just done to them
	Yours    bool       // the person is the reader
}

func (Person) template() (string, string) { return "person", console }

// PersonAct asks whether to do something to a person's account, and shows the
// price.
type PersonAct struct {
	Me
	Person  PersonRow
	Heading words.Text
	Passkey *PasskeyRow // the one that it is about, if any
	Price   []words.Text
	Action  string // path that the form goes to
	Button  words.Text
	// Instead leads to what must be done first; then there is no Button.
	Instead Link
}

func (PersonAct) template() (string, string) { return "person_act", console }

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

// Events lists what happened in the house, a page at a time, or what is recorded
// under a reference.
type Events struct {
	Me
	Events      []EventRow
	Reference   string // as it was typed; empty: what happened last
	NoReference bool   // what was typed is none
	// Newer and Older lead to the pages beside this one; empty if there is none.
	Newer, Older string
}

func (Events) template() (string, string) { return "events", console }

// An EventRow is one event in words.
type EventRow struct {
	Time      time.Time
	Who       words.Text // zero where the reader is the person
	Result    words.Text // "Signed in", "Stopped", "Changed"
	Tone      string     // "ok", "danger", or empty
	Icon      string
	What      words.Text
	How       words.Text // passkey or access pass
	Agent     words.Text
	Address   string
	Why       words.Text // of a refusal, a sentence
	Reference string
	Open      string // address of a page that says all of it; empty if there is none
	// ByAdmin: somebody did it to the reader's account who was not the reader.
	ByAdmin bool
}
