package relay

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"

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
	running   sync.WaitGroup // connections and timers at work

	mu       sync.Mutex
	tunnels  map[name]*tunnel
	draining bool
	closed   bool
	empty    chan struct{} // closed when draining and the last tunnel ended
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
	}
	if r.log == nil {
		r.log = slog.Default()
	}
	if r.addressOf == nil {
		r.addressOf = remoteAddress
	}
	r.addresses = newAddresses(&r.limits)
	r.handler = httpd.Wrap(r.route, httpd.PlainError)
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

// Shutdown ends the relay. It refuses new tunnels, ends those that nobody has
// joined, lets the joined ones finish until ctx ends, closes what is left with
// 1001, and returns when every connection is closed.
func (r *Relay) Shutdown(ctx context.Context) {
	going := both("shutdown", ws.StatusGoingAway, "the relay is going away")
	for _, t := range r.drain() {
		if !t.taken() {
			t.end(going)
		}
	}
	select {
	case <-r.empty:
	case <-ctx.Done():
	}
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	var ending sync.WaitGroup
	for _, t := range r.drain() {
		ending.Go(func() { t.end(going) })
	}
	ending.Wait()
	r.running.Wait()
}

// drain refuses new tunnels from now on and returns those there are.
func (r *Relay) drain() []*tunnel {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.draining {
		r.draining = true
		if len(r.tunnels) == 0 {
			close(r.empty)
		}
	}
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

// open makes a tunnel whose opener is on its way.
func (r *Relay) open(id [16]byte) (*tunnel, error) {
	n := name{r.node, id}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.draining:
		return nil, httpd.Errorf(http.StatusServiceUnavailable, "This relay is going away. Try again.", "draining")
	case r.tunnels[n] != nil:
		return nil, httpd.Errorf(http.StatusConflict, "There is a tunnel of that name.", "tunnel %s is open", n.label())
	case len(r.tunnels) >= r.limits.Tunnels:
		return nil, httpd.Errorf(http.StatusServiceUnavailable, "This relay is full. Try again in a minute.", "%d tunnels are open", len(r.tunnels))
	}
	t := newTunnel(r, n)
	r.tunnels[n] = t
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
