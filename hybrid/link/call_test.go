package link_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/radio/air"
	"cardea/hybrid/tunnel"
	"cardea/internal/secret"
)

// A callable is a phone that has linked itself to whoever asked, and answers
// calls.
type callable struct {
	w        *world
	root     secret.Key
	contact  *tunnel.Contact
	contacts chan struct{}    // gets one for each time that the relay knows it
	called   chan hybrid.Hint // gets the hint of each call that came through
	refuse   func(*tunnel.Call)
	radio    *air.Air // of the phone; nil for that of the room
}

func newCallable(t *testing.T, w *world) *callable {
	t.Helper()
	p := &callable{
		w: w, root: secret.Random(32), contacts: make(chan struct{}, 8), called: make(chan hybrid.Hint, 8),
	}
	p.contact = &tunnel.Contact{
		Dialer: w.tunnel, Service: hybrid.DevelopmentService, Key: hybrid.NewContactKey(), Called: p.answer,
		Changed: func(err error) {
			if err == nil {
				p.contacts <- struct{}{}
			}
		},
	}
	return p
}

func (p *callable) offer(t testing.TB) hybrid.LinkOffer {
	t.Helper()
	id, err := p.contact.ID()
	if err != nil {
		t.Fatal(err)
	}
	linkID := [8]byte{7}
	return hybrid.LinkOffer{
		ContactID: id[:], LinkID: linkID, Secret: hybrid.LinkSecret(p.root, id[:], linkID),
		Identity: hybrid.IdentityKey(p.root), Name: "Ada's phone",
	}
}

// answer does what a phone does that is called.
func (p *callable) answer(ctx context.Context, c *tunnel.Call) {
	call, err := hybrid.ParseCall(c.Payload)
	if err != nil {
		return
	}
	if p.refuse != nil {
		p.refuse(c)
		return
	}
	cfg := p.w.answerConfig()
	if p.radio != nil {
		cfg.Advertiser = p.radio
	}
	id, _ := p.contact.ID()
	phone, err := link.AnswerCall(ctx, link.Linked{
		Call: call, Join: c.Accept,
		Offer: hybrid.LinkOffer{Secret: hybrid.LinkSecret(p.root, id[:], call.LinkID), Identity: hybrid.IdentityKey(p.root)},
	}, cfg)
	if err != nil {
		return
	}
	defer phone.Close()
	p.called <- call.Hint
	_ = phone.Serve(ctx, echo)
}

// listen makes the phone reachable until the test ends.
func (p *callable) listen(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- p.contact.Listen(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	<-p.contacts
}

// linked returns what a client keeps after a transaction in which it asked for
// a link.
func (p *callable) linked(t *testing.T) hybrid.Link {
	t.Helper()
	inv, err := hybrid.NewLinkingInvitation(hybrid.HintGetAssertion)
	if err != nil {
		t.Fatal(err)
	}
	cfg, offer := p.w.answerConfig(), p.offer(t)
	cfg.Link = &offer
	served := servePhone(t.Context(), scan(t, inv), cfg, echo)
	c, err := link.Dial(within(t), inv, p.w.dialConfig())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(within(t), []byte{1}); err != nil {
		t.Fatal(err)
	}
	l, ok := c.Linking()
	if !ok {
		t.Fatal("the phone gave no link")
	}
	c.Close()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLinkedPhoneIsCalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newCallable(t, w)
	l := p.linked(t)
	if l.Name != "Ada's phone" || l.Service != hybrid.DevelopmentService {
		t.Errorf("link %+v", l)
	}
	// As it comes back from where it was kept.
	l, err := hybrid.ParseLink(l.Encode())
	if err != nil {
		t.Fatal(err)
	}
	p.listen(t)
	for _, hint := range []hybrid.Hint{hybrid.HintGetAssertion, hybrid.HintMakeCredential} {
		var seen stages
		cfg := w.dialConfig()
		cfg.Progress = seen.report
		c, err := link.Call(within(t), l, hint, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := <-p.called; got != hint {
			t.Errorf("hint %q, want %q", got, hint)
		}
		response, err := c.Send(within(t), []byte{2, 3})
		if err != nil || !bytes.Equal(response, []byte{0, 2, 3}) {
			t.Errorf("Send = %x, %v", response, err)
		}
		if _, again := c.Linking(); again {
			t.Error("a call gave a link")
		}
		c.Close()
		all := seen.all()
		if len(all) != 4 || all[0] != link.StageConnected || all[len(all)-1] != link.StageReady {
			t.Errorf("stages %q", all)
		}
		w.wantSilence(t)
	}
}

// Whoever has the wrong secret or the wrong key of the phone does not get in.
func TestCallWithAnythingWrongFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*hybrid.Link)
		leg   link.Leg
	}{
		"link ID":  {func(l *hybrid.Link) { l.LinkID[0]++ }, link.LegAdvert},
		"secret":   {func(l *hybrid.Link) { l.Secret = secret.Random(32) }, link.LegAdvert},
		"identity": {func(l *hybrid.Link) { l.Identity = hybrid.IdentityKey(secret.Random(32)).PublicKey() }, link.LegPeer},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := newCallable(t, w)
				l := p.linked(t)
				p.listen(t)
				c.spoil(&l)
				cfg := w.dialConfig()
				cfg.Timeouts.Find = 10 * time.Second
				_, err := link.Call(within(t), l, hybrid.HintGetAssertion, cfg)
				wantLeg(t, err, c.leg)
			})
		})
	}
}

func TestPhoneThatEndedTheLinkSaysSo(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(*tunnel.Call){
		"this link":       func(c *tunnel.Call) { _ = c.Gone(context.Background()) },
		"not at the time": func(c *tunnel.Call) { _ = c.Busy(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := newCallable(t, w)
			l := p.linked(t)
			p.refuse = refuse
			p.listen(t)
			_, err := link.Call(within(t), l, hybrid.HintGetAssertion, w.dialConfig())
			wantLeg(t, err, link.LegPeer)
			if gone := errors.Is(err, tunnel.ErrContactGone); gone != (name == "this link") {
				t.Errorf("Call: %v, want ErrContactGone only of a link that has ended", err)
			}
		})
	}
}

func TestPhoneThatIsOffCannotBeCalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := newCallable(t, w).linked(t)
	_, err := link.Call(within(t), l, hybrid.HintGetAssertion, w.dialConfig())
	wantLeg(t, err, link.LegRelay)
	if errors.Is(err, tunnel.ErrContactGone) {
		t.Errorf("Call: %v; the link must be kept", err)
	}
}

func TestRadioThatIsOffEndsACall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newCallable(t, w)
	l := p.linked(t)
	p.refuse = func(*tunnel.Call) { <-t.Context().Done() } // it thinks about it
	p.listen(t)
	w.air.SetPower(false)
	_, err := link.Call(within(t), l, hybrid.HintGetAssertion, w.dialConfig())
	wantLeg(t, err, link.LegRadio)
}

func TestCancelledCallLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := newCallable(t, w).linked(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := link.Call(ctx, l, hybrid.HintGetAssertion, w.dialConfig()); !errors.Is(err, context.Canceled) {
		t.Errorf("Call: %v, want context.Canceled", err)
	}
	w.wantSilence(t)
}

// The phone has its own radio, which is off: the computer's is not. It answers
// the call, and the computer need not wait to hear it.
func TestPhoneWhoseRadioIsOffLeavesACallAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newCallable(t, w)
	l := p.linked(t)
	p.radio = air.New()
	p.radio.SetPower(false)
	p.listen(t)
	_, err := link.Call(within(t), l, hybrid.HintGetAssertion, w.dialConfig())
	wantLeg(t, err, link.LegPeer)
	if !errors.Is(err, link.ErrUnheard) {
		t.Errorf("Call: %v, want ErrUnheard", err)
	}
}
