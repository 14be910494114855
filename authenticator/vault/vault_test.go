package vault

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/vault/vaulttest"
)

const rightPIN = "2468"

// create makes a vault that costs nothing to open, closed with t.
func create(t testing.TB, opts ...Option) *Vault {
	t.Helper()
	v, err := Create(filepath.Join(t.TempDir(), "vault"), rightPIN, append([]Option{WithCost(TestCost)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// reopen closes v and opens the same files, unlocked.
func reopen(t testing.TB, v *Vault) *Vault {
	t.Helper()
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, v.path)
	if err := again.Unlock(t.Context(), rightPIN); err != nil {
		t.Fatal(err)
	}
	return again
}

func openAt(t testing.TB, path string) *Vault {
	t.Helper()
	v, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func save(t testing.TB, v *Vault, passkeys ...authenticator.Passkey) {
	t.Helper()
	for _, p := range passkeys {
		if err := v.Save(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

func list(t testing.TB, v *Vault) []authenticator.Passkey {
	t.Helper()
	passkeys, err := v.Passkeys(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return passkeys
}

func TestSuite(t *testing.T) {
	t.Parallel()
	vaulttest.Run(t, vaulttest.Suite{
		Open:   func(t *testing.T) authenticator.Vault { return create(t) },
		Reopen: func(t *testing.T, v authenticator.Vault) authenticator.Vault { return reopen(t, v.(*Vault)) },
		Lock:   func(_ *testing.T, v authenticator.Vault) { v.(*Vault).Lock() },
	})
}

// The same, with the log written anew after nearly every change.
func TestSuiteWhileTidying(t *testing.T) {
	t.Parallel()
	eager := func(v *Vault) authenticator.Vault {
		v.slack = -2
		return v
	}
	vaulttest.Run(t, vaulttest.Suite{
		Open:   func(t *testing.T) authenticator.Vault { return eager(create(t)) },
		Reopen: func(t *testing.T, v authenticator.Vault) authenticator.Vault { return eager(reopen(t, v.(*Vault))) },
		Lock:   func(_ *testing.T, v authenticator.Vault) { v.(*Vault).Lock() },
	})
}

func TestRename(t *testing.T) {
	t.Parallel()
	v := create(t)
	p := vaulttest.NewPasskey(1, "example.org", "ana")
	save(t, v, p)
	for _, tt := range []struct{ give, want string }{
		{"blue phone", "blue phone"}, {"", ""}, {"not \xff UTF-8", "not \uFFFD UTF-8"},
	} {
		if err := v.Rename(t.Context(), p.ID, tt.give); err != nil {
			t.Fatal(err)
		}
		v = reopen(t, v)
		if got := list(t, v)[0].Nickname; got != tt.want {
			t.Errorf("nickname %q, want %q", got, tt.want)
		}
	}
	if err := v.Rename(t.Context(), []byte{9}, "x"); !errors.Is(err, authenticator.ErrNoPasskey) {
		t.Errorf("Rename = %v, want ErrNoPasskey", err)
	}
}

func TestWrongPINsAreCountedAndTheRightOneForgives(t *testing.T) {
	t.Parallel()
	v := create(t)
	for round := range 2 {
		v.Lock()
		for want := MaxRetries - 1; want > 0; want-- {
			err := v.Unlock(t.Context(), "1357")
			if wrong := (*PINError)(nil); !errors.As(err, &wrong) || wrong.Retries != want {
				t.Fatalf("round %d: Unlock = %v, want %d retries left", round, err, want)
			}
			if v.Retries() != want || !v.Locked() {
				t.Fatalf("Retries = %d, locked %v; want %d, true", v.Retries(), v.Locked(), want)
			}
		}
		if err := v.Unlock(t.Context(), rightPIN); err != nil || v.Retries() != MaxRetries || v.Locked() {
			t.Fatalf("Unlock = %v, retries %d, locked %v", err, v.Retries(), v.Locked())
		}
	}
}

func TestTheLastWrongPINBlocksForGood(t *testing.T) {
	t.Parallel()
	v := create(t)
	for range MaxRetries - 1 {
		_ = v.Verify(t.Context(), "1357")
	}
	if err := v.Verify(t.Context(), "1357"); !errors.Is(err, ErrBlocked) {
		t.Fatalf("Verify = %v, want ErrBlocked", err)
	}
	if !v.Locked() {
		t.Error("a vault that was open stays open when it is blocked")
	}
	v.Close()
	v = openAt(t, v.path)
	if err := v.Unlock(t.Context(), rightPIN); !errors.Is(err, ErrBlocked) || !v.Locked() {
		t.Errorf("Unlock with the right PIN = %v, want ErrBlocked", err)
	}
	if err := v.ChangePIN(t.Context(), rightPIN, "8642"); !errors.Is(err, ErrBlocked) {
		t.Errorf("ChangePIN = %v, want ErrBlocked", err)
	}
}

// A program that is stopped while it tries a PIN must not get that try back.
func TestAttemptsAreCountedBeforeTheyAreMade(t *testing.T) {
	t.Parallel()
	v := create(t)
	h := v.header
	h.Retries--
	if err := v.writeHeader(h); err != nil { // as far as a killed attempt gets
		t.Fatal(err)
	}
	v.Close()
	v = openAt(t, v.path)
	if got := v.Retries(); got != MaxRetries-1 {
		t.Errorf("%d attempts left after a crash in the middle of one, want %d", got, MaxRetries-1)
	}
	// And try does write before it derives: with a header that cannot be
	// replaced, no secret is tried at all.
	if err := os.Mkdir(filepath.Join(v.path, headerFile+tmpSuffix), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, pin := range []string{"1357", rightPIN} {
		err := v.Unlock(t.Context(), pin)
		if err == nil || errors.As(err, new(*PINError)) || !v.Locked() {
			t.Errorf("Unlock = %v, locked %v; want another error, as the attempt cannot be counted", err, v.Locked())
		}
	}
}

func TestASecretThatCannotBeRightCostsNothing(t *testing.T) {
	t.Parallel()
	v := create(t)
	for _, pin := range []string{"", "123", strings.Repeat("x", 64), "123\xff"} {
		if err := v.Verify(t.Context(), pin); !errors.Is(err, ErrPolicy) {
			t.Errorf("Verify(%q) = %v, want ErrPolicy", pin, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.Verify(ctx, "1357"); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify = %v, want context.Canceled", err)
	}
	if v.Retries() != MaxRetries {
		t.Errorf("%d attempts left, want all", v.Retries())
	}
}

func TestVerifyChangesNothing(t *testing.T) {
	t.Parallel()
	v := create(t)
	v.Lock()
	if err := v.Verify(t.Context(), rightPIN); err != nil || !v.Locked() {
		t.Errorf("Verify of a locked vault = %v, locked %v", err, v.Locked())
	}
	if err := v.Unlock(t.Context(), rightPIN); err != nil {
		t.Fatal(err)
	}
	if err := v.Unlock(t.Context(), rightPIN); err != nil || v.Locked() {
		t.Errorf("Unlock of an unlocked vault = %v, locked %v", err, v.Locked())
	}
}

func TestChangeOfSecret(t *testing.T) {
	t.Parallel()
	v := create(t)
	save(t, v, vaulttest.NewPasskey(1, "example.org", "ana"))
	logBefore := readFile(t, v, logFile)
	if err := v.ChangePIN(t.Context(), "1357", "9999"); !errors.As(err, new(*PINError)) {
		t.Errorf("ChangePIN with the wrong old one = %v, want a PINError", err)
	}
	if err := v.ChangePIN(t.Context(), rightPIN, "12"); !errors.Is(err, ErrPolicy) {
		t.Errorf("ChangePIN to a short one = %v, want ErrPolicy", err)
	}
	if err := v.ChangeSecret(t.Context(), rightPIN, Pattern, "14789"); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(logBefore, readFile(t, v, logFile)) {
		t.Error("changing the secret wrote the passkeys anew")
	}
	v.Close()
	v = openAt(t, v.path)
	if v.Kind() != Pattern {
		t.Errorf("Kind = %q, want pattern", v.Kind())
	}
	if err := v.Unlock(t.Context(), rightPIN); err == nil {
		t.Error("the old secret still opens")
	}
	if err := v.Unlock(t.Context(), "14789"); err != nil || len(list(t, v)) != 1 {
		t.Errorf("Unlock = %v", err)
	}
}

func TestOneVaultIsOpenOnce(t *testing.T) {
	t.Parallel()
	v := create(t)
	if _, err := Open(v.path); !errors.Is(err, ErrInUse) {
		t.Errorf("Open = %v, want ErrInUse", err)
	}
	if err := Erase(v.path); !errors.Is(err, ErrInUse) {
		t.Errorf("Erase = %v, want ErrInUse", err)
	}
	if _, err := Create(v.path, rightPIN, WithCost(TestCost)); !errors.Is(err, ErrInUse) {
		t.Errorf("Create = %v, want ErrInUse", err)
	}
	v.Close()
	if _, err := Create(v.path, rightPIN, WithCost(TestCost)); !errors.Is(err, ErrExists) {
		t.Errorf("Create over a vault = %v, want ErrExists", err)
	}
	openAt(t, v.path)
}

func TestClosedVaults(t *testing.T) {
	t.Parallel()
	v := create(t)
	if err := errors.Join(v.Close(), v.Close()); err != nil {
		t.Fatal(err)
	}
	if err := v.Unlock(t.Context(), rightPIN); !errors.Is(err, ErrClosed) || !v.Locked() {
		t.Errorf("Unlock = %v, want ErrClosed", err)
	}
	if _, err := v.Passkeys(t.Context(), ""); !errors.Is(err, ErrClosed) {
		t.Errorf("Passkeys = %v, want ErrClosed", err)
	}
}

func TestErase(t *testing.T) {
	t.Parallel()
	v := create(t)
	save(t, v, vaulttest.NewPasskey(1, "example.org", "ana"))
	v.Close()
	if err := Erase(v.path); err != nil || Exists(v.path) {
		t.Fatalf("Erase = %v, exists %v", err, Exists(v.path))
	}
	if _, err := os.Stat(filepath.Join(v.path, logFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the passkeys are still there: %v", err)
	}
	if _, err := Open(v.path); !errors.Is(err, ErrNone) {
		t.Errorf("Open = %v, want ErrNone", err)
	}
	if err := Erase(v.path); !errors.Is(err, ErrNone) {
		t.Errorf("Erase again = %v, want ErrNone", err)
	}
	again, err := Create(v.path, rightPIN, WithCost(TestCost))
	if err != nil || len(list(t, again)) != 0 {
		t.Fatalf("Create = %v", err)
	}
	again.Close()
}

func TestOpenWhereThereIsNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none")
	if _, err := Open(path); !errors.Is(err, ErrNone) {
		t.Errorf("Open = %v, want ErrNone", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("Open made something")
	}
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	t.Parallel()
	v := create(t)
	save(t, v, vaulttest.NewPasskey(1, "example.org", "ana"))
	for name, want := range map[string]fs.FileMode{".": 0o700, headerFile: 0o600, logFile: 0o600, lockFile: 0o600} {
		info, err := os.Stat(filepath.Join(v.path, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
}

func TestNothingReadableIsOnTheDisk(t *testing.T) {
	t.Parallel()
	v := create(t)
	p := vaulttest.NewPasskey(7, "login.example.org", "ana-maria")
	p.Nickname = "kitchen-phone"
	save(t, v, p)
	if _, err := v.Use(t.Context(), p.ID, p.CreatedAt); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(v.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content := readFile(t, v, e.Name())
		for _, secret := range [][]byte{
			[]byte("example.org"), []byte("ana-maria"), []byte("kitchen"), []byte(rightPIN), p.ID[:8], p.PrivateKey.Expose()[:8],
		} {
			if bytes.Contains(content, secret) {
				t.Errorf("%s shows %q", e.Name(), secret)
			}
		}
	}
}

func TestPasskeysThatCannotBeSaved(t *testing.T) {
	t.Parallel()
	v := create(t)
	noID := vaulttest.NewPasskey(1, "example.org", "ana")
	noID.ID = nil
	long := vaulttest.NewPasskey(2, "example.org", "ben")
	long.RPName = strings.Repeat("x", maxRecord)
	for name, p := range map[string]authenticator.Passkey{"no ID": noID, "too long": long} {
		if err := v.Save(t.Context(), p); err == nil {
			t.Errorf("%s: Save = nil, want an error", name)
		}
	}
	full := vaulttest.NewPasskey(3, "example.org", "cleo")
	full.SignCount = 1<<32 - 1
	save(t, v, full)
	if n, err := v.Use(t.Context(), full.ID, full.CreatedAt); err == nil {
		t.Errorf("Use at the end of the count = %d, want an error", n)
	}
	if got := list(t, reopen(t, v)); len(got) != 1 {
		t.Errorf("%d passkeys, want 1", len(got))
	}
}

func TestConcurrentUses(t *testing.T) {
	t.Parallel()
	v := create(t)
	p := vaulttest.NewPasskey(1, "example.org", "ana")
	save(t, v, p)
	var mu sync.Mutex
	var counts []uint32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				n, err := v.Use(t.Context(), p.ID, p.CreatedAt)
				if err != nil {
					t.Error(err)
				}
				_ = v.Locked()
				mu.Lock()
				counts = append(counts, n)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(counts)
	counts = slices.Compact(counts)
	if len(counts) != 40 || counts[0] != 1 || counts[39] != 40 {
		t.Errorf("counts %v, want 1 to 40, each once", counts)
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind   Kind
		secret string
		ok     bool
	}{
		{PIN, "1234", true},
		{PIN, "123", false},
		{PIN, "", false},
		{PIN, "水火木金", true},
		{PIN, "水火木", false},
		{PIN, strings.Repeat("x", 63), true},
		{PIN, strings.Repeat("x", 64), false},
		{PIN, strings.Repeat("水", 22), false},
		{PIN, "123\xff", false},
		{Pattern, "1478", true},
		{Pattern, "123456789", true},
		{Pattern, "147", false},
		{Pattern, "1471", false},
		{Pattern, "1470", false},
		{Pattern, "14a8", false},
		{Pattern, "", false},
		{"face", "1234", false},
	} {
		if err := CheckPolicy(tt.kind, tt.secret); tt.ok != (err == nil) || !tt.ok && !errors.Is(err, ErrPolicy) {
			t.Errorf("CheckPolicy(%s, %q) = %v, want ok %v", tt.kind, tt.secret, err, tt.ok)
		}
	}
	if _, err := Create(filepath.Join(t.TempDir(), "v"), "12"); !errors.Is(err, ErrPolicy) {
		t.Errorf("Create = %v, want ErrPolicy", err)
	}
	if _, err := Create(filepath.Join(t.TempDir(), "v"), rightPIN, WithCost(Cost{})); err == nil {
		t.Error("Create took a cost of nothing")
	}
}

func readFile(t testing.TB, v *Vault, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(v.path, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
