package app

import (
	"context"
	"errors"
	"fmt"

	"cardea/authenticator"
	"cardea/authenticator/vault"
)

// What follows makes the keeper the vault of a security key too: the same
// passkeys, opened by the same PIN, whichever face a client sees.
//
// A vault without a secret counts as none: it is what a reset leaves, and what
// a client that sets the first PIN finds. Nothing is kept in it until there is
// a secret.
//
// A pattern cannot be sent by a client. Where there is one, the key says that
// it has no PIN, and refuses to be given one, which would take the pattern away.
var _ authenticator.PINVault = (*keeper)(nil)

// PINSet reports whether clients can prove by a PIN whose they are.
func (k *keeper) PINSet() bool {
	v := k.vault()
	return v != nil && v.Kind() == vault.PIN
}

// Retries returns how many wrong secrets are left.
func (k *keeper) Retries() int {
	if v := k.vault(); v != nil {
		return v.Retries()
	}
	return vault.MaxRetries
}

// UnlockHash implements authenticator.PINVault.
func (k *keeper) UnlockHash(ctx context.Context, hash []byte) error {
	if !k.PINSet() {
		return authenticator.ErrLocked
	}
	return k.vault().UnlockHash(ctx, hash)
}

// SetPINHash changes the PIN, or makes the vault if there is none yet.
func (k *keeper) SetPINHash(ctx context.Context, hash []byte, length int, settings []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.v == nil {
		v, err := vault.Create(k.path, "", vault.WithKind(vault.NoPIN))
		if err != nil {
			return fmt.Errorf("making the vault: %w", err)
		}
		k.v = v
		k.settle()
	}
	if k.v.Kind() == vault.Pattern {
		return fmt.Errorf("%w: opened by a pattern", authenticator.ErrLocked)
	}
	return k.v.SetPINHash(ctx, hash, length, settings)
}

// PINLength implements authenticator.PINVault.
func (k *keeper) PINLength(ctx context.Context) (int, error) {
	v := k.vault()
	if v == nil || v.Kind() != vault.PIN {
		return 0, nil
	}
	return v.PINLength(ctx)
}

// Settings implements authenticator.PINVault.
func (k *keeper) Settings() []byte {
	if v := k.vault(); v != nil {
		return v.Settings()
	}
	return nil
}

// SetSettings implements authenticator.PINVault. Before the first start there
// is nowhere to keep them.
func (k *keeper) SetSettings(ctx context.Context, settings []byte) error {
	v, err := k.kept()
	if err != nil {
		return err
	}
	return v.SetSettings(ctx, settings)
}

// Note implements authenticator.PINVault.
func (k *keeper) Note(ctx context.Context, name string) ([]byte, error) {
	v := k.vault()
	if v == nil {
		return nil, nil
	}
	return v.Note(ctx, name)
}

// SetNote implements authenticator.PINVault.
func (k *keeper) SetNote(ctx context.Context, name string, content []byte) error {
	v, err := k.kept()
	if err != nil {
		return err
	}
	return v.SetNote(ctx, name, content)
}

// Revision is that of the vault, and zero if there is none.
func (k *keeper) Revision() uint64 {
	if v := k.vault(); v != nil {
		return v.Revision()
	}
	return 0
}

// Reset forgets everything, and the secret. The first start comes again.
func (k *keeper) Reset(ctx context.Context) error {
	if v := k.vault(); v != nil {
		return errors.Join(v.Reset(ctx), k.outlived())
	}
	return nil
}
