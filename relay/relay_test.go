package relay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"cardea/internal/httpd"
	"cardea/relay"
)

const (
	tunnelA = "95074c89b06c2eb6bd4d79566d38dbf0"
	tunnelB = "0123456789abcdef0123456789abcdef"
)

// A house is a relay behind the request log, on a real socket.
type house struct {
	relay *relay.Relay
	url   string // http://127.0.0.1:port
	log   *syncBuffer
}

func open(t testing.TB, cfg relay.Config) *house {
	t.Helper()
	h := &house{log: &syncBuffer{}}
	log := slog.New(slog.NewJSONHandler(h.log, nil))
	if cfg.Log == nil {
		cfg.Log = log
	}
	cfg.Mode = testMode(t)
	h.relay = relay.New(cfg)
	srv := httptest.NewServer(httpd.Log(log, h.relay))
	h.url = srv.URL
	t.Cleanup(func() {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		h.relay.Shutdown(now)
		srv.Close()
	})
	return h
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// dial opens a WebSocket with a client that is not ours.
func (h *house) dial(t testing.TB, path string, header http.Header) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, resp, err := websocket.Dial(ctx, h.url+path, &websocket.DialOptions{
		Subprotocols: []string{"fido.cable"}, HTTPHeader: header,
	})
	if err == nil {
		c.SetReadLimit(-1)
		t.Cleanup(func() { c.CloseNow() })
	}
	return c, resp, err
}

func (h *house) mustDial(t testing.TB, path string) *websocket.Conn {
	t.Helper()
	c, _, err := h.dial(t, path, nil)
	if err != nil {
		t.Fatalf("dialling %s: %v", path, err)
	}
	return c
}

// pair opens tunnel id and joins it.
func (h *house) pair(t testing.TB, id string) (phone, client *websocket.Conn) {
	t.Helper()
	phone = h.mustDial(t, "/cable/new/"+id)
	return phone, h.mustDial(t, "/cable/connect/000000/"+id)
}

func send(t testing.TB, c *websocket.Conn, message string) {
	t.Helper()
	if err := c.Write(t.Context(), websocket.MessageBinary, []byte(message)); err != nil {
		t.Fatalf("sending: %v", err)
	}
}

func receive(t testing.TB, c *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	kind, b, err := c.Read(ctx)
	if err != nil {
		t.Fatalf("receiving: %v", err)
	}
	if kind != websocket.MessageBinary {
		t.Fatalf("received a %v message, want binary", kind)
	}
	return string(b)
}

// closeCode reads until the connection ends and returns the relay's code.
func closeCode(t testing.TB, c *websocket.Conn) websocket.StatusCode {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		if _, _, err := c.Read(ctx); err != nil {
			if code := websocket.CloseStatus(err); code != -1 {
				t.Log(err)
				return code
			}
			t.Fatalf("connection ended without a close frame: %v", err)
		}
	}
}

func TestMessagesPassBothWays(t *testing.T) {
	t.Parallel()
	phone, client := open(t, relay.Config{}).pair(t, tunnelA)
	for _, m := range []string{"first", "", strings.Repeat("x", 125), strings.Repeat("y", 126), strings.Repeat("z", 70000)} {
		send(t, client, m)
		if got := receive(t, phone); got != m {
			t.Fatalf("phone received %d bytes, want the %d that were sent", len(got), len(m))
		}
		send(t, phone, m)
		if got := receive(t, client); got != m {
			t.Fatalf("client received %d bytes, want the %d that were sent", len(got), len(m))
		}
	}
}

func TestBoundariesAreKept(t *testing.T) {
	t.Parallel()
	phone, client := open(t, relay.Config{}).pair(t, tunnelA)
	want := []string{"a", "bc", "", "def", "g"}
	for _, m := range want {
		send(t, client, m)
	}
	var got []string
	for range want {
		got = append(got, receive(t, phone))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("messages (-want +got):\n%s", d)
	}
}

func TestPhoneIsToldTheRoutingIDOfTheNode(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{Node: [3]byte{0x4d, 0x58, 0xff}})
	phone, resp, err := h.dial(t, "/cable/new/"+strings.ToUpper(tunnelA), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("X-caBLE-Routing-ID"); got != "4d58ff" {
		t.Errorf("routing ID = %q, want 4d58ff", got)
	}
	if got := resp.Header.Values("Sec-WebSocket-Protocol"); !cmp.Equal(got, []string{"fido.cable"}) {
		t.Errorf("sub-protocol = %q, want fido.cable alone", got)
	}
	// Opened with upper case, joined with lower and mixed.
	client := h.mustDial(t, "/cable/connect/4D58fF/"+tunnelA)
	send(t, client, "hello")
	if got := receive(t, phone); got != "hello" {
		t.Errorf("received %q, want hello", got)
	}
}

func TestOneOfSeveralSubprotocolsIsChosen(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	c, _, err := websocket.Dial(t.Context(), h.url+"/cable/new/"+tunnelA, &websocket.DialOptions{
		Subprotocols: []string{"chat", "fido.cable"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if c.Subprotocol() != "fido.cable" {
		t.Errorf("sub-protocol = %q, want fido.cable", c.Subprotocol())
	}
}

func TestOriginIsNotLookedAt(t *testing.T) {
	t.Parallel()
	_, _, err := open(t, relay.Config{}).dial(t, "/cable/new/"+tunnelA, http.Header{"Origin": {"wss://elsewhere.example"}})
	if err != nil {
		t.Error(err)
	}
}

func TestRequestsThatAreNotForARelay(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	upgrade := func(more ...string) http.Header {
		hd := http.Header{
			"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"WebSocket"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Protocol": {"fido.cable"},
		}
		for i := 0; i < len(more); i += 2 {
			hd.Del(more[i])
			if more[i+1] != "" {
				hd.Set(more[i], more[i+1])
			}
		}
		return hd
	}
	for _, tt := range []struct {
		name, method, path string
		header             http.Header
		want               int
	}{
		{"another method", "POST", "/cable/new/" + tunnelA, upgrade(), 405},
		{"another method on join", "HEAD", "/cable/connect/000000/" + tunnelA, upgrade(), 405},
		{"another method on health", "POST", "/healthz", nil, 405},
		{"no path", "GET", "/", upgrade(), 404},
		{"no verb", "GET", "/cable/", upgrade(), 404},
		{"another verb", "GET", "/cable/open/" + tunnelA, upgrade(), 404},
		{"verb in upper case", "GET", "/cable/NEW/" + tunnelA, upgrade(), 404},
		{"short tunnel ID", "GET", "/cable/new/" + tunnelA[2:], upgrade(), 404},
		{"long tunnel ID", "GET", "/cable/new/" + tunnelA + "00", upgrade(), 404},
		{"tunnel ID not hex", "GET", "/cable/new/" + tunnelA[:30] + "zz", upgrade(), 404},
		{"something behind the tunnel ID", "GET", "/cable/new/" + tunnelA + "/", upgrade(), 404},
		{"double slash", "GET", "/cable//new/" + tunnelA, upgrade(), 404},
		{"no routing ID", "GET", "/cable/connect/" + tunnelA, upgrade(), 404},
		{"short routing ID", "GET", "/cable/connect/0000/" + tunnelA, upgrade(), 404},
		{"no such tunnel", "GET", "/cable/connect/000000/" + tunnelB, upgrade(), 404},
		{"no upgrade", "GET", "/cable/new/" + tunnelB, nil, 400},
		{"upgrade to something else", "GET", "/cable/new/" + tunnelB, upgrade("Upgrade", "h2c"), 400},
		{"no connection header", "GET", "/cable/new/" + tunnelB, upgrade("Connection", "keep-alive"), 400},
		{"version 8", "GET", "/cable/new/" + tunnelB, upgrade("Sec-Websocket-Version", "8"), 400},
		{"no key", "GET", "/cable/new/" + tunnelB, upgrade("Sec-Websocket-Key", ""), 400},
		{"short key", "GET", "/cable/new/" + tunnelB, upgrade("Sec-Websocket-Key", "dGhlIHNhbXBsZQ=="), 400},
		{"no sub-protocol", "GET", "/cable/new/" + tunnelB, upgrade("Sec-Websocket-Protocol", ""), 400},
		{"another sub-protocol", "GET", "/cable/new/" + tunnelB, upgrade("Sec-Websocket-Protocol", "chat, FIDO.cable"), 400},
		{"contact without payload", "GET", "/cable/contact/AAEC", upgrade(), 400},
		{"contact with payload not hex", "GET", "/cable/contact/AAEC", upgrade("X-caBLE-Client-Payload", "a1zz"), 400},
		{"contact of another relay's kind", "GET", "/cable/contact/AAEC", upgrade("X-caBLE-Client-Payload", "a10102"), 410},
		{"contact that is not there", "GET", "/cable/contact/AAECAwQFBgcICQoLDA0ODw", upgrade("X-caBLE-Client-Payload", "a10102"), 503},
		{"contact with a long payload", "GET", "/cable/contact/AAECAwQFBgcICQoLDA0ODw", upgrade("X-caBLE-Client-Payload", strings.Repeat("a1", 1025)), 400},
		{"register without a key", "GET", "/cable/register/AAECAwQFBgcICQoLDA0ODw", upgrade(), 403},
		{"register with another's key", "GET", "/cable/register/AAECAwQFBgcICQoLDA0ODw", upgrade("X-Cardea-Contact-Key", strings.Repeat("a1", 32)), 403},
		{"register with a key not hex", "GET", "/cable/register/AAECAwQFBgcICQoLDA0ODw", upgrade("X-Cardea-Contact-Key", "zz"), 400},
		{"register a short ID", "GET", "/cable/register/AAEC", upgrade("X-Cardea-Contact-Key", strings.Repeat("a1", 32)), 404},
		{"contact without ID", "GET", "/cable/contact/", upgrade("X-caBLE-Client-Payload", "a10102"), 404},
		{"contact with padding", "GET", "/cable/contact/AAE=", upgrade("X-caBLE-Client-Payload", "a10102"), 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), tt.method, h.url+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.header != nil {
				req.Header = tt.header
			}
			resp, err := http.DefaultTransport.RoundTrip(req) // no redirects
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != tt.want {
				t.Errorf("%s %s = %d, want %d", tt.method, tt.path, resp.StatusCode, tt.want)
			}
			if tt.want == 405 && resp.Header.Get("Allow") != "GET" {
				t.Errorf("Allow = %q, want GET", resp.Header.Get("Allow"))
			}
		})
	}
	if n := h.relay.Tunnels(); n != 0 {
		t.Errorf("%d tunnels are open, want none", n)
	}
}

// wantRefused dials and expects an HTTP status.
func (h *house) wantRefused(t *testing.T, path string, want int) {
	t.Helper()
	_, resp, err := h.dial(t, path, nil)
	if err == nil || resp == nil || resp.StatusCode != want {
		t.Errorf("dialling %s: response %v, error %v; want status %d", path, resp, err, want)
	}
}

func TestTunnelIDInUseIsRefused(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	h.mustDial(t, "/cable/new/"+tunnelA)
	h.wantRefused(t, "/cable/new/"+strings.ToUpper(tunnelA), 409)
	h.mustDial(t, "/cable/new/"+tunnelB)
}

func TestThirdEndIsRefused(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	phone, client := h.pair(t, tunnelA)
	h.wantRefused(t, "/cable/connect/000000/"+tunnelA, 409)
	send(t, client, "still ours")
	if got := receive(t, phone); got != "still ours" {
		t.Errorf("received %q after a third end knocked", got)
	}
}

func TestAnotherNodesTunnelIsNotFound(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	h.mustDial(t, "/cable/new/"+tunnelA)
	h.wantRefused(t, "/cable/connect/000001/"+tunnelA, 404)
}

func TestEndedTunnelIsNotFoundAndItsIDIsFree(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	phone, client := h.pair(t, tunnelA)
	phone.Close(websocket.StatusNormalClosure, "")
	closeCode(t, client)
	h.wantRefused(t, "/cable/connect/000000/"+tunnelA, 404)
	h.mustDial(t, "/cable/new/"+tunnelA)
}

func TestEarlyMessagesWaitInOrder(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	phone := h.mustDial(t, "/cable/new/"+tunnelA)
	for i := range 6 {
		send(t, phone, fmt.Sprint("early ", i))
	}
	// A ping is answered after what was sent before it has been taken in.
	go phone.Read(context.Background())
	if err := phone.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	client := h.mustDial(t, "/cable/connect/000000/"+tunnelA)
	send(t, phone, "late")
	for i := range 6 {
		if got, want := receive(t, client), fmt.Sprint("early ", i); got != want {
			t.Fatalf("received %q, want %q", got, want)
		}
	}
	if got := receive(t, client); got != "late" {
		t.Errorf("received %q, want late", got)
	}
}

func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		limits relay.Limits
		send   []string
	}{
		{"messages", relay.Limits{Queue: 2}, []string{"1", "2", "3"}},
		{"bytes", relay.Limits{QueueBytes: 10}, []string{"12345", "678901"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			phone := open(t, relay.Config{Limits: tt.limits}).mustDial(t, "/cable/new/"+tunnelA)
			for _, m := range tt.send {
				send(t, phone, m)
			}
			if got := closeCode(t, phone); got != 1008 {
				t.Errorf("close code = %d, want 1008", got)
			}
		})
	}
}

func TestSignalComesBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	asks := http.Header{"X-Cable-Signal-Connection": {"true"}}
	t.Run("to the end that waits", func(t *testing.T) {
		t.Parallel()
		h := open(t, relay.Config{})
		waiting, resp, err := h.dial(t, "/cable/new/"+tunnelA, asks)
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.Header.Get("X-caBLE-Signal-Connection"); got != "true" {
			t.Errorf("echo = %q, want true", got)
		}
		other := h.mustDial(t, "/cable/connect/000000/"+tunnelA)
		send(t, other, "data")
		if got := receive(t, waiting); got != "\x00" {
			t.Errorf("first message = %q, want 00", got)
		}
		if got := receive(t, waiting); got != "data" {
			t.Errorf("second message = %q, want data", got)
		}
		send(t, waiting, "answer")
		if got := receive(t, other); got != "answer" {
			t.Errorf("the end that did not ask received %q, want answer", got)
		}
	})
	t.Run("to the end that joins", func(t *testing.T) {
		t.Parallel()
		h := open(t, relay.Config{})
		waiting := h.mustDial(t, "/cable/new/"+tunnelA)
		send(t, waiting, "early")
		joins, resp, err := h.dial(t, "/cable/connect/000000/"+tunnelA, asks)
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.Header.Get("X-caBLE-Signal-Connection"); got != "true" {
			t.Errorf("echo = %q, want true", got)
		}
		if got := receive(t, joins); got != "\x00" {
			t.Errorf("first message = %q, want 00", got)
		}
		if got := receive(t, joins); got != "early" {
			t.Errorf("second message = %q, want early", got)
		}
	})
	t.Run("to nobody who did not ask", func(t *testing.T) {
		t.Parallel()
		_, resp, err := open(t, relay.Config{}).dial(t, "/cable/new/"+tunnelA, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.Header.Get("X-caBLE-Signal-Connection"); got != "" {
			t.Errorf("echo = %q, want none", got)
		}
	})
}

func TestOtherEndIsToldHowItEnded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		leave func(*websocket.Conn)
		want  websocket.StatusCode
	}{
		{"orderly", func(c *websocket.Conn) { c.Close(1000, "done") }, 1000},
		{"without a code", func(c *websocket.Conn) { c.Close(1005, "") }, 1000},
		{"going away", func(c *websocket.Conn) { c.Close(1001, "") }, 1001},
		{"with a code of its own", func(c *websocket.Conn) { c.Close(4000, "") }, 1001},
		{"without a word", func(c *websocket.Conn) { c.CloseNow() }, 1001},
	} {
		for _, who := range []string{"phone", "client"} {
			t.Run(who+" leaves "+tt.name, func(t *testing.T) {
				t.Parallel()
				leaver, stayer := open(t, relay.Config{}).pair(t, tunnelA)
				if who == "client" {
					leaver, stayer = stayer, leaver
				}
				tt.leave(leaver)
				if got := closeCode(t, stayer); got != tt.want {
					t.Errorf("close code = %d, want %d", got, tt.want)
				}
			})
		}
	}
}

func TestLastMessageArrivesBeforeTheClose(t *testing.T) {
	t.Parallel()
	phone, client := open(t, relay.Config{}).pair(t, tunnelA)
	send(t, phone, "goodbye")
	go phone.Close(1000, "")
	if got := receive(t, client); got != "goodbye" {
		t.Errorf("received %q, want goodbye", got)
	}
	if got := closeCode(t, client); got != 1000 {
		t.Errorf("close code = %d, want 1000", got)
	}
}

func TestLimitsOfOneEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		limits relay.Limits
		offend func(t *testing.T, c *websocket.Conn)
		want   websocket.StatusCode
	}{
		{"too many messages", relay.Limits{Messages: 3}, func(t *testing.T, c *websocket.Conn) {
			for range 4 {
				send(t, c, "x")
			}
		}, 1008},
		{"too many bytes", relay.Limits{Bytes: 100}, func(t *testing.T, c *websocket.Conn) {
			send(t, c, strings.Repeat("x", 60))
			send(t, c, strings.Repeat("x", 41))
		}, 1008},
		{"too big", relay.Limits{MessageSize: 1000}, func(t *testing.T, c *websocket.Conn) {
			send(t, c, strings.Repeat("x", 1001))
		}, 1009},
		{"text", relay.Limits{}, func(t *testing.T, c *websocket.Conn) {
			c.Write(t.Context(), websocket.MessageText, []byte("x"))
		}, 1003},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			phone, client := open(t, relay.Config{Limits: tt.limits}).pair(t, tunnelA)
			tt.offend(t, client)
			if got := closeCode(t, client); got != tt.want {
				t.Errorf("the one who broke the rule got %d, want %d", got, tt.want)
			}
			if got := closeCode(t, phone); got != 1001 {
				t.Errorf("the other got %d, want 1001", got)
			}
		})
	}
}

func TestExactlyTheLimitPasses(t *testing.T) {
	t.Parallel()
	phone, client := open(t, relay.Config{Limits: relay.Limits{Messages: 3, Bytes: 30, MessageSize: 10}}).pair(t, tunnelA)
	for range 3 {
		send(t, client, "0123456789")
		receive(t, phone)
	}
}

func TestFullRelayRefusesAndRecovers(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{Limits: relay.Limits{Tunnels: 1}})
	phone, client := h.pair(t, tunnelA)
	h.wantRefused(t, "/cable/new/"+tunnelB, 503)
	phone.Close(1000, "")
	closeCode(t, client)
	h.mustDial(t, "/cable/new/"+tunnelB)
}

func TestAddressIsHeldToItsShare(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{Limits: relay.Limits{PerAddress: 2}})
	phone, client := h.pair(t, tunnelA)
	h.wantRefused(t, "/cable/new/"+tunnelB, 429)
	if n := h.relay.Tunnels(); n != 1 {
		t.Errorf("%d tunnels after a refusal, want 1", n)
	}
	send(t, client, "still here")
	if got := receive(t, phone); got != "still here" {
		t.Errorf("received %q", got)
	}
}

func TestAddressThatAsksTooFastIsRefused(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{Limits: relay.Limits{Rate: 1e-9, Burst: 2}})
	h.pair(t, tunnelA)
	h.wantRefused(t, "/cable/new/"+tunnelB, 429)
}

// Each pair sends what no other sends, both ways at once; every end must
// receive exactly what its partner sent.
func TestTunnelsNeverMix(t *testing.T) {
	t.Parallel()
	const tunnels, rounds = 40, 30
	h := open(t, relay.Config{})
	var wg sync.WaitGroup
	for n := range tunnels {
		phone, client := h.pair(t, fmt.Sprintf("%032x", n))
		for _, way := range [][2]*websocket.Conn{{phone, client}, {client, phone}} {
			from, to := way[0], way[1]
			said := func(i int) string {
				return strings.Repeat(fmt.Sprintf("tunnel %d from %p message %d;", n, from, i), 1+i*n%40)
			}
			wg.Go(func() {
				for i := range rounds {
					if err := from.Write(t.Context(), websocket.MessageBinary, []byte(said(i))); err != nil {
						t.Errorf("tunnel %d: %v", n, err)
						return
					}
				}
			})
			wg.Go(func() {
				for i := range rounds {
					_, got, err := to.Read(t.Context())
					if err != nil || string(got) != said(i) {
						t.Errorf("tunnel %d message %d: got %.60q, %v", n, i, got, err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	if n := h.relay.Tunnels(); n != tunnels {
		t.Errorf("%d tunnels, want %d", n, tunnels)
	}
}

func TestLogNamesNoTunnelInFull(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	phone, client := h.pair(t, tunnelA)
	h.wantRefused(t, "/cable/new/"+tunnelA, 409)
	h.wantRefused(t, "/cable/connect/000000/"+tunnelB, 404)
	send(t, client, "private words")
	receive(t, phone)
	phone.Close(1000, "")
	closeCode(t, client)
	h.relay.Close()
	log := h.log.String()
	for _, secret := range []string{tunnelA, tunnelB, tunnelA[:16], "private words"} {
		if strings.Contains(strings.ToLower(log), secret) {
			t.Errorf("the log has %q:\n%s", secret, log)
		}
	}
	for _, want := range []string{`"path":"/cable/new/…"`, `"status":101`, `"status":409`, `"outcome":"closed"`, `"messages":1`, `"bytes":13`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
}

func (h *house) health(t *testing.T) int {
	t.Helper()
	resp, err := http.Get(h.url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode
}

func TestShutdownLetsJoinedTunnelsFinish(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	if got := h.health(t); got != 200 {
		t.Errorf("health = %d, want 200", got)
	}
	phone, client := h.pair(t, tunnelA)
	lonely := h.mustDial(t, "/cable/new/"+tunnelB)
	down := make(chan struct{})
	go func() {
		h.relay.Shutdown(context.Background())
		close(down)
	}()
	if got := closeCode(t, lonely); got != 1001 {
		t.Errorf("an end that waited got %d, want 1001", got)
	}
	if got := h.health(t); got != 503 {
		t.Errorf("health while draining = %d, want 503", got)
	}
	h.wantRefused(t, "/cable/new/"+tunnelB, 503)
	send(t, client, "one more")
	if got := receive(t, phone); got != "one more" {
		t.Errorf("received %q, want one more", got)
	}
	phone.Close(1000, "")
	if got := closeCode(t, client); got != 1000 {
		t.Errorf("close code = %d, want 1000", got)
	}
	<-down
}

func TestShutdownEndsWhatDoesNotFinish(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{Limits: relay.Limits{Drain: time.Millisecond}})
	phone, client := h.pair(t, tunnelA)
	down := make(chan struct{})
	go func() {
		h.relay.Close()
		close(down)
	}()
	for _, c := range []*websocket.Conn{phone, client} {
		if got := closeCode(t, c); got != 1001 {
			t.Errorf("close code = %d, want 1001", got)
		}
	}
	<-down
	h.relay.Close() // a second time does nothing
}

// Not parallel: it looks at every goroutine of the process.
func TestNoGoroutineIsLeftBehind(t *testing.T) {
	h := open(t, relay.Config{})
	for n := range 20 {
		phone, client := h.pair(t, fmt.Sprintf("%032x", n))
		send(t, phone, "x")
		receive(t, client)
		switch n % 4 {
		case 0:
			go phone.Close(1000, "")
			closeCode(t, client)
		case 1:
			client.CloseNow()
		case 2:
			client.Write(t.Context(), websocket.MessageText, nil)
		}
		go phone.CloseRead(context.Background())
		go client.CloseRead(context.Background())
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	h.relay.Shutdown(now)
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	// A goroutine that has said that it is done may still be on its way out.
	if bytes.Contains(stacks, []byte("relay.(*tunnel)")) || bytes.Contains(stacks, []byte("relay.(*blocking)")) || bytes.Contains(stacks, []byte("relay.(*loop)")) {
		t.Errorf("goroutines of the relay after Shutdown:\n%s", stacks)
	}
}

func TestClientsDataBehindTheRequestIsNotLost(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	phone := h.mustDial(t, "/cable/new/"+tunnelA)
	nc, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	// One write: the request and, without waiting for the answer, a frame.
	request := "GET /cable/connect/000000/" + tunnelA + " HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: fido.cable\r\n\r\n" +
		"\x82\x82\x00\x00\x00\x00hi"
	if _, err := io.WriteString(nc, request); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, phone); got != "hi" {
		t.Errorf("received %q, want hi", got)
	}
	answer := make([]byte, 512)
	n, err := nc.Read(answer)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	// The example of RFC 6455 §1.3.
	if want := "Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; !strings.Contains(string(answer[:n]), want) {
		t.Errorf("answer lacks %q:\n%s", want, answer[:n])
	}
}
