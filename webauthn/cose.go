package webauthn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"fmt"

	"cardea/internal/cbor"
)

// coseKey is the COSE_Key of an EC2 key (RFC 9053 §7.1.1), in the order and
// with exactly the members that CTAP asks for.
type coseKey struct {
	Kty int64         `cbor:"1,keyasint"`
	Alg COSEAlgorithm `cbor:"3,keyasint"`
	Crv int64         `cbor:"-1,keyasint"`
	X   []byte        `cbor:"-2,keyasint"`
	Y   []byte        `cbor:"-3,keyasint"`
}

const (
	coseKtyEC2 = 2
	coseP256   = 1
	p256Size   = 32
)

// EncodePublicKey returns the COSE_Key of an ES256 key.
func EncodePublicKey(pub *ecdsa.PublicKey) (cbor.Raw, error) {
	if pub.Curve != elliptic.P256() {
		return nil, errors.New("public key: want a P-256 key")
	}
	point, err := pub.Bytes() // 04 ‖ X ‖ Y
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	return cbor.Encode(coseKey{
		Kty: coseKtyEC2, Alg: ES256, Crv: coseP256,
		X: point[1 : 1+p256Size], Y: point[1+p256Size:],
	})
}

// ParsePublicKey reads the COSE_Key of an ES256 key. A point off the curve is
// refused.
func ParsePublicKey(raw cbor.Raw) (*ecdsa.PublicKey, error) {
	var k coseKey
	if err := cbor.Decode(raw, &k); err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	if k.Kty != coseKtyEC2 || k.Alg != ES256 || k.Crv != coseP256 {
		return nil, fmt.Errorf("public key: kty %d, alg %d, crv %d; want ES256 on P-256", k.Kty, k.Alg, k.Crv)
	}
	if len(k.X) != p256Size || len(k.Y) != p256Size {
		return nil, errors.New("public key: coordinates must be 32 bytes")
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, k.X...), k.Y...))
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	return pub, nil
}

// Algorithm returns the algorithm of any COSE_Key, known or not.
func Algorithm(raw cbor.Raw) (COSEAlgorithm, error) {
	var k struct {
		Alg *COSEAlgorithm `cbor:"3,keyasint"`
	}
	if err := cbor.Decode(raw, &k); err != nil {
		return 0, fmt.Errorf("public key: %w", err)
	}
	if k.Alg == nil {
		return 0, errors.New("public key: algorithm missing")
	}
	return *k.Alg, nil
}

// SubjectPublicKeyInfo returns the DER form that getPublicKey of WebAuthn
// §5.2.1.1 gives to pages.
func SubjectPublicKeyInfo(raw cbor.Raw) ([]byte, error) {
	pub, err := ParsePublicKey(raw)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKIXPublicKey(pub)
}

// An AttestationObject is what a page receives from create() (WebAuthn §6.5.4).
type AttestationObject struct {
	Format    string   `cbor:"fmt"`
	Statement cbor.Raw `cbor:"attStmt"`
	AuthData  []byte   `cbor:"authData"`
}

// Encode returns the canonical encoding, with the keys in the order fmt,
// attStmt, authData.
func (o AttestationObject) Encode() []byte { return cbor.MustEncode(o) }

// ParseAttestationObject reads what Encode writes.
func ParseAttestationObject(b []byte) (o AttestationObject, err error) {
	if err := cbor.Decode(b, &o); err != nil {
		return o, fmt.Errorf("attestation object: %w", err)
	}
	if o.Format == "" || len(o.Statement) == 0 || len(o.AuthData) == 0 {
		return o, errors.New("attestation object: fmt, attStmt or authData missing")
	}
	return o, nil
}
