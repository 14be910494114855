package relay

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"cardea/internal/httpd"
)

// remoteAddress is the address of the peer itself.
func remoteAddress(req *http.Request) netip.Addr {
	ap, _ := netip.ParseAddrPort(req.RemoteAddr)
	return ap.Addr()
}

// household is what counts as one address: an IPv4 address, or the /64 that an
// IPv6 host can choose its addresses from. Requests without an address share
// one household.
func household(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, _ := a.Prefix(64)
		return p.Addr()
	}
	return a
}

// addresses keeps what each address holds and how fast it asks.
type addresses struct {
	limits *Limits

	mu    sync.Mutex
	books map[netip.Addr]*book
	swept time.Time
}

type book struct {
	open int
	rate *rate.Limiter
}

func newAddresses(l *Limits) *addresses {
	return &addresses{limits: l, books: map[netip.Addr]*book{}}
}

// mayAsk takes one request from the address's allowance.
func (a *addresses) mayAsk(from netip.Addr, now time.Time) error {
	from = household(from)
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.books[from]
	if b == nil {
		// At most once a second: a flood must not buy a walk per request.
		if len(a.books) >= a.limits.Addresses && now.Sub(a.swept) >= time.Second {
			a.sweep(now)
		}
		if len(a.books) >= a.limits.Addresses {
			return httpd.Errorf(http.StatusServiceUnavailable, "This relay is busy. Try again in a minute.", "%d addresses are active", len(a.books))
		}
		b = &book{rate: rate.NewLimiter(rate.Limit(a.limits.Rate), a.limits.Burst)}
		a.books[from] = b
	}
	if !b.rate.AllowN(now, 1) {
		return httpd.Errorf(http.StatusTooManyRequests, "That was too fast. Try again in a moment.", "address asks too fast")
	}
	return nil
}

// sweep forgets addresses that would be treated the same if they were new.
func (a *addresses) sweep(now time.Time) {
	a.swept = now
	for addr, b := range a.books {
		if b.open == 0 && b.rate.TokensAt(now) >= float64(a.limits.Burst) {
			delete(a.books, addr)
		}
	}
}

// hold counts a connection of the address until the book is given to release.
func (a *addresses) hold(from netip.Addr) (*book, error) {
	from = household(from)
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.books[from]
	if b == nil { // swept since mayAsk: it was idle
		b = &book{rate: rate.NewLimiter(rate.Limit(a.limits.Rate), a.limits.Burst)}
		a.books[from] = b
	}
	if b.open >= a.limits.PerAddress {
		return nil, httpd.Errorf(http.StatusTooManyRequests, "Too many connections from your network. Try again in a minute.", "address holds %d connections", b.open)
	}
	b.open++
	return b, nil
}

func (a *addresses) release(b *book) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b.open--
}
