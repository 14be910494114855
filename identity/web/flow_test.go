package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"cardea/identity/directory"
	"cardea/internal/chromium"
)

// tab is a tab of a real Chromium that has virtual authenticators in place of a
// person's devices.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string // what the console complained of
}

// oneBrowser keeps the tests from starting several browsers at a time: each is
// heavier than all else here together.
var oneBrowser sync.Mutex

func newTab(t *testing.T) *tab {
	t.Helper()
	path, err := chromium.Find()
	if errors.Is(err, chromium.ErrNotInstalled) {
		t.Skip(err)
	}
	oneBrowser.Lock()
	t.Cleanup(oneBrowser.Unlock)
	opts := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath(path), chromedp.DisableGPU, chromedp.Flag("headless", "new"), chromedp.Flag("no-sandbox", os.Geteuid() == 0))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(func() { end(); stop() })
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	_, err = chromedp.Call(ctx, log.Enable, struct{}{})
	b.check(err)
	_, err = chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{})
	b.check(err)
	return b
}

// hear notes what would be a fault of the pages: exceptions, and refusals by
// the policy. Answers of 400 and more are part of the flows.
func (b *tab) hear(event any) {
	var problem string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		problem = fmt.Sprint(e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			problem = e.Entry.Text
		}
	}
	if problem != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.problems = append(b.problems, problem)
	}
}

func (b *tab) check(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// device plugs in an authenticator that agrees to everything.
func (b *tab) device() webauthn.AuthenticatorID {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	b.check(err)
	return r.AuthenticatorID
}

func (b *tab) unplug(id webauthn.AuthenticatorID) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: id})
	b.check(err)
}

func (b *tab) verified(id webauthn.AuthenticatorID, yes bool) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: id, IsUserVerified: yes})
	b.check(err)
}

// answers says whether somebody touches the devices that are asked.
func (b *tab) answers(id webauthn.AuthenticatorID, yes bool) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, webauthn.SetAutomaticPresenceSimulation,
		webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: id, Enabled: yes})
	b.check(err)
}

// kept returns how many passkeys a device holds.
func (b *tab) kept(id webauthn.AuthenticatorID) int {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: id})
	b.check(err)
	return len(r.Credentials)
}

func (b *tab) scripts(on bool) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
	b.check(err)
}

func (b *tab) open(u string) {
	b.t.Helper()
	b.check(chromedp.Do(b.ctx, chromedp.Navigate(u)))
}

// until waits until an expression is true in the page.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	patience, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	for {
		// A page that is just being left cannot be asked; look again.
		if ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression)); err == nil && ok {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond): // as long as a person would not notice
		case <-patience.Done():
			page, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + ': ' + document.body.innerText`))
			b.t.Fatalf("waiting for %s; the page is %q, %v; console: %q", what, page, err, b.problems)
		}
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string always can be
	return string(b)
}

// reads waits until the page shows a text.
func (b *tab) reads(text string) {
	b.t.Helper()
	b.until(text, `document.readyState === 'complete' && document.body.innerText.includes(`+quote(text)+`)`)
}

// click presses the button or link whose words begin with name.
func (b *tab) click(name string) {
	b.t.Helper()
	b.until("button "+name, `(() => {
  if (document.readyState !== 'complete') return false;
  const e = [...document.querySelectorAll('button, a, summary')].find(e => e.checkVisibility() && e.innerText.trim().startsWith(`+quote(name)+`));
  e?.click();
  return !!e;
})()`)
}

func (b *tab) fill(id, text string) {
	b.t.Helper()
	b.until("field "+id, `(() => {
  const e = document.getElementById(`+quote(id)+`);
  if (!e?.checkVisibility()) return false;
  e.value = `+quote(text)+`;
  return true;
})()`)
}

func (b *tab) fails(what string) {
	b.t.Helper()
	b.reads(what)
	b.until("the focus on the failure", `document.activeElement.matches('[data-state=failed] h1')`)
}

// TestPasskeysInARealBrowser goes through everything that the pages' scripts
// do: set-up, adding, naming, signing in, and what is said when it fails.
func TestPasskeysInARealBrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := newTab(t)
	b.before(noAutofill)
	code, _, err := h.directory.FirstAdministratorCode(t.Context())
	b.check(err)

	b.open(h.login + "/setup#" + code)
	b.until("the code to leave the address", `location.href === `+quote(h.login+"/setup"))
	first := b.device()
	b.fill("display", "Maia Oduya")
	b.fill("username", "maia")
	b.click("Create my passkey")
	b.reads("Hello, Maia")
	b.until("My Account", `location.href === `+quote(h.account+"/"))

	b.click("Security info")
	b.reads("This is your only way in")
	b.click("Add a passkey")
	b.click("This device")
	b.click("Continue")
	b.fails("The device or key you chose already has a passkey for your account.")
	b.unplug(first)
	second := b.device()
	b.click("Choose another place")
	b.click("A phone or tablet")
	b.reads("Is your phone or tablet ready?")
	b.click("Continue")
	b.reads("That isn't what you chose.") // the virtual device is this one
	b.click("Yes, give it a name")
	b.reads("Your passkey is ready. What should it be called?")
	b.fill("name", "Blue desk key")
	b.click("Done")
	b.reads("Blue desk key is ready.")

	signOut(b)
	b.click("Sign in again")
	b.verified(second, false)
	b.click("Sign-in options")
	b.click("Face, fingerprint, PIN, or security key")
	b.fails("The browser's window closed before a passkey was used.")
	b.verified(second, true)
	b.click("Try again")
	b.no()
	b.reads("Hello, Maia")

	signOut(b)
	b.click("Sign in again")
	b.fill("username", "maia")
	b.click("Next")
	b.no()
	b.reads("Hello, Maia")

	signOut(b)
	b.click("Sign in again")
	b.verified(second, false)
	b.click("Use another device")
	b.fails("The browser's window closed before a passkey was used.")
	b.verified(second, true)
	b.click("Use another device")
	b.no()
	b.reads("Hello, Maia")

	signOut(b)
	deletePasskey(h, "Blue desk key")
	b.click("Sign in again")
	b.click("Next")
	b.fails("This passkey isn't known here.")
	if n := b.kept(second); n != 0 {
		t.Errorf("the device still holds %d passkeys that the page knows to be dead", n)
	}
	b.open(h.login + "/setup")
	b.fails("This page needs the one-time link that Cardea printed when it started.")
	if len(b.problems) > 0 {
		t.Errorf("the console complains: %q", b.problems)
	}
}

func signOut(b *tab) {
	b.t.Helper()
	b.until("the account menu", `(() => { const m = document.querySelector('details.menu'); if (m) m.open = true; return !!m; })()`)
	b.click("Sign out")
	b.reads("You're signed out")
}

// no says no to staying signed in.
func (b *tab) no() {
	b.t.Helper()
	b.reads("Stay signed in on this browser?")
	b.click("No")
}

// pick chooses an account that the browser knows.
func (b *tab) pick(username string) {
	b.t.Helper()
	b.until("the account "+username, `(() => {
  const e = document.querySelector('button[name=username][value=' + CSS.escape(`+quote(username)+`) + ']');
  if (document.readyState !== 'complete' || !e?.checkVisibility()) return false;
  e.click();
  return true;
})()`)
}

func deletePasskey(h *house, name string) {
	h.t.Helper()
	for _, k := range h.passkeys("maia") {
		if k.Name == name {
			if err := h.directory.DeletePasskey(h.t.Context(), k.UserID, k.ID, ""); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

// A passkey that the server refuses must not stay on the device, where it would
// be offered and lead nowhere.
func TestRefusedPasskeyIsDroppedByItsDevice(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := newTab(t)
	code, _, err := h.directory.FirstAdministratorCode(t.Context())
	b.check(err)
	b.open(h.login + "/setup#" + code)
	first := b.device()
	b.fill("display", "Maia Oduya")
	b.fill("username", "maia")
	b.click("Create my passkey")
	b.reads("Hello, Maia")
	b.unplug(first)
	slow := b.device()
	b.answers(slow, false)
	b.click("Add a passkey")
	b.click("This device")
	b.click("Continue")
	b.reads("Follow your browser's window")
	b.click("Cancel")
	b.reads("Is this device ready?")
	b.answers(slow, true)
	h.onAnswer(func(path string) {
		if path == "/security/add/begin" {
			h.wait(6 * time.Minute) // the person takes their time
		}
	})
	b.click("Continue")
	b.fails("That took longer than 5 minutes, so we ended it to keep you safe.")
	b.reads("We asked your browser to have it removed")
	if n := b.kept(slow); n != 0 {
		t.Errorf("the device still holds %d passkeys", n)
	}
	if n := len(h.passkeys("maia")); n != 1 {
		t.Errorf("%d passkeys stored, want 1", n)
	}
}

// A browser that runs no scripts is told so, and an access pass works in it all
// the way to the page that needs one.
func TestAccessPassInABrowserWithoutScripts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.visitor().setUp(newSoft(t))
	_, code := h.newcomer("jo")
	b := newTab(t)
	b.scripts(false)
	b.open(h.account + "/")
	b.reads("Scripts are blocked in this browser")
	b.click("Next")
	b.reads("Use your passkey")
	b.click("Sign in another way")
	b.click("Access pass")
	b.fill("username", "jo")
	b.fill("code", strings.ToLower(code))
	b.click("Sign in")
	b.reads("Where should your passkey live?")
	b.reads("Scripts are blocked in this browser")
	b.scripts(true)
	b.open(h.account + "/")
	b.until("the page to register at", `location.href === `+quote(h.account+"/security/add"))
	device := b.device()
	b.click("A security key")
	b.click("Continue")
	b.reads("It's your only passkey for now")
	b.click("Yes, give it a name")
	b.reads("Your passkey is ready.")
	b.click("Done")
	b.reads("Security info")
	if k := h.passkeys("jo"); len(k) != 1 || k[0].Name != directory.DefaultPasskeyName || b.kept(device) != 1 {
		t.Errorf("jo's passkeys: %+v", k)
	}
	if len(b.problems) > 0 {
		t.Errorf("the console complains: %q", b.problems)
	}
}
