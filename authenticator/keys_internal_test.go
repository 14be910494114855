package authenticator

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"testing"

	"cardea/internal/secret"
	"cardea/webauthn"
)

// The short way must be the same as that of x509, and leave to it what is laid
// out in another way.
func TestES256KeysAreReadAndWrittenAsX509Does(t *testing.T) {
	t.Parallel()
	for _, alg := range algorithms {
		key, err := generateKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		want, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		got, err := encodeKey(key)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d: encodeKey = %x, %v", alg, got, err)
		}
		parsed, err := parseKey(secret.New(want))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := x509.MarshalPKCS8PrivateKey(parsed); err != nil || !bytes.Equal(again, want) {
			t.Errorf("%d: read as another: %x, %v", alg, again, err)
		}
		if short := readES256(want); (short != nil) != (alg == webauthn.ES256) {
			t.Errorf("%d: read the short way: %v", alg, short != nil)
		}
	}
}

func TestES256KeysInAnotherLayoutAreReadToo(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	// Without the point, which is optional (RFC 5915 §3): shorter lengths.
	bare := bytes.Clone(der[:len(es256Prefix)+coordinateSize])
	bare = append([]byte{0x30, 0x41}, bare[3:]...)
	i := bytes.Index(bare, []byte{0x04, 0x6d, 0x30, 0x6b})
	bare[i+1], bare[i+3] = 0x27, 0x25
	if readES256(bare) != nil {
		t.Error("read the short way")
	}
	parsed, err := parseKey(secret.New(bare))
	if err != nil || !key.Equal(parsed) {
		t.Errorf("parseKey = %v", err)
	}
	for n := range der {
		if _, err := parseKey(secret.New(der[:n])); err == nil {
			t.Errorf("%d of %d bytes were read", n, len(der))
		}
	}
}
