package relay

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"
)

// A polled connection belongs to a loop. Until add, whoever made it reads and
// ends it; then only the loop does. Any may write. What cannot be written at
// once waits in out, and the connection that it came from is not read until it
// is gone.
//
//	open ──its error, its peer's close──▶ finished ──the peer's close frame, EOF, its time──▶ destroyed
type polled struct {
	stream
	loop  *loop
	party party
	left  func()

	heard    time.Time // when something came, or we last pinged
	finished bool      // the party is over; what comes is discarded
	paused   atomic.Bool

	// Guarded by loop.mu.
	fd       int // -1 when destroyed
	interest uint32
	number   uint32 // of all the loop has had
	tick     int64  // of the wheel

	mu      sync.Mutex
	broken  bool   // nothing more can be written
	out     []byte // not written yet
	stuck   time.Time
	waiting *polled // is not read until out is gone
}

// ready does what the socket is ready for.
func (c *polled) ready(events uint32, buf []byte) {
	if events&unix.EPOLLOUT != 0 {
		c.flush()
	}
	if events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.read(buf)
	}
}

// read reads once. What is left then makes the socket ready again, after the
// others had their turn.
func (c *polled) read(buf []byte) {
	n, err := unix.Read(c.fd, buf)
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
		return
	case err == nil && n == 0:
		err = io.EOF
	}
	n = max(n, 0)
	if c.finished {
		if err != nil || c.discard(buf[:n]) {
			c.destroy()
		}
		return
	}
	c.heard = time.Now()
	if n > 0 {
		var to conn
		to, err = c.take(c, c.party, buf[:n])
		c.mindBacklog(to)
	}
	if err != nil {
		if c.finish(err) {
			c.destroy()
		}
		return
	}
	if !c.mid.IsZero() {
		c.loop.remind(c, c.until())
	}
}

// mindBacklog stops reading c while to has something to write.
func (c *polled) mindBacklog(to conn) {
	peer, ok := to.(*polled)
	if !ok {
		return
	}
	peer.mu.Lock()
	defer peer.mu.Unlock()
	if len(peer.out) > 0 {
		peer.waiting = c
		c.paused.Store(true)
		c.loop.watch(c, unix.EPOLLIN, false)
	}
}

// finish ends the party and begins to close. It reports whether there is
// nothing to wait for.
func (c *polled) finish(err error) (done bool) {
	c.finished = true
	tell := c.party.over(err)
	c.sendClose(tell.code, tell.reason)
	var f *farewell
	done = errors.As(err, &f) || c.discard(c.rest)
	c.rest = nil
	c.mu.Lock()
	unsent := len(c.out) > 0 && !c.broken
	c.mu.Unlock()
	c.loop.watch(c, unix.EPOLLIN, true)
	return done && !unsent || !time.Now().Before(*c.closeBy.Load())
}

// destroy closes the socket. It is the last thing done to c.
func (c *polled) destroy() {
	c.mu.Lock()
	c.broken = true
	c.out = nil
	c.resume()
	c.mu.Unlock()
	c.loop.remove(c)
	c.left()
}

// resume lets the connection be read that waits for this one.
func (c *polled) resume() {
	if w := c.waiting; w != nil {
		c.waiting = nil
		w.paused.Store(false)
		w.loop.watch(w, unix.EPOLLIN, true)
	}
}

// until returns when c must be looked at, if nothing happens before.
func (c *polled) until() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	due := c.due(c.heard)
	if len(c.out) > 0 {
		if by := c.stuck.Add(c.limits.Message); by.Before(due) {
			due = by
		}
	}
	return due
}

// look sees whether c's time is up.
func (c *polled) look(now time.Time) {
	if c.paused.Load() && c.closeBy.Load() == nil {
		// It is not its own fault that nothing is heard of it.
		if c.heard = now; !c.mid.IsZero() {
			c.mid = now
		}
	}
	if due := c.until(); now.Before(due) {
		c.loop.remind(c, due)
		return
	}
	var err error
	c.mu.Lock()
	if len(c.out) > 0 && c.closeBy.Load() == nil {
		err = errSlow
		c.broken = true
		c.resume()
	}
	c.mu.Unlock()
	switch {
	case c.finished:
		c.destroy()
		return
	case err == nil:
		err = c.silence(c)
		c.heard = now
	}
	if err != nil {
		if c.finish(err) {
			c.destroy()
		}
		return
	}
	c.loop.remind(c, c.until())
}

func (c *polled) lock()   { c.mu.Lock() }
func (c *polled) unlock() { c.mu.Unlock() }

func (c *polled) writeLocked(frames []byte) error {
	if c.closeBy.Load() != nil {
		return net.ErrClosed
	}
	return c.firstLocked(frames)
}

func (c *polled) firstLocked(frames []byte) error {
	if c.broken {
		return net.ErrClosed
	}
	return c.send(frames)
}

// send writes what the socket takes and keeps the rest.
func (c *polled) send(frames []byte) error {
	if len(c.out) > 0 {
		c.out = append(c.out, frames...)
		return nil
	}
	n, err := c.write(frames)
	if err != nil {
		c.broken = true
		return err
	}
	if n < len(frames) {
		c.out = append(c.out, frames[n:]...)
		c.stuck = time.Now()
		c.loop.watch(c, unix.EPOLLOUT, true)
		c.loop.remind(c, c.stuck.Add(c.limits.Message))
	}
	return nil
}

// write writes once. A socket that takes nothing is no error.
func (c *polled) write(b []byte) (int, error) {
	for {
		n, err := unix.Write(c.fd, b)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return 0, nil
		}
		return n, err
	}
}

// flush writes what has waited.
func (c *polled) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		c.out = nil
	}
	n, err := 0, error(nil)
	if len(c.out) > 0 {
		n, err = c.write(c.out)
	}
	if c.out = c.out[max(n, 0):]; err != nil {
		c.broken = true // its reader meets the reason
		c.out = nil
	}
	if n > 0 {
		c.stuck = time.Now()
	}
	if len(c.out) == 0 {
		c.out = nil
		c.loop.watch(c, unix.EPOLLOUT, false)
		c.resume()
	}
}

func (c *polled) sendClose(code ws.StatusCode, reason string) {
	frame, by := c.beginClose(code, reason)
	if frame == nil {
		return
	}
	c.mu.Lock()
	if !c.broken {
		c.send(frame)
	}
	c.mu.Unlock()
	c.loop.remind(c, by)
}
