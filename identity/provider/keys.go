package provider

import (
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"cardea/internal/secret"
)

// A StoredKey is a signing key as it is kept. The private half is sealed under
// a key that is not kept with it.
type StoredKey struct {
	ID      string // kid: the RFC 7638 thumbprint
	Public  []byte // SubjectPublicKeyInfo, DER
	Sealed  []byte // PKCS #8, DER, under AES-256-GCM
	Created time.Time
}

// A KeyStore keeps signing keys. Each method is one transaction.
type KeyStore interface {
	// SigningKeys returns all of them, the newest first.
	SigningKeys(ctx context.Context) ([]StoredKey, error)
	AddSigningKey(ctx context.Context, k StoredKey) error
}

// signingAlgorithm is the only one. Discovery §3 wants RS256 to be offered as
// well; it will be when there is a client that can do nothing else.
const signingAlgorithm = jose.ES256

// Keys sign ID tokens. They are read once and then held in memory: the key set
// is what every client asks for at the same moment when it meets a key that it
// does not know. Keys are safe for concurrent use.
type Keys struct {
	signer jose.Signer
	set    jose.JSONWebKeySet // public halves, the signing one first
	kid    string
	made   bool
	lost   bool
}

// OpenKeys reads the signing keys from store and signs with the newest that
// opens under seal, which must have 32 bytes. On the first start it makes one.
//
// If there are keys and none opens, somebody restored the database without the
// file beside it. Then too a key is made; the public halves of the others are
// still published, so that ID tokens already out can be verified. Made and Lost
// tell of it.
func OpenKeys(ctx context.Context, store KeyStore, seal secret.Key, now time.Time) (*Keys, error) {
	aead, err := newKeySeal(seal)
	if err != nil {
		return nil, err
	}
	stored, err := store.SigningKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading signing keys: %w", err)
	}
	k := &Keys{}
	for i, s := range stored {
		if private, err := openKey(aead, s); err == nil {
			others := slices.Delete(slices.Clone(stored), i, i+1)
			return k, k.use(private, s, others)
		}
	}
	private, fresh, err := makeKey(aead, now)
	if err != nil {
		return nil, err
	}
	if err := store.AddSigningKey(ctx, fresh); err != nil {
		return nil, fmt.Errorf("keeping signing key: %w", err)
	}
	k.made, k.lost = true, len(stored) > 0
	return k, k.use(private, fresh, stored)
}

// KeyID returns the kid of the key that signs.
func (k *Keys) KeyID() string { return k.kid }

// Made reports whether the key that signs was made just now.
func (k *Keys) Made() bool { return k.made }

// Lost reports whether there were keys and none of them opened.
func (k *Keys) Lost() bool { return k.lost }

// JWKS returns the public halves as a JWK Set (RFC 7517 §5).
func (k *Keys) JWKS() []byte {
	b, err := json.Marshal(k.set)
	if err != nil {
		panic("provider: internal error: " + err.Error())
	}
	return b
}

func (k *Keys) use(private *ecdsa.PrivateKey, signing StoredKey, others []StoredKey) error {
	for _, s := range append([]StoredKey{signing}, others...) {
		public, err := parsePublic(s)
		if err != nil {
			return err
		}
		k.set.Keys = append(k.set.Keys, public)
	}
	k.kid = signing.ID
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: signingAlgorithm, Key: jose.JSONWebKey{Key: private, KeyID: k.kid}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return fmt.Errorf("signing key %s: %w", k.kid, err)
	}
	k.signer = signer
	return nil
}

// sign returns claims as a JWT.
func (k *Keys) sign(claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	jws, err := k.signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// maxToken is the longest JWT that is looked at, in bytes.
const maxToken = 16 << 10

var errNotOurs = errors.New("not a token of ours")

// verify returns the claims of a JWT that one of the keys has signed. It says
// nothing about what they mean.
func (k *Keys) verify(token string) ([]byte, error) {
	if len(token) > maxToken {
		return nil, errNotOurs
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{signingAlgorithm})
	if err != nil {
		return nil, errNotOurs
	}
	// RFC 8725 §3.10: keys are ours by kid; what the header brings is not one.
	for _, key := range k.set.Key(jws.Signatures[0].Header.KeyID) {
		if payload, err := jws.Verify(key.Key); err == nil {
			return payload, nil
		}
	}
	return nil, errNotOurs
}

func makeKey(aead cipher.AEAD, now time.Time) (*ecdsa.PrivateKey, StoredKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, StoredKey{}, fmt.Errorf("making signing key: %w", err)
	}
	s := StoredKey{Created: now}
	if s.ID, err = thumbprint(&private.PublicKey); err != nil {
		return nil, StoredKey{}, fmt.Errorf("making signing key: %w", err)
	}
	if s.Public, err = x509.MarshalPKIXPublicKey(&private.PublicKey); err != nil {
		return nil, StoredKey{}, fmt.Errorf("making signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, StoredKey{}, fmt.Errorf("making signing key: %w", err)
	}
	s.Sealed = aead.Seal(nil, nil, der, []byte(s.ID))
	clear(der)
	return private, s, nil
}

func openKey(aead cipher.AEAD, s StoredKey) (*ecdsa.PrivateKey, error) {
	der, err := aead.Open(nil, nil, s.Sealed, []byte(s.ID))
	if err != nil {
		return nil, errors.New("signing key: sealed under another key")
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, errors.New("signing key: not an ES256 key")
	}
	return private, nil
}

func parsePublic(s StoredKey) (jose.JSONWebKey, error) {
	key, err := x509.ParsePKIXPublicKey(s.Public)
	if err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("signing key %s: %w", s.ID, err)
	}
	public, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return jose.JSONWebKey{}, fmt.Errorf("signing key %s: not an ES256 key", s.ID)
	}
	return jose.JSONWebKey{Key: public, KeyID: s.ID, Algorithm: string(signingAlgorithm), Use: "sig"}, nil
}

// thumbprint returns the kid of a key (RFC 7638 §3): never used for another.
func thumbprint(public *ecdsa.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

func newKeySeal(seal secret.Key) (cipher.AEAD, error) {
	if seal.Len() != 32 {
		return nil, fmt.Errorf("sealing key for signing keys: %d bytes, want 32", seal.Len())
	}
	key, err := hkdf.Key(sha256.New, seal.Expose(), nil, "cardea signing keys", 32)
	if err != nil {
		return nil, fmt.Errorf("sealing key for signing keys: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
