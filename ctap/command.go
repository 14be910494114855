package ctap

import (
	"fmt"

	"cardea/internal/cbor"
	"cardea/webauthn"
)

// A Command is the first byte of a request (CTAP §8.1).
type Command byte

// The commands that Cardea speaks.
const (
	CmdMakeCredential       Command = 0x01
	CmdGetAssertion         Command = 0x02
	CmdGetInfo              Command = 0x04
	CmdClientPIN            Command = 0x06
	CmdReset                Command = 0x07
	CmdGetNextAssertion     Command = 0x08
	CmdBioEnrollment        Command = 0x09
	CmdCredentialManagement Command = 0x0a
	CmdSelection            Command = 0x0b
	CmdLargeBlobs           Command = 0x0c
	CmdConfig               Command = 0x0d
)

var commandNames = map[Command]string{
	CmdMakeCredential: "makeCredential", CmdGetAssertion: "getAssertion",
	CmdGetInfo: "getInfo", CmdClientPIN: "clientPIN", CmdReset: "reset",
	CmdGetNextAssertion: "getNextAssertion", CmdSelection: "selection", CmdBioEnrollment: "bioEnrollment",
	CmdCredentialManagement: "credentialManagement", CmdLargeBlobs: "largeBlobs", CmdConfig: "config",
}

// String returns the name in CTAP §6 without its prefix.
func (c Command) String() string {
	if n, ok := commandNames[c]; ok {
		return n
	}
	return fmt.Sprintf("command %#02x", byte(c))
}

// RPEntity is a PublicKeyCredentialRpEntity as CTAP carries it.
type RPEntity struct {
	ID   webauthn.RPID `cbor:"id"`
	Name string        `cbor:"name,omitempty"`
}

// UserEntity is a PublicKeyCredentialUserEntity as CTAP carries it.
type UserEntity struct {
	ID          []byte `cbor:"id"`
	Name        string `cbor:"name,omitempty"`
	DisplayName string `cbor:"displayName,omitempty"`
}

// CredentialDescriptor is a PublicKeyCredentialDescriptor as CTAP carries it.
type CredentialDescriptor struct {
	ID         []byte   `cbor:"id"`
	Type       string   `cbor:"type"`
	Transports []string `cbor:"transports,omitempty"`
}

// CredentialParameters is a PublicKeyCredentialParameters as CTAP carries it.
type CredentialParameters struct {
	Alg  webauthn.COSEAlgorithm `cbor:"alg"`
	Type string                 `cbor:"type"`
}

// MakeCredentialRequest is the map of CTAP §6.1.
type MakeCredentialRequest struct {
	ClientDataHash     []byte                 `cbor:"1,keyasint"`
	RP                 RPEntity               `cbor:"2,keyasint"`
	User               UserEntity             `cbor:"3,keyasint"`
	PubKeyCredParams   []CredentialParameters `cbor:"4,keyasint"`
	ExcludeList        []CredentialDescriptor `cbor:"5,keyasint,omitempty"`
	Extensions         map[string]cbor.Raw    `cbor:"6,keyasint,omitempty"`
	Options            map[string]bool        `cbor:"7,keyasint,omitempty"`
	PinUvAuthParam     []byte                 `cbor:"8,keyasint,omitempty"`
	PinUvAuthProtocol  uint                   `cbor:"9,keyasint,omitempty"`
	Enterprise         uint                   `cbor:"10,keyasint,omitempty"`
	AttestationFormats []string               `cbor:"11,keyasint,omitempty"`
}

// MakeCredentialResponse is the map of CTAP §6.1.
type MakeCredentialResponse struct {
	Format            string              `cbor:"1,keyasint"`
	AuthData          []byte              `cbor:"2,keyasint"`
	Statement         cbor.Raw            `cbor:"3,keyasint,omitempty"`
	EpAtt             bool                `cbor:"4,keyasint,omitempty"`
	LargeBlobKey      []byte              `cbor:"5,keyasint,omitempty"`
	UnsignedExtension map[string]cbor.Raw `cbor:"6,keyasint,omitempty"`
}

// GetAssertionRequest is the map of CTAP §6.2.
type GetAssertionRequest struct {
	RPID              webauthn.RPID          `cbor:"1,keyasint"`
	ClientDataHash    []byte                 `cbor:"2,keyasint"`
	AllowList         []CredentialDescriptor `cbor:"3,keyasint,omitempty"`
	Extensions        map[string]cbor.Raw    `cbor:"4,keyasint,omitempty"`
	Options           map[string]bool        `cbor:"5,keyasint,omitempty"`
	PinUvAuthParam    []byte                 `cbor:"6,keyasint,omitempty"`
	PinUvAuthProtocol uint                   `cbor:"7,keyasint,omitempty"`
}

// GetAssertionResponse is the map of CTAP §6.2.
type GetAssertionResponse struct {
	Credential          *CredentialDescriptor `cbor:"1,keyasint,omitempty"`
	AuthData            []byte                `cbor:"2,keyasint"`
	Signature           []byte                `cbor:"3,keyasint"`
	User                *UserEntity           `cbor:"4,keyasint,omitempty"`
	NumberOfCredentials uint                  `cbor:"5,keyasint,omitempty"`
	UserSelected        bool                  `cbor:"6,keyasint,omitempty"`
	LargeBlobKey        []byte                `cbor:"7,keyasint,omitempty"`
	UnsignedExtension   map[string]cbor.Raw   `cbor:"8,keyasint,omitempty"`
}

// Info is the answer to getInfo (CTAP §6.4).
type Info struct {
	Versions                 []string               `cbor:"1,keyasint"`
	Extensions               []string               `cbor:"2,keyasint,omitempty"`
	AAGUID                   []byte                 `cbor:"3,keyasint"`
	Options                  map[string]bool        `cbor:"4,keyasint,omitempty"`
	MaxMsgSize               uint                   `cbor:"5,keyasint,omitempty"`
	PinUvAuthProtocols       []uint                 `cbor:"6,keyasint,omitempty"`
	MaxCredentialCountInList uint                   `cbor:"7,keyasint,omitempty"`
	MaxCredentialIDLength    uint                   `cbor:"8,keyasint,omitempty"`
	Transports               []string               `cbor:"9,keyasint,omitempty"`
	Algorithms               []CredentialParameters `cbor:"10,keyasint,omitempty"`
	MaxSerializedLargeBlob   uint                   `cbor:"11,keyasint,omitempty"`
	ForcePINChange           bool                   `cbor:"12,keyasint,omitempty"`
	MinPINLength             uint                   `cbor:"13,keyasint,omitempty"`
	FirmwareVersion          uint                   `cbor:"14,keyasint,omitempty"`
	MaxCredBlobLength        uint                   `cbor:"15,keyasint,omitempty"`
	MaxRPIDsForMinPINLength  uint                   `cbor:"16,keyasint,omitempty"`
	PreferredUVAttempts      uint                   `cbor:"17,keyasint,omitempty"`
	UVModality               uint                   `cbor:"18,keyasint,omitempty"`
	AttestationFormats       []string               `cbor:"22,keyasint,omitempty"`
	LongTouchForReset        *bool                  `cbor:"24,keyasint,omitempty"`
	EncIdentifier            []byte                 `cbor:"25,keyasint,omitempty"`
	TransportsForReset       []string               `cbor:"26,keyasint,omitempty"`
	PINComplexityPolicy      *bool                  `cbor:"27,keyasint,omitempty"`
	MaxPINLength             uint                   `cbor:"29,keyasint,omitempty"`
	EncCredStoreState        []byte                 `cbor:"30,keyasint,omitempty"`
	ConfigCommands           []uint                 `cbor:"31,keyasint,omitempty"`
}
