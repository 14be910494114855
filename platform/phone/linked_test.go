package phone_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/ctap"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/radio/air"
	"cardea/hybrid/tunnel"
	"cardea/internal/secret"
	"cardea/platform"
	"cardea/platform/phone"
	"cardea/platform/routetest"
	"cardea/webauthn"
)

// linkable makes the phone of a room one that lets itself be linked, and
// returns what it is called by.
func (r *room) linkable(t *testing.T) *tunnel.Contact {
	t.Helper()
	root := secret.Random(32)
	contact := &tunnel.Contact{Dialer: r.tunnel, Service: hybrid.DevelopmentService, Key: hybrid.NewContactKey()}
	id, err := contact.ID()
	if err != nil {
		t.Fatal(err)
	}
	offer := func(linkID [8]byte) hybrid.LinkOffer {
		return hybrid.LinkOffer{
			ContactID: id[:], LinkID: linkID, Secret: hybrid.LinkSecret(root, id[:], linkID),
			Identity: hybrid.IdentityKey(root), Name: "Ada's phone",
		}
	}
	given := offer([8]byte{1})
	r.link = &given
	contact.Called = func(ctx context.Context, c *tunnel.Call) {
		call, err := hybrid.ParseCall(c.Payload)
		if err != nil {
			t.Errorf("ParseCall() = %v", err)
			return
		}
		cfg := r.answerConfig()
		if r.radioOfCalls != nil {
			cfg.Advertiser = r.radioOfCalls
		}
		p, err := link.AnswerCall(ctx, link.Linked{Call: call, Offer: offer(call.LinkID), Join: c.Accept}, cfg)
		if err != nil {
			return
		}
		defer p.Close()
		_ = p.Serve(ctx, r.handle)
	}
	return contact
}

// listen makes the phone reachable until the test ends.
func (r *room) listen(t *testing.T, c *tunnel.Contact) {
	t.Helper()
	there := make(chan struct{}, 8)
	c.Changed = func(err error) {
		if err == nil {
			there <- struct{}{}
		}
	}
	r.all.Go(func() { _ = c.Listen(r.ctx) })
	<-there
}

func (r *room) handle(ctx context.Context, request []byte) []byte {
	return r.phone.Handle(ctx, authenticator.Caller{Via: "hybrid", Name: "test"}, request)
}

// remembered signs in by code once, and returns the route that this gives.
func (r *room) remembered(t *testing.T) (platform.Remembered, *phone.Route) {
	t.Helper()
	codes := &phone.Route{
		Scanner: r.air, Tunnel: r.tunnel, Links: phone.OpenLinks(filepath.Join(t.TempDir(), "phones")),
	}
	conn, err := codes.Open(t.Context(), platform.UsePasskey, r.scan(t))
	if err != nil {
		t.Fatal(err)
	}
	// The link has come by the time of the first answer.
	if _, err := conn.Send(t.Context(), []byte{byte(ctap.CmdSelection)}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	all := codes.Remembered()
	if len(all) != 1 || all[0].Name() != "Ada's phone" || all[0].ID() == "" || all[0].Kind() != platform.Phone {
		t.Fatalf("remembered %v", all)
	}
	return all[0], codes
}

func TestRememberedPhoneIsARoute(t *testing.T) {
	t.Parallel()
	routetest.Run(t, func(t *testing.T) routetest.World {
		r := newRoom(t)
		contact := r.linkable(t)
		route, _ := r.remembered(t)
		r.listen(t, contact)
		return routetest.World{
			Route: route, Dead: &phone.Route{}, Transport: webauthn.TransportHybrid,
			Shown: func(p platform.Progress) {
				if p.Stage == platform.StageShowCode {
					t.Error("a code was shown")
				}
			},
		}
	})
}

func TestAPhoneThatDoesNotComeLeavesTheCode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before  func(t *testing.T, r *room, c *tunnel.Contact)
		instead platform.Instead
		left    int
	}{
		"off": {func(*testing.T, *room, *tunnel.Contact) {}, platform.InsteadOfSilence, 1},
		"busy": {func(t *testing.T, r *room, c *tunnel.Contact) {
			c.Called = func(ctx context.Context, call *tunnel.Call) { _ = call.Busy(ctx) }
			r.listen(t, c)
		}, platform.InsteadOfSilence, 1},
		"its Bluetooth is off": {func(t *testing.T, r *room, c *tunnel.Contact) {
			off := air.New()
			off.SetPower(false)
			r.radioOfCalls = off
			r.listen(t, c)
		}, platform.InsteadOfUnheard, 1},
		"this link has ended": {func(t *testing.T, r *room, c *tunnel.Contact) {
			c.Called = func(ctx context.Context, call *tunnel.Call) { _ = call.Gone(ctx) }
			r.listen(t, c)
		}, platform.InsteadOfForgotten, 0},
		"all links have ended": {func(t *testing.T, r *room, c *tunnel.Contact) {
			r.listen(t, c)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := c.Retire(ctx); err != nil {
				t.Fatal(err)
			}
		}, platform.InsteadOfForgotten, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			contact := r.linkable(t)
			route, codes := r.remembered(t)
			c.before(t, r, contact)
			r.link = nil // it would be remembered anew
			var stages []string
			var instead platform.Instead
			scan := r.scan(t)
			conn, err := route.Open(t.Context(), platform.UsePasskey, func(p platform.Progress) {
				stages = append(stages, string(p.Stage))
				if p.Stage == platform.StageShowCode {
					instead = p.Instead
				}
				scan(p)
			})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if got := strings.Join(stages, " "); !strings.HasPrefix(got, "calling show-code") || instead != c.instead {
				t.Errorf("stages %q, instead %q, want a call, then a code and %q", got, instead, c.instead)
			}
			if left := len(codes.Remembered()); left != c.left {
				t.Errorf("%d phones are remembered, want %d", left, c.left)
			}
		})
	}
}

func TestAForgottenPhoneIsNotOffered(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.linkable(t)
	route, codes := r.remembered(t)
	if err := route.Forget(); err != nil {
		t.Fatal(err)
	}
	if all := codes.Remembered(); len(all) != 0 {
		t.Errorf("remembered %v", all)
	}
}
