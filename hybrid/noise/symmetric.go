package noise

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"cardea/internal/secret"
)

const (
	hashSize = sha256.Size
	keySize  = 32
	tagSize  = 16

	// PointSize is the size of an uncompressed point.
	PointSize = 65

	// MessageSize is the size of both handshake messages.
	MessageSize = PointSize + tagSize
)

// A symmetricState is what a handshake has mixed so far (Noise §5.2).
type symmetricState struct {
	ck []byte // chaining key
	h  []byte // hash of all that was said
	k  []byte // key of the next tag; nil when it has been used
}

// newSymmetricState begins with the protocol's name. Both names are 31 bytes,
// shorter than a hash, so they are padded and not hashed.
func newSymmetricState(name string) *symmetricState {
	h := make([]byte, hashSize)
	copy(h, name)
	return &symmetricState{ck: append([]byte(nil), h...), h: h}
}

func (s *symmetricState) mixHash(data []byte) {
	sum := sha256.New()
	sum.Write(s.h)
	sum.Write(data)
	s.h = sum.Sum(nil)
}

func (s *symmetricState) mixKey(ikm []byte) {
	out := expand(ikm, s.ck, 2*hashSize)
	s.ck, s.k = out[:hashSize], out[hashSize:]
}

func (s *symmetricState) mixKeyAndHash(ikm []byte) {
	out := expand(ikm, s.ck, 3*hashSize)
	s.ck, s.k = out[:hashSize], out[2*hashSize:]
	s.mixHash(out[hashSize : 2*hashSize])
}

// mixEphemeral mixes an ephemeral public key a second time, as handshakes with
// a pre-shared key must (Noise §9.2): without it, keys that depend on the PSK
// alone would meet the same nonce twice.
func (s *symmetricState) mixEphemeral(point []byte) {
	s.mixHash(point)
	s.mixKey(point)
}

// mixDH mixes the X coordinate of the shared point.
func (s *symmetricState) mixDH(private *ecdh.PrivateKey, public *ecdh.PublicKey) error {
	shared, err := private.ECDH(public)
	if err != nil {
		return err
	}
	defer clear(shared)
	s.mixKey(shared)
	return nil
}

// sealTag encrypts an empty payload, which leaves only its tag.
func (s *symmetricState) sealTag() []byte {
	tag := s.cipher().Seal(nil, zeroNonce(), nil, s.h)
	s.mixHash(tag)
	return tag
}

// errTag says that the other side does not know what we know.
var errTag = errors.New("the other side holds other keys")

func (s *symmetricState) openTag(tag []byte) error {
	if _, err := s.cipher().Open(nil, zeroNonce(), tag, s.h); err != nil {
		return errTag
	}
	s.mixHash(tag)
	return nil
}

// cipher hands out the current key for one use. Noise counts the uses of a key
// in its nonce; here a key is always mixed anew before the next use, so the
// count is always zero and a second use would be our own mistake.
func (s *symmetricState) cipher() cipher.AEAD {
	if s.k == nil {
		panic("noise: internal error: handshake key used twice")
	}
	aead := newGCM(s.k)
	clear(s.k)
	s.k = nil
	return aead
}

// split ends the handshake (Noise §5.2). The first key is the initiator's.
func (s *symmetricState) split() (initiator, responder secret.Key) {
	out := expand(nil, s.ck, 2*keySize)
	defer clear(out)
	clear(s.ck)
	return secret.New(out[:keySize]), secret.New(out[keySize:])
}

// expand is the HKDF of Noise §4.3, which is that of RFC 5869 without
// information.
func expand(ikm, ck []byte, n int) []byte {
	out, err := hkdf.Key(sha256.New, ikm, ck, "", n)
	if err != nil {
		panic("noise: internal error: " + err.Error())
	}
	return out
}

func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("noise: internal error: " + err.Error())
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("noise: internal error: " + err.Error())
	}
	return aead
}

func zeroNonce() []byte { return make([]byte, 12) }

// readMessage takes a handshake message apart.
func readMessage(message []byte) (point []byte, key *ecdh.PublicKey, tag []byte, err error) {
	if len(message) != MessageSize {
		return nil, nil, nil, fmt.Errorf("%d bytes, want %d", len(message), MessageSize)
	}
	point, tag = message[:PointSize], message[PointSize:]
	// Refuses every form but the uncompressed one, and what is not on the curve.
	key, err = ecdh.P256().NewPublicKey(point)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("reading e: %w", err)
	}
	return point, key, tag, nil
}
