package tunnel

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cardea/hybrid"
	"cardea/relay"
)

// A switchboard is an address whose relay can be replaced.
type switchboard struct {
	*httptest.Server
	relay atomic.Pointer[relay.Relay]
}

func newSwitchboard(t *testing.T) *switchboard {
	t.Helper()
	s := &switchboard{}
	s.replace()
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.relay.Load().ServeHTTP(w, r) }))
	t.Cleanup(s.Server.Close)
	t.Cleanup(func() { s.replace() })
	return s
}

// replace starts a new relay, which knows nothing, and ends the old one.
func (s *switchboard) replace() {
	old := s.relay.Swap(relay.New(relay.Config{Log: slog.New(slog.DiscardHandler)}))
	if old != nil {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		old.Shutdown(now)
	}
}

func (s *switchboard) dialer() *Dialer {
	return &Dialer{Base: func(string) string { return strings.Replace(s.URL, "http", "ws", 1) }}
}

// A standby is a phone that listens.
type standby struct {
	*Contact
	id      hybrid.ContactID
	changes chan error
	waits   chan time.Duration
	done    chan error
	lose    func() // breaks the connection
}

func listen(t *testing.T, s *switchboard, called func(context.Context, *Call)) *standby {
	t.Helper()
	p := &standby{changes: make(chan error, 100), waits: make(chan time.Duration, 100), done: make(chan error, 1)}
	dialer := s.dialer()
	var nc atomic.Value // the connection made last
	dialer.Client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			nc.Store(c)
		}
		return c, err
	}}}
	p.lose = func() { nc.Load().(net.Conn).Close() }
	p.Contact = &Contact{Dialer: dialer, Service: hybrid.DevelopmentService, Key: hybrid.NewContactKey(),
		Called: called, Changed: func(err error) { p.changes <- err },
		wait: func(ctx context.Context, d time.Duration) error {
			p.waits <- d
			return pause(ctx, time.Millisecond)
		}}
	var err error
	if p.id, err = p.ID(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { p.done <- p.Listen(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err, ok := <-p.done; ok && !errors.Is(err, context.Canceled) {
			t.Errorf("Listen = %v", err)
		}
	})
	if err := <-p.changes; err != nil {
		t.Fatalf("not reachable: %v", err)
	}
	return p
}

// echo accepts a call and sends back what comes, with the payload before it.
func echo(ctx context.Context, call *Call) {
	conn, err := call.Accept(ctx)
	if err != nil {
		return
	}
	defer conn.Close()
	if m, err := conn.Read(ctx); err == nil {
		conn.Write(ctx, append(call.Payload, m...))
		conn.Read(ctx) // until the client is done
	}
}

func callAndTalk(t *testing.T, s *switchboard, id hybrid.ContactID) {
	t.Helper()
	conn, err := s.dialer().Contact(within(t), hybrid.DevelopmentService, id[:], []byte("payload "))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Write(within(t), []byte("message")); err != nil {
		t.Fatal(err)
	}
	if m, err := conn.Read(within(t)); err != nil || string(m) != "payload message" {
		t.Fatalf("received %q, %v", m, err)
	}
}

func TestListeningPhoneIsCalled(t *testing.T) {
	t.Parallel()
	s := newSwitchboard(t)
	p := listen(t, s, echo)
	for range 3 {
		callAndTalk(t, s, p.id)
	}
}

// A relay keeps nothing; the phone's key tells a new one who it is.
func TestListenSurvivesANewRelay(t *testing.T) {
	t.Parallel()
	s := newSwitchboard(t)
	p := listen(t, s, echo)
	for range 3 {
		s.replace()
		if err := <-p.changes; err == nil {
			t.Fatal("the phone did not notice the loss")
		}
		for err := range p.changes {
			if err == nil {
				break
			}
		}
		callAndTalk(t, s, p.id)
	}
}

func TestListenWaitsLongerEachTime(t *testing.T) {
	t.Parallel()
	s := newSwitchboard(t)
	p := listen(t, s, echo)
	s.Server.Listener.Close()
	s.replace()
	for want := goneWait; ; want = min(2*want, longWait) {
		if d := <-p.waits; d < want/4 || d > want {
			t.Fatalf("waited %v, want between %v and %v", d, want/4, want)
		}
		if want == longWait {
			return
		}
	}
}

// A connection that only broke, as when the network changed, is made again at
// once.
func TestListenComesBackSoonFromALoss(t *testing.T) {
	t.Parallel()
	s := newSwitchboard(t)
	p := listen(t, s, echo)
	p.lose()
	if d := <-p.waits; d > firstWait {
		t.Errorf("waited %v, want at most %v", d, firstWait)
	}
	for err := range p.changes {
		if err == nil {
			break
		}
	}
	callAndTalk(t, s, p.id)
}

func TestPhonesAnswerReachesTheClient(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		called func(context.Context, *Call)
		want   error
		status int
	}{
		{"gone", func(ctx context.Context, c *Call) { c.Gone(ctx) }, ErrContactGone, http.StatusGone},
		{"busy", func(ctx context.Context, c *Call) { c.Busy(ctx) }, ErrNoTunnel, http.StatusConflict},
		{"no answer", func(context.Context, *Call) {}, ErrNoTunnel, http.StatusConflict},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSwitchboard(t)
			p := listen(t, s, tt.called)
			_, err := s.dialer().Contact(within(t), hybrid.DevelopmentService, p.id[:], []byte{1})
			var status *StatusError
			if !errors.Is(err, tt.want) || !errors.As(err, &status) || status.Status != tt.status {
				t.Errorf("calling: %v, want %v with %d", err, tt.want, tt.status)
			}
		})
	}
}

func TestCallIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	s := newSwitchboard(t)
	second := make(chan error, 1)
	p := listen(t, s, func(ctx context.Context, c *Call) {
		c.Gone(ctx)
		_, err := c.Accept(ctx)
		second <- err
	})
	s.dialer().Contact(within(t), hybrid.DevelopmentService, p.id[:], []byte{1})
	if err := <-second; !errors.Is(err, errAnswered) {
		t.Errorf("the second answer: %v, want %v", err, errAnswered)
	}
}

func TestRetiredContactEndsListening(t *testing.T) {
	t.Parallel()
	s := newSwitchboard(t)
	p := listen(t, s, echo)
	if err := p.Retire(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := p.Retire(within(t)); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if err := <-p.done; !errors.Is(err, ErrContactGone) {
		t.Errorf("Listen = %v, want %v", err, ErrContactGone)
	}
	close(p.done)
	if _, err := s.dialer().Contact(within(t), hybrid.DevelopmentService, p.id[:], []byte{1}); !errors.Is(err, ErrContactGone) {
		t.Errorf("calling: %v, want %v", err, ErrContactGone)
	}
}

func TestRelayWithoutContactsIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	c := &Contact{Dialer: &Dialer{Base: func(string) string { return srv.URL }}, Service: hybrid.DevelopmentService,
		Key: hybrid.NewContactKey(), Called: echo}
	var status *StatusError
	if err := c.Listen(within(t)); !errors.As(err, &status) || status.Status != http.StatusNotFound {
		t.Errorf("Listen = %v, want status 404", err)
	}
}
