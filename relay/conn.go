package relay

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

// readBuffer is small because most tunnels are idle most of the time, and
// reads longer than it go straight to their destination.
const readBuffer = 1 << 10

// keepBuffer is the largest message buffer an idle connection holds on to.
const keepBuffer = 4 << 10

// A conn is the server's side of one WebSocket. One goroutine reads; any may
// write. The gobwas codec reads and writes frame headers; everything else that
// RFC 6455 asks of a server is here.
type conn struct {
	nc     net.Conn
	br     *bufio.Reader
	limits *Limits

	frame    frame // the message being read; owned by the reader
	controls int   // control frames read; owned by the reader
	unread   int64 // payload of a frame whose header broke a rule

	// closeBy is set, once, when our close frame goes out: until then the
	// reader waits for the answer. It is atomic because the reader extends its
	// deadline while others close.
	closeBy atomic.Pointer[time.Time]

	mu     sync.Mutex // held while a frame is written
	broken bool       // a write stopped inside a frame
}

func newConn(nc net.Conn, early []byte, limits *Limits) *conn {
	c := &conn{nc: nc, limits: limits}
	if len(early) > 0 {
		c.br = bufio.NewReaderSize(io.MultiReader(&oneShot{early}, nc), readBuffer)
	} else {
		c.br = bufio.NewReaderSize(nc, readBuffer)
	}
	return c
}

// A oneShot is what the client sent right behind its request. Unlike a
// bytes.Reader it lets go of the bytes.
type oneShot struct{ b []byte }

func (o *oneShot) Read(p []byte) (int, error) {
	if len(o.b) == 0 {
		o.b = nil
		return 0, io.EOF
	}
	n := copy(p, o.b)
	o.b = o.b[n:]
	return n, nil
}

// A frame is a payload with room for a header before it, so that a message
// leaves in one write.
type frame []byte

const headerRoom = 10 // the longest header of an unmasked frame

func (f frame) payload() []byte { return f[headerRoom:] }

// wire writes the header of a final frame with opcode op into the room before
// the payload and returns the whole.
func (f frame) wire(op ws.OpCode) []byte {
	n := len(f.payload())
	at := headerRoom - 2
	switch {
	case n > 0xffff:
		at = headerRoom - 10
		f[at+1] = 127
		binary.BigEndian.PutUint64(f[at+2:], uint64(n))
	case n > 125:
		at = headerRoom - 4
		f[at+1] = 126
		binary.BigEndian.PutUint16(f[at+2:], uint16(n))
	default:
		f[at+1] = byte(n)
	}
	f[at] = 0x80 | byte(op)
	return f[at:]
}

func newFrame(payload []byte) frame {
	return append(make(frame, headerRoom, headerRoom+len(payload)), payload...)
}

// A breach is a rule that the peer broke, and what it is told.
type breach struct {
	code   ws.StatusCode
	reason string
}

func (b *breach) Error() string { return fmt.Sprintf("%d %s", b.code, b.reason) }

// A farewell is the peer's close frame. Its code is 1005 if it had none.
type farewell struct{ code ws.StatusCode }

func (f *farewell) Error() string { return fmt.Sprintf("closed by peer with %d", f.code) }

var errSilent = errors.New("peer is silent")

// next returns the next binary message, whole. It is valid until the next
// call. Control frames are answered on the way. The error is a *breach, a
// *farewell or that of the network.
func (c *conn) next() (frame, error) {
	if cap(c.frame) > headerRoom+keepBuffer {
		c.frame = nil
	}
	c.frame = append(c.frame[:0], make([]byte, headerRoom)...)
	state := ws.StateServerSide
	for {
		if !state.Fragmented() {
			if err := c.await(); err != nil {
				return nil, err
			}
			c.readBy(c.limits.Message)
		}
		h, err := c.header(state)
		if err != nil {
			return nil, err
		}
		if h.OpCode.IsControl() {
			if err := c.control(h); err != nil {
				return nil, err
			}
			continue
		}
		if err := c.data(h); err != nil {
			return nil, err
		}
		if h.Fin {
			return c.frame, nil
		}
		state = state.Set(ws.StateFragmented)
	}
}

// await waits for the first byte of a frame, however long the peer is quiet,
// as long as it answers pings.
func (c *conn) await() error {
	for pinged := false; c.br.Buffered() == 0; {
		c.readBy(c.limits.Ping)
		_, err := c.br.Peek(1)
		var ne net.Error
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &ne) || !ne.Timeout():
			return err
		case pinged || c.closeBy.Load() != nil:
			return errSilent
		}
		pinged = true
		if err := c.write(ws.OpPing, newFrame(nil)); err != nil {
			return err
		}
	}
	return nil
}

// header reads one frame header and holds it against RFC 6455 §5.
func (c *conn) header(state ws.State) (ws.Header, error) {
	h, err := ws.ReadHeader(c.br)
	switch {
	case errors.Is(err, ws.ErrHeaderLengthMSB):
		return h, &breach{ws.StatusProtocolError, "length with its highest bit set"}
	case err != nil:
		return h, err
	}
	if err := ws.CheckHeader(h, state); err != nil {
		c.unread = h.Length
		return h, &breach{ws.StatusProtocolError, err.Error()}
	}
	return h, nil
}

// data appends the payload of a data frame to the message.
func (c *conn) data(h ws.Header) error {
	if h.OpCode == ws.OpText {
		c.unread = h.Length
		return &breach{ws.StatusUnsupportedData, "binary messages only"}
	}
	have := len(c.frame)
	// The declared length is checked before a byte is taken for it.
	if h.Length > int64(c.limits.MessageSize-(have-headerRoom)) {
		c.unread = h.Length
		return &breach{ws.StatusMessageTooBig, fmt.Sprintf("message is longer than %d bytes", c.limits.MessageSize)}
	}
	for left := int(h.Length); left > 0; {
		// The buffer grows with what arrives, not with what is announced.
		at, n := len(c.frame), min(left, 16<<10)
		c.frame = append(c.frame, make([]byte, n)...)
		if _, err := io.ReadFull(c.br, c.frame[at:]); err != nil {
			return err
		}
		left -= n
	}
	ws.Cipher(c.frame[have:], h.Mask, 0)
	return nil
}

// control reads a control frame and does what it asks.
func (c *conn) control(h ws.Header) error {
	if c.controls++; c.controls > c.limits.Controls {
		c.unread = h.Length
		return &breach{ws.StatusPolicyViolation, "too many control frames"}
	}
	f := make(frame, headerRoom+int(h.Length)) // CheckHeader allows 125 at most
	if _, err := io.ReadFull(c.br, f.payload()); err != nil {
		return err
	}
	ws.Cipher(f.payload(), h.Mask, 0)
	switch h.OpCode {
	case ws.OpPing:
		return c.write(ws.OpPong, f)
	case ws.OpClose:
		return c.closed(f.payload())
	}
	return nil // a pong has done its work by arriving
}

// closed answers a close frame, unless it is itself the answer to ours.
func (c *conn) closed(body []byte) error {
	code := ws.StatusNoStatusRcvd
	switch {
	case len(body) == 1:
		return &breach{ws.StatusProtocolError, "close frame of one byte"}
	case len(body) >= 2:
		code = ws.StatusCode(binary.BigEndian.Uint16(body))
		switch err := ws.CheckCloseFrameData(code, string(body[2:])); {
		case errors.Is(err, ws.ErrProtocolInvalidUTF8):
			return &breach{ws.StatusInvalidFramePayloadData, "close reason is not UTF-8"}
		case err != nil:
			return &breach{ws.StatusProtocolError, err.Error()}
		}
	}
	// RFC 6455 §5.5.1: the answer echoes the code.
	c.sendClose(code, "")
	return &farewell{code}
}

// readBy sets when the current read ends, unless the connection is closing:
// then the end of that stands.
func (c *conn) readBy(d time.Duration) {
	c.nc.SetReadDeadline(time.Now().Add(d))
	// Whoever closes stores closeBy before it sets the deadline. Either it
	// comes after us, or we see it here.
	if by := c.closeBy.Load(); by != nil {
		c.nc.SetReadDeadline(*by)
	}
}

// write sends one frame.
func (c *conn) write(op ws.OpCode, f frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writeLocked(op, f)
}

func (c *conn) writeLocked(op ws.OpCode, f frame) error {
	if c.broken {
		return net.ErrClosed
	}
	if op != ws.OpClose && c.closeBy.Load() != nil {
		return net.ErrClosed // RFC 6455 §5.5.1: nothing after a close frame
	}
	by := time.Now().Add(c.limits.Message)
	if op == ws.OpClose {
		by = *c.closeBy.Load()
	}
	c.nc.SetWriteDeadline(by)
	_, err := c.nc.Write(f.wire(op))
	c.broken = err != nil
	return err
}

// sendClose sends a close frame, once, and starts the time to answer it.
func (c *conn) sendClose(code ws.StatusCode, reason string) {
	by := time.Now().Add(c.limits.Close)
	if !c.closeBy.CompareAndSwap(nil, &by) {
		return
	}
	var body []byte
	if code != ws.StatusNoStatusRcvd {
		body = ws.NewCloseFrameBody(code, reason)
	}
	// A write that is stuck gets no more time than we have.
	c.nc.SetWriteDeadline(by)
	c.write(ws.OpClose, newFrame(body))
	c.nc.SetReadDeadline(by)
}

// linger reads until the peer's close frame, its end of the connection or the
// end of its time. To close a socket with bytes unread would reset it, and the
// peer would never see why.
func (c *conn) linger() {
	c.readBy(c.limits.Close)
	if c.unread <= int64(c.limits.MessageSize) { // beyond that it is no length, it is noise
		io.CopyN(io.Discard, c.br, c.unread)
	}
	for {
		h, err := ws.ReadHeader(c.br)
		if err != nil || h.OpCode == ws.OpClose {
			return
		}
		if _, err := io.CopyN(io.Discard, c.br, h.Length); err != nil {
			return
		}
	}
}
