package relay

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// A raw is a client that can send frames no WebSocket library would.
type raw struct {
	t  testing.TB
	nc net.Conn
	br *bufio.Reader
}

const testID = "95074c89b06c2eb6bd4d79566d38dbf0"

// upgradeRaw opens a WebSocket on nc by hand.
func upgradeRaw(t testing.TB, nc net.Conn, path string) *raw {
	t.Helper()
	go io.WriteString(nc, "GET "+path+" HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: fido.cable\r\n\r\n")
	c := &raw{t, nc, bufio.NewReader(nc)}
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("upgrading %s: %v, %v", path, resp, err)
	}
	return c
}

func dialRaw(t testing.TB, url, path string) *raw {
	t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	return upgradeRaw(t, nc, path)
}

func rawPair(t testing.TB, limits Limits) (phone, client *raw) {
	t.Helper()
	r := New(Config{Limits: limits, Log: slog.New(slog.DiscardHandler)})
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	t.Cleanup(r.Close)
	phone = dialRaw(t, srv.URL, "/cable/new/"+testID)
	return phone, dialRaw(t, srv.URL, "/cable/connect/000000/"+testID)
}

// frameBytes is one masked client frame; first is its first byte.
func frameBytes(first byte, payload string) string {
	var b bytes.Buffer
	h := ws.Header{Length: int64(len(payload)), Masked: true, Mask: [4]byte{1, 2, 3, 4}}
	ws.WriteHeader(&b, h)
	out := b.Bytes()
	out[0] = first
	p := []byte(payload)
	ws.Cipher(p, h.Mask, 0)
	return string(append(out, p...))
}

// First bytes of frames.
const (
	finBinary = 0x82
	finText   = 0x81
	fin       = 0x80
	more      = 0x00
	moreBin   = 0x02
	finClose  = 0x88
	finPing   = 0x89
	finPong   = 0x8a
)

func (c *raw) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.nc, s); err != nil {
		c.t.Fatalf("sending: %v", err)
	}
}

// receive returns the opcode and payload of the next frame, which must be one
// that a server may send.
func (c *raw) receive() (ws.OpCode, string) {
	c.t.Helper()
	h, err := ws.ReadHeader(c.br)
	if err != nil {
		c.t.Fatalf("receiving: %v", err)
	}
	if err := ws.CheckHeader(h, ws.StateClientSide); err != nil || !h.Fin {
		c.t.Fatalf("received header %+v: %v", h, err)
	}
	p := make([]byte, h.Length)
	if _, err := io.ReadFull(c.br, p); err != nil {
		c.t.Fatalf("receiving: %v", err)
	}
	return h.OpCode, string(p)
}

func (c *raw) wantClose(want ws.StatusCode) {
	c.t.Helper()
	op, p := c.receive()
	if op != ws.OpClose || len(p) < 2 {
		c.t.Errorf("received opcode %#x %q, want close %d", op, p, want)
		return
	}
	if got := ws.StatusCode(binary.BigEndian.Uint16([]byte(p))); got != want {
		c.t.Errorf("close code = %d (%s), want %d", got, p[2:], want)
	}
}

// wantEOF expects the relay to close the socket, with nothing more said.
func (c *raw) wantEOF() {
	c.t.Helper()
	if b, err := c.br.ReadByte(); !errors.Is(err, io.EOF) {
		c.t.Errorf("read %#x, %v; want EOF", b, err)
	}
}

func TestFramesThatRFC6455Forbids(t *testing.T) {
	t.Parallel()
	unmasked := "\x82\x02hi"
	for _, tt := range []struct {
		name, bytes string
		want        ws.StatusCode
	}{
		{"not masked", unmasked, 1002},
		{"reserved bit", frameBytes(finBinary|0x40, "x"), 1002},
		{"reserved data opcode", frameBytes(0x83, "x"), 1002},
		{"reserved control opcode", frameBytes(0x8b, "x"), 1002},
		{"continuation of nothing", frameBytes(fin, "x"), 1002},
		{"new message inside a message", frameBytes(moreBin, "x") + frameBytes(finBinary, "y"), 1002},
		{"ping in fragments", frameBytes(0x09, "x"), 1002},
		{"ping of 126 bytes", frameBytes(finPing, strings.Repeat("x", 126)), 1002},
		{"length with its highest bit", "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00", 1002},
		{"close of one byte", frameBytes(finClose, "x"), 1002},
		{"close with code 999", frameBytes(finClose, "\x03\xe7"), 1002},
		{"close with code 1005", frameBytes(finClose, "\x03\xed"), 1002},
		{"close with code 1006", frameBytes(finClose, "\x03\xee"), 1002},
		{"close with reason not UTF-8", frameBytes(finClose, "\x03\xe8\xff\xfe"), 1007},
		{"text", frameBytes(finText, "x"), 1003},
		{"text in fragments", frameBytes(0x01, "x"), 1003},
		{"huge length", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 1009},
		{"too big in fragments", frameBytes(moreBin, strings.Repeat("x", 600)) + frameBytes(fin, strings.Repeat("x", 401)), 1009},
		{"too many pings", strings.Repeat(frameBytes(finPong, ""), 6), 1008},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			phone, client := rawPair(t, Limits{MessageSize: 1000, Controls: 5})
			client.send(tt.bytes)
			client.wantClose(tt.want)
			client.send(frameBytes(finClose, "\x03\xe8"))
			client.wantEOF()
			phone.wantClose(1001)
			phone.send(frameBytes(finClose, "\x03\xe9"))
			phone.wantEOF()
		})
	}
}

func TestFragmentsArriveAsOneMessage(t *testing.T) {
	t.Parallel()
	phone, client := rawPair(t, Limits{})
	client.send(frameBytes(moreBin, "one ") + frameBytes(more, "") + frameBytes(finPing, "now?") + frameBytes(fin, "message"))
	if op, p := client.receive(); op != ws.OpPong || p != "now?" {
		t.Errorf("received opcode %#x %q, want a pong with now?", op, p)
	}
	if op, p := phone.receive(); op != ws.OpBinary || p != "one message" {
		t.Errorf("received opcode %#x %q, want one message", op, p)
	}
}

func TestCloseFrameIsEchoed(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "\x03\xe8", "\x03\xe9bye", "\x0f\xa0"} {
		_, client := rawPair(t, Limits{})
		client.send(frameBytes(finClose, body))
		op, p := client.receive()
		if want := body[:min(2, len(body))]; op != ws.OpClose || p != want {
			t.Errorf("close %q was answered by opcode %#x %q, want close %q", body, op, p, want)
		}
		client.wantEOF()
	}
}

func TestNothingFollowsTheRelaysCloseFrame(t *testing.T) {
	t.Parallel()
	phone, client := rawPair(t, Limits{})
	client.send(frameBytes(finText, "x"))
	phone.wantClose(1001)
	client.wantClose(1003)
	client.send(frameBytes(finPing, "x") + frameBytes(finBinary, "x") + frameBytes(finClose, "\x03\xeb"))
	client.wantEOF()
	phone.send(frameBytes(finPing, "x") + frameBytes(finBinary, "x") + frameBytes(finClose, "\x03\xeb"))
	phone.wantEOF()
}

// Over TLS a read that times out must leave the connection usable: that is how
// the relay finds out that it is time to ping.
func TestPingsOverTLS(t *testing.T) {
	t.Parallel()
	r := New(Config{Limits: Limits{Ping: time.Second}, Log: slog.New(slog.DiscardHandler)})
	srv := httptest.NewTLSServer(r)
	t.Cleanup(srv.Close)
	t.Cleanup(r.Close)
	dial := func(path string) *raw {
		nc, err := tls.Dial("tcp", srv.Listener.Addr().String(), srv.Client().Transport.(*http.Transport).TLSClientConfig)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		return upgradeRaw(t, nc, path)
	}
	phone := dial("/cable/new/" + testID)
	for range 2 {
		if op, _ := phone.receive(); op != ws.OpPing {
			t.Fatalf("received opcode %#x, want a ping", op)
		}
		phone.send(frameBytes(finPong, ""))
	}
	phone.send(frameBytes(finBinary, "still here"))
	client := dial("/cable/connect/000000/" + testID)
	for {
		op, p := client.receive()
		if op == ws.OpPing {
			client.send(frameBytes(finPong, p))
			continue
		}
		if op != ws.OpBinary || p != "still here" {
			t.Errorf("received opcode %#x %q", op, p)
		}
		return
	}
}

func TestWireHeaderIsTheCodecs(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 100000} {
		payload := bytes.Repeat([]byte{7}, n)
		var want bytes.Buffer
		ws.WriteFrame(&want, ws.NewBinaryFrame(payload))
		if got := newFrame(payload).wire(ws.OpBinary); !bytes.Equal(got, want.Bytes()) {
			t.Errorf("frame of %d bytes begins %x, want %x", n, got[:10], want.Bytes()[:min(10, want.Len())])
		}
	}
}

// A script is a net.Conn that plays recorded bytes.
type script struct {
	net.Conn
	in  io.Reader
	out bytes.Buffer
}

func (s *script) Read(p []byte) (int, error)       { return s.in.Read(p) }
func (s *script) Write(p []byte) (int, error)      { return s.out.Write(p) }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// Whatever arrives, messages stay within their limit, and everything the relay
// answers is a sequence of frames that a server may send, with nothing after a
// close.
func FuzzFrames(f *testing.F) {
	f.Add([]byte(frameBytes(finBinary, "hello")))
	f.Add([]byte(frameBytes(moreBin, "a") + frameBytes(finPing, "p") + frameBytes(fin, "b")))
	f.Add([]byte(frameBytes(finClose, "\x03\xe8bye")))
	f.Add([]byte(frameBytes(finBinary, strings.Repeat("x", 300)) + frameBytes(finText, "no")))
	f.Add([]byte("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"))
	limits := Limits{MessageSize: 256, Controls: 8}.orDefaults()
	f.Fuzz(func(t *testing.T, in []byte) {
		s := &script{in: bytes.NewReader(in)}
		c := newConn(s, nil, &limits)
		var err error
		for err == nil {
			var m frame
			if m, err = c.next(); err == nil && len(m.payload()) > limits.MessageSize {
				t.Fatalf("message of %d bytes, limit %d", len(m.payload()), limits.MessageSize)
			}
		}
		var b *breach
		if errors.As(err, &b) {
			c.sendClose(b.code, b.reason)
		}
		c.linger()
		closed := false
		for s.out.Len() > 0 {
			h, err := ws.ReadHeader(&s.out)
			if err == nil {
				err = ws.CheckHeader(h, ws.StateClientSide)
			}
			if err != nil || closed || !h.OpCode.IsControl() {
				t.Fatalf("answer %+v: %v (after a close: %v)", h, err, closed)
			}
			s.out.Next(int(h.Length))
			closed = h.OpCode == ws.OpClose
		}
	})
}

// A message cut short is never taken for one.
func TestEveryPrefixOfAMessageIsIncomplete(t *testing.T) {
	t.Parallel()
	limits := DefaultLimits
	whole := frameBytes(moreBin, strings.Repeat("x", 130)) + frameBytes(fin, "tail")
	for n := range len(whole) {
		c := newConn(&script{in: strings.NewReader(whole[:n])}, nil, &limits)
		if m, err := c.next(); err == nil {
			t.Fatalf("the first %d of %d bytes gave a message of %d", n, len(whole), len(m.payload()))
		}
	}
	c := newConn(&script{in: strings.NewReader(whole)}, nil, &limits)
	if m, err := c.next(); err != nil || len(m.payload()) != 134 {
		t.Errorf("the whole gave %d bytes, %v; want 134", len(m)-headerRoom, err)
	}
}
