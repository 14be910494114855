package tunnel

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"cardea/hybrid"
	"cardea/internal/secret"
)

// A service is one tunnel service for a test: it answers each upgrade as the
// test says.
type service struct {
	*httptest.Server
	requests chan *http.Request
	sockets  chan *websocket.Conn
}

// newService starts a service. header is what it adds to a good answer.
func newService(t *testing.T, header http.Header, subprotocols ...string) *service {
	t.Helper()
	s := &service{requests: make(chan *http.Request, 8), sockets: make(chan *websocket.Conn, 8)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests <- r
		for k, v := range header {
			w.Header()[k] = v
		}
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: subprotocols, InsecureSkipVerify: true})
		if err != nil {
			t.Errorf("Accept: %v", err)
			return
		}
		s.sockets <- c
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) dialer() *Dialer {
	return &Dialer{Base: func(string) string { return strings.Replace(s.URL, "http", "ws", 1) + "/" }}
}

func routing(id string) http.Header {
	return http.Header{http.CanonicalHeaderKey(headerRoutingID): {id}}
}

var sampleID = hybrid.TunnelID{0xab, 0xcd}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestPhoneOpensATunnel(t *testing.T) {
	t.Parallel()
	s := newService(t, routing("4d5888"), Subprotocol)
	conn, r, err := s.dialer().New(within(t), hybrid.DevelopmentService, sampleID)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Abort()
	if r != (hybrid.RoutingID{0x4d, 0x58, 0x88}) {
		t.Errorf("routing ID %x", r)
	}
	request := <-s.requests
	if want := "/cable/new/ABCD0000000000000000000000000000"; request.URL.Path != want {
		t.Errorf("path %s, want %s", request.URL.Path, want)
	}
	if got, want := request.Header.Get("Origin"), "ws://"+request.Host; got != want {
		t.Errorf("origin %q, want %q", got, want)
	}
	if got := request.Header.Get("Sec-WebSocket-Protocol"); got != Subprotocol {
		t.Errorf("subprotocol %q", got)
	}
}

func TestClientJoinsATunnel(t *testing.T) {
	t.Parallel()
	s := newService(t, nil, Subprotocol)
	conn, err := s.dialer().Connect(within(t), hybrid.DevelopmentService, hybrid.RoutingID{9, 10, 11}, sampleID)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Abort()
	if got, want := (<-s.requests).URL.Path, "/cable/connect/090A0B/ABCD0000000000000000000000000000"; got != want {
		t.Errorf("path %s, want %s", got, want)
	}
}

func TestClientContactsALinkedPhone(t *testing.T) {
	t.Parallel()
	s := newService(t, nil, Subprotocol)
	conn, err := s.dialer().Contact(within(t), hybrid.DevelopmentService, []byte{0xff, 0xfe, 0xfd, 0xfc}, []byte{0xa1, 0x03})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Abort()
	request := <-s.requests
	if want := "/cable/contact/__79_A"; request.URL.Path != want {
		t.Errorf("path %s, want %s", request.URL.Path, want)
	}
	if got := request.Header.Get(headerClientPayload); got != "A103" {
		t.Errorf("payload %q", got)
	}
	if got := request.Header.Get(headerSignal); got != "true" {
		t.Errorf("signal %q", got)
	}
}

// The addresses that others have published for the same input.
func TestAddressVectors(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../testdata/eid.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Secret     string
			RoutingID  string         `json:"routing_id"`
			DomainID   hybrid.Service `json:"domain_id"`
			URL        string
			Kind       string
			ConnectURL string `json:"connect_url"`
			NewURL     string `json:"new_url"`
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	seen := 0
	check := func(want string, dial func(*Dialer) error) {
		if want == "" {
			return
		}
		seen++
		asked := ""
		d := &Dialer{Client: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			asked = strings.Replace(r.URL.String(), "https:", "wss:", 1)
			return nil, errors.New("enough")
		})}}
		if err := dial(d); err == nil {
			t.Fatal("dialing a service that is not there succeeded")
		}
		if !strings.EqualFold(asked, want) {
			t.Errorf("asked for %s, want %s", asked, want)
		}
	}
	for _, v := range file.Vectors {
		key, err := hex.DecodeString(v.Secret)
		if err != nil {
			t.Fatal(err)
		}
		id := hybrid.TunnelIDFor(secret.New(key))
		open := func(d *Dialer) error { _, _, err := d.New(t.Context(), v.DomainID, id); return err }
		join := func(d *Dialer) error {
			r, err := hex.DecodeString(v.RoutingID)
			if err != nil {
				t.Fatal(err)
			}
			_, err = d.Connect(t.Context(), v.DomainID, hybrid.RoutingID(r), id)
			return err
		}
		check(v.NewURL, open)
		check(v.ConnectURL, join)
		switch v.Kind {
		case "url_new":
			check(v.URL, open)
		case "url_connect":
			check(v.URL, join)
		}
	}
	if seen < 6 {
		t.Errorf("%d addresses checked, want 6 or more", seen)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestUpgradesAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		header       http.Header
		subprotocols []string
	}{
		{"no subprotocol", routing("010203"), nil},
		{"no routing ID", nil, []string{Subprotocol}},
		{"short routing ID", routing("0102"), []string{Subprotocol}},
		{"long routing ID", routing("01020304"), []string{Subprotocol}},
		{"routing ID that is not hex", routing("01020g"), []string{Subprotocol}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, tt.header, tt.subprotocols...)
			if _, _, err := s.dialer().New(within(t), hybrid.DevelopmentService, sampleID); err == nil {
				t.Error("New succeeded")
			}
		})
	}
}

func TestRefusalsOfTheServiceAreTyped(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]error{
		http.StatusGone:               ErrContactGone,
		http.StatusNotFound:           ErrNoTunnel,
		http.StatusConflict:           ErrNoTunnel,
		http.StatusServiceUnavailable: nil,
		http.StatusOK:                 nil,
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(srv.Close)
		d := &Dialer{Base: func(string) string { return srv.URL }}
		_, err := d.Contact(within(t), hybrid.DevelopmentService, []byte("contact"), nil)
		if s, ok := errors.AsType[*StatusError](err); !ok || s.Status != status {
			t.Errorf("%d: %v, want a StatusError", status, err)
		}
		for _, sentinel := range []error{ErrContactGone, ErrNoTunnel} {
			if got := errors.Is(err, sentinel); got != (sentinel == want) {
				t.Errorf("%d: errors.Is(%v, %v) = %v", status, err, sentinel, got)
			}
		}
	}
}

func TestErrorsKeepTheTunnelSecret(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"ws://127.0.0.1:1", "ws://no-such-host.invalid", "ftp://127.0.0.1", "://", "ws://"} {
		d := &Dialer{Base: func(string) string { return base }}
		_, _, err := d.New(within(t), hybrid.DevelopmentService, sampleID)
		if err == nil {
			t.Fatalf("New at %s succeeded", base)
		}
		if strings.Contains(strings.ToUpper(err.Error()), "ABCD0000") {
			t.Errorf("error names the tunnel: %v", err)
		}
	}
}

func TestServiceWithoutANameIsRefused(t *testing.T) {
	t.Parallel()
	var d Dialer
	if _, _, err := d.New(t.Context(), 2, sampleID); !errors.Is(err, hybrid.ErrNoService) {
		t.Errorf("New at service 2: %v, want ErrNoService", err)
	}
}

func TestServiceMaySendUsOn(t *testing.T) {
	t.Parallel()
	s := newService(t, routing("010203"), Subprotocol)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, s.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(front.Close)
	d := &Dialer{Base: func(string) string { return front.URL }}
	conn, _, err := d.New(within(t), hybrid.DevelopmentService, sampleID)
	if err != nil {
		t.Fatal(err)
	}
	conn.Abort()
	if got := (<-s.requests).Header.Get("Sec-WebSocket-Protocol"); got != Subprotocol {
		t.Errorf("after the redirect the subprotocol is %q", got)
	}
}

func TestServiceMayNotSendUsOnForEver(t *testing.T) {
	t.Parallel()
	asked := 0
	loop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(loop.Close)
	d := &Dialer{Base: func(string) string { return loop.URL }}
	if _, _, err := d.New(within(t), hybrid.DevelopmentService, sampleID); err == nil {
		t.Fatal("New succeeded")
	}
	if asked != maxRedirects+1 {
		t.Errorf("asked %d times, want %d", asked, maxRedirects+1)
	}
}

func TestRedirectMayNotTakeEncryptionAway(t *testing.T) {
	t.Parallel()
	plain := newService(t, routing("010203"), Subprotocol)
	front := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(front.Close)
	d := &Dialer{Base: func(string) string { return front.URL }, Client: front.Client()}
	if _, _, err := d.New(within(t), hybrid.DevelopmentService, sampleID); err == nil {
		t.Error("New followed a redirect to a connection without encryption")
	}
}

// joined returns the two ends of a connection to a service.
func joined(t *testing.T) (here *Conn, there *websocket.Conn) {
	t.Helper()
	s := newService(t, nil, Subprotocol)
	here, err := s.dialer().Connect(within(t), hybrid.DevelopmentService, hybrid.RoutingID{}, sampleID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(here.Abort)
	there = <-s.sockets
	t.Cleanup(func() { there.CloseNow() })
	return here, there
}

func TestMessagesPassWhole(t *testing.T) {
	t.Parallel()
	here, there := joined(t)
	there.SetReadLimit(2 * MaxMessage)
	ctx := within(t)
	for _, size := range []int{0, 1, 100_000, MaxMessage} {
		want := bytes.Repeat([]byte{7}, size)
		if err := here.Write(ctx, want); err != nil {
			t.Fatal(err)
		}
		kind, got, err := there.Read(ctx)
		if err != nil || kind != websocket.MessageBinary || !bytes.Equal(got, want) {
			t.Fatalf("they read %v of %d bytes, %v; want %d", kind, len(got), err, size)
		}
		if err := there.Write(ctx, websocket.MessageBinary, want); err != nil {
			t.Fatal(err)
		}
		if got, err := here.Read(ctx); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("Read = %d bytes, %v; want %d", len(got), err, size)
		}
	}
}

func TestMessagesThatAreTooLargeAreRefused(t *testing.T) {
	t.Parallel()
	here, there := joined(t)
	if err := here.Write(within(t), make([]byte, MaxMessage+1)); err == nil {
		t.Error("Write took more than MaxMessage")
	}
	go there.Write(within(t), websocket.MessageBinary, make([]byte, MaxMessage+1))
	if _, err := here.Read(within(t)); err == nil {
		t.Error("Read took more than MaxMessage")
	}
}

func TestTextIsRefused(t *testing.T) {
	t.Parallel()
	here, there := joined(t)
	if err := there.Write(within(t), websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 1)
	go func() {
		_, err := here.Read(within(t))
		refused <- err
	}()
	if _, _, err := there.Read(within(t)); websocket.CloseStatus(err) != websocket.StatusUnsupportedData {
		t.Errorf("they read %v, want status 1003", err)
	}
	if err := <-refused; err == nil {
		t.Error("Read took a message of text")
	}
}

func TestWaysInWhichATunnelEnds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(*websocket.Conn)
		want error
	}{
		{"the other side closes", func(c *websocket.Conn) { c.Close(websocket.StatusNormalClosure, "") }, ErrClosed},
		{"the other side is gone", func(c *websocket.Conn) { c.Close(websocket.StatusGoingAway, "") }, ErrClosed},
		{"the tunnel has lived too long", func(c *websocket.Conn) { c.Close(websocket.StatusPolicyViolation, "") }, ErrExpired},
		{"the line breaks", func(c *websocket.Conn) { c.CloseNow() }, ErrLost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			here, there := joined(t)
			go tt.end(there)
			_, err := here.Read(within(t))
			for _, sentinel := range []error{ErrClosed, ErrExpired, ErrLost} {
				if got := errors.Is(err, sentinel); got != (sentinel == tt.want) {
					t.Errorf("errors.Is(%v, %v) = %v", err, sentinel, got)
				}
			}
		})
	}
}

func TestEndOfContextEndsTheTunnel(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(*Conn, context.Context) error{
		"Read":  func(c *Conn, ctx context.Context) error { _, err := c.Read(ctx); return err },
		"Write": func(c *Conn, ctx context.Context) error { return c.Write(ctx, []byte("hello")) },
	} {
		here, there := joined(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := use(here, ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v, want context.Canceled", name, err)
		}
		if _, _, err := there.Read(within(t)); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %s the other side reads %v, want the end of the tunnel", name, err)
		}
	}
}

func TestWhatWasWrittenBeforeCloseArrives(t *testing.T) {
	t.Parallel()
	here, there := joined(t)
	if err := here.Write(within(t), []byte("last words")); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- here.Close() }()
	_, got, err := there.Read(within(t))
	if err != nil || string(got) != "last words" {
		t.Errorf("they read %q, %v", got, err)
	}
	if _, _, err := there.Read(within(t)); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("then %v, want status 1000", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := here.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}
