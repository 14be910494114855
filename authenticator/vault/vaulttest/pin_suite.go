package vaulttest

import (
	"bytes"
	"errors"
	"testing"

	"cardea/authenticator"
)

// A PINSuite says how to get at one kind of PINVault.
type PINSuite struct {
	// Open returns an empty vault without a PIN. It closes it with t.
	Open func(t *testing.T) authenticator.PINVault
	// Reopen closes v and opens what it kept, locked if there is a PIN.
	Reopen func(t *testing.T, v authenticator.PINVault) authenticator.PINVault
}

var (
	hash  = bytes.Repeat([]byte{1}, 16)
	wrong = bytes.Repeat([]byte{2}, 16)
)

// RunPIN runs the suite.
func RunPIN(t *testing.T, s PINSuite) {
	for _, c := range []struct {
		claim string
		run   func(*testing.T, PINSuite)
	}{
		{"without a PIN it is open", openWithoutPIN},
		{"a PIN locks it", pinLocks},
		{"settings are read while it is locked", settingsWhileLocked},
		{"wrong PINs are counted, and the last one blocks", countsWrongPINs},
		{"the PIN can be changed", changesPIN},
		{"notes are kept and sealed", keepsNotes},
		{"reset forgets all, even when blocked", resetForgets},
	} {
		t.Run(c.claim, func(t *testing.T) {
			t.Parallel()
			c.run(t, s)
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openWithoutPIN(t *testing.T, s PINSuite) {
	v := s.Open(t)
	save(t, v, NewPasskey(1, "example.org", "ana"))
	for range 2 {
		if v.PINSet() || v.Locked() || v.Retries() != 8 || v.Settings() != nil {
			t.Errorf("set %v, locked %v, %d retries, settings %x", v.PINSet(), v.Locked(), v.Retries(), v.Settings())
		}
		if n, err := v.PINLength(t.Context()); n != 0 || err != nil {
			t.Errorf("PINLength = %d, %v", n, err)
		}
		wantIDs(t, list(t, v, ""), 1)
		v = s.Reopen(t, v)
	}
}

func pinLocks(t *testing.T, s PINSuite) {
	v := s.Open(t)
	save(t, v, NewPasskey(1, "example.org", "ana"))
	check(t, v.SetPINHash(t.Context(), hash, 6, nil))
	if !v.PINSet() || v.Locked() {
		t.Errorf("set %v, locked %v; want set, and still open", v.PINSet(), v.Locked())
	}
	v = s.Reopen(t, v)
	if !v.PINSet() || !v.Locked() {
		t.Fatalf("set %v, locked %v; want both", v.PINSet(), v.Locked())
	}
	_, length := v.PINLength(t.Context())
	_, note := v.Note(t.Context(), "x")
	_, found := v.Find(t.Context(), []byte{1})
	for what, err := range map[string]error{
		"PINLength": length, "Note": note, "Find": found,
		"SetNote": v.SetNote(t.Context(), "x", nil), "SetSettings": v.SetSettings(t.Context(), nil),
		"SetPINHash": v.SetPINHash(t.Context(), wrong, 4, nil),
	} {
		if !errors.Is(err, authenticator.ErrLocked) {
			t.Errorf("%s = %v, want ErrLocked", what, err)
		}
	}
	check(t, v.UnlockHash(t.Context(), hash))
	wantIDs(t, list(t, v, ""), 1)
	if n, err := v.PINLength(t.Context()); n != 6 || err != nil {
		t.Errorf("PINLength = %d, %v, want 6", n, err)
	}
}

func settingsWhileLocked(t *testing.T, s PINSuite) {
	v := s.Open(t)
	check(t, v.SetSettings(t.Context(), []byte("one")))
	v = s.Reopen(t, v)
	if got := v.Settings(); string(got) != "one" {
		t.Errorf("Settings = %q", got)
	}
	check(t, v.SetPINHash(t.Context(), hash, 4, []byte("two")))
	v = s.Reopen(t, v)
	if got := v.Settings(); string(got) != "two" || !v.Locked() {
		t.Errorf("Settings = %q, locked %v", got, v.Locked())
	}
	check(t, v.UnlockHash(t.Context(), hash))
	if got := v.Settings(); string(got) != "two" {
		t.Errorf("Settings = %q", got)
	}
}

func countsWrongPINs(t *testing.T, s PINSuite) {
	v := s.Open(t)
	check(t, v.SetPINHash(t.Context(), hash, 4, nil))
	if err := v.UnlockHash(t.Context(), wrong); !errors.Is(err, authenticator.ErrWrongPIN) || v.Retries() != 7 {
		t.Errorf("wrong PIN: %v, %d left", err, v.Retries())
	}
	check(t, v.UnlockHash(t.Context(), hash))
	if v.Retries() != 8 {
		t.Errorf("%d retries after the right PIN", v.Retries())
	}
	v = s.Reopen(t, v)
	for left := 7; left > 0; left-- {
		if err := v.UnlockHash(t.Context(), wrong); !errors.Is(err, authenticator.ErrWrongPIN) || v.Retries() != left {
			t.Errorf("wrong PIN: %v, %d left, want %d", err, v.Retries(), left)
		}
		v = s.Reopen(t, v)
	}
	for _, h := range [][]byte{wrong, hash} {
		if err := v.UnlockHash(t.Context(), h); !errors.Is(err, authenticator.ErrPINBlocked) || v.Retries() != 0 || !v.Locked() {
			t.Errorf("blocked: %v, %d left, locked %v", err, v.Retries(), v.Locked())
		}
	}
}

func changesPIN(t *testing.T, s PINSuite) {
	v := s.Open(t)
	save(t, v, NewPasskey(1, "example.org", "ana"))
	check(t, v.SetPINHash(t.Context(), hash, 4, nil))
	check(t, v.SetPINHash(t.Context(), wrong, 9, nil))
	if n, err := v.PINLength(t.Context()); n != 9 || err != nil {
		t.Errorf("PINLength = %d, %v, want 9", n, err)
	}
	v = s.Reopen(t, v)
	if err := v.UnlockHash(t.Context(), hash); !errors.Is(err, authenticator.ErrWrongPIN) {
		t.Errorf("the old PIN: %v", err)
	}
	check(t, v.UnlockHash(t.Context(), wrong))
	wantIDs(t, list(t, v, ""), 1)
}

func keepsNotes(t *testing.T, s PINSuite) {
	v := s.Open(t)
	check(t, v.SetNote(t.Context(), "a", []byte("old")))
	check(t, v.SetNote(t.Context(), "a", []byte("new")))
	check(t, v.SetNote(t.Context(), "b", []byte("other")))
	for range 2 {
		for name, want := range map[string]string{"a": "new", "b": "other", "c": ""} {
			if got, err := v.Note(t.Context(), name); string(got) != want || err != nil {
				t.Errorf("Note(%q) = %q, %v, want %q", name, got, err, want)
			}
		}
		v = s.Reopen(t, v)
	}
}

func resetForgets(t *testing.T, s PINSuite) {
	v := s.Open(t)
	save(t, v, NewPasskey(1, "example.org", "ana"))
	check(t, v.SetNote(t.Context(), "a", []byte("x")))
	check(t, v.SetPINHash(t.Context(), hash, 4, []byte("settings")))
	v = s.Reopen(t, v)
	for range 8 {
		if v.UnlockHash(t.Context(), wrong) == nil {
			t.Fatal("the wrong PIN opened it")
		}
	}
	check(t, v.Reset(t.Context()))
	for range 2 {
		if v.PINSet() || v.Locked() || v.Retries() != 8 || v.Settings() != nil {
			t.Errorf("set %v, locked %v, %d retries, settings %x", v.PINSet(), v.Locked(), v.Retries(), v.Settings())
		}
		if got, err := v.Note(t.Context(), "a"); got != nil || err != nil {
			t.Errorf("Note = %q, %v", got, err)
		}
		wantIDs(t, list(t, v, ""))
		v = s.Reopen(t, v)
	}
	save(t, v, NewPasskey(2, "example.org", "ana"))
	wantIDs(t, list(t, s.Reopen(t, v), ""), 2)
}

func finds(t *testing.T, s Suite) {
	v := s.Open(t)
	p := NewPasskey(1, "example.org", "ana")
	save(t, v, p)
	save(t, v, NewPasskey(2, "example.org", "ben"))
	if got, err := v.Find(t.Context(), p.ID); err != nil || !same(got, p) {
		t.Errorf("Find = %+v, %v", got, err)
	}
	if _, err := v.Find(t.Context(), []byte("x")); !errors.Is(err, authenticator.ErrNoPasskey) {
		t.Errorf("Find = %v, want ErrNoPasskey", err)
	}
}
