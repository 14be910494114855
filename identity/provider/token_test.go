package provider_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/identity/directory"
	"cardea/identity/grant"
	"cardea/identity/provider"
)

func newUser(name string) directory.NewUser {
	return directory.NewUser{Username: name, DisplayName: name}
}

func TestCodeIsRedeemedForTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, c := h.signIn()
	code := h.codeWith(c, set("scope", "profile openid unheard-of"))
	h.wait(30 * time.Second)
	w, got := h.token(exchange(code))
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("token endpoint = %d %s, Cache-Control %q", w.Code, w.Body, w.Header().Get("Cache-Control"))
	}
	if got.TokenType != "Bearer" || got.ExpiresIn != 3600 || got.Scope != "profile openid" || len(got.AccessToken) != 43 {
		t.Errorf("answer = %+v", got)
	}
	now := float64(h.clock().Unix())
	want := map[string]any{
		"iss": issuer, "sub": string(h.user.ID), "aud": "app", "iat": now, "exp": now + 600,
		"auth_time": float64(s.AuthTime.Unix()), "nonce": "n-0S6_WzA2Mj", "sid": string(s.ID),
		"acr": "phr", "amr": []any{"pop", "user", "mfa"},
	}
	claims := h.claims(got.IDToken)
	if claims["at_hash"] == nil {
		t.Error("no at_hash")
	}
	delete(claims, "at_hash")
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("id_token (-want +got):\n%s", diff)
	}
}

func TestIDTokenIsSignedByAPublishedKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	head, _, _ := strings.Cut(h.redeem(h.code()).IDToken, ".")
	b, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"alg": "ES256", "typ": "JWT", "kid": h.keys.KeyID()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
}

func TestNonceAbsentStaysAbsent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if claims := h.claims(h.redeem(h.code(drop("nonce"))).IDToken); claims["nonce"] != nil {
		t.Errorf("nonce = %v, want none", claims["nonce"])
	}
}

func TestPlainOAuthHasNoIDToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.redeem(h.code(set("scope", "profile")))
	if got.IDToken != "" || got.AccessToken == "" {
		t.Errorf("answer = %+v, want an access token alone", got)
	}
}

func TestTokenEndpointRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		edit   func(url.Values)
		status int
		want   string
	}{
		{"no grant type", drop("grant_type"), 400, "invalid_request"},
		{"a password", set("grant_type", "password"), 400, "unsupported_grant_type"},
		{"a device code", set("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), 400, "unsupported_grant_type"},
		{"no code", drop("code"), 400, "invalid_request"},
		{"an empty code", set("code", ""), 400, "invalid_request"},
		{"a code that nobody issued", set("code", "made-up"), 400, "invalid_grant"},
		{"another redirect URI", set("redirect_uri", withQuery), 400, "invalid_grant"},
		{"no verifier", drop("code_verifier"), 400, "invalid_grant"},
		{"another verifier", set("code_verifier", strings.Repeat("v", 43)), 400, "invalid_grant"},
		{"another client", set("client_id", "account"), 400, "invalid_grant"},
		{"no client", drop("client_id"), 401, "invalid_client"},
		{"an unknown client", set("client_id", "nobody"), 401, "invalid_client"},
		{"a client that has a secret and brings none", set("client_id", "confidential"), 401, "invalid_client"},
		{"a secret that we did not give", set("client_secret", "guess"), 401, "invalid_client"},
		{"an assertion", set("client_assertion", "eyJ"), 401, "invalid_client"},
		{"a parameter sent twice", func(f url.Values) { f.Add("code", "other") }, 400, "invalid_request"},
	}
	h := newHouse(t)
	code := h.code()
	for _, tt := range tests {
		w, got := h.token(exchange(code, tt.edit))
		if w.Code != tt.status || got.Error != tt.want {
			t.Errorf("%s: %d %s, want %d %s", tt.name, w.Code, got.Error, tt.status, tt.want)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: answer may be kept", tt.name)
		}
		if w.Header().Get("WWW-Authenticate") != "" { // some clients then ignore the body
			t.Errorf("%s: WWW-Authenticate although the header was not used", tt.name)
		}
		if strings.ContainsFunc(got.Description, notDescription) {
			t.Errorf("%s: description %q", tt.name, got.Description)
		}
	}
	h.redeem(code) // and none of them has spent it
}

func TestCodeOfAMinuteAgoIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.code()
	h.wait(grant.CodeLife)
	if w, got := h.token(exchange(code)); w.Code != http.StatusBadRequest || got.Error != "invalid_grant" {
		t.Errorf("token endpoint = %d %s, want 400 invalid_grant", w.Code, got.Error)
	}
}

func TestCodeOfASessionThatEndedIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, c := h.signIn()
	code := h.codeWith(c)
	if err := h.sessions.End(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if w, got := h.token(exchange(code)); w.Code != http.StatusBadRequest || got.Error != "invalid_grant" {
		t.Errorf("token endpoint = %d %s, want 400 invalid_grant", w.Code, got.Error)
	}
}

// Some libraries try the header first and then the body with the same code.
func TestHeaderIsRefusedAndSpendsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.code()
	r := post(provider.PathToken, exchange(code, drop("client_id")))
	r.SetBasicAuth("app", "")
	w := h.serve(r)
	if got := read[tokens](t, w); w.Code != http.StatusUnauthorized || got.Error != "invalid_client" ||
		!strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic") {
		t.Errorf("token endpoint = %d %s, %q; want 401 invalid_client and Basic", w.Code, got.Error, w.Header().Get("WWW-Authenticate"))
	}
	h.redeem(code)
}

func TestTokenEndpointReadsOnlyTheBody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.code()
	r := post(provider.PathToken+"?"+exchange(code).Encode(), url.Values{"x": {"y"}})
	if w := h.serve(r); w.Code != http.StatusUnauthorized {
		t.Errorf("everything in the query: %d, want 401", w.Code)
	}
	stray := post(provider.PathToken+"?code=other&client_id=%zz", exchange(code))
	if w := h.serve(stray); w.Code != http.StatusOK {
		t.Errorf("something else in the query: %d %s, want 200", w.Code, w.Body)
	}
	for name, r := range map[string]*http.Request{
		"JSON":      httptest.NewRequest(http.MethodPost, provider.PathToken, strings.NewReader("{}")),
		"too much":  post(provider.PathToken, exchange(code, set("x", strings.Repeat("x", 65<<10)))),
		"malformed": httptest.NewRequest(http.MethodPost, provider.PathToken, strings.NewReader("code=%zz")),
	} {
		if r.Header.Get("Content-Type") == "" && name == "malformed" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		w := h.serve(r)
		if got := read[tokens](t, w); w.Code != http.StatusBadRequest || got.Error != "invalid_request" {
			t.Errorf("%s: %d %s, want 400 invalid_request", name, w.Code, got.Error)
		}
	}
}

func TestOneOfFiftyRedemptionsWins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.code()
	codes := make([]int, 50)
	var all sync.WaitGroup
	for i := range codes {
		all.Go(func() {
			w := httptest.NewRecorder()
			h.handler.ServeHTTP(w, post(provider.PathToken, exchange(code)))
			codes[i] = w.Code
		})
	}
	all.Wait()
	count := map[int]int{}
	for _, c := range codes {
		count[c]++
	}
	if diff := cmp.Diff(map[int]int{200: 1, 400: 49}, count); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestCopyOfACodeEndsItsAccessToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.code()
	got := h.redeem(code)
	if w := h.userInfo(got.AccessToken); w.Code != http.StatusOK {
		t.Fatalf("userinfo = %d", w.Code)
	}
	h.wait(30 * time.Second)
	if w, again := h.token(exchange(code)); w.Code != http.StatusBadRequest || again.Error != "invalid_grant" {
		t.Errorf("second redemption = %d %s, want 400 invalid_grant", w.Code, again.Error)
	}
	if w := h.userInfo(got.AccessToken); w.Code != http.StatusUnauthorized {
		t.Errorf("userinfo after it = %d, want 401", w.Code)
	}
}

// A fault of ours must not look like a code that is no good: clients end
// sessions on that.
func TestFaultOfOursIsNotTheClients(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.code()
	r := post(provider.PathToken, exchange(code))
	ctx, cancel := contextThatEnds(t)
	cancel()
	w := h.serve(r.WithContext(ctx))
	if got := read[tokens](t, w); w.Code != http.StatusServiceUnavailable || got.Error != "temporarily_unavailable" ||
		w.Header().Get("Retry-After") == "" {
		t.Errorf("token endpoint = %d %s, want 503 temporarily_unavailable", w.Code, got.Error)
	}
	h.redeem(code)
}

func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, c := h.signIn()
	code := h.codeWith(c)
	got := h.redeem(code)
	h.userInfo(got.AccessToken)
	h.token(exchange(code))
	h.token(exchange(code, set("code_verifier", "wrong")))
	h.userInfo(got.AccessToken)
	h.authorize(request(set("id_token_hint", got.IDToken)), c)
	log := h.log.String()
	if !strings.Contains(log, "path="+provider.PathToken) || !strings.Contains(log, "redeemed before") {
		t.Fatalf("log does not tell what happened:\n%s", log)
	}
	for name, secret := range map[string]string{
		"code": code, "access token": got.AccessToken, "id_token": got.IDToken, "session": c.Value,
		"verifier": verifier, "nonce": "n-0S6_WzA2Mj", "state": "af0ifjsldkj",
	} {
		if strings.Contains(log, secret) {
			t.Errorf("log has the %s", name)
		}
	}
	_ = s
}
