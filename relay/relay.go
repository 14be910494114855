package relay

import (
	"cardea/hybrid"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"cardea/internal/httpd"
)

// Config is what a Relay needs to know. The zero Config is usable.
type Config struct {
	Limits Limits

	// Node is the routing ID that this node gives out: the part of an
	// advertisement by which a cluster finds the node that has the tunnel. It
	// is no secret.
	Node [3]byte

	// Mode is how idle connections are kept. The zero Mode is Goroutines.
	Mode Mode

	// Peers are the other nodes of a cluster by their routing IDs, as base URLs
	// like "http://10.0.0.2:8481". A request for a tunnel or a phone of theirs
	// is passed on to them. They must take this node's X-Forwarded-For.
	Peers map[[3]byte]string

	// Log receives one record for each tunnel that ends. Nil is slog.Default.
	Log *slog.Logger

	// Address says where a request comes from. Nil takes the peer's address.
	// Set it only behind a proxy whose header can be trusted.
	Address func(*http.Request) netip.Addr
}

// A Relay is a tunnel service: an http.Handler for /cable/… and /healthz. It is
// safe for concurrent use. Whoever made it calls Close or Shutdown;
// http.Server.Shutdown knows nothing of WebSockets.
type Relay struct {
	limits    Limits
	node      [3]byte
	log       *slog.Logger
	addressOf func(*http.Request) netip.Addr
	handler   http.Handler
	addresses *addresses
	poller    *poller // nil with goroutines
	peers     *peers  // nil without
	count     counts
	open      atomic.Int64   // connections
	running   sync.WaitGroup // connections and timers at work
	closing   chan struct{}  // closed when draining begins
	ended     chan struct{}  // closed when draining is over

	mu       sync.Mutex
	tunnels  map[name]*tunnel
	contacts contacts
	draining bool
	closed   bool
	empty    chan struct{} // closed when draining and the last tunnel ended
}

// A Mode is how a Relay keeps connections that say nothing.
type Mode int

const (
	// Goroutines gives each connection a goroutine. It works with every kind
	// of connection and on every system.
	Goroutines Mode = iota

	// Epoll lets a goroutine for every two processors wait for all connections. It
	// is for Linux and for TCP that is not encrypted. Elsewhere the relay falls
	// back to Goroutines; other connections than TCP it takes too, but at more
	// cost than with Goroutines.
	Epoll
)

// ParseMode reads "goroutines" or "epoll".
func ParseMode(text string) (Mode, error) {
	switch text {
	case "goroutines":
		return Goroutines, nil
	case "epoll":
		return Epoll, nil
	}
	return 0, fmt.Errorf("mode %q: want goroutines or epoll", text)
}

// New returns a Relay with no tunnels.
func New(cfg Config) *Relay {
	r := &Relay{
		limits:    cfg.Limits.orDefaults(),
		node:      cfg.Node,
		log:       cfg.Log,
		addressOf: cfg.Address,
		tunnels:   map[name]*tunnel{},
		empty:     make(chan struct{}),
		closing:   make(chan struct{}),
		ended:     make(chan struct{}),
		contacts:  contacts{phones: map[hybrid.ContactID]*phone{}, retired: map[hybrid.ContactID]bool{}},
	}
	r.count.began = time.Now()
	if r.log == nil {
		r.log = slog.Default()
	}
	if r.addressOf == nil {
		r.addressOf = remoteAddress
	}
	r.addresses = newAddresses(&r.limits)
	r.peers = newPeers(r.node, cfg.Peers)
	if cfg.Mode == Epoll {
		var err error
		if r.poller, err = newPoller(); err != nil {
			r.log.Warn("no epoll here: every connection gets a goroutine", "error", err)
		}
	}
	r.handler = httpd.Wrap(r.counted, httpd.PlainError)
	return r
}

// ServeHTTP answers a request. It returns once the WebSocket is open; the
// tunnel lives on.
func (r *Relay) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.handler.ServeHTTP(w, req) }

// Tunnels returns how many tunnels are open, joined or waiting.
func (r *Relay) Tunnels() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.tunnels)
}

// Close is Shutdown with the time of Limits.Drain.
func (r *Relay) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), r.limits.Drain)
	defer cancel()
	r.Shutdown(ctx)
}

// Shutdown ends the relay. It does what Drain does, closes with 1001 what is
// left when ctx ends, and returns when every connection is closed.
func (r *Relay) Shutdown(ctx context.Context) {
	r.Drain(ctx)
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.ended)
	}
	r.mu.Unlock()
	var ending sync.WaitGroup
	for _, t := range r.all() {
		ending.Go(func() { t.end(goingAway()) })
	}
	ending.Wait()
	r.running.Wait()
	r.poller.close()
}

func goingAway() ending {
	return both("shutdown", ws.StatusGoingAway, "the relay is going away")
}

// Drain refuses new tunnels, ends those that nobody has joined, tells the
// registered phones to go elsewhere, and lets the joined tunnels finish until
// ctx ends. Health says so meanwhile. The listener must stay open: an end of a
// tunnel may be on its way.
func (r *Relay) Drain(ctx context.Context) {
	r.beginDrain()
	for _, t := range r.all() {
		if !t.taken() {
			t.end(goingAway())
		}
	}
	select {
	case <-r.empty:
	case <-ctx.Done():
	}
}

func (r *Relay) beginDrain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return
	}
	r.draining = true
	close(r.closing)
	if len(r.tunnels) == 0 {
		close(r.empty)
	}
	for _, p := range r.contacts.phones {
		p.mu.Lock()
		if c := p.conn; c != nil {
			r.running.Go(func() { c.sendClose(ws.StatusGoingAway, "the relay is going away") })
		}
		p.mu.Unlock()
	}
}

// all returns the tunnels there are.
func (r *Relay) all() []*tunnel {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ts []*tunnel
	for _, t := range r.tunnels {
		ts = append(ts, t)
	}
	return ts
}

// enter counts a goroutine that Shutdown waits for. It reports false when it is
// too late to begin.
func (r *Relay) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.running.Add(1)
	return true
}

func errDraining() error {
	return httpd.Errorf(http.StatusServiceUnavailable, "This relay is going away. Try again.", "draining")
}

// makeTunnel makes a tunnel whose opener is on its way.
func (r *Relay) makeTunnel(id [16]byte) (*tunnel, error) {
	n := name{r.node, id}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.draining:
		return nil, errDraining()
	case r.tunnels[n] != nil:
		return nil, httpd.Errorf(http.StatusConflict, "There is a tunnel of that name.", "tunnel %s is open", n.label())
	case len(r.tunnels) >= r.limits.Tunnels:
		return nil, httpd.Errorf(http.StatusServiceUnavailable, "This relay is full. Try again in a minute.", "%d tunnels are open", len(r.tunnels))
	}
	t := newTunnel(r, n)
	r.tunnels[n] = t
	r.count.opened.Add(1)
	return t, nil
}

// join finds a tunnel and takes its free end.
func (r *Relay) join(n name) (*tunnel, error) {
	r.mu.Lock()
	t := r.tunnels[n]
	r.mu.Unlock()
	if t == nil {
		return nil, httpd.Errorf(http.StatusNotFound, "There is no such tunnel.", "no tunnel %s at %s", n.label(), hex.EncodeToString(n.routing[:]))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ends[joiner].taken {
		return nil, httpd.Errorf(http.StatusConflict, "That tunnel has both its ends.", "tunnel %s is joined", n.label())
	}
	t.ends[joiner].taken = true
	return t, nil
}

// forget takes an ended tunnel out of the books.
func (r *Relay) forget(t *tunnel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.tunnels, t.name)
	if r.draining && len(r.tunnels) == 0 {
		select {
		case <-r.empty:
		default:
			close(r.empty)
		}
	}
}

// Connections returns how many WebSockets are open.
func (r *Relay) Connections() int64 { return r.open.Load() }
