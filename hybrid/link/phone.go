package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"cardea/ctap"
	"cardea/hybrid"
)

// A Phone is the phone's end of a link.
type Phone struct {
	channel  *channel
	command  time.Duration // how long to wait for a command
	progress func(Stage)   // may be nil
	serving  atomic.Bool

	credentials func(context.Context, json.RawMessage) json.RawMessage // may be nil
}

// Serve hands each request to handle and sends its response back, one at a time
// and until the client ends the link. When at least one request was answered,
// it is no failure that no other comes, and Serve returns nil. Otherwise the
// error is an *Error, or context.Canceled, wrapped, when ctx was cancelled. The
// link is over when Serve returns, and it can be called once.
//
// The ctx of handle ends when the client goes away or ctx ends; handle should
// then return soon, and its response is dropped. A phone whose person declines
// answers with a status; it does not cancel ctx. After each response that is on
// its way, Progress is told StageSent.
func (p *Phone) Serve(ctx context.Context, handle func(ctx context.Context, request []byte) (response []byte)) error {
	if p.serving.Swap(true) {
		return errors.New("this phone has served already")
	}
	here, cancel := context.WithCancel(ctx)
	r := &requests{next: make(chan hybrid.Message, 1), done: make(chan struct{}), json: p.credentials != nil}
	go func() {
		defer cancel()
		defer close(r.done)
		r.err = r.receive(here, p.channel)
	}()
	err := p.serve(here, r, handle)
	cancel()
	<-r.done
	if err != nil {
		return fail(ctx, legOf(err), err)
	}
	return nil
}

// serve is the loop of Serve. It returns nil when the client is satisfied.
func (p *Phone) serve(ctx context.Context, r *requests, handle func(context.Context, []byte) []byte) error {
	for answered := 0; ; answered++ {
		request, err := r.wait(p.command)
		if answered > 0 && err != nil && legOf(err) != LegHandshake && !errors.Is(err, context.Canceled) {
			// The client has what it wanted. Some say goodbye, some just go,
			// and some relays drop the line when one side has gone.
			return nil
		}
		if err != nil {
			return fmt.Errorf("waiting for a request: %w", err)
		}
		response := hybrid.Message{Type: request.Type}
		limit := ctap.MaxMessage
		if request.Type == hybrid.MessageJSON {
			response.Body, limit = p.credentials(ctx, request.Body), maxJSON
		} else {
			response.Body = handle(ctx, request.Body)
		}
		if ctx.Err() != nil || r.ended() {
			<-r.done
			return fmt.Errorf("answering a request: %w", r.err)
		}
		if len(response.Body) > limit {
			return fmt.Errorf("response of %d bytes, most are %d", len(response.Body), limit)
		}
		if p.channel.write(ctx, response) != nil {
			awaitEnd(ctx, r.done)
			p.channel.conn.Abort()
			<-r.done
			// The receiver knows better why the tunnel has ended.
			return fmt.Errorf("sending the response: %w", r.err)
		}
		report(p.progress, StageSent)
	}
}

// Close ends the link. A phone sends no shutdown: some clients take it for an
// error.
func (p *Phone) Close() error { return p.channel.conn.Close() }

// errGone says that the client has ended the link.
var errGone error = &onLeg{LegPeer, errors.New("the other device has ended the transaction")}

// requests is what comes from the client while the phone is busy.
type requests struct {
	next chan hybrid.Message
	json bool          // this phone answers them
	done chan struct{} // closed when the receiver has ended
	err  error         // why; to be read after done
}

// receive reads for as long as the tunnel lasts, so that it is noticed at once
// when the client goes away, even while the person is asked.
func (r *requests) receive(ctx context.Context, c *channel) error {
	for {
		m, err := c.read(ctx)
		if err != nil {
			return err
		}
		switch m.Type {
		case hybrid.MessageCTAP, hybrid.MessageJSON:
			if err := r.take(m); err != nil {
				return err
			}
		case hybrid.MessageShutdown:
			return errGone
		default:
			return fmt.Errorf("%w: message of type %d", errProtocol, m.Type)
		}
	}
}

func (r *requests) take(m hybrid.Message) error {
	if m.Type == hybrid.MessageJSON && (!r.json || !json.Valid(m.Body)) {
		return fmt.Errorf("%w: a request for digital credentials that this phone cannot answer", errProtocol)
	}
	select {
	case r.next <- m:
		return nil
	default:
		return fmt.Errorf("%w: a request before the last was answered", errProtocol)
	}
}

func (r *requests) wait(d time.Duration) (hybrid.Message, error) {
	patience := time.NewTimer(d)
	defer patience.Stop()
	select {
	case request := <-r.next:
		return request, nil
	default:
	}
	select {
	case request := <-r.next:
		return request, nil
	case <-r.done:
		return hybrid.Message{}, r.err
	case <-patience.C:
		return hybrid.Message{}, fmt.Errorf("no request: %w", context.DeadlineExceeded)
	}
}

func (r *requests) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}
