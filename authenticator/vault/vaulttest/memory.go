package vaulttest

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"cardea/authenticator"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// Memory is a Vault that forgets everything when the program ends. The zero
// Memory is empty and unlocked. It is safe for concurrent use.
type Memory struct {
	mu       sync.Mutex
	locked   bool
	passkeys []authenticator.Passkey // in the order of saving

	pin      []byte // hash, nil if none
	length   int
	misses   int
	settings []byte
	notes    map[string][]byte
}

var _ authenticator.PINVault = (*Memory)(nil)

// Lock locks m until Unlock.
func (m *Memory) Lock() { m.set(true) }

// Unlock unlocks m. It asks for nothing.
func (m *Memory) Unlock() { m.set(false) }

func (m *Memory) set(locked bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.locked = locked
}

// Locked reports whether Lock was called last.
func (m *Memory) Locked() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.locked
}

// Passkeys returns the passkeys for rp, or all, newest first.
func (m *Memory) Passkeys(ctx context.Context, rp webauthn.RPID) ([]authenticator.Passkey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readable(ctx); err != nil {
		return nil, err
	}
	var found []authenticator.Passkey
	for _, p := range slices.Backward(m.passkeys) {
		if rp == "" || p.RPID == rp {
			found = append(found, copyOf(p))
		}
	}
	slices.SortStableFunc(found, func(a, b authenticator.Passkey) int {
		return -cmp.Compare(a.CreatedAt.UnixMilli(), b.CreatedAt.UnixMilli())
	})
	return found, nil
}

// Save adds or replaces a passkey.
func (m *Memory) Save(ctx context.Context, p authenticator.Passkey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readable(ctx); err != nil {
		return err
	}
	m.passkeys = slices.DeleteFunc(m.passkeys, func(o authenticator.Passkey) bool {
		sameAccount := o.RPID == p.RPID && bytes.Equal(o.Account.Handle, p.Account.Handle)
		return bytes.Equal(o.ID, p.ID) || p.Discoverable && o.Discoverable && sameAccount
	})
	m.passkeys = append(m.passkeys, copyOf(p))
	return nil
}

// Use counts a signature.
func (m *Memory) Use(ctx context.Context, id webauthn.CredentialID, at time.Time) (uint32, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readable(ctx); err != nil {
		return 0, err
	}
	i := m.index(id)
	if i < 0 {
		return 0, authenticator.ErrNoPasskey
	}
	p := &m.passkeys[i]
	p.SignCount++
	if !at.IsZero() {
		p.LastUsed = at
	}
	return p.SignCount, nil
}

// Delete removes a passkey.
func (m *Memory) Delete(ctx context.Context, id webauthn.CredentialID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readable(ctx); err != nil {
		return err
	}
	i := m.index(id)
	if i < 0 {
		return authenticator.ErrNoPasskey
	}
	m.passkeys = slices.Delete(m.passkeys, i, i+1)
	return nil
}

func (m *Memory) readable(ctx context.Context) error {
	if m.locked {
		return authenticator.ErrLocked
	}
	return ctx.Err()
}

func (m *Memory) index(id webauthn.CredentialID) int {
	return slices.IndexFunc(m.passkeys, func(p authenticator.Passkey) bool { return bytes.Equal(p.ID, id) })
}

func copyOf(p authenticator.Passkey) authenticator.Passkey {
	p.ID = bytes.Clone(p.ID)
	p.Account.Handle = bytes.Clone(p.Account.Handle)
	p.PrivateKey = copyKey(p.PrivateKey)
	p.HMACSecrets, p.CredBlob, p.LargeBlobKey = copyKey(p.HMACSecrets), copyKey(p.CredBlob), copyKey(p.LargeBlobKey)
	return p
}

func copyKey(k secret.Key) secret.Key {
	if k.Len() == 0 {
		return secret.Key{}
	}
	return secret.New(k.Expose())
}
