package platform

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"testing"

	"cardea/internal/cbor"
	"cardea/webauthn"
)

func TestPublicKeysOfEveryAlgorithmThatIsOffered(t *testing.T) {
	t.Parallel()
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := publicKeyDER(cbor.MustEncode(map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(ed)}), webauthn.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := x509.ParsePKIXPublicKey(der); err != nil || !ed.Equal(got.(ed25519.PublicKey)) {
		t.Errorf("Ed25519: %v, %v", got, err)
	}

	n := new(big.Int).Lsh(big.NewInt(1), 2047)
	n.SetBit(n, 0, 1)
	der, err = publicKeyDER(cbor.MustEncode(map[int]any{1: 3, 3: -257, -1: n.Bytes(), -2: []byte{1, 0, 1}}), webauthn.RS256)
	if err != nil {
		t.Fatal(err)
	}
	want := &rsa.PublicKey{N: n, E: 65537}
	if got, err := x509.ParsePKIXPublicKey(der); err != nil || !want.Equal(got.(*rsa.PublicKey)) {
		t.Errorf("RSA: %v, %v", got, err)
	}
}

func TestPublicKeysThatAreNone(t *testing.T) {
	t.Parallel()
	modulus := make([]byte, 256)
	modulus[0], modulus[255] = 0x80, 1
	for name, tt := range map[string]struct {
		alg webauthn.COSEAlgorithm
		key map[int]any
	}{
		"a curve that is not Ed25519": {webauthn.EdDSA, map[int]any{1: 1, 3: -8, -1: 7, -2: make([]byte, 32)}},
		"a point that is too short":   {webauthn.EdDSA, map[int]any{1: 1, 3: -8, -1: 6, -2: make([]byte, 31)}},
		"another type of key":         {webauthn.EdDSA, map[int]any{1: 2, 3: -8, -1: 6, -2: make([]byte, 32)}},
		"RSA of 1024 bits":            {webauthn.RS256, map[int]any{1: 3, 3: -257, -1: modulus[:128], -2: []byte{1, 0, 1}}},
		"an exponent of one":          {webauthn.RS256, map[int]any{1: 3, 3: -257, -1: modulus, -2: []byte{1}}},
		"an exponent beyond measure":  {webauthn.RS256, map[int]any{1: 3, 3: -257, -1: modulus, -2: make([]byte, 300)}},
		"an algorithm of tomorrow":    {-48, map[int]any{1: 7, 3: -48}},
		"ES256 off the curve":         {webauthn.ES256, map[int]any{1: 2, 3: -7, -1: 1, -2: make([]byte, 32), -3: make([]byte, 32)}},
	} {
		if der, err := publicKeyDER(cbor.MustEncode(tt.key), tt.alg); err == nil {
			t.Errorf("%s: %x", name, der)
		}
	}
}
