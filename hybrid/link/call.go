package link

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"cardea/hybrid"
	"cardea/hybrid/noise"
	"cardea/hybrid/tunnel"
)

// Call does the client's half of a transaction with a phone that was linked
// before, without a QR code. The phone's service wakes it, it advertises, and
// what follows is as after Dial. hint is what the phone will be asked for.
//
// The error wraps tunnel.ErrContactGone if the phone has ended the link, which
// the caller then forgets. After any other the link may still be good: the
// phone is off, or its person did not want. A QR code is always another way.
// Errors are otherwise those of Dial, and so are the stages, but that
// StageConnected comes before StageHeard.
func Call(ctx context.Context, l hybrid.Link, hint hybrid.Hint, cfg DialConfig) (*Client, error) {
	cfg.Timeouts = cfg.Timeouts.withDefaults(findClient)
	if cfg.Tunnel == nil {
		cfg.Tunnel = &tunnel.Dialer{}
	}
	call := hybrid.NewCall(l, hint)
	key := hybrid.EIDKeyFor(l.Secret, call.Nonce[:])
	defer key.Wipe()

	conn, eid, err := cfg.wake(ctx, l, call, key)
	if err != nil {
		return nil, err
	}
	report(cfg.Progress, StageHeard)

	psk := hybrid.PSKFor(l.Secret, eid)
	defer psk.Wipe()
	c := &Client{service: l.Service, wants: featureFor(hint)}
	if err := cfg.greet(ctx, c, noise.NewNK(l.Identity, psk), conn); err != nil {
		return nil, err
	}
	return c, nil
}

// wake asks the service to wake the phone, and listens for it from before that
// on: a phone that is awake answers at once. Whichever of the two fails ends
// the other.
//
// While the client listens it also reads: a phone that answers and goes before
// it was heard has most likely no Bluetooth, and that is told at once.
func (cfg *DialConfig) wake(ctx context.Context, l hybrid.Link, call hybrid.Call, key hybrid.EIDKey) (conn, hybrid.EID, error) {
	both, cancel := context.WithCancel(ctx)
	defer cancel()
	listening := *cfg
	listening.Progress = nil // told below: it is called by one goroutine

	var (
		work    sync.WaitGroup
		eid     hybrid.EID
		called  *early
		deaf    error
		unheard error
		awake   = make(chan struct{})
		found   = make(chan struct{})
	)
	work.Go(func() {
		defer close(found)
		if eid, deaf = listening.hear(both, key); deaf != nil {
			cancel()
		}
	})
	work.Go(func() {
		defer close(awake)
		c, err := cfg.contact(both, l, call)
		if err != nil {
			unheard = err
			cancel()
			return
		}
		called = readEarly(c)
	})
	<-awake
	if called != nil {
		report(cfg.Progress, StageConnected)
		report(cfg.Progress, StageWaiting)
		select {
		case <-called.ended:
			cancel() // the phone will not be heard any more
		case <-found:
		}
	}
	work.Wait()
	if deaf == nil && unheard == nil {
		return called, eid, nil
	}
	if called != nil {
		unheard = called.whyUnheard(ctx)
		called.Abort()
	}
	// Of two errors one is only that the other has ended both.
	err := unheard
	if err == nil || errors.Is(err, context.Canceled) && !errors.Is(deaf, context.Canceled) {
		err = deaf
	}
	return nil, eid, err
}

func (cfg *DialConfig) contact(ctx context.Context, l hybrid.Link, call hybrid.Call) (*tunnel.Conn, error) {
	connecting, cancel := context.WithTimeout(ctx, cfg.Timeouts.Connect)
	defer cancel()
	conn, err := cfg.Tunnel.Contact(connecting, l.Service, l.ContactID, call.Encode())
	if err == nil {
		return conn, nil
	}
	if errors.Is(err, tunnel.ErrContactGone) || errors.Is(err, tunnel.ErrNoTunnel) {
		return nil, fail(ctx, LegPeer, err)
	}
	return nil, fail(ctx, LegRelay, err)
}

// Linked is what a phone needs to answer a Call: who called, and what the two
// share.
type Linked struct {
	Call  hybrid.Call
	Offer hybrid.LinkOffer // as it was given; Secret and Identity are used
	// Join takes the phone's place in the tunnel to which the service has
	// called it.
	Join func(ctx context.Context) (*tunnel.Conn, error)
}

// AnswerCall does the phone's half of a Call. It joins the tunnel, advertises
// until the client has heard, completes the handshake, and says what this phone
// is. Of cfg, Tunnel, Service and Link are not used. Errors and stages are
// those of Answer.
//
// A call proves nothing about who calls: only the handshake does. The person
// should be asked nothing before AnswerCall has returned, lest a stranger who
// knows the contact can bother them.
func AnswerCall(ctx context.Context, who Linked, cfg AnswerConfig) (*Phone, error) {
	cfg.Timeouts = cfg.Timeouts.withDefaults(findPhone)
	joining, cancel := context.WithTimeout(ctx, cfg.Timeouts.Connect)
	defer cancel()
	conn, err := who.Join(joining)
	if err != nil {
		return nil, fail(ctx, LegRelay, fmt.Errorf("joining the tunnel: %w", err))
	}
	report(cfg.Progress, StageConnected)

	eid := hybrid.NewCallEID()
	key := hybrid.EIDKeyFor(who.Offer.Secret, who.Call.Nonce[:])
	defer key.Wipe()
	psk := hybrid.PSKFor(who.Offer.Secret, eid)
	defer psk.Wipe()
	m := meeting{advert: key.Seal(eid), handshake: func() *noise.Responder { return noise.AnswerNK(who.Offer.Identity, psk) }}
	p, err := cfg.meet(ctx, m, conn)
	if err != nil {
		conn.Abort()
		return nil, err
	}
	report(cfg.Progress, StageReady)
	return p, nil
}
