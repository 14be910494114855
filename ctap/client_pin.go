package ctap

import (
	"context"

	"cardea/internal/cbor"
	"cardea/webauthn"
)

// Subcommands of clientPIN (CTAP §6.5.5).
const (
	PINGetRetries             = 0x01
	PINGetKeyAgreement        = 0x02
	PINSet                    = 0x03
	PINChange                 = 0x04
	PINGetToken               = 0x05
	PINGetTokenUsingUV        = 0x06
	PINGetUVRetries           = 0x07
	PINGetTokenWithPermission = 0x09
)

// A Permission is what a pinUvAuthToken may be used for; they can be joined
// (CTAP §6.5.5.7).
type Permission uint

// The permissions of CTAP §6.5.5.7.
const (
	PermitMakeCredential Permission = 0x01
	PermitGetAssertion   Permission = 0x02
	PermitManagement     Permission = 0x04
	PermitBioEnrollment  Permission = 0x08
	PermitLargeBlobWrite Permission = 0x10
	PermitConfig         Permission = 0x20
	// PermitReadOnly is for the persistent token, which may list passkeys and
	// nothing else.
	PermitReadOnly Permission = 0x40
)

// ClientPINRequest is the map of CTAP §6.5.5.
type ClientPINRequest struct {
	Protocol       uint          `cbor:"1,keyasint,omitempty"`
	SubCommand     uint          `cbor:"2,keyasint"`
	KeyAgreement   cbor.Raw      `cbor:"3,keyasint,omitempty"`
	PinUvAuthParam []byte        `cbor:"4,keyasint,omitempty"`
	NewPINEnc      []byte        `cbor:"5,keyasint,omitempty"`
	PINHashEnc     []byte        `cbor:"6,keyasint,omitempty"`
	Permissions    *Permission   `cbor:"9,keyasint,omitempty"`
	RPID           webauthn.RPID `cbor:"10,keyasint,omitempty"`
}

// ClientPINResponse is the map of CTAP §6.5.5.
type ClientPINResponse struct {
	KeyAgreement    cbor.Raw `cbor:"1,keyasint,omitempty"`
	PinUvAuthToken  []byte   `cbor:"2,keyasint,omitempty"`
	PINRetries      *uint    `cbor:"3,keyasint,omitempty"`
	PowerCycleState *bool    `cbor:"4,keyasint,omitempty"`
	UVRetries       *uint    `cbor:"5,keyasint,omitempty"`
}

// Command returns CmdClientPIN.
func (ClientPINRequest) Command() Command { return CmdClientPIN }

// ClientPIN sends one subcommand of clientPIN (CTAP §6.5.5).
func ClientPIN(ctx context.Context, d Device, r ClientPINRequest) (ClientPINResponse, error) {
	return roundTrip[ClientPINResponse](ctx, d, CmdClientPIN, r)
}

func parseClientPIN(body []byte) (ClientPINRequest, error) {
	m := parseMap[int64](body)
	r := ClientPINRequest{
		Protocol:       take[uint](m, 1, optional),
		SubCommand:     take[uint](m, 2, required),
		KeyAgreement:   takeMap(m, 3),
		PinUvAuthParam: take[[]byte](m, 4, optional),
		NewPINEnc:      take[[]byte](m, 5, optional),
		PINHashEnc:     take[[]byte](m, 6, optional),
		RPID:           take[webauthn.RPID](m, 10, optional),
	}
	if _, given := m.raw[9]; given {
		p := take[Permission](m, 9, optional)
		r.Permissions = &p
	}
	return r, *m.err
}

// takeMap returns an optional map as it came.
func takeMap(m members[int64], key int64) cbor.Raw {
	raw, given := m.raw[key]
	if given && raw[0]>>5 != majorMap {
		m.fail(CBORUnexpectedType)
	}
	return raw
}
