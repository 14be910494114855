package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"cardea/authenticator"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/tunnel"
)

// beCalled makes the phone reachable for the computers that are linked with it,
// while there are any, until ctx ends. Links that have ended it reports to the
// relay.
func (a *App) beCalled(ctx context.Context) {
	if a.links == nil {
		return
	}
	for ctx.Err() == nil {
		listen, retiring, turned := a.links.reach()
		here, cancel := context.WithCancel(ctx)
		var work sync.WaitGroup
		if listen != nil {
			work.Go(func() { a.listen(here, *listen) })
		}
		for _, k := range retiring {
			work.Go(func() { a.retire(here, k) })
		}
		select {
		case <-turned:
		case <-ctx.Done():
		}
		cancel()
		work.Wait()
		a.reachable(errNotCalled)
	}
}

// errNotCalled says that there was no attempt yet.
var errNotCalled = errors.New("not connected yet")

// reachable notes whether computers can call.
func (a *App) reachable(err error) {
	a.mu.Lock()
	a.unreachable = err
	a.mu.Unlock()
	a.news.tell()
}

// listen takes calls until ctx ends. A relay that says that the contact is
// retired, although links are here, has heard so from a copy of this phone: they
// have ended.
func (a *App) listen(ctx context.Context, k contactKey) {
	c := k.at(a.cfg.Tunnel)
	c.Called = a.called
	c.Changed = func(err error) {
		a.reachable(err)
		if err != nil {
			a.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "linked computers can't call", slog.Any("error", err))
		}
	}
	err := c.Listen(ctx)
	if errors.Is(err, tunnel.ErrContactGone) {
		err = errors.Join(err, a.links.forgetAll())
	}
	if ctx.Err() == nil {
		a.reachable(err)
		a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "linked computers can no longer call", slog.Any("error", err))
	}
}

// How a relay is told of the end of a contact.
const (
	retireTimeout = 20 * time.Second
	retireAgain   = time.Minute // and then twice as long each time
	retireSeldom  = time.Hour
)

// retire tells the relay that a contact is dead. It tries until it has: a
// computer that does not hear it would call in vain for ever.
func (a *App) retire(ctx context.Context, k contactKey) {
	for wait := retireAgain; ; wait = min(2*wait, retireSeldom) {
		trying, cancel := context.WithTimeout(ctx, retireTimeout)
		err := k.at(a.cfg.Tunnel).Retire(trying)
		cancel()
		var refused *tunnel.StatusError
		hopeless := errors.As(err, &refused) && refused.Status >= http.StatusBadRequest && refused.Status < http.StatusInternalServerError &&
			refused.Status != http.StatusTooManyRequests
		if err == nil || hopeless {
			if err := a.links.retired(k); err != nil {
				a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "forgetting a contact", slog.Any("error", err))
			}
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// comeFor is how long a computer that has called has to be found by it, and
// found. It waits no longer than that itself.
const comeFor = 40 * time.Second

// called deals with the call of a computer. Until the handshake is done anybody
// may have called who has seen an earlier call, such as the relay: the person is
// asked nothing before, and the screen stays free.
func (a *App) called(ctx context.Context, c *tunnel.Call) {
	call, err := hybrid.ParseCall(c.Payload)
	if err != nil {
		a.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "a call that cannot be read", slog.Any("error", err))
		return // which says that the phone is busy
	}
	computer, ok := a.links.find(call.LinkID)
	if !ok {
		_ = c.Gone(ctx) // if it does not get through, it is asked again
		return
	}
	if a.busy() || isCredentials(call.Hint) {
		_ = c.Busy(ctx)
		return
	}
	if err := a.meet(ctx, c, call, computer); err != nil {
		a.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "call of a linked computer", slog.Any("error", err))
	}
}

// meet joins a computer that has called, and has the person asked.
func (a *App) meet(ctx context.Context, c *tunnel.Call, call hybrid.Call, computer linkedComputer) error {
	if a.cfg.Advertiser == nil {
		a.missed(computer, link.LegRadio)
		return c.Busy(ctx)
	}
	offer, err := a.links.offer(computer.ID, a.cfg.DeviceName)
	if err != nil {
		return err
	}
	defer offer.Secret.Wipe()
	var t *transaction // nil until it is on the screen
	cfg := a.answerConfig(func(s link.Stage) {
		if t != nil {
			a.reached(t, s)
		}
	})
	cfg.Timeouts.Find = comeFor
	phone, err := link.AnswerCall(ctx, link.Linked{Call: call, Offer: offer, Join: c.Accept}, cfg)
	if err != nil {
		var broken *link.Error
		if errors.As(err, &broken) {
			a.missed(computer, broken.Leg)
		}
		return err
	}
	defer phone.Close()
	t, err = a.begin(&transaction{hint: call.Hint, stage: link.StageReady, computer: computer.Name})
	if err != nil {
		return err // somebody was faster meanwhile
	}
	if err := a.links.edit(computer.ID, func(c *linkedComputer) { c.Used = a.cfg.Now() }); err != nil {
		a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "noting a call", slog.Any("error", err))
	}
	return a.carry(ctx, t, func(context.Context) (*link.Phone, error) { return phone, nil })
}

// busy reports whether there is a transaction, or an end of all.
func (a *App) busy() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tx != nil && a.tx.running()
}

// missed notes that a computer has called in vain. Repetitions of it count as
// one: a caller who has proved nothing must not push other things out of the
// person's sight.
func (a *App) missed(c linkedComputer, leg link.Leg) {
	what := outcomeCallLost
	switch leg {
	case link.LegRadio:
		what = outcomeCallRadio
	case link.LegAdvert:
		what = outcomeCallFar
	}
	a.activity.addOnce(Event{At: a.cfg.Now(), Caller: linkedCaller(c.Name), Outcome: what})
	a.news.tell()
}

// linkedCaller is who asks when a computer has called: the name is the
// person's own.
func linkedCaller(name string) authenticator.Caller {
	return authenticator.Caller{Via: authenticator.ViaHybrid, Name: name}
}

// offerLink has cfg give a link to the computer that t is with. Where that fails
// the transaction goes on without.
func (a *App) offerLink(ctx context.Context, t *transaction, cfg *link.AnswerConfig) {
	id := newLink()
	offer, err := a.links.offer(id, a.cfg.DeviceName)
	if err != nil {
		a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "linking a computer", slog.Any("error", err))
		return
	}
	cfg.Link = &offer
	a.update(t, func(t *transaction) { t.link = &id })
}

// remember keeps the link that t gave once a passkey was used or saved. Who
// said no, or gave up, does not want the computer back.
func (a *App) remember(ctx context.Context, t *transaction) {
	a.mu.Lock()
	id := t.link
	if id == nil || !t.good() {
		a.mu.Unlock()
		return
	}
	t.link = nil
	a.mu.Unlock()
	name, err := a.links.keep(*id, a.cfg.Now())
	if err != nil {
		a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "remembering a computer", slog.Any("error", err))
		return
	}
	a.activity.add(Event{At: a.cfg.Now(), Caller: linkedCaller(name), Outcome: outcomeLinked})
	a.update(t, func(t *transaction) { t.remembered = name })
}

// unlink ends the link that t gave and that was not kept.
func (a *App) unlink(ctx context.Context, t *transaction) {
	a.mu.Lock()
	given := t.link != nil
	t.link = nil
	a.mu.Unlock()
	if !given {
		return
	}
	if err := a.links.unwanted(); err != nil {
		a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "ending a link", slog.Any("error", err))
	}
}
