package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/vault/vaulttest"
	"cardea/internal/secret"
)

// manyOf returns n passkeys, the newest first, so that the order in which they
// are saved is not the one they are listed in.
func manyOf(n int) []authenticator.Passkey {
	all := make([]authenticator.Passkey, n)
	for i := range all {
		all[i] = numbered(n - i)
	}
	return all
}

// few fit in a record, many do not.
var fewAndMany = []int{1, 5, 400}

func TestManyAreSavedAsIfOneByOne(t *testing.T) {
	t.Parallel()
	for _, n := range fewAndMany {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			one, all := create(t), create(t)
			before := []authenticator.Passkey{vaulttest.NewPasskey(1, "example.org", "user 0"), vaulttest.NewPasskey(2, "few.example", "ana")}
			// Of an account that is there, of an ID that comes twice, and of one
			// that is in the vault.
			twice, here := numbered(n), before[1]
			twice.Nickname, here.Nickname = "second", "mine"
			incoming := append(manyOf(n), twice, here)
			save(t, one, before...)
			save(t, all, before...)
			save(t, one, incoming...)
			if err := all.SaveAll(t.Context(), incoming); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				want, got := list(t, one), list(t, all)
				if len(got) != len(want) {
					t.Fatalf("%d passkeys, want %d", len(got), len(want))
				}
				for i := range got {
					if fmt.Sprintf("%+v", got[i]) != fmt.Sprintf("%+v", want[i]) || !got[i].PrivateKey.Equal(want[i].PrivateKey) {
						t.Fatalf("passkey %d is %+v, want %+v", i, got[i], want[i])
					}
				}
				few, err := all.Passkeys(t.Context(), "few.example")
				if err != nil || len(few) != 1 || few[0].Nickname != "mine" {
					t.Errorf("of a site: %+v, %v", few, err)
				}
				one, all = reopen(t, one), reopen(t, all)
			}
			// And the log goes on.
			save(t, all, vaulttest.NewPasskey(200, "late.example", "ana"))
			if got := list(t, reopen(t, all)); len(got) != len(list(t, one))+1 {
				t.Errorf("then %d passkeys", len(got))
			}
		})
	}
}

// A restore makes up its list and then saves it; a signature in between counts.
func TestSaveAllTakesNoCountBack(t *testing.T) {
	t.Parallel()
	for _, n := range fewAndMany {
		v := create(t)
		p := numbered(1)
		save(t, v, p)
		at := p.CreatedAt.Add(time.Hour)
		for range 3 {
			if _, err := v.Use(t.Context(), p.ID, at); err != nil {
				t.Fatal(err)
			}
		}
		p.SignCount = 2
		if err := v.SaveAll(t.Context(), append(manyOf(n), p)); err != nil {
			t.Fatal(err)
		}
		got, err := reopen(t, v).Find(t.Context(), p.ID)
		if err != nil || got.SignCount != 3 || !got.LastUsed.Equal(at) {
			t.Errorf("among %d: count %d, last used %v, %v; want 3", n, got.SignCount, got.LastUsed, err)
		}
	}
}

func TestSaveAllSavesAllOrNothing(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	huge := numbered(999)
	huge.RPName = strings.Repeat("x", maxRecord)
	nameless := numbered(998)
	nameless.ID = nil
	for _, n := range fewAndMany {
		v := create(t)
		save(t, v, vaulttest.NewPasskey(1, "example.org", "ana"))
		for what, try := range map[string]func() error{
			"one that is too large":  func() error { return v.SaveAll(t.Context(), append(manyOf(n), huge)) },
			"one without an ID":      func() error { return v.SaveAll(t.Context(), append(manyOf(n), nameless)) },
			"when nobody waits":      func() error { return v.SaveAll(ended, manyOf(n)) },
			"into a log that broke":  func() error { return broken(v, func() error { return v.SaveAll(t.Context(), manyOf(n)) }) },
			"when the vault is shut": func() error { return locked(t, v, func() error { return v.SaveAll(t.Context(), manyOf(n)) }) },
		} {
			if err := try(); err == nil {
				t.Errorf("%d, %s: SaveAll = nil", n, what)
			}
			if got := list(t, v); len(got) != 1 {
				t.Errorf("%d, %s: %d passkeys, want the one from before", n, what, len(got))
			}
		}
		if err := v.SaveAll(t.Context(), nil); err != nil {
			t.Errorf("SaveAll of nothing = %v", err)
		}
		if got := list(t, reopen(t, v)); len(got) != 1 {
			t.Errorf("%d: then %d passkeys, want 1", n, len(got))
		}
	}
}

// broken has nothing written to the log of v, while do.
func broken(v *Vault, do func() error) error {
	v.open.journal.broken = errors.New("a test broke it")
	defer func() { v.open.journal.broken = nil }()
	return do()
}

func locked(t *testing.T, v *Vault, do func() error) error {
	t.Helper()
	v.Lock()
	defer func() { check(t, v.Unlock(t.Context(), rightPIN)) }()
	return do()
}

// What is written anew in the background gives way, and begins again.
func TestSaveAllWhileTheLogIsWrittenAnew(t *testing.T) {
	t.Parallel()
	v := create(t)
	fill(t, v, 2000)
	v.slack = -1 << 30 // with each change
	for n := range 20 {
		p := vaulttest.NewPasskey(byte(n), "late.example", fmt.Sprint(n))
		save(t, v, p)
		var all []authenticator.Passkey
		for i := range fewAndMany[n%len(fewAndMany)] {
			q := numbered(10_000*(n+1) + i)
			q.PrivateKey = secret.Random(138)
			all = append(all, q)
		}
		if err := v.SaveAll(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
	want := len(list(t, v))
	if got := len(list(t, reopen(t, v))); got != want || want < 2000+20 {
		t.Errorf("%d passkeys, want %d", got, want)
	}
}

// Whoever remembers what they made of the passkeys learns when to look again.
func TestRevisionChangesWithWhatIsListed(t *testing.T) {
	t.Parallel()
	v := create(t)
	p := numbered(1)
	seen := map[uint64]string{}
	now := func(what string, want bool) {
		t.Helper()
		r := v.Revision()
		if before, known := seen[r]; known == want {
			t.Errorf("after %s the revision is %d, which was that %q", what, r, before)
		}
		seen[r] = what
	}
	now("nothing", true)
	save(t, v, p)
	now("a save", true)
	if _, err := v.Use(t.Context(), p.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	now("a use", false)
	for _, n := range fewAndMany {
		check(t, v.SaveAll(t.Context(), manyOf(n)))
		now(fmt.Sprint("SaveAll of ", n), true)
	}
	check(t, v.Delete(t.Context(), p.ID))
	now("a deletion", true)
	v.Lock()
	if r := v.Revision(); r != 0 {
		t.Errorf("locked, it is %d", r)
	}
	check(t, v.Unlock(t.Context(), rightPIN))
	now("a lock", true)
}

func BenchmarkSaveAll(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		all := manyOf(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			v := create(b)
			for b.Loop() {
				if err := v.SaveAll(b.Context(), all); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
