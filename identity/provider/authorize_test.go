package provider_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/identity/audit"
	"cardea/identity/provider"
)

func TestSignedInPersonGetsACode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, c := h.signIn()
	w := h.authorize(request(), c)
	got := h.answer(w, redirectURI)
	if len(got.Get("code")) != 43 { // 256 bits
		t.Errorf("code = %q, want 43 characters", got.Get("code"))
	}
	got.Del("code")
	want := url.Values{"state": {"af0ifjsldkj"}, "iss": {issuer}} // RFC 9207 §2
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if w.Body.Len() != 0 || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("answer has a body of %d bytes and headers %v", w.Body.Len(), w.Header())
	}
}

func TestRegisteredQueryStaysInTheAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, c := h.signIn()
	q := request(set("redirect_uri", withQuery))
	if h.answer(h.authorize(q, c), withQuery).Get("code") == "" {
		t.Error("no code")
	}
}

func TestStateAbsentStaysAbsent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, c := h.signIn()
	if got := h.answer(h.authorize(request(drop("state")), c), redirectURI); got.Has("state") {
		t.Errorf("answer has the state %q", got.Get("state"))
	}
}

// What a client may send and we do not use must do no harm (RFC 6749 §3.1,
// Core §15.1).
func TestAuthorizeTolerates(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, c := h.signIn()
	tests := []struct{ name, param, value string }{
		{"a parameter that nobody knows", "extra", "foobar"},
		{"a hint of who it is", "login_hint", "somebody@example.com"},
		{"display", "display", "popup"},
		{"a language", "ui_locales", "se"},
		{"a language of claims", "claims_locales", "se"},
		{"values of acr", "acr_values", "1 2"},
		{"claims", "claims", `{"userinfo":{"name":{"essential":true}}}`},
		{"another order of the scope", "scope", "profile openid"},
		{"a scope that nobody knows", "scope", "openid unheard-of"},
		{"the mode that is the default", "response_mode", "query"},
		{"an empty parameter", "max_age", ""},
		{"a long nonce", "nonce", strings.Repeat("n", 384)},
		{"a state that needs escaping", "state", "a b&c=d\"><script>\r\n%"},
		{"a marker that is not ours", "cardea_asked", "AAAA"},
	}
	for _, tt := range tests {
		q := request(set(tt.param, tt.value))
		got := h.answer(h.authorize(q, c), redirectURI)
		if got.Get("code") == "" || got.Get("state") != q.Get("state") {
			t.Errorf("%s: answer %v, want a code and the state", tt.name, got)
		}
	}
	q := request()
	q["resource"] = []string{"https://a.example", "https://b.example"} // RFC 8707 §2
	if h.answer(h.authorize(q, c), redirectURI).Get("code") == "" {
		t.Error("two resources: no code")
	}
}

func TestErrorsGoToTheClient(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, c := h.signIn()
	tests := []struct {
		name string
		edit func(url.Values)
		want string
	}{
		{"no response type", drop("response_type"), "invalid_request"},
		{"the implicit flow", set("response_type", "token"), "unsupported_response_type"},
		{"the hybrid flow", set("response_type", "code id_token"), "unsupported_response_type"},
		{"an answer in the fragment", set("response_mode", "fragment"), "invalid_request"},
		{"an answer as a form", set("response_mode", "form_post"), "invalid_request"},
		{"no challenge", drop("code_challenge"), "invalid_request"},
		{"an empty challenge", set("code_challenge", ""), "invalid_request"},
		{"no challenge and no method", func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") }, "invalid_request"},
		{"no method, which means plain", drop("code_challenge_method"), "invalid_request"},
		{"the method plain", set("code_challenge_method", "plain"), "invalid_request"},
		{"a challenge that is too short", set("code_challenge", challenge[1:]), "invalid_request"},
		{"a challenge that is too long", set("code_challenge", challenge+"A"), "invalid_request"},
		{"no scope", drop("scope"), "invalid_scope"},
		{"a scope without anything we know", set("scope", "email"), "invalid_scope"},
		{"prompt none and another", set("prompt", "none login"), "invalid_request"},
		{"prompt none and a choice", set("prompt", "none select_account"), "invalid_request"},
		{"a prompt that we do not have", set("prompt", "consent"), "invalid_request"},
		{"a negative age", set("max_age", "-1"), "invalid_request"},
		{"an age that is not a number", set("max_age", "soon"), "invalid_request"},
		{"a request object", set("request", "eyJhbGciOiJub25lIn0.e30."), "request_not_supported"},
		{"a request by reference", set("request_uri", "https://app.example/r"), "request_uri_not_supported"},
		{"a registration", set("registration", "{}"), "registration_not_supported"},
		{"a hint that is not a token", set("id_token_hint", "nonsense"), "invalid_request"},
		{"a parameter sent twice", func(q url.Values) { q.Add("scope", "profile") }, "invalid_request"},
		{"a request without end", set("nonce", strings.Repeat("n", 8<<10)), "invalid_request"},
	}
	for _, tt := range tests {
		got := h.answer(h.authorize(request(tt.edit), c), redirectURI)
		if got.Get("error") != tt.want || got.Has("code") {
			t.Errorf("%s: answer %v, want %s", tt.name, got, tt.want)
		}
		if got.Get("state") != "af0ifjsldkj" || got.Get("iss") != issuer {
			t.Errorf("%s: answer %v without state or iss", tt.name, got)
		}
		for name := range got {
			if !slices.Contains([]string{"error", "error_description", "state", "iss"}, name) {
				t.Errorf("%s: answer has the member %q", tt.name, name)
			}
		}
		if d := got.Get("error_description"); strings.ContainsFunc(d, notDescription) {
			t.Errorf("%s: description %q has characters that RFC 6749 §5.2 does not allow", tt.name, d)
		}
	}
}

func notDescription(r rune) bool { return r < 0x20 || r == '"' || r == '\\' || r > 0x7e }

func TestStateSentTwiceIsNotEchoed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.answer(h.authorize(request(func(q url.Values) { q.Add("state", "other") })), redirectURI)
	if got.Get("error") != "invalid_request" || got.Has("state") {
		t.Errorf("answer %v, want invalid_request without a state", got)
	}
}

// Core §3.1.2.6, RFC 6749 §4.1.2.1, RFC 9700 §2.1: who is not as registered is
// never redirected to.
func TestUntrustedRequestEndsOnAPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, c := h.signIn()
	careless := func(uri string) func(url.Values) {
		return func(q url.Values) { q.Set("client_id", "careless"); q.Set("redirect_uri", uri) }
	}
	tests := []struct {
		name string
		edit func(url.Values)
	}{
		{"no client", drop("client_id")},
		{"an unknown client", set("client_id", "nobody")},
		{"a client sent twice", func(q url.Values) { q.Add("client_id", "app") }},
		{"no redirect URI", drop("redirect_uri")},
		{"a redirect URI sent twice", func(q url.Values) { q.Add("redirect_uri", redirectURI) }},
		{"another path", set("redirect_uri", redirectURI+"/x")},
		{"a slash at the end", set("redirect_uri", redirectURI+"/")},
		{"a query", set("redirect_uri", redirectURI+"?x=1")},
		{"another query than the registered", set("redirect_uri", withQuery+"&x=1")},
		{"a fragment", set("redirect_uri", redirectURI+"#x")},
		{"another case", set("redirect_uri", "https://app.example/Callback")},
		{"dots that are escaped", set("redirect_uri", "https://app.example/x/%2e%2e/callback")},
		{"a user before the host", set("redirect_uri", "https://app.example@evil.example/callback")},
		{"another scheme", set("redirect_uri", "http://app.example/callback")},
		{"another client's", set("redirect_uri", "https://account.example/callback")},
		{"a registered one without TLS", careless("http://app.example/cb")},
		{"a registered one with a fragment", careless("https://app.example/cb#fragment")},
		{"a registered one without a host", careless("/cb")},
		{"a registered script", careless("javascript:alert(1)")},
	}
	for _, tt := range tests {
		w := h.authorize(request(tt.edit), c)
		if w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" {
			t.Errorf("%s: %d to %q, want a page with 400", tt.name, w.Code, w.Header().Get("Location"))
		}
		if !strings.Contains(w.Body.String(), "application that sent you here") {
			t.Errorf("%s: page says %q", tt.name, w.Body)
		}
	}
	if w := h.get(provider.PathAuthorize+"?"+request().Encode()+"&x=%zz", c); w.Code != http.StatusBadRequest {
		t.Errorf("a query that cannot be read: %d, want 400", w.Code)
	}
}

func TestFormIsTakenToOurOwnAddress(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, c := h.signIn()
	w := h.serve(post(provider.PathAuthorize, request())) // from another site: no cookies
	location := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(location, provider.PathAuthorize+"?") {
		t.Fatalf("POST = %d to %q, want 303 to the endpoint itself", w.Code, location)
	}
	if h.answer(h.get(location, c), redirectURI).Get("code") == "" {
		t.Error("no code after the redirect")
	}
	for name, r := range map[string]*http.Request{
		"too much": post(provider.PathAuthorize, request(set("state", strings.Repeat("s", 8<<10)))),
		"no form":  httptest.NewRequest(http.MethodPost, provider.PathAuthorize, strings.NewReader("{}")),
	} {
		if w := h.serve(r); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", name, w.Code)
		}
	}
}

// back returns where the sign-in page is to go on to.
func (h *house) back(w *httptest.ResponseRecorder) string {
	h.t.Helper()
	u, err := url.Parse(w.Header().Get("Location"))
	if err != nil {
		h.t.Fatal(err)
	}
	back := u.Query().Get("continue")
	if w.Code != http.StatusSeeOther || u.Host != "" || u.Path != "/signin" || !strings.HasPrefix(back, provider.PathAuthorize+"?") {
		h.t.Fatalf("answer = %d to %q, want 303 to the sign-in page", w.Code, w.Header().Get("Location"))
	}
	return back
}

func TestStrangerSignsInAndComesBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	back := h.back(h.authorize(request()))
	h.wait(time.Minute)
	_, c := h.signIn()
	got := h.answer(h.get(back, c), redirectURI)
	if got.Get("code") == "" || got.Get("state") != "af0ifjsldkj" {
		t.Errorf("answer %v, want a code and the state", got)
	}
}

func TestTwoTabsDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.back(h.authorize(request(set("state", "first"))))
	second := h.back(h.authorize(request(set("state", "second"))))
	_, c := h.signIn()
	for want, back := range map[string]string{"second": second, "first": first} {
		got := h.answer(h.get(back, c), redirectURI)
		if got.Get("code") == "" || got.Get("state") != want {
			t.Errorf("answer %v, want a code and the state %s", got, want)
		}
	}
}

func TestSessionThatEndedIsNoSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, c := h.signIn()
	if err := h.sessions.End(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	h.back(h.authorize(request(), c))
	h.back(h.authorize(request(), &http.Cookie{Name: cookie, Value: "made-up"}))
}

func TestPromptNoneShowsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	silent := set("prompt", "none")
	if got := h.answer(h.authorize(request(silent)), redirectURI); got.Get("error") != "login_required" {
		t.Errorf("nobody signed in: answer %v, want login_required", got)
	}
	_, c := h.signIn()
	if got := h.answer(h.authorize(request(silent), c), redirectURI); got.Get("code") == "" {
		t.Errorf("signed in: answer %v, want a code", got)
	}
	h.wait(10 * time.Second)
	q := request(silent, set("max_age", "5"))
	if got := h.answer(h.authorize(q, c), redirectURI); got.Get("error") != "login_required" {
		t.Errorf("signed in too long ago: answer %v, want login_required", got)
	}
}

func TestPromptLoginAsksOnce(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func(url.Values){"prompt=login": set("prompt", "login"),
		"prompt=select_account": set("prompt", "select_account"), "max_age=0": set("max_age", "0")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			_, old := h.signIn()
			h.wait(time.Second)
			back := h.back(h.authorize(request(again), old))
			// Coming back without having signed in leads to the page once more.
			h.back(h.get(back, old))
			h.wait(time.Minute)
			s, fresh := h.signIn()
			got := h.answer(h.get(back, fresh), redirectURI)
			claims := h.claims(h.redeem(got.Get("code")).IDToken)
			if claims["auth_time"] != float64(s.AuthTime.Unix()) {
				t.Errorf("auth_time = %v, want that of the new sign-in, %d", claims["auth_time"], s.AuthTime.Unix())
			}
		})
	}
}

func TestMarkerAnswersOnlyItsOwnRequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	back := h.back(h.authorize(request(set("prompt", "login"))))
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	h.wait(time.Second)
	_, c := h.signIn()
	other := u.Query()
	other.Set("state", "other")
	h.back(h.authorize(other, c))
	cut := u.Query()
	cut.Set("cardea_asked", cut.Get("cardea_asked")[:20])
	h.back(h.authorize(cut, c))
	// It is good for one sign-in's time and not for ever.
	h.wait(10 * time.Minute)
	h.back(h.get(back, c))
}

func TestMaxAge(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, c := h.signIn()
	h.wait(2 * time.Second)
	got := h.answer(h.authorize(request(set("max_age", "10000")), c), redirectURI)
	if claims := h.claims(h.redeem(got.Get("code")).IDToken); claims["auth_time"] != float64(s.AuthTime.Unix()) {
		t.Errorf("auth_time = %v, want %d: nobody signed in again", claims["auth_time"], s.AuthTime.Unix())
	}
	back := h.back(h.authorize(request(set("max_age", "1")), c))
	h.wait(time.Second)
	_, fresh := h.signIn()
	h.wait(5 * time.Second) // a slow way back does not make the sign-in old
	if h.answer(h.get(back, fresh), redirectURI).Get("code") == "" {
		t.Error("no code after signing in again")
	}
	huge := request(set("max_age", "9223372036854775807"))
	if h.answer(h.authorize(huge, c), redirectURI).Get("code") == "" {
		t.Error("a huge age does not mean any age")
	}
}

func TestHintOfSomebodyElse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, c := h.signIn()
	token := h.redeem(h.codeWith(c)).IDToken
	h.wait(time.Hour) // expired tokens of ours are good hints
	_, c = h.signIn()
	hinted := set("id_token_hint", token)
	if h.answer(h.authorize(request(hinted), c), redirectURI).Get("code") == "" {
		t.Error("hint of the person who is signed in: no code")
	}
	other, err := h.directory.AddUser(t.Context(), h.user.ID, newUser("ben"))
	if err != nil {
		t.Fatal(err)
	}
	h.user = other
	_, wrong := h.signIn()
	if got := h.answer(h.authorize(request(hinted, set("prompt", "none")), wrong), redirectURI); got.Get("error") != "login_required" {
		t.Errorf("somebody else, prompt=none: answer %v, want login_required", got)
	}
	back := h.back(h.authorize(request(hinted), wrong))
	h.wait(time.Second)
	_, wrong = h.signIn()
	if got := h.answer(h.get(back, wrong), redirectURI); got.Get("error") != "login_required" {
		t.Errorf("somebody else, twice: answer %v, want login_required", got)
	}
}

func TestAccessPassOpensOnlyOurOwnPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, c := h.signInByPass()
	if got := h.answer(h.authorize(request(), c), redirectURI); got.Get("error") != "access_denied" {
		t.Errorf("application: answer %v, want access_denied", got)
	}
	events, err := audit.New(h.db).ByUser(t.Context(), h.user.ID, 1)
	if err != nil || len(events) != 1 || events[0].Kind != audit.ClientSignIn || events[0].Outcome != audit.Refused ||
		events[0].Client != "app" || events[0].Reference == "" {
		t.Errorf("last event = %+v, %v; want the refusal", events, err)
	}
	account := func(q url.Values) {
		q.Set("client_id", "account")
		q.Set("redirect_uri", "https://account.example/callback")
	}
	got := h.redeem(h.codeWith(c, account), account)
	claims := h.claims(got.IDToken)
	if claims["acr"] != nil || claims["sid"] != string(s.ID) {
		t.Errorf("claims = %v, want this session and no acr", claims)
	}
}

func TestDisabledPersonGetsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	boss := h.user
	other, err := h.directory.AddUser(t.Context(), boss.ID, newUser("ben"))
	if err != nil {
		t.Fatal(err)
	}
	h.user = other
	_, c := h.signIn()
	code := h.codeWith(c)
	if err := h.directory.SetDisabled(t.Context(), boss.ID, other.ID, true); err != nil {
		t.Fatal(err)
	}
	h.back(h.authorize(request(), c)) // their sessions ended with it
	if w, got := h.token(exchange(code)); w.Code != http.StatusBadRequest || got.Error != "invalid_grant" {
		t.Errorf("token endpoint = %d %s, want 400 invalid_grant", w.Code, got.Error)
	}
}

func TestPersonWhoIsDisabledMeanwhileGetsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, c := h.signIn()
	code, token := h.codeWith(c), h.redeem(h.codeWith(c)).AccessToken
	h.disable()
	if got := h.answer(h.authorize(request(), c), redirectURI); got.Get("error") != "access_denied" {
		t.Errorf("authorization endpoint: answer %v, want access_denied", got)
	}
	if w, got := h.token(exchange(code)); w.Code != http.StatusBadRequest || got.Error != "invalid_grant" {
		t.Errorf("token endpoint = %d %s, want 400 invalid_grant", w.Code, got.Error)
	}
	if w := h.userInfo(token); w.Code != http.StatusUnauthorized {
		t.Errorf("userinfo = %d, want 401", w.Code)
	}
}

func TestAuthorizeIsNotForScripts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, c := h.signIn()
	r := httptest.NewRequest(http.MethodGet, provider.PathAuthorize+"?"+request().Encode(), nil)
	r.Header.Set("Origin", "https://evil.example")
	w := h.serve(r, c)
	if got := w.Header().Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("Access-Control-Allow-Origin = %q", got)
	}
	if w.Header().Get("X-Frame-Options") != "DENY" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("headers = %v, want them to forbid frames", w.Header())
	}
}
