package link_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/ctap"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/internal/secret"
)

func TestOneTransaction(t *testing.T) {
	t.Parallel()
	w, inv := newWorld(t), invite(t)
	var client, phone stages
	answer, dial := w.answerConfig(), w.dialConfig()
	answer.Progress, dial.Progress = phone.report, client.report
	served := servePhone(t.Context(), scan(t, inv), answer, echo)

	c, err := link.Dial(within(t), inv, dial)
	if err != nil {
		t.Fatal(err)
	}
	w.wantSilence(t)
	if diff := cmp.Diff(phoneInfo, c.Info()); diff != "" {
		t.Errorf("Info (-want +got):\n%s", diff)
	}
	response, err := c.Send(within(t), []byte{2, 0xa0})
	if err != nil || !bytes.Equal(response, []byte{0, 2, 0xa0}) {
		t.Errorf("Send = %x, %v", response, err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("the phone: %v", err)
	}

	if diff := cmp.Diff([]link.Stage{link.StageWaiting, link.StageHeard, link.StageConnected, link.StageReady}, client.all()); diff != "" {
		t.Errorf("stages of the client (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]link.Stage{link.StageConnected, link.StageWaiting, link.StageJoined, link.StageReady, link.StageSent}, phone.all()); diff != "" {
		t.Errorf("stages of the phone (-want +got):\n%s", diff)
	}
}

func TestClientIsADevice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, served := w.connect(t, func(context.Context, []byte) []byte { return ctap.EncodeResponse(nil, ctap.OperationDenied) })
	// The phone would answer this as well, but some phones would not: it must
	// not be asked.
	info, err := ctap.GetInfo(within(t), c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(phoneInfo, info); diff != "" {
		t.Errorf("getInfo (-want +got):\n%s", diff)
	}
	_, err = ctap.GetAssertion(within(t), c, ctap.GetAssertionRequest{RPID: "example.com", ClientDataHash: make([]byte, 32)})
	if !errors.Is(err, ctap.OperationDenied) {
		t.Errorf("GetAssertion: %v, want OPERATION_DENIED", err)
	}
	c.Close()
	if err := <-served; err != nil {
		t.Errorf("the phone: %v", err)
	}
}

func TestSeveralCommandsInOneTunnel(t *testing.T) {
	t.Parallel()
	c, served := newWorld(t).connect(t, echo)
	for n := range 5 {
		request := bytes.Repeat([]byte{byte(n)}, 1+n*10_000)
		response, err := c.Send(within(t), request)
		if err != nil || !bytes.Equal(response[1:], request) {
			t.Fatalf("Send of %d bytes: %d bytes, %v", len(request), len(response), err)
		}
	}
	c.Close()
	if err := <-served; err != nil {
		t.Errorf("the phone: %v", err)
	}
}

func TestPhoneMayComeFirstOrLast(t *testing.T) {
	t.Parallel()
	w, inv := newWorld(t), invite(t)
	waiting := make(chan struct{})
	cfg := w.dialConfig()
	cfg.Progress = func(s link.Stage) {
		if s == link.StageWaiting {
			close(waiting)
		}
	}
	dialed := make(chan error, 1)
	go func() {
		c, err := link.Dial(within(t), inv, cfg)
		if err == nil {
			err = c.Close()
		}
		dialed <- err
	}()
	<-waiting // the client listens before the phone has begun
	served := servePhone(t.Context(), scan(t, inv), w.answerConfig(), echo)
	if err := <-dialed; err != nil {
		t.Errorf("Dial: %v", err)
	}
	wantLeg(t, <-served, link.LegPeer) // it was asked nothing
}

func TestInvitationServesOneDial(t *testing.T) {
	t.Parallel()
	w, inv := newWorld(t), invite(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := link.Dial(ctx, inv, w.dialConfig()); !errors.Is(err, context.Canceled) {
		t.Fatalf("first Dial: %v, want context.Canceled", err)
	}
	if _, err := link.Dial(within(t), inv, w.dialConfig()); !errors.Is(err, hybrid.ErrInvitationSpent) {
		t.Errorf("second Dial: %v, want ErrInvitationSpent", err)
	}
	if !inv.Secret.Equal(secret.New(make([]byte, 16))) {
		t.Error("the secret of the invitation is still there")
	}
}

func TestPhonesOfOthersAreNotHeard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	stranger := servePhone(ctx, scan(t, invite(t)), w.answerConfig(), echo)
	stop, err := w.air.Advertise(ctx, []byte("something else altogether"))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	c, served := w.connect(t, echo)
	if _, err := c.Send(within(t), []byte{1}); err != nil {
		t.Errorf("Send: %v", err)
	}
	c.Close()
	if err := <-served; err != nil {
		t.Errorf("the phone: %v", err)
	}
	cancel()
	if err := <-stranger; !errors.Is(err, context.Canceled) {
		t.Errorf("the stranger: %v, want context.Canceled", err)
	}
}

func newLinkOffer(t testing.TB) *hybrid.LinkOffer {
	t.Helper()
	identity, err := hybrid.NewInvitation(hybrid.HintGetAssertion) // any P-256 key will do
	if err != nil {
		t.Fatal(err)
	}
	key, err := identity.Spend()
	if err != nil {
		t.Fatal(err)
	}
	return &hybrid.LinkOffer{ContactID: []byte("contact"), LinkID: [8]byte{1}, Secret: secret.Random(32), Identity: key, Name: "Ada's phone"}
}

func TestLinkIsGivenToWhoAsksForIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		invite func(hybrid.Hint) (*hybrid.Invitation, error)
		want   bool
	}{
		{"asked", hybrid.NewLinkingInvitation, true},
		{"not asked", hybrid.NewInvitation, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			inv, err := tt.invite(hybrid.HintGetAssertion)
			if err != nil {
				t.Fatal(err)
			}
			cfg := w.answerConfig()
			cfg.Link = newLinkOffer(t)
			served := servePhone(t.Context(), scan(t, inv), cfg, echo)
			c, err := link.Dial(within(t), inv, w.dialConfig())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			// The update comes before the response, so it has been read by then.
			if _, err := c.Send(within(t), []byte{1}); err != nil {
				t.Fatal(err)
			}
			l, ok := c.Linking()
			if ok != tt.want {
				t.Fatalf("Linking() = %v, want %v", ok, tt.want)
			}
			if ok && (!l.Identity.Equal(cfg.Link.Identity.PublicKey()) || !l.Secret.Equal(cfg.Link.Secret) || l.Name != "Ada's phone") {
				t.Errorf("Linking() = %+v", l)
			}
			if err := c.Linger(within(t)); err != nil {
				t.Errorf("Linger: %v", err)
			}
			if err := <-served; err != nil {
				t.Errorf("the phone: %v", err)
			}
		})
	}
}

func TestRequestsThatAreTooLargeStayHere(t *testing.T) {
	t.Parallel()
	c, _ := newWorld(t).connect(t, echo)
	if _, err := c.Send(within(t), make([]byte, ctap.MaxMessage+1)); err == nil {
		t.Error("Send took more than MaxMessage")
	}
	if _, err := c.Send(within(t), []byte{1}); err != nil {
		t.Errorf("Send after that: %v", err)
	}
}

func TestResponsesThatAreTooLargeStayThere(t *testing.T) {
	t.Parallel()
	c, served := newWorld(t).connect(t, func(context.Context, []byte) []byte { return make([]byte, ctap.MaxMessage+1) })
	if _, err := c.Send(within(t), []byte{1}); err == nil {
		t.Error("Send succeeded")
	}
	if err := <-served; err == nil {
		t.Error("Serve succeeded")
	}
}

func TestSendAfterCloseIsRefused(t *testing.T) {
	t.Parallel()
	c, _ := newWorld(t).connect(t, echo)
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := c.Send(within(t), []byte{1}); !errors.Is(err, link.ErrClosed) {
		t.Errorf("Send = %v, want ErrClosed", err)
	}
}

// Closing is the only way to cancel: a Send that waits must come back, and the
// phone must stop asking its person.
func TestCloseEndsASendThatWaits(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	c, served := newWorld(t).connect(t, func(ctx context.Context, _ []byte) []byte {
		close(asked)
		<-ctx.Done()
		return []byte{byte(ctap.KeepaliveCancel)}
	})
	sent := make(chan error, 1)
	go func() {
		_, err := c.Send(within(t), []byte{1})
		sent <- err
	}()
	<-asked
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-sent; !errors.Is(err, link.ErrClosed) {
		t.Errorf("Send = %v, want ErrClosed", err)
	}
	wantLeg(t, <-served, link.LegPeer)
}

func TestCancellingASendReachesThePhone(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	c, served := newWorld(t).connect(t, func(ctx context.Context, _ []byte) []byte {
		close(asked)
		<-ctx.Done()
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if _, err := c.Send(ctx, []byte{1}); !errors.Is(err, context.Canceled) {
		t.Errorf("Send = %v, want context.Canceled", err)
	}
	wantLeg(t, <-served, link.LegPeer)
}

func TestPatienceOfTheClientEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		c, served := w.connect(t, func(ctx context.Context, _ []byte) []byte {
			<-ctx.Done()
			return nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := c.Send(ctx, []byte{1})
		wantLeg(t, err, link.LegTimeout)
		wantLeg(t, <-served, link.LegPeer)
	})
}

func TestPatienceOfThePhoneEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		c, served := w.connect(t, echo)
		wantLeg(t, <-served, link.LegTimeout)
		_, err := c.Send(within(t), []byte{1})
		wantLeg(t, err, link.LegPeer)
	})
}

func TestPhoneThatIsCancelledEndsTheSend(t *testing.T) {
	t.Parallel()
	w, inv := newWorld(t), invite(t)
	ctx, cancel := context.WithCancel(t.Context())
	served := servePhone(ctx, scan(t, inv), w.answerConfig(), func(ctx context.Context, _ []byte) []byte {
		cancel() // the app is being closed
		<-ctx.Done()
		return nil
	})
	c, err := link.Dial(within(t), inv, w.dialConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Send(within(t), []byte{1})
	wantLeg(t, err, link.LegPeer)
	if err := <-served; !errors.Is(err, context.Canceled) {
		t.Errorf("the phone: %v, want context.Canceled", err)
	}
}

func TestPhoneServesOnce(t *testing.T) {
	t.Parallel()
	w, inv := newWorld(t), invite(t)
	go func() {
		c, err := link.Dial(within(t), inv, w.dialConfig())
		if err == nil {
			c.Close()
		}
	}()
	p, err := link.Answer(within(t), scan(t, inv), w.answerConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	wantLeg(t, p.Serve(within(t), echo), link.LegPeer)
	if err := p.Serve(within(t), echo); err == nil {
		t.Error("second Serve succeeded")
	}
}

func BenchmarkTransaction(b *testing.B) {
	w := newWorld(b)
	request := make([]byte, 200)
	for b.Loop() {
		c, served := w.connect(b, echo)
		if _, err := c.Send(b.Context(), request); err != nil {
			b.Fatal(err)
		}
		c.Close()
		if err := <-served; err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSend(b *testing.B) {
	c, _ := newWorld(b).connect(b, echo)
	request := make([]byte, 1<<10)
	b.SetBytes(int64(len(request)))
	for b.Loop() {
		if _, err := c.Send(b.Context(), request); err != nil {
			b.Fatal(err)
		}
	}
}
