package relay_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"cardea/internal/httpd"
	"cardea/relay"
)

// cluster returns nodes 000001 and 000002, which know each other.
func cluster(t *testing.T, limits relay.Limits) (one, two *house) {
	t.Helper()
	nodes := [][3]byte{{0, 0, 1}, {0, 0, 2}}
	var relays [2]atomic.Pointer[relay.Relay]
	var houses [2]*house
	for i := range houses {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { relays[i].Load().ServeHTTP(w, r) }))
		t.Cleanup(srv.Close)
		houses[i] = &house{url: srv.URL, log: &syncBuffer{}}
	}
	trusted, err := httpd.ParseProxies([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range houses {
		h.relay = relay.New(relay.Config{Node: nodes[i], Mode: testMode(t), Limits: limits, Address: trusted.ClientAddress,
			Peers: map[[3]byte]string{nodes[1-i]: houses[1-i].url}})
		relays[i].Store(h.relay)
		t.Cleanup(func() {
			now, cancel := context.WithCancel(context.Background())
			cancel()
			h.relay.Shutdown(now)
		})
	}
	return houses[0], houses[1]
}

func TestTunnelOfAnotherNodeIsReachedThroughThisOne(t *testing.T) {
	t.Parallel()
	one, two := cluster(t, relay.Limits{})
	phone := one.mustDial(t, "/cable/new/"+tunnelA)
	client := two.mustDial(t, "/cable/connect/000001/"+tunnelA)
	send(t, client, "from far")
	if got := receive(t, phone); got != "from far" {
		t.Errorf("received %q", got)
	}
	send(t, phone, strings.Repeat("x", 70000))
	if got := receive(t, client); len(got) != 70000 {
		t.Errorf("received %d bytes", len(got))
	}
	phone.Close(1000, "")
	if got := closeCode(t, client); got != 1000 {
		t.Errorf("close code = %d, want 1000", got)
	}
	two.wantRefused(t, "/cable/connect/000001/"+tunnelB, 404)
	two.wantRefused(t, "/cable/connect/000003/"+tunnelA, 404) // nobody's
}

func TestLinkedPhoneIsFoundWhereverItAsks(t *testing.T) {
	t.Parallel()
	one, two := cluster(t, relay.Limits{})
	for i := range 8 { // some are kept by one node, some by the other
		at, from := one, two
		if i%2 == 0 {
			at, from = two, one
		}
		phone := newLinked(t, at)
		calling := from.call(t, phone.id.String())
		tunnel, routing := phone.ring(t)
		send(t, phone.ws, "\x02"+tunnel)
		client := wantStatus(t, calling, 101)
		end := one.join(t, tunnel, routing)
		send(t, client, "hello")
		if got := receive(t, end); got != "hello" {
			t.Errorf("received %q", got)
		}
	}
}

func TestRequestsDoNotGoRoundInCircles(t *testing.T) {
	t.Parallel()
	one, _ := cluster(t, relay.Limits{})
	_, resp, err := one.dial(t, "/cable/connect/000002/"+tunnelA, http.Header{"X-Cardea-Forwarded": {"000002"}})
	if err == nil || resp == nil || resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("passed on twice: %v, %v; want 421", resp, err)
	}
}

func TestUnreachableNodeIsSaidToBe(t *testing.T) {
	t.Parallel()
	gone := relay.New(relay.Config{Node: [3]byte{0, 0, 1}, Peers: map[[3]byte]string{{0, 0, 2}: "http://127.0.0.1:1"}})
	srv := httptest.NewServer(gone)
	t.Cleanup(srv.Close)
	t.Cleanup(gone.Close)
	(&house{url: srv.URL}).wantRefused(t, "/cable/connect/000002/"+tunnelA, http.StatusBadGateway)
}

// An address's share counts across the nodes it comes through.
func TestAddressIsHeldToItsShareThroughAnotherNode(t *testing.T) {
	t.Parallel()
	one, two := cluster(t, relay.Limits{PerAddress: 3})
	one.mustDial(t, "/cable/new/"+tunnelA)
	two.mustDial(t, "/cable/connect/000001/"+tunnelA)
	one.mustDial(t, "/cable/new/"+tunnelB)
	two.wantRefused(t, "/cable/connect/000001/"+tunnelB, 429)
}
