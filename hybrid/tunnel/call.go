package tunnel

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"cardea/hybrid"
)

// A listener is a Listen that runs.
type listener struct {
	ctx     context.Context // of Listen: a call may outlive the connection it came by
	contact *Contact
	calls   sync.WaitGroup

	mu      sync.Mutex
	conn    *Conn // nil while the phone is away
	running int
	// answers has the calls that are known and what they were answered, or 0.
	// The relay repeats a call whose answer it did not get.
	answers map[hybrid.TunnelID]byte
}

// session is one connection, from its beginning to its end.
func (l *listener) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dialing, stop := context.WithTimeout(ctx, keepAlivePatience)
	conn, err := l.contact.register(dialing)
	stop()
	if err != nil {
		return err
	}
	l.use(conn)
	defer l.use(nil)
	defer conn.Abort()
	l.contact.changed(nil)
	go keep(ctx, conn)
	for {
		m, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		if err := l.take(ctx, m); err != nil {
			return err
		}
	}
}

func (l *listener) use(conn *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = conn
}

// keep ends the connection when the relay no longer answers.
func keep(ctx context.Context, conn *Conn) {
	for pause(ctx, jitter(keepAlive)) == nil {
		ping, cancel := context.WithTimeout(ctx, keepAlivePatience)
		err := conn.ws.Ping(ping)
		cancel()
		if err != nil {
			conn.Abort()
			return
		}
	}
}

// take takes a message of the relay.
func (l *listener) take(ctx context.Context, m []byte) error {
	call := &Call{listener: l}
	if len(m) < 1+len(call.tunnel)+len(call.routing) || m[0] != msgCall {
		return errors.New("the relay said something that is not a call")
	}
	m = m[1:]
	m = m[copy(call.tunnel[:], m):]
	call.Payload = m[copy(call.routing[:], m):]

	l.mu.Lock()
	answer, known := l.answers[call.tunnel]
	full := l.running >= maxCalls
	if !known && !full {
		l.running++
		l.answers[call.tunnel] = 0
	}
	l.mu.Unlock()
	switch {
	case known && answer == 0:
		return nil // its answer will go this way, too
	case known:
		return l.say(ctx, call.tunnel, answer)
	case full:
		return l.say(ctx, call.tunnel, msgBusy)
	}
	l.calls.Go(func() { l.run(call) })
	return nil
}

// run deals with a call.
func (l *listener) run(call *Call) {
	defer func() {
		call.answer(l.ctx, msgBusy) // unless it has been answered
		l.mu.Lock()
		defer l.mu.Unlock()
		l.running--
		// Repeats of older calls are over with the client's patience.
		for id, answer := range l.answers {
			if len(l.answers) > 4*maxCalls && answer != 0 {
				delete(l.answers, id)
			}
		}
	}()
	l.contact.Called(l.ctx, call)
}

// say sends the answer to a call, if there is a connection. If there is none,
// or it breaks, the relay will ask again.
func (l *listener) say(ctx context.Context, id hybrid.TunnelID, answer byte) error {
	l.mu.Lock()
	conn := l.conn
	l.mu.Unlock()
	if conn == nil {
		return nil
	}
	return conn.Write(ctx, append([]byte{answer}, id[:]...))
}

// A Call is a client that wants to meet the phone. One of Accept, Gone and Busy
// answers it; the client waits about ten seconds for that.
type Call struct {
	// Payload is what the client says: a CBOR map with the link's ID, a nonce
	// and what it wants to do. Anybody who knows the contact ID can call, so it
	// proves nothing.
	Payload []byte

	listener *listener
	tunnel   hybrid.TunnelID
	routing  hybrid.RoutingID
}

// errAnswered is for the second answer to a call.
var errAnswered = errors.New("the call has been answered")

// answer notes the answer and sends it.
func (c *Call) answer(ctx context.Context, answer byte) error {
	l := c.listener
	l.mu.Lock()
	if l.answers[c.tunnel] != 0 {
		l.mu.Unlock()
		return errAnswered
	}
	l.answers[c.tunnel] = answer
	l.mu.Unlock()
	// An answer that does not go through is asked for again.
	_ = l.say(ctx, c.tunnel, answer)
	return nil
}

// Accept lets the client in and takes the phone's place in the tunnel with it.
// The caller closes it.
func (c *Call) Accept(ctx context.Context) (*Conn, error) {
	if err := c.answer(ctx, msgComing); err != nil {
		return nil, err
	}
	contact := c.listener.contact
	conn, err := contact.Dialer.Connect(ctx, contact.Service, c.routing, c.tunnel)
	if err != nil {
		return nil, fmt.Errorf("accepting a call: %w", err)
	}
	return conn, nil
}

// Gone tells the client that its link has ended: it forgets the link.
func (c *Call) Gone(ctx context.Context) error { return c.answer(ctx, msgGone) }

// Busy tells the client that the phone cannot come now. The link stays.
func (c *Call) Busy(ctx context.Context) error { return c.answer(ctx, msgBusy) }
