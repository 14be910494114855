package authenticator

import (
	"context"
	"errors"
	"time"

	"cardea/ctap"
	"cardea/webauthn"
)

// A Person is the human being whose authenticator this is: a page, a desktop
// dialog, a terminal, or a script in a test. It is asked one thing at a time;
// the Authenticator never calls it twice at once.
type Person interface {
	// Ask shows p and waits for the answer. It returns ErrDeclined if the
	// person said no, ErrNotVerified if they are not who they should be, ErrNoAnswer if nobody answered in time, and the error of
	// ctx if the request was withdrawn; in that case it takes the prompt off
	// the screen before it returns.
	Ask(ctx context.Context, p Prompt) (Answer, error)
}

// What a person answers when it is not a yes.
var (
	ErrDeclined = errors.New("declined by the person")
	ErrNoAnswer = errors.New("no answer from the person")
	// ErrNotVerified: they tried to prove themself and were not recognized.
	ErrNotVerified = errors.New("person was not verified")
)

// A Verifier is a Person who cannot always be verified: one who has chosen no
// PIN yet, or whose finger nobody knows. It matters with Config.BuiltInUV: as
// long as CanVerify returns false, clients are told so. CanVerify must not wait.
type Verifier interface{ CanVerify() bool }

// A Kind is what a Prompt is about.
type Kind string

// The kinds of prompt.
const (
	// Unlock: the vault is locked. The answer comes after the person has
	// unlocked it, which also verifies them.
	Unlock Kind = "unlock"
	// Verify: is it you, and may the caller do for a while what
	// Prompt.Permissions say, at Prompt.RPID? Of a security key with BuiltInUV
	// only. A passkey that is made or used in the next half minute costs no
	// second prompt. At a locked vault Unlock comes before it, and Verify is
	// then asked without Prompt.Verify.
	Verify Kind = "verify"
	// MakePasskey: may a passkey for Prompt.User be saved?
	MakePasskey Kind = "make"
	// UsePasskey: which of Prompt.Passkeys, if any, may sign?
	UsePasskey Kind = "use"
	// AlreadyHere: the site asked for a passkey where there is one. Only an
	// acknowledgement is wanted (CTAP §6.1.2 step 12).
	AlreadyHere Kind = "already-here"
	// NoPasskey: there is none for this site. Only an acknowledgement is
	// wanted.
	NoPasskey Kind = "no-passkey"
	// Select: is this the authenticator you mean? (CTAP §6.9)
	Select Kind = "select"
	// Reset: may a security key forget everything? (CTAP §6.6)
	Reset Kind = "reset"
)

// A Prompt is one question to the person.
type Prompt struct {
	Kind     Kind
	RPID     webauthn.RPID
	RPName   string // as the site calls itself; not to be trusted
	Account  Account
	Passkeys []Passkey // for UsePasskey, newest first
	Caller   Caller
	// Permissions are what Verify is asked for: to make a passkey, to use one, to
	// manage them, and so on; to use and to make come with an RPID.
	Permissions ctap.Permission
	// Verify asks for PIN, pattern or sensor before the answer. Without it a
	// tap is enough.
	Verify bool
	// Hold is how long a touch has to last; zero if a tap is enough.
	Hold time.Duration
	// Deadline is when the question is withdrawn.
	Deadline time.Time
}

// An Answer is a yes.
type Answer struct {
	// Choice is the index into Prompt.Passkeys. With a security key it is the
	// client that chooses, and Choice is not looked at.
	Choice int
	// Verified reports that the person was verified while answering.
	Verified bool
}

// An Account is the user a passkey is for, as the site named it.
type Account struct {
	Handle      webauthn.UserHandle
	Name        string
	DisplayName string
}

// A Caller is who brings a request: a browser on this device or a computer
// that showed a QR code.
type Caller struct {
	// Via is ViaLocal, ViaHybrid or ViaHID.
	Via string
	// Name is what the caller calls itself, for people; may be empty.
	Name string
	// Program is the name of the executable file that asks, as the system tells
	// it; empty if that is not known. It says more than Name, but no program can
	// be kept from starting another one and speaking through it.
	Program string
	// Channel tells clients apart that come the same way, such as the channels
	// of CTAPHID; zero if the way has none. A series of answers goes on for the
	// channel that began it alone. It means nothing to people.
	Channel uint32
}

// The ways by which a request comes.
const (
	ViaLocal  = "local"  // a program on this device
	ViaHybrid = "hybrid" // a device that showed a QR code
	ViaHID    = "hid"    // a computer that this one is plugged into
)
