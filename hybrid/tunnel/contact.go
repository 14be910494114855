package tunnel

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"cardea/hybrid"
	"cardea/internal/secret"
)

// A Contact is how a phone can be called by the clients that it is linked with:
// a relay, and a key that stands for the phone there. Its ID goes into the
// links.
//
// The specification leaves it to phones and services how they find each other.
// This is the way of Cardea's relay: the phone keeps a WebSocket open.
type Contact struct {
	// Dialer reaches the relay; nil is one with no settings.
	Dialer *Dialer

	// Service is the phone's relay.
	Service hybrid.Service

	// Key proves to the relay that the ID is the phone's. No other relay may
	// see it: see hybrid.NewContactKey.
	Key secret.Key

	// Called is given each call, in a goroutine of its own. When it returns
	// without an answer, the client hears that the phone is busy. Its context
	// ends with Listen.
	Called func(ctx context.Context, call *Call)

	// Changed, unless nil, is told with nil when the phone can be called, and
	// with the reason when it no longer can. It is called by one goroutine.
	Changed func(err error)

	wait func(ctx context.Context, d time.Duration) error // for tests; nil sleeps
}

// How a phone comes back to its relay. After the first failure it waits for up
// to a second, then twice as long each time. Most of each wait is left to chance,
// so that the phones of a relay do not come at once.
const (
	firstWait = time.Second
	longWait  = 5 * time.Minute

	// goneWait is the first wait if the relay itself has said goodbye: it is
	// going away, with everybody else's connection.
	goneWait = 15 * time.Second

	// settled is how long a connection must have lived for the waits to begin
	// again with the first.
	settled = time.Minute

	// keepAlive is how often the phone makes sure that the relay is still
	// there, and keepAlivePatience how long that may take. The relay does the
	// same, but a phone whose network has changed does not hear it.
	keepAlive         = 4 * time.Minute
	keepAlivePatience = 20 * time.Second

	// maxCalls is how many calls are taken at once.
	maxCalls = 4
)

// What is said on a phone's connection (relay/contact.go has the other side).
const (
	msgCall   = 0x01 // tunnel ID, routing ID, payload
	msgComing = 0x02 // tunnel ID, as the next two
	msgGone   = 0x03
	msgBusy   = 0x04
	msgRetire = 0x05
)

const headerContactKey = "X-Cardea-Contact-Key"

// ID returns the contact ID for hybrid.Linking.
func (c *Contact) ID() (hybrid.ContactID, error) { return hybrid.ContactIDOf(c.Key) }

// Listen makes the phone reachable until ctx ends, and returns its error then.
// It survives the loss of the connection, of the network and of the relay: it
// tries again, more and more slowly. It gives up only when that is no use: with
// ErrContactGone when the contact is retired, and with a *StatusError when the
// relay does not know of contacts or does not take the key. It returns when the
// last call has been dealt with.
func (c *Contact) Listen(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	l := &listener{ctx: ctx, contact: c, answers: map[hybrid.TunnelID]byte{}}
	defer l.calls.Wait()
	defer cancel()
	sleep := c.wait
	if sleep == nil {
		sleep = pause
	}
	for wait := firstWait; ; {
		began := time.Now()
		err := l.session(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.changed(err)
		if isFinal(err) {
			return fmt.Errorf("listening at the relay: %w", err)
		}
		if time.Since(began) >= settled {
			wait = firstWait
		}
		if errors.Is(err, ErrClosed) {
			wait = max(wait, goneWait)
		}
		if err := sleep(ctx, jitter(wait)); err != nil {
			return err
		}
		wait = min(2*wait, longWait)
	}
}

func (c *Contact) changed(err error) {
	if c.Changed != nil {
		c.Changed(err)
	}
}

// isFinal reports whether to try again is no use.
func isFinal(err error) bool {
	var s *StatusError
	if !errors.As(err, &s) {
		return false
	}
	switch s.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return true
	}
	return false
}

// jitter returns between a quarter and all of d.
func jitter(d time.Duration) time.Duration {
	var b [8]byte
	rand.Read(b[:])
	return d/4 + time.Duration(binary.LittleEndian.Uint64(b[:])%uint64(d-d/4+1))
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Retire tells the relay that the contact is dead: clients that call it hear
// so, and forget their links. Do it before the key is thrown away.
func (c *Contact) Retire(ctx context.Context) error {
	conn, err := c.register(ctx)
	if errors.Is(err, ErrContactGone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("retiring the contact: %w", err)
	}
	defer conn.Abort()
	if err := conn.Write(ctx, []byte{msgRetire}); err != nil {
		return fmt.Errorf("retiring the contact: %w", err)
	}
	for {
		if _, err := conn.Read(ctx); errors.Is(err, ErrClosed) {
			return nil // it has understood
		} else if err != nil {
			return fmt.Errorf("retiring the contact: %w", err)
		}
	}
}

func (c *Contact) register(ctx context.Context) (*Conn, error) {
	id, err := c.ID()
	if err != nil {
		return nil, err
	}
	header := http.Header{headerContactKey: {hex.EncodeToString(c.Key.Expose())}}
	conn, _, err := c.Dialer.dial(ctx, c.Service, "/cable/register/"+id.String(), header)
	return conn, err
}
