package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/provider"
	"cardea/identity/session"
	"cardea/identity/web"
	"cardea/identity/web/account"
	"cardea/identity/web/admin"
	"cardea/identity/web/signin"
	"cardea/webauthn"
)

// running is a Server on a real socket, and what it has logged.
type running struct {
	*Server
	t    testing.TB
	addr string
	stop func()
	log  *logBuffer
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func config(dir string) Config {
	return Config{
		Database: filepath.Join(dir, "cardea.db"),
		LoginURL: "http://login.cardea.localhost:8480", AccountURL: "http://myaccount.cardea.localhost:8480",
		RPID: "cardea.localhost", Name: "Alder Library Trust",
	}
}

func start(t testing.TB, cfg Config) *running {
	t.Helper()
	buffer := &logBuffer{}
	s, err := New(t.Context(), cfg, slog.New(slog.NewTextHandler(buffer, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	r := &running{Server: s, t: t, addr: l.Addr().String(), log: buffer}
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run() = %v, want nil after an orderly end", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// browser is an HTTP client that finds every name at the server and keeps
// cookies as a browser does.
func (r *running) browser() *http.Client {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, r.addr)
	}}
	r.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, Timeout: 10 * time.Second}
}

// once is a browser that does not follow redirects.
func once(c *http.Client) *http.Client {
	clone := *c
	clone.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &clone
}

func get(t testing.TB, c *http.Client, target string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, c, r)
}

func do(t testing.TB, c *http.Client, r *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

// setUp makes the first administrator, straight in the database, and signs them
// in in c. It returns them and the token of their session.
func (r *running) setUp(c *http.Client, setupCode string) (directory.User, string) {
	r.t.Helper()
	now := time.Now().Truncate(time.Millisecond)
	u, err := directory.NewUser{Username: "maia", DisplayName: "Maia Dell", Admin: true}.Make(now)
	if err != nil {
		r.t.Fatal(err)
	}
	k := directory.Passkey{
		ID: directory.NewPasskeyID(), UserID: u.ID, CredentialID: random(32), Name: "Phone", PublicKey: random(77),
		AttestationObject: random(1), ClientDataJSON: random(1), ClientDataHash: random(32), Created: now,
	}
	in, token := session.Begin(now, u.ID, k.ID, directory.From{})
	err = r.db.SetUp(r.t.Context(), ceremony.SetUp{
		Challenge: ceremony.Challenge{Hash: sha256.Sum256(random(32)), Until: now.Add(time.Hour), Now: now},
		Code:      directory.HashSetupCode(setupCode), User: u, Passkey: k, Session: in, Token: session.HashToken(token),
		Event: audit.Event{Time: now, Kind: audit.SetUp, UserID: u.ID, Outcome: audit.Done},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	c.Jar.SetCookies(mustHost(r.cfg.LoginURL), []*http.Cookie{{Name: web.SessionCookie, Value: token, Path: "/"}})
	return u, token
}

func random(n int) webauthn.Bytes {
	b := make(webauthn.Bytes, n)
	rand.Read(b)
	return b
}

func setupCode(t testing.TB, s *Server) string {
	t.Helper()
	link, ok, err := s.SetupURL(t.Context())
	if err != nil || !ok {
		t.Fatalf("SetupURL() = %v, %v", ok, err)
	}
	code, found := strings.CutPrefix(link, s.cfg.LoginURL+"/setup#")
	if !found || code == "" {
		t.Fatalf("SetupURL() = %q", link)
	}
	return code
}

func TestDiscoveryIsReachable(t *testing.T) {
	t.Parallel()
	r := start(t, config(t.TempDir()))
	for _, path := range []string{provider.PathConfiguration, provider.PathMetadata} {
		res, body := get(t, r.browser(), r.cfg.LoginURL+path)
		var doc struct{ Issuer string }
		if err := json.Unmarshal([]byte(body), &doc); err != nil || res.StatusCode != http.StatusOK || doc.Issuer != r.cfg.LoginURL {
			t.Errorf("%s = %d %s, %v", path, res.StatusCode, body, err)
		}
	}
}

func TestUnknownHostIsMisdirected(t *testing.T) {
	t.Parallel()
	r := start(t, config(t.TempDir()))
	c := r.browser()
	for _, host := range []string{"evil.example", "login.cardea.localhost", "login.cardea.localhost:1", "x.login.cardea.localhost:8480", r.addr} {
		res, body := get(t, c, "http://"+host+provider.PathConfiguration)
		if res.StatusCode != http.StatusMisdirectedRequest || strings.Contains(body, host) {
			t.Errorf("%s: %d %q, want 421", host, res.StatusCode, body)
		}
	}
	for _, host := range []string{"LOGIN.cardea.localhost:8480", "login.cardea.localhost.:8480"} {
		if res, _ := get(t, c, "http://"+host+provider.PathConfiguration); res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d, want 200", host, res.StatusCode)
		}
	}
}

func TestHealthIsAnsweredUnderEveryName(t *testing.T) {
	t.Parallel()
	r := start(t, config(t.TempDir()))
	if res, body := get(t, r.browser(), "http://"+r.addr+pathHealth); res.StatusCode != http.StatusOK || body != "ok\n" {
		t.Errorf("health = %d %q", res.StatusCode, body)
	}
	r.stop()
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, pathHealth, nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("health without a database = %d, want 503", w.Code)
	}
}

func TestRPIDMayBeTheLoginHost(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	cfg.LoginURL = "http://cardea.localhost:8480"
	r := start(t, cfg)
	for path, want := range map[string]int{pathOrigins: 200, provider.PathConfiguration: 200, "/signin": 200} {
		if res, _ := get(t, r.browser(), cfg.LoginURL+path); res.StatusCode != want {
			t.Errorf("%s = %d, want %d", path, res.StatusCode, want)
		}
	}
}

// My Account is a client of the provider: with a session at the login host a
// person gets in by redirects alone, over the server's own socket.
func TestPersonReachesMyAccountThroughTheProvider(t *testing.T) {
	t.Parallel()
	r := start(t, config(t.TempDir()))
	c := r.browser()
	res, _ := get(t, c, r.cfg.AccountURL+"/security")
	if res.Request.URL.Host != mustHost(r.cfg.LoginURL).Host || res.Request.URL.Path != "/signin" {
		t.Fatalf("stranger ends at %s, want the sign-in page", res.Request.URL)
	}
	r.setUp(c, setupCode(t, r.Server))
	res, body := get(t, c, r.cfg.AccountURL+"/security")
	if res.StatusCode != http.StatusOK || res.Request.URL.String() != r.cfg.AccountURL+"/security" || !strings.Contains(body, "Phone") {
		t.Errorf("signed in, ends at %s with %d", res.Request.URL, res.StatusCode)
	}
	if res, _ := get(t, c, r.cfg.AccountURL+"/admin"); res.StatusCode != http.StatusOK || res.Request.URL.Path != "/admin" {
		t.Errorf("administration: %s with %d, want 200", res.Request.URL, res.StatusCode)
	}
	if _, ok, err := r.SetupURL(t.Context()); ok || err != nil {
		t.Errorf("SetupURL() with somebody there = %v, %v; want false", ok, err)
	}
}

// split takes a pattern of http.ServeMux apart and fills its wildcards.
func split(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	return method, strings.NewReplacer("{$}", "", "{id}", "some-id").Replace(path)
}

func TestAdministrationIsClosedToStrangers(t *testing.T) {
	t.Parallel()
	r := start(t, config(t.TempDir()))
	c := once(r.browser())
	routes := admin.Routes()
	if len(routes) == 0 {
		t.Fatal("no routes")
	}
	for _, pattern := range routes {
		method, path := split(pattern)
		req, err := http.NewRequestWithContext(t.Context(), method, r.cfg.AccountURL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, _ := do(t, c, req)
		location := res.Header.Get("Location")
		switch {
		case method == http.MethodGet && res.StatusCode == http.StatusSeeOther && strings.HasPrefix(location, r.cfg.LoginURL+provider.PathAuthorize):
		case method != http.MethodGet && res.StatusCode == http.StatusUnauthorized:
		default:
			t.Errorf("%s without a session: %d to %q", pattern, res.StatusCode, location)
		}
	}
}

func TestAdministrationIsClosedToOthers(t *testing.T) {
	t.Parallel()
	r := start(t, config(t.TempDir()))
	boss := r.browser()
	u, _ := r.setUp(boss, setupCode(t, r.Server))
	ben, err := r.directory.AddUser(t.Context(), u.ID, directory.NewUser{Username: "ben", DisplayName: "Ben"})
	if err != nil {
		t.Fatal(err)
	}
	// Ben, signed in with a passkey.
	now := time.Now().Truncate(time.Millisecond)
	keys, err := r.directory.Passkeys(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	in, token := session.Begin(now, ben.ID, keys[0].ID, directory.From{})
	err = r.db.SignIn(t.Context(), ceremony.SignIn{
		Challenge: ceremony.Challenge{Hash: sha256.Sum256(random(32)), Until: now.Add(time.Hour), Now: now},
		Was:       keys[0], Session: in, Token: session.HashToken(token),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := r.browser()
	c.Jar.SetCookies(mustHost(r.cfg.LoginURL), []*http.Cookie{{Name: web.SessionCookie, Value: token, Path: "/"}})
	if res, _ := get(t, c, r.cfg.AccountURL+"/"); res.StatusCode != http.StatusOK || res.Request.URL.Path != "/" {
		t.Fatalf("Ben's account = %d at %s", res.StatusCode, res.Request.URL)
	}
	for _, pattern := range admin.Routes() {
		method, path := split(pattern)
		req, err := http.NewRequestWithContext(t.Context(), method, r.cfg.AccountURL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res, _ := do(t, once(c), req); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s as Ben: %d, want 404", pattern, res.StatusCode)
		}
	}
}

// The three endpoints of the provider that other origins may post to look at no
// cookie, or do nothing but redirect; every other post is refused.
func TestPostsOfOtherOriginsAreRefused(t *testing.T) {
	t.Parallel()
	r := start(t, config(t.TempDir()))
	c := once(r.browser())
	r.setUp(c, setupCode(t, r.Server))
	posts := map[string][]string{
		r.cfg.LoginURL:   signin.Routes(),
		r.cfg.AccountURL: append(account.Routes(), admin.Routes()...),
	}
	tried := 0
	for origin, routes := range posts {
		for _, pattern := range routes {
			method, path := split(pattern)
			if method != http.MethodPost {
				continue
			}
			tried++
			for name, header := range map[string][2]string{
				"cross-site by Sec-Fetch-Site": {"Sec-Fetch-Site", "cross-site"},
				"same-site by Sec-Fetch-Site":  {"Sec-Fetch-Site", "same-site"},
				"by Origin":                    {"Origin", "https://evil.example"},
			} {
				req, err := http.NewRequestWithContext(t.Context(), method, origin+path, strings.NewReader("{}"))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set(header[0], header[1])
				if res, _ := do(t, c, req); res.StatusCode != http.StatusForbidden {
					t.Errorf("%s%s, %s: %d, want 403", origin, path, name, res.StatusCode)
				}
			}
		}
	}
	if tried < 10 {
		t.Errorf("%d posts tried; are the routes enumerated?", tried)
	}
}

func TestPostsAreLimitedAndPagesAreNot(t *testing.T) {
	t.Parallel()
	s, err := New(t.Context(), config(t.TempDir()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	stood := time.Now()
	s.now = func() time.Time { return stood }
	h := s.limitPosts(s.signin.Surface, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ask := func(method, contentType string) (int, string) {
		req, err := http.NewRequest(method, "/signin/pass", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.RemoteAddr = "192.0.2.1:999"
		req.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		return w.Code, w.Header().Get("Content-Type")
	}
	for i := range postBurst {
		if code, _ := ask(http.MethodPost, "application/json"); code != http.StatusOK {
			t.Fatalf("post %d = %d", i+1, code)
		}
	}
	if code, kind := ask(http.MethodPost, "application/json"); code != http.StatusTooManyRequests || kind != "application/json" {
		t.Errorf("a script's post after the burst = %d %s, want 429 as JSON", code, kind)
	}
	if code, kind := ask(http.MethodPost, "application/x-www-form-urlencoded"); code != http.StatusTooManyRequests || !strings.HasPrefix(kind, "text/html") {
		t.Errorf("a form's post after the burst = %d %s, want 429 as a page", code, kind)
	}
	if code, _ := ask(http.MethodGet, ""); code != http.StatusOK {
		t.Errorf("a page after the burst = %d, want 200", code)
	}
}

// Behind a proxy on this machine each client has a limit of its own.
func TestProxyOnThisMachineIsBelievedWhereItBringsTLS(t *testing.T) {
	t.Parallel()
	for scheme, want := range map[string]int{"https": http.StatusForbidden, "http": http.StatusTooManyRequests} {
		cfg := config(t.TempDir())
		cfg.LoginURL = strings.Replace(cfg.LoginURL, "http:", scheme+":", 1)
		cfg.AccountURL = strings.Replace(cfg.AccountURL, "http:", scheme+":", 1)
		s, err := New(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ask := func(client string) int {
			r := httptest.NewRequest(http.MethodPost, cfg.LoginURL+"/signin/pass", strings.NewReader("username=theo&code=x"))
			r.RemoteAddr = "127.0.0.1:999"
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Forwarded-For", client)
			r.Header.Set("Sec-Fetch-Site", "cross-site") // it goes no further than the limit
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			return w.Code
		}
		for range 2 * postBurst {
			ask("192.0.2.1")
		}
		if code := ask("198.51.100.2"); code != want {
			t.Errorf("%s: one client after the burst of another: %d, want %d", scheme, code, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	r := start(t, config(t.TempDir()))
	c := r.browser()
	code := setupCode(t, r.Server)
	u, token := r.setUp(c, code)
	get(t, c, r.cfg.AccountURL+"/security")

	// A wrong setup code, a pass that is wrong and one that is right.
	post := func(path, contentType, body string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.cfg.LoginURL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		do(t, c, req)
	}
	post("/setup/begin", "application/json", `{"code":"`+code+`","username":"eve","displayName":"Eve"}`)
	pass, _, err := r.directory.IssueAccessPass(t.Context(), u.ID, u.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	post("/signin/pass", "application/x-www-form-urlencoded", url.Values{"username": {"maia"}, "code": {"WRONG-PASS-0000"}}.Encode())
	post("/signin/pass", "application/x-www-form-urlencoded", url.Values{"username": {"maia"}, "code": {pass}}.Encode())
	get(t, c, r.cfg.AccountURL+"/security/add")

	secrets := map[string]string{"setup code": code, "session": token, "access pass": pass, "wrong pass": "WRONG-PASS-0000"}
	for _, origin := range []string{r.cfg.LoginURL, r.cfg.AccountURL} {
		cookies := c.Jar.Cookies(mustHost(origin))
		if len(cookies) == 0 {
			t.Errorf("%s has set no cookie", origin)
		}
		for _, cookie := range cookies {
			secrets[cookie.Name] = cookie.Value
		}
	}
	key, err := os.ReadFile(r.cfg.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	secrets["key file"] = strings.TrimSpace(string(key))
	r.stop()
	log := r.log.String()
	for _, want := range []string{"path=/callback", "path=/oauth2/token", "path=/signin/pass", "path=/setup/begin"} {
		if !strings.Contains(log, want) {
			t.Errorf("log does not have %s; the flow did not happen:\n%s", want, log)
		}
	}
	for name, secret := range secrets {
		if strings.Contains(log, secret) {
			t.Errorf("log has the %s", name)
		}
	}
	for _, word := range []string{"code=", "state=", "nonce="} { // a query
		if strings.Contains(log, word) {
			t.Errorf("log has %q in it:\n%s", word, log)
		}
	}
}

func TestRestartKeepsKeysAndSessions(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	first := start(t, cfg)
	c := first.browser()
	first.setUp(c, setupCode(t, first.Server))
	_, before := get(t, first.browser(), cfg.LoginURL+provider.PathJWKS)
	get(t, c, cfg.AccountURL+"/")
	first.stop()

	second := start(t, cfg)
	if _, after := get(t, second.browser(), cfg.LoginURL+provider.PathJWKS); after != before {
		t.Errorf("key set = %s, then %s", before, after)
	}
	again := second.browser()
	again.Jar = c.Jar
	if res, _ := get(t, once(again), cfg.AccountURL+"/security"); res.StatusCode != http.StatusOK {
		t.Errorf("security page after a restart = %d, want 200 without a redirect", res.StatusCode)
	}
}

func TestLostKeyFileIsReplacedAndReported(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	start(t, cfg).stop()
	if err := os.Remove(cfg.Database + ".key"); err != nil {
		t.Fatal(err)
	}
	second := start(t, cfg)
	second.stop()
	if !strings.Contains(second.log.String(), "level=WARN") || !strings.Contains(second.log.String(), "key file") {
		t.Errorf("log = %s, want a warning", second.log)
	}
}

// Who has a copy of the database, with all that stands in it, must not be able
// to make a cookie that the server takes.
func TestCopyOfTheDatabaseSealsNoCookies(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	first := start(t, cfg)
	_, token := first.setUp(first.browser(), setupCode(t, first.Server))
	first.stop()
	stolen := config(t.TempDir())
	file, err := os.ReadFile(cfg.Database)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stolen.Database, file, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]Config{"the copy": stolen, "the server itself": cfg} {
		thief := start(t, other)
		c := thief.browser()
		c.Jar.SetCookies(mustHost(cfg.LoginURL), []*http.Cookie{{Name: web.SessionCookie, Value: token, Path: "/"}})
		if res, _ := get(t, c, cfg.AccountURL+"/security"); res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d, want to be let in where the session is known", name, res.StatusCode)
		}
		thief.stop()
		again := start(t, cfg)
		try := once(again.browser())
		try.Jar.SetCookies(mustHost(cfg.AccountURL), c.Jar.Cookies(mustHost(cfg.AccountURL)))
		want := http.StatusSeeOther // to sign in
		if name != "the copy" {
			want = http.StatusOK
		}
		if res, _ := get(t, try, cfg.AccountURL+"/security"); res.StatusCode != want {
			t.Errorf("with a cookie from %s: %d, want %d", name, res.StatusCode, want)
		}
		again.stop()
	}
}

func TestServerClosesWithoutRunning(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	for range 2 { // the second would find the file in use
		s, err := New(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryCallsAtOnceAndThenInEachInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var calls atomic.Int64
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			every(ctx, time.Minute, func(context.Context) { calls.Add(1) })
		}()
		synctest.Wait()
		if n := calls.Load(); n != 1 {
			t.Errorf("%d calls at once, want 1", n)
		}
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		if n := calls.Load(); n != 6 {
			t.Errorf("%d calls after five minutes, want 6", n)
		}
		cancel()
		<-ended
	})
}
