package authenticator

import (
	"crypto"

	"cardea/internal/cbor"
	"cardea/webauthn"
)

// An Attestation is a key with certificates that sites may trust: one for all
// authenticators of a model, so that it names the model and nobody's own
// (WebAuthn §6.5.4, basic attestation).
//
// Cardea has none that is its own, as there is nobody who could vouch that a
// program keeps its keys. Without one each passkey attests itself, and what it
// is worth is then plain; but some clients refuse that. For tests there is
// authtest.NewAttestation.
type Attestation struct {
	// Signer is the ES256 key that the first certificate of Chain is for.
	Signer crypto.Signer
	Chain  [][]byte // X.509, DER, leaf first
}

// packedStatement is the statement of WebAuthn §8.2; without a chain it is by
// the passkey's own key.
type packedStatement struct {
	Alg   webauthn.COSEAlgorithm `cbor:"alg"`
	Sig   []byte                 `cbor:"sig"`
	Chain [][]byte               `cbor:"x5c,omitempty"`
}

// packed attests with a key of the algorithm alg.
func (a Attestation) packed(alg webauthn.COSEAlgorithm, authData, clientDataHash []byte) (format string, statement cbor.Raw, err error) {
	signature, err := sign(a.Signer, authData, clientDataHash)
	if err != nil {
		return "", nil, err
	}
	return formatPacked, cbor.MustEncode(packedStatement{alg, signature, a.Chain}), nil
}

// attestationOf is what attests a new passkey, and the algorithm of its key: by
// default the passkey itself, with no certificate.
func (a *Authenticator) attestationOf(own crypto.Signer, alg webauthn.COSEAlgorithm) (Attestation, webauthn.COSEAlgorithm) {
	if a.attestation == nil {
		return Attestation{Signer: own}, alg
	}
	return *a.attestation, webauthn.ES256
}
