package account

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

const (
	testIssuer   = "http://login.test.localhost:8480" // resolves nowhere: Dial decides
	testClient   = "account"
	testRedirect = "http://account.test.localhost:8480/callback"
)

// liar is a provider that says what a test wants it to say.
type liar struct {
	t    testing.TB
	oidc *OIDC
	key  *ecdsa.PrivateKey

	mu     sync.Mutex
	claims map[string]any // of the next id_token
	signer *ecdsa.PrivateKey
	form   url.Values // of the last token request
	asked  int        // for metadata
	down   bool
}

func newLiar(t testing.TB) *liar {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{t: t, key: key, signer: key}
	keys := &oidctest.Server{
		PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "key", Algorithm: oidc.ES256}},
		Algorithms: []string{oidc.ES256},
	}
	keys.SetIssuer(testIssuer)
	mux := http.NewServeMux()
	mux.Handle("/", keys)
	mux.HandleFunc("GET /.well-known/openid-configuration", l.metadata(keys))
	mux.HandleFunc("POST /oauth2/token", l.token)
	front := httptest.NewServer(mux)
	t.Cleanup(front.Close)
	l.oidc, err = NewOIDC(OIDCConfig{
		Issuer: testIssuer, ClientID: testClient, RedirectURL: testRedirect,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, front.Listener.Addr().String())
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.oidc.Close)
	return l
}

func (l *liar) metadata(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		l.asked++
		down := l.down
		l.mu.Unlock()
		if down {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		var doc map[string]any
		if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil {
			l.t.Error(err)
		}
		doc["authorization_endpoint"] = testIssuer + "/oauth2/authorize"
		doc["token_endpoint"] = testIssuer + "/oauth2/token"
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(doc); err != nil {
			l.t.Error(err)
		}
	}
}

func (l *liar) token(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := r.ParseForm(); err != nil {
		l.t.Error(err)
	}
	l.form = r.PostForm
	w.Header().Set("Content-Type", "application/json")
	if l.claims == nil {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	b, err := json.Marshal(l.claims)
	if err != nil {
		l.t.Error(err)
	}
	err = json.NewEncoder(w).Encode(map[string]any{
		"access_token": "opaque", "token_type": "Bearer", "expires_in": 3600,
		"id_token": oidctest.SignIDToken(l.signer, "key", oidc.ES256, string(b)),
	})
	if err != nil {
		l.t.Error(err)
	}
}

// begin begins a sign-in and returns it with what was asked for.
func (l *liar) begin(o BeginOptions) (Pending, url.Values) {
	l.t.Helper()
	p, err := l.oidc.Begin(l.t.Context(), o)
	if err != nil {
		l.t.Fatal(err)
	}
	u, err := url.Parse(p.Location)
	if err != nil || !strings.HasPrefix(p.Location, testIssuer+"/oauth2/authorize?") {
		l.t.Fatalf("Location = %q, %v", p.Location, err)
	}
	return p, u.Query()
}

var authTime = time.Unix(time.Now().Unix()-60, 0)

// truth is what an honest provider says for p.
func truth(p Pending) map[string]any {
	now := time.Now().Unix()
	return map[string]any{
		"iss": testIssuer, "sub": "maia", "aud": testClient, "iat": now, "exp": now + 600,
		"auth_time": authTime.Unix(), "nonce": p.Nonce, "sid": "sid",
	}
}

func (l *liar) say(claims map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claims = claims
}

func callback(p Pending) url.Values {
	return url.Values{"state": {p.State}, "iss": {testIssuer}, "code": {"the-code"}}
}

func TestSignInAsksForWhatItMust(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	p, asked := l.begin(BeginOptions{MaxAge: -1})
	want := url.Values{
		"response_type": {"code"}, "client_id": {testClient}, "redirect_uri": {testRedirect}, "scope": {"openid"},
		"state": {p.State}, "nonce": {p.Nonce},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(p.Verifier)}, "code_challenge_method": {"S256"},
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	for name, v := range map[string]string{"state": p.State, "nonce": p.Nonce, "verifier": p.Verifier} {
		if len(v) != 43 {
			t.Errorf("%s has %d characters, want 43", name, len(v))
		}
	}
	if other, _ := l.begin(BeginOptions{MaxAge: -1}); other.State == p.State || other.Nonce == p.Nonce || other.Verifier == p.Verifier {
		t.Error("two sign-ins share a value")
	}
	for age, want := range map[time.Duration]string{0: "0", 5 * time.Minute: "300"} {
		if _, asked := l.begin(BeginOptions{MaxAge: age}); asked.Get("max_age") != want {
			t.Errorf("max_age = %q, want %s", asked.Get("max_age"), want)
		}
	}
}

func TestHonestAnswerIsBelieved(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	p, _ := l.begin(BeginOptions{MaxAge: 5 * time.Minute})
	l.say(truth(p))
	got, err := l.oidc.Finish(t.Context(), p, callback(p))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Identity{Subject: "maia", SID: "sid", AuthTime: authTime}, got); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
	want := url.Values{
		"grant_type": {"authorization_code"}, "code": {"the-code"}, "redirect_uri": {testRedirect},
		"client_id": {testClient}, "code_verifier": {p.Verifier},
	}
	if diff := cmp.Diff(want, l.form); diff != "" {
		t.Errorf("token request (-want +got):\n%s", diff)
	}
}

func TestIDTokenIsRefused(t *testing.T) {
	t.Parallel()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		lie  map[string]any
		key  *ecdsa.PrivateKey
	}{
		{"another nonce", map[string]any{"nonce": "other"}, nil},
		{"no nonce", map[string]any{"nonce": nil}, nil},
		{"another issuer", map[string]any{"iss": "https://evil.example"}, nil},
		{"another audience", map[string]any{"aud": "other"}, nil},
		{"two audiences", map[string]any{"aud": []string{testClient, "other"}}, nil},
		{"expired", map[string]any{"exp": time.Now().Unix() - 60}, nil},
		{"no subject", map[string]any{"sub": nil}, nil},
		{"no session", map[string]any{"sid": nil}, nil},
		{"no time", map[string]any{"auth_time": nil}, nil},
		{"an older sign-in than was asked for", map[string]any{"auth_time": time.Now().Unix() - 3600}, nil},
		{"another key", nil, other},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLiar(t)
			p, _ := l.begin(BeginOptions{MaxAge: 5 * time.Minute})
			claims := truth(p)
			maps.Copy(claims, tt.lie)
			maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
			if tt.key != nil {
				l.signer = tt.key
			}
			l.say(claims)
			if got, err := l.oidc.Finish(t.Context(), p, callback(p)); err == nil {
				t.Errorf("Finish() = %+v, want an error", got)
			}
			if l.form == nil {
				t.Error("the token endpoint was not asked; the test tests nothing")
			}
		})
	}
}

// What is wrong with the callback is found before the code goes anywhere.
func TestCallbackIsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		edit func(*Pending, url.Values)
	}{
		{"another state", func(_ *Pending, q url.Values) { q.Set("state", "other") }},
		{"no state", func(_ *Pending, q url.Values) { q.Del("state") }},
		{"no state on either side", func(p *Pending, q url.Values) { p.State = ""; q.Del("state") }},
		{"another issuer", func(_ *Pending, q url.Values) { q.Set("iss", "https://evil.example") }},
		{"no issuer", func(_ *Pending, q url.Values) { q.Del("iss") }},
		{"no code", func(_ *Pending, q url.Values) { q.Del("code") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLiar(t)
			p, _ := l.begin(BeginOptions{MaxAge: -1})
			l.say(truth(p))
			q := callback(p)
			tt.edit(&p, q)
			if got, err := l.oidc.Finish(t.Context(), p, q); err == nil {
				t.Errorf("Finish() = %+v, want an error", got)
			}
			if l.form != nil {
				t.Error("the code was sent to the token endpoint")
			}
		})
	}
}

func TestAnswerThatIsAnErrorIsNamed(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	p, _ := l.begin(BeginOptions{MaxAge: -1})
	q := url.Values{"state": {p.State}, "iss": {testIssuer}, "error": {"access_denied"}, "error_description": {"no"}}
	_, err := l.oidc.Finish(t.Context(), p, q)
	var answer *AnswerError
	if !errors.As(err, &answer) || answer.Code != "access_denied" || answer.Description != "no" {
		t.Errorf("Finish() = %v, want an AnswerError with access_denied", err)
	}
}

func TestCodeThatIsRefusedIsAnError(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	p, _ := l.begin(BeginOptions{MaxAge: -1})
	_, err := l.oidc.Finish(t.Context(), p, callback(p))
	if err == nil || strings.Contains(err.Error(), "the-code") || strings.Contains(err.Error(), p.Verifier) {
		t.Errorf("Finish() = %v, want an error without the code or the verifier", err)
	}
}

func TestMetadataAreReadWhenNeededAndKept(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	l.down = true
	now := time.Now()
	l.oidc.cfg.Now = func() time.Time { return now }
	for range 3 { // a failure is remembered for a moment
		if _, err := l.oidc.Begin(t.Context(), BeginOptions{}); err == nil {
			t.Fatal("Begin() = nil error without a provider")
		}
	}
	l.mu.Lock()
	l.down = false
	l.mu.Unlock()
	now = now.Add(discoveryPause)
	for range 3 {
		l.begin(BeginOptions{MaxAge: -1})
	}
	if l.asked != 2 {
		t.Errorf("metadata were asked for %d times, want 2: once in vain", l.asked)
	}
}

// A provider that does not answer holds up nobody longer than they want to wait,
// and who gives up does not take the answer from the others.
func TestWaitingForMetadataEndsWithTheRequest(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}, 10), make(chan struct{})
	l := newLiar(t)
	dial := l.oidc.client.Transport.(*http.Transport).DialContext
	l.oidc.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		asked <- struct{}{}
		<-answer
		return dial(ctx, network, address)
	}
	first, giveUp := context.WithCancel(t.Context())
	ended, waited := make(chan error, 1), make(chan error, 1)
	begin := func(ctx context.Context, told chan<- error) {
		_, err := l.oidc.Begin(ctx, BeginOptions{MaxAge: -1})
		told <- err
	}
	go begin(first, ended)
	<-asked
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.oidc.Begin(gone, BeginOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Begin() of somebody who has gone = %v, want %v", err, context.Canceled)
	}
	go begin(t.Context(), waited)
	giveUp()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Begin() that is given up = %v, want %v", err, context.Canceled)
	}
	close(answer)
	if err := <-waited; err != nil {
		t.Errorf("Begin() of who waits = %v", err)
	}
	if l.asked != 1 {
		t.Errorf("metadata were asked for %d times, want once", l.asked)
	}
}

func TestNewOIDCNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	good := OIDCConfig{Issuer: testIssuer, ClientID: testClient, RedirectURL: testRedirect}
	for name, edit := range map[string]func(*OIDCConfig){
		"Issuer":      func(c *OIDCConfig) { c.Issuer = "" },
		"ClientID":    func(c *OIDCConfig) { c.ClientID = "" },
		"RedirectURL": func(c *OIDCConfig) { c.RedirectURL = "/callback" },
	} {
		cfg := good
		edit(&cfg)
		if _, err := NewOIDC(cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("NewOIDC() without %s = %v, want it named", name, err)
		}
	}
}
