package relay

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/time/rate"

	"cardea/hybrid"
	"cardea/internal/httpd"
)

// A call is a client that waits for a phone's word.
type call struct {
	tunnel  *tunnel
	payload []byte
	answer  chan byte // one of msgComing, msgGone, msgBusy
}

// message is what a phone is told of a call.
func (c *call) message(n name) []byte {
	m := append([]byte{msgCall}, n.id[:]...)
	m = append(m, n.routing[:]...)
	return append(m, c.payload...)
}

// call asks the phone of a contact ID to join a new tunnel, and waits for its
// word. The tunnel's opener is on its way, as after open.
func (r *Relay) call(ctx context.Context, id hybrid.ContactID, payload []byte) (*tunnel, error) {
	r.mu.Lock()
	p, retired := r.contacts.phones[id], r.contacts.retired[id]
	r.mu.Unlock()
	switch {
	case retired:
		return nil, errRetired()
	case p == nil:
		return nil, httpd.Errorf(http.StatusServiceUnavailable, "That phone cannot be reached now.", "contact is not registered")
	}
	var tunnelID [16]byte
	rand.Read(tunnelID[:])
	t, err := r.makeTunnel(tunnelID)
	if err != nil {
		return nil, err
	}
	c := &call{t, payload, make(chan byte, 1)}
	if err := p.deliver(c); err != nil {
		t.end(both("not opened", ws.StatusGoingAway, "the phone is busy"))
		return nil, err
	}
	r.count.calls.Add(1)
	return t, p.wait(ctx, c)
}

// deliver tells the phone of a call. If the phone is away it hears of it when
// it comes back.
func (p *phone) deliver(c *call) error {
	limits := &p.relay.limits
	p.mu.Lock()
	if p.pace == nil {
		p.pace = rate.NewLimiter(rate.Limit(limits.CallRate), limits.CallBurst)
	}
	if len(p.calls) >= limits.Calls || !p.pace.AllowN(time.Now(), 1) {
		p.mu.Unlock()
		return httpd.Errorf(http.StatusTooManyRequests, "That phone is being called too often. Try again in a moment.", "too many calls")
	}
	if p.calls == nil {
		p.calls = map[name]*call{}
	}
	p.calls[c.tunnel.name] = c
	to := p.conn
	if to != nil {
		p.credit++
	}
	p.mu.Unlock()
	if to != nil {
		// If this fails the phone is on its way out; it hears of the call when
		// it is back.
		passOn(to, appendFrame(nil, ws.OpBinary, c.message(c.tunnel.name)))
	}
	return nil
}

// wait returns nil when the phone is coming, and what to tell the client
// otherwise. The tunnel is over then.
func (p *phone) wait(ctx context.Context, c *call) error {
	ctx, cancel := context.WithTimeout(ctx, p.relay.limits.Answer)
	defer cancel()
	var answer byte
	select {
	case answer = <-c.answer:
	case <-ctx.Done():
	case <-p.relay.closing:
	}
	p.mu.Lock()
	delete(p.calls, c.tunnel.name)
	p.mu.Unlock()
	var err error
	outcome := "refused by phone"
	switch answer {
	case msgComing:
		return nil
	case msgGone:
		err = httpd.Errorf(http.StatusGone, "That phone is no longer linked.", "the phone has ended the link")
	case msgBusy:
		err = httpd.Errorf(http.StatusConflict, "That phone is busy. Try again in a moment.", "the phone is busy")
	default:
		outcome = "phone silent"
		err = httpd.Errorf(http.StatusServiceUnavailable, "That phone does not answer.", "the phone does not answer")
	}
	c.tunnel.end(both(outcome, ws.StatusGoingAway, "the phone does not come"))
	return err
}
