package web_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cardea/identity/web"
	"cardea/internal/chromium"
	"cardea/internal/httpd"
)

// The page asks the browser, and believes it: what the test makes the browser
// say is what the page shows.
func TestSupportPageShowsWhatTheBrowserSays(t *testing.T) {
	t.Parallel()
	if _, err := chromium.Find(); errors.Is(err, chromium.ErrNotInstalled) {
		t.Skip(err)
	}
	html, err := web.New(web.Site{Name: "Alder"}, nil).HTML(web.Support{})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(web.AssetPrefix, web.Assets())
	before := map[string]string{
		"/can":  "PublicKeyCredential.getClientCapabilities = async () => ({hybridTransport: true, conditionalGet: false, passkeyPlatformAuthenticator: true});",
		"/old":  "delete PublicKeyCredential.getClientCapabilities; PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable = async () => false; PublicKeyCredential.isConditionalMediationAvailable = async () => true;",
		"/none": "delete window.PublicKeyCredential;",
	}
	for path, script := range before {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(strings.Replace(string(html), "<script ", `<script src="`+path+`.js"></script><script `, 1)))
		})
		mux.HandleFunc("GET "+path+".js", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write([]byte(script))
		})
	}
	srv := httptest.NewServer(httpd.Headers(httpd.PageCSP, mux))
	t.Cleanup(srv.Close)
	oneBrowser.Lock()
	t.Cleanup(oneBrowser.Unlock)
	b, err := chromium.Start(t.Context(), chromium.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	tab, err := b.Open(t.Context(), "about:blank")
	if err != nil {
		t.Fatal(err)
	}
	local := strings.Replace(srv.URL, "127.0.0.1", "localhost", 1) // passkeys need a name
	for path, want := range map[string]string{
		"/can":  "here=Yes computer=Yes phone=Can't tell autofill=No",
		"/old":  "here=No computer=Can't tell phone=Can't tell autofill=Yes",
		"/none": "here=No computer=No phone=Can't tell autofill=No",
	} {
		if err := tab.Goto(t.Context(), local+path); err != nil {
			t.Fatal(err)
		}
		const shown = `(async () => { for (let i = 0; i < 200 && document.querySelector('[data-check]').ariaBusy !== 'false'; i++) await new Promise(requestAnimationFrame);
			return [...document.querySelectorAll('[data-leg]')].slice(0, 4).map(e => e.dataset.leg + '=' + e.querySelector('.chip').textContent.trim()).join(' ') })()`
		got := ""
		for end := time.Now().Add(10 * time.Second); got != want && time.Now().Before(end); {
			if got, err = chromium.Eval[string](t.Context(), tab, shown); err != nil {
				t.Fatal(err)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
		banner, err := chromium.Eval[bool](t.Context(), tab, `!document.querySelector('[data-none]').hidden`)
		if err != nil || banner != (path == "/none") {
			t.Errorf("%s: says that the browser knows no passkeys: %t, %v", path, banner, err)
		}
	}
}
