package vpcd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/authenticator/vault/vaulttest"
	"cardea/ctap"
	"cardea/ctap/ctaphid/socket"
	"cardea/webauthn"
)

// A slot is vpcd's side: it listens, and what it takes is a card.
type slot struct {
	testing.TB
	net.Conn
}

// wait lets one card in.
func wait(t testing.TB, l net.Listener) slot {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return slot{t, conn}
}

func (s slot) write(frame ...byte) {
	s.Helper()
	if err := writeFrame(s.Conn, frame); err != nil {
		s.Fatal(err)
	}
}

// send writes one frame and returns the frame that comes back.
func (s slot) send(frame ...byte) []byte {
	s.Helper()
	s.write(frame...)
	var size [2]byte
	if _, err := io.ReadFull(s, size[:]); err != nil {
		s.Fatal(err)
	}
	answer := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(s, answer); err != nil {
		s.Fatal(err)
	}
	return answer
}

// want sends an APDU and returns the data of the answer, which must have a
// status word.
func (s slot) want(sw status, apdu ...byte) []byte {
	s.Helper()
	answer := s.send(apdu...)
	if len(answer) < 2 {
		s.Fatalf("%.20x: answered %x", apdu, answer)
	}
	data, got := answer[:len(answer)-2], binary.BigEndian.Uint16(answer[len(answer)-2:])
	if got != uint16(sw) {
		s.Errorf("%.20x: %04x, want %04x", apdu, got, uint16(sw))
	}
	return data
}

func (s slot) choose(version string) {
	s.Helper()
	if got := s.want(ok, slices.Concat([]byte{0, 0xa4, 4, 0, 8}, fido, []byte{0})...); string(got) != version {
		s.Errorf("SELECT answered %q, want %q", got, version)
	}
}

// request is one APDU of CTAP2, extended.
func request(p1 byte, message []byte) []byte {
	return command{class: 0x80, instruction: insCTAP, p1: p1, data: message}.raw()
}

// whole sends an APDU and gets the rest of its answer with GET RESPONSE.
func (s slot) whole(apdu ...byte) []byte {
	s.Helper()
	var data []byte
	answer := s.send(apdu...)
	for {
		sw := binary.BigEndian.Uint16(answer[len(answer)-2:])
		data = append(data, answer[:len(answer)-2]...)
		if sw&0xff00 != uint16(more) {
			if sw != uint16(ok) {
				s.Fatalf("%.20x: %04x", apdu, sw)
			}
			return data
		}
		if len(answer) != 258 {
			s.Errorf("a portion of %d bytes", len(answer)-2)
		}
		answer = s.send(0, insGetResponse, 0, 0, 0)
	}
}

func listen(t testing.TB) (net.Listener, Reader) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r, err := ParseReader(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return l, r
}

func serve(t testing.TB, r Reader, a *authenticator.Authenticator) {
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- r.Serve(ctx, a) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; !errors.Is(err, context.Canceled) {
			t.Errorf("serve = %v, want context.Canceled", err)
		}
	})
}

func insert(t testing.TB, script ...authtest.Reply) (slot, *vaulttest.Memory, *authtest.Person) {
	t.Helper()
	l, r := listen(t)
	a, vault, person := authtest.NewKey(nil, script...)
	serve(t, r, a)
	s := wait(t, l)
	s.write(powerOn)
	return s, vault, person
}

// A tape is a device that only records.
type tape []byte

func (d *tape) Send(_ context.Context, request []byte) ([]byte, error) {
	*d = request
	return []byte{byte(ctap.Other)}, nil
}

func newPasskey() (message tape) {
	hash := sha256.Sum256([]byte("client data"))
	_, _ = ctap.MakeCredential(context.Background(), &message, ctap.MakeCredentialRequest{
		ClientDataHash: hash[:], RP: ctap.RPEntity{ID: "example.org"},
		User:             ctap.UserEntity{ID: []byte{1}, Name: "ana"},
		PubKeyCredParams: []ctap.CredentialParameters{{Alg: webauthn.ES256, Type: webauthn.PublicKeyType}},
	})
	return message
}

func TestPasskeyIsMadeThroughTheReader(t *testing.T) {
	t.Parallel()
	s, vault, person := insert(t)
	if got := s.send(getATR); !bytes.Equal(got, atr) {
		t.Errorf("ATR %x", got)
	}
	s.choose("U2F_V2")
	var extended, short ctap.Info
	if err := ctap.DecodeResponse(s.want(ok, request(0x80, []byte{4})...), &extended); err != nil {
		t.Fatal(err)
	}
	if err := ctap.DecodeResponse(s.whole(0x80, insCTAP, 0x80, 0, 1, 4, 0), &short); err != nil || len(short.Versions) != len(extended.Versions) {
		t.Errorf("getInfo in portions: %+v, %v", short, err)
	}
	// In a chain of short APDUs, and the answer in portions.
	message := newPasskey()
	const part = 100
	for ; len(message) > part; message = message[part:] {
		s.want(ok, slices.Concat([]byte{0x90, insCTAP, 0x80, 0, part}, message[:part])...)
	}
	out := s.whole(slices.Concat([]byte{0x80, insCTAP, 0x80, 0, byte(len(message))}, message, []byte{0})...)
	var made ctap.MakeCredentialResponse
	if err := ctap.DecodeResponse(out, &made); err != nil || len(made.AuthData) == 0 {
		t.Errorf("made %+v, %v", made, err)
	}
	if kept, err := vault.Passkeys(t.Context(), ""); err != nil || len(kept) != 1 {
		t.Errorf("%d passkeys, %v", len(kept), err)
	}
	if asked := person.Asked(); len(asked) != 1 || asked[0].Caller.Via != ViaCard {
		t.Errorf("the person was asked %+v", asked)
	}
	s.want(ok, 0x80, insCTAPControl, 1, 0)
	s.want(wrongInstruction, request(0, []byte{4})...)
}

func TestClientIsToldToAskAgainUntilTheTouch(t *testing.T) {
	t.Parallel()
	touch := make(chan struct{})
	s, _, _ := insert(t, func(ctx context.Context, _ authenticator.Prompt) (authenticator.Answer, error) {
		<-touch
		return authenticator.Answer{}, nil
	})
	s.choose("U2F_V2")
	for _, apdu := range [][]byte{request(supportsGetResponse, newPasskey()), {0x80, insCTAPGetResponse, 0, 0}} {
		if got := s.want(working, apdu...); !bytes.Equal(got, []byte{userNeeded}) {
			t.Errorf("while the person is asked: %x", got)
		}
	}
	s.want(wrongParameters, 0x80, insCTAPGetResponse, 1, 0)
	close(touch)
	for {
		answer := s.send(0x80, insCTAPGetResponse, 0, 0, 0, 0, 0)
		if !bytes.Equal(answer[len(answer)-2:], []byte{0x91, 0}) {
			if ctap.Status(answer[0]) != ctap.OK {
				t.Errorf("after the touch: %x", answer)
			}
			return
		}
	}
}

func TestWhatTakesTheQuestionBack(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(s slot){
		"GETRESPONSE with P1 11": func(s slot) {
			if got := s.want(ok, 0x80, insCTAPGetResponse, giveUp, 0); !bytes.Equal(got, []byte{byte(ctap.KeepaliveCancel)}) {
				s.Errorf("cancelled: %x", got)
			}
			s.want(conditions, 0x80, insCTAPGetResponse, 0, 0)
		},
		"another command": func(s slot) { s.want(ok, request(0, []byte{4})...) },
		"U2F":             func(s slot) { s.want(ok, 0, 3, 0, 0) },
		"SELECT":          func(s slot) { s.choose("U2F_V2") },
		"CONTROL end":     func(s slot) { s.want(ok, 0x80, insCTAPControl, 1, 0) },
		"power off":       func(s slot) { s.write(powerOff) },
		"reset":           func(s slot) { s.write(warmUp) },
		"the reader ends": func(s slot) { s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone := make(chan struct{})
			s, vault, _ := insert(t, func(ctx context.Context, _ authenticator.Prompt) (authenticator.Answer, error) {
				<-ctx.Done()
				close(gone)
				return authenticator.Answer{}, ctx.Err()
			})
			s.choose("U2F_V2")
			s.want(working, request(supportsGetResponse, newPasskey())...)
			act(s)
			<-gone
			if kept, err := vault.Passkeys(t.Context(), ""); err != nil || len(kept) != 0 {
				t.Errorf("%d passkeys, %v", len(kept), err)
			}
		})
	}
}

func TestU2FThroughTheReader(t *testing.T) {
	t.Parallel()
	s, _, person := insert(t, authtest.Leave)
	s.choose("U2F_V2")
	register := slices.Concat([]byte{0, 1, 0, 0, 64}, make([]byte, 64), []byte{0})
	s.want(conditions, register...)
	s.want(ok, 0x80, insCTAPControl, 1, 0) // ends the question
	s.choose("U2F_V2")
	made := s.whole(register...) // which the person now touches
	handle := made[67:][:made[66]]
	body := slices.Concat(make([]byte, 64), []byte{byte(len(handle))}, handle)
	for control, want := range map[byte]status{3: ok, 7: conditions, 8: ok} {
		s.want(want, command{instruction: 2, p1: control, data: body}.raw()...)
	}
	if got := len(person.Asked()); got != 3 {
		t.Errorf("%d questions, want 3", got)
	}
}

func TestWithoutU2FTheCardSaysSo(t *testing.T) {
	t.Parallel()
	l, r := listen(t)
	a, _, _ := authtest.New()
	serve(t, r, a)
	s := wait(t, l)
	s.choose("FIDO_2_0")
	s.want(wrongInstruction, 0, 3, 0, 0)
	s.want(ok, request(0, []byte{4})...)
}

func TestWhatTheCardRefuses(t *testing.T) {
	t.Parallel()
	s, _, _ := insert(t)
	s.want(fileNotFound, 0, 0xa4, 4, 0, 1, 0xa0)
	s.want(wrongInstruction, 0x80, insCTAP, 0, 0, 1, 4)
	s.choose("U2F_V2")
	for _, tt := range []struct {
		name string
		apdu []byte
		want status
	}{
		{"class", []byte{0xe0, 0, 0, 0}, wrongClass},
		{"instruction", []byte{0, 0xb0, 0, 0}, wrongInstruction},
		{"instruction of CTAP", []byte{0x80, 0x13, 0, 0}, wrongInstruction},
		{"nothing", nil, wrongLength},
		{"three bytes", []byte{0, 0, 0}, wrongLength},
		{"empty message", []byte{0x80, insCTAP, 0, 0}, wrongLength},
		{"nothing under way", []byte{0x80, insCTAPGetResponse, 0, 0}, conditions},
		{"CONTROL of nothing", []byte{0x80, insCTAPControl, 0, 0}, wrongParameters},
		{"no rest", []byte{0, insGetResponse, 0, 0, 0}, wrongInstruction},
		{"another file", []byte{0, 0xa4, 4, 0, 1, 0xa0}, fileNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) { s.want(tt.want, tt.apdu...) })
	}
	s.choose("U2F_V2")
	s.want(ok, 0x90, insCTAP, 0, 0, 1, 9) // a chain that is left
	s.whole(0x80, insCTAP, 0x80, 0, 1, 4, 0)
}

func TestChainHasAnEnd(t *testing.T) {
	t.Parallel()
	s, _, _ := insert(t)
	s.choose("U2F_V2")
	part := command{class: 0x90, instruction: insCTAP, data: make([]byte, maxData)}.raw()[:7+maxData-100]
	binary.BigEndian.PutUint16(part[5:], maxData-100)
	s.want(ok, part...)
	s.want(wrongLength, part...)
	s.want(ok, request(0, []byte{4})...)
}

func TestCardLooksForItsReader(t *testing.T) {
	t.Parallel()
	l, r := listen(t)
	l.Close() // nobody is there yet
	a, _, _ := authtest.NewKey(nil)
	serve(t, r, a)
	again := func() slot {
		var err error
		for l, err = net.Listen("tcp", r.String()); err != nil; l, err = net.Listen("tcp", r.String()) {
			if t.Context().Err() != nil {
				t.Fatal(err)
			}
		}
		return wait(t, l)
	}
	s := again()
	s.choose("U2F_V2")
	l.Close()
	s.Close()
	s = again()
	s.want(wrongInstruction, 0, 3, 0, 0) // as after power-up
	s.choose("U2F_V2")
	l.Close()
}

func TestOnlyAReaderOfThisMachineIsTaken(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"192.0.2.1:35963", "0.0.0.0:35963", "[::]:1"} {
		if _, err := ParseReader(text); !errors.Is(err, socket.ErrNotLoopback) {
			t.Errorf("%s: %v, want ErrNotLoopback", text, err)
		}
	}
	for _, text := range []string{"", "localhost:1", "127.0.0.1"} {
		if _, err := ParseReader(text); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
	if r, err := ParseReader("[::1]:35963"); err != nil || r.String() != "[::1]:35963" {
		t.Errorf("%v, %v", r, err)
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	data := []byte{7, 8}
	for _, tt := range []struct {
		name     string
		in       []byte
		data     []byte
		room     int
		extended bool
	}{
		{"header", []byte{0, 1, 2, 3}, nil, 256, false},
		{"answer length", []byte{0, 1, 2, 3, 5}, nil, 5, false},
		{"answer length of 256", []byte{0, 1, 2, 3, 0}, nil, 256, false},
		{"data", []byte{0, 1, 2, 3, 2, 7, 8}, data, 256, false},
		{"data and answer length", []byte{0, 1, 2, 3, 2, 7, 8, 9}, data, 9, false},
		{"extended answer length", []byte{0, 1, 2, 3, 0, 1, 0}, nil, 256, true},
		{"extended answer length of 65536", []byte{0, 1, 2, 3, 0, 0, 0}, nil, maxAnswer, true},
		{"extended data", []byte{0, 1, 2, 3, 0, 0, 2, 7, 8}, data, maxAnswer, true},
		{"extended data and answer length", []byte{0, 1, 2, 3, 0, 0, 2, 7, 8, 2, 0}, data, 512, true},
	} {
		c, err := parseCommand(tt.in)
		if err != nil || c.class != 0 || c.instruction != 1 || c.p1 != 2 || c.p2 != 3 ||
			!bytes.Equal(c.data, tt.data) || c.room != tt.room || c.extended != tt.extended {
			t.Errorf("%s: %+v, %v", tt.name, c, err)
		}
	}
	for _, in := range [][]byte{
		{0, 1, 2, 3, 0, 0},                   // half an extended length
		{0, 1, 2, 3, 2, 7},                   // data cut
		{0, 1, 2, 3, 2, 7, 8, 9, 9},          // and two bytes in a short APDU
		{0, 1, 2, 3, 0, 0, 2, 7},             // extended data cut
		{0, 1, 2, 3, 0, 0, 2, 7, 8, 9},       // and one byte in an extended APDU
		{0, 1, 2, 3, 0, 0, 0, 7},             // extended data of no length
		{0, 1, 2, 3, 0, 0, 2, 7, 8, 9, 9, 9}, // too much
	} {
		if c, err := parseCommand(in); !errors.Is(err, wrongLength) {
			t.Errorf("%x was read as %+v, %v", in, c, err)
		}
	}
}

// What is read and written again says the same.
func FuzzParseCommand(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3})
	f.Add([]byte{0, 0xa4, 4, 0, 8, 0xa0, 0, 0, 6, 0x47, 0x2f, 0, 1, 0})
	f.Add([]byte{0x90, 0x10, 0x80, 0, 1, 4})
	f.Add([]byte{0, 1, 2, 3, 0, 0, 2, 7, 8, 2, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := parseCommand(in)
		if err != nil {
			return
		}
		if len(c.data) > len(in) || c.room < 1 || c.room > maxAnswer {
			t.Fatalf("%x: %+v", in, c)
		}
		again, err := parseCommand(c.raw())
		if err != nil || !bytes.Equal(again.data, c.data) || again.instruction != c.instruction {
			t.Fatalf("%x: %+v, then %+v, %v", in, c, again, err)
		}
	})
}

// Whatever frames come, each APDU has an answer with a status word, and nothing
// is kept unasked. A frame is a length of one byte and as much data.
func FuzzCard(f *testing.F) {
	choose := slices.Concat([]byte{13, 0, 0xa4, 4, 0, 8}, fido)
	f.Add(slices.Concat(choose, []byte{6, 0x80, 0x10, 0x80, 0, 1, 4, 5, 0, 0xc0, 0, 0, 0}))
	f.Add(slices.Concat(choose, []byte{6, 0x90, 0x10, 0x80, 0, 1, 4, 4, 0x80, 0x11, 0x11, 0, 1, 2, 1, 0}))
	f.Add(slices.Concat(choose, []byte{4, 0, 3, 0, 0, 4, 0x80, 0x12, 1, 0}))
	f.Fuzz(func(t *testing.T, in []byte) {
		a, vault, person := authtest.NewKey(nil)
		person.Then = authtest.Decline
		c := newCard(a)
		defer c.reset()
		for len(in) > 0 && int(in[0]) < len(in) {
			frame := in[1:][:in[0]]
			in = in[1+len(frame):]
			answer, err := c.take(t.Context(), frame)
			if err != nil || len(frame) > 1 && len(answer) < 2 {
				t.Fatalf("%x: answered %x, %v", frame, answer, err)
			}
		}
		if kept, _ := vault.Passkeys(t.Context(), ""); len(kept) != 0 {
			t.Fatalf("%x: a passkey was kept", in)
		}
	})
}
