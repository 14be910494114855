package ctap

import (
	"bytes"
	"context"
	"encoding/binary"

	"cardea/internal/cbor"
)

// Subcommands of credentialManagement (CTAP §6.8).
const (
	ManageMetadata        = 0x01
	ManageRPsBegin        = 0x02
	ManageRPsNext         = 0x03
	ManageCredentialBegin = 0x04
	ManageCredentialNext  = 0x05
	ManageDelete          = 0x06
	ManageUpdateUser      = 0x07
)

// ManagementRequest is the map of CTAP §6.8. The parameters are kept as they
// came, for they are what the client has authenticated.
type ManagementRequest struct {
	SubCommand        uint     `cbor:"1,keyasint"`
	RawParams         cbor.Raw `cbor:"2,keyasint,omitempty"`
	PinUvAuthProtocol uint     `cbor:"3,keyasint,omitempty"`
	PinUvAuthParam    []byte   `cbor:"4,keyasint,omitempty"`

	Params ManagementParams `cbor:"-"`
}

// ManagementParams are the parameters of all subcommands of CTAP §6.8.
type ManagementParams struct {
	RPIDHash   []byte                `cbor:"1,keyasint,omitempty"`
	Credential *CredentialDescriptor `cbor:"2,keyasint,omitempty"`
	User       *UserEntity           `cbor:"3,keyasint,omitempty"`
}

// ManagementResponse is the map of CTAP §6.8.
type ManagementResponse struct {
	Existing          *uint                 `cbor:"1,keyasint,omitempty"`
	MaxRemaining      *uint                 `cbor:"2,keyasint,omitempty"`
	RP                *RPEntity             `cbor:"3,keyasint,omitempty"`
	RPIDHash          []byte                `cbor:"4,keyasint,omitempty"`
	TotalRPs          *uint                 `cbor:"5,keyasint,omitempty"`
	User              *UserEntity           `cbor:"6,keyasint,omitempty"`
	Credential        *CredentialDescriptor `cbor:"7,keyasint,omitempty"`
	PublicKey         cbor.Raw              `cbor:"8,keyasint,omitempty"`
	TotalCredentials  *uint                 `cbor:"9,keyasint,omitempty"`
	CredProtect       uint                  `cbor:"10,keyasint,omitempty"`
	LargeBlobKey      []byte                `cbor:"11,keyasint,omitempty"`
	ThirdPartyPayment *bool                 `cbor:"12,keyasint,omitempty"`
}

// Command returns CmdCredentialManagement.
func (ManagementRequest) Command() Command { return CmdCredentialManagement }

// Authenticated is the message of the request's pinUvAuthParam.
func (r ManagementRequest) Authenticated() []byte {
	return append([]byte{byte(r.SubCommand)}, r.RawParams...)
}

// Manage sends one subcommand of credentialManagement (CTAP §6.8).
func Manage(ctx context.Context, d Device, r ManagementRequest) (ManagementResponse, error) {
	return roundTrip[ManagementResponse](ctx, d, CmdCredentialManagement, r)
}

func parseManagement(body []byte) (ManagementRequest, error) {
	m := parseMap[int64](body)
	r := ManagementRequest{
		SubCommand: takeByte(m, 1), RawParams: takeMap(m, 2),
		PinUvAuthProtocol: take[uint](m, 3, optional), PinUvAuthParam: take[[]byte](m, 4, optional),
	}
	if r.RawParams == nil {
		return r, *m.err
	}
	p := members[int64]{raw: take[map[int64]cbor.Raw](m, 2, optional), err: m.err}
	r.Params.RPIDHash = take[[]byte](p, 1, optional)
	if sub, given := optionalSub(p, 2); given {
		d := parseDescriptor(sub)
		r.Params.Credential = &d
	}
	if sub, given := optionalSub(p, 3); given {
		u := parseUser(sub)
		r.Params.User = &u
	}
	return r, *m.err
}

// takeByte reads a required number that is authenticated as one byte.
func takeByte(m members[int64], key int64) uint {
	n := take[uint](m, key, required)
	if n > 0xff {
		m.fail(InvalidSubcommand)
	}
	return n
}

func optionalSub(m members[int64], key int64) (members[string], bool) {
	_, given := m.raw[key]
	return members[string]{raw: take[map[string]cbor.Raw](m, key, optional), err: m.err}, given
}

// Subcommands of authenticatorConfig (CTAP §6.11).
const (
	ConfigEnterprise   = 0x01
	ConfigAlwaysUV     = 0x02
	ConfigMinPINLength = 0x03
	ConfigLongTouch    = 0x04
)

// ConfigRequest is the map of CTAP §6.11.
type ConfigRequest struct {
	SubCommand        uint     `cbor:"1,keyasint"`
	RawParams         cbor.Raw `cbor:"2,keyasint,omitempty"`
	PinUvAuthProtocol uint     `cbor:"3,keyasint,omitempty"`
	PinUvAuthParam    []byte   `cbor:"4,keyasint,omitempty"`

	Params MinPINLengthParams `cbor:"-"`
}

// MinPINLengthParams are the parameters of setMinPINLength (CTAP §6.11.4), the
// only subcommand that has any.
type MinPINLengthParams struct {
	NewMin     *uint    `cbor:"1,keyasint,omitempty"`
	RPIDs      []string `cbor:"2,keyasint,omitempty"` // nil if not given
	Force      bool     `cbor:"3,keyasint,omitempty"`
	Complexity bool     `cbor:"4,keyasint,omitempty"`
}

// Command returns CmdConfig.
func (ConfigRequest) Command() Command { return CmdConfig }

// prefix stands before what the pinUvAuthParam of some commands covers, so that
// no other request's can be passed off as theirs.
func prefix(c Command) []byte { return append(bytes.Repeat([]byte{0xff}, 32), byte(c)) }

// Authenticated is the message of the request's pinUvAuthParam.
func (r ConfigRequest) Authenticated() []byte {
	return append(append(prefix(CmdConfig), byte(r.SubCommand)), r.RawParams...)
}

// Configure sends one subcommand of authenticatorConfig (CTAP §6.11).
func Configure(ctx context.Context, d Device, r ConfigRequest) error {
	_, err := roundTrip[struct{}](ctx, d, CmdConfig, r)
	return err
}

func parseConfig(body []byte) (ConfigRequest, error) {
	m := parseMap[int64](body)
	r := ConfigRequest{
		SubCommand: takeByte(m, 1), RawParams: takeMap(m, 2),
		PinUvAuthProtocol: take[uint](m, 3, optional), PinUvAuthParam: take[[]byte](m, 4, optional),
	}
	if r.RawParams == nil || r.SubCommand != ConfigMinPINLength {
		return r, *m.err
	}
	p := members[int64]{raw: take[map[int64]cbor.Raw](m, 2, optional), err: m.err}
	if _, given := p.raw[1]; given {
		n := take[uint](p, 1, optional)
		r.Params.NewMin = &n
	}
	r.Params.RPIDs = take[[]string](p, 2, optional)
	r.Params.Force, r.Params.Complexity = take[bool](p, 3, optional), take[bool](p, 4, optional)
	return r, *m.err
}

// LargeBlobsRequest is the map of CTAP §6.10. Members that are absent are nil.
type LargeBlobsRequest struct {
	Get               *uint  `cbor:"1,keyasint,omitempty"`
	Set               []byte `cbor:"2,keyasint,omitempty"`
	Offset            uint   `cbor:"3,keyasint"`
	Length            *uint  `cbor:"4,keyasint,omitempty"`
	PinUvAuthParam    []byte `cbor:"5,keyasint,omitempty"`
	PinUvAuthProtocol uint   `cbor:"6,keyasint,omitempty"`
}

// LargeBlobsResponse is the map of CTAP §6.10.
type LargeBlobsResponse struct {
	Config []byte `cbor:"1,keyasint"`
}

// Command returns CmdLargeBlobs.
func (LargeBlobsRequest) Command() Command { return CmdLargeBlobs }

// Authenticated is the message of the pinUvAuthParam of a set, given the
// SHA-256 of what it carries.
func (r LargeBlobsRequest) Authenticated(fragmentHash [32]byte) []byte {
	b := append(prefix(CmdLargeBlobs), 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(r.Offset))
	return append(b, fragmentHash[:]...)
}

// LargeBlobs reads or writes a fragment of the large-blob array (CTAP §6.10).
func LargeBlobs(ctx context.Context, d Device, r LargeBlobsRequest) (LargeBlobsResponse, error) {
	return roundTrip[LargeBlobsResponse](ctx, d, CmdLargeBlobs, r)
}

func parseLargeBlobs(body []byte) (LargeBlobsRequest, error) {
	m := parseMap[int64](body)
	r := LargeBlobsRequest{
		Set: take[[]byte](m, 2, optional), Offset: takeOffset(m),
		PinUvAuthParam: take[[]byte](m, 5, optional), PinUvAuthProtocol: take[uint](m, 6, optional),
	}
	for key, into := range map[int64]**uint{1: &r.Get, 4: &r.Length} {
		if _, given := m.raw[key]; given {
			n := take[uint](m, key, optional)
			*into = &n
		}
	}
	// Absent, and of no bytes, are two things; the latter is an empty write.
	if _, given := m.raw[2]; given && r.Set == nil {
		r.Set = []byte{}
	}
	return r, *m.err
}

// takeOffset reads the offset, which CTAP makes 32 bits.
func takeOffset(m members[int64]) uint {
	if _, given := m.raw[3]; !given {
		m.fail(InvalidParameter) // CTAP §6.10.2 step 1
		return 0
	}
	n := take[uint](m, 3, required)
	if n > 0xffffffff {
		m.fail(InvalidParameter)
	}
	return n
}
