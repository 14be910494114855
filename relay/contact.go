package relay

import (
	"net/http"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/time/rate"

	"cardea/hybrid"
	"cardea/internal/httpd"
)

// What a registered phone and the relay say to each other. Each message is one
// of these bytes and what stands behind it.
const (
	msgCall   = 0x01 // relay: tunnel ID, routing ID, the client's payload
	msgComing = 0x02 // phone: tunnel ID. It will join that tunnel.
	msgGone   = 0x03 // phone: tunnel ID. That client's link has ended: 410.
	msgBusy   = 0x04 // phone: tunnel ID. Not now: 409.
	msgRetire = 0x05 // phone: nothing. This contact ID is dead from now on.
)

// contacts are the phones that can be called. Relay.mu guards it.
type contacts struct {
	phones  map[hybrid.ContactID]*phone
	retired map[hybrid.ContactID]bool
}

// A phone is a registration: the party of a connection that a phone keeps open
// to be called. It outlives the connection by Limits.Reconnect.
type phone struct {
	relay *Relay
	id    hybrid.ContactID

	mu     sync.Mutex
	conn   conn           // nil while the phone is away
	asked  int            // how often it has registered
	round  int            // which of these conn is
	calls  map[name]*call // not answered yet
	credit int            // answers that the phone may still send
	pace   *rate.Limiter  // nil until the first call
	leave  *time.Timer    // while the phone is away
}

// A registration is the party of one of a phone's connections.
type registration struct {
	phone *phone
	round int
}

// errReplaced is what a registration meets that comes after a newer one.
var errReplaced = &breach{ws.StatusPolicyViolation, "the phone has registered again"}

func errRetired() error {
	return httpd.Errorf(http.StatusGone, "That phone is no longer linked.", "contact is retired")
}

// register finds or makes the phone of a contact ID, for its next connection.
func (r *Relay) register(id hybrid.ContactID) (*registration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.contacts.phones[id]
	switch {
	case r.draining:
		return nil, errDraining()
	case r.contacts.retired[id]:
		return nil, errRetired()
	case p != nil:
		return p.nextRound(), nil
	case len(r.contacts.phones) >= r.limits.Phones:
		return nil, httpd.Errorf(http.StatusServiceUnavailable, "This relay is full. Try again in a minute.", "%d phones are registered", len(r.contacts.phones))
	}
	p = &phone{relay: r, id: id}
	p.leave = time.AfterFunc(r.limits.Reconnect, func() { p.forget(0) })
	r.contacts.phones[id] = p
	return p.nextRound(), nil
}

func (p *phone) nextRound() *registration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	return &registration{p, p.asked}
}

// forget takes the phone out of the books, unless it has come back since.
func (p *phone) forget(round int) {
	r := p.relay
	r.mu.Lock()
	defer r.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.round == round && p.conn == nil && r.contacts.phones[p.id] == p {
		delete(r.contacts.phones, p.id)
	}
}

// attach makes c the phone's connection: an older one is closed, and the calls
// that were not answered are made again.
func (g *registration) attach(c conn) error {
	p := g.phone
	c.lock()
	defer c.unlock()
	p.mu.Lock()
	if g.round < p.round {
		p.mu.Unlock()
		return errReplaced
	}
	old := p.conn
	p.conn, p.round = c, g.round
	if p.leave != nil {
		p.leave.Stop()
		p.leave = nil
	}
	var waited []byte
	for n, call := range p.calls {
		waited = appendFrame(waited, ws.OpBinary, call.message(n))
	}
	p.credit = len(p.calls)
	p.mu.Unlock()

	if old != nil {
		old.sendClose(errReplaced.code, errReplaced.reason)
	}
	if !p.relay.registered(p) {
		return errOver
	}
	if len(waited) == 0 {
		return nil
	}
	return c.writeLocked(waited)
}

// registered reports whether p is still in the books, and puts it back if its
// time away ended just as it came.
func (r *Relay) registered(p *phone) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining || r.contacts.retired[p.id] {
		return false
	}
	if r.contacts.phones[p.id] == nil {
		r.contacts.phones[p.id] = p
	}
	return r.contacts.phones[p.id] == p
}

// message takes a phone's answer to a call.
func (g *registration) message(m []byte) (conn, error) {
	p := g.phone
	if len(m) == 1 && m[0] == msgRetire {
		p.retire()
		return nil, &breach{ws.StatusNormalClosure, "this contact is retired"}
	}
	var id [16]byte
	if len(m) != 1+len(id) || m[0] < msgComing || m[0] > msgBusy {
		return nil, &breach{ws.StatusProtocolError, "not an answer to a call"}
	}
	copy(id[:], m[1:])
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.credit--; p.credit < 0 {
		return nil, &breach{ws.StatusPolicyViolation, "more answers than calls"}
	}
	n := name{p.relay.node, id}
	if call := p.calls[n]; call != nil { // else the client has gone since
		delete(p.calls, n)
		call.answer <- m[0]
	}
	return nil, nil
}

// retire makes the phone's contact ID dead for as long as the relay remembers.
func (p *phone) retire() {
	r := p.relay
	r.mu.Lock()
	delete(r.contacts.phones, p.id)
	for id := range r.contacts.retired {
		if len(r.contacts.retired) < r.limits.Retired {
			break
		}
		delete(r.contacts.retired, id) // any: to forget one costs its clients a QR code
	}
	r.contacts.retired[p.id] = true
	r.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	for n, call := range p.calls {
		delete(p.calls, n)
		call.answer <- msgGone
	}
}

// over notes that the phone is away. It has Limits.Reconnect to come back.
func (g *registration) over(err error) breach {
	p := g.phone
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.round == g.round {
		p.conn = nil
		round := g.round
		p.leave = time.AfterFunc(p.relay.limits.Reconnect, func() { p.forget(round) })
	}
	return endingOf(opener, err).tell[opener]
}
