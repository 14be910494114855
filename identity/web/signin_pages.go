package web

import (
	"slices"
	"time"

	"cardea/identity/web/words"
)

// SignInAccounts is the first page of a browser that knows somebody: whom to
// sign in as, each one click away from the passkey.
type SignInAccounts struct {
	Attempt
	App       string // the client that asks, empty if none
	Accounts  []AccountTile
	Elsewhere string // where to begin in another browser
	Notice    *DeviceNotice
}

// Forgettable reports whether there is any account that can be forgotten.
func (p SignInAccounts) Forgettable() bool {
	return slices.ContainsFunc(p.Accounts, func(a AccountTile) bool { return a.Kept })
}

func (SignInAccounts) template() (string, string) { return "signin_accounts", gate }

// An AccountTile is one account that the browser knows.
type AccountTile struct {
	DisplayName string
	Username    string
	Way         Where // how they signed in last
	Here        bool  // they are signed in, and are asked once more
	Kept        bool  // the browser remembers them, and can be told to forget
	Closed      bool  // they may not sign in
}

// StaySignedIn asks whether the session that has just begun is to last.
type StaySignedIn struct {
	DisplayName string
	Username    string
	Session     string // the ID of the session that is asked about
	Way         Where
	Continue    Continue

	// What the answers mean.
	KeptIdle, KeptAbsolute, Idle time.Duration
}

func (StaySignedIn) template() (string, string) { return "stay_signed_in", gate }

// Days is how long a yes lasts while the person does not come back.
func (p StaySignedIn) Days() words.Text {
	return words.Say("accounts.days", "Count", int(p.KeptIdle.Hours()/24))
}

// MostDays is the longest that a yes lasts.
func (p StaySignedIn) MostDays() words.Text {
	return words.Say("accounts.days", "Count", int(p.KeptAbsolute.Hours()/24))
}

// Hours is how long a no lasts while nothing is done.
func (p StaySignedIn) Hours() words.Text {
	return words.Say("accounts.hours", "Count", int(p.Idle.Hours()))
}
