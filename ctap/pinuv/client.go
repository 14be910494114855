package pinuv

import (
	"context"
	"fmt"

	"cardea/ctap"
	"cardea/internal/cbor"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// Agree asks d for its key and returns the secret shared with it, and the
// client's half for the request that uses it.
func Agree(ctx context.Context, d ctap.Device, p Protocol) (Shared, cbor.Raw, error) {
	r, err := ctap.ClientPIN(ctx, d, ctap.ClientPINRequest{Protocol: uint(p), SubCommand: ctap.PINGetKeyAgreement})
	if err != nil {
		return Shared{}, nil, err
	}
	return Encapsulate(p, r.KeyAgreement)
}

// SetPIN gives d its first PIN (CTAP §6.5.5.5).
func SetPIN(ctx context.Context, d ctap.Device, p Protocol, pin string) error {
	shared, key, err := Agree(ctx, d, p)
	if err != nil {
		return err
	}
	sealed, err := sealPIN(shared, pin)
	if err != nil {
		return err
	}
	_, err = ctap.ClientPIN(ctx, d, ctap.ClientPINRequest{
		Protocol: uint(p), SubCommand: ctap.PINSet, KeyAgreement: key,
		NewPINEnc: sealed, PinUvAuthParam: shared.Authenticate(sealed),
	})
	return err
}

// ChangePIN replaces the PIN of d (CTAP §6.5.5.6).
func ChangePIN(ctx context.Context, d ctap.Device, p Protocol, old, new string) error {
	shared, key, err := Agree(ctx, d, p)
	if err != nil {
		return err
	}
	sealed, err := sealPIN(shared, new)
	if err != nil {
		return err
	}
	hash, err := shared.Encrypt(HashPIN(old))
	if err != nil {
		return err
	}
	_, err = ctap.ClientPIN(ctx, d, ctap.ClientPINRequest{
		Protocol: uint(p), SubCommand: ctap.PINChange, KeyAgreement: key, NewPINEnc: sealed, PINHashEnc: hash,
		PinUvAuthParam: shared.Authenticate(append(append([]byte{}, sealed...), hash...)),
	})
	return err
}

// GetToken proves the PIN to d and returns a token for what it is to be used
// for; rp may be empty if no permission needs a site. Without permissions it
// asks in the way of CTAP 2.0.
func GetToken(ctx context.Context, d ctap.Device, p Protocol, pin string, permissions ctap.Permission, rp webauthn.RPID) (Token, error) {
	shared, key, err := Agree(ctx, d, p)
	if err != nil {
		return Token{}, err
	}
	hash, err := shared.Encrypt(HashPIN(pin))
	if err != nil {
		return Token{}, err
	}
	r := ctap.ClientPINRequest{
		Protocol: uint(p), SubCommand: ctap.PINGetToken, KeyAgreement: key, PINHashEnc: hash, RPID: rp,
	}
	if permissions != 0 {
		r.SubCommand, r.Permissions = ctap.PINGetTokenWithPermission, &permissions
	}
	return receive(ctx, d, r, shared)
}

// GetTokenUsingUV has d verify its person itself, and returns a token for what
// it is to be used for (CTAP §6.5.5.7.3).
func GetTokenUsingUV(ctx context.Context, d ctap.Device, p Protocol, permissions ctap.Permission, rp webauthn.RPID) (Token, error) {
	shared, key, err := Agree(ctx, d, p)
	if err != nil {
		return Token{}, err
	}
	return receive(ctx, d, ctap.ClientPINRequest{
		Protocol: uint(p), SubCommand: ctap.PINGetTokenUsingUV, KeyAgreement: key, Permissions: &permissions, RPID: rp,
	}, shared)
}

func receive(ctx context.Context, d ctap.Device, r ctap.ClientPINRequest, shared Shared) (Token, error) {
	response, err := ctap.ClientPIN(ctx, d, r)
	if err != nil {
		return Token{}, err
	}
	token, err := shared.Decrypt(response.PinUvAuthToken)
	if err != nil {
		return Token{}, fmt.Errorf("reading the token: %w", err)
	}
	return TokenOf(shared.protocol, secret.New(token))
}

// sealPIN encrypts a new PIN. Whether it will do the authenticator decides.
func sealPIN(s Shared, pin string) ([]byte, error) {
	padded := make([]byte, PaddedPIN)
	if copy(padded, pin) != len(pin) {
		return nil, ctap.PINPolicyViolation
	}
	return s.Encrypt(padded)
}
