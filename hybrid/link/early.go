package link

import (
	"context"
	"errors"
	"fmt"

	"cardea/hybrid/tunnel"
)

// ErrUnheard says that a phone took a call and the tunnel was closed before it
// was heard. It cannot say why: the handshake needs what it advertises. A phone
// whose Bluetooth is off does this at once.
var ErrUnheard = errors.New("the phone has gone before it was heard")

// An early is a tunnel that is read from before there is anything to hear, to
// notice its end. What comes is kept for Read.
type early struct {
	*tunnel.Conn

	first chan []byte   // gets the first message of the other side
	ended chan struct{} // closed if there will be none
	err   error         // after ended
	taken bool          // the first message was read
}

func readEarly(c *tunnel.Conn) *early {
	e := &early{Conn: c, first: make(chan []byte, 1), ended: make(chan struct{})}
	go func() {
		// Whoever has the conn ends this by Abort.
		m, err := c.Read(context.Background())
		if err != nil {
			e.err = err
			close(e.ended)
			return
		}
		e.first <- m
	}()
	return e
}

// Read implements conn.
func (e *early) Read(ctx context.Context) ([]byte, error) {
	if e.taken {
		return e.Conn.Read(ctx)
	}
	select {
	case m := <-e.first:
		e.taken = true
		return m, nil
	case <-e.ended:
		return nil, e.err
	case <-ctx.Done():
		e.Abort()
		return nil, fmt.Errorf("reading from the tunnel: %w", ctx.Err())
	}
}

// Write implements conn. If the tunnel has ended, the early read knows why.
func (e *early) Write(ctx context.Context, message []byte) error {
	err := e.Conn.Write(ctx, message)
	if err != nil && !e.taken {
		awaitEnd(ctx, e.ended)
		select {
		case <-e.ended:
			return e.err
		default:
		}
	}
	return err
}

// whyUnheard returns what the end of the tunnel says of a phone that was not
// heard, and nil if the tunnel stands.
func (e *early) whyUnheard(ctx context.Context) error {
	select {
	case <-e.ended:
	default:
		return nil
	}
	leg := legOf(e.err)
	if leg == LegPeer {
		return fail(ctx, leg, fmt.Errorf("%w: %w", ErrUnheard, e.err))
	}
	return fail(ctx, leg, e.err)
}
