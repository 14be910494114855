package app

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/vault"
	"cardea/ctap"
	"cardea/hybrid"
	"cardea/internal/chromium"
)

// filmOf writes a film for Chromium's fake camera: a desk with a screen that
// shows a code.
func filmOf(t *testing.T, text string) (path string) {
	t.Helper()
	var film bytes.Buffer
	for _, scale := range []int{5, 6, 7} {
		frame := image.NewRGBA(image.Rect(0, 0, 640, 480))
		draw.Draw(frame, frame.Bounds(), image.NewUniform(color.RGBA{200, 205, 201, 255}), image.Point{}, draw.Src)
		code := pictureOf(t, text, scale)
		draw.Draw(frame, code.Bounds().Add(image.Pt(320-code.Bounds().Dx()/2, 240-code.Bounds().Dy()/2)), code, image.Point{}, draw.Src)
		if err := jpeg.Encode(&film, frame, &jpeg.Options{Quality: 92}); err != nil {
			t.Fatal(err)
		}
	}
	path = filepath.Join(t.TempDir(), "film.mjpeg")
	if err := os.WriteFile(path, film.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// open opens a page of the phone as a phone looks.
func (s *site) open(ctx context.Context, b *chromium.Browser, path string) *chromium.Page {
	s.t.Helper()
	p, err := b.Open(ctx, s.url+path)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := p.SetLook(ctx, chromium.Look{Width: 390, Height: 844}); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// walk clicks, types ("Label=text") and reads ("?text") on a page, in order.
func walk(t *testing.T, ctx context.Context, p *chromium.Page, steps ...string) {
	t.Helper()
	for _, s := range steps {
		var err error
		if text, ok := strings.CutPrefix(s, "?"); ok {
			_, err = p.WaitText(ctx, text)
		} else if label, text, ok := strings.Cut(s, "="); ok {
			err = p.Type(ctx, label, text)
		} else {
			err = p.Click(ctx, s)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// snap keeps a screenshot if they are wanted.
func snap(t *testing.T, ctx context.Context, p *chromium.Page, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	png, err := p.Screenshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, "live-"+name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

const browserTimeout = 90 * time.Second

// The camera sees a picture of the code, the person taps, chooses, verifies,
// and the other device has its answer.
func TestCameraSignsIn(t *testing.T) {
	r := newRoom(t)
	inv := invite(t, hybrid.HintMakeCredential)
	b := startChromium(t, chromium.Options{Camera: filmOf(t, inv.Text()), Width: 390, Height: 844})
	ctx, cancel := context.WithTimeout(t.Context(), browserTimeout)
	defer cancel()
	s := start(t, r.phone)
	made := make(chan error, 1)
	go func() {
		client, err := r.dial(ctx, inv)
		if err != nil {
			made <- err
			return
		}
		defer client.Close()
		_, err = ctap.MakeCredential(ctx, client, makeRequest("ana@example"))
		made <- err
	}()

	p := s.open(ctx, b, "/")
	walk(t, ctx, p, "Scan", "?Save a passkey")
	snap(t, ctx, p, "found")
	walk(t, ctx, p, "Save a passkey", "?login.example")
	snap(t, ctx, p, "confirm")
	walk(t, ctx, p, "Continue", "?Simulated sensor")
	snap(t, ctx, p, "verify")
	walk(t, ctx, p, "Use Face ID")
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	walk(t, ctx, p, "?Sent")
	snap(t, ctx, p, "sent")
	walk(t, ctx, p, "Done", "?ana@example")
	if id, err := chromium.Eval[string](ctx, p, `performance.getEntriesByType('navigation').map(e => e.name).join(' ') + location.href`); err != nil || strings.Contains(id, "FIDO") {
		t.Errorf("addresses %q, %v; want none with the code", id, err)
	}
}

// Two pages show the same sheet; what one answers leaves both.
func TestSheetComesAndGoesOnOpenPages(t *testing.T) {
	b := startChromium(t, chromium.Options{Width: 390, Height: 844})
	ctx, cancel := context.WithTimeout(t.Context(), browserTimeout)
	defer cancel()
	s := start(t, nil)
	s.save(passkey(1, "ana@example"))
	app := s.open(ctx, b, "/settings")
	window := s.open(ctx, b, "/prompt")
	walk(t, ctx, window, "?Waiting for a request")

	_, answered := s.ask(ctx, useOf(passkey(1, "ana@example"), passkey(2, "desk@example")))
	walk(t, ctx, window, "?Sign in to Example?", "Ana C", "Continue", "Enter passcode", "Passcode=111111", "Continue", "?7 tries are left")
	if err := app.Front(ctx); err != nil {
		t.Fatal(err)
	}
	walk(t, ctx, app, "?7 tries are left", "Passcode="+testPIN, "Continue")
	if got := <-answered; got.err != nil || got.answer.Choice != 1 || !got.answer.Verified {
		t.Errorf("answer = %+v, want choice 1, verified", got)
	}
	walk(t, ctx, app, "Lock now", "?Test phone is locked") // the page below can be used again
	if err := window.Front(ctx); err != nil {
		t.Fatal(err)
	}
	walk(t, ctx, window, "?Sent")

	asking, withdraw := context.WithCancel(ctx)
	_, answered = s.ask(asking, authenticator.Prompt{Kind: authenticator.Unlock, RPID: "login.example", Caller: nearby})
	walk(t, ctx, window, "?Enter your passcode")
	withdraw()
	<-answered
	walk(t, ctx, window, "?The request is gone")
}

// The unlock gesture works by mouse and by keyboard, and the phone asks for it
// twice before it believes it.
func TestPatternIsDrawn(t *testing.T) {
	b := startChromium(t, chromium.Options{Width: 390, Height: 844})
	ctx, cancel := context.WithTimeout(t.Context(), browserTimeout)
	defer cancel()
	s := startAt(t, filepath.Join(t.TempDir(), "vault"), func(c *Config) { c.Style = Android })
	p := s.open(ctx, b, "/")
	draw := []string{"Dot 1", "Dot 7", "Dot 9"} // takes dots 4 and 8 along
	walk(t, ctx, p, "?Set up this phone", "Use a pattern instead", "?Join 4 dots or more")
	walk(t, ctx, p, draw...)
	walk(t, ctx, p, "?5 dots")
	snap(t, ctx, p, "pattern")
	walk(t, ctx, p, "Continue", "?Pattern again")
	walk(t, ctx, p, "Dot 3", "Clear", "?Join 4 dots or more")
	if _, err := chromium.Eval[bool](ctx, p, `['1', '7', '9'].every(key =>
		document.querySelector('[data-pad]:not([hidden]) .dot').dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })))`); err != nil {
		t.Fatal(err)
	}
	walk(t, ctx, p, "?5 dots", "Continue", "?No passkeys yet")
	if got := s.keeper.Kind(); got != vault.Pattern {
		t.Errorf("Kind = %q, want %q", got, vault.Pattern)
	}
	s.post("/lock")
	if err := s.keeper.Prove(ctx, "14789"); err != nil {
		t.Errorf("the pattern that was drawn: %v", err)
	}
}
