package web

import (
	"time"

	"cardea/identity/web/words"
	"cardea/webauthn"
)

// Me is what the frame of My Account and of the console shows of its reader.
type Me struct {
	DisplayName string
	Username    string
	Admin       bool
	// Here is the tab that the page belongs to.
	Here string
	// Signals is what to tell the person's passkey managers; nil if nothing.
	Signals *Signals
}

// Signals is what the signal methods take (WebAuthn §5.1.10). The list must be
// whole: a passkey manager may hide whatever is missing from it.
type Signals struct {
	RPID        webauthn.RPID
	UserHandle  webauthn.UserHandle
	Name        string
	DisplayName string
	Accepted    []webauthn.CredentialID
}

// Home is the first page of My Account.
type Home struct {
	Me
	FirstName string
	Passkeys  int
	LastUsed  time.Time
	Sessions  int
	SignIns   int // in 30 days
	Stopped   int // of those that were refused
	Lately    []EventRow
}

func (Home) template() (string, string) { return "home", account }

// Security lists a person's passkeys.
type Security struct {
	Me
	Passkeys []PasskeyRow
	Added    string // name of the passkey that was just added
	Deleted  bool   // one was just deleted
}

func (Security) template() (string, string) { return "security", account }

// A PasskeyRow is one passkey as its owner sees it.
type PasskeyRow struct {
	ID       string
	Name     string
	Provider words.Text
	Icon     string
	Kind     PasskeyKind
	Added    time.Time
	LastUsed time.Time
	UsedFrom words.Text
}

// A PasskeyKind says whether a passkey stays where it is.
type PasskeyKind string

// The kinds.
const (
	DeviceBound PasskeyKind = "bound"
	Synced      PasskeyKind = "synced"
	Syncable    PasskeyKind = "syncable"
)

// RenamePasskey asks for a name.
type RenamePasskey struct {
	Passkey PasskeyRow
	Value   string
	Wrong   string // what is wrong with Value
	New     bool   // it was just added, and this is its first name
	Action  string // path that the form goes to
	Cancel  string // where to go instead
}

func (RenamePasskey) template() (string, string) { return "rename_passkey", gate }

// DeletePasskey asks whether to delete one, and shows the price.
type DeletePasskey struct {
	Passkey PasskeyRow
	Others  int // passkeys that are left
}

func (DeletePasskey) template() (string, string) { return "delete_passkey", gate }

// Sessions lists where a person is signed in.
type Sessions struct {
	Me
	Sessions []SessionRow
	Ended    int // how many were just ended
}

func (Sessions) template() (string, string) { return "sessions", account }

// A SessionRow is one session as its owner sees it.
type SessionRow struct {
	ID      string
	Agent   words.Text
	Icon    string
	Current bool
	Address string
	Since   time.Time
	Seen    time.Time
	With    words.Text // the passkey's name, or "an access pass"
}

// History lists what happened to an account.
type History struct {
	Me
	Events []EventRow
}

func (History) template() (string, string) { return "history", account }
