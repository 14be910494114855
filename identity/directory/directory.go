package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cardea/internal/secret"
	"cardea/webauthn"
)

// Config is what a Directory needs.
type Config struct {
	Store Store
	// PassKey hashes the codes of access passes: 32 bytes that are not kept
	// with the Store. If it changes, the passes that are out stop working. Who
	// issues no passes needs none.
	PassKey secret.Key
	// WayIn says which passkeys are taken at the door. Without one that is,
	// nobody is left: see ErrLastWayIn. nil means all.
	WayIn WayIn
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// A Directory answers questions about people and makes changes to them. It is
// safe for concurrent use.
type Directory struct {
	store   Store
	passKey secret.Key
	wayIn   WayIn
	now     func() time.Time
}

// New returns a Directory over cfg.Store.
func New(cfg Config) *Directory {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Directory{store: cfg.Store, passKey: cfg.PassKey, wayIn: cfg.WayIn, now: cfg.Now}
}

// User returns a person by ID, or ErrNoUser.
func (d *Directory) User(ctx context.Context, id UserID) (User, error) { return d.store.User(ctx, id) }

// UserByName returns a person by user name in any case, or ErrNoUser.
func (d *Directory) UserByName(ctx context.Context, username string) (User, error) {
	return d.store.UserByName(ctx, NormalizeUsername(username))
}

// UserByHandle returns the person whose passkeys carry handle, or ErrNoUser.
func (d *Directory) UserByHandle(ctx context.Context, handle webauthn.UserHandle) (User, error) {
	return d.store.UserByHandle(ctx, handle)
}

// Users returns everybody, in the order of their user names.
func (d *Directory) Users(ctx context.Context) ([]User, error) { return d.store.Users(ctx) }

// AddUser adds a person on behalf of by. It returns ErrUsername,
// ErrDisplayName or ErrNameTaken. The person has no way in yet: issue them an
// access pass.
func (d *Directory) AddUser(ctx context.Context, by UserID, n NewUser) (User, error) {
	now := d.now()
	u, err := n.Make(now)
	if err != nil {
		return User{}, err
	}
	c := Change{Kind: UserAdded, At: now, By: by, User: u.ID, Detail: u.Username}
	if err := d.store.AddUser(ctx, u, c); err != nil {
		return User{}, fmt.Errorf("adding a person: %w", err)
	}
	return u, nil
}

// SetDisabled shuts a person out, or lets them in again, on behalf of by.
// Shutting out ends all their sessions at once. The last administrator cannot
// be shut out: ErrLastAdmin.
func (d *Directory) SetDisabled(ctx context.Context, by, id UserID, disabled bool) error {
	c := Change{Kind: UserEnabled, At: d.now(), By: by, User: id}
	if disabled {
		c.Kind = UserDisabled
	}
	return d.store.SetDisabled(ctx, id, disabled, c)
}

// SetDisplayName gives a person another name to be shown by, trimmed, on behalf
// of by. It returns ErrDisplayName or ErrNoUser.
func (d *Directory) SetDisplayName(ctx context.Context, by, id UserID, name string) error {
	name, err := CleanDisplayName(name)
	if err != nil {
		return err
	}
	c := Change{Kind: UserRenamed, At: d.now(), By: by, User: id, Detail: name}
	return d.store.SetDisplayName(ctx, id, name, c)
}

// SetLanguage keeps the language that a person wants to read, as a tag of BCP
// 47; empty leaves it to their browser. What languages there are is for the
// pages to know.
func (d *Directory) SetLanguage(ctx context.Context, id UserID, language string) error {
	return d.store.SetLanguage(ctx, id, language)
}

// Passkeys returns a person's passkeys, oldest first.
func (d *Directory) Passkeys(ctx context.Context, owner UserID) ([]Passkey, error) {
	return d.store.Passkeys(ctx, owner)
}

// EachPersonsPasskeys calls f once for everybody who is not disabled and has a
// passkey. Of the people only ID and Admin are filled in, of the passkeys only
// AAGUID and Flags. It reads them all: for the start of a server, not for a request.
func (d *Directory) EachPersonsPasskeys(ctx context.Context, f func(u User, keys []Passkey)) error {
	return d.store.EachPersonsPasskeys(ctx, f)
}

// RenamePasskey gives one of owner's passkeys a new name, trimmed. It returns
// ErrPasskeyName or ErrNoPasskey.
func (d *Directory) RenamePasskey(ctx context.Context, owner UserID, id PasskeyID, name string) error {
	name, err := CleanPasskeyName(name)
	if err != nil {
		return err
	}
	c := Change{Kind: PasskeyRenamed, At: d.now(), By: owner, User: owner, Passkey: id, Detail: name}
	return d.store.RenamePasskey(ctx, owner, id, name, c)
}

// DeletePasskey deletes one of owner's passkeys and ends the sessions that were
// begun with it: who holds a passkey that was lost must not stay in, and add
// another. The session of the ID keep, the deleter's own, stays; it may be
// empty. The errors are ErrNoPasskey, and ErrLastWayIn if none that is a WayIn
// would be left.
func (d *Directory) DeletePasskey(ctx context.Context, owner UserID, id PasskeyID, keep string) error {
	c := Change{Kind: PasskeyDeleted, At: d.now(), By: owner, User: owner, Passkey: id}
	return d.store.DeletePasskey(ctx, owner, id, keep, d.wayIn, c)
}

// LosePasskey is DeletePasskey of a passkey whose device is lost. The record
// says so.
func (d *Directory) LosePasskey(ctx context.Context, owner UserID, id PasskeyID, keep string) error {
	c := Change{Kind: PasskeyLost, At: d.now(), By: owner, User: owner, Passkey: id}
	return d.store.DeletePasskey(ctx, owner, id, keep, d.wayIn, c)
}

// TakePasskey deletes one of owner's passkeys on behalf of by, an administrator,
// and ends the sessions that were begun with it. The last WayIn may go if owner
// has an access pass that works; otherwise the error is ErrLastWayIn.
func (d *Directory) TakePasskey(ctx context.Context, by, owner UserID, id PasskeyID) error {
	c := Change{Kind: PasskeyDeleted, At: d.now(), By: by, User: owner, Passkey: id}
	return d.store.DeletePasskey(ctx, owner, id, "", d.wayIn, c)
}

// IssueAccessPass makes a pass for a person on behalf of by and returns its
// code, which is not kept and cannot be had again. A ttl of zero means
// DefaultPassTTL; one out of range is ErrPassTTL.
func (d *Directory) IssueAccessPass(ctx context.Context, by, person UserID, ttl time.Duration) (code string, p AccessPass, err error) {
	if ttl == 0 {
		ttl = DefaultPassTTL
	}
	if ttl < MinPassTTL || ttl > MaxPassTTL {
		return "", AccessPass{}, ErrPassTTL
	}
	u, err := d.store.User(ctx, person)
	if err != nil {
		return "", AccessPass{}, err
	}
	if d.passKey.Len() != passKeySize {
		return "", AccessPass{}, fmt.Errorf("issuing an access pass: key of %d bytes, want %d", d.passKey.Len(), passKeySize)
	}
	now := d.now()
	code = newPassCode()
	p = AccessPass{UserID: person, IssuedBy: by, Issued: now, Expires: now.Add(ttl)}
	c := Change{Kind: PassIssued, At: now, By: by, User: person,
		Detail: "until " + p.Expires.UTC().Format(time.RFC3339)}
	err = d.store.PutAccessPass(ctx, p, d.HashPass(person, code), HashName(d.passKey, u.Username), c)
	if err != nil {
		return "", AccessPass{}, fmt.Errorf("issuing an access pass: %w", err)
	}
	return code, p, nil
}

// HashPass returns what is stored of a code of that person.
func (d *Directory) HashPass(id UserID, code string) CodeHash {
	return HashAccessPass(d.passKey, id, code)
}

// HashGuesser returns the names under which wrong codes for a user name are
// counted: those from the network of address, and all.
func (d *Directory) HashGuesser(username, address string) (guesser, name CodeHash) {
	return HashGuesser(d.passKey, username, address), HashName(d.passKey, username)
}

// AccessPass returns a person's pass, spent or not, or ErrNoPass.
func (d *Directory) AccessPass(ctx context.Context, id UserID) (AccessPass, error) {
	return d.store.AccessPass(ctx, id)
}

// FirstAdministratorCode makes the code that the first administrator comes in
// by, good for SetupTTL, and forgets the one before. ok is false if there is
// somebody already.
func (d *Directory) FirstAdministratorCode(ctx context.Context) (code string, ok bool, err error) {
	now := d.now()
	code = newSetupCode()
	c := Change{Kind: SetupOffered, At: now}
	err = d.store.PutSetupCode(ctx, HashSetupCode(code), now.Add(SetupTTL), c)
	if errors.Is(err, ErrSetUp) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("making a setup code: %w", err)
	}
	return code, true, nil
}

// CheckSetupCode returns nil if code would work now, ErrSetUp if there is
// somebody already, and ErrSetupCode otherwise.
func (d *Directory) CheckSetupCode(ctx context.Context, code string) error {
	return d.store.CheckSetupCode(ctx, HashSetupCode(code), d.now())
}

// Client returns a client by ID, or ErrNoClient.
func (d *Directory) Client(ctx context.Context, id ClientID) (Client, error) {
	return d.store.Client(ctx, id)
}

// PutClient adds or replaces a client.
func (d *Directory) PutClient(ctx context.Context, c Client) error { return d.store.PutClient(ctx, c) }
