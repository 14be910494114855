package relay

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
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

	mu   sync.Mutex
	ends [2]end
	over *ending // nil while the tunnel lives
}

func newTunnel(r *Relay, n name) *tunnel {
	t := &tunnel{relay: r, name: n, opened: time.Now()}
	for i := range t.ends {
		t.ends[i].t = t
	}
	t.ends[opener].taken = true
	t.timer = time.AfterFunc(r.limits.Wait, t.expire)
	return t
}

// An end is one side of a tunnel, and the party of its connection.
type end struct {
	t      *tunnel
	taken  bool // promised to somebody whose upgrade is under way or done
	signal bool // wants to be told when the other end is there
	conn   conn // nil until the upgrade is done
	queue  [][]byte
	queued int // bytes in queue

	messages int // sent by this end
	bytes    int64
}

func (e *end) other() *end {
	if e == &e.t.ends[opener] {
		return &e.t.ends[joiner]
	}
	return &e.t.ends[opener]
}

// signalMessage tells an end that asked for it that the other is there.
var signalMessage = []byte{0x00}

// wantSignal notes that the end wants to hear when the other is there.
func (e *end) wantSignal() {
	e.t.mu.Lock()
	defer e.t.mu.Unlock()
	e.signal = true
}

// giveUp is what becomes of a promised end whose upgrade failed: without its
// opener a tunnel is over; a joiner may come again.
func (e *end) giveUp() {
	if e == &e.t.ends[opener] {
		e.t.end(both("not opened", ws.StatusGoingAway, "the other side is gone"))
		return
	}
	e.t.mu.Lock()
	defer e.t.mu.Unlock()
	e.taken, e.signal = false, false
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

// attach makes c the connection of the end and brings it what has waited.
func (e *end) attach(c conn) error {
	// The lock is held until the queue is written: the other end's reader can
	// see us before that, and must not overtake.
	c.lock()
	defer c.unlock()
	t := e.t
	t.mu.Lock()
	other, over := e.other(), t.over != nil
	queue := e.queue
	e.queue, e.queued = nil, 0
	peer, peerSignal := other.conn, other.signal
	if !over {
		e.conn = c
	}
	if !over && peer != nil {
		t.timer.Reset(t.relay.limits.Lifetime - time.Since(t.opened))
	}
	t.mu.Unlock()

	// The other end may have said its last and left while this one was on its
	// way. What it said still arrives.
	if peer != nil {
		if err := e.bring(c, queue); err != nil {
			return err
		}
	}
	switch {
	case over:
		return errOver
	case peer == nil:
		return nil
	}
	t.relay.count.joined.Add(1)
	if peerSignal {
		// Before anything of ours: we have not begun to read.
		return passOn(peer, appendFrame(nil, ws.OpBinary, signalMessage))
	}
	return nil
}

// bring writes what has waited for the end to its connection, which is locked.
func (e *end) bring(c conn, queue [][]byte) error {
	var waited []byte
	if e.signal {
		waited = appendFrame(waited, ws.OpBinary, signalMessage)
	}
	for _, m := range queue {
		waited = appendFrame(waited, ws.OpBinary, m)
	}
	if len(waited) == 0 {
		return nil
	}
	return c.firstLocked(waited)
}

// message counts a message and returns the connection it goes to, or nil after
// it has queued a copy.
func (e *end) message(payload []byte) (conn, error) {
	t := e.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over != nil {
		return nil, nil // closing: what still arrives is dropped
	}
	limits, to := &t.relay.limits, e.other()
	size := len(payload)
	e.messages++
	e.bytes += int64(size)
	switch {
	case e.messages > limits.Messages:
		return nil, &breach{ws.StatusPolicyViolation, "too many messages"}
	case e.bytes > limits.Bytes:
		return nil, &breach{ws.StatusPolicyViolation, "too many bytes"}
	}
	t.relay.count.messages.Add(1)
	t.relay.count.bytes.Add(int64(size))
	if to.conn != nil {
		return to.conn, nil
	}
	// The other end may have had its 101 and told this one so by other ways,
	// before its connection is ours. That is not the time to count a queue; the
	// limits of the tunnel bound it.
	if !to.taken && (len(to.queue) >= limits.Queue || to.queued+size > limits.QueueBytes) {
		return nil, &breach{ws.StatusPolicyViolation, "nobody is there to read that yet"}
	}
	to.queue = append(to.queue, bytes.Clone(payload))
	to.queued += size
	return nil, nil
}

// over ends the tunnel, if it has not ended before.
func (e *end) over(err error) breach {
	i := opener
	if e == &e.t.ends[joiner] {
		i = joiner
	}
	e.t.end(endingOf(i, err))
	return e.t.over.tell[i]
}

// errOver is what an end meets that comes to a tunnel already over.
var errOver = errors.New("tunnel is over")

// An ending is why a tunnel is over and what each end is told.
type ending struct {
	outcome string // for the log and the metrics
	cause   string // for the log: which rule was broken
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
		e.outcome, e.cause = "breach", b.reason
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
	return ending{outcome: outcome, tell: [2]breach{b, b}}
}

// end ends the tunnel and tells both ends why. Only the first call counts.
func (t *tunnel) end(e ending) {
	t.mu.Lock()
	if t.over != nil {
		t.mu.Unlock()
		return
	}
	t.over = &e
	ends := t.ends
	for i := range t.ends {
		if !t.ends[i].taken { // else whoever has the promise still gets it
			t.ends[i].queue = nil
		}
	}
	t.mu.Unlock()

	t.timer.Stop()
	t.relay.forget(t)
	t.relay.count.end(e.outcome)
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
		slog.String("cause", e.cause),
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
