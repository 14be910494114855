package provider_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/identity/directory"
	"cardea/identity/grant"
	"cardea/identity/provider"
	"cardea/identity/session"
)

const loopback = "http://127.0.0.1:49152/callback"

func refreshing(token string, edits ...func(url.Values)) url.Values {
	f := url.Values{"grant_type": {"refresh_token"}, "client_id": {"cli"}, "refresh_token": {token}}
	for _, edit := range edits {
		edit(f)
	}
	return f
}

// terminal signs in without a page.
func (h *house) terminal() tokens {
	h.t.Helper()
	w, got := h.token(nativeExchange(h.nativeCode()))
	if w.Code != http.StatusOK {
		h.t.Fatalf("token endpoint = %d %s", w.Code, w.Body)
	}
	return got
}

func TestRefreshKeepsWhatWasSaid(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.terminal()
	h.wait(24 * time.Hour)
	w, got := h.token(refreshing(first.Refresh))
	if w.Code != http.StatusOK || got.Refresh == first.Refresh || got.Scope != first.Scope || got.ExpiresIn != 3600 {
		t.Fatalf("refresh = %d %+v", w.Code, got)
	}
	want, claims := h.claims(first.IDToken), h.claims(got.IDToken)
	if claims["iat"] == want["iat"] || claims["at_hash"] == want["at_hash"] || claims["nonce"] != nil {
		t.Errorf("id_token = %v, want a new one without a nonce", claims)
	}
	for _, name := range []string{"iat", "exp", "at_hash", "nonce"} {
		delete(want, name)
		delete(claims, name)
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("id_token (-first +refreshed):\n%s", diff)
	}
	if status := h.userInfoStatus(got.AccessToken); status != http.StatusOK {
		t.Errorf("userinfo = %d", status)
	}
}

func (h *house) userInfoStatus(token string) int {
	h.t.Helper()
	r := post(provider.PathUserInfo, url.Values{"access_token": {token}})
	return h.serve(r).Code
}

func TestRefreshEndpointRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		act  func(h *house, token string) url.Values
		code string
	}{
		{"no token", func(_ *house, _ string) url.Values { return refreshing("") }, "invalid_request"},
		{"another client", func(_ *house, s string) url.Values { return refreshing(s, set("client_id", "cli2")) }, "invalid_grant"},
		{"an unknown token", func(_ *house, s string) url.Values { return refreshing(s + "x") }, "invalid_grant"},
		{"more than was granted", func(_ *house, s string) url.Values { return refreshing(s, set("scope", "openid email")) }, "invalid_scope"},
		{"everything signed out", func(h *house, s string) url.Values {
			if _, err := h.sessions.EndAll(h.t.Context(), h.user.ID, ""); err != nil {
				h.t.Fatal(err)
			}
			return refreshing(s)
		}, "invalid_grant"},
		{"a person who is shut out", func(h *house, s string) url.Values {
			h.disable()
			return refreshing(s)
		}, "invalid_grant"},
		{"a client that may not any more", func(h *house, s string) url.Values {
			err := h.directory.PutClient(h.t.Context(), directory.Client{ID: "cli", Name: "Terminal", Public: true, FirstParty: true})
			if err != nil {
				h.t.Fatal(err)
			}
			return refreshing(s)
		}, "invalid_grant"},
		{"a week later", func(h *house, s string) url.Values {
			h.wait(session.Absolute)
			return refreshing(s)
		}, "invalid_grant"},
		{"one that was replaced", func(h *house, s string) url.Values {
			_, next := h.token(refreshing(s))
			if _, after := h.token(refreshing(next.Refresh)); after.Refresh == "" {
				h.t.Errorf("refreshing = %+v", after)
			}
			return refreshing(s)
		}, "invalid_grant"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			w, got := h.token(tt.act(h, h.terminal().Refresh))
			if w.Code != http.StatusBadRequest || got.Error != tt.code || got.AccessToken != "" {
				t.Errorf("answer = %d %+v, want %s", w.Code, got, tt.code)
			}
		})
	}
}

func TestCopyOfARefreshTokenEndsTheFamily(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.terminal()
	_, second := h.token(refreshing(first.Refresh))
	h.wait(grant.Grace + time.Second)
	if _, got := h.token(refreshing(first.Refresh)); got.Error != "invalid_grant" {
		t.Fatalf("the copy = %+v", got)
	}
	if _, got := h.token(refreshing(second.Refresh)); got.Error != "invalid_grant" {
		t.Errorf("the latest token after that = %+v", got)
	}
	for _, token := range []string{first.AccessToken, second.AccessToken} {
		if status := h.userInfoStatus(token); status != http.StatusUnauthorized {
			t.Errorf("userinfo after that = %d", status)
		}
	}
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.terminal()
	revoke := func(client, token string) int {
		return h.serve(post(provider.PathRevoke, url.Values{"client_id": {client}, "token": {token}, "token_type_hint": {"access_token"}})).Code
	}
	for _, tt := range []struct {
		client, token string
		want          int
	}{
		{"cli", "unheard-of", http.StatusOK}, // RFC 7009 §2.2
		{"cli2", first.Refresh, http.StatusOK},
		{"cli2", first.AccessToken, http.StatusOK},
		{"cli", "", http.StatusBadRequest},
		{"stranger", first.Refresh, http.StatusUnauthorized},
	} {
		if got := revoke(tt.client, tt.token); got != tt.want {
			t.Errorf("revoke by %s = %d, want %d", tt.client, got, tt.want)
		}
	}
	if status := h.userInfoStatus(first.AccessToken); status != http.StatusOK {
		t.Fatalf("userinfo after others tried = %d", status)
	}
	sid := h.claims(first.IDToken)["sid"].(string)
	if got := revoke("cli", first.Refresh); got != http.StatusOK {
		t.Fatalf("revoke = %d", got)
	}
	if status := h.userInfoStatus(first.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("userinfo = %d", status)
	}
	if _, got := h.token(refreshing(first.Refresh)); got.Error != "invalid_grant" {
		t.Errorf("refresh = %+v", got)
	}
	if _, err := h.sessions.ByID(t.Context(), session.ID(sid)); err == nil {
		t.Error("the session of the program lives on")
	}
}

// browse has a person who is signed in already follow a terminal's link.
func (h *house) browse(c *http.Cookie, edits ...func(url.Values)) (location string) {
	q := request(append([]func(url.Values){set("client_id", "cli"), set("redirect_uri", loopback), set("scope", "openid offline_access")}, edits...)...)
	return h.authorize(q, c).Header().Get("Location")
}

func TestTerminalWithABrowserAsksAnew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, c := h.signIn()
	location := h.browse(c)
	if !strings.HasPrefix(location, "/signin?continue=") {
		t.Fatalf("a person who is signed in went to %q without a word", location)
	}
	if got := h.browse(c, set("prompt", "none")); !strings.HasPrefix(got, loopback+"?") || !strings.Contains(got, "error=login_required") {
		t.Errorf("prompt=none = %q", got)
	}
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	h.wait(time.Second)
	_, c = h.signIn() // what the page did
	w := h.get(u.Query().Get("continue"), c)
	code := h.answer(w, loopback).Get("code")
	tw, got := h.token(exchange(code, set("client_id", "cli"), set("redirect_uri", loopback)))
	if tw.Code != http.StatusOK || got.Refresh == "" {
		t.Fatalf("tokens = %d %s", tw.Code, tw.Body)
	}
	if acr := h.claims(got.IDToken)["acr"]; acr != "phr" {
		t.Errorf("acr = %v, want phr: there was a page", acr)
	}
}

func TestLoopbackHasAnyPortAndNothingElse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, c := h.signIn()
	for _, uri := range []string{loopback, "http://127.0.0.1:1/callback", "http://127.0.0.1/callback", "http://[::1]:65535/callback"} {
		if got := h.browse(c, set("redirect_uri", uri)); !strings.HasPrefix(got, "/signin?") {
			t.Errorf("%s: went to %q", uri, got)
		}
	}
	for _, uri := range []string{
		"http://localhost:49152/callback", "http://127.0.0.2:49152/callback", "https://127.0.0.1:49152/callback",
		"http://127.0.0.1:49152/callback/", "http://127.0.0.1:49152/", "http://127.0.0.1:49152/callback?x=1", "http://127.0.0.1:49152/callback#x",
		"http://127.0.0.1:0/callback", "http://127.0.0.1:080/callback", "http://127.0.0.1:65536/callback", "http://127.0.0.1:/callback",
		"http://127.0.0.1:1@evil.example/callback", "http://127.0.0.1:49152.evil.example/callback", "http://evil.example:49152/callback",
		"http://127.0.0.1.evil.example:49152/callback", "http://user@127.0.0.1:49152/callback", "http://[::2]:49152/callback", "",
	} {
		w := h.authorize(request(set("client_id", "cli"), set("redirect_uri", uri)), c)
		if w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" {
			t.Errorf("%s: %d to %q, want a page that says no", uri, w.Code, w.Header().Get("Location"))
		}
	}
	// Only programs: a web application's redirect is compared to the letter.
	if w := h.authorize(request(set("redirect_uri", "http://127.0.0.1:49152/callback")), c); w.Code != http.StatusBadRequest {
		t.Errorf("a web application = %d", w.Code)
	}
}

func TestOnlyOurProgramsStay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.redeem(h.code(set("scope", "openid offline_access")))
	if got.Scope != "openid" || got.Refresh != "" {
		t.Errorf("a web application got %+v", got)
	}
}

func TestAccessPassOpensNoTerminal(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u, err := url.Parse(h.browse(nobody()))
	if err != nil {
		t.Fatal(err)
	}
	h.wait(time.Second)
	_, c := h.signInByPass()
	if got := h.answer(h.get(u.Query().Get("continue"), c), loopback).Get("error"); got != "access_denied" {
		t.Errorf("error = %q, want access_denied", got)
	}
}

// nobody is the cookie of a browser where nobody is signed in.
func nobody() *http.Cookie { return &http.Cookie{Name: cookie, Value: "nobody"} }
