package hybrid

import (
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"fmt"

	"cardea/internal/cbor"
	"cardea/internal/secret"
)

const nonceSize = 16

// A Link is what a client keeps of a phone that it can call without a QR code.
// It is as secret as a password: whoever has it, and is near, can make the
// phone ask its person.
type Link struct {
	ContactID []byte
	LinkID    [linkIDSize]byte
	Secret    secret.Key
	Identity  *ecdh.PublicKey // two links with the same one are of one phone
	Name      string          // the phone's, as its owner calls it; not to be trusted
	Service   Service         // where the phone is called
}

// Link is l as the client keeps it. The service is that of the advertisement
// of the transaction in which the phone gave it.
func (l Linking) Link(s Service) Link {
	return Link{ContactID: l.ContactID, LinkID: l.LinkID, Secret: l.Secret, Identity: l.Identity, Name: l.Name, Service: s}
}

// SamePhone reports whether l and o are links to one phone; the later replaces
// the earlier.
func (l Link) SamePhone(o Link) bool { return l.Identity.Equal(o.Identity) }

// linkMap is a Link at rest.
type linkMap struct {
	ContactID []byte  `cbor:"1,keyasint"`
	LinkID    []byte  `cbor:"2,keyasint"`
	Secret    []byte  `cbor:"3,keyasint"`
	Identity  []byte  `cbor:"4,keyasint"`
	Name      string  `cbor:"5,keyasint"`
	Service   Service `cbor:"6,keyasint"`
}

// Encode returns l in bytes, for a file that nobody else may read.
func (l Link) Encode() []byte {
	return cbor.MustEncode(linkMap{
		ContactID: l.ContactID, LinkID: l.LinkID[:], Secret: l.Secret.Expose(),
		Identity: l.Identity.Bytes(), Name: l.Name, Service: l.Service,
	})
}

// ParseLink reads what Encode has written.
func ParseLink(b []byte) (Link, error) {
	var m linkMap
	if err := cbor.Decode(b, &m); err != nil {
		return Link{}, fmt.Errorf("link: %w", err)
	}
	switch {
	case len(m.ContactID) == 0:
		return Link{}, errors.New("link: no contact ID")
	case len(m.LinkID) != linkIDSize:
		return Link{}, fmt.Errorf("link: link ID of %d bytes, want %d", len(m.LinkID), linkIDSize)
	case len(m.Secret) != linkSecretSize:
		return Link{}, fmt.Errorf("link: secret of %d bytes, want %d", len(m.Secret), linkSecretSize)
	case !m.Service.Valid():
		return Link{}, fmt.Errorf("link: %w: %d", ErrNoService, m.Service)
	}
	identity, err := ecdh.P256().NewPublicKey(m.Identity)
	if err != nil {
		return Link{}, fmt.Errorf("link: identity key: %w", err)
	}
	return Link{
		ContactID: m.ContactID, LinkID: [linkIDSize]byte(m.LinkID), Secret: secret.New(m.Secret),
		Identity: identity, Name: m.Name, Service: m.Service,
	}, nil
}

// A Call is what a client says to a linked phone through its tunnel service, to
// wake it (CTAP 2.3 §11.5, state-assisted). The service reads it too: it holds
// no secret.
type Call struct {
	LinkID [linkIDSize]byte // which client
	Nonce  [nonceSize]byte  // fresh; the salt of EIDKeyFor
	Hint   Hint             // HintGetAssertion or HintMakeCredential
}

// NewCall returns a call over l with a fresh nonce.
func NewCall(l Link, hint Hint) Call {
	c := Call{LinkID: l.LinkID, Hint: hint}
	rand.Read(c.Nonce[:])
	return c
}

type callMap struct {
	LinkID []byte `cbor:"1,keyasint"`
	Nonce  []byte `cbor:"2,keyasint"`
	Hint   string `cbor:"3,keyasint"`
}

// Encode returns the client payload.
func (c Call) Encode() []byte {
	return cbor.MustEncode(callMap{LinkID: c.LinkID[:], Nonce: c.Nonce[:], Hint: string(c.Hint)})
}

// ParseCall reads a client payload. Keys and hints it does not know are no
// error: the request that comes later decides.
func ParseCall(payload []byte) (Call, error) {
	var m callMap
	if err := cbor.Decode(payload, &m); err != nil {
		return Call{}, fmt.Errorf("call: %w", err)
	}
	switch {
	case len(m.LinkID) != linkIDSize:
		return Call{}, fmt.Errorf("call: link ID of %d bytes, want %d", len(m.LinkID), linkIDSize)
	case len(m.Nonce) != nonceSize:
		return Call{}, fmt.Errorf("call: nonce of %d bytes, want %d", len(m.Nonce), nonceSize)
	}
	return Call{LinkID: [linkIDSize]byte(m.LinkID), Nonce: [nonceSize]byte(m.Nonce), Hint: Hint(m.Hint)}, nil
}

// NewCallEID returns what a phone advertises when it is called. It leads
// nowhere, as both ends know where the tunnel is: but for the first byte all of
// it is random. Clients check the number of the service all the same, so it is
// one that exists.
func NewCallEID() EID {
	for {
		var e EID
		rand.Read(e[1:])
		if e.valid() {
			return e
		}
	}
}

// LinkSecret derives the secret of a link from a phone's one root secret of 32
// bytes, so that a phone need not keep those of its links.
func LinkSecret(root secret.Key, contactID []byte, linkID [linkIDSize]byte) secret.Key {
	b := derive(root, contactID, purposeContact, linkSecretSize)
	defer clear(b)
	perContact := secret.New(b)
	defer perContact.Wipe()
	c := derive(perContact, linkID[:], purposeLink, linkSecretSize)
	defer clear(c)
	return secret.New(c)
}

// IdentityKey derives a phone's identity key from its root secret.
func IdentityKey(root secret.Key) *ecdh.PrivateKey {
	for n := byte(0); ; n++ {
		b := derive(root, []byte{n}, purposeIdentity, 32)
		key, err := ecdh.P256().NewPrivateKey(b)
		clear(b)
		if err == nil { // or else no scalar of P-256: one in 2^32
			return key
		}
	}
}
