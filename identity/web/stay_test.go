package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/session"
	"cardea/webauthn"
)

// cookie returns what an answer sets the cookie to.
func (a answer) cookie(name string) (*http.Cookie, bool) {
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == name {
			return c, true
		}
	}
	return nil, false
}

// holds returns the value of a cookie that the visitor's browser has.
func (v *visitor) holds(origin, name string) string {
	v.t.Helper()
	for _, c := range v.client.Jar.Cookies(must[*url.URL](v.t)(url.Parse(origin))) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// session returns the session that the visitor's browser has on the login host.
func (v *visitor) session() session.Session {
	v.t.Helper()
	return must[session.Session](v.t)(v.sessions.ByToken(v.t.Context(), v.holds(v.login, "cardea-session")))
}

// person adds a person who has a passkey.
func (h *house) person(name string) *soft {
	h.t.Helper()
	_, code := h.newcomer(name)
	v, key := h.visitor(), newSoft(h.t)
	v.post(v.login+"/signin/pass", url.Values{"username": {name}, "code": {code}})
	v.get(v.account + "/security/add")
	if got := v.register(key); got.Passkey == "" {
		h.t.Fatalf("registering a passkey of %s: %+v", name, got)
	}
	return key
}

// yes signs in with key and stays signed in.
func (v *visitor) yes(key *soft, extra ...string) {
	v.t.Helper()
	done := v.comeIn(key, "", "")
	answer := url.Values{"stay": {"yes"}}
	for _, name := range extra {
		answer.Set(name, "1")
	}
	v.stays(done.Location, answer)
}

func (v *visitor) signOut() {
	v.t.Helper()
	v.post(v.login+"/signout", nil)
}

func TestStayingSignedInIsAskedAndMeansWhatItSays(t *testing.T) {
	t.Parallel()
	h, key := newHouse(t), newSoft(t)
	h.visitor().setUp(key)
	for _, tt := range []struct {
		stay   string
		kept   bool
		maxAge int
	}{{"no", false, 0}, {"yes", true, 30 * 24 * 60 * 60}, {"", false, 0}} {
		v := h.visitor()
		done := v.comeIn(key, "", authorize)
		page := v.get(v.login + done.Location)
		for _, word := range []string{"Stay signed in on this browser?", "7 days", "30 days", "8 hours", "maia", "Don&#39;t ask me again"} {
			if !strings.Contains(page.body, word) {
				t.Errorf("the question does not say %q: %s", word, text(page.body))
			}
		}
		if v.session().Kept {
			t.Errorf("kept before it was asked")
		}
		if to := v.stays(done.Location, url.Values{"stay": {tt.stay}}); to != authorize {
			t.Errorf("after %q on to %q, want what was asked for", tt.stay, to)
		}
		if s := v.session(); s.Kept != tt.kept || s.Kept && !s.Expires.Equal(h.clock().Add(session.KeptAbsolute)) {
			t.Errorf("after %q: %+v, want kept %t", tt.stay, s, tt.kept)
		}
		if got := v.holds(v.login, "cardea-accounts") != ""; got != tt.kept {
			t.Errorf("after %q: remembered %t", tt.stay, got)
		}
		h.wait(2 * 24 * time.Hour)
		if a := v.get(v.account + "/"); (a.at.Path == "/") != tt.kept {
			t.Errorf("two days after %q: at %s", tt.stay, a.at)
		}
	}
}

// What outlives the browser does so only after a yes.
func TestSessionCookieEndsWithTheBrowserUnlessKept(t *testing.T) {
	t.Parallel()
	h, key := newHouse(t), newSoft(t)
	h.visitor().setUp(key)
	v := h.visitor()
	var begun said
	v.script(v.login+"/signin/passkey/begin", map[string]string{}, &begun)
	a := v.script(v.login+"/signin/passkey/finish", map[string]any{"id": begun.ID, "response": key.get(begun.Options, v.login), "continue": ""}, &begun)
	if c, ok := a.cookie("cardea-session"); !ok || c.MaxAge != 0 || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie after signing in: %+v", c)
	}
	a = v.post(v.login+"/signin/stay", url.Values{"stay": {"yes"}, "session": {string(v.session().ID)}})
	if c, ok := a.cookie("cardea-session"); !ok || c.MaxAge != 30*24*60*60 || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie after yes: %+v", c)
	}
	if c, ok := a.cookie("cardea-accounts"); !ok || c.MaxAge != 90*24*60*60 || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || strings.Contains(c.Value, "maia") {
		t.Errorf("cookie of the accounts: %+v", c)
	}
}

func TestOnlyTheFreshSessionIsAskedAbout(t *testing.T) {
	t.Parallel()
	h, key := newHouse(t), newSoft(t)
	h.visitor().setUp(key)
	jo := h.person("jo")
	yes := func(v *visitor, s session.Session) bool {
		t.Helper()
		v.post(v.login+"/signin/stay", url.Values{"stay": {"yes"}, "session": {string(s.ID)}})
		return v.session().Kept
	}
	v := h.visitor()
	done := v.comeIn(key, "", "")
	first := v.session()
	v.get(v.login + done.Location + "&stay=yes&session=" + string(first.ID))
	if v.session().Kept {
		t.Error("a link answers for the person")
	}
	v.comeIn(jo, "", "")
	if yes(v, first) {
		t.Error("the answer for maia's session keeps jo's")
	}
	h.wait(session.AskKept)
	if yes(v, v.session()) {
		t.Error("who finds the browser open later may answer")
	}
	if a := v.get(v.login + done.Location); a.at.String() != h.account+"/" {
		t.Errorf("later the question is at %s, want on to My Account", a.at)
	}
	if a := h.visitor().post(h.login+"/signin/stay", url.Values{"stay": {"yes"}, "session": {string(first.ID)}}); a.status != http.StatusSeeOther {
		t.Errorf("an answer by nobody: %d", a.status)
	}
}

// Neither an access pass nor a program asks, nor who only unlocks once more: they
// stay as they chose.
func TestWhoIsNotAsked(t *testing.T) {
	t.Parallel()
	h, key := newHouse(t), newSoft(t)
	h.visitor().setUp(key)
	program := directory.Client{ID: "terminal", Name: "A terminal", RedirectURIs: []string{"http://127.0.0.1/"}, Public: true, FirstParty: true, Native: true}
	if err := h.directory.PutClient(t.Context(), program); err != nil {
		t.Fatal(err)
	}
	const terminal = "/oauth2/authorize?client_id=terminal&scope=openid"
	if done := h.visitor().comeIn(key, "", terminal); done.Location != terminal {
		t.Errorf("for a program: %s", done.Location)
	}
	no, yes := h.visitor(), h.visitor()
	no.signIn(key, "")
	yes.yes(key)
	for name, v := range map[string]*visitor{"no": no, "yes": yes} {
		before := v.session()
		h.wait(time.Hour)
		if done := v.comeIn(key, "", authorize+"&prompt=login"); done.Location != authorize+"&prompt=login" {
			t.Errorf("once more, after %s: %s", name, done.Location)
		}
		if s := v.session(); s.ID == before.ID || s.Kept != before.Kept {
			t.Errorf("once more, after %s: kept %t, want %t and a new session", name, s.Kept, before.Kept)
		}
	}
}

func TestAnswerIsRememberedIfThePersonWants(t *testing.T) {
	t.Parallel()
	h, key := newHouse(t), newSoft(t)
	h.visitor().setUp(key)
	jo := h.person("jo")
	asked := func(v *visitor, key *soft) bool {
		t.Helper()
		v.signOut()
		return strings.HasPrefix(v.comeIn(key, "", "").Location, "/signin/stay?")
	}
	v := h.visitor()
	v.stays(v.comeIn(key, "", "").Location, url.Values{"stay": {"no"}})
	if !asked(v, key) {
		t.Error("not asked again, though nobody said so")
	}
	v.signOut()
	v.stays(v.comeIn(key, "", "").Location, url.Values{"stay": {"no"}, "always": {"1"}})
	if asked(v, key) || v.session().Kept {
		t.Error("asked again after no and never again, or kept")
	}
	if !asked(v, jo) {
		t.Error("jo is not asked because maia said never again")
	}
	if a := v.get(v.login + "/signin"); strings.Contains(a.body, "Maia") {
		t.Errorf("the browser shows who said no: %s", text(a.body))
	}
	a := v.get(v.login + "/signin/options")
	if !strings.Contains(a.body, `action="/signin/stay/ask"`) {
		t.Fatalf("no way to be asked again: %s", text(a.body))
	}
	v.post(v.login+"/signin/stay/ask", nil)
	if a := v.get(v.login + "/signin/options"); strings.Contains(a.body, `action="/signin/stay/ask"`) || !asked(v, key) {
		t.Error("not asked again, though somebody said so")
	}
	v.signOut()
	v.yes(key, "always")
	if asked(v, key) || !v.session().Kept {
		t.Error("asked again after yes and never again, or not kept")
	}
	if !asked(v, jo) || v.session().Kept {
		t.Error("jo stays signed in because maia does")
	}
}

func (v *visitor) tiles() string {
	v.t.Helper()
	return v.get(v.login + "/signin").body
}

func TestBrowserShowsWhoSaidItMay(t *testing.T) {
	t.Parallel()
	h, key := newHouse(t), newSoft(t)
	h.visitor().setUp(key)
	v := h.visitor()
	if strings.Contains(v.tiles(), "Pick an account") {
		t.Error("a new browser knows somebody")
	}
	v.yes(key)
	v.signOut()
	for name, jo := range map[string]*soft{"jo": h.person("jo"), "sam": h.person("sam")} {
		v.yes(jo)
		v.signOut()
		if !strings.Contains(v.tiles(), `value="`+name+`" data-run`) {
			t.Errorf("%s is not shown: %s", name, text(v.tiles()))
		}
	}
	body := v.tiles()
	if !strings.Contains(body, "Pick an account") || !strings.Contains(body, "Maia Oduya") || !strings.Contains(body, `href="/signin/name"`) {
		t.Errorf("the page: %s", text(body))
	}
	v.post(v.login+"/signin/forget", url.Values{"forget": {"maia"}})
	if body := v.tiles(); strings.Contains(body, "Maia") || !strings.Contains(body, "jo") {
		t.Errorf("after forgetting maia: %s", text(body))
	}
	h.wait(90 * 24 * time.Hour)
	if strings.Contains(v.tiles(), "Pick an account") {
		t.Error("people are remembered for ever")
	}
}

func TestBrowserRemembersFivePeople(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.visitor().setUp(newSoft(t))
	v := h.visitor()
	for i := range 6 {
		v.yes(h.person(fmt.Sprintf("person-%d", i)))
		v.signOut()
		h.wait(time.Minute)
	}
	body := v.tiles()
	if n := strings.Count(body, `name="username"`); n != 5 || strings.Contains(body, "person-0") || !strings.Contains(body, "person-5") {
		t.Errorf("%d people, want the last five: %s", n, text(body))
	}
}

// Who signs out everywhere because they don't know who is where is forgotten by
// the browsers that remember them, and a copy of what such a browser holds is
// worth nothing from then on.
func TestSigningOutEverywhereIsForgettingEverywhere(t *testing.T) {
	t.Parallel()
	for name, out := range map[string]func(h *house, mine, v *visitor){
		"everywhere": func(_ *house, mine, _ *visitor) { mine.post(mine.account+"/sessions/all/end", nil) },
		"all others": func(_ *house, mine, _ *visitor) { mine.post(mine.account+"/sessions/others/end", nil) },
		"not me": func(h *house, mine, _ *visitor) {
			h.happened("jo", audit.Event{Kind: audit.SignIn, Reference: "NOT-JO"})
			mine.post(mine.entryAbout("NOT-JO")+"/not-me", nil)
		},
		"a lost phone": func(h *house, mine, v *visitor) {
			v.signOut() // it came in with another passkey, and might stay
			spare := mine.register(newSoft(t))
			if a := mine.post(mine.account+"/lost/"+spare.Passkey, nil); a.status != http.StatusSeeOther || !strings.Contains(a.location, "/done") {
				t.Errorf("a lost phone: %+v, then %d to %q", spare, a.status, a.location)
			}
		},
		"an administrator": func(h *house, _, _ *visitor) {
			maia := must[directory.User](t)(h.directory.UserByName(t.Context(), "maia"))
			must[int](t)(h.sessions.SignOut(t.Context(), maia.ID, must[directory.User](t)(h.directory.UserByName(t.Context(), "jo")).ID))
		},
	} {
		h := newHouse(t)
		h.visitor().setUp(newSoft(t))
		mine, key := h.member("jo")
		v := h.visitor()
		v.yes(key, "always")
		if v.listed("jo") != 1 || !strings.Contains(v.tiles(), `value="jo"`) {
			t.Fatalf("%s: jo is not remembered to begin with", name)
		}
		h.wait(2 * time.Second)
		out(h, mine, v)
		if n := v.listed("jo"); n != 0 || strings.Contains(v.tiles(), `value="jo"`) {
			t.Errorf("%s: %d passkeys listed, and the page: %s", name, n, text(v.tiles()))
		}
		h.wait(time.Second)
		if done := v.comeIn(key, "", ""); !strings.HasPrefix(done.Location, "/signin/stay?") || v.session().Kept {
			t.Errorf("%s: the next sign-in goes to %q, kept %t; want to be asked again", name, done.Location, v.session().Kept)
		}
	}
}

// Nobody but us writes what a browser remembers.
func TestRememberedAccountsCannotBeMadeUp(t *testing.T) {
	t.Parallel()
	h, key := newHouse(t), newSoft(t)
	h.visitor().setUp(key)
	v := h.visitor()
	v.yes(key)
	good := v.holds(v.login, "cardea-accounts")
	maia := must[directory.User](t)(h.directory.UserByName(t.Context(), "maia"))
	for name, value := range map[string]string{
		"plain": `[{"u":"` + string(maia.ID) + `","s":true,"t":9999999999}]`, "changed": "A" + good[1:], "cut": good[:len(good)-4],
		"another cookie of ours": v.holds(v.account, "cardea-account"), "empty": "",
	} {
		other := h.visitor()
		other.client.Jar.SetCookies(must[*url.URL](t)(url.Parse(h.login)), []*http.Cookie{{Name: "cardea-accounts", Value: value}})
		if body := other.tiles(); strings.Contains(body, "Maia") {
			t.Errorf("%s: the page shows %s", name, text(body))
		}
		if n := other.listed("maia"); n != 0 {
			t.Errorf("%s: %d passkeys listed", name, n)
		}
	}
}

// listed returns how many passkeys the browser is told to look for when somebody
// chooses a user name.
func (v *visitor) listed(username string) int {
	v.t.Helper()
	return len(v.begun(username).AllowCredentials)
}

func (v *visitor) begun(username string) webauthn.RequestOptions {
	v.t.Helper()
	var begun said
	v.script(v.login+"/signin/passkey/begin", map[string]string{"username": username}, &begun)
	var o webauthn.RequestOptions
	if err := json.Unmarshal(begun.Options, &o); err != nil {
		v.t.Fatalf("beginning as %q: %v: %+v", username, err, begun)
	}
	return o
}

func TestNamesOfStrangersAllLookAlike(t *testing.T) {
	t.Parallel()
	h, key := newHouse(t), newSoft(t)
	h.visitor().setUp(key)
	h.person("jo")
	v := h.visitor()
	v.yes(key)
	v.signOut()
	var shapes []string
	for _, name := range []string{"jo", "nobody", "", strings.Repeat("x", 5000), "\x00<b>"} {
		o := v.begun(name)
		o.Challenge = nil
		shapes = append(shapes, string(must[[]byte](t)(json.Marshal(o))))
	}
	for _, s := range shapes {
		if s != shapes[0] {
			t.Errorf("options are %s, want %s", s, shapes[0])
		}
	}
	if n := v.listed(" Maia "); n != 1 {
		t.Errorf("a remembered name that was typed lists %d passkeys, want 1", n)
	}
	if n := h.visitor().listed("maia"); n != 0 {
		t.Errorf("another browser is told of %d of maia's passkeys", n)
	}
	v.post(v.login+"/signin/forget", url.Values{"forget": {"maia"}})
	if n := v.listed("maia"); n != 0 {
		t.Errorf("after forgetting her, %d passkeys are listed", n)
	}
}

// The way that worked last is offered first.
func TestWayOfLastTimeIsTheHint(t *testing.T) {
	t.Parallel()
	h, key := newHouse(t), newSoft(t)
	h.visitor().setUp(key)
	for _, tt := range []struct{ attachment, hint, says string }{
		{"platform", "client-device", "With a passkey on this device"},
		{"cross-platform", "hybrid", "With your phone or another device"}, {"", "", ""},
	} {
		key.attachment = tt.attachment
		v := h.visitor()
		v.yes(key)
		v.signOut()
		if o := v.begun("maia"); strings.Join(o.Hints, " ") != tt.hint {
			t.Errorf("after %q the hint is %q, want %q", tt.attachment, o.Hints, tt.hint)
		}
		if body := v.tiles(); !strings.Contains(body, tt.says) {
			t.Errorf("after %q: %s", tt.attachment, text(body))
		}
		// A later sign-in changes it.
		key.attachment = "platform"
		v.comeIn(key, "maia", "")
		v.signOut()
		if o := v.begun("maia"); strings.Join(o.Hints, " ") != "client-device" {
			t.Errorf("after %q and then this device, the hint is %q", tt.attachment, o.Hints)
		}
	}
	v := h.visitor()
	v.yes(key)
	var begun said
	v.script(v.login+"/signin/passkey/begin", map[string]string{"username": "maia", "hint": "hybrid"}, &begun)
	if !strings.Contains(string(begun.Options), `"hints":["hybrid"]`) || strings.Contains(string(begun.Options), "allowCredentials") {
		t.Errorf("another device: %s, want no list that could keep it from being asked", begun.Options)
	}
}

func TestMoreThanThreePasskeysAreNotListed(t *testing.T) {
	t.Parallel()
	h, v, key := signedIn(t)
	for range 3 {
		v.register(newSoft(t))
	}
	b := h.visitor()
	b.yes(key)
	b.signOut()
	if n := b.listed("maia"); n != 0 {
		t.Errorf("%d passkeys listed of four, want none", n)
	}
	if done := b.comeIn(key, "maia", ""); !strings.HasPrefix(done.Location, "/signin/stay") {
		t.Errorf("signing in with one of four: %+v", done)
	}
}

func TestPasskeyOfAnotherAccountAsksFirst(t *testing.T) {
	t.Parallel()
	h, key := newHouse(t), newSoft(t)
	h.visitor().setUp(key)
	jo := h.person("jo")
	for _, name := range []string{"maia", "eve"} {
		v := h.visitor()
		no := v.comeIn(jo, name, authorize)
		if no.Reason != "wrong_account" || !strings.Contains(no.Title, "jo") || !strings.Contains(no.What, name) || no.GoOn != "Continue as jo" || no.Location != "" {
			t.Fatalf("jo's passkey for %s: %+v", name, no)
		}
		if v.holds(v.login, "cardea-session") != "" {
			t.Errorf("jo's passkey for %s signs somebody in", name)
		}
		var elsewhere, done, again said
		if a := h.visitor().script(h.login+"/signin/passkey/go-on", map[string]string{"id": no.ID, "continue": authorize}, &elsewhere); a.status != http.StatusForbidden {
			t.Errorf("going on in another browser: %d", a.status)
		}
		v.script(v.login+"/signin/passkey/go-on", map[string]string{"id": no.ID, "continue": authorize}, &done)
		if !strings.HasPrefix(done.Location, "/signin/stay?") || v.session().UserID == "" {
			t.Fatalf("going on as jo: %+v", done)
		}
		if to := v.stays(done.Location, url.Values{"stay": {"no"}}); to != authorize {
			t.Errorf("goes on to %s", to)
		}
		if a := v.script(v.login+"/signin/passkey/go-on", map[string]string{"id": no.ID, "continue": ""}, &again); a.status != http.StatusForbidden {
			t.Errorf("going on twice: %d %+v", a.status, again)
		}
	}
}

func TestAccountsThatCannotSignInSaySo(t *testing.T) {
	t.Parallel()
	h, key := newHouse(t), newSoft(t)
	h.visitor().setUp(key)
	maia := must[directory.User](t)(h.directory.UserByName(t.Context(), "maia"))
	jo, second := h.person("jo"), newSoft(t)
	v := h.visitor()
	v.yes(jo)
	v.get(v.account + "/security")
	if got := v.register(second); got.Passkey == "" {
		t.Fatalf("a second passkey: %+v", got)
	}
	v.signOut()
	// The passkey that was used last is gone: the other one is asked for.
	for _, k := range h.passkeys("jo") {
		if k.CredentialID.String() == jo.id.String() {
			if err := h.directory.DeletePasskey(t.Context(), k.UserID, k.ID, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	o := v.begun("jo")
	if len(o.AllowCredentials) != 1 || o.AllowCredentials[0].ID.String() != second.id.String() {
		t.Errorf("after deleting a passkey: %+v, want the other one", o.AllowCredentials)
	}
	if no := v.comeIn(jo, "jo", ""); no.Reason != "unknown_passkey" {
		t.Errorf("the deleted passkey: %+v", no)
	}
	if err := h.directory.SetDisabled(t.Context(), maia.ID, h.passkeys("jo")[0].UserID, true); err != nil {
		t.Fatal(err)
	}
	if body := v.tiles(); !strings.Contains(body, "This account is closed.") || strings.Contains(body, `name="username" value="jo"`) {
		t.Errorf("a closed account: %s", text(body))
	}
	if no := v.comeIn(second, "jo", ""); no.Reason != "disabled" || no.What != "Your account is closed." {
		t.Errorf("picking a closed account: %+v", no)
	}
	if no := h.visitor().comeIn(second, "jo", ""); no.Reason != "refused" {
		t.Errorf("a browser that does not know jo is told %+v", no)
	}
}

func TestWhoIsSignedInUnlocksWithOneClick(t *testing.T) {
	t.Parallel()
	h, v, key := signedIn(t)
	v.signIn(key, "")
	h.wait(10 * time.Minute)
	a := v.get(v.account + "/security/add")
	if a.at.Path != "/signin" || !strings.Contains(a.body, "Signed in here") || strings.Contains(a.body, `name="forget"`) {
		t.Errorf("to unlock: at %s: %s", a.at, text(a.body))
	}
	if n := v.listed("maia"); n != 1 {
		t.Errorf("%d passkeys listed, want maia's", n)
	}
	// Unlocking with another's passkey does not make one somebody else.
	if no := v.comeIn(h.person("jo"), "maia", ""); no.Reason != "wrong_account" {
		t.Errorf("unlocking with jo's passkey: %+v", no)
	}
}

func TestApplicationsMayNameOrLetChoose(t *testing.T) {
	t.Parallel()
	h, key := newHouse(t), newSoft(t)
	h.visitor().setUp(key)
	v := h.visitor()
	v.yes(key)
	v.signOut()
	for query, tiles := range map[string]bool{
		"": true, "&login_hint=jo": false, "&login_hint=maia": false,
		"&login_hint=jo&prompt=select_account": true, "&prompt=login+select_account": true,
	} {
		a := v.get(v.login + "/signin?continue=" + url.QueryEscape(authorize+query))
		if strings.Contains(a.body, "Pick an account") != tiles || strings.Contains(a.body, `id="username"`) == tiles {
			t.Errorf("%q: %s, want the accounts: %t", query, text(a.body), tiles)
		}
	}
	if a := h.visitor().get(h.login + "/signin?continue=" + url.QueryEscape(authorize+"&prompt=select_account")); !strings.Contains(a.body, `id="username"`) {
		t.Errorf("a browser that knows nobody: %s", text(a.body))
	}
}

// A sign-in cannot be finished in another browser, so that one begins at the
// application: at its own address, and no other's.
func TestBrowsersWithoutPasskeysAreSentToTheApplication(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	client := directory.Client{ID: "app", Name: "An App", RedirectURIs: []string{"https://app.example/callback"}, Public: true}
	if err := h.directory.PutClient(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	for redirect, want := range map[string]string{
		"https://app.example/callback": "https://app.example/", "https://evil.example/callback": h.account + "/", "": h.account + "/",
	} {
		onward := "/oauth2/authorize?client_id=app&redirect_uri=" + url.QueryEscape(redirect)
		for _, path := range []string{"/signin", "/signin/name", "/signin/options", "/signin/passkey"} {
			a := h.visitor().get(h.login + path + "?continue=" + url.QueryEscape(onward))
			if !strings.Contains(a.body, `id="elsewhere" dir="ltr">`+want+`<`) {
				t.Errorf("%s for %q does not lead to %s", path, redirect, want)
			}
		}
	}
}
