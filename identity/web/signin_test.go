package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cardea/identity/web"
)

const authorize = "/oauth2/authorize?client_id=my-account&scope=openid"

func TestFirstAdministratorLandsInMyAccount(t *testing.T) {
	t.Parallel()
	v := newHouse(t).visitor()
	v.setUp(newSoft(t))
	a := v.get(v.account + "/")
	if a.status != http.StatusOK || a.at.Path != "/" || !strings.Contains(a.body, "Hello, Maia") || !strings.Contains(a.body, `href="/admin"`) {
		t.Errorf("My Account after the set-up: %d at %s: %s", a.status, a.at, text(a.body))
	}
	if a := v.get(v.account + "/admin"); a.status != http.StatusOK || !strings.Contains(a.body, "Maia Oduya") {
		t.Errorf("administration: %d: %s", a.status, text(a.body))
	}
}

func TestSecondSetUpIsRefused(t *testing.T) {
	t.Parallel()
	v := newHouse(t).visitor()
	v.setUp(newSoft(t))
	var no said
	a := v.script(v.login+"/setup/begin", map[string]string{"code": "anything", "username": "eve", "displayName": "Eve"}, &no)
	if a.status != http.StatusForbidden || no.Reason != "set_up" || no.Title != "We're not set up yet" {
		t.Errorf("a second set-up: %d %+v, want 403 set_up", a.status, no)
	}
}

func TestSignInGoesOnToWhatAskedForIt(t *testing.T) {
	t.Parallel()
	h, key := newHouse(t), newSoft(t)
	h.visitor().setUp(key)
	for _, tt := range []struct{ name, onward, want string }{
		{"an application", authorize, authorize},
		{"nobody", "", h.account + "/"},
		{"another site", "https://evil.example/oauth2/authorize?x", h.account + "/"},
		{"another site without a scheme", "//evil.example/oauth2/authorize?x", h.account + "/"},
		{"another page", "/setup", h.account + "/"},
	} {
		if got := h.visitor().signIn(key, tt.onward); got.Location != tt.want {
			t.Errorf("asked by %s: signed in to %+v, want %s", tt.name, got, tt.want)
		}
	}
}

// From the first page to My Account and back: the parameter continue is carried
// through each page, and the state of My Account through all of them.
func TestContinueIsCarriedThroughEveryStep(t *testing.T) {
	t.Parallel()
	h, key := newHouse(t), newSoft(t)
	h.visitor().setUp(key)
	v := h.visitor()
	a := v.get(v.account + "/sessions")
	onward := a.at.Query().Get("continue")
	if a.at.Path != "/signin" || web.ParseContinue(onward) == "" {
		t.Fatalf("My Account sent an unknown visitor to %s, want /signin with an authorization request", a.at)
	}
	if !strings.Contains(a.body, "to continue to My Account") {
		t.Errorf("sign-in page does not say who asks: %s", text(a.body))
	}
	link := "?continue=" + url.QueryEscape(onward)
	for _, path := range []string{"/signin", "/signin/options", "/signin/passkey", "/signin/pass"} {
		body := v.get(v.login + path + link).body
		if n := strings.Count(body, strings.ReplaceAll(link, "&", "&amp;")); n < 1 {
			t.Errorf("%s drops continue: %s", path, body)
		}
	}
	done := v.signIn(key, onward)
	if a := v.get(v.login + done.Location); a.at.String() != v.account+"/sessions" || !strings.Contains(a.body, "This one") {
		t.Errorf("after sign-in: %s, want the page that was asked for", a.at)
	}
}

func TestOpenRedirectsAreDropped(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"https://evil.example/oauth2/authorize?a", "//evil.example/oauth2/authorize?a", "/\\evil.example/oauth2/authorize?a",
		"\\\\evil.example", "/oauth2/authorize", "/oauth2/authorize/../../x?a", "/oauth2/authorizex?a", "/oauth2/authorize?a#b",
		"/oauth2/authorize?a\nb", "/oauth2/authorize?a\tb", "/oauth2/authorize?a\\b", " /oauth2/authorize?a", "oauth2/authorize?a",
		"/%2foauth2/authorize?a", "javascript:alert(1)//oauth2/authorize?a", "/oauth2/authorize?" + strings.Repeat("a", 9000),
		"/oauth2%2Fauthorize?a", "/oauth2/authorize%3Fa", "http:/oauth2/authorize?a", "/oauth2/authorize;@evil.example?a",
	} {
		if got := web.ParseContinue(s); got != "" {
			t.Errorf("ParseContinue(%.60q) = %q, want nothing", s, got)
		}
	}
	if got := web.ParseContinue(authorize); string(got) != authorize || got.ClientID() != "my-account" {
		t.Errorf("ParseContinue(%q) = %q", authorize, got)
	}
}

func FuzzParseContinue(f *testing.F) {
	f.Add(authorize)
	f.Add("/oauth2/authorize?\\//evil")
	f.Fuzz(func(t *testing.T, s string) {
		c := web.ParseContinue(s)
		if c == "" {
			return
		}
		base := &url.URL{Scheme: "https", Host: "login.example", Path: "/signin"}
		u, err := base.Parse(string(c))
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || u.Path != "/oauth2/authorize" {
			t.Errorf("ParseContinue(%q) leads to %v, %v", s, u, err)
		}
	})
}

func TestUnknownPasskeyIsToldToTheScriptAndThePerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.visitor().setUp(newSoft(t))
	stranger := newSoft(t)
	stranger.handle = []byte("nobody")
	got := h.visitor().signIn(stranger, "")
	if got.Reason != "unknown_passkey" || got.Title != "You're not signed in yet" || got.What == "" || got.Do == "" {
		t.Errorf("sign-in with an unknown passkey: %+v", got)
	}
}

func TestChallengeWorksOnceAndInOneBrowser(t *testing.T) {
	t.Parallel()
	h, key := newHouse(t), newSoft(t)
	h.visitor().setUp(key)
	v := h.visitor()
	var begun said
	v.script(v.login+"/signin/passkey/begin", map[string]string{}, &begun)
	finish := map[string]any{"id": begun.ID, "response": key.get(begun.Options, v.login), "continue": ""}
	var elsewhere said
	if a := h.visitor().script(v.login+"/signin/passkey/finish", finish, &elsewhere); a.status != http.StatusForbidden || elsewhere.Reason != "refused" {
		t.Errorf("finish in another browser: %d %+v, want 403 refused", a.status, elsewhere)
	}
	var first, second said
	if v.script(v.login+"/signin/passkey/finish", finish, &first); first.Location == "" {
		t.Errorf("finish in the same browser: %+v, want a location", first)
	}
	if a := v.script(v.login+"/signin/passkey/finish", finish, &second); a.status != http.StatusForbidden || second.Reason != "refused" {
		t.Errorf("finish again: %d %+v, want 403 refused", a.status, second)
	}
}

func TestAccessPassLeadsToAPasskeyAndNowhereElse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.visitor().setUp(newSoft(t))
	_, code := h.newcomer("jo")
	v := h.visitor()
	a := v.post(v.login+"/signin/pass", url.Values{"username": {"JO"}, "code": {strings.ToLower(code)}})
	if a.status != http.StatusSeeOther || a.location != v.login+"/signin/welcome" {
		t.Fatalf("pass: %d to %q: %s", a.status, a.location, text(a.body))
	}
	if a := v.get(a.location); !strings.Contains(a.body, `content="0;url=`+v.account+`/security/add"`) {
		t.Errorf("after a pass: %s, want on to /security/add", a.body)
	}
	for _, path := range []string{"/security/add", "/", "/security", "/sessions", "/history", "/admin"} {
		if a := v.get(v.account + path); a.at.Path != "/security/add" || !strings.Contains(a.body, "You need one before you can go on") {
			t.Errorf("%s with a pass: at %s, want /security/add", path, a.at)
		}
	}
	if a := v.post(v.account+"/sessions/others/end", nil); a.location != v.account+"/security/add" {
		t.Errorf("ending sessions with a pass: %d to %q, want /security/add", a.status, a.location)
	}
	key := newSoft(t)
	done := v.register(key)
	if done.Name != "Cardea Authenticator on Android" {
		t.Fatalf("registering: %+v, want the maker's name offered", done)
	}
	a = v.post(v.account+"/security/name", url.Values{"id": {done.Passkey}, "name": {"Jo's phone"}, "new": {"1"}})
	if a := v.get(a.location); a.at.Path != "/security" || !strings.Contains(a.body, "Jo&#39;s phone is ready") {
		t.Errorf("after naming: at %s: %s", a.at, text(a.body))
	}
	if got := h.visitor().signIn(key, ""); got.Location != h.account+"/" {
		t.Errorf("sign-in with the new passkey: %+v", got)
	}
}

func TestSpentAndExpiredPassesSaySo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.visitor().setUp(newSoft(t))
	_, spent := h.newcomer("jo")
	_, expired := h.newcomer("sam")
	redeem := func(name, code string) answer {
		v := h.visitor()
		return v.post(v.login+"/signin/pass?continue="+url.QueryEscape(authorize), url.Values{"username": {name}, "code": {code}})
	}
	if a := redeem("jo", spent); a.status != http.StatusSeeOther {
		t.Fatalf("first use: %d", a.status)
	}
	h.wait(2 * time.Hour)
	for _, tt := range []struct{ name, user, code, want string }{
		{"spent", "jo", spent, "This access pass has been used already."},
		{"expired", "sam", expired, "This access pass has run out."},
		{"wrong", "sam", "AAAAA-AAAAA", "That name and access pass don&#39;t go together."},
		{"nobody's", "eve", spent, "That name and access pass don&#39;t go together."},
	} {
		a := redeem(tt.user, tt.code)
		if a.status != http.StatusForbidden || !strings.Contains(a.body, tt.want) || !strings.Contains(a.body, `value="`+tt.user+`"`) {
			t.Errorf("%s: %d: %s, want %q and the name kept", tt.name, a.status, text(a.body), tt.want)
		}
		if strings.Contains(a.body, tt.code) {
			t.Errorf("%s: the page repeats the code", tt.name)
		}
		if !strings.Contains(a.body, url.QueryEscape("/oauth2/authorize")) {
			t.Errorf("%s: continue is lost", tt.name)
		}
	}
}

func TestOldPhonesAreTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, tt := range []struct{ agent, platform, version, want string }{
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 16_7_2 like Mac OS X) Version/16.6 Mobile Safari/604.1", "", "", "This iPhone is too old"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile Safari/604.1", "", "", ""},
		{"Mozilla/5.0 (Linux; Android 10; K) Chrome/140.0.0.0 Mobile Safari/537.36", `"Android"`, `"13.0.0"`, "This phone is too old"},
		{"Mozilla/5.0 (Linux; Android 10; K) Chrome/140.0.0.0 Mobile Safari/537.36", `"Android"`, `"14.0.0"`, ""},
		{"Mozilla/5.0 (Linux; Android 10; K) Chrome/140.0.0.0 Mobile Safari/537.36", "", "", ""},
		{"Mozilla/5.0 (Android 12; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0", "", "", "This phone is too old"},
		{"Mozilla/5.0 (Windows NT 6.1) Chrome/100", "", "", ""},
		{"", "", "", ""},
	} {
		v := h.visitor()
		v.agent = tt.agent
		for _, path := range []string{"/signin", "/signin/options", "/signin/passkey"} {
			r := v.request(http.MethodGet, v.login+path, "", nil)
			r.Header.Set("Sec-CH-UA-Platform", tt.platform)
			r.Header.Set("Sec-CH-UA-Platform-Version", tt.version)
			a := v.do(r)
			if told := strings.Contains(a.body, "is too old for passkeys here"); told != (tt.want != "") || !strings.Contains(a.body, tt.want) {
				t.Errorf("%s for %q %s: told %t, want %q", path, tt.agent, tt.version, told, tt.want)
			}
			if a.header.Get("Accept-CH") == "" {
				t.Errorf("%s does not ask for the version", path)
			}
		}
	}
}

func TestLoginHostItselfLeadsToMyAccount(t *testing.T) {
	t.Parallel()
	v := newHouse(t).visitor()
	if a := v.do(v.request(http.MethodGet, v.login+"/", "", nil)); a.location != v.account+"/" {
		t.Errorf("%s/: %d to %q, want My Account", v.login, a.status, a.location)
	}
	if a := v.get(v.login + "/signed-out"); !strings.Contains(a.body, `href="`+v.account+`/"`) {
		t.Errorf("signed out: %s", a.body)
	}
}

// text is what of a page a person reads, for failure messages.
func text(html string) string {
	_, html, _ = strings.Cut(html, "<main")
	var b strings.Builder
	in := true
	for _, r := range html {
		switch {
		case r == '<':
			in = true
		case r == '>':
			in = false
			b.WriteByte(' ')
		case !in:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
