package web_test

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"cardea/identity/directory"
)

// before has every page of the tab run a script before its own: to be a browser
// that this one is not.
func (b *tab) before(script string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	b.check(err)
}

// noAutofill is a browser that offers no passkeys in the list below the name. A
// virtual device takes that list for a touch and may sign in by itself.
const noAutofill = `PublicKeyCredential.getClientCapabilities = async () => ({conditionalGet: false})`

// lives returns how long a cookie of the page's host has to live, less than zero
// if it ends with the browser or is not there.
func (b *tab) lives(name, origin string) time.Duration {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{origin}})
	b.check(err)
	for _, c := range r.Cookies {
		if c.Name == name && !c.Session {
			return time.Until(time.UnixMilli(int64(c.Expires * 1000)))
		}
	}
	return -1
}

// newcomer lets somebody new in by an access pass, to make a passkey on the
// device that is plugged in.
func (b *tab) newcomer(h *house, name string) {
	b.t.Helper()
	_, code := h.newcomer(name)
	b.open(h.login + "/signin/pass")
	b.fill("username", name)
	b.fill("code", code)
	b.click("Sign in")
	b.reads("Where should your passkey live?")
	b.click("This device")
	b.click("Continue")
	b.click("Yes, give it a name")
	b.click("Done")
	b.reads("is ready. You can sign in with it")
}

// key plugs in a security key that agrees to everything.
func (b *tab) key() webauthn.AuthenticatorID {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportUsb,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	b.check(err)
	return r.AuthenticatorID
}

// One browser, two people: who said that it may remember them is one click away
// from their passkey.
func TestAccountsInARealBrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := newTab(t)
	b.before(noAutofill)
	code, _, err := h.directory.FirstAdministratorCode(t.Context())
	b.check(err)
	device := b.device()
	b.open(h.login + "/setup#" + code)
	b.fill("display", "Maia Oduya")
	b.fill("username", "maia")
	b.click("Create my passkey")
	b.reads("Hello, Maia")
	signOut(b)
	b.click("Sign in again")
	b.fill("username", "maia")
	b.click("Next")
	b.reads("Stay signed in on this browser?")
	if d := b.lives("cardea-session", h.login); d >= 0 {
		t.Errorf("before the answer, the session outlives the browser by %v", d)
	}
	b.click("Yes")
	b.reads("Hello, Maia")
	if d := b.lives("cardea-session", h.login); d < 29*24*time.Hour || d > 31*24*time.Hour {
		t.Errorf("after yes, the session's cookie lives for %v, want 30 days", d)
	}
	b.open(h.login + "/signin/options")
	b.until("cookies that no script reads", `document.cookie === ''`)

	// Unlocking: the account is there, and nothing is asked afterwards.
	h.wait(10 * time.Minute)
	b.open(h.account + "/security/add")
	b.reads("Signed in here")
	b.pick("maia")
	b.reads("Where should your passkey live?")

	// Somebody else, with a key. Nobody touches her device meanwhile.
	b.open(h.account + "/")
	signOut(b)
	b.answers(device, false)
	key := b.key()
	b.newcomer(h, "jo")
	signOut(b)
	b.click("Sign in again")
	b.reads("Pick an account")
	b.click("Use another account")
	b.fill("username", "jo")
	b.click("Next")
	b.reads("Stay signed in on this browser?")
	b.answers(device, true)
	b.until("the box", `(document.querySelector('input[name=always]').checked = true)`)
	b.click("Yes")
	b.reads("Hello, jo")
	signOut(b)
	b.click("Sign in again")
	b.pick("jo")
	b.reads("Hello, jo") // nobody asks any more
	signOut(b)
	b.click("Sign in again")
	b.pick("maia")
	b.no()
	b.reads("Hello, Maia")
	signOut(b)
	b.click("Sign in again") // she said no, so she is forgotten
	b.reads("With your security key")
	b.until("jo alone", `document.querySelectorAll('button[name=username]').length === 1`)

	// Nobody answers: try again, or choose again.
	b.verified(key, false)
	b.pick("jo")
	b.fails("No passkey of this account was used.")
	b.verified(key, true)
	b.click("Sign in another way")
	b.reads("Pick an account")
	b.click("Forget an account")
	b.click("Forget jo")
	b.reads("You can leave this empty")
	if len(b.problems) > 0 {
		t.Errorf("the console complains: %q", b.problems)
	}
}

// Who picks an account whose passkeys are all elsewhere is told so, and is not
// signed in with somebody else's.
func TestPickedAccountWhosePasskeyIsGone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := newTab(t)
	code, _, err := h.directory.FirstAdministratorCode(t.Context())
	b.check(err)
	b.device()
	b.open(h.login + "/setup#" + code)
	b.fill("display", "Maia Oduya")
	b.fill("username", "maia")
	b.click("Create my passkey")
	b.reads("Hello, Maia")
	signOut(b)
	b.newcomer(h, "jo")
	signOut(b)
	v := h.visitor()
	maia := must[directory.User](t)(h.directory.UserByName(t.Context(), "maia"))
	pass, _, err := h.directory.IssueAccessPass(t.Context(), maia.ID, maia.ID, 0)
	b.check(err)
	v.post(v.login+"/signin/pass", map[string][]string{"username": {"maia"}, "code": {pass}})
	v.get(v.account + "/security/add")
	elsewhere := newSoft(t)
	if got := v.register(elsewhere); got.Passkey == "" {
		t.Fatalf("maia's passkey elsewhere: %+v", got)
	}
	v.signOut()
	v.yes(elsewhere)
	v.signOut()
	b.adopt(v) // the browser remembers maia
	for _, k := range h.passkeys("maia") {
		if k.CredentialID.String() != elsewhere.id.String() {
			b.check(h.directory.DeletePasskey(t.Context(), k.UserID, k.ID, ""))
		}
	}
	b.open(h.login + "/signin")
	b.pick("maia")
	b.fails("No passkey of this account was used.")
	b.click("Use another device")
	b.reads("This passkey") // of jo, or one that is not known: never a way in as maia
	b.until("nobody signed in", `location.pathname === '/signin'`)
}

// The device has jo's passkey, and maia was typed.
func TestPasskeyOfAnotherAccountInARealBrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.visitor().setUp(newSoft(t))
	b := newTab(t)
	b.before(noAutofill)
	b.device()
	b.newcomer(h, "jo")
	signOut(b)
	b.click("Sign in again")
	b.fill("username", "maia")
	b.click("Next")
	b.reads("This passkey belongs to jo")
	b.until("the focus on it", `document.activeElement.matches('[data-state=other] h1')`)
	b.click("Choose again")
	b.reads("You can leave this empty")
	b.click("Next")
	b.reads("You chose maia, and the passkey you used is for jo (jo).")
	b.click("Continue as jo")
	b.no()
	b.reads("Hello, jo")
	if len(b.problems) > 0 {
		t.Errorf("the console complains: %q", b.problems)
	}
}

// autofill is a browser that offers passkeys in the list below the name, whose
// person picks one when the test says so. The list itself is the browser's own
// and cannot be reached from here; the passkey is asked for by the real call.
const autofill = `(() => {
  const get = navigator.credentials.get.bind(navigator.credentials);
  PublicKeyCredential.getClientCapabilities = async () => ({conditionalGet: true});
  navigator.credentials.get = async ({mediation, ...o}) => {
    if (mediation !== 'conditional') return get({mediation, ...o});
    if (o.publicKey.allowCredentials?.length) throw new Error('a list for nobody');
    window.offered = true;
    await new Promise((picked, gone) => {
      addEventListener('picked', picked);
      o.signal.addEventListener('abort', () => gone(o.signal.reason));
    });
    return get(o);
  };
})()`

func TestAutofillAsksForNobodyAndGoesOn(t *testing.T) {
	t.Parallel()
	h, b := inMyAccount(t)
	b.device()
	b.open(h.account + "/security/add/device")
	b.click("Continue")
	b.click("Yes, give it a name")
	b.click("Done")
	b.reads("is ready. You can sign in with it")
	b.before(autofill)
	signOut(b)
	b.click("Sign in again")
	b.until("the list", `window.offered === true`)
	b.fill("username", "somebody else")
	b.until("a pick", `dispatchEvent(new Event('picked'))`)
	b.no() // what stands in the field does not count: the list showed whose it is
	b.reads("Hello, Maia")
	signOut(b)
	b.click("Sign in again")
	b.until("the list", `window.offered === true`)
	b.click("Next") // ends the list and asks
	b.no()
	b.reads("Hello, Maia")
	if len(b.problems) > 0 {
		t.Errorf("the console complains: %q", b.problems)
	}
}

// Browsers from before 2025 know passkeys, but not how to write them as JSON.
func TestOlderBrowsersWork(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := newTab(t)
	b.before(`delete PublicKeyCredential.parseCreationOptionsFromJSON; delete PublicKeyCredential.parseRequestOptionsFromJSON;
delete PublicKeyCredential.getClientCapabilities; delete PublicKeyCredential.prototype.toJSON;`)
	code, _, err := h.directory.FirstAdministratorCode(t.Context())
	b.check(err)
	b.open(h.login + "/setup#" + code)
	b.until("an older browser", `!PublicKeyCredential.parseCreationOptionsFromJSON && !PublicKeyCredential.prototype.toJSON`)
	b.device()
	b.fill("display", "Maia Oduya")
	b.fill("username", "maia")
	b.click("Create my passkey")
	b.reads("Hello, Maia")
	if k := h.passkeys("maia"); len(k) != 1 || len(k[0].Transports) == 0 || k[0].Attachment == "" {
		t.Errorf("what is known of the passkey: %+v", k)
	}
	signOut(b)
	b.click("Sign in again")
	b.click("Next")
	b.reads("Stay signed in on this browser?")
	b.click("Yes")
	b.reads("Hello, Maia")
	signOut(b)
	b.click("Sign in again")
	b.pick("maia") // with a list
	b.no()
	b.reads("Hello, Maia")
	if len(b.problems) > 0 {
		t.Errorf("the console complains: %q", b.problems)
	}
}

// F32: a view inside of another app, without passkeys, is no dead end.
func TestBrowserWithoutPasskeysSaysWhereToGo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.visitor().setUp(newSoft(t))
	b := newTab(t)
	b.before(`delete window.PublicKeyCredential; navigator.clipboard.writeText = async text => { window.copied = text; }`)
	for _, path := range []string{"/signin", "/signin/options", "/signin/passkey"} {
		b.open(h.login + path)
		b.reads("This browser can't use passkeys")
		b.reads(h.account + "/")
		b.until("the focus on it", `document.activeElement.matches('[data-state=unable] h1')`)
		b.click("Copy the address")
		b.reads("Copied")
		b.until("the address", `window.copied === `+quote(h.account+"/"))
	}
	b.click("Check this device")
	b.until("the page on devices", `location.pathname === '/support'`)
	if len(b.problems) > 0 {
		t.Errorf("the console complains: %q", b.problems)
	}
}
