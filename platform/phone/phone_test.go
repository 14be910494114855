package phone_test

import (
	"context"
	"errors"
	"image"
	"image/color"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/qrimage"
	"cardea/hybrid/radio/air"
	"cardea/hybrid/tunnel"
	"cardea/platform"
	"cardea/platform/phone"
	"cardea/platform/routetest"
	"cardea/relay"
	"cardea/webauthn"
)

// room is a radio and a relay, and a phone that scans what is shown.
type room struct {
	air    *air.Air
	tunnel *tunnel.Dialer
	phone  *authenticator.Authenticator
	link   *hybrid.LinkOffer // what the phone gives who asks; may be nil
	// radioOfCalls is the phone's radio when it is called; nil for that of the room.
	radioOfCalls *air.Air

	ctx   context.Context // of the phone's side
	leave context.CancelFunc
	all   sync.WaitGroup
}

func newRoom(t *testing.T) *room {
	t.Helper()
	r := &room{air: air.New()}
	service := relay.New(relay.Config{Log: slog.New(slog.DiscardHandler)})
	server := httptest.NewServer(service)
	r.tunnel = &tunnel.Dialer{
		Base:   func(string) string { return "ws" + strings.TrimPrefix(server.URL, "http") },
		Client: &http.Client{Transport: &http.Transport{}},
	}
	r.phone, _, _ = authtest.New()
	r.ctx, r.leave = context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(func() {
		r.leave()
		service.Close()
		server.Close()
		r.all.Wait()
	})
	return r
}

// scan does the phone's part when the code is shown: it reads the picture.
func (r *room) scan(t *testing.T) func(platform.Progress) {
	return func(p platform.Progress) {
		if p.Stage != platform.StageShowCode {
			return
		}
		text, err := qrimage.Decode(picture(p.Code))
		if err != nil {
			t.Errorf("reading the code: %v", err)
			return
		}
		qr, err := hybrid.ParseQR(text)
		if err != nil {
			t.Errorf("parsing the code: %v", err)
			return
		}
		r.all.Go(func() { r.answer(t, qr) })
	}
}

func (r *room) answer(t *testing.T, qr hybrid.QR) {
	p, err := link.Answer(r.ctx, qr, r.answerConfig())
	if err != nil {
		if r.ctx.Err() == nil {
			t.Errorf("Answer() = %v", err)
		}
		return
	}
	defer p.Close()
	_ = p.Serve(r.ctx, r.handle)
}

func (r *room) answerConfig() link.AnswerConfig {
	return link.AnswerConfig{
		Advertiser: r.air, Tunnel: r.tunnel, Service: hybrid.DevelopmentService, Info: r.phone.Info(), Link: r.link,
	}
}

// picture draws a code as a screen does, with its quiet zone.
func picture(m platform.Matrix) image.Image {
	const module, quiet = 6, 4
	img := image.NewGray(image.Rect(0, 0, (len(m)+2*quiet)*module, (len(m)+2*quiet)*module))
	for i := range img.Pix {
		x, y := i%img.Stride/module-quiet, i/img.Stride/module-quiet
		img.Pix[i] = 0xff
		if y >= 0 && y < len(m) && x >= 0 && x < len(m) && m[y][x] {
			img.SetGray(i%img.Stride, i/img.Stride, color.Gray{})
		}
	}
	return img
}

func TestRoute(t *testing.T) {
	t.Parallel()
	routetest.Run(t, func(t *testing.T) routetest.World {
		r := newRoom(t)
		return routetest.World{
			Route:     &phone.Route{Scanner: r.air, Tunnel: r.tunnel},
			Dead:      &phone.Route{},
			Transport: webauthn.TransportHybrid,
			Shown:     r.scan(t),
		}
	})
}

// Where both radios can, a direct connection needs no relay.
func TestDirectRoute(t *testing.T) {
	t.Parallel()
	routetest.Run(t, func(t *testing.T) routetest.World {
		r := newRoom(t)
		away := &tunnel.Dialer{Base: func(string) string { return "ws://127.0.0.1:1" }}
		return routetest.World{
			Route:     &phone.Route{Scanner: r.air, Tunnel: away, Direct: true},
			Dead:      &phone.Route{},
			Transport: webauthn.TransportHybrid,
			Shown:     r.scan(t),
		}
	})
}

func TestEachLegIsShownInOrderWithTheRelaysName(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	var stages []platform.Stage
	var name string
	scan := r.scan(t)
	conn, err := (&phone.Route{Scanner: r.air, Tunnel: r.tunnel}).Open(t.Context(), platform.UsePasskey, func(p platform.Progress) {
		stages = append(stages, p.Stage)
		name = p.Relay
		if p.Stage == platform.StageShowCode && p.Until.IsZero() {
			t.Error("the code does not say how long it is good for")
		}
		scan(p)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got := strings.Join(strings.Fields(strings.Join(stagesText(stages), " ")), " ")
	if want := "show-code heard heard relayed answered"; got != want {
		t.Errorf("stages %q, want %q", got, want)
	}
	if want, err := hybrid.DevelopmentService.Domain(); err != nil || name != want {
		t.Errorf("relay %q, want %q", name, want)
	}
}

func stagesText(s []platform.Stage) (out []string) {
	for _, x := range s {
		out = append(out, string(x))
	}
	return out
}

func TestRelayThatIsAwayIsNamed(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	away := *r.tunnel
	away.Base = func(string) string { return "ws://127.0.0.1:1" }
	_, err := (&phone.Route{Scanner: r.air, Tunnel: &away}).Open(t.Context(), platform.UsePasskey, r.scan(t))
	want, domainErr := hybrid.DevelopmentService.Domain()
	if domainErr != nil {
		t.Fatal(domainErr)
	}
	var f *platform.Failure
	if !errors.As(err, &f) || f.Leg != platform.LegRelay || f.Relay != want {
		t.Errorf("Open() = %v, want the leg %s and the relay %s", err, platform.LegRelay, want)
	}
}

func TestPhoneThatDoesNotComeIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, err := (&phone.Route{Scanner: air.New()}).Open(t.Context(), platform.UsePasskey, func(platform.Progress) {})
		var f *platform.Failure
		if !errors.As(err, &f) || f.Leg != platform.LegAdvert {
			t.Errorf("Open() = %v, want the leg %s", err, platform.LegAdvert)
		}
	})
}

func TestCodeComesByItselfWhenBluetoothIsOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		radio := air.New()
		radio.SetPower(false)
		var stages []platform.Stage
		codes := map[string]bool{}
		off := 0
		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("seen enough")
		_, err := (&phone.Route{Scanner: radio}).Open(ctx, platform.UsePasskey, func(p platform.Progress) {
			stages = append(stages, p.Stage)
			switch p.Stage {
			case platform.StageRadioOff:
				if off++; off == 1 {
					go func() { synctest.Wait(); radio.SetPower(true) }()
				}
			case platform.StageShowCode:
				codes[rows(p.Code)] = true
				if off > 0 {
					cancel(enough)
				}
			}
		})
		if !errors.Is(err, enough) {
			t.Errorf("Open() = %v", err)
		}
		if got := strings.Join(stagesText(stages), " "); got != "show-code radio-off show-code" {
			t.Errorf("stages %q", got)
		}
		if len(codes) != 2 {
			t.Error("the same code was shown for two attempts")
		}
	})
}

func rows(m platform.Matrix) string {
	var b strings.Builder
	for _, row := range m {
		for _, dark := range row {
			if dark {
				b.WriteByte('#')
			} else {
				b.WriteByte('.')
			}
		}
	}
	return b.String()
}
