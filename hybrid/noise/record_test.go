package noise

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"cardea/internal/secret"
)

func newSessions() (client, phone *Session) {
	a, b := secret.Random(32), secret.Random(32)
	return newSession(secret.New(a.Expose()), secret.New(b.Expose()), nil), newSession(b, a, nil)
}

func TestRecordsOfEveryLength(t *testing.T) {
	t.Parallel()
	client, phone := newSessions()
	for n := range 100 {
		want := bytes.Repeat([]byte{0xaa}, n)
		sealed, err := client.Send.Seal(want)
		if err != nil {
			t.Fatal(err)
		}
		if (len(sealed)-tagSize)%padTo != 0 || len(sealed) > n+Overhead {
			t.Errorf("record of %d bytes for %d", len(sealed), n)
		}
		got, err := phone.Receive.Open(sealed)
		if err != nil {
			t.Fatalf("Open of %d bytes: %v", n, err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("Open = %x, want %x", got, want)
		}
	}
}

// To ask whether a record opens costs nothing: neither a wrong one nor the right
// one is used up.
func TestOpensChangesNothing(t *testing.T) {
	t.Parallel()
	client, phone := newSessions()
	for range 2 {
		sealed, err := client.Send.Seal([]byte("message"))
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			candidate []byte
			want      bool
		}{{sealed[:len(sealed)-1], false}, {append(bytes.Clone(sealed), 0), false}, {nil, false}, {sealed, true}, {sealed, true}} {
			if got := phone.Receive.Opens(tt.candidate); got != tt.want {
				t.Errorf("Opens(%d of %d bytes) = %v, want %v", len(tt.candidate), len(sealed), got, tt.want)
			}
		}
		if _, err := phone.Receive.Open(sealed); err != nil {
			t.Fatal(err)
		}
		if phone.Receive.Opens(sealed) {
			t.Error("a record opens twice")
		}
	}
}

// A sender that puts its type byte in front of a padded message makes records
// whose length is odd.
func TestPaddingOfAnotherUnitIsTaken(t *testing.T) {
	t.Parallel()
	outside := append([]byte{1}, pad([]byte("message"))...)
	got, ok := unpad(outside)
	if !ok || string(got) != "\x01message" {
		t.Errorf("unpad = %q, %v", got, ok)
	}
}

func TestRecordsAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		damage func(one, two []byte) []byte
	}{
		{"changed", func(one, _ []byte) []byte { one[3] ^= 1; return one }},
		{"changed tag", func(one, _ []byte) []byte { one[len(one)-1] ^= 1; return one }},
		{"out of order", func(_, two []byte) []byte { return two }},
		{"cut", func(one, _ []byte) []byte { return one[:len(one)-1] }},
		{"shorter than a tag", func(one, _ []byte) []byte { return one[:tagSize-1] }},
		{"empty", func(_, _ []byte) []byte { return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, phone := newSessions()
			one, _ := client.Send.Seal([]byte("one"))
			two, _ := client.Send.Seal([]byte("two"))
			whole := bytes.Clone(one)
			if _, err := phone.Receive.Open(tt.damage(one, two)); !errors.Is(err, ErrTampered) {
				t.Errorf("Open = %v, want ErrTampered", err)
			}
			// There is no way back: what was right before is refused as well.
			if _, err := phone.Receive.Open(whole); !errors.Is(err, ErrTampered) {
				t.Errorf("Open after a failure = %v, want ErrTampered", err)
			}
		})
	}
}

func TestDirectionsHaveTheirOwnKeys(t *testing.T) {
	t.Parallel()
	client, _ := newSessions()
	sealed, err := client.Send.Seal([]byte("back to you"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Receive.Open(sealed); !errors.Is(err, ErrTampered) {
		t.Errorf("opening our own record: %v, want ErrTampered", err)
	}
}

func TestKeyIsExhaustedAfterItsLastRecord(t *testing.T) {
	t.Parallel()
	client, phone := newSessions()
	client.Send.count, phone.Receive.count = maxRecords-1, maxRecords-1
	sealed, err := client.Send.Seal([]byte("last"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := phone.Receive.Open(sealed); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Send.Seal(nil); !errors.Is(err, ErrExhausted) {
		t.Errorf("Seal = %v, want ErrExhausted", err)
	}
	if _, err := phone.Receive.Open(sealed); !errors.Is(err, ErrExhausted) {
		t.Errorf("Open = %v, want ErrExhausted", err)
	}
}

func FuzzUnpad(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{5})
	f.Add([]byte{0})
	f.Add(pad([]byte("message")))
	f.Fuzz(func(t *testing.T, b []byte) {
		plaintext, ok := unpad(b)
		if !ok {
			return
		}
		again, ok := unpad(pad(plaintext))
		if !ok || !bytes.Equal(again, plaintext) {
			t.Errorf("unpad(pad(%x)) = %x, %v", plaintext, again, ok)
		}
	})
}

func FuzzRespond(f *testing.F) {
	// Fixed, so that all fuzzing workers have the same seed.
	s, psk := privateKey(f, bytes.Repeat([]byte{7}, 32)), secret.New(make([]byte, 32))
	other, e := privateKey(f, bytes.Repeat([]byte{8}, 32)), privateKey(f, bytes.Repeat([]byte{9}, 32))
	message1, err := NewKN(other, psk).start(e)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(message1)
	f.Add(make([]byte, MessageSize))
	f.Fuzz(func(t *testing.T, message1 []byte) {
		if _, _, err := AnswerKN(s.PublicKey(), psk).Respond(message1); err == nil {
			t.Errorf("Respond took %x", message1)
		}
	})
}

// What a relay makes up instead of message 2 is no phone's, whatever it is.
func FuzzFinish(f *testing.F) {
	s, psk := privateKey(f, bytes.Repeat([]byte{7}, 32)), secret.New(make([]byte, 32))
	e := privateKey(f, bytes.Repeat([]byte{9}, 32))
	other := secret.New(bytes.Repeat([]byte{1}, 32)) // of another advertisement
	message1, err := NewKN(s, other).start(e)
	if err != nil {
		f.Fatal(err)
	}
	message2, _, err := AnswerKN(s.PublicKey(), other).respond(message1, privateKey(f, bytes.Repeat([]byte{8}, 32)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(message2)
	f.Add(message1)
	f.Add(make([]byte, MessageSize))
	f.Fuzz(func(t *testing.T, message2 []byte) {
		for _, client := range []*Initiator{NewKN(s, psk), NewNK(s.PublicKey(), psk)} {
			if _, err := client.start(e); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Finish(message2); err == nil {
				t.Errorf("Finish took %x", message2)
			}
			if _, err := client.Finish(message2); !errors.Is(err, ErrSpent) {
				t.Errorf("a second Finish = %v, want ErrSpent", err)
			}
		}
	})
}

func BenchmarkSealOpen(b *testing.B) {
	for _, size := range []int{64, 1 << 10, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			message := make([]byte, size)
			client, phone := newSessions()
			for b.Loop() {
				if client.Send.count == maxRecords {
					client, phone = newSessions()
				}
				sealed, err := client.Send.Seal(message)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := phone.Receive.Open(sealed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
