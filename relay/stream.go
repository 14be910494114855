package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

// A conn is the server's side of one WebSocket, as others write to it. There
// are two kinds: blocking, with a goroutine that reads, and polled, which
// shares a goroutine with thousands.
type conn interface {
	// lock is held while frames are written, so that nothing comes between.
	lock()
	unlock()
	// writeLocked sends whole frames. After a close frame of ours it is
	// net.ErrClosed (RFC 6455 §5.5.1: nothing after a close frame).
	writeLocked(frames []byte) error
	// firstLocked is writeLocked for what an end was owed when it came: it goes out
	// also if somebody has begun to close meanwhile, whose frame waits for the lock.
	firstLocked(frames []byte) error
	// sendClose sends a close frame, once, and starts the time to answer it.
	sendClose(code ws.StatusCode, reason string)
}

func write(c conn, frames []byte) error {
	c.lock()
	defer c.unlock()
	return c.writeLocked(frames)
}

// A party is what a connection takes part in: an end of a tunnel, or a phone's
// registration.
type party interface {
	// attach makes c the party's connection and brings it what has waited.
	attach(c conn) error
	// message takes a message of c. If it says where to, the caller passes it
	// on; the payload is not kept.
	message(payload []byte) (to conn, err error)
	// over says that c ends because of err, and returns what c's peer is told.
	// It is called once.
	over(err error) breach
}

// A stream is what both kinds of connection know of their peer.
type stream struct {
	parser
	ping time.Duration // how long the peer may be silent

	// closeBy is set, once, when our close frame goes out: until then the
	// reader waits for the answer.
	closeBy atomic.Pointer[time.Time]

	mid    time.Time // when the message being read began
	pinged bool      // and nothing heard since
	rest   []byte    // what was not looked at because of a breach before it
}

// A farewell is the peer's close frame. Its code is 1005 if it had none.
type farewell struct{ code ws.StatusCode }

func (f *farewell) Error() string { return fmt.Sprintf("closed by peer with %d", f.code) }

var (
	errSilent = errors.New("peer is silent")
	errSlow   = errors.New("a message took too long")
)

// take does what the bytes in ask for: it answers control frames on c, and
// passes messages through p. Messages that came together leave together. The
// bytes are overwritten. The error is a *breach, a *farewell, an *otherGone or
// that of a write to c.
func (s *stream) take(c conn, p party, in []byte) (to conn, err error) {
	s.pinged = false
	out := in[:0] // what goes to the other end; it stays behind what is read
	for {
		var u unit
		var ok bool
		u, in, ok, err = s.next(in)
		if err != nil || !ok {
			break
		}
		if !s.fragmented {
			s.mid = time.Time{}
		}
		if u.op.IsControl() {
			if err = s.control(c, u); err != nil {
				break
			}
			continue
		}
		var next conn
		if next, err = p.message(u.payload); err != nil {
			break
		}
		if next == nil {
			continue // queued, or for nobody
		}
		to = next
		// In place, if there is room: a client's header is longer than ours by
		// the mask, but some of it may have come before.
		if at := cap(out) - cap(u.payload); u.own == nil && at >= len(out)+ourHeader(len(u.payload)) {
			out = appendFrame(out, ws.OpBinary, u.payload)
			continue
		}
		if err = passOn(to, out); err == nil {
			err = passOn(to, u.frame())
		}
		if out = out[:0]; err != nil {
			break
		}
	}
	if lost := passOn(to, out); err == nil {
		err = lost
	}
	s.rest = in
	if s.quiet() {
		s.mid = time.Time{}
	} else if s.mid.IsZero() {
		s.mid = time.Now()
	}
	return to, err
}

// otherGone is a write to the other end that did not go through.
type otherGone struct{ err error }

func (o *otherGone) Error() string { return "writing to the other end: " + o.err.Error() }

// passOn writes frames to the other end. If that is closing they are dropped:
// its own reader ends the tunnel, and knows why.
func passOn(to conn, frames []byte) error {
	if len(frames) == 0 {
		return nil
	}
	if err := write(to, frames); err != nil && !errors.Is(err, net.ErrClosed) {
		return &otherGone{err}
	}
	return nil
}

// control does what a control frame asks.
func (s *stream) control(c conn, u unit) error {
	switch u.op {
	case ws.OpPing:
		return write(c, appendFrame(nil, ws.OpPong, u.payload))
	case ws.OpClose:
		return closed(c, u.payload)
	}
	return nil // a pong has done its work by arriving
}

// closed answers a close frame, unless it is itself the answer to ours.
func closed(c conn, body []byte) error {
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

// due returns until when the peer must be heard from, if it was last at heard.
func (s *stream) due(heard time.Time) time.Time {
	if by := s.closeBy.Load(); by != nil {
		return *by
	}
	if !s.mid.IsZero() {
		return s.mid.Add(s.limits.Message)
	}
	return heard.Add(s.ping)
}

// silence is what follows from nothing being heard until due: one ping is
// forgiven.
func (s *stream) silence(c conn) error {
	switch {
	case s.closeBy.Load() != nil || s.pinged:
		return errSilent
	case !s.mid.IsZero():
		return errSlow
	}
	s.pinged = true
	s.controls = 0 // the answer to a ping of ours is nobody's excess
	return write(c, appendFrame(nil, ws.OpPing, nil))
}

// beginClose notes that our close frame goes out now, and returns it. It
// returns nil if one has gone before.
func (s *stream) beginClose(code ws.StatusCode, reason string) (frame []byte, by time.Time) {
	by = time.Now().Add(s.limits.Close)
	if !s.closeBy.CompareAndSwap(nil, &by) {
		return nil, by
	}
	var body []byte
	if code != ws.StatusNoStatusRcvd {
		body = ws.NewCloseFrameBody(code, reason)
	}
	return appendFrame(nil, ws.OpClose, body), by
}
