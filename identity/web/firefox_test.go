package web_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"cardea/internal/firefox"
)

// fox is a Firefox in a test's hands.
type fox struct {
	*firefox.Browser
	t   *testing.T
	ctx context.Context
}

func newFox(t *testing.T) *fox {
	t.Helper()
	if _, err := firefox.Find(); errors.Is(err, firefox.ErrNotInstalled) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	oneBrowser.Lock()
	t.Cleanup(oneBrowser.Unlock)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	b := must[*firefox.Browser](t)(firefox.Start(ctx, t.TempDir()))
	t.Cleanup(b.Close)
	return &fox{b, t, ctx}
}

func (f *fox) check(err error) {
	f.t.Helper()
	if err != nil {
		text, _ := firefox.Eval[string](context.WithoutCancel(f.ctx), f.Browser, `location.href + ': ' + document.body.innerText`)
		f.t.Fatalf("%v; the page is %q, the console says %q", err, text, f.Problems())
	}
}

func (f *fox) until(expression string) {
	f.t.Helper()
	patience, cancel := context.WithTimeout(f.ctx, 30*time.Second)
	defer cancel()
	f.check(f.Until(patience, expression))
}

func (f *fox) reads(text string) {
	f.t.Helper()
	f.until(`document.readyState === 'complete' && document.body.innerText.includes(` + quote(text) + `)`)
}

func (f *fox) click(name string) {
	f.t.Helper()
	f.until(`(() => {
  if (document.readyState !== 'complete') return false;
  const e = [...document.querySelectorAll('button, a, summary')].find(e => e.checkVisibility() && e.innerText.trim().startsWith(` + quote(name) + `));
  e?.click();
  return !!e;
})()`)
}

func (f *fox) fill(id, text string) {
	f.t.Helper()
	f.until(`(() => { const e = document.getElementById(` + quote(id) + `); if (!e?.checkVisibility()) return false; e.value = ` + quote(text) + `; return true; })()`)
}

// A person comes in by an access pass, adds a passkey, leaves, and signs in
// with it, all in Firefox.
func TestPasskeysInFirefox(t *testing.T) {
	t.Parallel()
	h, _, _ := signedIn(t)
	_, code := h.newcomer("jo")
	f := newFox(t)
	f.check(f.Open(f.ctx, h.login+"/signin/pass"))
	f.fill("username", "jo")
	f.fill("code", code)
	f.click("Sign in")
	f.reads("Where should your passkey live?")
	f.click("This device")
	f.reads("Is this device ready?")
	f.click("Continue")
	f.click("Yes, give it a name")
	f.reads("Your passkey is ready.")
	f.fill("name", "Fox")
	f.click("Done")
	f.reads("Security info")
	for _, u := range []string{h.account + "/", h.account + "/security", h.account + "/sessions", h.account + "/history", h.login + "/signin", h.login + "/signin/options", h.login + "/signin/pass"} {
		f.check(f.Resize(f.ctx, 320, 640))
		f.check(f.Open(f.ctx, u))
		for _, wrong := range must[[]string](t)(firefox.Eval[[]string](f.ctx, f.Browser, overflow)) {
			t.Errorf("%s: %s", u, wrong)
		}
		f.check(f.Press(f.ctx, firefox.Tab))
		f.until(`document.activeElement !== document.body && getComputedStyle(document.activeElement).outlineStyle !== 'none'`)
	}
	f.check(f.Open(f.ctx, h.account+"/sessions"))
	f.until(`(() => { const f = document.querySelector('form[action="/signout"]'); f?.requestSubmit(); return !!f; })()`)
	f.reads("Sign in again")
	f.check(f.Open(f.ctx, h.account+"/"))
	f.click("Sign-in options")
	f.click("Face, fingerprint")
	f.reads("Stay signed in on this browser?")
	f.click("No")
	f.until(`location.href === ` + quote(h.account+"/") + ` && document.readyState === 'complete'`)
	if found := f.Problems(); len(found) > 0 {
		t.Errorf("the console complains: %q", found)
	}
}
