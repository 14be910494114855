package exchange

import (
	"context"
	"errors"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/vault/vaulttest"
	"cardea/internal/secret"
)

func TestMergeNeverTakesTheOlder(t *testing.T) {
	t.Parallel()
	base := passkey(t, 1)
	change := func(f func(*authenticator.Passkey)) authenticator.Passkey {
		p := base
		f(&p)
		return p
	}
	other := passkey(t, 2)
	other.Account = base.Account // made a minute later
	for _, tt := range []struct {
		name           string
		here, incoming authenticator.Passkey
		want           Counts
		check          func(authenticator.Passkey) bool
	}{
		{"another passkey", passkey(t, 9), base, Counts{Added: 1}, nil},
		{"the same", base, base, Counts{Kept: 1}, nil},
		{"a higher count comes", base, change(func(p *authenticator.Passkey) { p.SignCount = 9 }), Counts{Replaced: 1},
			func(p authenticator.Passkey) bool { return p.SignCount == 9 }},
		{"a lower count comes", change(func(p *authenticator.Passkey) { p.SignCount = 9 }), base, Counts{Kept: 1},
			func(p authenticator.Passkey) bool { return p.SignCount == 9 }},
		{"a lower count and a later use come", change(func(p *authenticator.Passkey) { p.SignCount = 9 }),
			change(func(p *authenticator.Passkey) { p.LastUsed = made.Add(time.Hour) }), Counts{Replaced: 1},
			func(p authenticator.Passkey) bool { return p.SignCount == 9 && !p.LastUsed.IsZero() }},
		{"a nickname comes", change(func(p *authenticator.Passkey) { p.Nickname = "mine" }),
			change(func(p *authenticator.Passkey) { p.Nickname = "theirs" }), Counts{Kept: 1},
			func(p authenticator.Passkey) bool { return p.Nickname == "mine" }},
		{"another key by the same ID", base, change(func(p *authenticator.Passkey) { p.PrivateKey, p.SignCount = secret.Random(32), 99 }), Counts{Kept: 1},
			func(p authenticator.Passkey) bool { return p.PrivateKey.Equal(base.PrivateKey) && p.SignCount == 0 }},
		{"a later passkey for the account", base, other, Counts{Replaced: 1},
			func(p authenticator.Passkey) bool { return string(p.ID) == string(other.ID) }},
		{"an earlier passkey for the account", other, base, Counts{Kept: 1},
			func(p authenticator.Passkey) bool { return string(p.ID) == string(other.ID) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := new(vaulttest.Memory)
			if err := v.Save(t.Context(), tt.here); err != nil {
				t.Fatal(err)
			}
			got, err := Merge(t.Context(), v, []authenticator.Passkey{tt.incoming})
			if err != nil || got != tt.want {
				t.Errorf("Merge = %+v, %v; want %+v", got, err, tt.want)
			}
			all, err := v.Passkeys(t.Context(), "")
			if err != nil || len(all) != 1+tt.want.Added {
				t.Fatalf("there are %d passkeys, %v", len(all), err)
			}
			if tt.check != nil && !tt.check(all[0]) {
				t.Errorf("now there is %+v", all[0])
			}
			if again, err := Merge(t.Context(), v, []authenticator.Passkey{tt.incoming}); err != nil || again.Kept != 1 {
				t.Errorf("a second time: %+v, %v; want it kept", again, err)
			}
		})
	}
}

func TestOfTwoForOneAccountTheLaterComesIn(t *testing.T) {
	t.Parallel()
	early, late := passkey(t, 1), passkey(t, 2)
	late.Account = early.Account
	for _, order := range [][]authenticator.Passkey{{early, late}, {late, early}} {
		v := new(vaulttest.Memory)
		if _, err := Merge(t.Context(), v, order); err != nil {
			t.Fatal(err)
		}
		all, err := v.Passkeys(t.Context(), "")
		if err != nil || len(all) != 1 || string(all[0].ID) != string(late.ID) {
			t.Errorf("passkeys %v, %v; want the later alone", all, err)
		}
	}
}

// fullVault is a vault with room for so many at once.
type fullVault struct {
	*vaulttest.Memory
	room int
}

var errFull = errors.New("disk is full")

func (v *fullVault) SaveAll(ctx context.Context, passkeys []authenticator.Passkey) error {
	if len(passkeys) > v.room {
		return errFull
	}
	return v.Memory.SaveAll(ctx, passkeys)
}

func TestMergeBringsAllInOrNothing(t *testing.T) {
	t.Parallel()
	var incoming []authenticator.Passkey
	for n := range 10 {
		incoming = append(incoming, passkey(t, n))
	}
	v := &fullVault{new(vaulttest.Memory), 4}
	got, err := Merge(t.Context(), v, incoming)
	if !errors.Is(err, errFull) || got != (Counts{}) {
		t.Fatalf("Merge = %+v, %v; want nothing and a full disk", got, err)
	}
	if all, err := v.Passkeys(t.Context(), ""); err != nil || len(all) != 0 {
		t.Errorf("then there are %d passkeys, %v", len(all), err)
	}
	v.room = 10
	if got, err = Merge(t.Context(), v, incoming); err != nil || got != (Counts{Added: 10}) {
		t.Errorf("then Merge = %+v, %v; want 10 added", got, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Merge(ended, v, incoming); !errors.Is(err, context.Canceled) {
		t.Errorf("Merge when nobody waits = %v", err)
	}
}
