package noise

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"sync"

	"cardea/internal/secret"
)

const (
	// maxRecords bounds how many records one key encrypts. No transaction
	// comes near; it is there so that a counter can never come round.
	maxRecords = 1 << 24

	// padTo is the unit of a record's length before encryption.
	padTo = 32

	// Overhead is the most by which a record is longer than its plaintext.
	Overhead = padTo + tagSize
)

var (
	// ErrTampered says that a record does not open: it was changed, repeated,
	// left out, or never ours. The conversation is over.
	ErrTampered = errors.New("a message did not open")

	// ErrExhausted says that a key has encrypted as many records as it may.
	ErrExhausted = errors.New("too many messages under one key")
)

// A Session is what a handshake leaves: a key for each direction.
type Session struct {
	Send    *Sealer
	Receive *Opener

	hash []byte
}

func newSession(send, receive secret.Key, hash []byte) *Session {
	s := &Session{
		Send:    &Sealer{record: record{aead: newGCM(send.Expose())}},
		Receive: &Opener{record: record{aead: newGCM(receive.Expose())}},
		hash:    hash,
	}
	send.Wipe()
	receive.Wipe()
	return s
}

// Hash returns the hash of the handshake. It names this handshake, and is the
// same at both ends and nowhere else (Noise §11.2).
func (s *Session) Hash() []byte { return append([]byte(nil), s.hash...) }

// A record is one direction's key and how often it has been used.
type record struct {
	mu    sync.Mutex
	aead  cipher.AEAD
	count uint32
	err   error // why there will be no further record
}

// next returns the nonce of the next record: eight zero bytes and the counter,
// big-endian. The caller holds mu.
func (r *record) next() ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	if r.count >= maxRecords {
		r.err = ErrExhausted
		return nil, r.err
	}
	nonce := make([]byte, 12)
	binary.BigEndian.PutUint32(nonce[8:], r.count)
	r.count++
	return nonce, nil
}

// A Sealer encrypts what goes out, in order. It is safe for concurrent use,
// but records must be sent in the order in which they were sealed.
type Sealer struct{ record }

// Seal pads and encrypts plaintext. The error is ErrExhausted.
func (s *Sealer) Seal(plaintext []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	nonce, err := s.next()
	if err != nil {
		return nil, err
	}
	padded := pad(plaintext)
	return s.aead.Seal(padded[:0], nonce, padded, nil), nil
}

// An Opener decrypts what comes in, in order. It is safe for concurrent use.
type Opener struct{ record }

// Open decrypts a record and strips its padding. After one error there is no
// further record: Open returns the same error for ever.
func (o *Opener) Open(sealed []byte) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	nonce, err := o.next()
	if err != nil {
		return nil, err
	}
	padded, err := o.aead.Open(nil, nonce, sealed, nil)
	if err != nil {
		o.err = ErrTampered
		return nil, o.err
	}
	plaintext, ok := unpad(padded)
	if !ok {
		o.err = ErrTampered
		return nil, o.err
	}
	return plaintext, nil
}

// Opens reports whether Open would succeed with sealed now, and changes
// nothing. It is for streams in which the end of a record has to be found.
func (o *Opener) Opens(sealed []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	count := o.count
	nonce, err := o.next()
	if err != nil {
		return false
	}
	o.count = count
	padded, err := o.aead.Open(nil, nonce, sealed, nil)
	if err != nil {
		return false
	}
	_, ok := unpad(padded)
	return ok
}

// pad appends zeros and their number, so that the whole is a multiple of 32
// bytes. It leaves room for a tag.
func pad(plaintext []byte) []byte {
	size := (len(plaintext)/padTo + 1) * padTo
	padded := make([]byte, size, size+tagSize)
	copy(padded, plaintext)
	padded[size-1] = byte(size - len(plaintext) - 1)
	return padded
}

// unpad looks at the last byte only. Some senders put a byte in front of what
// they have padded, so the length need not be a multiple of 32; and what
// stands in place of the zeros is authenticated and says nothing.
func unpad(padded []byte) ([]byte, bool) {
	if len(padded) == 0 {
		return nil, false
	}
	drop := int(padded[len(padded)-1]) + 1
	if drop > len(padded) {
		return nil, false
	}
	return padded[:len(padded)-drop], true
}
