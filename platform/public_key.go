package platform

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"

	"cardea/internal/cbor"
	"cardea/webauthn"
)

// publicKeyKnown reports whether publicKeyDER can read keys of an algorithm.
func publicKeyKnown(alg webauthn.COSEAlgorithm) bool {
	return alg == webauthn.ES256 || alg == webauthn.EdDSA || alg == webauthn.RS256
}

// publicKeyDER returns the SubjectPublicKeyInfo that getPublicKey gives to a
// page (WebAuthn §5.2.1.1). Relying parties depend on it, and Chromium refuses
// an answer without it.
func publicKeyDER(raw cbor.Raw, alg webauthn.COSEAlgorithm) ([]byte, error) {
	switch alg {
	case webauthn.ES256:
		return webauthn.SubjectPublicKeyInfo(raw)
	case webauthn.EdDSA:
		return ed25519DER(raw)
	case webauthn.RS256:
		return rsaDER(raw)
	}
	return nil, fmt.Errorf("public key: algorithm %d is not known", alg)
}

func ed25519DER(raw cbor.Raw) ([]byte, error) {
	var k struct { // RFC 9053 §7.2
		Kty int64  `cbor:"1,keyasint"`
		Crv int64  `cbor:"-1,keyasint"`
		X   []byte `cbor:"-2,keyasint"`
	}
	if err := cbor.Decode(raw, &k); err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	if k.Kty != 1 || k.Crv != 6 || len(k.X) != ed25519.PublicKeySize {
		return nil, errors.New("public key: want a key on Ed25519")
	}
	return x509.MarshalPKIXPublicKey(ed25519.PublicKey(k.X))
}

func rsaDER(raw cbor.Raw) ([]byte, error) {
	var k struct { // RFC 8230 §4
		Kty int64  `cbor:"1,keyasint"`
		N   []byte `cbor:"-1,keyasint"`
		E   []byte `cbor:"-2,keyasint"`
	}
	if err := cbor.Decode(raw, &k); err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	e := new(big.Int).SetBytes(k.E)
	if k.Kty != 3 || len(k.N) < 256 || len(k.N) > 512 || !e.IsInt64() || e.Int64() < 3 || e.Int64() >= 1<<31 {
		return nil, errors.New("public key: want RSA of 2048 to 4096 bits")
	}
	return x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: new(big.Int).SetBytes(k.N), E: int(e.Int64())})
}
