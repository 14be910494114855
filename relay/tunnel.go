package relay

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// A name is how the two ends ask for the same tunnel: the node that has it, and
// its ID.
type name struct {
	routing [3]byte
	id      [16]byte
}

// label is enough of the ID to find a tunnel in the log, and not enough to
// join it.
func (n name) label() string { return hex.EncodeToString(n.id[:3]) + "…" }

// The two ends of a tunnel.
const (
	opener = 0
	joiner = 1
)

// A tunnel is two ends and what waits for them.
type tunnel struct {
	relay  *Relay
	name   name
	opened time.Time
	timer  *time.Timer // Wait, then what is left of Lifetime

	mu      sync.Mutex
	changed sync.Cond // an upgrade is done or given up, or the tunnel ended
	ends    [2]end
	over    *ending // nil while the tunnel lives
}

func newTunnel(r *Relay, n name) *tunnel {
	t := &tunnel{relay: r, name: n, opened: time.Now()}
	t.changed.L = &t.mu
	t.ends[opener].taken = true
	t.timer = time.AfterFunc(r.limits.Wait, t.expire)
	return t
}

// An end is one side of a tunnel.
type end struct {
	taken  bool  // promised to somebody whose upgrade is under way or done
	conn   *conn // nil until the upgrade is done
	signal bool  // wants to be told when the other end is there
	queue  []frame
	queued int // bytes in queue

	messages int // sent by this end
	bytes    int64
}

// signalMessage tells an end that asked for it that the other is there.
var signalMessage = []byte{0x00}

// serve runs the connection of end i until it is over.
func (t *tunnel) serve(i int, c *conn) {
	defer c.nc.Close()
	var err error
	if err = t.attach(i, c); err == nil {
		err = t.copyFrom(i, c)
	}
	t.end(endingOf(i, err))
	// If the tunnel was over before c came to it, nobody has told it why.
	tell := t.over.tell[i]
	c.sendClose(tell.code, tell.reason)
	var f *farewell
	if !errors.As(err, &f) {
		c.linger()
	}
}

// wantSignal notes that end i wants to hear when the other is there.
func (t *tunnel) wantSignal(i int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ends[i].signal = true
}

// giveUp is what becomes of a promised end whose upgrade failed: without its
// opener a tunnel is over; a joiner may come again.
func (t *tunnel) giveUp(i int) {
	if i == opener {
		t.end(both("not opened", ws.StatusGoingAway, "the other side is gone"))
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ends[i].taken = false
	t.changed.Broadcast()
}

// taken reports whether the second end is connected or about to be.
func (t *tunnel) taken() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ends[joiner].taken
}

// joined reports whether both ends are connected.
func (t *tunnel) joined() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ends[opener].conn != nil && t.ends[joiner].conn != nil
}

// attach makes c the connection of end i and brings it what has waited.
func (t *tunnel) attach(i int, c *conn) error {
	// The lock is held until the queue is written: the other end's reader can
	// see us before that, and must not overtake.
	c.mu.Lock()
	defer c.mu.Unlock()
	t.mu.Lock()
	if t.over != nil {
		t.mu.Unlock()
		return errOver
	}
	mine, other := &t.ends[i], &t.ends[1-i]
	mine.conn = c
	t.changed.Broadcast()
	queue := mine.queue
	mine.queue = nil
	peer, peerSignal := other.conn, other.signal
	if peer != nil {
		t.timer.Reset(t.relay.limits.Lifetime - time.Since(t.opened))
	}
	t.mu.Unlock()

	if peer == nil {
		return nil
	}
	if mine.signal {
		queue = append([]frame{newFrame(signalMessage)}, queue...)
	}
	for _, f := range queue {
		if err := c.writeLocked(ws.OpBinary, f); err != nil {
			return err
		}
	}
	if peerSignal {
		// Before anything of ours: we have not begun to read.
		return writeToOther(peer, newFrame(signalMessage))
	}
	return nil
}

// copyFrom copies what end i sends to the other, until one of them is done.
func (t *tunnel) copyFrom(i int, c *conn) error {
	for {
		f, err := c.next()
		if err != nil {
			return err
		}
		peer, err := t.accept(i, f)
		if err != nil {
			return err
		}
		if peer == nil {
			continue // queued
		}
		if err := writeToOther(peer, f); err != nil {
			return err
		}
	}
}

// writeToOther writes a message of ours to the other end. If that is closing,
// the message is dropped: its own reader ends the tunnel, and knows why.
func writeToOther(peer *conn, f frame) error {
	if err := peer.write(ws.OpBinary, f); err != nil && !errors.Is(err, net.ErrClosed) {
		return &otherGone{err}
	}
	return nil
}

// accept counts a message from end i and returns the connection it goes to, or
// nil after it has queued a copy.
func (t *tunnel) accept(i int, f frame) (*conn, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	from, to := &t.ends[i], &t.ends[1-i]
	// The other end may have had its 101 and told this one so by other ways,
	// before its connection is ours. That is not the time to count a queue.
	for to.taken && to.conn == nil && t.over == nil {
		t.changed.Wait()
	}
	if t.over != nil {
		return nil, nil // closing: what still arrives is dropped
	}
	limits := &t.relay.limits
	size := len(f.payload())
	from.messages++
	from.bytes += int64(size)
	switch {
	case from.messages > limits.Messages:
		return nil, &breach{ws.StatusPolicyViolation, "too many messages"}
	case from.bytes > limits.Bytes:
		return nil, &breach{ws.StatusPolicyViolation, "too many bytes"}
	case to.conn != nil:
		return to.conn, nil
	case len(to.queue) >= limits.Queue || to.queued+size > limits.QueueBytes:
		return nil, &breach{ws.StatusPolicyViolation, "nobody is there to read that yet"}
	}
	to.queue = append(to.queue, newFrame(f.payload()))
	to.queued += size
	return nil, nil
}

// errOver is what an end meets that comes to a tunnel already over.
var errOver = errors.New("tunnel is over")

// otherGone is a write to the other end that did not go through.
type otherGone struct{ err error }

func (o *otherGone) Error() string { return "writing to the other end: " + o.err.Error() }

// An ending is why a tunnel is over and what each end is told.
type ending struct {
	outcome string // for the log
	tell    [2]breach
}

// endingOf says what the error of end i means for both.
func endingOf(i int, err error) ending {
	var b *breach
	var f *farewell
	var o *otherGone
	e := ending{outcome: "lost"}
	mine, other := &e.tell[i], &e.tell[1-i]
	*mine = breach{ws.StatusGoingAway, "connection lost"}
	*other = breach{ws.StatusGoingAway, "the other side is gone"}
	switch {
	case errors.As(err, &b):
		e.outcome = "breach: " + b.reason
		*mine = *b
		*other = breach{ws.StatusGoingAway, "the other side broke a rule"}
	case errors.As(err, &f):
		e.outcome = "closed"
		if f.code == ws.StatusNormalClosure || f.code == ws.StatusNoStatusRcvd {
			*other = breach{ws.StatusNormalClosure, "the other side closed"}
		}
	case errors.As(err, &o):
		*mine, *other = *other, *mine
	}
	return e
}

// both is an ending that is neither end's doing.
func both(outcome string, code ws.StatusCode, reason string) ending {
	b := breach{code, reason}
	return ending{outcome, [2]breach{b, b}}
}

// end ends the tunnel and tells both ends why. Only the first call counts.
func (t *tunnel) end(e ending) {
	t.mu.Lock()
	if t.over != nil {
		t.mu.Unlock()
		return
	}
	t.over = &e
	t.changed.Broadcast()
	ends := t.ends
	t.ends[opener].queue, t.ends[joiner].queue = nil, nil
	t.mu.Unlock()

	t.timer.Stop()
	t.relay.forget(t)
	var telling sync.WaitGroup
	for i, side := range ends {
		if side.conn != nil {
			telling.Go(func() { side.conn.sendClose(e.tell[i].code, e.tell[i].reason) })
		}
	}
	telling.Wait()
	t.relay.log.LogAttrs(context.Background(), slog.LevelInfo, "tunnel ended",
		slog.String("tunnel", t.name.label()),
		slog.String("outcome", e.outcome),
		slog.Bool("joined", ends[joiner].taken),
		slog.Int("messages", ends[opener].messages+ends[joiner].messages),
		slog.Int64("bytes", ends[opener].bytes+ends[joiner].bytes),
		slog.Duration("took", time.Since(t.opened)))
}

// expire ends the tunnel when Wait or Lifetime is over.
func (t *tunnel) expire() {
	if !t.relay.enter() {
		return
	}
	defer t.relay.running.Done()
	if t.joined() {
		t.end(both("expired", ws.StatusPolicyViolation, "the tunnel has lived its time"))
	} else {
		t.end(both("nobody joined", ws.StatusPolicyViolation, "nobody joined in time"))
	}
}
