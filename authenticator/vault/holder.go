package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"cardea/internal/secret"
)

// A KeyHolder keeps a random key for a vault: a TPM, or the desktop's keyring.
// It is an opener beside the secret and takes nothing of the secret's place:
// whoever holds the key opens the vault without a person. See UnlockBy.
type KeyHolder interface {
	// Name says what kind of holder it is: "tpm", "keyring". A vault has at
	// most one of a name.
	Name() string
	// Hold takes a key into keeping and returns what it wants to be shown when
	// it is asked for it again. The vault keeps blob in the open, so it must
	// not tell the key. Hold may ask the person.
	Hold(ctx context.Context, vaultID []byte, key secret.Key) (blob []byte, err error)
	// Give returns the key. An error that wraps ErrHolderLost says that it
	// never will again.
	Give(ctx context.Context, vaultID, blob []byte) (secret.Key, error)
	// Forget destroys the key. Forgetting what is not there is no error.
	Forget(ctx context.Context, vaultID, blob []byte) error
}

// What a vault says about holders of its key.
var (
	// ErrNotEnrolled says that the vault knows no holder of that name.
	ErrNotEnrolled = errors.New("vault is not enrolled with this holder")
	// ErrHolderLost says that the holder has lost the key for good, as a TPM
	// does that was cleared. The secret still opens the vault, and Enroll gives
	// the holder a new key.
	ErrHolderLost = errors.New("holder has lost the key of the vault: unlock with the PIN and enroll again")
)

// Enroll lets h open the vault from now on, in the place of a holder of the
// same name. The secret is tried first; its errors are those of Unlock. The
// vault need not be unlocked, and is left as it was.
func (v *Vault) Enroll(ctx context.Context, pin string, h KeyHolder) error {
	k, id, err := v.prove(ctx, pin)
	if err != nil {
		return err
	}
	defer k.key.Wipe()
	holding := secret.Random(keySize)
	defer holding.Wipe()
	// No lock is held meanwhile: a keyring may ask the person, who may be away.
	blob, err := h.Hold(ctx, id, holding)
	if err != nil {
		return fmt.Errorf("enrolling with %s: %w", h.Name(), err)
	}
	old, err := v.addSlot(h.Name(), id, k, holding, blob)
	if err != nil {
		err = fmt.Errorf("enrolling with %s: %w", h.Name(), err)
		return errors.Join(err, h.Forget(context.WithoutCancel(ctx), id, blob))
	}
	if old != nil && !bytes.Equal(old.Blob, blob) {
		// What opened with it is gone from the header; it is only litter.
		_ = h.Forget(ctx, id, old.Blob)
	}
	return nil
}

// prove tries the secret and returns the vault key and the vault ID.
func (v *Vault) prove(ctx context.Context, pin string) (unwrapped, []byte, error) {
	v.attempts.Lock()
	defer v.attempts.Unlock()
	if v.Kind() == NoPIN {
		return unwrapped{}, nil, fmt.Errorf("%w: a vault without a secret opens by itself", ErrPolicy)
	}
	k, err := v.try(ctx, pin)
	if err != nil {
		return unwrapped{}, nil, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	return k, bytes.Clone(v.header.VaultID), nil
}

// addSlot writes a slot for a holder into the header, and returns the slot that
// was in its place.
func (v *Vault) addSlot(name string, id []byte, k unwrapped, holding secret.Key, blob []byte) (old *slot, err error) {
	v.attempts.Lock()
	defer v.attempts.Unlock()
	h, err := v.current()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(h.VaultID, id) || h.Kind == NoPIN {
		return nil, errors.New("the vault was reset meanwhile")
	}
	// Not k.length: the PIN may have been changed while the holder was asked.
	if h.PINLength == nil {
		if err := h.sealLength(k.length, k.key); err != nil {
			return nil, err
		}
	}
	s, err := newSlot(h.VaultID, name, k.key, holding, blob)
	if err != nil {
		return nil, err
	}
	old = h.slot(name)
	h.Slots = append(h.withoutSlot(name), s)
	if err := h.checkSlots(); err != nil {
		return nil, err
	}
	return old, v.writeHeader(h)
}

// Unenroll takes the name of a holder off the vault, so that it no longer opens
// it, and then has h forget the key. A nil h is one that cannot be reached any
// more: without the slot its key opens nothing. The secret is not asked for, as
// this only takes away. It returns ErrNotEnrolled if there is no such holder.
func (v *Vault) Unenroll(ctx context.Context, name string, h KeyHolder) error {
	old, id, err := v.removeSlot(ctx, name)
	if err != nil {
		return fmt.Errorf("unenrolling %s: %w", name, err)
	}
	if h == nil {
		return nil
	}
	if err := h.Forget(ctx, id, old.Blob); err != nil {
		return fmt.Errorf("%s no longer opens the vault, but kept its key: %w", name, err)
	}
	return nil
}

func (v *Vault) removeSlot(ctx context.Context, name string) (*slot, []byte, error) {
	v.attempts.Lock()
	defer v.attempts.Unlock()
	h, err := v.current()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, nil, err
	}
	old := h.slot(name)
	if old == nil {
		return nil, nil, ErrNotEnrolled
	}
	h.Slots = h.withoutSlot(name)
	return old, h.VaultID, v.writeHeader(h)
}

// Holders returns the names of those that may open the vault, in the order of
// their enrollment. It can be asked while the vault is locked.
func (v *Vault) Holders() []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var names []string
	for _, s := range v.header.Slots {
		names = append(names, s.Name)
	}
	return names
}

// UnlockBy unlocks the vault with the key that h holds.
//
// That verifies nobody: it says that the program runs on a computer, or in a
// session, that was trusted once. Whoever unlocks so must verify the person in
// another way, with a fingerprint for one, before an authenticator claims user
// verification. Attempts at the secret are not given back, and a vault whose
// secret is blocked is not opened: ErrBlocked. Without a slot for h it returns
// ErrNotEnrolled, and ErrHolderLost if the key that h gives does not fit.
func (v *Vault) UnlockBy(ctx context.Context, h KeyHolder) error {
	if err := v.unlockBy(ctx, h); err != nil {
		return fmt.Errorf("unlocking by %s: %w", h.Name(), err)
	}
	return nil
}

func (v *Vault) unlockBy(ctx context.Context, h KeyHolder) error {
	head, err := v.mayTry(ctx)
	if err != nil {
		return err
	}
	s := head.slot(h.Name())
	if s == nil {
		return ErrNotEnrolled
	}
	holding, err := h.Give(ctx, bytes.Clone(head.VaultID), bytes.Clone(s.Blob))
	if err != nil {
		return err
	}
	defer holding.Wipe()
	v.attempts.Lock()
	defer v.attempts.Unlock()
	// While the holder was asked, the last attempt may have been spent, or the
	// slot taken away.
	if head, err = v.mayTry(ctx); err != nil {
		return err
	}
	now := head.slot(h.Name())
	if now == nil || !bytes.Equal(now.Sealed, s.Sealed) {
		return ErrNotEnrolled
	}
	vaultKey, err := now.open(head.VaultID, holding)
	if err != nil {
		return err
	}
	defer vaultKey.Wipe()
	length, err := head.openLength(vaultKey)
	if err != nil {
		return err
	}
	return v.unlock(unwrapped{key: vaultKey, length: length})
}

// current returns the header, unless the vault is closed. The caller holds
// attempts.
func (v *Vault) current() (header, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.closed {
		return header{}, ErrClosed
	}
	h := v.header
	h.Slots = slices.Clone(h.Slots)
	return h, nil
}
