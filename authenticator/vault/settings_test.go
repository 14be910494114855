package vault

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/vault/vaulttest"
)

func createOpen(t *testing.T) *Vault {
	t.Helper()
	v, err := Create(filepath.Join(t.TempDir(), "vault"), "", WithKind(NoPIN), WithCost(TestCost))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func closeAndOpen(t *testing.T, v *Vault) *Vault {
	t.Helper()
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	return openAt(t, v.path)
}

func TestPINSuite(t *testing.T) {
	t.Parallel()
	for name, slack := range map[string]int{"as it is": defaultSlack, "while tidying": 0} {
		t.Run(name, func(t *testing.T) {
			vaulttest.RunPIN(t, vaulttest.PINSuite{
				Open: func(t *testing.T) authenticator.PINVault {
					v := createOpen(t)
					v.slack = slack
					return v
				},
				Reopen: func(t *testing.T, v authenticator.PINVault) authenticator.PINVault {
					again := closeAndOpen(t, v.(*Vault))
					again.slack = slack
					return again
				},
			})
		})
	}
}

// The same PIN opens the vault typed here and sent by a client as a hash.
func TestAPINAndItsHashOpenTheSameVault(t *testing.T) {
	t.Parallel()
	v := create(t)
	if n, err := v.PINLength(t.Context()); n != len(rightPIN) || err != nil {
		t.Errorf("PINLength = %d, %v", n, err)
	}
	v.Lock()
	if err := v.UnlockHash(t.Context(), proofOf(PIN, rightPIN)); err != nil || v.Locked() {
		t.Errorf("UnlockHash = %v, locked %v", err, v.Locked())
	}
	if err := v.SetPINHash(t.Context(), proofOf(PIN, "another"), 7, nil); err != nil {
		t.Fatal(err)
	}
	v.Lock()
	if err := v.Unlock(t.Context(), "another"); err != nil {
		t.Errorf("Unlock = %v", err)
	}
	pattern := create(t, WithKind(PIN))
	if err := pattern.ChangeSecret(t.Context(), rightPIN, Pattern, "14789"); err != nil {
		t.Fatal(err)
	}
	if err := pattern.UnlockHash(t.Context(), proofOf(PIN, rightPIN)); err == nil || pattern.Retries() != MaxRetries {
		t.Errorf("a pattern was tried as a PIN: %v, %d left", err, pattern.Retries())
	}
}

func TestSettingsThatWereChangedOnTheDiskAreRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*header){
		"settings": func(h *header) { h.Settings[0] ^= 1 },
		"tag":      func(h *header) { h.Tag[0] ^= 1 },
		"no tag":   func(h *header) { h.Tag = nil },
	} {
		v := create(t)
		if err := v.SetSettings(t.Context(), []byte{1}); err != nil {
			t.Fatal(err)
		}
		if err := damage(t, v, headerFile, func(b []byte) []byte { return refit(b, change) }); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
	}
}

// Cut between its two writes, a reset has happened.
func TestAResetThatWasCutShortIsFinishedByOpen(t *testing.T) {
	t.Parallel()
	v := create(t)
	save(t, v, vaulttest.NewPasskey(1, "example.org", "ana"))
	log := readFile(t, v, logFile)
	if err := v.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(log, readFile(t, v, logFile)) {
		t.Fatal("the log was not begun anew")
	}
	h := v.header
	h.Fresh = true
	if err := v.writeHeader(h); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(filepath.Join(v.path, logFile), log); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		v = closeAndOpen(t, v)
		if v.PINSet() || v.Locked() || len(list(t, v)) != 0 || v.header.Fresh {
			t.Errorf("set %v, locked %v, %d passkeys", v.PINSet(), v.Locked(), len(list(t, v)))
		}
	}
}

func TestSettingsAndPINsThatAreRefused(t *testing.T) {
	t.Parallel()
	v := createOpen(t)
	before := readFile(t, v, headerFile)
	if err := v.SetSettings(t.Context(), make([]byte, maxSettings+1)); err == nil {
		t.Error("long settings were taken")
	}
	for name, err := range map[string]error{
		"short hash": v.SetPINHash(t.Context(), make([]byte, 15), 4, nil),
		"short PIN":  v.SetPINHash(t.Context(), make([]byte, 16), 3, nil),
		"long PIN":   v.SetPINHash(t.Context(), make([]byte, 16), 64, nil),
	} {
		if !errors.Is(err, ErrPolicy) {
			t.Errorf("%s: %v, want ErrPolicy", name, err)
		}
	}
	if err := v.Unlock(t.Context(), "1234"); !errors.Is(err, ErrPolicy) {
		t.Errorf("Unlock with a PIN where there is none: %v", err)
	}
	v.Lock()
	if v.Locked() || !bytes.Equal(before, readFile(t, v, headerFile)) {
		t.Error("locked, or the header changed")
	}
}
