package authenticator

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha512" // for ES384
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"cardea/ctap"
	"cardea/internal/cbor"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// rsaBits is the size of an RS256 key: what Windows makes and sites expect.
const rsaBits = 2048

// algorithms are those we have, best first. A phone has the first alone.
var algorithms = []webauthn.COSEAlgorithm{webauthn.ES256, webauthn.EdDSA, webauthn.ES384, webauthn.RS256}

func (a *Authenticator) algorithms() []webauthn.COSEAlgorithm {
	if a.keys == nil {
		return algorithms[:1]
	}
	return algorithms
}

// algorithm returns the first of the site's algorithms that we have (CTAP
// §6.1.2 step 3). Unknown types are for other authenticators, and are passed
// over.
func (a *Authenticator) algorithm(wanted []ctap.CredentialParameters) (webauthn.COSEAlgorithm, bool) {
	for _, w := range wanted {
		for _, have := range a.algorithms() {
			if w.Type == webauthn.PublicKeyType && w.Alg == have {
				return have, true
			}
		}
	}
	return 0, false
}

func generateKey(alg webauthn.COSEAlgorithm) (crypto.Signer, error) {
	switch alg {
	case webauthn.ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case webauthn.ES384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case webauthn.EdDSA:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case webauthn.RS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
	return nil, fmt.Errorf("no keys for algorithm %d", alg)
}

// What MarshalPKCS8PrivateKey writes for P-256 is always laid out like this:
// es256Prefix, the private key, es256Middle, and the point.
var (
	es256Prefix = []byte{
		0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
		0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
	}
	es256Middle = []byte{0xa1, 0x44, 0x03, 0x42, 0x00, 0x04}
)

const coordinateSize = 32

// readES256 reads the common case without the one thing that is slow about it:
// x509 works out the point anew, which takes half as long as to sign. The vault
// vouches for the point that is there; it was worked out when the key was made.
func readES256(der []byte) *ecdsa.PrivateKey {
	rest, ok := bytes.CutPrefix(der, es256Prefix)
	if !ok || len(rest) != 3*coordinateSize+len(es256Middle) {
		return nil
	}
	scalar := rest[:coordinateSize]
	point, ok := bytes.CutPrefix(rest[coordinateSize:], es256Middle)
	if !ok {
		return nil
	}
	return &ecdsa.PrivateKey{
		PublicKey: ecdsa.PublicKey{
			Curve: elliptic.P256(), X: new(big.Int).SetBytes(point[:coordinateSize]), Y: new(big.Int).SetBytes(point[coordinateSize:]),
		},
		D: new(big.Int).SetBytes(scalar),
	}
}

// encodeKey is PKCS #8, DER. Of ES256 it is what x509 would write, faster.
func encodeKey(key crypto.Signer) ([]byte, error) {
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok || ec.Curve != elliptic.P256() {
		return x509.MarshalPKCS8PrivateKey(key)
	}
	scalar, err := ec.Bytes()
	if err != nil {
		return nil, err
	}
	point, err := ec.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	return slices.Concat(es256Prefix, scalar, es256Middle[:len(es256Middle)-1], point), nil
}

// parseKey reads the key of a passkey.
func parseKey(k secret.Key) (crypto.Signer, error) {
	if key := readES256(k.Expose()); key != nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(k.Expose())
	if err != nil {
		return nil, errors.New("reading the passkey's key") // the cause might quote it
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("passkey has a key of type %T", parsed)
	}
	return key, nil
}

// sign signs the concatenation of parts (WebAuthn §6.3.3 step 11 and §6.5.5).
func sign(key crypto.Signer, parts ...[]byte) ([]byte, error) {
	hash := crypto.SHA256
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P384() {
			hash = crypto.SHA384
		}
	case ed25519.PrivateKey:
		hash = 0 // signs the message itself
	}
	var message []byte
	for _, p := range parts {
		message = append(message, p...)
	}
	if hash != 0 {
		h := hash.New()
		h.Write(message)
		message = h.Sum(nil)
	}
	signature, err := key.Sign(rand.Reader, message, hash)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return signature, nil
}

// COSE_Keys other than that of ES256 (RFC 9053 §7, RFC 8230 §4).
type (
	coseEC2 struct {
		Kty int64                  `cbor:"1,keyasint"`
		Alg webauthn.COSEAlgorithm `cbor:"3,keyasint"`
		Crv int64                  `cbor:"-1,keyasint"`
		X   []byte                 `cbor:"-2,keyasint"`
		Y   []byte                 `cbor:"-3,keyasint"`
	}
	coseOKP struct {
		Kty int64                  `cbor:"1,keyasint"`
		Alg webauthn.COSEAlgorithm `cbor:"3,keyasint"`
		Crv int64                  `cbor:"-1,keyasint"`
		X   []byte                 `cbor:"-2,keyasint"`
	}
	coseRSA struct {
		Kty int64                  `cbor:"1,keyasint"`
		Alg webauthn.COSEAlgorithm `cbor:"3,keyasint"`
		N   []byte                 `cbor:"-1,keyasint"`
		E   []byte                 `cbor:"-2,keyasint"`
	}
)

// publicKey returns the COSE_Key of a key's public half.
func publicKey(key crypto.Signer) (cbor.Raw, error) {
	switch pub := key.Public().(type) {
	case *ecdsa.PublicKey:
		if pub.Curve == elliptic.P256() {
			return webauthn.EncodePublicKey(pub)
		}
		point, err := pub.Bytes() // 04 ‖ X ‖ Y
		if err != nil {
			return nil, fmt.Errorf("public key: %w", err)
		}
		size := (len(point) - 1) / 2
		return cbor.Encode(coseEC2{Kty: 2, Alg: webauthn.ES384, Crv: 2, X: point[1 : 1+size], Y: point[1+size:]})
	case ed25519.PublicKey:
		return cbor.Encode(coseOKP{Kty: 1, Alg: webauthn.EdDSA, Crv: 6, X: pub})
	case *rsa.PublicKey:
		return cbor.Encode(coseRSA{
			Kty: 3, Alg: webauthn.RS256, N: pub.N.Bytes(), E: big.NewInt(int64(pub.E)).Bytes(),
		})
	}
	return nil, fmt.Errorf("public key of type %T", key.Public())
}
