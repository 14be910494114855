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
	"os"
	"slices"
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
func upgradeRaw(t testing.TB, nc net.Conn, path string, more ...string) *raw {
	t.Helper()
	go io.WriteString(nc, "GET "+path+" HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: fido.cable\r\n"+strings.Join(more, "")+"\r\n")
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
	cfg := Config{Limits: limits, Log: slog.New(slog.DiscardHandler)}
	if os.Getenv("CARDEA_RELAY_TEST_MODE") == "epoll" {
		cfg.Mode = Epoll
	}
	r := New(cfg)
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
	cfg := Config{Limits: Limits{Ping: time.Second}, Log: slog.New(slog.DiscardHandler)}
	if os.Getenv("CARDEA_RELAY_TEST_MODE") == "epoll" {
		cfg.Mode = Epoll // and a bridge
	}
	r := New(cfg)
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
		if got := appendFrame(nil, ws.OpBinary, payload); !bytes.Equal(got, want.Bytes()) {
			t.Errorf("frame of %d bytes begins %x, want %x", n, got[:10], want.Bytes()[:min(10, want.Len())])
		}
	}
}

// An answerer is a conn that keeps what is written to it.
type answerer struct {
	stream
	out bytes.Buffer
}

func (a *answerer) lock()   {}
func (a *answerer) unlock() {}

func (a *answerer) firstLocked(frames []byte) error { return a.writeLocked(frames) }

func (a *answerer) writeLocked(frames []byte) error {
	if a.closeBy.Load() != nil {
		return net.ErrClosed
	}
	a.out.Write(frames)
	return nil
}

func (a *answerer) sendClose(code ws.StatusCode, reason string) {
	frame, _ := a.beginClose(code, reason)
	a.out.Write(frame)
}

// A collector is a party that keeps the messages.
type collector struct{ messages []string }

func (c *collector) attach(conn) error { return nil }
func (c *collector) message(payload []byte) (conn, error) {
	c.messages = append(c.messages, string(payload))
	return nil, nil
}
func (c *collector) over(err error) breach { return endingOf(opener, err).tell[opener] }

// feed gives in to a new stream in pieces of size bytes, and returns what came
// of it.
func feed(limits *Limits, in []byte, size int) (*answerer, *collector, error) {
	a, c := &answerer{}, &collector{}
	a.limits = limits
	in = bytes.Clone(in)
	for len(in) > 0 {
		n := min(size, len(in))
		if _, err := a.take(a, c, in[:n]); err != nil {
			tell := c.over(err)
			a.sendClose(tell.code, tell.reason)
			a.discard(a.rest)
			a.discard(in[n:])
			return a, c, err
		}
		in = in[n:]
	}
	return a, c, nil
}

// Whatever arrives, messages stay within their limit, everything the relay
// answers is a sequence of frames that a server may send, with nothing after a
// close, and none of it depends on the pieces that it arrives in.
func FuzzFrames(f *testing.F) {
	f.Add([]byte(frameBytes(finBinary, "hello")))
	f.Add([]byte(frameBytes(moreBin, "a") + frameBytes(finPing, "p") + frameBytes(fin, "b")))
	f.Add([]byte(frameBytes(finClose, "\x03\xe8bye")))
	f.Add([]byte(frameBytes(finBinary, strings.Repeat("x", 300)) + frameBytes(finText, "no")))
	f.Add([]byte(frameBytes(finBinary, strings.Repeat("x", 200)) + frameBytes(finBinary, "") + frameBytes(finPong, "")))
	f.Add([]byte("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"))
	limits := Limits{MessageSize: 256, Controls: 8}.orDefaults()
	f.Fuzz(func(t *testing.T, in []byte) {
		whole, got, err := feed(&limits, in, len(in)+1)
		answer := bytes.Clone(whole.out.Bytes())
		for _, m := range got.messages {
			if len(m) > limits.MessageSize {
				t.Fatalf("message of %d bytes, limit %d", len(m), limits.MessageSize)
			}
		}
		checkAnswer(t, whole)
		for _, size := range []int{1, 7} {
			pieces, again, perr := feed(&limits, in, size)
			if !slices.Equal(got.messages, again.messages) || !bytes.Equal(answer, pieces.out.Bytes()) || (err == nil) != (perr == nil) {
				t.Fatalf("in pieces of %d: %d messages, answer %x, %v; whole: %d, %x, %v",
					size, len(again.messages), pieces.out.Bytes(), perr, len(got.messages), answer, err)
			}
		}
	})
}

func checkAnswer(t *testing.T, a *answerer) {
	t.Helper()
	closed := false
	for a.out.Len() > 0 {
		h, err := ws.ReadHeader(&a.out)
		if err == nil {
			err = ws.CheckHeader(h, ws.StateClientSide)
		}
		if err != nil || closed || !h.OpCode.IsControl() {
			t.Fatalf("answer %+v: %v (after a close: %v)", h, err, closed)
		}
		a.out.Next(int(h.Length))
		closed = h.OpCode == ws.OpClose
	}
}

// Our reading of a header is the codec's.
func FuzzHeader(f *testing.F) {
	f.Add([]byte(frameBytes(finBinary, "hello")))
	f.Add([]byte(frameBytes(finBinary, strings.Repeat("x", 300))))
	f.Add([]byte("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00"))
	f.Add([]byte("\xf2\x7f\x00\x00\x00\x00\x00\x01\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		want, werr := ws.ReadHeader(r)
		var p parser
		rest, whole, err := p.header(in)
		switch {
		case errors.Is(werr, io.EOF) || errors.Is(werr, io.ErrUnexpectedEOF):
			if whole || err != nil {
				t.Fatalf("%x: whole %v, %v; the codec: %v", in, whole, err, werr)
			}
		case werr != nil:
			if err == nil {
				t.Fatalf("%x: accepted; the codec: %v", in, werr)
			}
		case !whole || err != nil || p.h != want || len(rest) != r.Len():
			t.Fatalf("%x: %+v, %d left, %v, %v; the codec: %+v, %d left", in, p.h, len(rest), whole, err, want, r.Len())
		}
	})
}

// dice are the same in every run (xorshift64).
type dice uint64

func (d *dice) IntN(n int) int {
	*d ^= *d << 13
	*d ^= *d >> 7
	*d ^= *d << 17
	return int(uint64(*d>>11) % uint64(n))
}

// A passer is a party that passes everything on to one conn.
type passer struct {
	collector
	to conn
}

func (p *passer) message([]byte) (conn, error) { return p.to, nil }

// Messages of every size, in frames and reads of every size, come out as they
// went in: what is passed on is written over what was read.
func TestMessagesPassOnUnchangedHoweverTheyArrive(t *testing.T) {
	t.Parallel()
	random := dice(1)
	for round := range 400 {
		var in, want []byte
		for range 1 + random.IntN(6) {
			m := make([]byte, random.IntN([]int{2, 130, 1100, 70000}[random.IntN(4)]))
			for i := range m {
				m[i] = byte(random.IntN(256))
			}
			want = append(want, appendFrame(nil, ws.OpBinary, m)...)
			first := byte(moreBin)
			for cuts := random.IntN(3); cuts > 0; cuts-- {
				n := random.IntN(len(m) + 1)
				in = append(in, frameBytes(first, string(m[:n]))...)
				m, first = m[n:], more
				if random.IntN(2) == 0 {
					in = append(in, frameBytes(finPong, "between")...)
				}
			}
			in = append(in, frameBytes(first|fin, string(m))...)
		}
		from, to := &answerer{}, &answerer{}
		from.limits = &DefaultLimits
		for left := in; len(left) > 0; {
			n := 1 + random.IntN(min(len(left), []int{3, 20, 1280, 65536}[random.IntN(4)]))
			if _, err := from.take(from, &passer{to: to}, bytes.Clone(left[:n])); err != nil {
				t.Fatal(err)
			}
			left = left[n:]
		}
		if !bytes.Equal(to.out.Bytes(), want) {
			t.Fatalf("round %d: what came out differs from what went in", round)
		}
	}
}

// Times on real sockets, where the other mode has a clock of its own. What is
// tested is that they come, not when.
var hasty = Limits{Ping: 300 * time.Millisecond, Message: 300 * time.Millisecond, Close: 300 * time.Millisecond,
	Bytes: 1 << 30, Messages: 1 << 20}

func TestSilentEndIsPingedAndThenGone(t *testing.T) {
	t.Parallel()
	phone, client := rawPair(t, hasty)
	go func() { // a client that answers
		for {
			h, err := ws.ReadHeader(client.br)
			if err != nil {
				return
			}
			client.br.Discard(int(h.Length))
			if h.OpCode == ws.OpPing {
				io.WriteString(client.nc, frameBytes(finPong, ""))
			}
		}
	}()
	if op, _ := phone.receive(); op != ws.OpPing {
		t.Errorf("received opcode %#x, want a ping", op)
	}
	phone.wantClose(1001)
	phone.wantEOF()
}

func TestHalfAMessageDoesNotHoldATunnel(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]string{
		"header": "\x82", "payload": frameBytes(finBinary, "message")[:8], "fragment": frameBytes(moreBin, "first"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := hasty
			limits.Ping = time.Minute
			phone, client := rawPair(t, limits)
			phone.send(start)
			phone.wantClose(1001)
			client.wantClose(1001)
			phone.wantEOF() // without our answer to its close frame
			client.wantEOF()
		})
	}
}

func TestEndThatDoesNotReadEndsTheTunnel(t *testing.T) {
	t.Parallel()
	limits := hasty
	limits.Ping = time.Minute
	_, client := rawPair(t, limits)
	message := frameBytes(finBinary, strings.Repeat("x", 200_000))
	for { // until what the kernel holds for the phone is full
		if _, err := io.WriteString(client.nc, message); err != nil {
			break
		}
	}
	for {
		if h, err := ws.ReadHeader(client.br); err != nil || h.OpCode == ws.OpClose {
			return // told, or reset because of what it still sent
		}
	}
}

// An end that reads slowly holds the other up, and loses nothing.
func TestSlowReaderGetsEverything(t *testing.T) {
	t.Parallel()
	phone, client := rawPair(t, Limits{Bytes: 1 << 30, Messages: 1 << 20})
	phone.nc.(*net.TCPConn).SetReadBuffer(64 << 10)
	const messages = 200
	body := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 50_000+i) }
	sent := make(chan error, 1)
	go func() {
		for i := range messages {
			if _, err := io.WriteString(client.nc, frameBytes(finBinary, body(i))); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	time.Sleep(100 * time.Millisecond) // the kernel's buffers fill; nothing depends on it
	for i := range messages {
		if op, got := phone.receive(); op != ws.OpBinary || got != body(i) {
			t.Fatalf("message %d: opcode %#x, %d bytes, want %d", i, op, len(got), len(body(i)))
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// A message cut short is never taken for one.
func TestEveryPrefixOfAMessageIsIncomplete(t *testing.T) {
	t.Parallel()
	limits := DefaultLimits
	whole := frameBytes(moreBin, strings.Repeat("x", 130)) + frameBytes(fin, "tail")
	for n := range len(whole) {
		if a, c, err := feed(&limits, []byte(whole[:n]), n); err != nil || len(c.messages) > 0 || n > 0 && a.quiet() {
			t.Fatalf("the first %d of %d bytes gave %d messages, %v", n, len(whole), len(c.messages), err)
		}
	}
	if a, c, err := feed(&limits, []byte(whole), len(whole)); err != nil || len(c.messages) != 1 || len(c.messages[0]) != 134 || !a.quiet() {
		t.Errorf("the whole gave %q, %v; want one message of 134 bytes", c.messages, err)
	}
}
