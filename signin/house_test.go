package signin_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"cardea/signin"
	"cardea/webauthn"
)

// idp is an identity provider that says what a test wants, true or not. It is
// strict where the client must be: PKCE, and refresh tokens good for one use.
type idp struct {
	t   *testing.T
	srv *httptest.Server
	key *ecdsa.PrivateKey

	mu        sync.Mutex
	metadata  map[string]any
	claims    map[string]any // over the true ones
	who       map[string]any // over what userinfo says
	answer    map[string]any // over the true token answer
	challenge map[string]string
	nonce     string
	refresh   int // the number of the refresh token that is good
	revoked   []string
	agent     string
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{t: t, key: key, challenge: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.config)
	mux.HandleFunc("GET /jwks", p.jwks)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	mux.HandleFunc("POST /challenge", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("POST /revoke", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.revoked = append(p.revoked, r.FormValue("token"))
		write(w, 200, map[string]any{})
	})
	p.srv = httptest.NewServer(mux)
	t.Cleanup(p.srv.Close)
	return p
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client has gone
}

func over(m, edits map[string]any) map[string]any {
	for k, v := range edits {
		if v == nil {
			delete(m, k)
		} else {
			m[k] = v
		}
	}
	return m
}

func (p *idp) config(w http.ResponseWriter, _ *http.Request) {
	u := p.srv.URL
	write(w, 200, over(map[string]any{
		"issuer": u, "authorization_endpoint": u + "/authorize", "token_endpoint": u + "/token", "jwks_uri": u + "/jwks",
		"userinfo_endpoint": u + "/userinfo", "authorization_challenge_endpoint": u + "/challenge", "revocation_endpoint": u + "/revoke",
		"id_token_signing_alg_values_supported": []string{"ES256"},
	}, p.metadata))
}

func (p *idp) jwks(w http.ResponseWriter, _ *http.Request) {
	write(w, 200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
}

func (p *idp) userinfo(w http.ResponseWriter, _ *http.Request) {
	write(w, 200, over(map[string]any{"sub": "maia-id", "name": "Maia Dell", "preferred_username": "maia"}, p.who))
}

func (p *idp) authorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.agent = r.UserAgent()
	if r.FormValue("auth_session") == "" {
		p.challenge["session"], p.nonce = r.FormValue("code_challenge"), r.FormValue("nonce")
		write(w, 400, map[string]any{
			"error": "insufficient_authorization", "auth_session": "session",
			"webauthn": map[string]any{"challenge": "AAAAAAAAAAAAAAAAAAAAAA", "rpId": "localhost", "userVerification": "required"},
		})
		return
	}
	var response webauthn.AuthenticationResponse
	if err := json.Unmarshal([]byte(r.FormValue("webauthn_response")), &response); err != nil || string(response.Response.Signature) != "signed" {
		write(w, 400, map[string]any{"error": "access_denied", "error_description": "no"})
		return
	}
	write(w, 200, map[string]any{"authorization_code": "session"})
}

func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.FormValue("grant_type") {
	case "authorization_code":
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		want := p.challenge[r.FormValue("code")]
		if want == "" || base64.RawURLEncoding.EncodeToString(sum[:]) != want {
			write(w, 400, map[string]any{"error": "invalid_grant"})
			return
		}
	case "refresh_token":
		if r.FormValue("refresh_token") != fmt.Sprint("r", p.refresh) {
			p.refresh = -1 // a copy: nothing is good any more
			write(w, 400, map[string]any{"error": "invalid_grant"})
			return
		}
		p.refresh++
	}
	access := fmt.Sprint("access", p.refresh)
	sum := sha256.Sum256([]byte(access))
	now := time.Now()
	claims := map[string]any{
		"iss": p.srv.URL, "aud": "cardea-cli", "sub": "maia-id", "iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
		"auth_time": now.Unix(), "acr": "urn:cardea:acr:native", "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
	}
	if r.FormValue("grant_type") == "authorization_code" {
		claims["nonce"] = p.nonce
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.key, KeyID: "k"}}, nil)
	if err != nil {
		p.t.Error(err)
	}
	id, err := jwt.Signed(signer).Claims(over(claims, p.claims)).Serialize()
	if err != nil {
		p.t.Error(err)
	}
	write(w, 200, over(map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": 3600, "id_token": id, "refresh_token": fmt.Sprint("r", p.refresh),
	}, p.answer))
}

func (p *idp) client() *signin.Client {
	p.t.Helper()
	c, err := signin.Discover(p.t.Context(), p.srv.URL, signin.Config{UserAgent: "Cardea-Terminal/1"})
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// signs is an authenticator that always signs.
func signs(context.Context, webauthn.Origin, webauthn.RequestOptions) (webauthn.AuthenticationResponse, error) {
	return webauthn.AuthenticationResponse{Type: webauthn.PublicKeyType, Response: webauthn.AssertionResponse{Signature: []byte("signed")}}, nil
}

func (p *idp) signIn() signin.Tokens {
	p.t.Helper()
	t, err := p.client().Native(p.t.Context(), signs)
	if err != nil {
		p.t.Fatal(err)
	}
	return t
}

// browser is a person's browser that comes back with what the page answers.
func (p *idp) browser(edit func(url.Values)) func(string) error {
	return func(link string) error {
		u, err := url.Parse(link)
		if err != nil {
			return err
		}
		q := u.Query()
		p.mu.Lock()
		p.challenge["page"], p.nonce = q.Get("code_challenge"), q.Get("nonce")
		p.mu.Unlock()
		back := url.Values{"code": {"page"}, "state": {q.Get("state")}, "iss": {p.srv.URL}}
		if edit != nil {
			edit(back)
		}
		resp, err := http.Get(q.Get("redirect_uri") + "?" + back.Encode())
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
}
