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
// phone whose system is too old it is never opened.
type keeper struct {
	path string

	mu sync.RWMutex
	v  *vault.Vault // nil if there is none
}

var _ authenticator.Vault = (*keeper)(nil)

func openKeeper(path string, old bool) (*keeper, error) {
	if path == "" {
		return nil, errors.New("no path for the vault")
	}
	k := &keeper{path: path}
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

// Exists reports whether the first start is done.
func (k *keeper) Exists() bool { return k.vault() != nil }

// Create makes the vault and leaves it open.
func (k *keeper) Create(kind vault.Kind, secret string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.v != nil {
		return vault.ErrExists
	}
	v, err := vault.Create(k.path, secret, vault.WithKind(kind))
	if err != nil {
		return err
	}
	k.v = v
	return nil
}

// Erase removes the vault with everything in it.
func (k *keeper) Erase() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.v == nil {
		return vault.ErrNone
	}
	if err := k.v.Close(); err != nil {
		return fmt.Errorf("closing the vault: %w", err)
	}
	k.v = nil
	return vault.Erase(k.path)
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
	if v := k.vault(); v != nil {
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
	v := k.vault()
	switch {
	case v == nil:
		return vault.ErrNone
	case v.Locked():
		return v.Unlock(ctx, secret)
	default:
		return v.Verify(ctx, secret)
	}
}

// Lock closes the vault until its secret is given again.
func (k *keeper) Lock() {
	if v := k.vault(); v != nil {
		v.Lock()
	}
}

// Change replaces the secret.
func (k *keeper) Change(ctx context.Context, old string, kind vault.Kind, secret string) error {
	v := k.vault()
	if v == nil {
		return vault.ErrNone
	}
	return v.ChangeSecret(ctx, old, kind, secret)
}

// Rename gives a passkey the person's own name.
func (k *keeper) Rename(ctx context.Context, id webauthn.CredentialID, name string) error {
	v := k.vault()
	if v == nil {
		return authenticator.ErrLocked
	}
	return v.Rename(ctx, id, name)
}

// Locked reports whether the passkeys can be read now.
func (k *keeper) Locked() bool {
	v := k.vault()
	return v == nil || v.Locked()
}

// Passkeys implements authenticator.Vault.
func (k *keeper) Passkeys(ctx context.Context, rp webauthn.RPID) ([]authenticator.Passkey, error) {
	v := k.vault()
	if v == nil {
		return nil, authenticator.ErrLocked
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
	v := k.vault()
	if v == nil {
		return authenticator.ErrLocked
	}
	return v.Save(ctx, p)
}

// Use implements authenticator.Vault.
func (k *keeper) Use(ctx context.Context, id webauthn.CredentialID, at time.Time) (uint32, error) {
	v := k.vault()
	if v == nil {
		return 0, authenticator.ErrLocked
	}
	return v.Use(ctx, id, at)
}

// Delete implements authenticator.Vault.
func (k *keeper) Delete(ctx context.Context, id webauthn.CredentialID) error {
	v := k.vault()
	if v == nil {
		return authenticator.ErrLocked
	}
	return v.Delete(ctx, id)
}
