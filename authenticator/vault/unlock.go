package vault

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"cardea/authenticator"
	"cardea/internal/secret"
)

// Unlock tries the secret and, if it is right, makes the passkeys readable. On
// a vault that is unlocked it is Verify. A wrong secret is a *PINError, or
// ErrBlocked if no attempt is left; a secret that cannot be right is ErrPolicy
// and costs no attempt.
func (v *Vault) Unlock(ctx context.Context, pin string) error {
	v.attempts.Lock()
	defer v.attempts.Unlock()
	k, err := v.try(ctx, pin)
	if err != nil {
		return err
	}
	defer k.key.Wipe()
	return v.unlock(k)
}

// unlock reads the log. The caller holds attempts.
func (v *Vault) unlock(k unwrapped) error {
	v.mu.RLock()
	h, open := v.header, v.open != nil
	v.mu.RUnlock()
	if open {
		v.begun()
		return nil
	}
	if err := h.checkSettings(k.key); err != nil {
		return fmt.Errorf("unlocking vault: %w", err)
	}
	read := openContents
	if h.Fresh {
		read = createContents
	}
	c, err := read(filepath.Join(v.path, logFile), k)
	if err != nil {
		return fmt.Errorf("unlocking vault: %w", err)
	}
	if h.Fresh {
		h.Fresh = false
		if err := v.writeHeader(h); err != nil {
			c.close()
			return fmt.Errorf("unlocking vault: %w", err)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open = c
	v.begun()
	v.tidy()
	return nil
}

// Verify tries the secret and changes nothing but the count of attempts. Its
// errors are those of Unlock.
func (v *Vault) Verify(ctx context.Context, pin string) error {
	v.attempts.Lock()
	defer v.attempts.Unlock()
	k, err := v.try(ctx, pin)
	k.key.Wipe()
	return err
}

// ChangePIN replaces the secret by another of the same kind. Errors about the
// old one are those of Unlock; the new one may be ErrPolicy.
func (v *Vault) ChangePIN(ctx context.Context, old, new string) error {
	return v.ChangeSecret(ctx, old, v.Kind(), new)
}

// ChangeSecret replaces the secret, and perhaps its kind. A PIN has to do for the
// security key that this may be, too, whose settings may ask for a longer one.
func (v *Vault) ChangeSecret(ctx context.Context, old string, kind Kind, new string) error {
	if err := CheckPolicy(kind, new); err != nil {
		return fmt.Errorf("new %w", err)
	}
	v.attempts.Lock()
	defer v.attempts.Unlock()
	k, err := v.try(ctx, old)
	if err != nil {
		return err
	}
	defer k.key.Wipe()
	h := v.header // nobody changes it while we hold attempts
	h.Kind = kind
	if err := h.accept(kind, new, old == new, k.key); err != nil {
		return fmt.Errorf("new %w", err)
	}
	if err := h.wrap(new, k.key); err != nil {
		return fmt.Errorf("changing secret: %w", err)
	}
	if err := v.writeHeader(h); err != nil {
		return fmt.Errorf("changing secret: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open != nil {
		v.open.pinLength = lengthOf(kind, new)
	}
	return nil
}

// accept holds a new PIN against the settings, and changes them with it.
func (h *header) accept(kind Kind, new string, same bool, vaultKey secret.Key) error {
	if kind != PIN {
		return nil // clients know nothing of it, nor do their rules
	}
	settings, err := authenticator.CheckNewPIN(h.Settings, new, same)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	if bytes.Equal(settings, h.Settings) {
		return nil
	}
	return h.put(settings, vaultKey)
}

// try spends an attempt on the secret and returns the vault key. The caller
// holds attempts.
func (v *Vault) try(ctx context.Context, pin string) (unwrapped, error) {
	h, err := v.mayTry(ctx)
	if err != nil {
		return unwrapped{}, err
	}
	if err := CheckPolicy(h.Kind, pin); err != nil {
		return unwrapped{}, err
	}
	return v.tryProof(h, proofOf(h.Kind, pin))
}

// mayTry returns the header, unless no attempt is left.
func (v *Vault) mayTry(ctx context.Context) (header, error) {
	if err := ctx.Err(); err != nil {
		return header{}, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	switch {
	case v.closed:
		return header{}, ErrClosed
	case v.header.Retries == 0:
		return header{}, ErrBlocked
	}
	return v.header, nil
}

func (v *Vault) tryProof(h header, proof []byte) (unwrapped, error) {
	// Counted before it is tried, or cutting the power would win an attempt.
	h.Retries--
	if err := v.writeHeader(h); err != nil {
		return unwrapped{}, fmt.Errorf("counting the attempt: %w", err)
	}
	k, right := h.unwrap(proof)
	if !right {
		if h.Retries == 0 {
			v.Lock() // nobody may go on by a sensor with what is blocked
			return unwrapped{}, ErrBlocked
		}
		return unwrapped{}, &PINError{Retries: int(h.Retries)}
	}
	h.Retries = MaxRetries
	if err := v.writeHeader(h); err != nil {
		k.key.Wipe()
		return unwrapped{}, fmt.Errorf("counting the attempt: %w", err)
	}
	return k, nil
}
