package webauthn

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// An RPID is a relying party identifier: a domain, lower case, without port.
type RPID string

// An Origin is an ASCII-serialised origin: scheme, host and, unless it is the
// scheme's default, port. No slash at the end.
type Origin string

// Bytes is a byte string that JSON carries as base64url without padding, as
// the JSON forms of WebAuthn §5.1.8 do.
type Bytes []byte

// String returns the base64url text.
func (b Bytes) String() string { return base64.RawURLEncoding.EncodeToString(b) }

// MarshalJSON writes base64url without padding.
func (b Bytes) MarshalJSON() ([]byte, error) {
	return json.Marshal(base64.RawURLEncoding.EncodeToString(b))
}

// UnmarshalJSON reads base64url without padding. Padding and the alphabet of
// plain base64 are refused, as browsers refuse them.
func (b *Bytes) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	if strings.ContainsAny(s, "\r\n") {
		return errors.New("base64url: line break") // the decoder reads over them
	}
	d, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return fmt.Errorf("base64url: %w", err)
	}
	*b = d
	return nil
}

// A CredentialID names a passkey. It is chosen by the authenticator and is at
// most MaxCredentialID bytes.
type CredentialID = Bytes

// MaxCredentialID is the longest credential ID in bytes (WebAuthn §7.1 step 25).
const MaxCredentialID = 1023

// A UserHandle names an account at a relying party: 1 to 64 bytes without
// personal information in them (WebAuthn §5.4.3).
type UserHandle = Bytes

// MaxUserHandle is the longest user handle in bytes.
const MaxUserHandle = 64

// An AAGUID names the model of an authenticator. Unless an attestation was
// verified it is only a claim.
type AAGUID [16]byte

// String returns the AAGUID in the form 8-4-4-4-12.
func (a AAGUID) String() string {
	h := hex.EncodeToString(a[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// IsZero reports whether the authenticator did not say which model it is.
func (a AAGUID) IsZero() bool { return a == AAGUID{} }

// ParseAAGUID reads the form that String writes.
func ParseAAGUID(s string) (AAGUID, error) {
	var a AAGUID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return a, errors.New("AAGUID: want 8-4-4-4-12 hexadecimal digits")
	}
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(b) != len(a) {
		return a, errors.New("AAGUID: want 8-4-4-4-12 hexadecimal digits")
	}
	return AAGUID(b), nil
}

// MustParseAAGUID is ParseAAGUID for constants.
func MustParseAAGUID(s string) AAGUID {
	a, err := ParseAAGUID(s)
	if err != nil {
		panic("webauthn: internal error: " + err.Error())
	}
	return a
}
