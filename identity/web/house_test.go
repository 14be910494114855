package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
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
	"cardea/identity/web"
	"cardea/identity/web/account"
	"cardea/identity/web/admin"
	"cardea/identity/web/signin"
	"cardea/internal/httpd"
	"cardea/internal/secret"
	"cardea/webauthn"
)

const (
	loginHost   = "login.cardea.localhost"
	accountHost = "myaccount.cardea.localhost"
	testRPID    = webauthn.RPID("cardea.localhost")
)

// house is a whole identity provider, pages and all, on a database and a port
// of its own, with a clock that stands still until it is moved.
type house struct {
	t         testing.TB
	db        *storage.DB
	key       secret.Key // whose copies do all that keys do
	hosts     sync.Map   // handlers by the name of their host
	directory *directory.Directory
	sessions  *session.Service
	log       *audit.Log
	grants    *grant.Service
	site      web.Site
	rule      policy.Passkeys
	address   string // of the listener
	login     string // origin
	account   string // origin

	mu   sync.Mutex
	now  time.Time
	said bytes.Buffer // what was logged
	hear func(path string)
}

// onAnswer has f called after each answer, before the next request of the same
// page can come.
func (h *house) onAnswer(f func(path string)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hear = f
}

func (h *house) answered(path string) {
	h.mu.Lock()
	f := h.hear
	h.mu.Unlock()
	if f != nil {
		f(path)
	}
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

// Write takes what is logged.
func (h *house) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.said.Write(b)
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newHouse(t testing.TB) *house { return newHouseWith(t, policy.Passkeys{}) }

// newHouseWith returns a house with a rule on passkeys.
func newHouseWith(t testing.TB, rule policy.Passkeys) *house {
	t.Helper()
	h := &house{t: t, key: secret.Random(32), now: time.Now().Truncate(time.Millisecond)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler, ok := h.hosts.Load(r.Host); ok {
			handler.(http.Handler).ServeHTTP(w, r)
			h.answered(r.URL.Path)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(srv.Close)
	h.address = srv.Listener.Addr().String()
	_, port, err := net.SplitHostPort(h.address)
	if err != nil {
		t.Fatal(err)
	}
	h.login, h.account = "http://"+loginHost+":"+port, "http://"+accountHost+":"+port
	h.site = web.Site{Name: "Alder", RPID: testRPID, LoginURL: h.login, AccountURL: h.account}
	h.db = must[*storage.DB](t)(storage.Open(t.Context(), filepath.Join(t.TempDir(), "cardea.db")))
	t.Cleanup(func() {
		if err := h.db.Close(); err != nil {
			t.Error(err)
		}
	})
	h.restart(rule)
	return h
}

// restart has the house begin anew with another rule on passkeys, as after a
// change of its configuration.
func (h *house) restart(rule policy.Passkeys) {
	h.rule = rule
	login, myAccount := h.open()
	log := slog.New(slog.NewTextHandler(h, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.hosts.Store(strings.TrimPrefix(h.login, "http://"), httpd.Log(log, login))
	h.hosts.Store(strings.TrimPrefix(h.account, "http://"), httpd.Log(log, myAccount))
}

// open puts the rooms together.
func (h *house) open() (login, myAccount http.Handler) {
	t, ctx, db := h.t, h.t.Context(), h.db
	h.directory = directory.New(directory.Config{Store: db, PassKey: h.key, WayIn: h.rule.Takes, Now: h.clock})
	h.sessions = session.New(session.Config{Store: db, Now: h.clock})
	h.log = audit.New(db)
	h.grants = grant.New(grant.Config{Store: db, Now: h.clock})
	ceremonies := must[*ceremony.Service](t)(ceremony.New(ceremony.Config{
		RPID: testRPID, RPName: "Alder", Origins: []webauthn.Origin{webauthn.Origin(h.login), webauthn.Origin(h.account)},
		SealKey: h.key, Store: db, Directory: h.directory, Sessions: h.sessions, Passkeys: h.rule, Now: h.clock,
	}))
	client := directory.Client{ID: "my-account", Name: "My Account", RedirectURIs: []string{h.account + "/callback"}, Public: true, FirstParty: true}
	if err := h.directory.PutClient(ctx, client); err != nil {
		t.Fatal(err)
	}
	pages := must[*signin.Surface](t)(signin.New(signin.Config{
		Site: h.site, Ceremony: ceremonies, Sessions: h.sessions, Directory: h.directory, Audit: h.log, Passkeys: h.rule, Key: h.key, Now: h.clock,
	}))
	oidc := must[*provider.Provider](t)(provider.New(provider.Config{
		Issuer: h.login, Directory: h.directory, Sessions: h.sessions, Audit: h.log,
		Keys:   must[*provider.Keys](t)(provider.OpenKeys(ctx, db, h.key, h.clock())),
		Grants: h.grants, MarkerKey: h.key,
		SessionToken: pages.SessionToken, ErrorPage: pages.Fail, Now: h.clock,
	}))
	rp := must[*account.OIDC](t)(account.NewOIDC(account.OIDCConfig{
		Issuer: h.login, ClientID: client.ID, RedirectURL: client.RedirectURIs[0], Dial: h.dial, Now: h.clock,
	}))
	t.Cleanup(rp.Close)
	mine := must[*account.Surface](t)(account.New(account.Config{
		Site: h.site, RP: rp, Ceremony: ceremonies, Sessions: h.sessions, Directory: h.directory, Audit: h.log, Grants: h.grants,
		Passkeys: h.rule, Key: h.key, Now: h.clock,
	}))
	console := admin.New(admin.Config{Site: h.site, Sessions: h.sessions, Directory: h.directory, Audit: h.log, Passkeys: h.rule, Gate: mine.Visitor, Fresh: mine.Fresh, Speak: mine.Speak, Now: h.clock})
	loginMux, accountMux := http.NewServeMux(), http.NewServeMux()
	loginMux.Handle("/", pages)
	loginMux.Handle("/oauth2/", oidc)
	loginMux.Handle("/.well-known/", oidc)
	accountMux.Handle("/", mine)
	accountMux.Handle("/admin", console)
	accountMux.Handle("/admin/", console)
	return loginMux, accountMux
}

// dial reaches the house whatever name it is called by.
func (h *house) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, h.address)
}

// A visitor is a browser without a script, in a test's hands.
type visitor struct {
	*house
	client *http.Client
	agent  string
}

func (h *house) visitor() *visitor {
	jar := must[*cookiejar.Jar](h.t)(cookiejar.New(nil))
	transport := &http.Transport{DialContext: h.dial}
	h.t.Cleanup(transport.CloseIdleConnections)
	return &visitor{house: h, agent: "Mozilla/5.0 (X11; Linux x86_64) Chromium/156", client: &http.Client{
		Jar: jar, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// An answer is a response, read whole.
type answer struct {
	status   int
	header   http.Header
	body     string
	at       *url.URL
	location string
}

func (v *visitor) do(r *http.Request) answer {
	v.t.Helper()
	r.Header.Set("User-Agent", v.agent)
	if _, set := r.Header["Sec-Fetch-Site"]; !set { // nil: a browser that knows no such header
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	resp, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	body := must[[]byte](v.t)(io.ReadAll(resp.Body))
	if err := resp.Body.Close(); err != nil {
		v.t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body), at: r.URL}
	if l := resp.Header.Get("Location"); l != "" {
		a.location = must[*url.URL](v.t)(r.URL.Parse(l)).String()
	}
	return a
}

func (v *visitor) request(method, u, contentType string, body io.Reader) *http.Request {
	v.t.Helper()
	r := must[*http.Request](v.t)(http.NewRequestWithContext(v.t.Context(), method, u, body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

// get opens a page and follows where it leads, until there is a page to read.
func (v *visitor) get(u string) answer {
	v.t.Helper()
	for range 12 {
		a := v.do(v.request(http.MethodGet, u, "", nil))
		if a.status != http.StatusSeeOther && a.status != http.StatusFound {
			return a
		}
		u = a.location
	}
	v.t.Fatalf("%s leads in a circle", u)
	return answer{}
}

// post sends a form and does not follow where it leads.
func (v *visitor) post(u string, form url.Values) answer {
	v.t.Helper()
	return v.do(v.request(http.MethodPost, u, "application/x-www-form-urlencoded", strings.NewReader(form.Encode())))
}

// script sends what a page's script would, and reads the answer into out.
func (v *visitor) script(u string, in, out any) answer {
	v.t.Helper()
	body := must[[]byte](v.t)(json.Marshal(in))
	a := v.do(v.request(http.MethodPost, u, "application/json", bytes.NewReader(body)))
	if out != nil {
		if err := json.Unmarshal([]byte(a.body), out); err != nil {
			v.t.Fatalf("%s: %v in %q", u, err, a.body)
		}
	}
	return a
}

// said is what a script is told; it holds the fields of every answer.
type said struct {
	ID       string          `json:"id"`
	Options  json.RawMessage `json:"options"`
	Location string          `json:"location"`
	Passkey  string          `json:"passkey"`
	Name     string          `json:"name"`
	Provider string          `json:"provider"`
	Where    string          `json:"where"`
	Reason   string          `json:"reason"`
	Title    string          `json:"title"`
	What     string          `json:"what"`
	Do       string          `json:"do"`
	GoOn     string          `json:"goOn"`

	Reference string `json:"reference"`
}

// setUp makes the first administrator, with key.
func (v *visitor) setUp(key *soft) {
	v.t.Helper()
	code, ok, err := v.directory.FirstAdministratorCode(v.t.Context())
	if err != nil || !ok {
		v.t.Fatalf("FirstAdministratorCode() = %t, %v", ok, err)
	}
	var begun, done said
	v.script(v.login+"/setup/begin", map[string]string{"code": code, "username": "Maia", "displayName": "Maia Oduya"}, &begun)
	v.script(v.login+"/setup/finish", map[string]any{"id": begun.ID, "response": key.create(begun.Options, v.login)}, &done)
	if done.Location != v.account+"/" {
		v.t.Fatalf("setting up led to %+v, want %s/", done, v.account)
	}
}

// signIn signs in with key, says no if asked whether to stay signed in, and goes
// on to where the page says.
func (v *visitor) signIn(key *soft, onward string) said {
	v.t.Helper()
	done := v.comeIn(key, "", onward)
	if strings.HasPrefix(done.Location, "/signin/stay?") {
		done.Location = v.stays(done.Location, url.Values{"stay": {"no"}})
	}
	return done
}

// comeIn signs in with key as whoever has username, which may be empty.
func (v *visitor) comeIn(key *soft, username, onward string) said {
	v.t.Helper()
	var begun, done said
	if v.script(v.login+"/signin/passkey/begin", map[string]string{"username": username}, &begun); begun.ID == "" {
		return begun
	}
	v.script(v.login+"/signin/passkey/finish", map[string]any{
		"id": begun.ID, "response": key.get(begun.Options, v.login), "continue": onward,
	}, &done)
	return done
}

var (
	hidden = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)
	leads  = regexp.MustCompile(`content="0;url=([^"]+)"`)
)

// stays answers the question at location, and returns where the answer leads.
func (v *visitor) stays(location string, answer url.Values) string {
	v.t.Helper()
	page := v.get(v.login + location)
	if page.at.Path != "/signin/stay" {
		v.t.Fatalf("asked nothing, but came to %s", page.at)
	}
	for _, field := range hidden.FindAllStringSubmatch(page.body, -1) {
		if !answer.Has(field[1]) {
			answer.Set(field[1], field[2])
		}
	}
	m := leads.FindStringSubmatch(v.get(v.post(page.at.String(), answer).location).body)
	if m == nil {
		v.t.Fatalf("the answer leads nowhere")
	}
	return html.UnescapeString(m[1])
}

// register adds key to the account of the visitor.
func (v *visitor) register(key *soft) said {
	v.t.Helper()
	var begun, done said
	if v.script(v.account+"/security/add/begin", map[string]string{"hint": "hybrid"}, &begun); begun.ID == "" {
		return begun
	}
	v.script(v.account+"/security/add/finish", map[string]any{"id": begun.ID, "response": key.create(begun.Options, v.account)}, &done)
	return done
}

// newcomer adds a person and returns a pass for them.
func (h *house) newcomer(name string) (directory.User, string) {
	h.t.Helper()
	maia := must[directory.User](h.t)(h.directory.UserByName(h.t.Context(), "maia"))
	u := must[directory.User](h.t)(h.directory.AddUser(h.t.Context(), maia.ID, directory.NewUser{Username: name, DisplayName: name}))
	code, _, err := h.directory.IssueAccessPass(h.t.Context(), maia.ID, u.ID, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	return u, code
}
