package httpd

import (
	"container/list"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A Limiter lets each client address make so many requests and no more: burst
// at once, then one for every interval that passes. It remembers a fixed number
// of addresses; when there are more, the one that was seen longest ago starts
// afresh. So it holds off a program that tries many things from one place. It
// does not hold off one that has many places, and memory stays bounded.
//
// A Limiter is safe for concurrent use.
type Limiter struct {
	interval time.Duration
	burst    int
	size     int
	now      func() time.Time

	mu    sync.Mutex
	seen  *list.List // of *client, the last seen first
	where map[netip.Prefix]*list.Element
}

type client struct {
	from   netip.Prefix
	bucket *rate.Limiter
}

// NewLimiter returns a Limiter that remembers size addresses. now may be nil.
func NewLimiter(interval time.Duration, burst, size int, now func() time.Time) *Limiter {
	if now == nil {
		now = time.Now
	}
	return &Limiter{
		interval: interval, burst: burst, size: size, now: now,
		seen: list.New(), where: map[netip.Prefix]*list.Element{},
	}
}

// Allow reports whether a request from addr may be answered, and counts it.
func (l *Limiter) Allow(addr netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket(network(addr)).AllowN(l.now(), 1)
}

// network returns what counts as one place: whoever has an IPv6 address has all
// those of the same /64.
func network(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() && !addr.Is4In6() {
		bits = 64
	}
	prefix, err := addr.Prefix(bits)
	if err != nil { // the zero Addr: all who cannot be told apart are one
		return netip.Prefix{}
	}
	return prefix
}

func (l *Limiter) bucket(from netip.Prefix) *rate.Limiter {
	if e, ok := l.where[from]; ok {
		l.seen.MoveToFront(e)
		return e.Value.(*client).bucket
	}
	if l.seen.Len() >= l.size {
		oldest := l.seen.Back()
		delete(l.where, oldest.Value.(*client).from)
		l.seen.Remove(oldest)
	}
	c := &client{from: from, bucket: rate.NewLimiter(rate.Every(l.interval), l.burst)}
	l.where[from] = l.seen.PushFront(c)
	return c.bucket
}

// Take counts r, and returns an *Error with status 429 if its address asks too
// often. Behind proxies, Proxies.Resolve comes first.
func (l *Limiter) Take(w http.ResponseWriter, r *http.Request) error {
	if l.Allow(Proxies(nil).ClientAddress(r)) {
		return nil
	}
	w.Header().Set("Retry-After", "5")
	return &Error{
		Status: http.StatusTooManyRequests, Code: "too_many",
		Public: "That's more tries than we can take at once. Wait a moment, then try again.",
	}
}
