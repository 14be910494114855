package hybrid

import (
	"crypto/aes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"cardea/internal/secret"
)

// An EID is what an advertisement says once it is open:
//
//	00 ‖ nonce (10) ‖ routing ID (3) ‖ service (2, little-endian)
//
// All of it enters the handshake, so it proves that its receiver was near.
type EID [16]byte

// AdvertSize is the number of bytes of a sealed EID: one block and a tag.
const AdvertSize = 20

const (
	eidKeySize = 64 // AES-256 key, then HMAC key
	tagSize    = AdvertSize - aes.BlockSize
)

// NewEID returns a fresh EID for a tunnel at service s.
func NewEID(r RoutingID, s Service) EID {
	var e EID
	rand.Read(e[1:11])
	copy(e[11:14], r[:])
	binary.LittleEndian.PutUint16(e[14:], uint16(s))
	return e
}

// RoutingID returns the bytes that lead to the tunnel.
func (e EID) RoutingID() RoutingID { return RoutingID(e[11:14]) }

// Service returns the service where the tunnel is.
func (e EID) Service() Service { return Service(binary.LittleEndian.Uint16(e[14:])) }

// valid says whether a client may act on e: the first byte is reserved and the
// service must be one that exists.
func (e EID) valid() bool { return e[0] == 0 && e.Service().Valid() }

// An EIDKey seals and opens the advertisements of one QR code or one contact.
type EIDKey struct{ k secret.Key }

// Wipe overwrites the key.
func (k EIDKey) Wipe() { k.k.Wipe() }

// Seal returns the bytes to advertise.
func (k EIDKey) Seal(e EID) [AdvertSize]byte {
	var out [AdvertSize]byte
	block, err := aes.NewCipher(k.k.Expose()[:32])
	if err != nil {
		panic("hybrid: internal error: " + err.Error())
	}
	// One block under a key of its own, so that plain ECB is enough.
	block.Encrypt(out[:aes.BlockSize], e[:])
	copy(out[aes.BlockSize:], k.tag(out[:aes.BlockSize]))
	return out
}

// Open opens service data as the radio brought them. A false ok means that
// they are not for us: the caller keeps scanning and says nothing. Bytes after
// the sealed EID are its suffix (CTAP 2.3 §11.5.1), which some phones send.
func (k EIDKey) Open(serviceData []byte) (e EID, suffix []byte, ok bool) {
	if len(serviceData) < AdvertSize {
		return EID{}, nil, false
	}
	sealed, suffix := serviceData[:AdvertSize], serviceData[AdvertSize:]
	// The tag is compared before the block is decrypted, and in constant time:
	// a scanner hears every advertisement in the room, most of them not for us.
	// At four bytes it lets one in 2³² through, which the handshake then stops.
	if !hmac.Equal(sealed[aes.BlockSize:], k.tag(sealed[:aes.BlockSize])) {
		return EID{}, nil, false
	}
	block, err := aes.NewCipher(k.k.Expose()[:32])
	if err != nil {
		panic("hybrid: internal error: " + err.Error())
	}
	block.Decrypt(e[:], sealed[:aes.BlockSize])
	if !e.valid() {
		return EID{}, nil, false
	}
	return e, suffix, true
}

func (k EIDKey) tag(block []byte) []byte {
	mac := hmac.New(sha256.New, k.k.Expose()[32:])
	mac.Write(block)
	return mac.Sum(nil)[:tagSize]
}
