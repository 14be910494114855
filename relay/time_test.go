package relay

import (
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"cardea/hybrid"
)

// A pipeListener hands out in-memory connections, which synctest can see
// waiting: hours pass in no time.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// inBubble runs test with a relay whose clock is the bubble's.
func inBubble(t *testing.T, limits Limits, test func(t *testing.T, dial func(path string, more ...string) *raw)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &pipeListener{make(chan net.Conn), make(chan struct{})}
		r := New(Config{Limits: limits, Log: slog.New(slog.DiscardHandler)})
		srv := &http.Server{Handler: r}
		go srv.Serve(l)
		test(t, func(path string, more ...string) *raw {
			ours, theirs := net.Pipe()
			l.conns <- theirs
			t.Cleanup(func() { ours.Close() })
			return upgradeRaw(t, ours, path, more...)
		})
		r.Close()
		srv.Close()
	})
}

// answerPings plays a client that does nothing but answer pings, until it is
// told the close code, which it returns.
func (c *raw) answerPings() ws.StatusCode {
	c.t.Helper()
	for {
		switch op, p := c.receive(); op {
		case ws.OpPing:
			c.send(frameBytes(finPong, p))
		case ws.OpClose:
			go io.WriteString(c.nc, frameBytes(finClose, p[:2]))
			c.wantEOF()
			return ws.StatusCode(p[0])<<8 | ws.StatusCode(p[1])
		default:
			c.t.Fatalf("received opcode %#x", op)
		}
	}
}

func wantTook(t *testing.T, began time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(began); got != want {
		t.Errorf("it took %v, want %v", got, want)
	}
}

func TestTunnelThatNobodyJoinsExpires(t *testing.T) {
	inBubble(t, Limits{}, func(t *testing.T, dial func(string, ...string) *raw) {
		began := time.Now()
		phone := dial("/cable/new/" + testID)
		if got := phone.answerPings(); got != 1008 {
			t.Errorf("close code = %d, want 1008", got)
		}
		wantTook(t, began, DefaultLimits.Wait)
	})
}

func TestJoinedTunnelHasALifetime(t *testing.T) {
	inBubble(t, Limits{}, func(t *testing.T, dial func(string, ...string) *raw) {
		began := time.Now()
		phone := dial("/cable/new/" + testID)
		time.Sleep(20 * time.Second) // of the bubble's clock
		client := dial("/cable/connect/000000/" + testID)
		told := make(chan ws.StatusCode)
		go func() { told <- phone.answerPings() }()
		if got := client.answerPings(); got != 1008 {
			t.Errorf("the client got %d, want 1008", got)
		}
		if got := <-told; got != 1008 {
			t.Errorf("the phone got %d, want 1008", got)
		}
		wantTook(t, began, DefaultLimits.Lifetime)
	})
}

func TestSilentEndIsGoneAfterAPing(t *testing.T) {
	inBubble(t, Limits{}, func(t *testing.T, dial func(string, ...string) *raw) {
		began := time.Now()
		phone := dial("/cable/new/" + testID)
		client := dial("/cable/connect/000000/" + testID)
		told := make(chan ws.StatusCode)
		go func() { told <- client.answerPings() }()
		if op, _ := phone.receive(); op != ws.OpPing {
			t.Errorf("received opcode %#x, want a ping", op)
		}
		wantTook(t, began, DefaultLimits.Ping)
		phone.wantClose(1001) // and no pong
		if got := <-told; got != 1001 {
			t.Errorf("the other got %d, want 1001", got)
		}
		wantTook(t, began, 2*DefaultLimits.Ping)
	})
}

func TestRegisteredPhoneIsPingedLessOften(t *testing.T) {
	inBubble(t, Limits{}, func(t *testing.T, dial func(string, ...string) *raw) {
		key := hybrid.NewContactKey()
		id, err := hybrid.ContactIDOf(key)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		phone := dial("/cable/register/"+id.String(), "X-Cardea-Contact-Key: "+hex.EncodeToString(key.Expose())+"\r\n")
		for range 3 * DefaultLimits.Controls { // more than a tunnel's end may send: a phone stays for days
			if op, _ := phone.receive(); op != ws.OpPing {
				t.Fatalf("received opcode %#x, want a ping", op)
			}
			phone.send(frameBytes(finPong, ""))
		}
		wantTook(t, began, time.Duration(3*DefaultLimits.Controls)*DefaultLimits.Standing)
		phone.receive()
		phone.wantClose(1001) // and no pong
	})
}

func TestMessageThatNeverEndsIsCutOff(t *testing.T) {
	for name, start := range map[string]string{
		"header":   "\x82",
		"payload":  frameBytes(finBinary, "message")[:8],
		"fragment": frameBytes(moreBin, "first"),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Limits{}, func(t *testing.T, dial func(string, ...string) *raw) {
				phone := dial("/cable/new/" + testID)
				began := time.Now()
				phone.send(start)
				phone.wantClose(1001)
				wantTook(t, began, DefaultLimits.Message)
			})
		})
	}
}

func TestPingsDoNotStretchAMessage(t *testing.T) {
	inBubble(t, Limits{}, func(t *testing.T, dial func(string, ...string) *raw) {
		phone := dial("/cable/new/" + testID)
		began := time.Now()
		phone.send(frameBytes(moreBin, "first"))
		for range 3 {
			time.Sleep(DefaultLimits.Message / 4) // of the bubble's clock
			phone.send(frameBytes(finPing, ""))
			phone.receive()
		}
		phone.wantClose(1001)
		wantTook(t, began, DefaultLimits.Message)
	})
}

func TestEndThatDoesNotReadIsGone(t *testing.T) {
	inBubble(t, Limits{}, func(t *testing.T, dial func(string, ...string) *raw) {
		dial("/cable/new/" + testID) // never reads again; a pipe holds nothing
		client := dial("/cable/connect/000000/" + testID)
		began := time.Now()
		client.send(frameBytes(finBinary, "hello?"))
		client.wantClose(1001)
		// The message's own time, then that of a close frame nobody takes.
		if took := time.Since(began); took < DefaultLimits.Message || took > DefaultLimits.Message+DefaultLimits.Close {
			t.Errorf("it took %v", took)
		}
	})
}

func TestCloseFrameThatIsNotAnsweredEndsAnyway(t *testing.T) {
	inBubble(t, Limits{}, func(t *testing.T, dial func(string, ...string) *raw) {
		phone := dial("/cable/new/" + testID)
		began := time.Now()
		phone.send(frameBytes(finText, "x"))
		phone.wantClose(1003)
		phone.wantEOF()
		wantTook(t, began, DefaultLimits.Close)
	})
}

func TestAllowanceOfAnAddressGrowsBack(t *testing.T) {
	t.Parallel()
	limits := Limits{Rate: 2, Burst: 3, Addresses: 2}.orDefaults()
	a := newAddresses(&limits)
	now := time.Unix(1_800_000_000, 0)
	one, two, three := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")
	for i := range 3 {
		if err := a.mayAsk(one, now); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	if a.mayAsk(one, now) == nil {
		t.Error("the fourth request at once was let in")
	}
	if err := a.mayAsk(two, now); err != nil {
		t.Errorf("another address: %v", err)
	}
	if a.mayAsk(three, now) == nil {
		t.Error("more addresses were remembered than there is room for")
	}
	if err := a.mayAsk(one, now.Add(500*time.Millisecond)); err != nil {
		t.Errorf("after half a second: %v", err)
	}
	if err := a.mayAsk(three, now.Add(time.Minute)); err != nil {
		t.Errorf("after idle addresses could be forgotten: %v", err)
	}
}

func TestNeighborsOfOneHouseholdShare(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
		{"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
	} {
		if got := household(netip.MustParseAddr(tt.a)) == household(netip.MustParseAddr(tt.b)); got != tt.same {
			t.Errorf("%s and %s in one household = %v, want %v", tt.a, tt.b, got, tt.same)
		}
	}
}
