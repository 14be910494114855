package httpd

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestLimiterLetsBurstThenOneForEachInterval(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	l := NewLimiter(time.Second, 3, 10, func() time.Time { return now })
	for i := range 3 {
		if !l.Allow(addr("192.0.2.1")) {
			t.Fatalf("request %d of the burst is refused", i+1)
		}
	}
	if l.Allow(addr("192.0.2.1")) {
		t.Error("request after the burst is allowed")
	}
	if !l.Allow(addr("192.0.2.2")) {
		t.Error("another address is refused")
	}
	now = now.Add(time.Second)
	if !l.Allow(addr("192.0.2.1")) {
		t.Error("request after an interval is refused")
	}
	if l.Allow(addr("192.0.2.1")) {
		t.Error("second request after one interval is allowed")
	}
}

func TestLimiterTakesOneNetworkOfIPv6ForOnePlace(t *testing.T) {
	t.Parallel()
	l := NewLimiter(time.Hour, 1, 10, nil)
	if !l.Allow(addr("2001:db8::1")) || l.Allow(addr("2001:db8::2")) {
		t.Error("two addresses of one /64 are not one place")
	}
	if !l.Allow(addr("2001:db8:0:1::1")) {
		t.Error("another /64 is refused")
	}
}

func TestLimiterForgetsTheOldestFirst(t *testing.T) {
	t.Parallel()
	l := NewLimiter(time.Hour, 1, 2, nil)
	l.Allow(addr("192.0.2.1"))
	l.Allow(addr("192.0.2.2"))
	if l.Allow(addr("192.0.2.1")) { // seen again: now .2 is the oldest
		t.Fatal("second request is allowed")
	}
	l.Allow(addr("192.0.2.3"))
	if len(l.where) != 2 || l.seen.Len() != 2 {
		t.Errorf("remembers %d addresses, want 2", len(l.where))
	}
	if l.Allow(addr("192.0.2.1")) {
		t.Error("address seen lately was forgotten")
	}
	if !l.Allow(addr("192.0.2.2")) {
		t.Error("address seen longest ago was not forgotten")
	}
}

func TestTooManyRequestsAre429(t *testing.T) {
	t.Parallel()
	l := NewLimiter(time.Hour, 1, 10, nil)
	h := Wrap(l.Take, PlainError)
	if w := get(h, "/"); w.Code != http.StatusOK {
		t.Errorf("first answer = %d, want 200", w.Code)
	}
	if w := get(h, "/"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("second answer = %d, Retry-After %q; want 429 and a time", w.Code, w.Header().Get("Retry-After"))
	}
}

func TestLimiterWithoutAddressCountsAllAsOne(t *testing.T) {
	t.Parallel()
	l := NewLimiter(time.Hour, 1, 10, nil)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "@"
	a := Proxies(nil).ClientAddress(r)
	if !l.Allow(a) || l.Allow(a) {
		t.Error("requests from nowhere are not counted together")
	}
}
