package web_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"cardea/identity/audit"
	"cardea/identity/web"
)

// mostTransferred is what a page may bring over the wire with all it loads and
// all headers, to a browser that was never here.
const mostTransferred = 50 << 10

// shifts is what has moved by itself since the page opened, from where to where.
const shifts = `new Promise(done => {
  const moved = [];
  const at = r => [r.x, r.y, r.width, r.height].map(Math.round).join(' ');
  const note = e => moved.push(e.value + ': ' + e.sources.map(s => (s.node?.outerHTML || s.node?.nodeName || '?').slice(0, 120) + ' from ' + at(s.previousRect) + ' to ' + at(s.currentRect)).join(', '));
  const o = new PerformanceObserver(l => l.getEntries().forEach(note));
  o.observe({type: 'layout-shift', buffered: true});
  requestAnimationFrame(() => requestAnimationFrame(() => { o.takeRecords().forEach(note); done(moved); }));
})`

// scale counts the bytes that come over the wire.
type scale struct {
	mu    sync.Mutex
	bytes float64
}

func (s *scale) hear(event any) {
	if e, ok := event.(*network.EventLoadingFinished); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.bytes += e.EncodedDataLength
	}
}

func (s *scale) read() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	read := s.bytes
	s.bytes = 0
	return read
}

// Every page of the real server is light, stands still, and keeps to its
// policy.
func TestRealPagesAreLightAndStandStill(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	b := newTab(t)
	b.adopt(v)
	var weight scale
	b.check(chromedp.Listen(b.ctx, weight.hear))
	_, err := chromedp.Call(b.ctx, network.Enable, network.EnableParams{})
	b.check(err)
	_, err = chromedp.Call(b.ctx, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
	b.check(err)
	maia := h.passkeys("maia")[0]
	h.happened("maia", audit.Event{Kind: audit.SignIn, Reference: "TOUR", UserAgent: onEdge})
	for _, u := range []string{
		h.account + "/", h.account + "/security", h.account + "/security/add", h.account + "/security/passkeys/" + string(maia.ID) + "/rename",
		h.account + "/sessions", h.account + "/sessions/all/end", h.account + "/history", h.account + "/history?q=nothing&show=changes&days=7",
		v.entryAbout("TOUR"), v.entryAbout("TOUR") + "/not-me", h.account + "/lost", h.account + "/lost/" + string(maia.ID),
		h.account + "/apps", h.account + "/profile", h.login + "/lost-phone", h.account + "/admin", h.account + "/admin/people/new",
		h.account + "/admin/people/" + string(maia.UserID), h.account + "/admin/people/" + string(maia.UserID) + "/pass", h.account + "/admin/events",
		h.account + "/nothing", h.login + "/signin", h.login + "/signin/options", h.login + "/signin/passkey", h.login + "/signin/pass",
	} {
		weight.read()
		b.open(u)
		b.until("the whole of "+u, `document.readyState === 'complete'`)
		moved, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](shifts, chromedp.EvalAwaitPromise))
		b.check(err)
		got := weight.read()
		t.Logf("%6.0f bytes  %s", got, u)
		if got > mostTransferred || got < 1000 {
			t.Errorf("%s: %.0f bytes, want at most %d", u, got, mostTransferred)
		}
		for _, m := range moved {
			t.Errorf("%s: things move by themselves: %s", u, m)
		}
	}
	if len(b.problems) > 0 {
		t.Errorf("the console complains: %q", b.problems)
	}
}

// adopt makes the browser the visitor's: it gets their cookies.
func (b *tab) adopt(v *visitor) {
	b.t.Helper()
	for _, origin := range []string{v.login, v.account} {
		for _, c := range v.client.Jar.Cookies(must[*url.URL](b.t)(url.Parse(origin))) {
			_, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: origin})
			b.check(err)
		}
	}
}

// Without scripts, all of My Account can be used but what needs a passkey.
func TestMyAccountWorksWithoutScripts(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	h.wait(time.Second) // the second passkey is the younger one, and stands below
	second := newSoft(t)
	if got := v.register(second); got.Passkey == "" {
		t.Fatalf("the second passkey: %+v", got)
	}
	other := h.visitor()
	other.signIn(second, "")
	b := newTab(t)
	b.adopt(v)
	b.scripts(false)
	b.open(h.account + "/security")
	b.click("Rename")
	b.reads("What should it be called?")
	b.fill("name", "Kitchen laptop")
	b.click("Save")
	b.reads("Kitchen laptop")
	b.click("Delete")
	b.reads("Kitchen laptop")
	b.click("Delete")
	b.reads("The passkey is deleted.")
	if n := len(h.passkeys("maia")); n != 1 {
		t.Errorf("%d passkeys, want the one that is left", n)
	}
	b.click("Sessions")
	b.click("Sign out everywhere else")
	b.reads("1 session is signed out.")
	b.click("History")
	b.reads("Signed in")
	b.open(h.account + "/security/add")
	b.reads("Scripts are blocked in this browser")
	if len(b.problems) > 0 {
		t.Errorf("the console complains: %q", b.problems)
	}
}

// BenchmarkSignInPage is one look at the first page, without the network.
func BenchmarkSignInPage(b *testing.B) {
	ui := web.New(web.Site{Name: "Alder Library Trust", LoginURL: "https://login.alder.example"}, nil)
	page := web.SignIn{Attempt: web.Attempt{Failing: web.NotSignedIn, Begin: "/signin/passkey/begin", Finish: "/signin/passkey/finish"}, App: "Reading Room"}
	b.ReportAllocs()
	for b.Loop() {
		if html, err := ui.HTML(page); err != nil || !strings.Contains(string(html), "Reading Room") {
			b.Fatalf("HTML() = %.2000s, %v", html, err)
		}
	}
}
