package webauthn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"cardea/internal/cbor"
)

// Flags is the flags byte of authenticator data (WebAuthn §6.1).
type Flags byte

// The flags of WebAuthn §6.1. Bits 1 and 5 are reserved.
const (
	FlagUserPresent         Flags = 1 << 0
	FlagUserVerified        Flags = 1 << 2
	FlagBackupEligible      Flags = 1 << 3
	FlagBackupState         Flags = 1 << 4
	FlagAttestedCredential  Flags = 1 << 6
	FlagExtensionData       Flags = 1 << 7
	rpIDHashSize                  = 32
	authenticatorDataHeader       = rpIDHashSize + 1 + 4
)

// Has reports whether all bits of want are set.
func (f Flags) Has(want Flags) bool { return f&want == want }

// String lists the flags by their names in the text, as in "UP UV BE".
func (f Flags) String() string {
	var s []string
	for i, name := range []string{"UP", "RFU1", "UV", "BE", "BS", "RFU2", "AT", "ED"} {
		if f&(1<<i) != 0 {
			s = append(s, name)
		}
	}
	return strings.Join(s, " ")
}

// AuthenticatorData is what an authenticator signs about itself, the relying
// party and the ceremony (WebAuthn §6.1).
type AuthenticatorData struct {
	RPIDHash  [32]byte
	Flags     Flags
	SignCount uint32
	// Attested is present exactly if Flags has FlagAttestedCredential.
	Attested *AttestedCredential
	// Extensions is the encoded map of extension outputs, present exactly if
	// Flags has FlagExtensionData.
	Extensions cbor.Raw
}

// AttestedCredential is the attested credential data of WebAuthn §6.5.2.
type AttestedCredential struct {
	AAGUID    AAGUID
	ID        CredentialID
	PublicKey cbor.Raw // COSE_Key, see ParsePublicKey
}

// Encode returns the byte array of WebAuthn §6.1. The flags AT and ED follow
// from what is present, whatever d.Flags says of them.
func (d AuthenticatorData) Encode() []byte {
	flags := d.Flags &^ (FlagAttestedCredential | FlagExtensionData)
	if d.Attested != nil {
		flags |= FlagAttestedCredential
	}
	if len(d.Extensions) != 0 {
		flags |= FlagExtensionData
	}
	b := append([]byte(nil), d.RPIDHash[:]...)
	b = append(b, byte(flags))
	b = binary.BigEndian.AppendUint32(b, d.SignCount)
	if d.Attested != nil {
		b = append(b, d.Attested.AAGUID[:]...)
		b = binary.BigEndian.AppendUint16(b, uint16(len(d.Attested.ID)))
		b = append(b, d.Attested.ID...)
		b = append(b, d.Attested.PublicKey...)
	}
	return append(b, d.Extensions...)
}

// ParseAuthenticatorData reads the byte array of WebAuthn §6.1 and nothing
// beyond it.
func ParseAuthenticatorData(b []byte) (AuthenticatorData, error) {
	d, err := parseAuthenticatorData(b)
	if err != nil {
		return AuthenticatorData{}, fmt.Errorf("authenticator data: %w", err)
	}
	return d, nil
}

func parseAuthenticatorData(b []byte) (d AuthenticatorData, err error) {
	if len(b) < authenticatorDataHeader {
		return d, fmt.Errorf("%d bytes, want at least %d", len(b), authenticatorDataHeader)
	}
	copy(d.RPIDHash[:], b)
	d.Flags = Flags(b[rpIDHashSize])
	d.SignCount = binary.BigEndian.Uint32(b[rpIDHashSize+1:])
	b = b[authenticatorDataHeader:]
	if d.Flags.Has(FlagAttestedCredential) {
		d.Attested = new(AttestedCredential)
		if b, err = d.Attested.parse(b); err != nil {
			return d, fmt.Errorf("attested credential: %w", err)
		}
	}
	if d.Flags.Has(FlagExtensionData) {
		var m map[string]cbor.Raw
		rest, err := cbor.DecodeFirst(b, &m)
		if err != nil {
			return d, fmt.Errorf("extensions: %w", err)
		}
		d.Extensions = cbor.Raw(b[:len(b)-len(rest)])
		b = rest
	}
	if len(b) != 0 {
		return d, fmt.Errorf("%d bytes too many", len(b))
	}
	return d, nil
}

func (a *AttestedCredential) parse(b []byte) (rest []byte, err error) {
	const head = 16 + 2
	if len(b) < head {
		return nil, errors.New("cut short")
	}
	copy(a.AAGUID[:], b)
	n := int(binary.BigEndian.Uint16(b[16:]))
	b = b[head:]
	if n > MaxCredentialID {
		return nil, fmt.Errorf("credential ID of %d bytes, want at most %d", n, MaxCredentialID)
	}
	if len(b) < n {
		return nil, errors.New("credential ID cut short")
	}
	a.ID, b = CredentialID(b[:n]), b[n:]
	var key cbor.Raw
	if rest, err = cbor.DecodeFirst(b, &key); err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	a.PublicKey = cbor.Raw(b[:len(b)-len(rest)])
	return rest, nil
}
