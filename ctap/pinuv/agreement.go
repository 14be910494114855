package pinuv

import (
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"fmt"

	"cardea/internal/cbor"
)

// KeyAgreement is the authenticator's key of one protocol. It is made anew at
// power-up and after a wrong PIN (CTAP §6.5.5.1).
type KeyAgreement struct{ key *ecdh.PrivateKey }

// NewKeyAgreement makes a key.
func NewKeyAgreement() (KeyAgreement, error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return KeyAgreement{}, fmt.Errorf("making a key agreement key: %w", err)
	}
	return KeyAgreement{key}, nil
}

// PublicKey returns the COSE_Key that clients ask for.
func (k KeyAgreement) PublicKey() cbor.Raw { return EncodePublicKey(k.key.PublicKey()) }

// Decapsulate makes the shared secret with a client's public key.
func (k KeyAgreement) Decapsulate(p Protocol, client cbor.Raw) (Shared, error) {
	peer, err := ParsePublicKey(client)
	if err != nil {
		return Shared{}, err
	}
	return agree(p, k.key, peer)
}

// Encapsulate is the client's half: it makes a key for this one exchange, and
// returns the shared secret with what the authenticator needs to make it too.
func Encapsulate(p Protocol, authenticator cbor.Raw) (s Shared, client cbor.Raw, err error) {
	peer, err := ParsePublicKey(authenticator)
	if err != nil {
		return Shared{}, nil, err
	}
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return Shared{}, nil, fmt.Errorf("making a key agreement key: %w", err)
	}
	s, err = agree(p, key, peer)
	return s, EncodePublicKey(key.PublicKey()), err
}

func agree(p Protocol, ours *ecdh.PrivateKey, theirs *ecdh.PublicKey) (Shared, error) {
	z, err := ours.ECDH(theirs)
	if err != nil {
		return Shared{}, fmt.Errorf("agreeing on a key: %w", err)
	}
	defer clear(z)
	return kdf(p, z)
}

// coseKey is the COSE_Key of CTAP §6.5.6: these members and no others. The
// algorithm is not the one used; the text says to put it there all the same.
type coseKey struct {
	Kty int64  `cbor:"1,keyasint"`
	Alg int64  `cbor:"3,keyasint"`
	Crv int64  `cbor:"-1,keyasint"`
	X   []byte `cbor:"-2,keyasint"`
	Y   []byte `cbor:"-3,keyasint"`
}

const (
	ktyEC2          = 2
	algECDHESHKDF   = -25
	crvP256         = 1
	coordinate      = 32
	coseKeyMembers  = 5
	uncompressedKey = 4
)

// EncodePublicKey returns the COSE_Key of a P-256 key.
func EncodePublicKey(pub *ecdh.PublicKey) cbor.Raw {
	point := pub.Bytes() // 04 ‖ X ‖ Y
	return cbor.MustEncode(coseKey{
		Kty: ktyEC2, Alg: algECDHESHKDF, Crv: crvP256,
		X: point[1 : 1+coordinate], Y: point[1+coordinate:],
	})
}

// ParsePublicKey reads what EncodePublicKey writes. A point off the curve is
// refused: it would give away the other end's key bit by bit.
func ParsePublicKey(raw cbor.Raw) (*ecdh.PublicKey, error) {
	var k coseKey
	var members map[int64]cbor.Raw
	if err := errors.Join(cbor.Decode(raw, &k), cbor.Decode(raw, &members)); err != nil {
		return nil, fmt.Errorf("key agreement key: %w", err)
	}
	if k.Kty != ktyEC2 || k.Alg != algECDHESHKDF || k.Crv != crvP256 || len(members) != coseKeyMembers {
		return nil, fmt.Errorf("key agreement key: kty %d, alg %d, crv %d and %d members", k.Kty, k.Alg, k.Crv, len(members))
	}
	if len(k.X) != coordinate || len(k.Y) != coordinate {
		return nil, errors.New("key agreement key: coordinates must be 32 bytes")
	}
	point := append([]byte{uncompressedKey}, append(k.X, k.Y...)...)
	pub, err := ecdh.P256().NewPublicKey(point)
	if err != nil {
		return nil, fmt.Errorf("key agreement key: %w", err)
	}
	return pub, nil
}
