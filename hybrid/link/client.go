package link

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"cardea/ctap"
	"cardea/hybrid"
)

// A Client is the client's end of a link. It is a ctap.Device for one command
// at a time; most phones answer one and then close.
type Client struct {
	channel *channel
	info    ctap.Info
	getInfo []byte           // as a response: status and map; nil without CTAP
	offers  []string         // features
	wants   string           // the feature without which the phone is of no use
	private *ecdh.PrivateKey // nil unless a link is wanted
	service hybrid.Service   // where the phone is

	stop      context.CancelFunc
	responses chan hybrid.Message
	done      chan struct{} // closed when the receiver has ended
	err       error         // why; to be read after done

	closed atomic.Bool

	mu      sync.Mutex
	waiting hybrid.MessageType // of the request on its way; zero if there is none
	linking *hybrid.Link
}

var _ ctap.Device = (*Client)(nil)

// Info returns what the phone has told about itself. It is empty if the phone
// does not offer hybrid.FeatureCTAP.
func (c *Client) Info() ctap.Info { return c.info }

// Offers reports whether the phone has a feature, such as hybrid.FeatureDC.
func (c *Client) Offers(feature string) bool { return slices.Contains(c.offers, feature) }

// run starts the receiver. Close ends it and waits for it.
func (c *Client) run() {
	c.responses = make(chan hybrid.Message, 1)
	c.done = make(chan struct{})
	// The receiver outlives the call of Dial: it answers the relay's pings and
	// notices that the phone has gone, whether or not a command is under way.
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	go func() {
		defer close(c.done)
		c.err = c.receive(ctx)
	}()
}

// receive sorts what the phone sends until the tunnel ends.
func (c *Client) receive(ctx context.Context) error {
	for {
		m, err := c.channel.read(ctx)
		if err != nil {
			return err
		}
		switch m.Type {
		case hybrid.MessageCTAP, hybrid.MessageJSON:
			if !c.takeResponse(m) {
				return fmt.Errorf("%w: a response to nothing", errProtocol)
			}
		case hybrid.MessageUpdate:
			c.takeUpdate(m.Body)
		case hybrid.MessageShutdown:
			// Only a client may send this; some phones do it all the same.
			return &onLeg{LegPeer, errors.New("the phone has ended the transaction")}
		default:
			return fmt.Errorf("%w: message of type %d", errProtocol, m.Type)
		}
	}
}

func (c *Client) takeResponse(response hybrid.Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting != response.Type {
		return false
	}
	c.waiting = 0
	c.responses <- response // has room: each request takes its one
	return true
}

// takeUpdate keeps the link that an update may carry. An update is never a
// reason to end a transaction: it says nothing about the command.
func (c *Client) takeUpdate(body []byte) {
	u, err := hybrid.ParseUpdate(body)
	if err != nil {
		return
	}
	c.keepLinking(u.Linking)
}

func (c *Client) keepLinking(l *hybrid.Linking) {
	if l == nil || c.private == nil || l.Verify(c.private, c.channel.session.Hash()) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := l.Link(c.service)
	c.linking = &kept
}

// Linking returns the link that the phone has given, if the invitation asked
// for one and its signature is good. A phone may give it at any time before the
// tunnel ends; it is safe for concurrent use.
func (c *Client) Linking() (hybrid.Link, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.linking == nil {
		return hybrid.Link{}, false
	}
	return *c.linking, true
}

// Send carries a request to the phone and waits for its response, a status byte
// and a map. There is no cancelling but by closing: when ctx ends, so does the
// link. getInfo is answered here, from what the phone said at the beginning,
// as some phones do not answer it again.
//
// An error of the way is an *Error. After Close it is ErrClosed, and when ctx
// was cancelled it is context.Canceled, wrapped.
func (c *Client) Send(ctx context.Context, request []byte) (response []byte, err error) {
	if c.getInfo == nil {
		return nil, &Error{Leg: LegPeer, Err: ErrNoPasskeys}
	}
	if bytes.Equal(request, []byte{byte(ctap.CmdGetInfo)}) {
		return bytes.Clone(c.getInfo), nil
	}
	if len(request) > ctap.MaxMessage {
		return nil, fmt.Errorf("request of %d bytes, most are %d", len(request), ctap.MaxMessage)
	}
	return c.exchange(ctx, hybrid.Message{Type: hybrid.MessageCTAP, Body: request})
}

// SendJSON carries a request of the Digital Credentials API to the phone and
// waits for the response; neither is looked into, but that both are JSON. Its
// errors are those of Send. A phone that does not offer hybrid.FeatureDC is not
// asked.
func (c *Client) SendJSON(ctx context.Context, request json.RawMessage) (response json.RawMessage, err error) {
	switch {
	case !c.Offers(hybrid.FeatureDC):
		return nil, &Error{Leg: LegPeer, Err: ErrNoCredentials}
	case !json.Valid(request):
		return nil, errors.New("request is no JSON")
	case len(request) > maxJSON:
		return nil, fmt.Errorf("request of %d bytes, most are %d", len(request), maxJSON)
	}
	body, err := c.exchange(ctx, hybrid.Message{Type: hybrid.MessageJSON, Body: request})
	if err == nil && !json.Valid(body) {
		return nil, &Error{Leg: LegHandshake, Err: fmt.Errorf("%w: a response that is no JSON", errProtocol)}
	}
	return body, err
}

// exchange sends a request and waits for the response of its type.
func (c *Client) exchange(ctx context.Context, request hybrid.Message) ([]byte, error) {
	if err := c.beginRequest(request.Type); err != nil {
		return nil, err
	}
	if err := c.channel.write(ctx, request); err != nil {
		awaitEnd(ctx, c.done)
		c.abort()
		if ctx.Err() == nil {
			err = c.err // the receiver knows better why the tunnel has ended
		}
		return nil, c.fail(ctx, fmt.Errorf("sending the request: %w", err))
	}
	select {
	case response := <-c.responses:
		return response.Body, nil
	case <-c.done:
		return c.lastResponse(ctx)
	case <-ctx.Done():
		c.abort()
		return nil, c.fail(ctx, fmt.Errorf("waiting for the response: %w", ctx.Err()))
	}
}

func (c *Client) beginRequest(t hybrid.MessageType) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed.Load() {
		return ErrClosed
	}
	if c.waiting != 0 {
		return errors.New("a request is under way")
	}
	c.waiting = t
	return nil
}

// lastResponse takes a response that came just before the tunnel ended.
func (c *Client) lastResponse(ctx context.Context) ([]byte, error) {
	select {
	case response := <-c.responses:
		return response.Body, nil
	default:
		return nil, c.fail(ctx, fmt.Errorf("waiting for the response: %w", c.err))
	}
}

// fail says what ended a Send: our own Close, ctx, or the way.
func (c *Client) fail(ctx context.Context, err error) error {
	if c.closed.Load() {
		return ErrClosed
	}
	return fail(ctx, legOf(err), err)
}

// Linger tells the phone that no command will follow, and stays until the phone
// closes or ctx ends: a client that asked for a link gives the phone time to
// send one. Then it closes.
func (c *Client) Linger(ctx context.Context) error {
	if err := c.shutdown(); err == nil {
		select {
		case <-c.done:
		case <-ctx.Done():
		}
	}
	return c.Close()
}

// Close tells the phone that no command will follow and ends the link. It may
// be called more than once, and while a Send is waiting.
func (c *Client) Close() error {
	defer c.abort()
	if c.shutdown() != nil {
		return nil // the phone has gone first, which is as good
	}
	return c.channel.conn.Close()
}

// shutdown sends the last message, once.
func (c *Client) shutdown() error {
	if c.closed.Swap(true) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	return c.channel.write(ctx, hybrid.Message{Type: hybrid.MessageShutdown})
}

// abort ends the tunnel at once and waits for the receiver.
func (c *Client) abort() {
	c.channel.conn.Abort()
	c.stop()
	<-c.done
}
