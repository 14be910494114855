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

	mu     sync.Mutex // held while frames are written
	broken bool       // a write stopped inside a frame
}

func newBlocking(nc net.Conn, limits *Limits, ping time.Duration) *blocking {
	c := &blocking{nc: nc}
	c.limits, c.ping = limits, ping
	return c
}

// serve runs the connection until it is over. early is what the peer sent right
// behind its request.
func (c *blocking) serve(p party, early []byte) {
	defer c.nc.Close()
	err := p.attach(c)
	if err == nil {
		err = c.copy(p, early)
	}
	tell := p.over(err)
	c.sendClose(tell.code, tell.reason)
	var f *farewell
	if !errors.As(err, &f) {
		c.linger()
	}
}

// copy takes what the peer sends, until the connection is over.
func (c *blocking) copy(p party, early []byte) error {
	_, err := c.take(c, p, early)
	early = nil // it is not kept as long as the connection
	var buf [readBuffer]byte
	for err == nil {
		c.readBy(c.due(time.Now()))
		var n int
		n, err = c.nc.Read(buf[:])
		if n > 0 {
			var broke error
			if _, broke = c.take(c, p, buf[:n]); broke != nil {
				return broke
			}
		}
		var ne net.Error
		if errors.As(err, &ne) && ne.Timeout() {
			err = c.silence(c)
		}
	}
	return err
}

// readBy sets when reading ends, unless the connection is closing: then the end
// of that stands.
func (c *blocking) readBy(t time.Time) {
	c.nc.SetReadDeadline(t)
	// Whoever closes stores closeBy before it sets the deadline. Either it
	// comes after us, or we see it here.
	if by := c.closeBy.Load(); by != nil {
		c.nc.SetReadDeadline(*by)
	}
}

func (c *blocking) lock()   { c.mu.Lock() }
func (c *blocking) unlock() { c.mu.Unlock() }

func (c *blocking) writeLocked(frames []byte) error {
	if c.broken || c.closeBy.Load() != nil {
		return net.ErrClosed
	}
	return c.writeBy(frames, time.Now().Add(c.limits.Message))
}

func (c *blocking) writeBy(frames []byte, by time.Time) error {
	c.nc.SetWriteDeadline(by)
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
	if !c.broken {
		c.writeBy(frame, by)
	}
	c.unlock()
	c.nc.SetReadDeadline(by)
}

// linger reads until the peer's close frame, its end of the connection or the
// end of its time. To close a socket with bytes unread would reset it, and the
// peer would never see why.
func (c *blocking) linger() {
	c.readBy(time.Now().Add(c.limits.Close))
	done := c.discard(c.rest)
	c.rest = nil
	var buf [readBuffer]byte
	for !done {
		n, err := c.nc.Read(buf[:])
		done = c.discard(buf[:n]) || err != nil
	}
}
