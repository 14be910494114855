package authenticator

import (
	"slices"

	"cardea/ctap"
	"cardea/webauthn"
)

// Limits of a request, told in getInfo.
const (
	// maxList is how many descriptors a list may have: as many as browsers
	// allow a page to give.
	maxList = 64
	// maxName is how many bytes of a name are kept. CTAP §6.1.2 lets an
	// authenticator cut names; sites show their own.
	maxName = 128
)

// Info is the answer to getInfo (CTAP §6.4).
func (a *Authenticator) Info() ctap.Info {
	return ctap.Info{
		Versions:                 []string{"FIDO_2_0", "FIDO_2_1"},
		AAGUID:                   slices.Clone(a.aaguid[:]),
		Options:                  map[string]bool{"rk": true, "up": true, "uv": true},
		MaxMsgSize:               ctap.MaxMessage,
		MaxCredentialCountInList: maxList,
		MaxCredentialIDLength:    webauthn.MaxCredentialID,
		Transports:               slices.Clone(a.transports),
		Algorithms:               []ctap.CredentialParameters{{Alg: webauthn.ES256, Type: webauthn.PublicKeyType}},
		AttestationFormats:       []string{formatPacked},
	}
}
