// Package policy decides who may do what. Its functions are pure: they are
// given all they need, ask nobody and change nothing. nil means yes; a no is
// one of the errors here, for callers to branch on.
//
// The rules that hold whoever asks (one way in left, one passkey for one
// credential ID) are not policy; they are the directory's.
package policy

import (
	"errors"
	"time"

	"cardea/identity/directory"
)

// Freshness is how long ago a person may have proved who they are when they
// change what they sign in with, or let others in.
const Freshness = 5 * time.Minute

// A Proof is how and when a person proved who they are.
type Proof struct {
	At time.Time
	// ByPass: with an access pass, not with a passkey.
	ByPass bool
}

// Fresh reports whether the proof is recent enough to change passkeys.
func (p Proof) Fresh(now time.Time) bool { return now.Sub(p.At) <= Freshness }

// The reasons for a no.
var (
	// ErrDisabled: an administrator has shut this person out.
	ErrDisabled = errors.New("person is disabled")
	// ErrNotFresh: the proof is too old; prove it again.
	ErrNotFresh = errors.New("signed in too long ago")
	// ErrPassOnlyRegisters: an access pass lets a person register a passkey and
	// do nothing else.
	ErrPassOnlyRegisters = errors.New("an access pass is only good for registering a passkey")
	ErrTooManyPasskeys   = directory.ErrTooManyPasskeys
	ErrLastWayIn         = directory.ErrLastWayIn
	ErrNotAdmin          = errors.New("not an administrator")
	// ErrOwnAccount: an administrator is no administrator of themselves.
	ErrOwnAccount = errors.New("an administrator's own account")
	// ErrNotNative: this client is not one that signs people in without a page.
	ErrNotNative = errors.New("client may not sign people in without a page")
)

// MaySignIn decides whether a person whose passkey k was verified gets a session.
func MaySignIn(u directory.User, k directory.Passkey, rule Passkeys) error {
	if u.Disabled {
		return ErrDisabled
	}
	return rule.MayUse(k)
}

// MayEnter decides whether a client is told who is signed in. Who came in by a
// pass may enter our own pages, but no program of ours: there they register a passkey, and MayManage is
// asked for everything else.
func MayEnter(u directory.User, p Proof, c directory.Client) error {
	if u.Disabled {
		return ErrDisabled
	}
	if p.ByPass && (!c.FirstParty || c.Native) {
		return ErrPassOnlyRegisters
	}
	return nil
}

// MaySignInNatively decides whether a client may sign people in without a page.
// It must be a program of our own: it shows the person what they agree to and
// states itself where it asks, and nobody could check either.
func MaySignInNatively(c directory.Client) error {
	if !c.Native || !c.FirstParty || !c.Public {
		return ErrNotNative
	}
	return nil
}

// MayStaySignedIn decides whether a client gets refresh tokens.
func MayStaySignedIn(c directory.Client) bool { return c.Native && c.FirstParty }

// MayRegister decides whether a person who has that many passkeys may register
// another. Who came in by a pass may, whatever the rule: it is what the pass is
// for. They need not be fresh either: their session is good for nothing else and
// short. Whether the new passkey is of a kind that is taken, rule.MayUse says.
func MayRegister(u directory.User, p Proof, rule Passkeys, passkeys int, now time.Time) error {
	switch {
	case u.Disabled:
		return ErrDisabled
	case rule.NoSelfService && !p.ByPass:
		return ErrNoSelfService
	case passkeys >= rule.Limit(p):
		return ErrTooManyPasskeys
	case !p.ByPass && !p.Fresh(now):
		return ErrNotFresh
	}
	return nil
}

// MayDelete decides whether a person may delete a passkey after which that many
// others that are taken are left. The directory holds the last one against a
// second request at the same moment; here it is known before the question is
// asked.
func MayDelete(u directory.User, p Proof, left int, now time.Time) error {
	switch {
	case u.Disabled:
		return ErrDisabled
	case p.ByPass:
		return ErrPassOnlyRegisters
	case left < 1:
		return ErrLastWayIn
	case !p.Fresh(now):
		return ErrNotFresh
	}
	return nil
}

// MayManage decides whether a person may see and rename their passkeys, and
// see and end their sessions.
func MayManage(u directory.User, p Proof) error {
	return MayEnter(u, p, directory.Client{}) // as for any client but our own
}

// MayAdminister decides whether a person may see the administration pages.
func MayAdminister(u directory.User, p Proof) error {
	if err := MayManage(u, p); err != nil {
		return err
	}
	if !u.Admin {
		return ErrNotAdmin
	}
	return nil
}

// MayLetIn decides whether a person may add people and issue access passes. A
// pass lets somebody in, perhaps the administrator's own account, where it is
// good for a new passkey: a session that was left open must not be enough.
func MayLetIn(u directory.User, p Proof, now time.Time) error {
	if err := MayAdminister(u, p); err != nil {
		return err
	}
	if !p.Fresh(now) {
		return ErrNotFresh
	}
	return nil
}

// MayActUpon decides whether an administrator whom MayLetIn lets may sign the
// person other out, delete their passkeys, and close and open their account.
// Their own they change in My Account, where they cannot lock themselves out.
func MayActUpon(u directory.User, other directory.UserID) error {
	if u.ID == other {
		return ErrOwnAccount
	}
	return nil
}

// NextSignCount decides what a signature counter says (WebAuthn §7.2 step 22).
// next is the count to keep. back reports a counter that did not grow, which
// for a passkey that cannot leave its device is a sign of a copy. A passkey
// that may be synced counts, if at all, on each device by itself; there it says
// nothing. The sign-in stands either way: a counter can also stop because its
// authenticator is faulty, and its person cannot mend that.
func NextSignCount(stored, got uint32, backupEligible bool) (next uint32, back bool) {
	if got > stored {
		return got, false
	}
	return stored, !backupEligible && (stored != 0 || got != 0)
}
