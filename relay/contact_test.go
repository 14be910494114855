package relay_test

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"cardea/hybrid"
	"cardea/internal/secret"
	"cardea/relay"
)

// A linked is a phone that has registered.
type linked struct {
	id  hybrid.ContactID
	key secret.Key
	ws  *websocket.Conn
}

func newLinked(t testing.TB, h *house) *linked {
	t.Helper()
	p := &linked{key: hybrid.NewContactKey()}
	var err error
	if p.id, err = hybrid.ContactIDOf(p.key); err != nil {
		t.Fatal(err)
	}
	p.register(t, h)
	return p
}

func (p *linked) header() http.Header {
	return http.Header{"X-Cardea-Contact-Key": {hex.EncodeToString(p.key.Expose())}}
}

func (p *linked) register(t testing.TB, h *house) {
	t.Helper()
	var err error
	if p.ws, _, err = h.dial(t, "/cable/register/"+p.id.String(), p.header()); err != nil {
		t.Fatalf("registering: %v", err)
	}
}

// answered is what a client's call came to.
type answered struct {
	ws     *websocket.Conn
	status int
}

// call calls a phone as a client does, in the background.
func (h *house) call(t testing.TB, id string) chan answered {
	t.Helper()
	done := make(chan answered, 1)
	go func() {
		ws, resp, err := h.dial(t, "/cable/contact/"+id, http.Header{"X-Cable-Client-Payload": {"A10203"}})
		a := answered{ws: ws}
		if resp != nil {
			a.status = resp.StatusCode
		} else {
			t.Errorf("calling: %v", err)
		}
		done <- a
	}()
	return done
}

// ring returns the tunnel and routing IDs of the next call.
func (p *linked) ring(t testing.TB) (tunnel, routing string) {
	t.Helper()
	m := receive(t, p.ws)
	if len(m) != 23 || m[0] != 1 || m[20:] != "\xa1\x02\x03" {
		t.Fatalf("the phone was told %x, want a call with a10203", m)
	}
	return m[1:17], m[17:20]
}

func (h *house) join(t testing.TB, tunnel, routing string) *websocket.Conn {
	t.Helper()
	return h.mustDial(t, "/cable/connect/"+hex.EncodeToString([]byte(routing))+"/"+hex.EncodeToString([]byte(tunnel)))
}

func wantStatus(t testing.TB, got chan answered, want int) *websocket.Conn {
	t.Helper()
	a := <-got
	if a.status != want {
		t.Fatalf("the client got status %d, want %d", a.status, want)
	}
	return a.ws
}

func TestLinkedPhoneIsCalled(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{Node: [3]byte{1, 2, 3}})
	phone := newLinked(t, h)
	calling := h.call(t, phone.id.String())
	tunnel, routing := phone.ring(t)
	if routing != "\x01\x02\x03" {
		t.Errorf("routing ID %x", routing)
	}
	send(t, phone.ws, "\x02"+tunnel)
	client := wantStatus(t, calling, 101)
	send(t, client, "early") // before the phone is there
	end := h.join(t, tunnel, routing)
	if got := receive(t, end); got != "early" {
		t.Errorf("the phone received %q", got)
	}
	send(t, end, "answer")
	if got := receive(t, client); got != "answer" {
		t.Errorf("the client received %q", got)
	}
}

func TestClientOfALinkHearsWhenThePhoneIsThere(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	phone := newLinked(t, h)
	called := make(chan *websocket.Conn, 1)
	go func() {
		c, _, err := h.dial(t, "/cable/contact/"+phone.id.String(), http.Header{
			"X-Cable-Client-Payload": {"a10203"}, "X-Cable-Signal-Connection": {"true"}})
		if err != nil {
			t.Error(err)
		}
		called <- c
	}()
	tunnel, routing := phone.ring(t)
	send(t, phone.ws, "\x02"+tunnel)
	client := <-called
	end := h.join(t, tunnel, routing)
	send(t, end, "hello")
	if got := receive(t, client) + receive(t, client); got != "\x00hello" {
		t.Errorf("the client received %q, want 00 first", got)
	}
}

func TestPhonesWordDecidesTheStatus(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	phone := newLinked(t, h)
	for _, tt := range []struct {
		answer string
		want   int
	}{{"\x03", 410}, {"\x04", 409}} {
		calling := h.call(t, phone.id.String())
		tunnel, routing := phone.ring(t)
		send(t, phone.ws, tt.answer+tunnel)
		wantStatus(t, calling, tt.want)
		h.wantRefused(t, "/cable/connect/"+hex.EncodeToString([]byte(routing + tunnel))[:6]+"/"+hex.EncodeToString([]byte(tunnel)), 404)
	}
	if n := h.relay.Tunnels(); n != 0 {
		t.Errorf("%d tunnels are left", n)
	}
}

func TestSilentPhoneSendsTheClientAway(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{Limits: relay.Limits{Answer: 10 * time.Millisecond}})
	phone := newLinked(t, h)
	wantStatus(t, h.call(t, phone.id.String()), 503)
	if n := h.relay.Tunnels(); n != 0 {
		t.Errorf("%d tunnels are left", n)
	}
}

func TestCallSurvivesThePhonesReconnect(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	phone := newLinked(t, h)
	phone.ws.CloseNow()
	calling := h.call(t, phone.id.String())
	phone.register(t, h)
	tunnel, _ := phone.ring(t)
	// And away again, with the call not answered.
	phone.ws.CloseNow()
	phone.register(t, h)
	if again, _ := phone.ring(t); again != tunnel {
		t.Errorf("called to tunnel %x, then to %x", tunnel, again)
	}
	send(t, phone.ws, "\x02"+tunnel)
	wantStatus(t, calling, 101)
}

func TestNewestRegistrationCounts(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	phone := newLinked(t, h)
	old := *phone
	phone.register(t, h)
	if got := closeCode(t, old.ws); got != 1008 {
		t.Errorf("the older connection got %d, want 1008", got)
	}
	calling := h.call(t, phone.id.String())
	tunnel, _ := phone.ring(t)
	send(t, phone.ws, "\x03"+tunnel)
	wantStatus(t, calling, 410)
}

func TestRetiredContactIsGoneForGood(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	phone := newLinked(t, h)
	calling := h.call(t, phone.id.String())
	phone.ring(t)
	send(t, phone.ws, "\x05")
	if got := closeCode(t, phone.ws); got != 1000 {
		t.Errorf("close code = %d, want 1000", got)
	}
	wantStatus(t, calling, 410)
	wantStatus(t, h.call(t, phone.id.String()), 410)
	_, resp, err := h.dial(t, "/cable/register/"+phone.id.String(), phone.header())
	if err == nil || resp == nil || resp.StatusCode != 410 {
		t.Errorf("registering again: %v, %v; want 410", resp, err)
	}
}

func TestPhoneThatStaysAwayIsNotReached(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{Limits: relay.Limits{Reconnect: time.Millisecond, Answer: time.Minute, CallRate: 1000}})
	phone := newLinked(t, h)
	phone.ws.CloseNow()
	for { // until the relay has noticed, and a millisecond
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, resp, _ := websocket.Dial(ctx, h.url+"/cable/contact/"+phone.id.String(), &websocket.DialOptions{
			Subprotocols: []string{"fido.cable"}, HTTPHeader: http.Header{"X-Cable-Client-Payload": {"a1"}}})
		cancel()
		if resp != nil && resp.StatusCode == 503 {
			return
		}
	}
}

// Each of the limits on linked phones, where it bites.
func TestLimitsOfLinkedPhones(t *testing.T) {
	t.Parallel()
	t.Run("phones", func(t *testing.T) {
		t.Parallel()
		h := open(t, relay.Config{Limits: relay.Limits{Phones: 1}})
		newLinked(t, h)
		key := hybrid.NewContactKey()
		id, _ := hybrid.ContactIDOf(key)
		_, resp, err := h.dial(t, "/cable/register/"+id.String(), (&linked{key: key}).header())
		if err == nil || resp == nil || resp.StatusCode != 503 {
			t.Errorf("the second phone: %v, %v; want 503", resp, err)
		}
	})
	t.Run("calls at once", func(t *testing.T) {
		t.Parallel()
		h := open(t, relay.Config{Limits: relay.Limits{Calls: 1}})
		phone := newLinked(t, h)
		first := h.call(t, phone.id.String())
		tunnel, _ := phone.ring(t)
		wantStatus(t, h.call(t, phone.id.String()), 429)
		send(t, phone.ws, "\x02"+tunnel)
		wantStatus(t, first, 101)
	})
	t.Run("calls in a row", func(t *testing.T) {
		t.Parallel()
		h := open(t, relay.Config{Limits: relay.Limits{CallBurst: 2, CallRate: 1e-9}})
		phone := newLinked(t, h)
		for range 2 {
			calling := h.call(t, phone.id.String())
			tunnel, _ := phone.ring(t)
			send(t, phone.ws, "\x04"+tunnel)
			wantStatus(t, calling, 409)
		}
		wantStatus(t, h.call(t, phone.id.String()), 429)
	})
	t.Run("retired contacts", func(t *testing.T) {
		t.Parallel()
		h := open(t, relay.Config{Limits: relay.Limits{Retired: 1}})
		one, two := newLinked(t, h), newLinked(t, h)
		for _, p := range []*linked{one, two} {
			send(t, p.ws, "\x05")
			closeCode(t, p.ws)
		}
		wantStatus(t, h.call(t, one.id.String()), 503) // forgotten
		wantStatus(t, h.call(t, two.id.String()), 410)
	})
	for name, say := range map[string]string{
		"answers nobody asked for": "\x02" + strings.Repeat("x", 16),
		"no answer at all":         "hello",
		"nothing":                  "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, relay.Config{})
			phone := newLinked(t, h)
			send(t, phone.ws, say)
			if got := closeCode(t, phone.ws); got != 1008 && got != 1002 {
				t.Errorf("close code = %d, want 1008 or 1002", got)
			}
		})
	}
}

func TestRegisteredPhoneIsSentElsewhereAtShutdown(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	phone := newLinked(t, h)
	calling := h.call(t, phone.id.String())
	phone.ring(t)
	down := make(chan struct{})
	go func() {
		h.relay.Close()
		close(down)
	}()
	if got := closeCode(t, phone.ws); got != 1001 {
		t.Errorf("close code = %d, want 1001", got)
	}
	wantStatus(t, calling, 503)
	<-down
}

func TestLogHasNoContactKeyAndNoPayload(t *testing.T) {
	t.Parallel()
	h := open(t, relay.Config{})
	phone := newLinked(t, h)
	calling := h.call(t, phone.id.String())
	tunnel, _ := phone.ring(t)
	send(t, phone.ws, "\x03"+tunnel)
	wantStatus(t, calling, 410)
	phone.ws.CloseRead(t.Context()) // which answers the relay's close frame
	h.relay.Close()
	log := strings.ToLower(h.log.String())
	for _, s := range []string{hex.EncodeToString(phone.key.Expose()), phone.id.String(), "a10203", hex.EncodeToString([]byte(tunnel))} {
		if strings.Contains(log, strings.ToLower(s)) {
			t.Errorf("the log has %s:\n%s", s, log)
		}
	}
}

// A relay forgets what was retired when it starts anew. Then nobody is
// registered under that ID and a call is 503: the client shows a code and keeps
// its link. What lives comes back by itself, and whoever still has the key can
// say again what is dead.
func TestRestartedRelayKnowsWhoIsThere(t *testing.T) {
	t.Parallel()
	before := open(t, relay.Config{})
	dead, alive := newLinked(t, before), newLinked(t, before)
	send(t, dead.ws, "\x05")
	closeCode(t, dead.ws)
	wantStatus(t, before.call(t, dead.id.String()), 410)

	after := open(t, relay.Config{})
	wantStatus(t, after.call(t, dead.id.String()), 503)
	wantStatus(t, after.call(t, alive.id.String()), 503) // not back yet
	alive.register(t, after)
	calling := after.call(t, alive.id.String())
	tunnel, _ := alive.ring(t)
	send(t, alive.ws, "\x02"+tunnel)
	wantStatus(t, calling, 101)

	dead.register(t, after)
	send(t, dead.ws, "\x05")
	closeCode(t, dead.ws)
	wantStatus(t, after.call(t, dead.id.String()), 410)
}
