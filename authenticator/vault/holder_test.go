package vault

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"cardea/authenticator/vault/vaulttest"
	"cardea/internal/secret"
)

func TestTheHolderOfTests(t *testing.T) {
	t.Parallel()
	h := &vaulttest.Holder{Lost: ErrHolderLost}
	vaulttest.RunHolder(t, func(*testing.T) vaulttest.KeyHolder { return h }, ErrHolderLost, true)
}

// enrolled returns a locked vault that h opens.
func enrolled(t *testing.T, h KeyHolder) *Vault {
	t.Helper()
	v := create(t)
	save(t, v, vaulttest.NewPasskey(1, "example.org", "ana"))
	if err := v.Enroll(t.Context(), rightPIN, h); err != nil {
		t.Fatal(err)
	}
	return closeAndOpen(t, v)
}

func TestAHolderOpensTheVault(t *testing.T) {
	t.Parallel()
	h := &vaulttest.Holder{Lost: ErrHolderLost}
	v := enrolled(t, h)
	if got := v.Holders(); !slices.Equal(got, []string{"memory"}) {
		t.Errorf("Holders = %q", got)
	}
	for range 2 { // the second time it is unlocked already
		if err := v.UnlockBy(t.Context(), h); err != nil || v.Locked() {
			t.Fatalf("UnlockBy = %v, locked %v", err, v.Locked())
		}
	}
	if n, err := v.PINLength(t.Context()); n != len(rightPIN) || err != nil || len(list(t, v)) != 1 {
		t.Errorf("PINLength = %d, %v; %d passkeys", n, err, len(list(t, v)))
	}
	if err := v.SetSettings(t.Context(), []byte("x")); err != nil {
		t.Error(err)
	}
}

func TestEnrollAsksForTheSecret(t *testing.T) {
	t.Parallel()
	v, h := create(t), &vaulttest.Holder{}
	wrong := (*PINError)(nil)
	if err := v.Enroll(t.Context(), "9999", h); !errors.As(err, &wrong) || v.Retries() != MaxRetries-1 {
		t.Errorf("Enroll = %v, %d attempts left", err, v.Retries())
	}
	if len(v.Holders()) != 0 || h.Len() != 0 {
		t.Errorf("Holders = %q, %d keys held", v.Holders(), h.Len())
	}
	if err := createOpen(t).Enroll(t.Context(), "", h); !errors.Is(err, ErrPolicy) {
		t.Errorf("Enroll of a vault without a secret = %v, want ErrPolicy", err)
	}
}

func TestSlotsOutliveAChangeOfTheSecret(t *testing.T) {
	t.Parallel()
	h := &vaulttest.Holder{Lost: ErrHolderLost}
	v := enrolled(t, h)
	if err := v.ChangePIN(t.Context(), rightPIN, "a longer one"); err != nil {
		t.Fatal(err)
	}
	v = closeAndOpen(t, v)
	if err := v.UnlockBy(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if n, err := v.PINLength(t.Context()); n != len("a longer one") || err != nil {
		t.Errorf("PINLength = %d, %v", n, err)
	}
	if err := v.SetPINHash(t.Context(), proofOf(PIN, "12345"), 5, nil); err != nil {
		t.Fatal(err)
	}
	v.Lock()
	if err := v.UnlockBy(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if n, err := v.PINLength(t.Context()); n != 5 || err != nil {
		t.Errorf("PINLength = %d, %v", n, err)
	}
}

func TestResetDestroysSlots(t *testing.T) {
	t.Parallel()
	h := &vaulttest.Holder{Lost: ErrHolderLost}
	v := enrolled(t, h)
	if err := v.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := v.SetPINHash(t.Context(), proofOf(PIN, rightPIN), 4, nil); err != nil {
		t.Fatal(err)
	}
	v = closeAndOpen(t, v)
	if err := v.UnlockBy(t.Context(), h); !errors.Is(err, ErrNotEnrolled) || !v.Locked() {
		t.Errorf("UnlockBy = %v, want ErrNotEnrolled", err)
	}
}

func TestAHolderGivesNoAttemptsBackAndOpensNothingBlocked(t *testing.T) {
	t.Parallel()
	h := &vaulttest.Holder{Lost: ErrHolderLost}
	v := enrolled(t, h)
	for left := MaxRetries - 1; left >= 0; left-- {
		if v.Unlock(t.Context(), "9999") == nil {
			t.Fatal("the wrong PIN opened it")
		}
		err := v.UnlockBy(t.Context(), h)
		if v.Retries() != left || (err == nil) != (left > 0) {
			t.Fatalf("UnlockBy = %v, %d attempts left, want %d", err, v.Retries(), left)
		}
		if left == 0 && !errors.Is(err, ErrBlocked) {
			t.Errorf("UnlockBy = %v, want ErrBlocked", err)
		}
		v.Lock()
	}
}

func TestUnenroll(t *testing.T) {
	t.Parallel()
	one, two := &vaulttest.Holder{Lost: ErrHolderLost}, &vaulttest.Holder{Called: "two", Lost: ErrHolderLost}
	v := enrolled(t, one)
	for range 2 { // the second takes the place of the first, whose key is forgotten
		if err := v.Enroll(t.Context(), rightPIN, two); err != nil {
			t.Fatal(err)
		}
	}
	if got := v.Holders(); !slices.Equal(got, []string{"memory", "two"}) || two.Len() != 1 {
		t.Errorf("Holders = %q, %d keys", got, two.Len())
	}
	if err := v.Unenroll(t.Context(), "memory", nil); err != nil || one.Len() != 1 {
		t.Errorf("Unenroll = %v, %d keys left", err, one.Len())
	}
	if err := v.Unenroll(t.Context(), "two", two); err != nil || two.Len() != 0 {
		t.Errorf("Unenroll = %v, %d keys left", err, two.Len())
	}
	v = closeAndOpen(t, v)
	for _, h := range []KeyHolder{one, two} {
		if err := v.UnlockBy(t.Context(), h); !errors.Is(err, ErrNotEnrolled) {
			t.Errorf("UnlockBy = %v, want ErrNotEnrolled", err)
		}
	}
	if err := v.Unenroll(t.Context(), "two", two); !errors.Is(err, ErrNotEnrolled) {
		t.Errorf("Unenroll = %v, want ErrNotEnrolled", err)
	}
}

// reluctant is a holder during whose calls something happens.
type reluctant struct {
	*vaulttest.Holder
	meanwhile func()
}

func (r reluctant) Hold(ctx context.Context, id []byte, key secret.Key) ([]byte, error) {
	blob, err := r.Holder.Hold(ctx, id, key)
	r.meanwhile()
	return blob, err
}

func (r reluctant) Give(ctx context.Context, id, blob []byte) (secret.Key, error) {
	key, err := r.Holder.Give(ctx, id, blob)
	r.meanwhile()
	return key, err
}

// A holder may ask the person and take long. What it was asked for may be void
// when it answers.
func TestWhileAHolderThinks(t *testing.T) {
	t.Parallel()
	h := &vaulttest.Holder{Lost: ErrHolderLost}
	v := enrolled(t, h)
	resets := reluctant{&vaulttest.Holder{Called: "other"}, func() {
		if err := v.Reset(t.Context()); err != nil {
			t.Error(err)
		}
	}}
	if err := v.Enroll(t.Context(), rightPIN, resets); err == nil || resets.Len() != 0 || len(v.Holders()) != 0 {
		t.Errorf("Enroll = %v, %d keys, Holders = %q", err, resets.Len(), v.Holders())
	}
	v = enrolled(t, h)
	taken := reluctant{h, func() {
		if err := v.Unenroll(t.Context(), "memory", nil); err != nil {
			t.Error(err)
		}
	}}
	if err := v.UnlockBy(t.Context(), taken); !errors.Is(err, ErrNotEnrolled) || !v.Locked() {
		t.Errorf("UnlockBy = %v, want ErrNotEnrolled", err)
	}
}

func TestASlotIsBoundToItsVaultAndItsName(t *testing.T) {
	t.Parallel()
	h := &vaulttest.Holder{Lost: ErrHolderLost}
	for name, change := range map[string]func(*header){
		"vault ID": func(h *header) { h.VaultID[0] ^= 1 },
		"sealed":   func(h *header) { h.Slots[0].Sealed[30] ^= 1 },
		"short":    func(h *header) { h.Slots[0].Sealed = h.Slots[0].Sealed[:10] },
		"blob":     func(h *header) { h.Slots[0].Blob[0] ^= 1 },
		"length":   func(h *header) { h.PINLength[30] ^= 1 },
		"salt":     func(h *header) { h.Salt[0] ^= 1 },
	} {
		v := enrolled(t, h)
		change(&v.header)
		if err := v.UnlockBy(t.Context(), h); err == nil || !v.Locked() {
			t.Errorf("%s: UnlockBy = %v, want an error", name, err)
		}
	}
	v := enrolled(t, h)
	v.header.Slots[0].Name = "other"
	h.Called = "other"
	if err := v.UnlockBy(t.Context(), h); !errors.Is(err, ErrHolderLost) {
		t.Errorf("UnlockBy with a slot of another name = %v, want ErrHolderLost", err)
	}
}

// copyOf copies a vault of testdata to where it can be written.
func copyFixture(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vault")
	if err := os.CopyFS(path, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	return path
}

// The vaults in testdata/v2 were written by the program of that version.
func TestAVaultOfVersion2IsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	v := openAt(t, copyFixture(t, "v2/pin"))
	if h, err := readHeader(filepath.Join(v.path, headerFile)); err != nil || h.Version != 3 {
		t.Fatalf("header on disk: version %d, %v", h.Version, err)
	}
	if v.Retries() != MaxRetries-2 || string(v.Settings()) != "settings" || !v.Locked() {
		t.Errorf("%d attempts left, settings %q", v.Retries(), v.Settings())
	}
	h := &vaulttest.Holder{Lost: ErrHolderLost}
	if err := v.Enroll(t.Context(), rightPIN, h); err != nil {
		t.Fatal(err)
	}
	for _, unlock := range []func(*Vault) error{
		func(v *Vault) error { return v.Unlock(t.Context(), rightPIN) },
		func(v *Vault) error { return v.UnlockBy(t.Context(), h) },
	} {
		if err := unlock(v); err != nil {
			t.Fatal(err)
		}
		wantFixture(t, v)
		v = closeAndOpen(t, v)
	}
}

func wantFixture(t *testing.T, v *Vault) {
	t.Helper()
	got := list(t, v)
	if len(got) != 3 || got[0].ID[0] != 4 || got[1].ID[0] != 3 || got[2].ID[0] != 1 {
		t.Fatalf("Passkeys = %+v", got)
	}
	a := got[2]
	if a.Nickname != "blue" || a.SignCount != 3 || a.LastUsed.UnixMilli() != 1_790_000_100_000 ||
		a.CredProtect != 3 || !a.ThirdPartyPayment || string(a.CredBlob.Expose()) != "blob" ||
		a.HMACSecrets.Len() != 64 || a.LargeBlobKey.Len() != 32 || a.Account.Name != "ana@example.org" ||
		!a.PrivateKey.Equal(vaulttest.NewPasskey(1, "", "").PrivateKey) {
		t.Errorf("the first passkey: %+v", a)
	}
	if got[0].Discoverable || got[0].SignCount != 1 || !got[0].LastUsed.IsZero() {
		t.Errorf("the hidden passkey: %+v", got[0])
	}
	if text, err := v.Note(t.Context(), "large blobs"); string(text) != "noted" || err != nil {
		t.Errorf("Note = %q, %v", text, err)
	}
	if n, err := v.PINLength(t.Context()); n != 4 || err != nil {
		t.Errorf("PINLength = %d, %v", n, err)
	}
}

func TestOtherVaultsOfVersion2(t *testing.T) {
	t.Parallel()
	v := openAt(t, copyFixture(t, "v2/none"))
	if got := list(t, v); len(got) != 1 || got[0].RPID != "example.net" {
		t.Errorf("Passkeys = %+v", got)
	}
	v = openAt(t, copyFixture(t, "v2/fresh"))
	if got := list(t, v); len(got) != 0 || v.PINSet() {
		t.Errorf("after a reset cut short: %+v", got)
	}
}

func TestAVaultOfALaterVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	v := create(t)
	v.Close()
	b := refit(readFile(t, v, headerFile), func(h *header) { h.Version = 4 })
	if err := replaceFile(filepath.Join(v.path, headerFile), b); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(v.path); !errors.Is(err, ErrNewer) || errors.Is(err, ErrDamaged) {
		t.Errorf("Open = %v, want ErrNewer", err)
	}
	if !bytes.Equal(b, readFile(t, v, headerFile)) {
		t.Error("the header was changed")
	}
}
