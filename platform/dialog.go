package platform

import (
	"context"
	"errors"

	"cardea/webauthn"
)

// ErrDialogClosed says that the person closed the window.
var ErrDialogClosed = errors.New("dialog closed by the person")

// A Dialog is the window that one request has. The client shows it one screen
// after another and waits for what the person does; it never shows two at once.
type Dialog interface {
	// Show replaces what the person sees. It does not wait.
	Show(Screen)
	// Act waits for the person to do something. It returns ErrDialogClosed
	// once the window is gone, and the error of ctx if that ends first.
	Act(ctx context.Context) (Action, error)
	// Close takes the window off the screen.
	Close()
}

// A Request is what a page asked for, in the words that a dialog always shows.
type Request struct {
	Purpose Purpose
	Origin  webauthn.Origin
	RPID    webauthn.RPID
	// Account is the name of the account that a passkey is made for.
	Account string
}

// A Screen is what the person sees at one time. Only the fields that belong to
// its Sort are set.
type Screen struct {
	Sort Sort
	// Ways are the routes to choose from.
	Ways []Way
	// Kind is the route that is being tried or has failed, and Name what its
	// owner calls it, if it is a remembered one.
	Kind Kind
	Name string
	// Progress is the step that it is at.
	Progress Progress
	// Failed is what went wrong.
	Failed *Failed
	// Accounts are the passkeys that a key offers, to choose one of.
	Accounts []string
	// PIN is the question for a security key's PIN.
	PIN *PIN
}

// A PIN is what a person is asked about a security key's PIN. It is the key's:
// the client forgets it at once.
type PIN struct {
	// New says that the key is to get one, of at least Least characters.
	New   bool
	Least int
	// Wrong says that the last one was wrong, or will not do for a new one, and
	// Retries how many tries are left then; -1 if that is not known.
	Wrong   bool
	Retries int
}

// A Sort is a kind of Screen.
type Sort string

// The screens.
const (
	ScreenChoose   Sort = "choose"   // which way?
	ScreenProgress Sort = "progress" // a route is being tried
	ScreenFailed   Sort = "failed"   // it failed: again, or another way?
	ScreenAccounts Sort = "accounts" // which of these passkeys?
	ScreenConsent  Sort = "consent"  // may the site learn the make of the key?
	ScreenPIN      Sort = "pin"      // the PIN of this key, or a new one for it
)

// A Way is a route as it is offered to the person.
type Way struct {
	Kind Kind
	// ID and Name are those of a Remembered route, else empty.
	ID, Name string
	Readiness
}

// A Failed is what the person is told when a way did not work.
type Failed struct {
	// Leg names the part that failed; empty if the authenticator was reached
	// and said no.
	Leg Leg
	// Reason is what the authenticator said, if it was reached.
	Reason Reason
	// Relay is the name of the relay if it is known, and Trouble why it was not
	// reached.
	Relay   string
	Trouble Trouble
}

// A Reason is why an authenticator that was reached did not do it.
type Reason string

// The reasons.
const (
	ReasonDeclined     Reason = "declined"      // the person said no over there
	ReasonNoPasskey    Reason = "no-passkey"    // it has none for this site
	ReasonTooLate      Reason = "too-late"      // nobody touched it in time
	ReasonFull         Reason = "full"          // no room for another passkey
	ReasonTooOld       Reason = "too-old"       // it cannot do what the site needs
	ReasonCannotVerify Reason = "cannot-verify" // it has no way of its own to verify anybody
	ReasonBlocked      Reason = "blocked"       // the PIN was wrong too often
	ReasonUnplug       Reason = "unplug"        // the PIN was wrong three times in a row
	ReasonNotUnlock    Reason = "not-unlock"    // it answered without verifying the person
	ReasonFault        Reason = "fault"         // it reported a fault
	ReasonUnexpected   Reason = "unexpected"    // its answer does not fit the question
)

// An Action is what a person did.
type Action struct {
	Do Do
	// Kind is the way that was chosen, for DoChoose, and ID which of that
	// kind; DoForget has the ID alone.
	Kind Kind
	ID   string
	// Index is the passkey that was chosen, for DoAccount.
	Index int
	// Text is the PIN, for DoPIN. It must not be logged.
	Text string
}

// A Do is a kind of Action.
type Do string

// The actions.
const (
	DoChoose  Do = "choose"  // take this way
	DoBack    Do = "back"    // show the other ways
	DoAgain   Do = "again"   // try the same way once more
	DoCancel  Do = "cancel"  // end the request
	DoAccount Do = "account" // this passkey
	DoAllow   Do = "allow"   // the site may know
	DoDeny    Do = "deny"    // it may not
	DoPIN     Do = "pin"     // this is the PIN
	DoForget  Do = "forget"  // do not remember this phone any longer
)
