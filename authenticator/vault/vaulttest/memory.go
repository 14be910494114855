package vaulttest

import (
	"bytes"
	"cmp"
	"context"
	"maps"
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
	mu        sync.Mutex
	locked    bool
	saved     uint64 // passkeys, ever
	deleted   uint64
	byID      map[string]*kept
	byRP      map[webauthn.RPID]map[string]*kept // and then by ID
	byAccount map[account]*kept                  // the discoverable ones

	pin      []byte // hash, nil if none
	length   int
	misses   int
	settings []byte
	notes    map[string][]byte
}

// kept is a passkey; later saved, its number is higher.
type kept struct {
	authenticator.Passkey
	number uint64
}

// account is who a discoverable passkey is for.
type account struct {
	rp     webauthn.RPID
	handle string
}

func accountOf(p authenticator.Passkey) account { return account{p.RPID, string(p.Account.Handle)} }

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

// Revision is another number after each passkey that was saved or deleted, and
// zero while m is locked.
func (m *Memory) Revision() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked {
		return 0
	}
	return 1 + m.saved + m.deleted
}

// Passkeys returns the passkeys for rp, or all, newest first.
func (m *Memory) Passkeys(ctx context.Context, rp webauthn.RPID) ([]authenticator.Passkey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readable(ctx); err != nil {
		return nil, err
	}
	from := m.byID
	if rp != "" {
		from = m.byRP[rp]
	}
	sorted := slices.SortedFunc(maps.Values(from), func(a, b *kept) int {
		return cmp.Or(cmp.Compare(b.CreatedAt.UnixMilli(), a.CreatedAt.UnixMilli()), cmp.Compare(b.number, a.number))
	})
	found := make([]authenticator.Passkey, len(sorted))
	for i, k := range sorted {
		found[i] = copyOf(k.Passkey)
	}
	return found, nil
}

// Save adds or replaces a passkey.
func (m *Memory) Save(ctx context.Context, p authenticator.Passkey) error {
	return m.SaveAll(ctx, []authenticator.Passkey{p})
}

// SaveAll saves passkeys, one after the other.
func (m *Memory) SaveAll(ctx context.Context, passkeys []authenticator.Passkey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readable(ctx); err != nil {
		return err
	}
	for _, p := range passkeys {
		m.save(p)
	}
	return nil
}

func (m *Memory) save(p authenticator.Passkey) {
	m.remove(m.byID[string(p.ID)])
	if m.byID == nil {
		m.byID, m.byRP, m.byAccount = map[string]*kept{}, map[webauthn.RPID]map[string]*kept{}, map[account]*kept{}
	}
	m.saved++
	k := &kept{copyOf(p), m.saved}
	if p.Discoverable {
		m.remove(m.byAccount[accountOf(p)])
		m.byAccount[accountOf(p)] = k
	}
	m.byID[string(p.ID)] = k
	if m.byRP[p.RPID] == nil {
		m.byRP[p.RPID] = map[string]*kept{}
	}
	m.byRP[p.RPID][string(p.ID)] = k
}

// remove forgets k, which may be nil.
func (m *Memory) remove(k *kept) {
	if k == nil {
		return
	}
	delete(m.byID, string(k.ID))
	delete(m.byRP[k.RPID], string(k.ID))
	if k.Discoverable {
		delete(m.byAccount, accountOf(k.Passkey))
	}
}

// Use counts a signature.
func (m *Memory) Use(ctx context.Context, id webauthn.CredentialID, at time.Time) (uint32, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readable(ctx); err != nil {
		return 0, err
	}
	p := m.byID[string(id)]
	if p == nil {
		return 0, authenticator.ErrNoPasskey
	}
	if !p.Shared {
		p.SignCount++
	}
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
	k := m.byID[string(id)]
	if k == nil {
		return authenticator.ErrNoPasskey
	}
	m.remove(k)
	m.deleted++
	return nil
}

func (m *Memory) readable(ctx context.Context) error {
	if m.locked {
		return authenticator.ErrLocked
	}
	return ctx.Err()
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
