package relay

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// readBuffer takes a message of a kilobyte with its header. It is small
// because most tunnels are idle most of the time.
const readBuffer = 1280

// A blocking connection has a goroutine of its own, which reads. Any may
// write.
type blocking struct {
	nc net.Conn
	stream

	heard  time.Time // when something came, or we last pinged
	readBy time.Time // the deadline that is set

	mu      sync.Mutex // held while frames are written
	broken  bool       // a write stopped inside a frame
	writeBy time.Time  // the deadline that is set
}

// bigBuffers are for connections that have more to say than a readBuffer holds.
var bigBuffers = sync.Pool{New: func() any { return new([bigBuffer]byte) }}

const bigBuffer = 32 << 10

func newBlocking(nc net.Conn, limits *Limits, ping time.Duration) *blocking {
	c := &blocking{nc: nc}
	c.limits, c.ping = limits, ping
	return c
}

// serve runs the connection until it is over, and then calls left. early is
// what the peer sent right behind its request.
//
// This is where an idle connection waits, at the bottom of its goroutine: the
// runtime begins with the smallest stack only as long as most need no more.
func (c *blocking) serve(p party, early []byte, left func()) {
	err := c.begin(p, early)
	small := make([]byte, readBuffer)
	for buf := small; err == nil; {
		c.waitUntil(c.due(c.heard))
		n, readErr := c.nc.Read(buf)
		err = c.came(p, buf[:n], readErr)
		buf = c.bufferAfter(n, buf, small)
	}
	c.finish(p, err)
	left()
}

func (c *blocking) begin(p party, early []byte) error {
	c.heard = time.Now()
	if err := p.attach(c); err != nil {
		return err
	}
	_, err := c.take(c, p, early)
	return err
}

// came takes what was read.
func (c *blocking) came(p party, in []byte, err error) error {
	if len(in) > 0 {
		c.heard = time.Now()
		if _, broke := c.take(c, p, in); broke != nil {
			return broke
		}
	}
	if err != nil {
		return c.forgive(err)
	}
	return nil
}

func (c *blocking) finish(p party, err error) {
	defer c.nc.Close()
	tell := p.over(err)
	c.sendClose(tell.code, tell.reason)
	var f *farewell
	if !errors.As(err, &f) {
		c.linger()
	}
}

// bufferAfter returns what to read into after n bytes came into buf: a big
// buffer while the connection has more to say than a small one holds.
func (c *blocking) bufferAfter(n int, buf, small []byte) []byte {
	more, big := n == len(buf) || c.left > readBuffer, len(buf) > readBuffer
	switch {
	case more && !big:
		return bigBuffers.Get().(*[bigBuffer]byte)[:]
	case !more && big:
		bigBuffers.Put((*[bigBuffer]byte)(buf))
		return small
	}
	return buf
}

// forgive looks at an error of reading. If it only is that the deadline was
// met, it sees whether the peer's time is up.
func (c *blocking) forgive(err error) error {
	var ne net.Error
	if !errors.As(err, &ne) || !ne.Timeout() {
		return err
	}
	c.readBy = time.Time{}
	if time.Now().Before(c.due(c.heard)) {
		return nil
	}
	c.heard = time.Now()
	return c.silence(c)
}

// waitUntil sets when reading ends, unless it ends earlier: a deadline that is
// met too early costs less than one that is moved with each message. If the
// connection is closing, the end of that stands.
func (c *blocking) waitUntil(t time.Time) {
	if c.readBy.IsZero() || t.Before(c.readBy) {
		c.nc.SetReadDeadline(t)
		c.readBy = t
	}
	// Whoever closes stores closeBy before it sets the deadline. Either it
	// comes after us, or we see it here.
	if by := c.closeBy.Load(); by != nil {
		c.nc.SetReadDeadline(*by)
	}
}

func (c *blocking) lock()   { c.mu.Lock() }
func (c *blocking) unlock() { c.mu.Unlock() }

func (c *blocking) writeLocked(frames []byte) error {
	if c.closeBy.Load() != nil {
		return net.ErrClosed
	}
	return c.firstLocked(frames)
}

func (c *blocking) firstLocked(frames []byte) error {
	if c.broken {
		return net.ErrClosed
	}
	now := time.Now()
	if c.writeBy.Sub(now) < c.limits.Message*3/4 {
		c.writeBy = now.Add(c.limits.Message)
		c.nc.SetWriteDeadline(c.writeBy)
	}
	return c.writeOut(frames)
}

func (c *blocking) writeOut(frames []byte) error {
	_, err := c.nc.Write(frames)
	c.broken = err != nil
	return err
}

func (c *blocking) sendClose(code ws.StatusCode, reason string) {
	frame, by := c.beginClose(code, reason)
	if frame == nil {
		return
	}
	// A write that is stuck gets no more time than we have.
	c.nc.SetWriteDeadline(by)
	c.lock()
	c.nc.SetWriteDeadline(by) // a write may have set its own since
	if !c.broken {
		c.writeOut(frame)
	}
	c.unlock()
	c.nc.SetReadDeadline(by)
}

// linger reads until the peer's close frame, its end of the connection or the
// end of its time. To close a socket with bytes unread would reset it, and the
// peer would never see why.
func (c *blocking) linger() {
	c.readBy = time.Time{}
	c.waitUntil(time.Now().Add(c.limits.Close))
	done := c.discard(c.rest)
	c.rest = nil
	var buf [readBuffer]byte
	for !done {
		n, err := c.nc.Read(buf[:])
		done = c.discard(buf[:n]) || err != nil
	}
}
