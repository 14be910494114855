package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/vault"
	"cardea/webauthn"
)

// A keeper is the vault of this phone, which may not be there yet: until the
// first start is done it is locked, and unlocking it means making it. On a
// phone whose system is too old it is never opened. What it is to a security
// key stands in keeper_key.go.
type keeper struct {
	path string

	mu sync.RWMutex
	v  *vault.Vault // nil if there is none
	// settled is v once it was told whom to tell that it has locked itself.
	settled *vault.Vault
	after   time.Duration // without use, until a vault locks itself
	locked  func()        // told when one is locked; nil until Settle

	// proved hears each time that the right secret was given, renewed that there
	// is another secret, or another vault. Set before the first use.
	proved, renewed func()
	// erased, unless nil, ends what must not outlive the passkeys. It is set
	// before the keeper is used.
	erased func() error
}

var _ authenticator.Vault = (*keeper)(nil)

func openKeeper(path string, old bool) (*keeper, error) {
	if path == "" {
		return nil, errors.New("no path for the vault")
	}
	k := &keeper{path: path, proved: func() {}, renewed: func() {}}
	if old {
		return k, nil
	}
	v, err := vault.Open(path)
	if errors.Is(err, vault.ErrNone) {
		return k, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening the vault: %w", err)
	}
	k.v = v
	return k, nil
}

func (k *keeper) vault() *vault.Vault {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.v
}

// Exists reports whether the first start is done: there is a vault, and a
// secret that opens it.
func (k *keeper) Exists() bool {
	v := k.vault()
	return v != nil && v.Kind() != vault.NoPIN
}

// kept returns the vault once the first start is done.
func (k *keeper) kept() (*vault.Vault, error) {
	v := k.vault()
	if v == nil || v.Kind() == vault.NoPIN {
		return nil, authenticator.ErrLocked
	}
	return v, nil
}

// Create makes the vault and leaves it open.
func (k *keeper) Create(kind vault.Kind, secret string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer k.renewed()
	if k.v != nil && k.v.Kind() == vault.NoPIN { // as after a reset
		return k.v.ChangeSecret(context.Background(), "", kind, secret)
	}
	if k.v != nil {
		return vault.ErrExists
	}
	v, err := vault.Create(k.path, secret, vault.WithKind(kind))
	if err != nil {
		return err
	}
	k.v = v
	k.settle()
	return nil
}

// Erase removes the vault with everything in it.
func (k *keeper) Erase() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.v == nil {
		return vault.ErrNone
	}
	defer k.renewed()
	if err := k.v.Close(); err != nil {
		return fmt.Errorf("closing the vault: %w", err)
	}
	k.v = nil
	return errors.Join(vault.Erase(k.path), k.outlived())
}

func (k *keeper) outlived() error {
	if k.erased == nil {
		return nil
	}
	return k.erased()
}

// Close lets go of the file.
func (k *keeper) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.v == nil {
		return nil
	}
	err := k.v.Close()
	k.v = nil
	return err
}

// Kind returns what opens the vault; before the first start, a PIN.
func (k *keeper) Kind() vault.Kind {
	if v := k.vault(); v != nil && v.Kind() != vault.NoPIN {
		return v.Kind()
	}
	return vault.PIN
}

// Blocked reports whether the secret was wrong too often.
func (k *keeper) Blocked() bool {
	v := k.vault()
	return v != nil && v.Retries() == 0
}

// Prove checks the secret and leaves the vault open. A wrong one is a
// *vault.PINError, the last wrong one vault.ErrBlocked.
func (k *keeper) Prove(ctx context.Context, secret string) error {
	v, err := k.kept()
	switch {
	case err != nil:
		return vault.ErrNone
	case v.Locked():
		err = v.Unlock(ctx, secret)
	default:
		err = v.Verify(ctx, secret)
	}
	if err == nil {
		k.proved()
	}
	return err
}

// Lock closes the vault until its secret is given again.
func (k *keeper) Lock() {
	if v := k.vault(); v != nil {
		v.Lock()
	}
}

// Change replaces the secret, and ends what programs were given for the old one:
// what lasts before the change, so that a crash leaves nothing of it, and what
// does not last after it. A new PIN obeys the rules of the security key.
func (k *keeper) Change(ctx context.Context, old string, kind vault.Kind, secret string) error {
	if err := k.Prove(ctx, old); err != nil {
		return err
	}
	v, err := k.kept()
	if err != nil {
		return vault.ErrNone
	}
	if err := authenticator.EndPersistentToken(ctx, v); err != nil {
		return fmt.Errorf("ending the token that lasts: %w", err)
	}
	if err := v.ChangeSecret(ctx, old, kind, secret); err != nil {
		return err
	}
	k.renewed()
	return nil
}

// Holders are the names of what may open the vault without its secret.
func (k *keeper) Holders() []string {
	v, err := k.kept()
	if err != nil {
		return nil
	}
	return v.Holders()
}

// UnlockBy opens the vault by a holder of its key, which verifies nobody.
func (k *keeper) UnlockBy(ctx context.Context, h vault.KeyHolder) error {
	v, err := k.kept()
	if err != nil {
		return err
	}
	return v.UnlockBy(ctx, h)
}

// Enroll lets h open the vault; the secret is tried first.
func (k *keeper) Enroll(ctx context.Context, secret string, h vault.KeyHolder) error {
	v, err := k.kept()
	if err != nil {
		return vault.ErrNone
	}
	return v.Enroll(ctx, secret, h)
}

// Unenroll takes that back.
func (k *keeper) Unenroll(ctx context.Context, h vault.KeyHolder) error {
	v, err := k.kept()
	if err != nil {
		return vault.ErrNone
	}
	return v.Unenroll(ctx, h.Name(), h)
}

// Settle has the vault, and each that is made later, lock itself after a time
// without use, and say so.
func (k *keeper) Settle(after time.Duration, locked func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.after, k.locked = after, locked
	k.settle()
}

// settle has the vault that is there now do as Settle was told, whoever made
// it. The caller holds mu.
func (k *keeper) settle() {
	if k.v == nil || k.locked == nil {
		return
	}
	k.v.LockAfter(k.after)
	if k.settled != k.v {
		k.settled = k.v
		k.v.OnLock(k.locked) // for the life of this vault
	}
}

// Rename gives a passkey the person's own name.
func (k *keeper) Rename(ctx context.Context, id webauthn.CredentialID, name string) error {
	v, err := k.kept()
	if err != nil {
		return err
	}
	return v.Rename(ctx, id, name)
}

// Locked reports whether the passkeys can be read now.
func (k *keeper) Locked() bool {
	v, err := k.kept()
	return err != nil || v.Locked()
}

// Passkeys implements authenticator.Vault.
func (k *keeper) Passkeys(ctx context.Context, rp webauthn.RPID) ([]authenticator.Passkey, error) {
	v, err := k.kept()
	if err != nil {
		return nil, err
	}
	return v.Passkeys(ctx, rp)
}

// Find implements authenticator.Vault.
func (k *keeper) Find(ctx context.Context, id webauthn.CredentialID) (authenticator.Passkey, error) {
	v := k.vault()
	if v == nil {
		return authenticator.Passkey{}, authenticator.ErrLocked
	}
	return v.Find(ctx, id)
}

// Save implements authenticator.Vault.
func (k *keeper) Save(ctx context.Context, p authenticator.Passkey) error {
	v, err := k.kept()
	if err != nil {
		return err
	}
	return v.Save(ctx, p)
}

// Use implements authenticator.Vault.
func (k *keeper) Use(ctx context.Context, id webauthn.CredentialID, at time.Time) (uint32, error) {
	v, err := k.kept()
	if err != nil {
		return 0, err
	}
	return v.Use(ctx, id, at)
}

// Delete implements authenticator.Vault.
func (k *keeper) Delete(ctx context.Context, id webauthn.CredentialID) error {
	v, err := k.kept()
	if err != nil {
		return err
	}
	return v.Delete(ctx, id)
}
