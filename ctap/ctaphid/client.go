package ctaphid

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"cardea/ctap"
)

// Times of the client's end.
const (
	// answerWithin is how long a device may be silent. While it works it sends
	// a KEEPALIVE at least every 100 ms.
	answerWithin = 3 * time.Second
	// cancelWithin is how long a device may take to give up a command.
	cancelWithin = 2 * time.Second
)

// ErrNoCTAP2 says that a device speaks only U2F, the predecessor of CTAP2.
var ErrNoCTAP2 = errors.New("device does not speak CTAP2")

// errSilent is a device that says nothing, not even KEEPALIVE.
var errSilent = errors.New("device does not answer")

// A Client is the client's end of a channel to one device. It is a
// ctap.Device, safe for concurrent use; commands take turns.
type Client struct {
	// OnKeepAlive, if set, is told what the device waits for, again and again
	// while a command is under way. Set it before the first command.
	OnKeepAlive func(Waiting)

	link         *link
	version      [3]byte
	capabilities byte

	turn    chan struct{} // holds a token while a command is under way
	channel Channel
	dirty   bool // a command may still be under way on the channel
}

var _ ctap.Device = (*Client)(nil)

// Open takes over rw and gets a channel of its own on the device behind it.
// Others may use the same device at the same time; what is not for us is
// ignored. If Open fails it has closed rw.
func Open(ctx context.Context, rw io.ReadWriteCloser) (*Client, error) {
	c := &Client{link: newLink(rw), turn: make(chan struct{}, 1)}
	if err := c.initialize(ctx, Broadcast); err != nil {
		c.link.close()
		return nil, fmt.Errorf("opening a channel: %w", err)
	}
	if c.capabilities&capCBOR == 0 {
		c.link.close()
		return nil, ErrNoCTAP2
	}
	return c, nil
}

// Version is the device's own: major, minor and build.
func (c *Client) Version() [3]byte { return c.version }

// CanWink reports whether the device can show itself.
func (c *Client) CanWink() bool { return c.capabilities&capWink != 0 }

// Close closes the device. A command under way fails. Closing twice is
// harmless.
func (c *Client) Close() error { return c.link.close() }

// initialize asks for a channel, or to have the present one cleared.
func (c *Client) initialize(ctx context.Context, on Channel) error {
	var nonce [8]byte
	rand.Read(nonce[:])
	if err := c.link.send(Message{on, Init, nonce[:]}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, answerWithin, errSilent)
	defer cancel()
	for {
		m, err := c.receive(ctx, on)
		switch {
		case err != nil && on == Broadcast && errors.As(err, new(Error)):
			continue // to somebody else who asks for a channel
		case err != nil:
			return err
		case m.Command != Init || len(m.Payload) < 17 || !bytes.Equal(m.Payload[:8], nonce[:]):
			continue // somebody else's, or left over
		}
		p := m.Payload
		c.channel = Channel(binary.BigEndian.Uint32(p[8:]))
		c.version = [3]byte(p[13:16])
		c.capabilities = p[16]
		c.dirty = false
		if c.channel == Reserved || c.channel == Broadcast {
			return fmt.Errorf("device gave out channel %#x", uint32(c.channel))
		}
		return nil
	}
}

// Send implements ctap.Device. An error that is an Error is the device's; the
// end of ctx cancels the command, and Send returns once the device has given
// it up.
func (c *Client) Send(ctx context.Context, request []byte) (response []byte, err error) {
	m, err := c.exchange(ctx, CBOR, request)
	if err != nil {
		return nil, err
	}
	if len(m.Payload) == 0 {
		return nil, errors.New("empty response")
	}
	return m.Payload, nil
}

// SpeaksU2F reports whether Message is for this device.
func (c *Client) SpeaksU2F() bool { return c.capabilities&capNMSG == 0 }

// Message sends one U2F message and returns the answer, status word and all.
func (c *Client) Message(ctx context.Context, request []byte) (response []byte, err error) {
	m, err := c.exchange(ctx, Msg, request)
	return m.Payload, err
}

// Ping has the device send data back, and returns what came.
func (c *Client) Ping(ctx context.Context, data []byte) ([]byte, error) {
	m, err := c.exchange(ctx, Ping, data)
	return m.Payload, err
}

// Wink has the device show itself.
func (c *Client) Wink(ctx context.Context) error {
	_, err := c.exchange(ctx, Wink, nil)
	return err
}

// exchange sends a command and returns its answer.
func (c *Client) exchange(ctx context.Context, cmd Command, data []byte) (Message, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return Message{}, ctx.Err()
	}
	if c.dirty {
		if err := c.initialize(ctx, c.channel); err != nil {
			return Message{}, fmt.Errorf("clearing the channel: %w", err)
		}
	}
	if err := c.link.send(Message{c.channel, cmd, data}); err != nil {
		return Message{}, fmt.Errorf("%v: %w", cmd, err)
	}
	m, err := c.answer(ctx, cmd)
	if err != nil && ctx.Err() != nil && !errors.As(err, new(Error)) {
		c.giveUp(cmd)
		return Message{}, ctx.Err()
	}
	if err != nil {
		// Whatever it was, the next command should not meet its remains.
		c.dirty = !errors.As(err, new(Error))
		return Message{}, fmt.Errorf("%v: %w", cmd, err)
	}
	return m, nil
}

// answer waits for the answer to cmd through any number of KEEPALIVEs.
func (c *Client) answer(ctx context.Context, cmd Command) (Message, error) {
	for {
		soon, cancel := context.WithTimeoutCause(ctx, answerWithin, errSilent)
		m, err := c.receive(soon, c.channel)
		cancel()
		switch {
		case err != nil:
			return m, err
		case m.Command == cmd:
			return m, nil
		case m.Command == KeepAlive && len(m.Payload) == 1:
			if c.OnKeepAlive != nil {
				c.OnKeepAlive(Waiting(m.Payload[0]))
			}
		default:
			return m, fmt.Errorf("device answered with %v", m.Command)
		}
	}
}

// giveUp cancels a command and waits until the device has ended it.
func (c *Client) giveUp(cmd Command) {
	c.dirty = true
	if cmd != CBOR || c.link.send(Message{c.channel, Cancel, nil}) != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), cancelWithin)
	defer cancel()
	for {
		m, err := c.receive(ctx, c.channel)
		switch {
		case err != nil && !errors.As(err, new(Error)):
			return
		case err != nil || m.Command == cmd:
			c.dirty = false
			return
		}
	}
}

// receive returns the next whole message on a channel. An ERROR message is
// returned as its Error; the end of ctx as its cause.
func (c *Client) receive(ctx context.Context, on Channel) (Message, error) {
	var partial *assembly
	for {
		var r Report
		select {
		case <-ctx.Done():
			return Message{}, context.Cause(ctx)
		case <-c.link.failed:
			return Message{}, c.link.err
		case r = <-c.link.reports:
		}
		var err error
		switch {
		case r.channel() != on, partial == nil && !r.isInit():
			continue // for another client, or left over
		case r.isInit():
			partial, err = begin(&r)
		default:
			err = partial.add(&r)
		}
		switch {
		case err != nil:
			return Message{}, fmt.Errorf("device broke the protocol: %v", err)
		case !partial.complete():
			continue
		case partial.message.Command == ErrorCmd && partial.want == 1:
			return Message{}, Error(partial.message.Payload[0])
		}
		return partial.message, nil
	}
}
