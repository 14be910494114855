package provider_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/grant"
	"cardea/identity/policy"
	"cardea/identity/provider"
	"cardea/identity/session"
	"cardea/identity/storage"
	"cardea/internal/httpd"
	"cardea/internal/secret"
	"cardea/webauthn"
)

const (
	issuer      = "https://login.example"
	redirectURI = "https://app.example/callback"
	withQuery   = "https://app.example/callback?dummy1=lorem&dummy2=ipsum"
	verifier    = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge   = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	cookie      = "session"

	rpID      webauthn.RPID   = "login.example"
	cliOrigin webauthn.Origin = "cardea-native://login.example/cli"
)

// house is a provider on a database of its own, with one person in it and a
// clock that stands still until it is moved.
type house struct {
	t         testing.TB
	path      string
	db        *storage.DB
	directory *directory.Directory
	sessions  *session.Service
	ceremony  *ceremony.Service
	keys      *provider.Keys
	handler   http.Handler
	user      directory.User
	passkey   directory.Passkey
	key       *ecdsa.PrivateKey // of the passkey
	log       strings.Builder

	mu  sync.Mutex
	now time.Time
}

func newHouse(t testing.TB) *house { return newHouseAt(t, issuer) }

func newHouseAt(t testing.TB, issuer string) *house {
	return newHouseWith(t, issuer, policy.Passkeys{})
}

// newHouseWith returns a house with a rule on passkeys.
func newHouseWith(t testing.TB, issuer string, rule policy.Passkeys) *house {
	t.Helper()
	// Now, because foreign clients look at the real clock.
	h := &house{t: t, now: time.Now().Truncate(time.Millisecond), path: filepath.Join(t.TempDir(), "cardea.db")}
	var err error
	if h.db, err = storage.Open(t.Context(), h.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.db.Close(); err != nil {
			t.Error(err)
		}
	})
	h.directory = directory.New(directory.Config{Store: h.db, Now: h.clock})
	h.sessions = session.New(session.Config{Store: h.db, Now: h.clock})
	if h.keys, err = provider.OpenKeys(t.Context(), h.db, secret.Random(32), h.clock()); err != nil {
		t.Fatal(err)
	}
	ceremonies, err := ceremony.New(ceremony.Config{
		RPID: rpID, RPName: "Cardea", Origins: []webauthn.Origin{webauthn.Origin(issuer)}, Login: webauthn.Origin(issuer),
		SealKey: secret.Random(32), Store: h.db, Directory: h.directory, Sessions: h.sessions, Passkeys: rule, Now: h.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.ceremony = ceremonies
	p, err := provider.New(provider.Config{
		Issuer: issuer, Directory: h.directory, Sessions: h.sessions, Audit: audit.New(h.db), Keys: h.keys, Ceremony: ceremonies,
		Grants:    grant.New(grant.Config{Store: h.db, Now: h.clock}),
		MarkerKey: secret.Random(32), SessionToken: sessionToken, Now: h.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.handler = httpd.Log(slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug})), p)
	h.setUp()
	for _, c := range []directory.Client{
		{ID: "app", Name: "App", RedirectURIs: []string{redirectURI, withQuery}, Public: true},
		{ID: "account", Name: "My Account", RedirectURIs: []string{"https://account.example/callback"}, Public: true, FirstParty: true},
		{ID: "cli", Name: "Terminal", RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback"}, Public: true, FirstParty: true, Native: true},
		{ID: "cli2", Name: "Other terminal", Public: true, FirstParty: true, Native: true},
		{ID: "foreign", Name: "Foreign program", RedirectURIs: []string{"http://127.0.0.1/callback"}, Public: true, Native: true},
		{ID: "confidential", Name: "Server", RedirectURIs: []string{redirectURI}},
		{ID: "careless", Name: "Careless", Public: true, RedirectURIs: []string{
			"http://app.example/cb", "https://app.example/cb#fragment", "/cb", "javascript:alert(1)"}},
	} {
		if err := h.directory.PutClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func sessionToken(r *http.Request) string {
	c, err := r.Cookie(cookie)
	if err != nil {
		return ""
	}
	return c.Value
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) wait(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// setUp makes the person, straight in the database: ceremonies are tested where
// they live.
func (h *house) setUp() {
	h.t.Helper()
	code, ok, err := h.directory.FirstAdministratorCode(h.t.Context())
	if err != nil || !ok {
		h.t.Fatalf("FirstAdministratorCode() = %v, %v", ok, err)
	}
	h.user, err = directory.NewUser{Username: "maia", DisplayName: "Maia Dell", Admin: true}.Make(h.clock())
	if err != nil {
		h.t.Fatal(err)
	}
	if h.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		h.t.Fatal(err)
	}
	public, err := webauthn.EncodePublicKey(&h.key.PublicKey)
	if err != nil {
		h.t.Fatal(err)
	}
	h.passkey = directory.Passkey{
		ID: directory.NewPasskeyID(), UserID: h.user.ID, CredentialID: random(32), Name: "Phone",
		PublicKey: public, Flags: webauthn.FlagUserPresent | webauthn.FlagUserVerified, AttestationObject: random(1), ClientDataJSON: random(1), ClientDataHash: random(32),
		Created: h.clock(),
	}
	s, token := session.Begin(h.clock(), h.user.ID, h.passkey.ID, directory.From{})
	err = h.db.SetUp(h.t.Context(), ceremony.SetUp{
		Challenge: h.challenge(), Code: directory.HashSetupCode(code), User: h.user, Passkey: h.passkey,
		Session: s, Token: session.HashToken(token),
		Event: audit.Event{Time: h.clock(), Kind: audit.SetUp, UserID: h.user.ID, Outcome: audit.Done},
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) challenge() ceremony.Challenge {
	return ceremony.Challenge{Hash: sha256.Sum256(random(32)), Until: h.clock().Add(time.Hour), Now: h.clock()}
}

// signIn signs the person in with their passkey and returns the session and its
// cookie.
func (h *house) signIn() (session.Session, *http.Cookie) { return h.begin(h.passkey.ID) }

// signInByPass does it with an access pass.
func (h *house) signInByPass() (session.Session, *http.Cookie) { return h.begin("") }

func (h *house) begin(passkey directory.PasskeyID) (session.Session, *http.Cookie) {
	h.t.Helper()
	s, token := session.Begin(h.clock(), h.user.ID, passkey, directory.From{})
	err := h.db.SignIn(h.t.Context(), ceremony.SignIn{
		Challenge: h.challenge(), Was: h.passkey, Flags: h.passkey.Flags, Session: s, Token: session.HashToken(token),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return s, &http.Cookie{Name: cookie, Value: token}
}

// disable shuts the person out behind the back of the directory, which would
// have ended their sessions first: what is left is the moment in between.
func (h *house) disable() {
	h.t.Helper()
	db, err := sql.Open("sqlite", h.path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(h.t.Context(), "UPDATE person SET disabled = 1 WHERE id = $1", string(h.user.ID)); err != nil {
		h.t.Fatal(err)
	}
}

// request is a good authorization request, as edited.
func request(edits ...func(url.Values)) url.Values {
	q := url.Values{
		"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {redirectURI}, "scope": {"openid profile"},
		"state": {"af0ifjsldkj"}, "nonce": {"n-0S6_WzA2Mj"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for _, edit := range edits {
		edit(q)
	}
	return q
}

func set(name, value string) func(url.Values) { return func(q url.Values) { q.Set(name, value) } }
func drop(name string) func(url.Values)       { return func(q url.Values) { q.Del(name) } }

func (h *house) serve(r *http.Request, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

func (h *house) get(target string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	return h.serve(httptest.NewRequest(http.MethodGet, target, nil), cookies...)
}

func (h *house) authorize(q url.Values, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	return h.get(provider.PathAuthorize+"?"+q.Encode(), cookies...)
}

// answer returns the parameters that w redirects to the client with.
func (h *house) answer(w *httptest.ResponseRecorder, uri string) url.Values {
	h.t.Helper()
	location := w.Header().Get("Location")
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
	}
	rest, ok := strings.CutPrefix(location, uri+separator)
	if w.Code != http.StatusSeeOther || !ok {
		h.t.Fatalf("answer = %d to %q, want 303 to %s", w.Code, location, uri)
	}
	q, err := url.ParseQuery(rest)
	if err != nil {
		h.t.Fatal(err)
	}
	return q
}

// code returns a fresh code for a good request of a signed-in person.
func (h *house) code(edits ...func(url.Values)) string {
	h.t.Helper()
	_, c := h.signIn()
	return h.codeWith(c, edits...)
}

func (h *house) codeWith(c *http.Cookie, edits ...func(url.Values)) string {
	h.t.Helper()
	q := request(edits...)
	code := h.answer(h.authorize(q, c), q.Get("redirect_uri")).Get("code")
	if code == "" {
		h.t.Fatal("no code in the answer")
	}
	return code
}

// exchange is a good token request, as edited.
func exchange(code string, edits ...func(url.Values)) url.Values {
	f := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"app"}, "redirect_uri": {redirectURI},
		"code": {code}, "code_verifier": {verifier},
	}
	for _, edit := range edits {
		edit(f)
	}
	return f
}

func post(target string, f url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(f.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// tokens is what the token endpoint answers.
type tokens struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope"`
	IDToken     string `json:"id_token"`
	Refresh     string `json:"refresh_token"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func (h *house) token(f url.Values) (*httptest.ResponseRecorder, tokens) {
	h.t.Helper()
	w := h.serve(post(provider.PathToken, f))
	return w, read[tokens](h.t, w)
}

// redeem exchanges a code that must be good.
func (h *house) redeem(code string, edits ...func(url.Values)) tokens {
	h.t.Helper()
	w, got := h.token(exchange(code, edits...))
	if w.Code != http.StatusOK {
		h.t.Fatalf("token endpoint = %d %s", w.Code, w.Body)
	}
	return got
}

// claims returns the payload of a JWT, unverified.
func (h *house) claims(jwt string) map[string]any {
	h.t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		h.t.Fatalf("%d parts in a JWT", len(parts))
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		h.t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(b, &claims); err != nil {
		h.t.Fatal(err)
	}
	return claims
}

func read[T any](t testing.TB, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type = %q, want application/json", got)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("body %q: %v", w.Body, err)
	}
	return v
}

func random(n int) webauthn.Bytes {
	b := make(webauthn.Bytes, n)
	rand.Read(b)
	return b
}
