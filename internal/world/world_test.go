package world

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"sync"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/qrimage"
	"cardea/platform"
	"cardea/platform/phone"
	"cardea/webauthn"
)

// A log that can be searched for what must not be in it.
type heard struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (h *heard) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.Write(b)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.String()
}

// start starts a world that ends with the test.
func start(t testing.TB) (*World, *heard) {
	t.Helper()
	// A Unix socket's path must be short; t.TempDir is long for long names.
	dir, err := os.MkdirTemp("", "world")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	log := new(heard)
	w, err := Start(ctx, Config{Dir: dir, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := w.Wait(); err != nil {
			t.Errorf("the world ended with: %v", err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return w, log
}

// A visitor is a browser without a screen: it keeps cookies, and hands passkey
// calls to a platform.Client.
type visitor struct {
	world  *World
	http   *http.Client
	client *platform.Client
	codes  []string        // QR codes that were shown
	origin webauthn.Origin // that its pages have; empty for the login host's

	address byte // last part of the loopback address it comes from
}

// dialer comes from one of the loopback addresses, of which this machine has
// many: what is limited for each address is so for each visitor.
func (v *visitor) dialer() *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, v.address)}}
}

// visit opens a browser in the world. phone holds its passkeys and reads codes
// with its camera.
func visit(t testing.TB, w *World, holder *authenticator.Authenticator) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{world: w}
	v.http = &http.Client{Jar: jar, Transport: &http.Transport{
		// Names below localhost are this machine; Go's resolver does not know.
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return v.dialer().DialContext(ctx, network, "127.0.0.1:"+port)
		},
	}}
	t.Cleanup(v.http.CloseIdleConnections)
	v.client = &platform.Client{
		Routes: []platform.Route{&phone.Route{Scanner: w.Air, Tunnel: w.Dialer()}},
		Open: func(context.Context, platform.Request) (platform.Dialog, error) {
			return &camera{t: t, visitor: v, holder: holder}, nil
		},
		Form: platform.FormDesktop,
	}
	return v
}

// camera is a dialog whose person takes the phone, reads the code off the
// screen, and waits.
type camera struct {
	t       testing.TB
	visitor *visitor
	holder  *authenticator.Authenticator
	phones  sync.WaitGroup
}

func (c *camera) Show(s platform.Screen) {
	if s.Sort == platform.ScreenFailed {
		c.t.Errorf("the dialog says that it failed: %+v", *s.Failed)
	}
	if s.Sort != platform.ScreenProgress || s.Progress.Stage != platform.StageShowCode {
		return
	}
	text, err := qrimage.Decode(picture(s.Progress.Code))
	if err != nil {
		c.t.Errorf("reading the code off the screen: %v", err)
		return
	}
	c.visitor.codes = append(c.visitor.codes, text)
	qr, err := hybrid.ParseQR(text)
	if err != nil {
		c.t.Errorf("understanding the code: %v", err)
		return
	}
	c.phones.Go(func() { c.answer(qr) })
}

func (c *camera) answer(qr hybrid.QR) {
	w := c.visitor.world
	p, err := link.Answer(c.t.Context(), qr, link.AnswerConfig{
		Advertiser: w.Air, Tunnel: w.Dialer(), Service: hybrid.DevelopmentService, Info: c.holder.Info(),
	})
	if err != nil {
		c.t.Errorf("answering by phone: %v", err)
		return
	}
	defer p.Close()
	err = p.Serve(c.t.Context(), func(ctx context.Context, request []byte) []byte {
		return c.holder.Handle(ctx, authenticator.Caller{Via: "hybrid"}, request)
	})
	if err != nil {
		c.t.Errorf("serving by phone: %v", err)
	}
}

func (c *camera) Act(ctx context.Context) (platform.Action, error) {
	<-ctx.Done()
	return platform.Action{}, ctx.Err()
}

func (c *camera) Close() { c.phones.Wait() }

// picture draws a code as a screen does, with its quiet zone.
func picture(m platform.Matrix) image.Image {
	const module, quiet = 5, 4
	side := (len(m) + 2*quiet) * module
	img := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			r, c := y/module-quiet, x/module-quiet
			dark := r >= 0 && c >= 0 && r < len(m) && c < len(m) && m[r][c]
			img.SetGray(x, y, color.Gray{Y: map[bool]uint8{true: 0, false: 255}[dark]})
		}
	}
	return img
}

type begun struct {
	ID       string          `json:"id"`
	Options  json.RawMessage `json:"options"`
	Location string          `json:"location"`
	Reason   string          `json:"reason"`
}

// post sends what a page's script sends, from the login host.
func (v *visitor) post(path string, body any) (int, begun, error) {
	var said begun
	b, err := json.Marshal(body)
	if err != nil {
		return 0, said, err
	}
	req, err := http.NewRequest(http.MethodPost, v.world.LoginURL+path, bytes.NewReader(b))
	if err != nil {
		return 0, said, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", v.world.LoginURL)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := v.http.Do(req)
	if err != nil {
		return 0, said, err
	}
	defer resp.Body.Close()
	if b, err = io.ReadAll(resp.Body); err != nil {
		return 0, said, err
	}
	if err := json.Unmarshal(b, &said); err != nil {
		return 0, said, fmt.Errorf("%s answered %.200q: %w", path, b, err)
	}
	return resp.StatusCode, said, nil
}

// page opens a page and returns its text and where it ended up.
func (v *visitor) page(url string) (text, at string, err error) {
	resp, err := v.http.Get(url)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), resp.Request.URL.String(), err
}

func (v *visitor) caller() platform.Caller {
	origin := v.origin
	if origin == "" {
		origin = webauthn.Origin(v.world.LoginURL)
	}
	return platform.Caller{Origin: origin, SameOriginWithAncestors: true}
}

// setUp makes the first administrator, with a passkey on the phone.
func (v *visitor) setUp(ctx context.Context) error {
	url, ok, err := v.world.Server.SetupURL(ctx)
	if err != nil || !ok {
		return fmt.Errorf("no setup link: %w", err)
	}
	_, code, _ := strings.Cut(url, "#")
	if _, _, err := v.page(v.world.LoginURL + "/setup"); err != nil {
		return err
	}
	status, b, err := v.post("/setup/begin", map[string]string{"code": code, "username": "ana", "displayName": "Ana Oduya"})
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("beginning: status %d, %s: %w", status, b.Reason, err)
	}
	var o webauthn.CreationOptions
	if err := json.Unmarshal(b.Options, &o); err != nil {
		return err
	}
	r, err := v.client.Create(ctx, v.caller(), o)
	if err != nil {
		return err
	}
	status, b, err = v.post("/setup/finish", map[string]any{"id": b.ID, "response": r})
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("finishing: status %d, %s: %w", status, b.Reason, err)
	}
	return nil
}

// assertion is a response that a page got, and what it belongs to.
type assertion struct {
	id       string
	response webauthn.AuthenticationResponse
}

// ask begins a sign-in and has the phone sign.
func (v *visitor) ask(ctx context.Context) (assertion, error) {
	status, b, err := v.post("/signin/passkey/begin", map[string]string{})
	if err != nil || status != http.StatusOK {
		return assertion{}, fmt.Errorf("beginning: status %d, %s: %w", status, b.Reason, err)
	}
	var o webauthn.RequestOptions
	if err := json.Unmarshal(b.Options, &o); err != nil {
		return assertion{}, err
	}
	r, err := v.client.Get(ctx, v.caller(), o)
	return assertion{b.ID, r}, err
}

func (v *visitor) answer(a assertion) (int, begun, error) {
	return v.post("/signin/passkey/finish", map[string]any{"id": a.id, "response": a.response})
}

// signIn is a whole sign-in by QR code.
func (v *visitor) signIn(ctx context.Context) error {
	a, err := v.ask(ctx)
	if err != nil {
		return err
	}
	status, b, err := v.answer(a)
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("finishing: status %d, %s: %w", status, b.Reason, err)
	}
	return nil
}

// The whole of it: all five parties, from a page's first request to My Account,
// without a browser, a network or a radio.
func TestSignInByQR(t *testing.T) {
	t.Parallel()
	w, log := start(t)
	holder, _, _ := authtest.New()
	first := visit(t, w, holder)
	if err := first.setUp(t.Context()); err != nil {
		t.Fatalf("setting up: %v", err)
	}
	v := visit(t, w, holder)
	if err := v.signIn(t.Context()); err != nil {
		t.Fatalf("signing in: %v", err)
	}
	text, at, err := v.page(w.AccountURL + "/")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(at, w.AccountURL) || !strings.Contains(text, "Ana Oduya") {
		t.Errorf("My Account is at %s and says %.300q, want Ana's page", at, text)
	}
	for _, code := range append(first.codes, v.codes...) {
		if strings.Contains(log.String(), strings.TrimPrefix(code, "FIDO:/")) {
			t.Error("a QR code is in the log")
		}
	}
}

func TestEachAnswerIsGoodOnceAndOnlyWhereItWasAskedFor(t *testing.T) {
	t.Parallel()
	w, _ := start(t)
	holder, _, _ := authtest.New()
	v := visit(t, w, holder)
	if err := v.setUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, err := v.ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := visit(t, w, holder)
	elsewhere.origin = "http://other.cardea.localhost"
	if strange, err := elsewhere.ask(t.Context()); err != nil {
		t.Fatal(err)
	} else if status, b, err := elsewhere.answer(strange); err != nil || status < 400 || b.Reason != "refused" {
		t.Errorf("the answer for another origin: status %d, reason %q, %v; want it refused", status, b.Reason, err)
	}
	other := visit(t, w, holder)
	if _, _, err := other.post("/signin/passkey/begin", map[string]string{}); err != nil {
		t.Fatal(err)
	}
	if status, b, err := other.answer(a); err != nil || status < 400 {
		t.Errorf("the answer from another browser: status %d, reason %q, %v; want a refusal", status, b.Reason, err)
	}
	if status, b, err := v.answer(a); err != nil || status != http.StatusOK {
		t.Fatalf("the answer: status %d, reason %q, %v; want success", status, b.Reason, err)
	}
	if status, b, err := v.answer(a); err != nil || status < 400 {
		t.Errorf("the answer once more: status %d, reason %q, %v; want a refusal", status, b.Reason, err)
	}
}

func BenchmarkSignInByQR(b *testing.B) {
	w, _ := start(b)
	holder, _, _ := authtest.New()
	v := visit(b, w, holder)
	if err := v.setUp(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		v.http.CloseIdleConnections()
		v.address++ // in a world of many people no address comes this often
		if err := v.signIn(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
