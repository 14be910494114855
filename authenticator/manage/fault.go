package manage

import (
	"context"
	"errors"
	"fmt"

	"cardea/authenticator"
	"cardea/authenticator/vault"
)

// A Fault is an error of a Manager as it crosses the socket. Code is empty if
// there was none.
type Fault struct {
	Code string `cbor:"1,keyasint,omitempty"`
	Left int    `cbor:"2,keyasint,omitempty"` // attempts
	Text string `cbor:"3,keyasint,omitempty"`
}

// wrongSecret is the code of a *vault.PINError, other that of errors which
// nobody branches on.
const (
	wrongSecret = "wrong-secret"
	other       = "other"
)

// sentinels are the errors that stay what they are on the other side.
var sentinels = []struct {
	code string
	err  error
}{
	{"blocked", vault.ErrBlocked}, {"policy", vault.ErrPolicy}, {"none", vault.ErrNone}, {"exists", vault.ErrExists},
	{"in-use", vault.ErrInUse}, {"damaged", vault.ErrDamaged}, {"secret-set", ErrSecretSet},
	{"no-passkey", authenticator.ErrNoPasskey}, {"locked", authenticator.ErrLocked}, {"canceled", context.Canceled},
}

// FaultOf writes err down. Errors of a vault hold no secrets.
func FaultOf(err error) Fault {
	if err == nil {
		return Fault{}
	}
	if wrong := (*vault.PINError)(nil); errors.As(err, &wrong) {
		return Fault{Code: wrongSecret, Left: wrong.Retries}
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return Fault{Code: s.code, Text: err.Error()}
		}
	}
	return Fault{Code: other, Text: err.Error()}
}

// Err is the error that f was made of: the same for errors.Is and errors.As.
func (f Fault) Err() error {
	switch f.Code {
	case "":
		return nil
	case wrongSecret:
		return &vault.PINError{Retries: f.Left}
	}
	for _, s := range sentinels {
		if f.Code == s.code {
			if f.Text == s.err.Error() {
				return s.err
			}
			return distant{f.Text, s.err}
		}
	}
	return fmt.Errorf("the passkey app: %s", f.Text)
}

// distant says what another program said, and is what that was.
type distant struct {
	text string
	is   error
}

func (d distant) Error() string { return d.text }
func (d distant) Unwrap() error { return d.is }
