package provider_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/identity/grant"
	"cardea/identity/provider"
)

func contextThatEnds(t testing.TB) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

func bearer(method, token string) *http.Request {
	r := httptest.NewRequest(method, provider.PathUserInfo, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func (h *house) userInfo(token string) *httptest.ResponseRecorder {
	return h.serve(bearer(http.MethodGet, token))
}

func TestUserInfoTellsWhatTheScopeAllows(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sub := string(h.user.ID)
	for scope, want := range map[string]map[string]any{
		"openid":         {"sub": sub},
		"openid profile": {"sub": sub, "name": "Maia Dell", "preferred_username": "maia"},
	} {
		token := h.redeem(h.code(set("scope", scope))).AccessToken
		body := post(provider.PathUserInfo, url.Values{"access_token": {token}})
		lower := httptest.NewRequest(http.MethodGet, provider.PathUserInfo, nil)
		lower.Header.Set("Authorization", "bearer "+token)
		for name, r := range map[string]*http.Request{
			"GET": bearer(http.MethodGet, token), "POST": bearer(http.MethodPost, token), "body": body, "lower case": lower,
		} {
			w := h.serve(r)
			if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" {
				t.Fatalf("%s, %s: %d %s", scope, name, w.Code, w.Body)
			}
			if diff := cmp.Diff(want, read[map[string]any](t, w)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", scope, name, diff)
			}
		}
	}
}

func TestUserInfoTellsTheLanguageThatWasChosen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if err := h.directory.SetLanguage(t.Context(), h.user.ID, "de"); err != nil {
		t.Fatal(err)
	}
	for scope, want := range map[string]any{"openid": nil, "openid profile": "de"} {
		token := h.redeem(h.code(set("scope", scope))).AccessToken
		if got := read[map[string]any](t, h.userInfo(token))["locale"]; got != want {
			t.Errorf("%s: locale %v, want %v", scope, got, want)
		}
	}
}

func TestUserInfoRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.redeem(h.code())
	plain := h.redeem(h.code(set("scope", "profile")))
	two := post(provider.PathUserInfo, url.Values{"access_token": {got.AccessToken}})
	two.Header.Set("Authorization", "Bearer "+got.AccessToken)
	twice := bearer(http.MethodGet, got.AccessToken)
	twice.Header.Add("Authorization", "Bearer "+got.AccessToken)
	basic := httptest.NewRequest(http.MethodGet, provider.PathUserInfo, nil)
	basic.SetBasicAuth("app", got.AccessToken)
	tests := []struct {
		name      string
		r         *http.Request
		status    int
		code      string
		challenge string
	}{
		{"no token", httptest.NewRequest(http.MethodGet, provider.PathUserInfo, nil), 401, "", "Bearer"},
		{"a token in the query", httptest.NewRequest(http.MethodGet, provider.PathUserInfo+"?access_token="+got.AccessToken, nil), 401, "", "Bearer"},
		{"a token that nobody issued", bearer(http.MethodGet, "made-up"), 401, "invalid_token", `Bearer error="invalid_token"`},
		{"an ID token", bearer(http.MethodGet, got.IDToken), 401, "invalid_token", `Bearer error="invalid_token"`},
		{"a token for something else", bearer(http.MethodGet, plain.AccessToken), 403, "insufficient_scope", `Bearer error="insufficient_scope", scope="openid"`},
		{"a token in two ways", two, 400, "invalid_request", `Bearer error="invalid_request"`},
		{"two headers", twice, 400, "invalid_request", `Bearer error="invalid_request"`},
		{"a password", basic, 400, "invalid_request", `Bearer error="invalid_request"`},
		{"an empty token", bearer(http.MethodGet, ""), 400, "invalid_request", `Bearer error="invalid_request"`},
	}
	for _, tt := range tests {
		w := h.serve(tt.r)
		body := read[tokens](t, w)
		if w.Code != tt.status || body.Error != tt.code || w.Header().Get("WWW-Authenticate") != tt.challenge {
			t.Errorf("%s: %d %q, challenge %q; want %d %q, %q",
				tt.name, w.Code, body.Error, w.Header().Get("WWW-Authenticate"), tt.status, tt.code, tt.challenge)
		}
	}
}

func TestAccessTokenDiesWithItsSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, c := h.signIn()
	token := h.redeem(h.codeWith(c)).AccessToken
	if err := h.sessions.End(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if w := h.userInfo(token); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "invalid_token") {
		t.Errorf("userinfo = %d %s, want 401 invalid_token", w.Code, w.Body)
	}
}

func TestAccessTokenExpires(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.redeem(h.code()).AccessToken
	h.wait(grant.TokenLife - time.Second)
	if w := h.userInfo(token); w.Code != http.StatusOK {
		t.Errorf("userinfo in the last second = %d, want 200", w.Code)
	}
	h.wait(time.Second)
	if w := h.userInfo(token); w.Code != http.StatusUnauthorized {
		t.Errorf("userinfo after it = %d, want 401", w.Code)
	}
}
