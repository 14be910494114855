package link_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cardea/ctap"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/radio/air"
	"cardea/hybrid/tunnel"
	"cardea/relay"
)

// A world is a room with one radio in it, and a relay.
type world struct {
	air    *air.Air
	tunnel *tunnel.Dialer
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return worldOf(t, serve)
}

// worldOf is a world whose relay is served in a way of the test's own.
func worldOf(t testing.TB, serve func(testing.TB, http.Handler) *tunnel.Dialer) *world {
	t.Helper()
	r := relay.New(relay.Config{
		Log: slog.New(slog.DiscardHandler),
		// A benchmark comes more often than a person.
		Limits: relay.Limits{Rate: 1e6, Burst: 1e6, Messages: 1e9, Bytes: 1e15, Controls: 1e9},
	})
	w := &world{air: air.New(), tunnel: serve(t, r)}
	t.Cleanup(r.Close)
	return w
}

// serve starts a relay and returns how to reach it.
func serve(t testing.TB, h http.Handler) *tunnel.Dialer {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return dialerTo(srv.URL)
}

func dialerTo(url string) *tunnel.Dialer {
	return &tunnel.Dialer{Base: func(string) string { return strings.Replace(url, "http", "ws", 1) }}
}

// nowhere is a relay that cannot be reached.
var nowhere = dialerTo("http://127.0.0.1:1")

func (w *world) dialConfig() link.DialConfig {
	return link.DialConfig{Scanner: w.air, Tunnel: w.tunnel}
}

var phoneInfo = ctap.Info{
	Versions:   []string{"FIDO_2_0", "FIDO_2_1"},
	AAGUID:     make([]byte, 16),
	Options:    map[string]bool{"rk": true, "uv": true},
	Transports: []string{"internal", "hybrid"},
}

func (w *world) answerConfig() link.AnswerConfig {
	return link.AnswerConfig{Advertiser: w.air, Tunnel: w.tunnel, Service: hybrid.DevelopmentService, Info: phoneInfo}
}

func invite(t testing.TB) *hybrid.Invitation {
	t.Helper()
	inv, err := hybrid.NewInvitation(hybrid.HintGetAssertion)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// scan reads the code of an invitation as a phone does.
func scan(t testing.TB, inv *hybrid.Invitation) hybrid.QR {
	t.Helper()
	qr, err := hybrid.ParseQR(inv.Text())
	if err != nil {
		t.Fatal(err)
	}
	return qr
}

// within bounds what must not take long, so that a test that hangs says where.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// echo answers a request with status OK and the request itself.
func echo(_ context.Context, request []byte) []byte { return append([]byte{0}, request...) }

// servePhone answers qr and serves until the client has gone. The channel gets
// the error of whichever failed.
func servePhone(ctx context.Context, qr hybrid.QR, cfg link.AnswerConfig, handle func(context.Context, []byte) []byte) <-chan error {
	done := make(chan error, 1)
	go func() {
		p, err := link.Answer(ctx, qr, cfg)
		if err != nil {
			done <- err
			return
		}
		err = p.Serve(ctx, handle)
		done <- errors.Join(err, p.Close())
	}()
	return done
}

// connect joins a client to a phone that serves with handle.
func (w *world) connect(t testing.TB, handle func(context.Context, []byte) []byte) (*link.Client, <-chan error) {
	t.Helper()
	inv := invite(t)
	served := servePhone(t.Context(), scan(t, inv), w.answerConfig(), handle)
	c, err := link.Dial(within(t), inv, w.dialConfig())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, served
}

// stages collects what a Progress function is told.
type stages struct {
	mu   sync.Mutex
	seen []link.Stage
}

func (s *stages) report(stage link.Stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, stage)
}

func (s *stages) all() []link.Stage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// wantLeg checks where an error says it happened.
func wantLeg(t testing.TB, err error, leg link.Leg) {
	t.Helper()
	e, ok := errors.AsType[*link.Error](err)
	if !ok {
		t.Errorf("error %v, want one on the leg %q", err, leg)
		return
	}
	if e.Leg != leg {
		t.Errorf("error on the leg %q, want %q: %v", e.Leg, leg, err)
	}
}

// wantSilence checks that nothing is being advertised.
func (w *world) wantSilence(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// The air hands out what it holds before it looks at anything else, and
	// the advertisement of the test's own comes last.
	mark := []byte("the end of the list")
	stop, err := w.air.Advertise(ctx, mark)
	if errors.Is(err, hybrid.ErrRadioOff) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	err = w.air.Scan(ctx, func(data []byte) bool {
		if string(data) == string(mark) {
			return true
		}
		t.Errorf("still on the air: %x", data)
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
}
