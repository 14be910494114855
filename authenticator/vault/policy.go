package vault

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Kind is what a person gives to open a vault.
type Kind string

// The kinds of secret.
const (
	// PIN is any text of MinPIN characters to MaxPIN bytes.
	PIN Kind = "pin"
	// Pattern is the unlock gesture over nine dots, in three rows of three:
	// the digits 1 to 9 in the order they were joined, as in "14789".
	Pattern Kind = "pattern"
	// NoPIN is no secret at all: whoever has the files has the passkeys. A
	// security key is so until it is given a PIN.
	NoPIN Kind = "none"
)

// Limits of a secret. Those of a PIN are CTAP's (CTAP §6.5.1), so that a PIN
// chosen here can be one for a client as well; that of a pattern is Android's.
const (
	MinPIN     = 4  // code points
	MaxPIN     = 63 // bytes
	MinPattern = 4  // dots
)

// MaxRetries is how often a person may be wrong in a row.
const MaxRetries = 8

// A PINError says that the secret was wrong. Retries is how many attempts are
// left. It is never zero: then the error is ErrBlocked.
type PINError struct{ Retries int }

// Error does not say what the secret was.
func (e *PINError) Error() string {
	return fmt.Sprintf("wrong secret, %d attempts left", e.Retries)
}

// What a vault says of a secret.
var (
	ErrBlocked = errors.New("vault is blocked after too many wrong attempts")
	ErrPolicy  = errors.New("secret does not meet the policy")
)

// CheckPolicy reports whether a secret could open a vault: nil, or an error
// that wraps ErrPolicy and says what is wanted.
func CheckPolicy(kind Kind, pin string) error {
	switch kind {
	case PIN:
		return checkPIN(pin)
	case Pattern:
		return checkPattern(pin)
	case NoPIN:
		if pin != "" {
			return fmt.Errorf("%w: there is no secret to give", ErrPolicy)
		}
		return nil
	}
	return fmt.Errorf("%w: unknown kind %q", ErrPolicy, kind)
}

func checkPIN(pin string) error {
	switch {
	case !utf8.ValidString(pin):
		return fmt.Errorf("%w: a PIN is text", ErrPolicy)
	case utf8.RuneCountInString(pin) < MinPIN:
		return fmt.Errorf("%w: a PIN has at least %d characters", ErrPolicy, MinPIN)
	case len(pin) > MaxPIN:
		return fmt.Errorf("%w: a PIN has at most %d bytes", ErrPolicy, MaxPIN)
	}
	return nil
}

func checkPattern(pattern string) error {
	if len(pattern) < MinPattern {
		return fmt.Errorf("%w: a pattern joins at least %d dots", ErrPolicy, MinPattern)
	}
	for i := range len(pattern) {
		if c := pattern[i]; c < '1' || c > '9' || strings.IndexByte(pattern, c) != i {
			return fmt.Errorf("%w: a pattern joins dots 1 to 9, each at most once", ErrPolicy)
		}
	}
	return nil
}
