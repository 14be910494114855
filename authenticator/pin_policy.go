package authenticator

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"cardea/internal/cbor"
)

// What follows is for a vault whose person changes the PIN by the app or a
// command, and not through clientPIN: the same rules hold.

// CheckNewPIN holds a new PIN against the settings of a security key, as
// PINVault.Settings gives them, and returns the settings that go with it: a
// change that was asked for is made. same says that it is the old one again.
// The error says what is wanted.
func CheckNewPIN(current []byte, pin string, same bool) (changed []byte, err error) {
	if len(current) == 0 {
		return nil, nil // of a vault that never was a security key's, or a new one
	}
	s := decodeSettings(current)
	switch {
	case uint(utf8.RuneCountInString(pin)) < s.MinPIN:
		return nil, fmt.Errorf("a PIN has at least %d characters here", s.MinPIN)
	case s.Complexity && tooSimple(pin):
		return nil, errors.New("a PIN is not one character over and over here, nor a run like 1234")
	case s.ForceChange && same:
		return nil, errors.New("another PIN is wanted")
	}
	s.ForceChange = false
	return s.encode(), nil
}

// EndPersistentToken ends the token by which programs may list passkeys: it
// came from a PIN that is changed. The vault must be unlocked.
func EndPersistentToken(ctx context.Context, v PINVault) error {
	id, err := readIdentity(ctx, v)
	if err != nil || id.Token == nil {
		return err
	}
	id.Token = nil
	return v.SetNote(ctx, noteIdentity, cbor.MustEncode(id))
}
