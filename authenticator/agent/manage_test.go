package agent

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/manage"
	"cardea/authenticator/vault"
	"cardea/authenticator/vault/vaulttest"
)

func parts(t testing.TB, n int, last part) []byte {
	t.Helper()
	var all []authenticator.Passkey
	for i := range n {
		all = append(all, vaulttest.NewPasskey(byte(i), "example.org", "ana"))
	}
	var b bytes.Buffer
	if err := writeParts(&b, all, last, func() {}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPartsCutShortAreNone(t *testing.T) {
	t.Parallel()
	whole := parts(t, 40, part{Fault: manage.FaultOf(vault.ErrBlocked)})
	for n := range whole {
		if got, _, err := readParts(bytes.NewReader(whole[:n]), maxBrought, func() {}); err == nil || got != nil {
			t.Fatalf("the first %d of %d bytes are taken for the whole: %d passkeys, %v", n, len(whole), len(got), err)
		}
	}
	got, last, err := readParts(bytes.NewReader(whole), maxBrought, func() {})
	if err != nil || len(got) != 40 || !errors.Is(last.Fault.Err(), vault.ErrBlocked) {
		t.Errorf("the whole: %d passkeys, %+v, %v", len(got), last, err)
	}
}

func TestThereIsALimitToWhatIsBrought(t *testing.T) {
	t.Parallel()
	if _, _, err := readParts(bytes.NewReader(parts(t, 40, part{})), 1000, func() {}); err == nil {
		t.Error("40 passkeys come in where there is room for a few")
	}
}

// An agent that does not let its vault be managed ends the connection.
func TestVaultIsManagedOnlyWhereItIsOffered(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- Serve(t.Context(), l, nil, "") }()
	r, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if st, err := r.Manager().Status(t.Context()); !errors.Is(err, ErrCutShort) {
		t.Errorf("status = %+v, %v after %v; want ErrCutShort", st, err, time.Since(began))
	}
}

func FuzzReadParts(f *testing.F) {
	f.Add(parts(f, 3, part{Status: &manage.Status{Exists: true, Kind: vault.PIN, Retries: 8}}))
	f.Add(parts(f, 0, part{Fault: manage.FaultOf(&vault.PINError{Retries: 3})}))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, last, err := readParts(bytes.NewReader(b), maxBrought, func() {})
		if err != nil {
			return
		}
		var again bytes.Buffer
		last.Passkeys = nil
		if err := writeParts(&again, got, last, func() {}); err != nil {
			t.Fatal(err)
		}
		twice, _, err := readParts(&again, maxBrought, func() {})
		if err != nil || len(twice) != len(got) {
			t.Fatalf("%d passkeys, then %d, %v", len(got), len(twice), err)
		}
	})
}

// socketPath is a path short enough for a socket, which t.TempDir's is not.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "agent.sock")
}
