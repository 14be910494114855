package directory

import (
	"context"
	"time"
)

// A Change says what was done to the directory and by whom. The Store writes
// it to the audit log in the transaction of the change itself.
type Change struct {
	Kind    ChangeKind
	At      time.Time
	By      UserID // who did it; empty for the program itself
	User    UserID // whom it concerns
	Passkey PasskeyID
	Detail  string // for people to read; never a secret
}

// A ChangeKind is a kind of Change.
type ChangeKind string

// The kinds of change.
const (
	UserAdded      ChangeKind = "user_added"
	UserDisabled   ChangeKind = "user_disabled"
	UserEnabled    ChangeKind = "user_enabled"
	PasskeyRenamed ChangeKind = "passkey_renamed"
	PasskeyDeleted ChangeKind = "passkey_deleted"
	// PasskeyLost: deleted by its person, because the device is lost.
	PasskeyLost  ChangeKind = "passkey_lost"
	UserRenamed  ChangeKind = "user_renamed"
	PassIssued   ChangeKind = "pass_issued"
	SetupOffered ChangeKind = "setup_offered"
)

// A Store keeps the directory. Each method is one transaction; what it has
// acknowledged survives a crash. Implementations are safe for concurrent use.
type Store interface {
	UserStore
	PasskeyStore
	PassStore
	ClientStore
}

// A UserStore keeps people. A missing one is ErrNoUser.
type UserStore interface {
	User(ctx context.Context, id UserID) (User, error)
	UserByName(ctx context.Context, username string) (User, error)
	UserByHandle(ctx context.Context, handle []byte) (User, error)
	// Users returns everybody, in the order of their user names.
	Users(ctx context.Context) ([]User, error)
	// List returns the people whom l says, in the order of their user names.
	List(ctx context.Context, l Listing) ([]Member, error)
	// Readiness counts everybody.
	Readiness(ctx context.Context) (Readiness, error)
	// AddUser returns ErrNameTaken if the user name is taken.
	AddUser(ctx context.Context, u User, c Change) error
	// SetDisabled also ends the sessions of whom it disables. It returns
	// ErrLastAdmin, and changes nothing, if no enabled administrator would be
	// left.
	SetDisabled(ctx context.Context, id UserID, disabled bool, c Change) error
	// SetDisplayName returns ErrNoUser if there is no such person.
	SetDisplayName(ctx context.Context, id UserID, name string, c Change) error
	// SetLanguage returns ErrNoUser if there is no such person. It has no
	// record: in which language somebody reads is nobody's business.
	SetLanguage(ctx context.Context, id UserID, language string) error
}

// A PasskeyStore keeps passkeys. Registering one is the ceremony's business.
type PasskeyStore interface {
	// Passkeys returns a person's passkeys, oldest first.
	Passkeys(ctx context.Context, owner UserID) ([]Passkey, error)
	// EachPersonsPasskeys calls f once for everybody who is not disabled and has
	// a passkey. Of the people only ID and Admin are filled in, of the passkeys
	// only AAGUID and Flags.
	EachPersonsPasskeys(ctx context.Context, f func(u User, keys []Passkey)) error
	// RenamePasskey returns ErrNoPasskey unless owner has a passkey id.
	RenamePasskey(ctx context.Context, owner UserID, id PasskeyID, name string, c Change) error
	// DeletePasskey returns ErrNoPasskey unless owner has a passkey id, and
	// ErrLastWayIn if owner has no other that wayIn takes, unless somebody else
	// makes the change and owner has an access pass that works. Two calls at
	// once cannot both pass. Of the others wayIn learns AAGUID and Flags only.
	// It also ends the sessions that were begun with the passkey, but for the
	// session of the ID keep, which may be empty.
	DeletePasskey(ctx context.Context, owner UserID, id PasskeyID, keep string, wayIn WayIn, c Change) error
}

// A PassStore keeps access passes and the setup code, as hashes.
type PassStore interface {
	// PutAccessPass replaces the person's pass and forgets their wrong tries,
	// which are counted under name, wherever they came from.
	PutAccessPass(ctx context.Context, p AccessPass, code, name CodeHash, c Change) error
	// AccessPass returns the person's pass, spent or not, or ErrNoPass.
	AccessPass(ctx context.Context, id UserID) (AccessPass, error)
	// PutSetupCode replaces the setup code. It returns ErrSetUp if there is
	// anybody.
	PutSetupCode(ctx context.Context, code CodeHash, expires time.Time, c Change) error
	// CheckSetupCode returns nil if code would work now, ErrSetUp if there is
	// anybody and ErrSetupCode otherwise.
	CheckSetupCode(ctx context.Context, code CodeHash, now time.Time) error
}

// A ClientStore keeps clients. A missing one is ErrNoClient.
type ClientStore interface {
	Client(ctx context.Context, id ClientID) (Client, error)
	// PutClient adds or replaces a client.
	PutClient(ctx context.Context, c Client) error
}
