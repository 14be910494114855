package exchange

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/authenticator"
	"cardea/internal/secret"
	"cardea/webauthn"
)

const phrase = "correct horse battery staple"

var made = time.UnixMilli(1_790_000_000_123).UTC()

func pkcs8(t testing.TB, key crypto.Signer, err error) secret.Key {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(b)
}

func ecKey(t testing.TB, curve elliptic.Curve) secret.Key {
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	return pkcs8(t, k, err)
}

// passkey returns the n-th passkey for tests, with a key that signs.
func passkey(t testing.TB, n int) authenticator.Passkey {
	return authenticator.Passkey{
		ID: []byte(fmt.Sprintf("credential %022d", n)), RPID: "example.org", RPName: "Example",
		Account:   authenticator.Account{Handle: []byte(fmt.Sprint("handle ", n)), Name: fmt.Sprint("ana", n), DisplayName: "Ana"},
		Algorithm: webauthn.ES256, PrivateKey: ecKey(t, elliptic.P256()), Discoverable: true,
		CreatedAt: made.Add(time.Duration(n) * time.Minute),
	}
}

// full returns passkeys that have all that a passkey can have.
func full(t testing.TB) []authenticator.Passkey {
	all := passkey(t, 0)
	all.SignCount, all.Nickname, all.LastUsed, all.CredProtect = 7, "my own", made.Add(time.Hour), 3
	all.HMACSecrets = secret.New(append(bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)...))
	all.CredBlob, all.ThirdPartyPayment = secret.New([]byte("blob")), true
	ec384 := passkey(t, 1)
	ec384.Algorithm, ec384.PrivateKey, ec384.RPName = webauthn.ES384, ecKey(t, elliptic.P384()), ""
	ed := passkey(t, 2)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	ed.Algorithm, ed.PrivateKey = webauthn.EdDSA, pkcs8(t, key, err)
	rs := passkey(t, 3)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	rs.Algorithm, rs.PrivateKey = webauthn.RS256, pkcs8(t, rsaKey, err)
	return []authenticator.Passkey{all, ec384, ed, rs}
}

var exposeKeys = cmp.Comparer(func(a, b secret.Key) bool { return a.Equal(b) })

// One byte changed or missing must never be taken for a backup or a document.
func eachPrefix(t *testing.T, whole []byte, step int, read func([]byte) error) {
	t.Helper()
	for n := 0; n < len(whole); n += step {
		if read(whole[:n]) == nil {
			t.Fatalf("the first %d of %d bytes are taken for the whole", n, len(whole))
		}
	}
	if read(whole[:len(whole)-1]) == nil {
		t.Fatal("all bytes but one are taken for the whole")
	}
	if err := read(whole); err != nil {
		t.Fatalf("the whole: %v", err)
	}
}
