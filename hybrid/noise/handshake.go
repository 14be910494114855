package noise

import (
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"

	"cardea/internal/secret"
)

const (
	nameKN = "Noise_KNpsk0_P256_AESGCM_SHA256"
	nameNK = "Noise_NKpsk0_P256_AESGCM_SHA256"

	prologueKN = 1
	prologueNK = 0
)

// ErrSpent is the error for the second use of a handshake.
var ErrSpent = errors.New("this handshake has been used")

// An Initiator is the client's half of one handshake: Start, then Finish.
type Initiator struct {
	kn     *ecdh.PrivateKey // our key, known to the phone; nil in NK
	nk     *ecdh.PublicKey  // the phone's key, known to us; nil in KN
	psk    secret.Key
	state  *symmetricState
	e      *ecdh.PrivateKey
	begun  atomic.Bool
	closed atomic.Bool
}

// NewKN returns the client's half of a handshake with a phone that has read
// the public part of s from a QR code.
func NewKN(s *ecdh.PrivateKey, psk secret.Key) *Initiator { return &Initiator{kn: s, psk: psk} }

// NewNK returns the client's half of a handshake with a linked phone, whose
// key is rs.
func NewNK(rs *ecdh.PublicKey, psk secret.Key) *Initiator { return &Initiator{nk: rs, psk: psk} }

// Start returns message 1. A second call is ErrSpent.
func (i *Initiator) Start() (message1 []byte, err error) {
	e, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("message 1: making e: %w", err)
	}
	return i.start(e)
}

func (i *Initiator) start(e *ecdh.PrivateKey) (message1 []byte, err error) {
	if i.begun.Swap(true) {
		return nil, ErrSpent
	}
	var hs *symmetricState
	if i.kn != nil {
		// -> s
		hs = begin(nameKN, prologueKN, i.kn.PublicKey())
	} else {
		// <- s
		hs = begin(nameNK, prologueNK, i.nk)
	}

	// -> psk, e
	hs.mixKeyAndHash(i.psk.Expose())
	point := e.PublicKey().Bytes()
	hs.mixEphemeral(point)
	if i.nk != nil {
		// es
		if err := hs.mixDH(e, i.nk); err != nil {
			return nil, fmt.Errorf("message 1: computing es: %w", err)
		}
	}
	i.state, i.e = hs, e
	return append(point, hs.sealTag()...), nil
}

// Finish reads message 2 and ends the handshake, for good or ill: a second
// call is ErrSpent. Any other error means that the other side is not the phone
// this handshake was meant for.
func (i *Initiator) Finish(message2 []byte) (*Session, error) {
	if i.state == nil {
		return nil, errors.New("message 2 before message 1")
	}
	if i.closed.Swap(true) {
		return nil, ErrSpent
	}
	hs := i.state
	point, re, tag, err := readMessage(message2)
	if err != nil {
		return nil, fmt.Errorf("message 2: %w", err)
	}

	// <- e, ee
	hs.mixEphemeral(point)
	if err := hs.mixDH(i.e, re); err != nil {
		return nil, fmt.Errorf("message 2: computing ee: %w", err)
	}
	if i.kn != nil {
		// se
		if err := hs.mixDH(i.kn, re); err != nil {
			return nil, fmt.Errorf("message 2: computing se: %w", err)
		}
	}
	if err := hs.openTag(tag); err != nil {
		return nil, fmt.Errorf("message 2: %w", err)
	}
	ours, theirs := hs.split()
	return newSession(ours, theirs, hs.h), nil
}

// A Responder is the phone's half of one handshake.
type Responder struct {
	kn   *ecdh.PublicKey  // the client's key, from its QR code; nil in NK
	nk   *ecdh.PrivateKey // our key, known to the client; nil in KN
	psk  secret.Key
	used atomic.Bool
}

// AnswerKN returns the phone's half of a handshake with the client whose QR
// code holds rs.
func AnswerKN(rs *ecdh.PublicKey, psk secret.Key) *Responder { return &Responder{kn: rs, psk: psk} }

// AnswerNK returns the phone's half of a handshake with a client that keeps the
// public part of s from a link.
func AnswerNK(s *ecdh.PrivateKey, psk secret.Key) *Responder { return &Responder{nk: s, psk: psk} }

// Respond reads message 1 and returns message 2 and the session. It ends the
// handshake, for good or ill: a second call is ErrSpent. Any other error means
// that the other side is not the client this handshake was meant for.
func (r *Responder) Respond(message1 []byte) (message2 []byte, s *Session, err error) {
	e, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("message 2: making e: %w", err)
	}
	return r.respond(message1, e)
}

func (r *Responder) respond(message1 []byte, e *ecdh.PrivateKey) (message2 []byte, s *Session, err error) {
	if r.used.Swap(true) {
		return nil, nil, ErrSpent
	}
	point, re, tag, err := readMessage(message1)
	if err != nil {
		return nil, nil, fmt.Errorf("message 1: %w", err)
	}
	var hs *symmetricState
	if r.kn != nil {
		// -> s
		hs = begin(nameKN, prologueKN, r.kn)
	} else {
		// <- s
		hs = begin(nameNK, prologueNK, r.nk.PublicKey())
	}

	// -> psk, e
	hs.mixKeyAndHash(r.psk.Expose())
	hs.mixEphemeral(point)
	if r.nk != nil {
		// es
		if err := hs.mixDH(r.nk, re); err != nil {
			return nil, nil, fmt.Errorf("message 1: computing es: %w", err)
		}
	}
	if err := hs.openTag(tag); err != nil {
		return nil, nil, fmt.Errorf("message 1: %w", err)
	}

	// <- e, ee
	ours := e.PublicKey().Bytes()
	hs.mixEphemeral(ours)
	if err := hs.mixDH(e, re); err != nil {
		return nil, nil, fmt.Errorf("message 2: computing ee: %w", err)
	}
	if r.kn != nil {
		// se
		if err := hs.mixDH(e, r.kn); err != nil {
			return nil, nil, fmt.Errorf("message 2: computing se: %w", err)
		}
	}
	message2 = append(ours, hs.sealTag()...)
	fromClient, toClient := hs.split()
	return message2, newSession(toClient, fromClient, hs.h), nil
}

// begin hashes what both know before the first message.
func begin(name string, prologue byte, known *ecdh.PublicKey) *symmetricState {
	hs := newSymmetricState(name)
	hs.mixHash([]byte{prologue})
	hs.mixHash(known.Bytes())
	return hs
}
