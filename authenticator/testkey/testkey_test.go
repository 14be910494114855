package testkey_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/testkey"
	"cardea/ctap"
	"cardea/ctap/ctaphid"
	"cardea/ctap/ctaphid/socket"
	"cardea/webauthn"
)

// A bench is a key on a port, and a hand on its control.
type bench struct {
	t     testing.TB
	port  *socket.Socket
	lines *bufio.Scanner
	conn  net.Conn
}

func newBench(t testing.TB, network string) *bench {
	t.Helper()
	return newBenchOf(t, network, authenticator.Phone)
}

func newBenchOf(t testing.TB, network string, profile authenticator.Profile) *bench {
	t.Helper()
	port, err := socket.Listen(socket.Address{Network: network, Host: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	key := testkey.New(testkey.Config{Port: testkey.HID(port), Profile: profile})
	if err := key.PowerOn(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	controlled := make(chan error, 1)
	go func() { controlled <- key.Control(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-controlled; !errors.Is(err, context.Canceled) {
			t.Errorf("control = %v, want context.Canceled", err)
		}
		if err := errors.Join(key.PowerOff(), port.Close()); err != nil {
			t.Error(err)
		}
	})
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &bench{t, port, bufio.NewScanner(conn), conn}
}

// tell sends a line to the control port and returns the answer.
func (b *bench) tell(line string) string {
	b.t.Helper()
	fmt.Fprintln(b.conn, line)
	if !b.lines.Scan() {
		b.t.Fatalf("no answer to %q: %v", line, b.lines.Err())
	}
	return b.lines.Text()
}

func (b *bench) want(line, answer string) {
	b.t.Helper()
	if got := b.tell(line); got != answer {
		b.t.Errorf("%q was answered %q, want %q", line, got, answer)
	}
}

// waitFor asks for the status until it has what is wanted in it.
func (b *bench) waitFor(what string) {
	b.t.Helper()
	for !strings.Contains(b.tell("status"), what) {
		if b.t.Context().Err() != nil {
			b.t.Fatalf("status never was %q", what)
		}
	}
}

func (b *bench) open() *ctaphid.Client {
	b.t.Helper()
	rw, err := socket.Dial(b.t.Context(), b.port.Address())
	if err != nil {
		b.t.Fatal(err)
	}
	c, err := ctaphid.Open(b.t.Context(), rw)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	return c
}

func makePasskey(ctx context.Context, c *ctaphid.Client) error {
	hash := sha256.Sum256([]byte("client data"))
	_, err := ctap.MakeCredential(ctx, c, ctap.MakeCredentialRequest{
		ClientDataHash:   hash[:],
		RP:               ctap.RPEntity{ID: "example.org"},
		User:             ctap.UserEntity{ID: []byte{1}, Name: "ana"},
		PubKeyCredParams: []ctap.CredentialParameters{{Alg: webauthn.ES256, Type: webauthn.PublicKeyType}},
		Options:          map[string]bool{"rk": true},
	})
	return err
}

func usePasskey(ctx context.Context, c *ctaphid.Client) error {
	hash := sha256.Sum256([]byte("client data"))
	_, err := ctap.GetAssertion(ctx, c, ctap.GetAssertionRequest{RPID: "example.org", ClientDataHash: hash[:]})
	return err
}

func TestKeyApprovesByItself(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, network)
			c := b.open()
			if err := errors.Join(makePasskey(t.Context(), c), usePasskey(t.Context(), c)); err != nil {
				t.Error(err)
			}
			b.want("status", "touch=on power=on waiting=no passkeys=1")
		})
	}
}

func TestWithoutTouchAQuestionWaits(t *testing.T) {
	t.Parallel()
	b := newBench(t, "udp")
	c := b.open()
	b.want("touch off", "ok")
	for _, tt := range []struct {
		line string
		want error
	}{
		{"deny", ctap.OperationDenied},
		{"touch on", nil},
	} {
		made := make(chan error, 1)
		go func() { made <- makePasskey(t.Context(), c) }()
		b.waitFor("waiting=yes")
		b.want(tt.line, "ok")
		if err := <-made; !errors.Is(err, tt.want) {
			t.Errorf("after %q: %v, want %v", tt.line, err, tt.want)
		}
	}
	b.want("status", "touch=on power=on waiting=no passkeys=1")
}

func TestDenyAheadOfTheQuestionCountsOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, "udp")
	c := b.open()
	b.want("deny", "ok")
	if err := makePasskey(t.Context(), c); !errors.Is(err, ctap.OperationDenied) {
		t.Errorf("the first: %v, want OPERATION_DENIED", err)
	}
	if err := makePasskey(t.Context(), c); err != nil {
		t.Errorf("the second: %v", err)
	}
}

func TestCancelledQuestionNoLongerWaits(t *testing.T) {
	t.Parallel()
	b := newBench(t, "tcp")
	c := b.open()
	b.want("touch off", "ok")
	ctx, cancel := context.WithCancel(t.Context())
	made := make(chan error, 1)
	go func() { made <- makePasskey(ctx, c) }()
	b.waitFor("waiting=yes")
	cancel()
	if err := <-made; !errors.Is(err, context.Canceled) {
		t.Errorf("made = %v, want context.Canceled", err)
	}
	b.waitFor("waiting=no")
}

func TestPullingTheKeyOutKeepsItsPasskeysAndEndsItsQuestion(t *testing.T) {
	t.Parallel()
	b := newBench(t, "tcp")
	c := b.open()
	if err := makePasskey(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	b.want("touch off", "ok")
	used := make(chan error, 1)
	go func() { used <- usePasskey(t.Context(), c) }()
	b.waitFor("waiting=yes")
	b.want("power off", "ok")
	if err := <-used; err == nil {
		t.Error("a key that was pulled out has signed")
	}
	b.want("status", "touch=off power=off waiting=no passkeys=1")
	b.want("power off", "ok")
	b.want("power on", "ok")
	b.want("power on", "ok")
	b.want("touch on", "ok")
	if err := usePasskey(t.Context(), b.open()); err != nil {
		t.Errorf("plugged in again: %v", err)
	}
}

func TestResetForgetsEverything(t *testing.T) {
	t.Parallel()
	b := newBench(t, "udp")
	if err := makePasskey(t.Context(), b.open()); err != nil {
		t.Fatal(err)
	}
	b.want("touch off", "ok")
	b.want("reset", "ok")
	b.want("status", "touch=on power=on waiting=no passkeys=0")
	if err := usePasskey(t.Context(), b.open()); !errors.Is(err, ctap.NoCredentials) {
		t.Errorf("a key that was reset: %v, want NO_CREDENTIALS", err)
	}
	b.want("power off", "ok")
	b.want("reset", "ok")
	b.want("status", "touch=on power=off waiting=no passkeys=0")
}

func TestASecurityKeyHasAPINAndU2FAndComesBackWithBoth(t *testing.T) {
	t.Parallel()
	b := newBenchOf(t, "udp", authenticator.SecurityKey)
	c := b.open()
	info, err := ctap.GetInfo(t.Context(), c)
	if err != nil || !slices.Contains(info.Versions, "U2F_V2") || !c.SpeaksU2F() {
		t.Fatalf("%+v, %v; U2F %v", info, err, c.SpeaksU2F())
	}
	if set, has := info.Options["clientPin"]; !has || set {
		t.Errorf("clientPin %v, %v: want a key without a PIN yet", set, has)
	}
	register := slices.Concat([]byte{0, 1, 0, 0, 0, 0, 64}, make([]byte, 64))
	b.want("touch off", "ok")
	if out, err := c.Message(t.Context(), register); err != nil || !bytes.Equal(out, []byte{0x69, 0x85}) {
		t.Errorf("without a touch: %x, %v", out, err)
	}
	b.waitFor("waiting=yes")
	b.want("touch on", "ok")
	if out, err := c.Message(t.Context(), register); err != nil || len(out) < 100 {
		t.Errorf("with a touch: %x, %v", out, err)
	}
	b.want("power off", "ok")
	b.want("power on", "ok")
	if err := ctap.Reset(t.Context(), b.open()); err != nil { // within ten seconds
		t.Error(err)
	}
	b.want("status", "touch=on power=on waiting=no passkeys=0")
}

func TestAPhoneHasNeither(t *testing.T) {
	t.Parallel()
	c := newBench(t, "udp").open()
	if c.SpeaksU2F() {
		t.Error("it speaks U2F")
	}
	if info, err := ctap.GetInfo(t.Context(), c); err != nil || !info.Options["uv"] || info.Options["clientPin"] {
		t.Errorf("%+v, %v", info, err)
	}
}

// A web page can have a browser send this to any port of this machine.
func TestHTTPGetsNoFurtherThanItsFirstLine(t *testing.T) {
	t.Parallel()
	b := newBench(t, "udp")
	if _, err := fmt.Fprint(b.conn, "POST / HTTP/1.1\r\nHost: x\r\n\r\ntouch off\n"); err != nil {
		t.Fatal(err)
	}
	var said []string
	for b.lines.Scan() {
		said = append(said, b.lines.Text())
	}
	if len(said) != 1 || !strings.HasPrefix(said[0], "error: ") {
		t.Errorf("the control port said %q, want one error", said)
	}
}

func TestControlIsForThisMachineOnly(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := testkey.New(testkey.Config{}).Control(t.Context(), l); !errors.Is(err, socket.ErrNotLoopback) {
		t.Errorf("control = %v, want ErrNotLoopback", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept = %v, want a closed listener", err)
	}
}
