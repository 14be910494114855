package ctap

import (
	"context"

	"cardea/internal/cbor"
)

// Subcommands of bioEnrollment (CTAP §6.7).
const (
	BioEnrollBegin = 0x01
	BioCaptureNext = 0x02
	BioCancel      = 0x03
	BioEnumerate   = 0x04
	BioSetName     = 0x05
	BioRemove      = 0x06
	BioSensorInfo  = 0x07
)

// BioFingerprint is the one modality there is.
const BioFingerprint = 0x01

// BioRequest is the map of CTAP §6.7. The parameters are kept as they came, for
// they are what the client has authenticated.
type BioRequest struct {
	Modality          uint     `cbor:"1,keyasint,omitempty"`
	SubCommand        uint     `cbor:"2,keyasint,omitempty"`
	RawParams         cbor.Raw `cbor:"3,keyasint,omitempty"`
	PinUvAuthProtocol uint     `cbor:"4,keyasint,omitempty"`
	PinUvAuthParam    []byte   `cbor:"5,keyasint,omitempty"`
	GetModality       bool     `cbor:"6,keyasint,omitempty"`

	Params BioParams `cbor:"-"`
}

// BioParams are the parameters of all subcommands of CTAP §6.7.
type BioParams struct {
	TemplateID []byte `cbor:"1,keyasint,omitempty"`
	Name       string `cbor:"2,keyasint,omitempty"`
	// Timeout is in milliseconds; zero leaves it to the authenticator.
	Timeout uint `cbor:"3,keyasint,omitempty"`
}

// BioResponse is the map of CTAP §6.7.
type BioResponse struct {
	Modality   uint          `cbor:"1,keyasint,omitempty"`
	Kind       uint          `cbor:"2,keyasint,omitempty"` // 1 is touched, 2 swiped
	MaxSamples uint          `cbor:"3,keyasint,omitempty"`
	TemplateID []byte        `cbor:"4,keyasint,omitempty"`
	LastSample *uint         `cbor:"5,keyasint,omitempty"`
	Remaining  *uint         `cbor:"6,keyasint,omitempty"`
	Templates  []BioTemplate `cbor:"7,keyasint,omitempty"`
	MaxName    uint          `cbor:"8,keyasint,omitempty"`
}

// BioTemplate is one finger that is known.
type BioTemplate struct {
	ID   []byte `cbor:"1,keyasint"`
	Name string `cbor:"2,keyasint,omitempty"`
}

// Command returns CmdBioEnrollment.
func (BioRequest) Command() Command { return CmdBioEnrollment }

// Authenticated is the message of the request's pinUvAuthParam.
func (r BioRequest) Authenticated() []byte {
	return append([]byte{byte(r.Modality), byte(r.SubCommand)}, r.RawParams...)
}

// Bio sends one subcommand of bioEnrollment (CTAP §6.7).
func Bio(ctx context.Context, d Device, r BioRequest) (BioResponse, error) {
	return roundTrip[BioResponse](ctx, d, CmdBioEnrollment, r)
}

func parseBio(body []byte) (BioRequest, error) {
	m := parseMap[int64](body)
	r := BioRequest{
		Modality: take[uint](m, 1, optional), RawParams: takeMap(m, 3),
		PinUvAuthProtocol: take[uint](m, 4, optional), PinUvAuthParam: take[[]byte](m, 5, optional),
		GetModality: take[bool](m, 6, optional),
	}
	if !r.GetModality {
		r.SubCommand = takeByte(m, 2)
	}
	if r.RawParams == nil {
		return r, *m.err
	}
	p := members[int64]{raw: take[map[int64]cbor.Raw](m, 3, optional), err: m.err}
	r.Params = BioParams{
		TemplateID: take[[]byte](p, 1, optional), Name: take[string](p, 2, optional), Timeout: take[uint](p, 3, optional),
	}
	return r, *m.err
}
