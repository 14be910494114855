package noise

import (
	"bytes"
	"crypto/ecdh"
	"errors"
	"io"
	"testing"

	flynn "github.com/flynn/noise"

	"cardea/internal/secret"
)

// p256 lends the curve to a Noise library that does not know it.
type p256 struct{}

func (p256) GenerateKeypair(random io.Reader) (flynn.DHKey, error) {
	k, err := ecdh.P256().GenerateKey(random)
	if err != nil {
		return flynn.DHKey{}, err
	}
	return keyPair(k), nil
}

func (p256) DH(private, public []byte) ([]byte, error) {
	k, err := ecdh.P256().NewPrivateKey(private)
	if err != nil {
		return nil, err
	}
	p, err := ecdh.P256().NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	return k.ECDH(p)
}

func (p256) DHLen() int     { return PointSize }
func (p256) DHName() string { return "P256" }

func keyPair(k *ecdh.PrivateKey) flynn.DHKey {
	return flynn.DHKey{Private: k.Bytes(), Public: k.PublicKey().Bytes()}
}

func otherImplementation(t *testing.T, c flynn.Config, psk secret.Key) *flynn.HandshakeState {
	t.Helper()
	c.CipherSuite = flynn.NewCipherSuite(p256{}, flynn.CipherAESGCM, flynn.HashSHA256)
	c.PresharedKey = psk.Expose()
	hs, err := flynn.NewHandshakeState(c)
	if err != nil {
		t.Fatal(err)
	}
	return hs
}

func TestOurClientWithAnotherPhone(t *testing.T) {
	t.Parallel()
	s, psk := newKey(t), secret.Random(32)
	for _, tt := range []struct {
		name   string
		client *Initiator
		phone  flynn.Config
	}{
		{"KNpsk0", NewKN(s, psk), flynn.Config{Pattern: flynn.HandshakeKN, Prologue: []byte{1}, PeerStatic: s.PublicKey().Bytes()}},
		{"NKpsk0", NewNK(s.PublicKey(), psk), flynn.Config{Pattern: flynn.HandshakeNK, Prologue: []byte{0}, StaticKeypair: keyPair(s)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			phone := otherImplementation(t, tt.phone, psk)
			payload, _, _, err := phone.ReadMessage(nil, mustStart(t, tt.client))
			if err != nil || len(payload) != 0 {
				t.Fatalf("the other phone read %x, %v", payload, err)
			}
			message2, fromClient, toClient, err := phone.WriteMessage(nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := tt.client.Finish(message2)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, ours, phone, toClient, fromClient)
		})
	}
}

func TestOurPhoneWithAnotherClient(t *testing.T) {
	t.Parallel()
	s, psk := newKey(t), secret.Random(32)
	for _, tt := range []struct {
		name   string
		phone  *Responder
		client flynn.Config
	}{
		{"KNpsk0", AnswerKN(s.PublicKey(), psk), flynn.Config{Pattern: flynn.HandshakeKN, Prologue: []byte{1}, StaticKeypair: keyPair(s)}},
		{"NKpsk0", AnswerNK(s, psk), flynn.Config{Pattern: flynn.HandshakeNK, Prologue: []byte{0}, PeerStatic: s.PublicKey().Bytes()}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.client.Initiator = true
			client := otherImplementation(t, tt.client, psk)
			message1, _, _, err := client.WriteMessage(nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			message2, ours, err := tt.phone.Respond(message1)
			if err != nil {
				t.Fatal(err)
			}
			payload, toPhone, fromPhone, err := client.ReadMessage(nil, message2)
			if err != nil || len(payload) != 0 {
				t.Fatalf("the other client read %x, %v", payload, err)
			}
			compare(t, ours, client, toPhone, fromPhone)
		})
	}
}

// A payload in a handshake message has no meaning here, so it is refused: the
// messages have one size.
func TestHandshakePayloadIsRefused(t *testing.T) {
	t.Parallel()
	s, psk := newKey(t), secret.Random(32)
	client := otherImplementation(t, flynn.Config{Pattern: flynn.HandshakeKN, Prologue: []byte{1}, StaticKeypair: keyPair(s), Initiator: true}, psk)
	message1, _, _, err := client.WriteMessage(nil, []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := AnswerKN(s.PublicKey(), psk).Respond(message1); err == nil {
		t.Error("message 1 with a payload was taken")
	}
}

// compare checks that both have the same hash, and that the first record in
// each direction opens at the other end: at counter zero the nonce is that of
// plain Noise.
func compare(t *testing.T, ours *Session, theirs *flynn.HandshakeState, send, receive *flynn.CipherState) {
	t.Helper()
	if !bytes.Equal(ours.Hash(), theirs.ChannelBinding()) {
		t.Error("different handshake hashes")
	}
	sealed, err := ours.Send.Seal([]byte("to them"))
	if err != nil {
		t.Fatal(err)
	}
	padded, err := receive.Decrypt(nil, nil, sealed)
	if err != nil || !bytes.Equal(padded, pad([]byte("to them"))) {
		t.Errorf("they opened %q, %v", padded, err)
	}
	sealed, err = send.Encrypt(nil, nil, pad([]byte("to us")))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ours.Receive.Open(sealed); err != nil || string(got) != "to us" {
		t.Errorf("we opened %q, %v", got, err)
	}
	if _, err := ours.Receive.Open(sealed); !errors.Is(err, ErrTampered) {
		t.Errorf("opening a record again: %v, want ErrTampered", err)
	}
}
