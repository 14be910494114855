package noise

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"

	"cardea/internal/secret"
)

func newKey(t testing.TB) *ecdh.PrivateKey {
	t.Helper()
	k, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A pair is two halves of one handshake that belong together.
type pair struct {
	client *Initiator
	phone  *Responder
}

// patterns makes a pair of each pattern.
var patterns = map[string]func(t testing.TB) pair{
	"KNpsk0": func(t testing.TB) pair {
		s, psk := newKey(t), secret.Random(32)
		return pair{NewKN(s, psk), AnswerKN(s.PublicKey(), psk)}
	},
	"NKpsk0": func(t testing.TB) pair {
		s, psk := newKey(t), secret.Random(32)
		return pair{NewNK(s.PublicKey(), psk), AnswerNK(s, psk)}
	},
}

func eachPattern(t *testing.T, f func(t *testing.T, p pair)) {
	t.Parallel()
	for name, build := range patterns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, build(t))
		})
	}
}

func mustStart(t testing.TB, i *Initiator) []byte {
	t.Helper()
	message1, err := i.Start()
	if err != nil {
		t.Fatal(err)
	}
	return message1
}

// shake runs a whole handshake.
func shake(t testing.TB, p pair) (client, phone *Session) {
	t.Helper()
	message2, phone, err := p.phone.Respond(mustStart(t, p.client))
	if err != nil {
		t.Fatal(err)
	}
	client, err = p.client.Finish(message2)
	if err != nil {
		t.Fatal(err)
	}
	return client, phone
}

func TestBothEndsAgree(t *testing.T) {
	eachPattern(t, func(t *testing.T, p pair) {
		client, phone := shake(t, p)
		if !bytes.Equal(client.Hash(), phone.Hash()) {
			t.Error("the two ends have different hashes")
		}
		exchange(t, client.Send, phone.Receive)
		exchange(t, phone.Send, client.Receive)
	})
}

func exchange(t testing.TB, from *Sealer, to *Opener) {
	t.Helper()
	for i := range 3 {
		want := fmt.Appendf(nil, "message %d", i)
		sealed, err := from.Seal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := to.Open(sealed)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestPhoneRefusesASecondHandshake(t *testing.T) {
	eachPattern(t, func(t *testing.T, p pair) {
		message1 := mustStart(t, p.client)
		if _, _, err := p.phone.Respond(message1); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.phone.Respond(message1); !errors.Is(err, ErrSpent) {
			t.Errorf("second Respond: %v, want ErrSpent", err)
		}
	})
}

func TestFailedHandshakeIsSpentToo(t *testing.T) {
	eachPattern(t, func(t *testing.T, p pair) {
		message1 := mustStart(t, p.client)
		if _, _, err := p.phone.Respond(make([]byte, MessageSize)); err == nil {
			t.Fatal("Respond took a message of zeros")
		}
		if _, _, err := p.phone.Respond(message1); !errors.Is(err, ErrSpent) {
			t.Errorf("Respond after a failure: %v, want ErrSpent", err)
		}
		if _, err := p.client.Finish(nil); err == nil {
			t.Fatal("Finish took an empty message")
		}
		if _, err := p.client.Finish(nil); !errors.Is(err, ErrSpent) {
			t.Errorf("Finish after a failure: %v, want ErrSpent", err)
		}
		if _, err := p.client.Start(); !errors.Is(err, ErrSpent) {
			t.Errorf("second Start: %v, want ErrSpent", err)
		}
	})
}

func TestFinishBeforeStartIsRefused(t *testing.T) {
	eachPattern(t, func(t *testing.T, p pair) {
		if _, err := p.client.Finish(make([]byte, MessageSize)); err == nil {
			t.Error("Finish before Start succeeded")
		}
	})
}

// One wrong bit anywhere in a message ends the handshake, and so does every
// other length.
func TestDamagedMessagesAreRefused(t *testing.T) {
	t.Parallel()
	for name, build := range patterns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at := range MessageSize {
				p := build(t)
				message1 := mustStart(t, p.client)
				message1[at] ^= 1
				if _, _, err := p.phone.Respond(message1); err == nil {
					t.Errorf("message 1 with byte %d changed was taken", at)
				}
				p = build(t)
				message2, _, err := p.phone.Respond(mustStart(t, p.client))
				if err != nil {
					t.Fatal(err)
				}
				message2[at] ^= 1
				if _, err := p.client.Finish(message2); err == nil {
					t.Errorf("message 2 with byte %d changed was taken", at)
				}
			}
			for n := range MessageSize {
				p := build(t)
				if _, _, err := p.phone.Respond(mustStart(t, p.client)[:n]); err == nil {
					t.Errorf("message 1 cut to %d bytes was taken", n)
				}
			}
			p := build(t)
			if _, _, err := p.phone.Respond(append(mustStart(t, p.client), 0)); err == nil {
				t.Error("message 1 with a byte more was taken")
			}
		})
	}
}

func TestWrongKeysAreRefused(t *testing.T) {
	t.Parallel()
	s, psk := newKey(t), secret.Random(32)
	other, otherPSK := newKey(t), secret.Random(32)
	for _, tt := range []struct {
		name   string
		client *Initiator
		phone  *Responder
	}{
		{"KN, another advertisement", NewKN(s, otherPSK), AnswerKN(s.PublicKey(), psk)},
		{"KN, another QR code", NewKN(other, psk), AnswerKN(s.PublicKey(), psk)},
		{"NK, another advertisement", NewNK(s.PublicKey(), otherPSK), AnswerNK(s, psk)},
		{"NK, another phone", NewNK(other.PublicKey(), psk), AnswerNK(s, psk)},
		{"NK client, KN phone", NewNK(s.PublicKey(), psk), AnswerKN(s.PublicKey(), psk)},
		{"KN client, NK phone", NewKN(s, psk), AnswerNK(s, psk)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := tt.phone.Respond(mustStart(t, tt.client)); err == nil {
				t.Error("the handshake succeeded")
			}
		})
	}
}

// In KN the phone learns that the client holds the key of the QR code only
// when a record opens: message 1 proves the PSK alone.
func TestClientWithoutTheKeyOfTheCodeCannotRead(t *testing.T) {
	t.Parallel()
	s, psk := newKey(t), secret.Random(32)
	impostor := NewKN(s, psk)
	message2, _, err := AnswerKN(s.PublicKey(), psk).Respond(mustStart(t, impostor))
	if err != nil {
		t.Fatal(err)
	}
	impostor.kn = newKey(t) // it has seen the code, but did not make it
	if _, err := impostor.Finish(message2); err == nil {
		t.Error("Finish succeeded without the private key")
	}
}

func TestSessionsNeverShareAHash(t *testing.T) {
	t.Parallel()
	s, psk := newKey(t), secret.Random(32)
	one, _ := shake(t, pair{NewKN(s, psk), AnswerKN(s.PublicKey(), psk)})
	two, _ := shake(t, pair{NewKN(s, psk), AnswerKN(s.PublicKey(), psk)})
	if bytes.Equal(one.Hash(), two.Hash()) {
		t.Error("two handshakes with the same keys have one hash")
	}
}

func BenchmarkHandshake(b *testing.B) {
	for name, build := range patterns {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				shake(b, build(b))
			}
		})
	}
}
