package web

import (
	"time"

	"cardea/identity/web/words"
)

// pages is one value of each page type, for New to read their templates.
var pages = []Page{
	SignIn{}, SignInAccounts{}, SignInOptions{}, StaySignedIn{}, SignInPasskey{}, AccessPass{}, Onward{}, Stopped{}, Setup{}, SignedOut{}, Support{},
	Home{}, Security{}, RenamePasskey{}, DeletePasskey{}, AddPasskey{}, AddPasskeyOn{}, Sessions{}, History{},
	HistoryEntry{}, NotMe{}, NotMeDone{}, Lost{}, LostPlan{}, LostDone{}, LostPublic{}, EndAll{}, Apps{}, RemoveApp{}, Profile{},
	People{}, AddPerson{}, Person{}, PersonAct{}, IssuePass{}, PassIssued{}, Events{},
}

// frames, each a card or a frame with navigation.
const (
	gate    = "gate"
	account = "account"
	console = "console"
)

// An Attempt is what a page needs to ask the browser for a passkey: where to
// begin and finish, and what to say while it lasts and when it fails.
type Attempt struct {
	Begin, Finish string // paths of the two JSON requests
	Continue      Continue
	Reference     string // of this page, for failures that the server never hears of
	Failing       string // title of what goes wrong: a message's key
	Kinds         *Kinds // which passkeys are taken; nil if any, or if it does not matter here
}

// SignIn is the first page: the name, which may be left out, and the way to the
// other options.
type SignIn struct {
	Attempt
	App       string // the client that asks, empty if none
	Username  string
	Elsewhere string // where to begin in another browser
	Back      bool   // to the accounts that the browser knows
	Notice    *DeviceNotice
}

func (SignIn) template() (string, string) { return "signin", gate }

// SignInOptions lists the ways to sign in.
type SignInOptions struct {
	Attempt
	Elsewhere string // where to begin in another browser
	// Declined reports that somebody said here not to be asked again whether
	// they want to stay signed in.
	Declined bool
	Notice   *DeviceNotice
}

func (SignInOptions) template() (string, string) { return "signin_options", gate }

// SignInPasskey is the way by passkey on a page of its own, for when the script
// did not take the person there in place.
type SignInPasskey struct {
	Attempt
	Username  string
	Elsewhere string // where to begin in another browser
	Notice    *DeviceNotice
}

func (SignInPasskey) template() (string, string) { return "signin_passkey", gate }

// AccessPass asks for a user name and the code.
type AccessPass struct {
	Continue Continue
	Username string
	Refused  *Failure // what was wrong with the last one
}

func (AccessPass) template() (string, string) { return "access_pass", gate }

// Onward is a page that goes on by itself. It stands where a form's answer
// would have to redirect to another host, which form-action forbids (CSP 3
// §6.4.2): the form's own redirect ends here, and this begins anew.
type Onward struct {
	To string
}

func (Onward) template() (string, string) { return "onward", gate }

// A Failure is one refusal, told to one person.
type Failure struct {
	Words
	Reference string
	Time      time.Time
}

// A Link is a way on.
type Link struct {
	Text words.Text
	To   string
}

// Stopped tells a person what went wrong and what to do.
type Stopped struct {
	Failure
	Primary   Link
	Secondary Link
}

func (Stopped) template() (string, string) { return "stopped", gate }

// Setup makes the first administrator. The code is in the address's fragment,
// which browsers do not send; the page's script takes it from there.
type Setup struct {
	Attempt
}

func (Setup) template() (string, string) { return "setup", gate }

// SignedOut says that the person is signed out and where to sign in again.
type SignedOut struct {
	Again string
}

func (SignedOut) template() (string, string) { return "signed_out", gate }
