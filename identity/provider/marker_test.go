package provider

import (
	"net/url"
	"testing"
	"time"

	"cardea/internal/secret"
)

func FuzzMarker(f *testing.F) {
	key, now := secret.New(make([]byte, 32)), time.Unix(1_790_000_000, 0)
	request := url.Values{"state": {"s"}, "prompt": {"login"}}
	good := newMarker(key, request, now)
	f.Add(good)
	f.Add("")
	f.Add(good[:len(good)-1])
	f.Fuzz(func(t *testing.T, marker string) {
		since, ok := markerTime(key, request, marker, now)
		if ok && (marker != good || !since.Equal(now)) {
			t.Errorf("markerTime(%q) = %v", marker, since)
		}
	})
}

func TestEveryPrefixOfAMarkerFails(t *testing.T) {
	t.Parallel()
	key, now := secret.Random(32), time.Unix(1_790_000_000, 0)
	request := url.Values{"state": {"s"}}
	good := newMarker(key, request, now)
	for n := range good {
		if _, ok := markerTime(key, request, good[:n], now); ok {
			t.Errorf("the first %d characters are taken for a marker", n)
		}
	}
	if since, ok := markerTime(key, request, good, now.Add(time.Minute)); !ok || !since.Equal(now) {
		t.Errorf("markerTime() = %v, %v; want %v", since, ok, now)
	}
	if _, ok := markerTime(secret.Random(32), request, good, now); ok {
		t.Error("marker of another server is accepted")
	}
	// The marker travels in the request that it belongs to.
	request.Set(paramMarker, good)
	if _, ok := markerTime(key, request, good, now); !ok {
		t.Error("marker does not fit the request that carries it")
	}
}
