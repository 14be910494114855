package signin_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"cardea/signin"
	"cardea/webauthn"
)

func TestIssuerIsAnOrigin(t *testing.T) {
	t.Parallel()
	for issuer, want := range map[string]bool{
		"https://login.example.org": true, "http://localhost:1": true, "http://login.t.localhost": true, "http://127.0.0.1:8480": true,
		"http://login.example.org": false, "https://login.example.org/": false, "https://login.example.org/x": false, "login.example.org": false,
		"https://u@login.example.org": false, "": false, "https://": false, "file:///etc": false, "http://localhost.evil.example": false,
	} {
		if err := signin.CheckIssuer(issuer); (err == nil) != want {
			t.Errorf("CheckIssuer(%q) = %v, want good: %t", issuer, err, want)
		}
	}
}

func TestNativeSignIn(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	var origin webauthn.Origin
	var options webauthn.RequestOptions
	got, err := p.client().Native(t.Context(), func(ctx context.Context, o webauthn.Origin, opts webauthn.RequestOptions) (webauthn.AuthenticationResponse, error) {
		origin, options = o, opts
		return signs(ctx, o, opts)
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := webauthn.Origin("cardea-native://" + strings.TrimPrefix(p.srv.URL, "http://") + "/cardea-cli"); origin != want || options.RPID != "localhost" {
		t.Errorf("asked at %s for %s, want at %s", origin, options.RPID, want)
	}
	if got.Username != "maia" || got.Name != "Maia Dell" || got.Subject != "maia-id" || got.AccessToken != "access0" || got.RefreshToken != "r0" || got.ACR != "urn:cardea:acr:native" {
		t.Errorf("tokens = %+v of %s", got, got.Who())
	}
	if p.agent != "Cardea-Terminal/1" {
		t.Errorf("User-Agent = %q", p.agent)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if s := fmt.Sprintf(verb, got); strings.Contains(s, got.AccessToken) || strings.Contains(s, got.IDToken) {
			t.Errorf("%s shows a token: %s", verb, s)
		}
	}
}

func TestLyingProviderIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		lie  func(p *idp)
	}{
		{"another issuer in the metadata", func(p *idp) { p.metadata = map[string]any{"issuer": "https://other.example"} }},
		{"a token endpoint elsewhere", func(p *idp) { p.metadata = map[string]any{"token_endpoint": "https://other.example/token"} }},
		{"an endpoint at a name that begins like its own", func(p *idp) {
			p.metadata = map[string]any{"authorization_challenge_endpoint": p.srv.URL + ".other.example/x"}
		}},
		{"an ID token of another issuer", func(p *idp) { p.claims = map[string]any{"iss": "https://other.example"} }},
		{"an ID token for another client", func(p *idp) { p.claims = map[string]any{"aud": "other"} }},
		{"an ID token that has expired", func(p *idp) { p.claims = map[string]any{"exp": time.Now().Add(-time.Hour).Unix()} }},
		{"an ID token for another request", func(p *idp) { p.claims = map[string]any{"nonce": "other"} }},
		{"an ID token without a nonce", func(p *idp) { p.claims = map[string]any{"nonce": nil} }},
		{"an ID token with another access token", func(p *idp) { p.answer = map[string]any{"access_token": "other"} }},
		{"no ID token", func(p *idp) { p.answer = map[string]any{"id_token": nil} }},
		{"a token that never was good", func(p *idp) { p.answer = map[string]any{"expires_in": 0} }},
		{"somebody else in userinfo", func(p *idp) { p.who = map[string]any{"sub": "other"} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newIDP(t)
			tt.lie(p)
			c, err := signin.Discover(t.Context(), p.srv.URL, signin.Config{})
			if err == nil {
				_, err = c.Native(t.Context(), signs)
			}
			if err == nil {
				t.Error("believed")
			}
		})
	}
}

// Tokens and assertions go to the issuer and to nobody that it names.
func TestEndpointsElsewhereAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"authorization_endpoint", "token_endpoint", "authorization_challenge_endpoint", "revocation_endpoint", "userinfo_endpoint", "jwks_uri",
	} {
		p := newIDP(t)
		for _, elsewhere := range []string{"https://other.example/x", p.srv.URL + ".other.example/x", p.srv.URL + "@other.example/x", "//other.example"} {
			p.metadata = map[string]any{name: elsewhere}
			if _, err := signin.Discover(t.Context(), p.srv.URL, signin.Config{}); err == nil || !strings.Contains(err.Error(), "not its own") {
				t.Errorf("%s at %s: %v", name, elsewhere, err)
			}
		}
	}
}

func TestRefusedAssertion(t *testing.T) {
	t.Parallel()
	_, err := newIDP(t).client().Native(t.Context(), func(context.Context, webauthn.Origin, webauthn.RequestOptions) (webauthn.AuthenticationResponse, error) {
		return webauthn.AuthenticationResponse{}, nil
	})
	var no *signin.Error
	if !errors.As(err, &no) || no.Code != "access_denied" {
		t.Errorf("Native() = %v, want access_denied", err)
	}
}

func TestProviderWithoutTheEndpoint(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	p.metadata = map[string]any{"authorization_challenge_endpoint": nil}
	if _, err := p.client().Native(t.Context(), signs); !errors.Is(err, signin.ErrNoNative) {
		t.Errorf("Native() = %v, want ErrNoNative", err)
	}
}

func TestBrowserSignIn(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	got, err := p.client().Browser(t.Context(), p.browser(nil))
	if err != nil || got.Username != "maia" {
		t.Errorf("Browser() = %v, %v", got, err)
	}
}

func TestBrowserBringsSomethingElse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		edit func(url.Values)
	}{
		{"a no", func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }},
		{"another issuer", func(q url.Values) { q.Set("iss", "https://other.example") }},
		{"no issuer", func(q url.Values) { q.Del("iss") }},
		{"a code of another request", func(q url.Values) { q.Set("code", "session") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newIDP(t)
			if got, err := p.client().Browser(t.Context(), p.browser(tt.edit)); err == nil {
				t.Errorf("Browser() = %v", got)
			}
		})
	}
}

func TestAnswerWithoutTheStateIsPassedOver(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	c := p.client()
	_, err := c.Browser(t.Context(), func(link string) error {
		if err := p.browser(func(q url.Values) { q.Set("state", "guess"); q.Set("code", "stolen") })(link); err != nil {
			return err
		}
		return p.browser(nil)(link)
	})
	if err != nil {
		t.Errorf("Browser() = %v; a page that guesses must not end the wait", err)
	}
}

func TestNobodyComesBack(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := newIDP(t).client().Browser(ctx, func(string) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Browser() = %v, want context.Canceled", err)
	}
}

func TestRefreshAndRevoke(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	c := p.client()
	first := p.signIn()
	next, err := c.Refresh(t.Context(), first)
	if err != nil || next.RefreshToken != "r1" || next.AccessToken != "access1" || next.Username != "maia" {
		t.Fatalf("Refresh() = %v, %v", next, err)
	}
	p.claims = map[string]any{"sub": "other"}
	if _, err := c.Refresh(t.Context(), next); err == nil || errors.Is(err, signin.ErrSignedOut) {
		t.Errorf("somebody else's tokens: %v", err)
	}
	if _, err := c.Refresh(t.Context(), first); !errors.Is(err, signin.ErrSignedOut) {
		t.Errorf("Refresh() with an old token = %v, want ErrSignedOut", err)
	}
	if err := c.Revoke(t.Context(), next); err != nil || len(p.revoked) != 1 || p.revoked[0] != "r1" {
		t.Errorf("Revoke() = %v, gave back %v", err, p.revoked)
	}
}
