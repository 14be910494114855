package exchange

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/authenticator"
	"cardea/authenticator/vault/vaulttest"
	"cardea/webauthn"
)

// A document may say anything of when its passkeys were made.
func TestImportTakesNoPasskeysPlace(t *testing.T) {
	t.Parallel()
	mine, theirs, fresh := passkey(t, 1), passkey(t, 2), passkey(t, 3)
	mine.SignCount, theirs.Account = 500, mine.Account
	theirs.CreatedAt = made.AddDate(70, 0, 0)
	fresh.CreatedAt, fresh.LastUsed = theirs.CreatedAt, theirs.CreatedAt
	v := new(vaulttest.Memory)
	if err := v.Save(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	in := Import{Passkeys: []authenticator.Passkey{theirs, fresh}}
	now := made.Add(time.Hour)
	here := []authenticator.Passkey{mine}
	for n, want := range []int{1, 0} { // what was left out once is not named again
		if others := in.Fit(here, now); others != want {
			t.Errorf("time %d: %d others, want %d", n+1, others, want)
		}
	}
	c, err := Merge(t.Context(), v, in.Passkeys)
	if err != nil || c != (Counts{Added: 1}) {
		t.Errorf("Merge = %+v, %v; want one added and none replaced", c, err)
	}
	if d := cmp.Diff([]Left{{mine.RPID, mine.Account.Name, whyAnother}}, in.Left); d != "" {
		t.Errorf("left: %s", d)
	}
	if kept, err := v.Find(t.Context(), mine.ID); err != nil || kept.SignCount != 500 {
		t.Errorf("mine: %+v, %v", kept, err)
	}
	if got, err := v.Find(t.Context(), fresh.ID); err != nil || !got.CreatedAt.Equal(now) || !got.LastUsed.Equal(now) {
		t.Errorf("made %v, used %v, %v; want no time to come", got.CreatedAt, got.LastUsed, err)
	}
}

// What is made between the look at the vault and the merge stays as well.
func TestPasskeyMadeDuringAnImportStays(t *testing.T) {
	t.Parallel()
	theirs, mine := passkey(t, 1), passkey(t, 2)
	theirs.CreatedAt = made.AddDate(70, 0, 0)
	in := Import{Passkeys: []authenticator.Passkey{theirs}}
	in.Fit(nil, made)
	mine.Account, mine.CreatedAt = theirs.Account, made.Add(time.Second)
	v := new(vaulttest.Memory)
	if err := v.Save(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	if c, err := Merge(t.Context(), v, in.Passkeys); err != nil || c != (Counts{Kept: 1}) {
		t.Errorf("Merge = %+v, %v; want mine kept", c, err)
	}
}

func TestFitTakesWhatHasItsOwnPlace(t *testing.T) {
	t.Parallel()
	early, late, same, second := passkey(t, 1), passkey(t, 2), passkey(t, 3), passkey(t, 4)
	late.Account = early.Account
	second.Discoverable, second.Account = false, same.Account // found by its ID: no place is taken
	for _, in := range [][]authenticator.Passkey{{early, late, same}, {late, same, early}} {
		i := Import{Passkeys: in}
		if others := i.Fit([]authenticator.Passkey{same, second}, made.Add(time.Hour)); others != 0 {
			t.Errorf("%d others, want none", others)
		}
		var ids []webauthn.CredentialID
		for _, p := range i.Passkeys {
			ids = append(ids, p.ID)
		}
		if d := cmp.Diff([]webauthn.CredentialID{late.ID, same.ID}, ids); d != "" {
			t.Errorf("taken: %s", d)
		}
		if d := cmp.Diff([]Left{{early.RPID, early.Account.Name, whyEarlier}}, i.Left); d != "" {
			t.Errorf("left: %s", d)
		}
	}
}
