package webauthn

import (
	"crypto/sha256"
	"fmt"
)

// The types of client data (WebAuthn §5.8.1).
const (
	TypeCreate = "webauthn.create"
	TypeGet    = "webauthn.get"
)

// ClientData is CollectedClientData (WebAuthn §5.8.1).
type ClientData struct {
	Type        string // TypeCreate or TypeGet
	Challenge   Bytes
	Origin      Origin
	CrossOrigin bool
	TopOrigin   Origin // only if CrossOrigin
}

// JSON returns the serialisation of WebAuthn §5.8.1.1. It is written by hand,
// byte for byte, because relying parties may verify it by the limited
// algorithm of §5.8.1.2, and encoding/json escapes more than the text allows.
func (c ClientData) JSON() []byte {
	b := append([]byte(nil), `{"type":`...)
	b = appendCCD(b, c.Type)
	b = append(b, `,"challenge":`...)
	b = appendCCD(b, c.Challenge.String())
	b = append(b, `,"origin":`...)
	b = appendCCD(b, string(c.Origin))
	b = fmt.Appendf(b, `,"crossOrigin":%t`, c.CrossOrigin)
	if c.CrossOrigin && c.TopOrigin != "" {
		b = append(b, `,"topOrigin":`...)
		b = appendCCD(b, string(c.TopOrigin))
	}
	return append(b, '}')
}

// Hash returns the hash of the serialised client data, which is what an
// authenticator signs.
func (c ClientData) Hash() [32]byte { return sha256.Sum256(c.JSON()) }

// appendCCD is CCDToString of WebAuthn §5.8.1.1.
func appendCCD(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"':
			b = append(b, `\"`...)
		case r == '\\':
			b = append(b, `\\`...)
		case r < 0x20:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = append(b, string(r)...)
		}
	}
	return append(b, '"')
}
