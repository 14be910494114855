package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"cardea/authenticator"
	"cardea/internal/secret"
	"cardea/webauthn"
)

var _ authenticator.PINVault = (*Vault)(nil)

// Find returns the passkey with an ID, or authenticator.ErrNoPasskey.
func (v *Vault) Find(ctx context.Context, id webauthn.CredentialID) (authenticator.Passkey, error) {
	v.lockIfExpired()
	v.mu.RLock()
	defer v.mu.RUnlock()
	if err := v.readable(ctx); err != nil {
		return authenticator.Passkey{}, err
	}
	i := v.open.byID[string(id)]
	if i == nil {
		return authenticator.Passkey{}, authenticator.ErrNoPasskey
	}
	return i.passkey(), nil
}

// PINSet reports whether a secret has been set.
func (v *Vault) PINSet() bool { return v.Kind() != NoPIN }

// UnlockHash is Unlock for a client that knows only LEFT(SHA-256(pin), 16).
// Its errors are authenticator.ErrWrongPIN and authenticator.ErrPINBlocked.
func (v *Vault) UnlockHash(ctx context.Context, hash []byte) error {
	v.attempts.Lock()
	defer v.attempts.Unlock()
	h, err := v.mayTry(ctx)
	if err != nil {
		return asPINStatus(err)
	}
	if h.Kind != PIN {
		return fmt.Errorf("secret is of kind %q, not a PIN", h.Kind)
	}
	k, err := v.tryProof(h, hash)
	if err != nil {
		return asPINStatus(err)
	}
	defer k.key.Wipe()
	return v.unlock(k)
}

// asPINStatus says it in the words of package authenticator.
func asPINStatus(err error) error {
	if wrong := (*PINError)(nil); errors.As(err, &wrong) {
		return fmt.Errorf("%w: %w", authenticator.ErrWrongPIN, err)
	}
	if errors.Is(err, ErrBlocked) {
		return fmt.Errorf("%w: %w", authenticator.ErrPINBlocked, err)
	}
	return err
}

// SetPINHash makes LEFT(SHA-256(pin), 16) the secret, and changes the settings
// in the same write. The vault must be unlocked.
func (v *Vault) SetPINHash(ctx context.Context, hash []byte, length int, settings []byte) error {
	if len(hash) != pinHash || length < MinPIN || length > MaxPIN {
		return fmt.Errorf("%w: hash of %d bytes, %d characters", ErrPolicy, len(hash), length)
	}
	err := v.rewrite(ctx, func(h *header, vaultKey secret.Key) error {
		h.Kind, h.Retries = PIN, MaxRetries
		if err := h.wrapProof(hash, length, vaultKey); err != nil {
			return err
		}
		return h.put(settings, vaultKey)
	})
	if err != nil {
		return fmt.Errorf("setting PIN: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open != nil {
		v.open.pinLength = length
	}
	return nil
}

// PINLength is how many code points the PIN has; zero if there is none.
func (v *Vault) PINLength(ctx context.Context) (int, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if err := v.readable(ctx); err != nil {
		return 0, err
	}
	return v.open.pinLength, nil
}

// Settings returns what SetSettings has written. It is not sealed: an
// authenticator tells it to whoever asks, locked or not.
func (v *Vault) Settings() []byte {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return bytes.Clone(v.header.Settings)
}

// SetSettings replaces the settings, at most a kilobyte.
func (v *Vault) SetSettings(ctx context.Context, settings []byte) error {
	err := v.rewrite(ctx, func(h *header, vaultKey secret.Key) error { return h.put(settings, vaultKey) })
	if err != nil {
		return fmt.Errorf("changing settings: %w", err)
	}
	return nil
}

func (h *header) put(settings []byte, vaultKey secret.Key) (err error) {
	if len(settings) > maxSettings {
		return fmt.Errorf("settings of %d bytes", len(settings))
	}
	h.Settings = bytes.Clone(settings)
	h.Tag, err = h.tag(vaultKey)
	return err
}

// rewrite writes the header that change comes to.
func (v *Vault) rewrite(ctx context.Context, change func(*header, secret.Key) error) error {
	v.used()
	v.attempts.Lock()
	defer v.attempts.Unlock()
	v.mu.RLock()
	err := v.readable(ctx)
	h := v.header
	var vaultKey secret.Key
	if err == nil {
		// A copy: Lock may wipe the original meanwhile.
		vaultKey = secret.New(v.open.vaultKey.Expose())
	}
	v.mu.RUnlock()
	if err != nil {
		return err
	}
	defer vaultKey.Wipe()
	if err := change(&h, vaultKey); err != nil {
		return err
	}
	return v.writeHeader(h)
}

// Note returns the note of a name, or nil. Notes are sealed like passkeys.
func (v *Vault) Note(ctx context.Context, name string) ([]byte, error) {
	v.lockIfExpired()
	v.mu.RLock()
	defer v.mu.RUnlock()
	if err := v.readable(ctx); err != nil {
		return nil, err
	}
	return bytes.Clone(v.open.notes[name]), nil
}

// SetNote replaces a note.
func (v *Vault) SetNote(ctx context.Context, name string, content []byte) error {
	return v.change(ctx, "writing a note", func(*contents) (record, error) {
		return record{Note: &note{Name: name, Text: bytes.Clone(content)}}, nil
	})
}

// Reset makes the vault empty and gives it a new key and no secret. It works
// on a locked vault and on a blocked one. There is no way back.
func (v *Vault) Reset(ctx context.Context) error {
	v.attempts.Lock()
	defer v.attempts.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	v.mu.RLock()
	cost, closed := Cost{v.header.Time, v.header.Memory, v.header.Threads}, v.closed
	v.mu.RUnlock()
	if closed {
		return ErrClosed
	}
	if err := v.reset(cost); err != nil {
		return fmt.Errorf("resetting vault: %w", err)
	}
	return nil
}

func (v *Vault) reset(cost Cost) error {
	k := unwrapped{key: secret.Random(keySize)}
	defer k.key.Wipe()
	h, err := newHeader(NoPIN, cost)
	if err != nil {
		return err
	}
	if err := h.wrap("", k.key); err != nil {
		return err
	}
	// The header first: with it the old key is gone, and a crash after it
	// finds a vault whose log is to be begun.
	h.Fresh = true
	if err := v.writeHeader(h); err != nil {
		return err
	}
	v.mu.Lock()
	if v.open != nil {
		v.open.close()
		v.open = nil
	}
	v.mu.Unlock()
	if err := removeIfThere(filepath.Join(v.path, logFile+tornSuffix)); err != nil {
		return err
	}
	return v.unlock(k)
}
