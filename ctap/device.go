package ctap

import (
	"context"
	"errors"
	"fmt"

	"cardea/internal/cbor"
)

// MaxMessage bounds a request or response in bytes. It is more than any
// command here needs, and less than a tunnel carries.
const MaxMessage = 64 << 10

// A Device carries one message to an authenticator and brings its answer. The
// end of ctx cancels the command. A Device serves one command at a time; it
// need not be safe for concurrent use.
type Device interface {
	Send(ctx context.Context, request []byte) (response []byte, err error)
}

// MakeCredential asks d for a new passkey (CTAP §6.1). An error that is a
// Status is the authenticator's own; any other is of the way there.
func MakeCredential(ctx context.Context, d Device, r MakeCredentialRequest) (MakeCredentialResponse, error) {
	return roundTrip[MakeCredentialResponse](ctx, d, CmdMakeCredential, r)
}

// GetAssertion asks d for a signature by a passkey it holds (CTAP §6.2).
func GetAssertion(ctx context.Context, d Device, r GetAssertionRequest) (GetAssertionResponse, error) {
	return roundTrip[GetAssertionResponse](ctx, d, CmdGetAssertion, r)
}

// GetNextAssertion asks for the next one of several (CTAP §6.3).
func GetNextAssertion(ctx context.Context, d Device) (GetAssertionResponse, error) {
	return roundTrip[GetAssertionResponse](ctx, d, CmdGetNextAssertion, nil)
}

// GetInfo asks d what it is and can do (CTAP §6.4).
func GetInfo(ctx context.Context, d Device) (Info, error) {
	return roundTrip[Info](ctx, d, CmdGetInfo, nil)
}

// Selection asks the person to show which device is meant (CTAP §6.9).
func Selection(ctx context.Context, d Device) error {
	_, err := roundTrip[struct{}](ctx, d, CmdSelection, nil)
	return err
}

// Reset makes d forget everything (CTAP §6.6).
func Reset(ctx context.Context, d Device) error {
	_, err := roundTrip[struct{}](ctx, d, CmdReset, nil)
	return err
}

func roundTrip[R any](ctx context.Context, d Device, c Command, params any) (r R, err error) {
	request := []byte{byte(c)}
	if params != nil {
		b, err := cbor.Encode(params)
		if err != nil {
			return r, fmt.Errorf("%v: encoding: %w", c, err)
		}
		request = append(request, b...)
	}
	response, err := d.Send(ctx, request)
	if err != nil {
		return r, fmt.Errorf("%v: %w", c, err)
	}
	if err := DecodeResponse(response, &r); err != nil {
		return r, fmt.Errorf("%v: %w", c, err)
	}
	return r, nil
}

// DecodeResponse splits a response into status and map and decodes the map
// into v. A status other than OK is returned as the error.
func DecodeResponse(response []byte, v any) error {
	if len(response) == 0 {
		return errors.New("empty response")
	}
	if s := Status(response[0]); s != OK {
		return s
	}
	if len(response) == 1 {
		return nil // CTAP §6: a command with no data answers the status alone
	}
	if err := cbor.Decode(response[1:], v); err != nil {
		return fmt.Errorf("response: %w", err)
	}
	return nil
}

// EncodeResponse is the other half of DecodeResponse: the status of err, or OK
// and the map of v. A nil v answers the status alone.
func EncodeResponse(v any, err error) []byte {
	if err != nil {
		var s Status
		if !errors.As(err, &s) || s == OK {
			s = Other
		}
		return []byte{byte(s)}
	}
	if v == nil {
		return []byte{byte(OK)}
	}
	return append([]byte{byte(OK)}, cbor.MustEncode(v)...)
}
