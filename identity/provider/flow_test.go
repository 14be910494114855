package provider_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

// A client that others wrote goes through the whole flow over a real socket.
// It is left to find out for itself how to name itself at the token endpoint,
// which it does by trying the header first.
func TestForeignClientSignsIn(t *testing.T) {
	t.Parallel()
	front := httptest.NewUnstartedServer(nil)
	issuer := "http://" + front.Listener.Addr().String()
	h := newHouseAt(t, issuer)
	front.Config.Handler = h.handler
	front.Start()
	t.Cleanup(front.Close)
	ctx := oidc.ClientContext(t.Context(), front.Client())

	p, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		t.Fatal(err)
	}
	config := oauth2.Config{
		ClientID: "app", Endpoint: p.Endpoint(), RedirectURL: redirectURI,
		Scopes: []string{oidc.ScopeOpenID, "profile"},
	}
	verifier := oauth2.GenerateVerifier()
	target := config.AuthCodeURL("state", oidc.Nonce("nonce"), oauth2.S256ChallengeOption(verifier))

	s, c := h.signIn()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(c)
	res, err := front.Client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	location, err := url.Parse(res.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(location.String(), redirectURI) {
		t.Fatalf("authorization endpoint = %d to %q, %v", res.StatusCode, location, err)
	}
	if location.Query().Get("state") != "state" || location.Query().Get("iss") != issuer {
		t.Errorf("answer = %v, want the state and the issuer", location.Query())
	}

	tokens, err := config.Exchange(ctx, location.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := p.Verifier(&oidc.Config{ClientID: "app"}).Verify(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.VerifyAccessToken(tokens.AccessToken); err != nil {
		t.Error(err)
	}
	var claims struct {
		SID string `json:"sid"`
	}
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if id.Subject != string(h.user.ID) || id.Nonce != "nonce" || claims.SID != string(s.ID) {
		t.Errorf("id_token = %s, nonce %s, sid %s", id.Subject, id.Nonce, claims.SID)
	}

	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := info.Claims(&got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"sub": id.Subject, "name": "Maia Dell", "preferred_username": "maia"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("userinfo (-want +got):\n%s", diff)
	}
}
