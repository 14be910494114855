package vaulttest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// A Suite says how to get at one kind of vault.
type Suite struct {
	// Open returns an empty, unlocked vault. It closes it with t.
	Open func(t *testing.T) authenticator.Vault
	// Reopen closes v and opens what it kept, unlocked. Nil if it keeps
	// nothing.
	Reopen func(t *testing.T, v authenticator.Vault) authenticator.Vault
	// Lock locks v. Nil if it cannot be locked.
	Lock func(t *testing.T, v authenticator.Vault)
}

// NewPasskey returns a passkey for tests, discoverable, with an ID made of n.
// Its key is n repeated: no key at all, for vaults do not look.
func NewPasskey(n byte, rp webauthn.RPID, handle string) authenticator.Passkey {
	return authenticator.Passkey{
		ID:         bytes.Repeat([]byte{n}, 32),
		RPID:       rp,
		RPName:     "Site of " + string(rp),
		Account:    authenticator.Account{Handle: []byte(handle), Name: handle + "@example.org", DisplayName: handle},
		Algorithm:  webauthn.ES256,
		PrivateKey: secret.New(bytes.Repeat([]byte{n}, 100)),
		// Whole milliseconds: a vault need not keep more.
		Discoverable: true,
		CreatedAt:    time.UnixMilli(1_790_000_000_000 + int64(n)).UTC(),
	}
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	for _, c := range []struct {
		claim string
		run   func(*testing.T, Suite)
	}{
		{"what was saved comes back whole", savedComesBack},
		{"passkeys come newest first and only for their site", newestFirst},
		{"a passkey is found by its ID", finds},
		{"an account has one discoverable passkey", oneForAnAccount},
		{"the same ID is the same passkey", sameID},
		{"each use counts one", usesCount},
		{"a silent use counts and leaves no trace", silentUse},
		{"a shared passkey is not counted", sharedIsNotCounted},
		{"what was deleted is gone", deletedIsGone},
		{"a passkey that is not there is ErrNoPasskey", notThere},
		{"what was given out is a copy", copies},
		{"a locked vault gives nothing", lockedGivesNothing},
		{"a context that has ended changes nothing", endedContext},
	} {
		t.Run(c.claim, func(t *testing.T) {
			t.Parallel()
			c.run(t, s)
		})
	}
}

// again closes and opens v, if its kind can.
func (s Suite) again(t *testing.T, v authenticator.Vault) authenticator.Vault {
	t.Helper()
	if s.Reopen == nil {
		return v
	}
	return s.Reopen(t, v)
}

func savedComesBack(t *testing.T, s Suite) {
	v := s.Open(t)
	p := NewPasskey(1, "example.org", "ana")
	p.Nickname, p.SignCount, p.LastUsed = "blue", 7, p.CreatedAt.Add(time.Hour)
	p.CredProtect, p.ThirdPartyPayment, p.CredBlob = 3, true, secret.New([]byte("blob"))
	p.HMACSecrets, p.LargeBlobKey = secret.New(bytes.Repeat([]byte{2}, 64)), secret.New(bytes.Repeat([]byte{3}, 32))
	save(t, v, p)
	for range 2 {
		got := list(t, v, "example.org")
		if len(got) != 1 {
			t.Fatalf("%d passkeys, want 1", len(got))
		}
		if !same(got[0], p) {
			t.Errorf("Passkeys = %+v, want %+v", got[0], p)
		}
		v = s.again(t, v)
	}
}

func newestFirst(t *testing.T, s Suite) {
	v := s.Open(t)
	for _, p := range []authenticator.Passkey{
		NewPasskey(2, "example.org", "two"), NewPasskey(3, "example.org", "three"),
		NewPasskey(1, "example.org", "one"), NewPasskey(9, "example.com", "other"),
	} {
		save(t, v, p)
	}
	// Of one moment, the one saved later is newer.
	twin := NewPasskey(4, "example.org", "twin")
	twin.CreatedAt = NewPasskey(3, "", "").CreatedAt
	save(t, v, twin)
	for range 2 {
		wantIDs(t, list(t, v, "example.org"), 4, 3, 2, 1)
		wantIDs(t, list(t, v, "example.com"), 9)
		wantIDs(t, list(t, v, "example.net"))
		wantIDs(t, list(t, v, ""), 9, 4, 3, 2, 1)
		v = s.again(t, v)
	}
}

func oneForAnAccount(t *testing.T, s Suite) {
	v := s.Open(t)
	hidden := NewPasskey(1, "example.org", "ana")
	hidden.Discoverable = false
	save(t, v, hidden)
	save(t, v, NewPasskey(2, "example.org", "ana"))
	save(t, v, NewPasskey(3, "example.com", "ana"))
	save(t, v, NewPasskey(4, "example.org", "ben"))
	save(t, v, NewPasskey(5, "example.org", "ana")) // in the place of 2
	alsoHidden := NewPasskey(6, "example.org", "ana")
	alsoHidden.Discoverable = false
	save(t, v, alsoHidden)
	for range 2 {
		wantIDs(t, list(t, v, ""), 6, 5, 4, 3, 1)
		v = s.again(t, v)
	}
}

func sameID(t *testing.T, s Suite) {
	v := s.Open(t)
	save(t, v, NewPasskey(1, "example.org", "ana"))
	other := NewPasskey(1, "example.com", "ben")
	save(t, v, other)
	got := list(t, s.again(t, v), "")
	if len(got) != 1 || !same(got[0], other) {
		t.Errorf("Passkeys = %+v, want only %+v", got, other)
	}
}

func usesCount(t *testing.T, s Suite) {
	v := s.Open(t)
	p := NewPasskey(1, "example.org", "ana")
	save(t, v, p)
	save(t, v, NewPasskey(2, "example.org", "ben"))
	at := p.CreatedAt
	for want := uint32(1); want <= 4; want++ {
		at = at.Add(time.Minute)
		got, err := v.Use(t.Context(), p.ID, at)
		if err != nil || got != want {
			t.Fatalf("Use = %d, %v, want %d", got, err, want)
		}
		v = s.again(t, v)
	}
	got := list(t, v, "example.org")
	if got[1].SignCount != 4 || !got[1].LastUsed.Equal(at) {
		t.Errorf("count %d, last used %v; want 4, %v", got[1].SignCount, got[1].LastUsed, at)
	}
	if got[0].SignCount != 0 || !got[0].LastUsed.IsZero() {
		t.Errorf("the other passkey was counted too: %+v", got[0])
	}
}

func silentUse(t *testing.T, s Suite) {
	v := s.Open(t)
	p := NewPasskey(1, "example.org", "ana")
	p.LastUsed = p.CreatedAt.Add(time.Hour)
	save(t, v, p)
	if n, err := v.Use(t.Context(), p.ID, time.Time{}); n != 1 || err != nil {
		t.Fatalf("Use = %d, %v, want 1", n, err)
	}
	if got := list(t, s.again(t, v), "")[0]; got.SignCount != 1 || !got.LastUsed.Equal(p.LastUsed) {
		t.Errorf("count %d, last used %v; want 1, %v", got.SignCount, got.LastUsed, p.LastUsed)
	}
}

func deletedIsGone(t *testing.T, s Suite) {
	v := s.Open(t)
	p := NewPasskey(1, "example.org", "ana")
	save(t, v, p)
	save(t, v, NewPasskey(2, "example.org", "ben"))
	if err := v.Delete(t.Context(), p.ID); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		wantIDs(t, list(t, v, ""), 2)
		wantIDs(t, list(t, v, "example.org"), 2)
		v = s.again(t, v)
	}
	save(t, v, p)
	wantIDs(t, list(t, s.again(t, v), ""), 2, 1)
}

func notThere(t *testing.T, s Suite) {
	v := s.Open(t)
	save(t, v, NewPasskey(1, "example.org", "ana"))
	id := NewPasskey(2, "", "").ID
	if _, err := v.Use(t.Context(), id, time.Time{}); !errors.Is(err, authenticator.ErrNoPasskey) {
		t.Errorf("Use = %v, want ErrNoPasskey", err)
	}
	if err := v.Delete(t.Context(), id); !errors.Is(err, authenticator.ErrNoPasskey) {
		t.Errorf("Delete = %v, want ErrNoPasskey", err)
	}
}

func copies(t *testing.T, s Suite) {
	v := s.Open(t)
	p := NewPasskey(1, "example.org", "ana")
	save(t, v, p)
	want := NewPasskey(1, "example.org", "ana")
	spoil(p)
	spoil(list(t, v, "")[0])
	if got := list(t, v, "")[0]; !same(got, want) {
		t.Errorf("Passkeys = %+v, want %+v", got, want)
	}
}

func spoil(p authenticator.Passkey) {
	p.ID[0]++
	p.Account.Handle[0]++
	p.PrivateKey.Wipe()
}

func lockedGivesNothing(t *testing.T, s Suite) {
	if s.Lock == nil {
		t.Skip("cannot be locked")
	}
	v := s.Open(t)
	p := NewPasskey(1, "example.org", "ana")
	save(t, v, p)
	before := list(t, v, "")[0]
	s.Lock(t, v)
	if !v.Locked() {
		t.Error("not locked after Lock")
	}
	_, passkeys := v.Passkeys(t.Context(), "")
	_, use := v.Use(t.Context(), p.ID, time.Time{})
	_, find := v.Find(t.Context(), p.ID)
	for what, err := range map[string]error{
		"Passkeys": passkeys, "Use": use, "Find": find,
		"Save": v.Save(t.Context(), p), "Delete": v.Delete(t.Context(), p.ID),
	} {
		if !errors.Is(err, authenticator.ErrLocked) {
			t.Errorf("%s = %v, want ErrLocked", what, err)
		}
	}
	if !same(before, p) {
		t.Error("locking spoiled a passkey given out before")
	}
}

func endedContext(t *testing.T, s Suite) {
	v := s.Open(t)
	p := NewPasskey(1, "example.org", "ana")
	save(t, v, p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, use := v.Use(ctx, p.ID, time.Time{})
	for what, err := range map[string]error{
		"Use": use, "Save": v.Save(ctx, NewPasskey(2, "example.org", "ben")), "Delete": v.Delete(ctx, p.ID),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v, want context.Canceled", what, err)
		}
	}
	if got := list(t, v, ""); len(got) != 1 || got[0].SignCount != 0 {
		t.Errorf("Passkeys = %+v, want what was there before", got)
	}
}

func save(t *testing.T, v authenticator.Vault, p authenticator.Passkey) {
	t.Helper()
	if err := v.Save(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, v authenticator.Vault, rp webauthn.RPID) []authenticator.Passkey {
	t.Helper()
	passkeys, err := v.Passkeys(t.Context(), rp)
	if err != nil {
		t.Fatal(err)
	}
	return passkeys
}

func wantIDs(t *testing.T, got []authenticator.Passkey, want ...byte) {
	t.Helper()
	var ids []byte
	for _, p := range got {
		ids = append(ids, p.ID[0])
	}
	if !bytes.Equal(ids, want) {
		t.Errorf("passkeys %v, want %v", ids, want)
	}
}

func same(a, b authenticator.Passkey) bool {
	return bytes.Equal(a.ID, b.ID) && a.RPID == b.RPID && a.RPName == b.RPName &&
		bytes.Equal(a.Account.Handle, b.Account.Handle) && a.Account.Name == b.Account.Name &&
		a.Account.DisplayName == b.Account.DisplayName && a.Algorithm == b.Algorithm &&
		a.PrivateKey.Equal(b.PrivateKey) && a.SignCount == b.SignCount &&
		a.Discoverable == b.Discoverable && a.Nickname == b.Nickname &&
		a.CreatedAt.Equal(b.CreatedAt) && a.LastUsed.Equal(b.LastUsed) &&
		a.CredProtect == b.CredProtect && a.HMACSecrets.Equal(b.HMACSecrets) && a.CredBlob.Equal(b.CredBlob) &&
		a.LargeBlobKey.Equal(b.LargeBlobKey) && a.ThirdPartyPayment == b.ThirdPartyPayment && a.Shared == b.Shared
}

func sharedIsNotCounted(t *testing.T, s Suite) {
	v := s.Open(t)
	p := NewPasskey(1, "example.org", "ana")
	p.Shared = true
	save(t, v, p)
	at := p.CreatedAt.Add(time.Hour)
	if count, err := v.Use(t.Context(), p.ID, at); err != nil || count != 0 {
		t.Errorf("Use = %d, %v; want 0", count, err)
	}
	v = s.again(t, v)
	if got := list(t, v, p.RPID)[0]; !got.Shared || got.SignCount != 0 || !got.LastUsed.Equal(at) {
		t.Errorf("after its use: %+v", got)
	}
}
