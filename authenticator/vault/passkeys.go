package vault

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"cardea/authenticator"
	"cardea/webauthn"
)

// Passkeys returns the passkeys for rp, or all if rp is empty, newest first.
func (v *Vault) Passkeys(ctx context.Context, rp webauthn.RPID) ([]authenticator.Passkey, error) {
	v.lockIfExpired()
	v.mu.RLock()
	defer v.mu.RUnlock()
	if err := v.readable(ctx); err != nil {
		return nil, err
	}
	return v.open.passkeys(rp), nil
}

// revisions numbers the states of all vaults that this program ever had open,
// so that no two have the same number.
var revisions atomic.Uint64

// Revision is another number after each passkey that was saved or deleted, and
// after each lock. Zero says that the vault is locked.
func (v *Vault) Revision() uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.open == nil {
		return 0
	}
	return v.open.revision
}

// Save adds a passkey, as authenticator.Vault says.
func (v *Vault) Save(ctx context.Context, p authenticator.Passkey) error {
	return v.change(ctx, "saving a passkey", func(c *contents) (record, error) {
		if err := checkID(p.ID); err != nil {
			return record{}, err
		}
		return record{Save: store(p)}, nil
	})
}

// Use counts a signature.
func (v *Vault) Use(ctx context.Context, id webauthn.CredentialID, at time.Time) (count uint32, err error) {
	change := v.change
	if at.IsZero() {
		change = v.changeUnseen
	}
	err = change(ctx, "counting a signature", func(c *contents) (record, error) {
		i := c.byID[string(id)]
		if i == nil {
			return record{}, authenticator.ErrNoPasskey
		}
		switch {
		case i.shared:
			count = i.count
		case i.count == math.MaxUint32:
			return record{}, fmt.Errorf("the count has reached its end")
		default:
			count = i.count + 1
		}
		return record{Use: &use{ID: id, Count: count, At: millis(at)}}, nil
	})
	return count, err
}

// Delete removes a passkey and its key.
func (v *Vault) Delete(ctx context.Context, id webauthn.CredentialID) error {
	return v.change(ctx, "deleting a passkey", func(c *contents) (record, error) {
		if c.byID[string(id)] == nil {
			return record{}, authenticator.ErrNoPasskey
		}
		return record{Delete: id}, nil
	})
}

// Rename gives a passkey the person's own name for it; an empty one takes it
// away. It returns authenticator.ErrNoPasskey if there is no such passkey.
func (v *Vault) Rename(ctx context.Context, id webauthn.CredentialID, nickname string) error {
	return v.change(ctx, "renaming a passkey", func(c *contents) (record, error) {
		if c.byID[string(id)] == nil {
			return record{}, authenticator.ErrNoPasskey
		}
		return record{Rename: &rename{ID: id, Nickname: text(nickname)}}, nil
	})
}

// readable returns why the passkeys cannot be read. The caller holds mu.
func (v *Vault) readable(ctx context.Context) error {
	switch {
	case v.closed:
		return ErrClosed
	case v.open == nil:
		return authenticator.ErrLocked
	}
	return ctx.Err()
}

// change does what decide comes to, durably.
func (v *Vault) change(ctx context.Context, doing string, decide func(*contents) (record, error)) error {
	v.used()
	return v.changeUnseen(ctx, doing, decide)
}

// changeUnseen is change for what happens without a person: it does not keep the
// vault open.
func (v *Vault) changeUnseen(ctx context.Context, doing string, decide func(*contents) (record, error)) error {
	v.lockIfExpired()
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.readable(ctx); err != nil {
		return err
	}
	r, err := decide(v.open)
	if err == nil {
		err = v.open.do(r)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	v.tidy()
	return nil
}
