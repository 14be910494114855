package link_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"cardea/hybrid/link"
	"cardea/hybrid/tunnel"
)

// A badRelay has one tunnel and does not copy faithfully. The messages of each
// side are counted from 0; a rule says what becomes of one of them.
type badRelay struct {
	rule func(r *badRelay, from side, n int, message []byte) [][]byte

	mu     sync.Mutex
	conns  map[side]*websocket.Conn
	broken bool          // nobody is told anything any more
	both   chan struct{} // closed when both sides are there
}

type side string

const (
	fromClient side = "client"
	fromPhone  side = "phone"
)

func (r *badRelay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	from := fromClient
	if strings.HasPrefix(req.URL.Path, "/cable/new/") {
		from = fromPhone
		w.Header().Set("X-caBLE-Routing-ID", "010203")
	}
	c, err := websocket.Accept(w, req, &websocket.AcceptOptions{Subprotocols: []string{tunnel.Subprotocol}, InsecureSkipVerify: true})
	if err != nil {
		return
	}
	c.SetReadLimit(tunnel.MaxMessage)
	r.mu.Lock()
	r.conns[from] = c
	if len(r.conns) == 2 {
		close(r.both)
	}
	r.mu.Unlock()
	// The request's context ends with this function, and so must the socket.
	r.copy(context.Background(), from, c)
}

func (r *badRelay) copy(ctx context.Context, from side, c *websocket.Conn) {
	<-r.both
	other := r.conns[fromClient]
	if from == fromClient {
		other = r.conns[fromPhone]
	}
	for n := 0; ; n++ {
		_, message, err := c.Read(ctx)
		if err != nil {
			if !r.isBroken() {
				other.Close(websocket.StatusGoingAway, "")
			}
			c.CloseNow()
			return
		}
		for _, m := range r.rule(r, from, n, message) {
			_ = other.Write(ctx, websocket.MessageBinary, m) // its own reader meets the reason
		}
	}
}

// drop breaks the lines to both sides.
func (r *badRelay) drop() {
	r.mu.Lock()
	r.broken = true
	r.mu.Unlock()
	r.conns[fromClient].CloseNow()
	r.conns[fromPhone].CloseNow()
}

func (r *badRelay) isBroken() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.broken
}

// run does a transaction over a bad relay and returns how it went for each.
func (r *badRelay) run(t *testing.T, w *world) (client, phone error) {
	t.Helper()
	r.conns, r.both = map[side]*websocket.Conn{}, make(chan struct{})
	w.tunnel = serveWired(t, r)
	inv := invite(t)
	// A message that is lost is noticed by nobody but the clock.
	// The client's is the shorter patience, so that it is the one to give up.
	patience := link.Timeouts{Find: 10 * time.Second, Handshake: time.Second, Command: 10 * time.Second}
	answer, dial := w.answerConfig(), w.dialConfig()
	answer.Timeouts, dial.Timeouts = patience, patience
	served := servePhone(t.Context(), scan(t, inv), answer, echo)

	c, err := link.Dial(within(t), inv, dial)
	if err == nil {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = c.Send(ctx, []byte{1})
		c.Close()
	}
	phone = <-served
	w.wantSilence(t)
	return err, phone
}

// either stands for a side that may have been content before the other noticed.
const either link.Leg = "either"

func pass(m []byte) [][]byte { return [][]byte{m} }

func TestBadRelayThatIsGood(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		r := &badRelay{rule: func(_ *badRelay, _ side, _ int, m []byte) [][]byte { return pass(m) }}
		client, phone := r.run(t, w)
		if client != nil || phone != nil {
			t.Errorf("client: %v, phone: %v; want none", client, phone)
		}
	})
}

// Whatever a relay does to a message, neither side takes it for good. What it
// can do is to stop the transaction, and that has a name on both sides.
func TestBadRelay(t *testing.T) {
	t.Parallel()
	flip := func(m []byte) [][]byte { m[len(m)/2] ^= 1; return pass(m) }
	twice := func(m []byte) [][]byte { return [][]byte{m, m} }
	lose := func([]byte) [][]byte { return nil }
	for _, tt := range []struct {
		name          string
		from          side
		n             int
		do            func(m []byte) [][]byte
		client, phone link.Leg // "" means that this side is content
	}{
		{"message 1 changed", fromClient, 0, flip, link.LegPeer, link.LegHandshake},
		{"message 1 lost", fromClient, 0, lose, link.LegTimeout, link.LegPeer},
		{"message 1 repeated", fromClient, 0, twice, link.LegPeer, link.LegHandshake},
		{"message 2 changed", fromPhone, 0, flip, link.LegHandshake, link.LegPeer},
		{"message 2 lost", fromPhone, 0, lose, link.LegHandshake, link.LegPeer},
		{"message 2 repeated", fromPhone, 0, twice, link.LegHandshake, link.LegPeer},
		{"first message changed", fromPhone, 1, flip, link.LegHandshake, link.LegPeer},
		{"first message lost", fromPhone, 1, lose, link.LegHandshake, link.LegPeer},
		{"update changed", fromPhone, 2, flip, link.LegHandshake, either},
		{"request changed", fromClient, 1, flip, link.LegPeer, link.LegHandshake},
		{"request lost", fromClient, 1, lose, link.LegTimeout, link.LegPeer},
		{"response changed", fromPhone, 3, flip, link.LegHandshake, ""},
		{"response lost", fromPhone, 3, lose, link.LegTimeout, ""},
		{"response repeated", fromPhone, 3, twice, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				r := &badRelay{rule: func(_ *badRelay, from side, n int, m []byte) [][]byte {
					if from == tt.from && n == tt.n {
						return tt.do(m)
					}
					return pass(m)
				}}
				client, phone := r.run(t, w)
				for _, end := range []struct {
					name string
					err  error
					leg  link.Leg
				}{{"client", client, tt.client}, {"phone", phone, tt.phone}} {
					if end.leg == "" && end.err != nil {
						t.Errorf("the %s got %v, want none", end.name, end.err)
					}
					if end.leg != "" && end.leg != either {
						wantLeg(t, end.err, end.leg)
					}
				}
			})
		})
	}
}

func TestRelayBreaksDown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		from side
		n    int
	}{
		{"at message 1", fromClient, 0},
		{"at message 2", fromPhone, 0},
		{"at the first message", fromPhone, 1},
		{"at the request", fromClient, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				r := &badRelay{rule: func(r *badRelay, from side, n int, m []byte) [][]byte {
					if from == tt.from && n == tt.n {
						r.drop()
						return nil
					}
					return pass(m)
				}}
				client, phone := r.run(t, w)
				wantLeg(t, client, link.LegRelay)
				wantLeg(t, phone, link.LegRelay)
			})
		})
	}
}
