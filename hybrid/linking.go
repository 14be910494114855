package hybrid

import (
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"unicode/utf8"

	"cardea/internal/cbor"
	"cardea/internal/secret"
)

const (
	linkIDSize     = 8
	linkSecretSize = 32
	pointSize      = 65
	maxContactID   = 128 // opaque; it must fit the update message
	maxPhoneName   = 64  // bytes; the rest is cut
)

// A Linking is what a phone gives a client that wants to find it again without
// a QR code. One that has come over the wire says nothing until Verify has
// passed.
type Linking struct {
	ContactID []byte           // opaque; names the phone to its tunnel service
	LinkID    [linkIDSize]byte // names this client to the phone
	Secret    secret.Key       // 32 bytes, shared by the two
	Identity  *ecdh.PublicKey  // the phone's, P-256; the same in all its links
	Name      string           // the phone's, as its owner calls it
	signature []byte
}

// A LinkOffer is a Linking on the phone's side, before it is signed for one
// client. The fields are those of Linking; a name longer than 64 bytes is cut.
type LinkOffer struct {
	ContactID []byte // at most 128 bytes
	LinkID    [linkIDSize]byte
	Secret    secret.Key
	Identity  *ecdh.PrivateKey
	Name      string
}

// linkingMap is the CBOR map that carries a Linking. Key 999, which Google's
// phones add, is ignored.
type linkingMap struct {
	ContactID []byte `cbor:"1,keyasint"`
	LinkID    []byte `cbor:"2,keyasint"`
	Secret    []byte `cbor:"3,keyasint"`
	Identity  []byte `cbor:"4,keyasint"`
	Name      string `cbor:"5,keyasint"`
	Signature []byte `cbor:"6,keyasint"`
}

// Sign makes the Linking that goes to one client. handshakeHash is the hash of
// the handshake just done with it, and client the key of its QR code.
func (o LinkOffer) Sign(client *ecdh.PublicKey, handshakeHash []byte) (Linking, error) {
	if len(o.ContactID) == 0 || len(o.ContactID) > maxContactID {
		return Linking{}, fmt.Errorf("contact ID of %d bytes", len(o.ContactID))
	}
	if o.Secret.Len() != linkSecretSize {
		return Linking{}, fmt.Errorf("link secret of %d bytes, want %d", o.Secret.Len(), linkSecretSize)
	}
	signature, err := linkSignature(o.Identity, client, handshakeHash)
	if err != nil {
		return Linking{}, err
	}
	return Linking{
		ContactID: o.ContactID,
		LinkID:    o.LinkID,
		Secret:    o.Secret,
		Identity:  o.Identity.PublicKey(),
		Name:      cutName(o.Name),
		signature: signature,
	}, nil
}

// Verify checks that the phone of this handshake holds the identity key it
// names. A Linking that fails must be dropped, and must not replace one that
// is already kept under the same key.
func (l Linking) Verify(client *ecdh.PrivateKey, handshakeHash []byte) error {
	want, err := linkSignature(client, l.Identity, handshakeHash)
	if err != nil {
		return err
	}
	if !hmac.Equal(l.signature, want) {
		return errors.New("signature of the link does not fit")
	}
	return nil
}

// linkSignature is a signature only between these two: either can make it.
func linkSignature(private *ecdh.PrivateKey, public *ecdh.PublicKey, handshakeHash []byte) ([]byte, error) {
	shared, err := private.ECDH(public)
	if err != nil {
		return nil, err
	}
	defer clear(shared)
	mac := hmac.New(sha256.New, shared)
	mac.Write(handshakeHash)
	return mac.Sum(nil), nil
}

func (l Linking) encode() cbor.Raw {
	return cbor.MustEncode(linkingMap{
		ContactID: l.ContactID,
		LinkID:    l.LinkID[:],
		Secret:    l.Secret.Expose(),
		Identity:  l.Identity.Bytes(),
		Name:      l.Name,
		Signature: l.signature,
	})
}

func parseLinking(raw cbor.Raw) (Linking, error) {
	var m linkingMap
	if err := cbor.Decode(raw, &m); err != nil {
		return Linking{}, err
	}
	switch {
	case len(m.ContactID) == 0:
		return Linking{}, errors.New("no contact ID")
	case len(m.LinkID) != linkIDSize:
		return Linking{}, fmt.Errorf("link ID of %d bytes, want %d", len(m.LinkID), linkIDSize)
	case len(m.Secret) != linkSecretSize:
		return Linking{}, fmt.Errorf("link secret of %d bytes, want %d", len(m.Secret), linkSecretSize)
	case len(m.Identity) != pointSize:
		return Linking{}, fmt.Errorf("identity key of %d bytes, want %d", len(m.Identity), pointSize)
	case len(m.Signature) != sha256.Size:
		return Linking{}, fmt.Errorf("signature of %d bytes, want %d", len(m.Signature), sha256.Size)
	}
	identity, err := ecdh.P256().NewPublicKey(m.Identity)
	if err != nil {
		return Linking{}, fmt.Errorf("identity key: %w", err)
	}
	return Linking{
		ContactID: m.ContactID,
		LinkID:    [linkIDSize]byte(m.LinkID),
		Secret:    secret.New(m.Secret),
		Identity:  identity,
		Name:      m.Name,
		signature: m.Signature,
	}, nil
}

// cutName cuts a name between two characters.
func cutName(name string) string {
	if len(name) <= maxPhoneName {
		return name
	}
	n := maxPhoneName
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n]
}
