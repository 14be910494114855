package browser

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/agent"
	"cardea/authenticator/authtest"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/qrimage"
	"cardea/hybrid/radio/air"
	"cardea/hybrid/tunnel"
	"cardea/internal/chromium"
	"cardea/relay"
	"cardea/webauthn"
)

// world is a real Chromium with the extension, a site, an authenticator on
// this device, and a phone nearby.
type world struct {
	t       *testing.T
	ctx     context.Context
	site    string // origin of the site
	page    *chromium.Page
	browser *chromium.Browser
	host    Installation
	local   *authtest.Person
	phone   *authenticator.Authenticator
	air     *air.Air
	tunnel  *tunnel.Dialer
	all     sync.WaitGroup
}

func needChromium(t *testing.T) {
	t.Helper()
	if _, err := chromium.Find(); errors.Is(err, chromium.ErrNotInstalled) {
		t.Skip(err)
	}
}

// prompting is the page of an authenticator that asks on pages.
const prompting = "<!doctype html><title>Prompt</title><h1>Cardea Authenticator asks here</h1>"

func newWorld(t *testing.T, form string) *world {
	t.Helper()
	needChromium(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	w := &world{t: t, ctx: ctx}
	t.Cleanup(w.all.Wait)
	t.Cleanup(cancel)
	dir := t.TempDir()

	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir("testdata")))
	mux.HandleFunc("/prompt", func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte(prompting)) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	w.site = "http://login.cardea.localhost:" + at.Port()

	config := Config{
		Authenticator: w.serveAgent(dir, server.URL+"/prompt"),
		Air:           w.serveAir(dir),
		Relays:        w.serveRelay(),
		Name:          "Chromium",
	}
	if form == "phone" {
		config.Form = "phone"
	}
	profile := filepath.Join(dir, "profile")
	w.host = w.install(dir, profile, config)
	w.browser, err = chromium.Start(ctx, chromium.Options{Profile: profile, Extension: w.host.Extension()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.browser.Close)
	if w.page, err = w.browser.Open(ctx, w.site+"/page.html"); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) serveAgent(dir, page string) (socket string) {
	a, _, person := authtest.New()
	w.local = person
	socket = filepath.Join(dir, "run", "agent.sock")
	l, err := agent.Listen(socket)
	if err != nil {
		w.t.Fatal(err)
	}
	w.all.Go(func() { _ = agent.Serve(w.ctx, l, a, page) })
	return socket
}

func (w *world) serveAir(dir string) (socket string) {
	w.air = air.New()
	socket = filepath.Join(dir, "air.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		w.t.Fatal(err)
	}
	w.all.Go(func() { _ = air.Serve(w.ctx, l, w.air) })
	return socket
}

func (w *world) serveRelay() map[string]string {
	service := relay.New(relay.Config{Log: slog.New(slog.DiscardHandler)})
	server := httptest.NewServer(service)
	w.t.Cleanup(func() { service.Close(); server.Close() })
	base := "ws" + strings.TrimPrefix(server.URL, "http")
	w.tunnel = &tunnel.Dialer{Base: func(string) string { return base }, Client: &http.Client{Transport: &http.Transport{}}}
	w.phone, _, _ = authtest.New()
	domain, err := hybrid.DevelopmentService.Domain()
	if err != nil {
		w.t.Fatal(err)
	}
	return map[string]string{domain: base}
}

func (w *world) install(dir, profile string, c Config) Installation {
	b, err := json.Marshal(c)
	if err != nil {
		w.t.Fatal(err)
	}
	path := filepath.Join(dir, "host.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		w.t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	i := Installation{Profiles: []string{profile}, Folder: filepath.Join(dir, "it's here"), Command: []string{exe, "browser-host", path}}
	if err := i.Install(); err != nil {
		w.t.Fatal(err)
	}
	return i
}

func eval[T any](w *world, expression string) T {
	w.t.Helper()
	v, err := chromium.Eval[T](w.ctx, w.page, expression)
	if err != nil {
		w.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// attached waits until the extension stands between page and browser, which
// shows in that there are no conditional requests.
func (w *world) attached() {
	w.t.Helper()
	if !w.settles(false) {
		w.t.Fatal("the extension did not attach")
	}
}

// settles waits until conditionalGet is want.
func (w *world) settles(want bool) bool {
	w.t.Helper()
	for w.ctx.Err() == nil {
		if eval[bool](w, `PublicKeyCredential.getClientCapabilities().then(c => c.conditionalGet)`) == want {
			return true
		}
	}
	return false
}

func (w *world) begin(way, options string) {
	w.t.Helper()
	eval[bool](w, fmt.Sprintf(`begin(%q, %s)`, way, options))
}

type answer struct {
	ID                      string
	RawID                   webauthn.Bytes
	AuthenticatorAttachment string
	Response                struct {
		ClientDataJSON, AuthenticatorData, PublicKey, Signature, UserHandle webauthn.Bytes
		Transports                                                          []string
	}
	Extensions map[string]any
	Error      string
	Message    string
}

func (w *world) answer() answer {
	w.t.Helper()
	return eval[answer](w, `answer`)
}

func (w *world) dialog() *chromium.Page {
	w.t.Helper()
	p, err := w.browser.WaitForWindow(w.ctx, func(u *url.URL) bool {
		return u.Scheme == "chrome-extension" && u.Host == ExtensionID && u.Path == "/dialog.html"
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.Close)
	return p
}

func (w *world) click(p *chromium.Page, name string) {
	w.t.Helper()
	// A click that closes the window is not acknowledged any more.
	if err := p.Click(w.ctx, name); err != nil && !strings.Contains(err.Error(), "target detached") {
		w.t.Fatal(err)
	}
}

func (w *world) sees(p *chromium.Page, texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		if _, err := p.WaitText(w.ctx, text); err != nil {
			w.t.Fatal(err)
		}
	}
}

// noDialog waits until no dialog is left.
func (w *world) noDialog() {
	w.t.Helper()
	for len(w.windows()) != 0 {
		if w.ctx.Err() != nil {
			w.t.Fatalf("dialogs %q are left", w.windows())
		}
	}
}

func verify(t *testing.T, made, used answer) {
	t.Helper()
	key, err := x509.ParsePKIXPublicKey(made.Response.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	client := sha256.Sum256(used.Response.ClientDataJSON)
	signed := sha256.Sum256(slices.Concat([]byte(used.Response.AuthenticatorData), client[:]))
	if !ecdsa.VerifyASN1(key.(*ecdsa.PublicKey), signed[:], used.Response.Signature) {
		t.Error("the signature does not verify")
	}
	if used.ID != made.ID || string(used.Response.UserHandle) != "user of the test" {
		t.Errorf("passkey %s of %q, want %s", used.ID, used.Response.UserHandle, made.ID)
	}
}

func TestPasskeyOnThisDeviceInARealBrowser(t *testing.T) {
	w := newWorld(t, "")
	w.attached()
	if !eval[bool](w, `PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()`) {
		t.Error("isUserVerifyingPlatformAuthenticatorAvailable() = false")
	}

	// The window goes to the page where the person is asked, and away after.
	allowed := make(chan struct{})
	w.local.Script(func(ctx context.Context, p authenticator.Prompt) (authenticator.Answer, error) {
		<-allowed
		return authtest.Approve(ctx, p)
	})
	w.begin("create", `{}`)
	d := w.dialog()
	w.sees(d, strings.TrimPrefix(w.site, "https://"), "New passkey for ana at cardea.localhost", "Make a passkey", "This device",
		"iPhone, iPad, or Android device")
	w.click(d, "This device")
	prompt, err := w.browser.WaitForWindow(w.ctx, func(u *url.URL) bool { return u.Path == "/prompt" })
	if err != nil {
		t.Fatal(err)
	}
	w.sees(prompt, "Cardea Authenticator asks here")
	prompt.Close()
	close(allowed)
	made := w.answer()
	if made.Error != "" {
		t.Fatalf("create(): %s: %s", made.Error, made.Message)
	}
	if made.AuthenticatorAttachment != "platform" || !slices.Equal(made.Response.Transports, []string{"hybrid", "internal"}) {
		t.Errorf("attachment %s, transports %q", made.AuthenticatorAttachment, made.Response.Transports)
	}
	if got := fmt.Sprint(made.Extensions); got != "map[credProps:map[rk:true]]" {
		t.Errorf("extensions %s", got)
	}
	wantData := `{"type":"webauthn.create","challenge":"Y2hhbGxlbmdlIG9mIGNyZWF0ZQ","origin":"` + w.site + `","crossOrigin":false}`
	if got := string(made.Response.ClientDataJSON); got != wantData {
		t.Errorf("clientDataJSON %s\nwant %s", got, wantData)
	}
	w.noDialog()

	w.begin("get", `{}`)
	d = w.dialog()
	w.sees(d, "Use a passkey to sign in", "Has a passkey for cardea.localhost")
	w.click(d, "This device")
	verify(t, made, w.answer())
	w.noDialog()

	w.begin("create", `{excludeCredentials: [{type: 'public-key', id: Uint8Array.from(atob('`+
		std(made.RawID)+`'), c => c.charCodeAt(0))}]}`)
	w.click(w.dialog(), "This device")
	if got := w.answer(); got.Error != "InvalidStateError" {
		t.Errorf("create() with the passkey excluded: %+v", got)
	}
}

func TestPasskeyOnAPhoneByItsCodeInARealBrowser(t *testing.T) {
	w := newWorld(t, "")
	w.attached()
	w.begin("create", `{}`)
	w.phoneWay(w.dialog())
	made := w.answer()
	w.noDialog()
	if made.Error != "" || made.AuthenticatorAttachment != "cross-platform" {
		t.Fatalf("create(): %+v", made)
	}
	if err := w.page.Goto(w.ctx, w.site+"/page.html?again"); err != nil {
		t.Fatal(err)
	}
	w.begin("get", `{}`)
	w.phoneWay(w.dialog())
	verify(t, made, w.answer())
}

// phoneWay takes the way by the phone: its camera reads the screen.
func (w *world) phoneWay(d *chromium.Page) {
	w.t.Helper()
	w.click(d, "iPhone, iPad, or Android device")
	w.sees(d, "Scan this with your phone", "Ends in")
	shot, err := d.Screenshot(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := qrimage.Decode(img)
	if err != nil {
		w.t.Fatal(err)
	}
	qr, err := hybrid.ParseQR(text)
	if err != nil {
		w.t.Fatal(err)
	}
	w.all.Go(func() {
		p, err := link.Answer(w.ctx, qr, link.AnswerConfig{
			Advertiser: w.air, Tunnel: w.tunnel, Service: hybrid.DevelopmentService, Info: w.phone.Info(),
		})
		if err != nil {
			w.t.Errorf("Answer() = %v", err)
			return
		}
		defer p.Close()
		_ = p.Serve(w.ctx, func(ctx context.Context, request []byte) []byte {
			return w.phone.Handle(ctx, authenticator.Caller{Via: "hybrid"}, request)
		})
	})
}

func TestEndsOfARequestInARealBrowser(t *testing.T) {
	w := newWorld(t, "")
	w.attached()

	w.begin("get", `{}`)
	d := w.dialog()
	w.sees(d, "No passkey for cardea.localhost here")
	w.click(d, "Cancel")
	if got := w.answer(); got.Error != "NotAllowedError" {
		t.Errorf("canceled: %+v", got)
	}
	w.noDialog()

	// The window is closed as a person closes it.
	w.begin("create", `{}`)
	d = w.dialog()
	w.sees(d, "Make a passkey")
	if _, err := chromium.Eval[bool](w.ctx, d, `(setTimeout(() => window.close()), true)`); err != nil {
		t.Fatal(err)
	}
	if got := w.answer(); got.Error != "NotAllowedError" {
		t.Errorf("window closed: %+v", got)
	}
	w.noDialog()

	// The page withdraws while the person at the authenticator is being asked.
	withdrawn := make(chan struct{})
	asked := w.local.Seen()
	w.local.Script(func(ctx context.Context, p authenticator.Prompt) (authenticator.Answer, error) {
		a, err := authtest.Leave(ctx, p)
		close(withdrawn)
		return a, err
	})
	w.begin("create", `{}`)
	w.click(w.dialog(), "This device")
	receive(t, w.ctx, asked)
	eval[bool](w, `(aborting.abort(), true)`)
	if got := w.answer(); got.Error != "AbortError" {
		t.Errorf("aborted: %+v", got)
	}
	receive(t, w.ctx, withdrawn)
	w.noDialog()

	// A page that asks anew ends what it asked before, as after a reload.
	w.begin("create", `{}`)
	d = w.dialog()
	w.sees(d, "Make a passkey")
	before, err := d.URL(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.page.Goto(w.ctx, w.site+"/page.html?reloaded"); err != nil {
		t.Fatal(err)
	}
	w.begin("create", `{}`)
	for now := w.windows(); len(now) != 1 || strings.HasSuffix(before, now[0]); now = w.windows() {
		if w.ctx.Err() != nil {
			t.Fatalf("windows %q, want one and not %s", now, before)
		}
	}
	w.click(w.dialog(), "Cancel")
	if got := w.answer(); got.Error != "NotAllowedError" {
		t.Errorf("after a reload: %+v", got)
	}
}

// windows returns the queries of the dialogs that are open.
func (w *world) windows() (open []string) {
	w.t.Helper()
	_, _ = w.browser.WaitForWindow(expired(w.ctx), func(u *url.URL) bool {
		if u.Scheme == "chrome-extension" && u.Path == "/dialog.html" {
			open = append(open, u.RawQuery)
		}
		return false
	})
	return open
}

// expired lets WaitForWindow look once.
func expired(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

func receive[T any](t *testing.T, ctx context.Context, c <-chan T) {
	t.Helper()
	select {
	case <-c:
	case <-ctx.Done():
		t.Fatal("waited in vain")
	}
}

func TestPhoneFormBeginsHereInARealBrowser(t *testing.T) {
	w := newWorld(t, "phone")
	w.attached()
	w.local.Script(authtest.Decline)
	w.begin("create", `{}`)
	d := w.dialog()
	w.sees(d, "Make a passkey") // declined here: the other ways are offered
	w.click(d, "This device")
	if made := w.answer(); made.Error != "" {
		t.Errorf("create(): %+v", made)
	}
}

func std(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
