package manage_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/authenticator"
	"cardea/authenticator/agent"
	"cardea/authenticator/authtest"
	"cardea/authenticator/exchange"
	"cardea/authenticator/manage"
	"cardea/authenticator/vault"
	"cardea/authenticator/vault/vaulttest"
	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/secret"
)

const pin = "7269"

// served returns m as programs have it through an agent's socket.
func served(t *testing.T, m manage.Manager) manage.Manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "agent.sock")
	l, err := agent.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	a, _, _ := authtest.New()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- agent.Serve(ctx, l, a, "", agent.WithManager(m)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	r, err := agent.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return r.Manager()
}

// A place is a vault and who manages it.
type place struct {
	manage.Manager
	v *vault.Vault
}

// either runs a test with a vault that is open here, and with one that is open
// in another program. The vault is locked.
func either(t *testing.T, test func(*testing.T, place)) {
	t.Parallel()
	for _, where := range []string{"here", "through the socket"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			v, err := vault.Create(filepath.Join(t.TempDir(), "vault"), pin, vault.WithCost(vault.TestCost))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = v.Close() })
			for n := range byte(3) {
				if err := v.Save(t.Context(), vaulttest.NewPasskey(n+1, "example.org", string('a'+rune(n)))); err != nil {
					t.Fatal(err)
				}
			}
			v.Lock()
			p := place{manage.Vault(v), v}
			if where != "here" {
				p.Manager = served(t, p.Manager)
			}
			test(t, p)
		})
	}
}

func TestEverythingProvesTheSecret(t *testing.T) {
	either(t, func(t *testing.T, m place) {
		ctx, id := t.Context(), vaulttest.NewPasskey(1, "example.org", "a").ID
		for name, try := range map[string]func(string) error{
			"unlock": func(s string) error { return m.Unlock(ctx, s) },
			"list":   func(s string) error { _, err := m.List(ctx, s); return err },
			"export": func(s string) error { _, err := m.Export(ctx, s); return err },
			"rename": func(s string) error { return m.Rename(ctx, s, id, "x") },
			"delete": func(s string) error { return m.Delete(ctx, s, id) },
			"import": func(s string) error { _, err := m.Import(ctx, s, nil); return err },
			"secret": func(s string) error { return m.SetSecret(ctx, s, "9999") },
			"erase":  func(s string) error { return m.Erase(ctx, s) },
		} {
			for _, unlocked := range []bool{false, true} {
				if m.v.Lock(); unlocked {
					if err := m.v.Unlock(ctx, pin); err != nil {
						t.Fatal(err)
					}
				}
				before := m.v.Retries()
				var wrong *vault.PINError
				if err := try("0000"); !errors.As(err, &wrong) || wrong.Retries != before-1 || m.v.Retries() != before-1 {
					t.Errorf("%s by a wrong secret, unlocked %v: %v, %d tries left of %d", name, unlocked, err, m.v.Retries(), before)
				}
				if m.v.Locked() == unlocked {
					t.Errorf("%s by a wrong secret, unlocked %v: now locked %v", name, unlocked, m.v.Locked())
				}
				if err := m.v.Verify(ctx, pin); err != nil { // gives the attempts back
					t.Fatal(err)
				}
			}
		}
		if all, err := m.List(ctx, pin); err != nil || len(all) != 3 {
			t.Errorf("after all that: %d passkeys, %v", len(all), err)
		}
		if !m.v.Locked() {
			m.v.Lock()
		}
		if _, err := m.List(ctx, pin); err != nil || !m.v.Locked() {
			t.Errorf("a list leaves the vault unlocked: %v, %v", !m.v.Locked(), err)
		}
	})
}

func TestBlockedIsSaid(t *testing.T) {
	either(t, func(t *testing.T, m place) {
		for range vault.MaxRetries {
			_ = m.Unlock(t.Context(), "0000")
		}
		if err := m.Unlock(t.Context(), pin); !errors.Is(err, vault.ErrBlocked) {
			t.Errorf("unlock = %v, want ErrBlocked", err)
		}
		if st, err := m.Status(t.Context()); err != nil || st != (manage.Status{Exists: true, Kind: vault.PIN, Locked: true}) {
			t.Errorf("status = %+v, %v", st, err)
		}
		if err := m.Erase(t.Context(), ""); err != nil || m.v.Kind() != vault.NoPIN {
			t.Errorf("erase of a blocked vault = %v, kind %s", err, m.v.Kind())
		}
	})
}

func TestPasskeysAreListedWithoutTheirKeys(t *testing.T) {
	either(t, func(t *testing.T, m place) {
		all, err := m.List(t.Context(), pin)
		if err != nil || len(all) != 3 {
			t.Fatalf("%d passkeys, %v", len(all), err)
		}
		for n, p := range all {
			want := manage.Public(vaulttest.NewPasskey(byte(3-n), "example.org", string('c'-rune(n))))
			if d := cmp.Diff(want, p, cmp.Comparer(func(a, b secret.Key) bool { return a.Len() == 0 && b.Len() == 0 })); d != "" {
				t.Errorf("passkey %d: %s", n, d)
			}
		}
	})
}

func TestRenameAndDelete(t *testing.T) {
	either(t, func(t *testing.T, m place) {
		ctx, p := t.Context(), vaulttest.NewPasskey(2, "example.org", "b")
		if err := m.Rename(ctx, pin, p.ID, "work"); err != nil {
			t.Error(err)
		}
		all, err := m.List(ctx, pin)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := manage.Find(all, "work"); err != nil || string(got.ID) != string(p.ID) {
			t.Errorf("found %v, %v", got, err)
		}
		if err := m.Delete(ctx, pin, p.ID); err != nil {
			t.Error(err)
		}
		for _, err := range []error{m.Delete(ctx, pin, p.ID), m.Rename(ctx, pin, p.ID, "x")} {
			if !errors.Is(err, authenticator.ErrNoPasskey) {
				t.Errorf("once more: %v, want ErrNoPasskey", err)
			}
		}
	})
}

func TestSecretIsChanged(t *testing.T) {
	either(t, func(t *testing.T, m place) {
		ctx := t.Context()
		if err := m.SetSecret(ctx, "", "555555"); !errors.Is(err, manage.ErrSecretSet) {
			t.Errorf("without the old one: %v, want ErrSecretSet", err)
		}
		if err := m.SetSecret(ctx, pin, "55"); !errors.Is(err, vault.ErrPolicy) || m.v.Retries() != vault.MaxRetries {
			t.Errorf("a short one: %v, want ErrPolicy", err)
		}
		if err := m.SetSecret(ctx, pin, "555555"); err != nil {
			t.Error(err)
		}
		if err := m.Unlock(ctx, "555555"); err != nil || m.v.Locked() {
			t.Errorf("by the new one: %v", err)
		}
		if err := m.Lock(ctx); err != nil || !m.v.Locked() {
			t.Errorf("lock: %v", err)
		}
	})
}

// What let a program list the passkeys came from the old PIN.
func TestChangedPINEndsThePersistentToken(t *testing.T) {
	either(t, func(t *testing.T, m place) {
		key := authenticator.New(authenticator.Config{Profile: authenticator.SecurityKey, Vault: m.v, Person: authtest.NewPerson()})
		if _, err := pinuv.GetToken(t.Context(), key.Device(authtest.Local), pinuv.Two, pin, ctap.PermitReadOnly, ""); err != nil {
			t.Fatal(err)
		}
		if key.Info().EncIdentifier == nil {
			t.Fatal("there is no persistent token")
		}
		if err := m.SetSecret(t.Context(), pin, "555555"); err != nil {
			t.Fatal(err)
		}
		if err := m.Unlock(t.Context(), "555555"); err != nil {
			t.Fatal(err)
		}
		if key.Info().EncIdentifier != nil {
			t.Error("the persistent token outlives the PIN")
		}
	})
}

func TestOutOfOneVaultIntoAnother(t *testing.T) {
	either(t, func(t *testing.T, from place) {
		out, err := from.Export(t.Context(), pin)
		if err != nil || len(out) != 3 || out[0].PrivateKey.Len() == 0 {
			t.Fatalf("%d out, %v", len(out), err)
		}
		if c, err := from.Import(t.Context(), pin, out); err != nil || c != (exchange.Counts{Kept: 3}) {
			t.Errorf("back into the same: %+v, %v", c, err)
		}
		v, err := vault.Create(filepath.Join(t.TempDir(), "other"), pin, vault.WithCost(vault.TestCost))
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		to := served(t, manage.Vault(v))
		if c, err := to.Import(t.Context(), pin, out); err != nil || c != (exchange.Counts{Added: 3}) {
			t.Errorf("into another: %+v, %v", c, err)
		}
		in, err := to.Export(t.Context(), pin)
		if d := cmp.Diff(out, in, cmp.Comparer(func(a, b secret.Key) bool { return a.Equal(b) })); err != nil || d != "" {
			t.Errorf("%v: %s", err, d)
		}
	})
}

func TestThereMayBeNoVaultYet(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "vault")
	var v *vault.Vault
	h := manage.Holder{
		Vault: func() (*vault.Vault, error) {
			if v == nil {
				return nil, vault.ErrNone
			}
			return v, nil
		},
		Create: func(pin string) (err error) {
			v, err = vault.Create(path, pin, vault.WithCost(vault.TestCost))
			return err
		},
		Erase: func() error {
			err := v.Close()
			v = nil
			return errors.Join(err, vault.Erase(path))
		},
	}
	m := served(t, manage.Held(h))
	if st, err := m.Status(t.Context()); err != nil || st.Exists {
		t.Errorf("status = %+v, %v", st, err)
	}
	if _, err := m.List(t.Context(), pin); !errors.Is(err, vault.ErrNone) {
		t.Errorf("list = %v, want ErrNone", err)
	}
	if err := m.SetSecret(t.Context(), "", pin); err != nil {
		t.Fatal(err)
	}
	if all, err := m.List(t.Context(), pin); err != nil || len(all) != 0 {
		t.Errorf("list = %v, %v", all, err)
	}
	if err := m.Erase(t.Context(), pin); err != nil || vault.Exists(path) {
		t.Errorf("erase = %v", err)
	}
}

// crowd is a Manager with a great many passkeys, that keeps how many came and
// lets in as many as it has room for.
type crowd struct {
	manage.Manager
	all        []authenticator.Passkey
	came, room int
}

func (c *crowd) Export(context.Context, string) ([]authenticator.Passkey, error) { return c.all, nil }

func (c *crowd) Import(_ context.Context, _ string, all []authenticator.Passkey) (exchange.Counts, error) {
	if c.came = len(all); c.came > c.room {
		return exchange.Counts{}, errors.New("disk is full")
	}
	return exchange.Counts{Added: len(all)}, nil
}

func TestHundredThousandPasskeysCrossTheSocket(t *testing.T) {
	t.Parallel()
	const many = 100_000
	p := vaulttest.NewPasskey(1, "example.org", "a user handle of usual length")
	p.PrivateKey = secret.Random(138)
	c := &crowd{all: make([]authenticator.Passkey, many)}
	for n := range c.all {
		q := p
		q.PrivateKey = secret.New(p.PrivateKey.Expose()) // the agent wipes what it has sent
		c.all[n] = q
	}
	m := served(t, c)
	out, err := m.Export(t.Context(), "")
	if err != nil || len(out) != many {
		t.Fatalf("%d came out, %v", len(out), err)
	}
	if counts, err := m.Import(t.Context(), "", out); err == nil || err.Error() != "the passkey app: disk is full" || counts.Added != 0 || c.came != many {
		t.Errorf("without room %d went in, counted %+v, %v", c.came, counts, err)
	}
	c.room = many
	if counts, err := m.Import(t.Context(), "", out); err != nil || counts.Added != many || c.came != many {
		t.Errorf("%d went in, counted %+v, %v", c.came, counts, err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	a, b := vaulttest.NewPasskey(1, "example.org", "ana"), vaulttest.NewPasskey(2, "example.org", "bob")
	c := vaulttest.NewPasskey(3, "other.example", "ana")
	c.Nickname = "Work"
	all := []authenticator.Passkey{a, b, c}
	for words, want := range map[string]authenticator.Passkey{
		manage.Ref(a): a, manage.Ref(b)[:8]: b, b.ID.String(): b, "work": c, "other.example": c,
		"EXAMPLE.org/ana@example.org": a, "example.org/bob": b, "bob": b,
	} {
		if got, err := manage.Find(all, words); err != nil || string(got.ID) != string(want.ID) {
			t.Errorf("Find(%q) = %v, %v", words, got.ID, err)
		}
	}
	var several *manage.AmbiguousError
	for _, words := range []string{"example.org", "ana"} {
		if _, err := manage.Find(all, words); !errors.As(err, &several) || len(several.Matches) != 2 {
			t.Errorf("Find(%q) = %v, want two that fit", words, err)
		}
	}
	for _, words := range []string{"", "/", "nobody", manage.Ref(a)[:3], "example.org/"} {
		if got, err := manage.Find(all, words); !errors.Is(err, authenticator.ErrNoPasskey) {
			t.Errorf("Find(%q) = %v, %v; want ErrNoPasskey", words, got.ID, err)
		}
	}
}
