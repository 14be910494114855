package signin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/session"
	"cardea/identity/web"
	"cardea/identity/web/words"
	"cardea/internal/httpd"
	"cardea/internal/secret"
)

// Config is what the surface needs.
type Config struct {
	Site      web.Site
	Ceremony  *ceremony.Service
	Sessions  *session.Service
	Directory *directory.Directory
	Audit     *audit.Log
	// Passkeys is the house's rule: the Ceremony's.
	Passkeys policy.Passkeys
	// Key seals what browsers remember of who signed in: at least 32 bytes. If
	// it changes, they have forgotten.
	Key secret.Key
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// A Surface is the pages of the login host. It is an http.Handler, safe for
// concurrent use.
type Surface struct {
	web.Surface
	cfg     Config
	sealer  *web.Sealer
	handler http.Handler
}

// route is one page or action. A script's is answered in JSON; failing is the
// title of what goes wrong there, if it is another than the Surface's.
type route struct {
	pattern string
	handle  func(*Surface, http.ResponseWriter, *http.Request) error
	script  bool
	failing string
}

var routes = []route{
	{"GET /{$}", (*Surface).root, false, ""},
	{"GET /signin", (*Surface).signIn, false, ""},
	{"GET /signin/name", (*Surface).name, false, ""},
	{"POST /signin/forget", (*Surface).forget, false, ""},
	{"GET /signin/options", (*Surface).options, false, ""},
	{"GET /signin/passkey", (*Surface).passkey, false, ""},
	{"POST /signin/passkey", (*Surface).passkey, false, ""},
	{"POST /signin/passkey/begin", (*Surface).beginSignIn, true, ""},
	{"POST /signin/passkey/finish", (*Surface).finishSignIn, true, ""},
	{"POST /signin/passkey/go-on", (*Surface).goOn, true, ""},
	{"GET /signin/stay", (*Surface).stay, false, ""},
	{"POST /signin/stay", (*Surface).stayed, false, ""},
	{"POST /signin/stay/ask", (*Surface).askAgain, false, ""},
	{"GET /signin/onward", (*Surface).goingOn, false, ""},
	{"GET /signin/pass", (*Surface).pass, false, ""},
	{"POST /signin/pass", (*Surface).redeem, false, ""},
	{"GET /signin/welcome", (*Surface).welcome, false, ""},
	{"GET /setup", (*Surface).setup, false, web.NotSetUp},
	{"POST /setup/begin", (*Surface).beginSetup, true, web.NotSetUp},
	{"POST /setup/finish", (*Surface).finishSetup, true, web.NotSetUp},
	{"POST /signout", (*Surface).signOut, false, ""},
	{"GET /support", (*Surface).support, false, ""},
	{"GET /lost-phone", (*Surface).lostPhone, false, ""},
	{"GET /signed-out", (*Surface).signedOut, false, ""},
}

// Routes returns the patterns that a Surface answers, as for http.ServeMux.
func Routes() []string {
	var all []string
	for _, r := range routes {
		all = append(all, r.pattern)
	}
	return all
}

// New returns the Surface. The only error is a Key that is too short.
func New(cfg Config) (*Surface, error) {
	sealer, err := web.NewSealer(cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	home := web.Link{Text: words.Say("failure.start_again"), To: "/signin"}
	s := &Surface{
		Surface: web.NewSurface(web.New(cfg.Site, cfg.Now), cfg.Site.LoginURL, web.NotSignedIn, home),
		cfg:     cfg, sealer: sealer,
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+web.AssetPrefix, web.Assets())
	mux.Handle("/", s.Page(s.NotFound))
	for _, r := range routes {
		surface := s.Surface
		if r.failing != "" {
			surface.Failing = r.failing
		}
		wrap := surface.Page
		if r.script {
			wrap = surface.JSON
		}
		mux.Handle(r.pattern, wrap(func(w http.ResponseWriter, req *http.Request) error { return r.handle(s, w, req) }))
	}
	s.handler = s.Protect(mux)
	return s, nil
}

// ServeHTTP answers Routes and the assets.
func (s *Surface) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// SessionToken returns the session token that the browser of r presents on the
// login host, or nothing.
func (s *Surface) SessionToken(r *http.Request) string { return s.Cookies.Get(r, web.SessionCookie) }

func (s *Surface) root(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, s.cfg.Site.AccountURL+"/", http.StatusSeeOther)
	return nil
}

// continueOf returns where the sign-in of r goes on to.
func continueOf(r *http.Request) web.Continue {
	return web.ParseContinue(r.URL.Query().Get("continue"))
}

func (s *Surface) attempt(r *http.Request) web.Attempt {
	return web.Attempt{
		Begin: "/signin/passkey/begin", Finish: "/signin/passkey/finish",
		Continue: continueOf(r), Reference: string(httpd.ReferenceOf(r.Context())),
		Failing: web.NotSignedIn,
	}
}

// notice tells a phone that is too old so, and asks browsers that hide their
// system's version for it.
func notice(w http.ResponseWriter, r *http.Request) *web.DeviceNotice {
	web.AskForHints(w.Header())
	return web.NoticeFor(web.AgentOf(r))
}

// signIn is the first page: the accounts that this browser knows, if there are
// any, and otherwise the name. An application that names somebody gets the page
// with the name, unless it wants the person to choose.
func (s *Surface) signIn(w http.ResponseWriter, r *http.Request) error {
	c := continueOf(r)
	if c.LoginHint() != "" && !c.SelectAccount() {
		return s.name(w, r)
	}
	all, err := s.known(r)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return s.name(w, r)
	}
	p := web.SignInAccounts{Attempt: s.attempt(r), Accounts: tiles(all), Notice: notice(w, r)}
	if p.App, p.Elsewhere, err = s.app(r.Context(), c); err != nil {
		return err
	}
	return s.Render(w, r, http.StatusOK, p)
}

// name asks for the user name, which may be left out.
func (s *Surface) name(w http.ResponseWriter, r *http.Request) (err error) {
	p := web.SignIn{Attempt: s.attempt(r), Notice: notice(w, r)}
	p.Username, p.Back = p.Continue.LoginHint(), r.URL.Path == "/signin/name"
	if p.App, p.Elsewhere, err = s.app(r.Context(), p.Continue); err != nil {
		return err
	}
	return s.Render(w, r, http.StatusOK, p)
}

func (s *Surface) options(w http.ResponseWriter, r *http.Request) error {
	list, err := s.remembers(r)
	if err != nil {
		return err
	}
	p := web.SignInOptions{Attempt: s.attempt(r), Notice: notice(w, r), Declined: list.declined()}
	if _, p.Elsewhere, err = s.app(r.Context(), p.Continue); err != nil {
		return err
	}
	return s.Render(w, r, http.StatusOK, p)
}

// passkey is the page that people reach whose browser runs no script, and that
// an error leads back to. The name, if any, comes in a form's body so that it
// stays out of addresses.
func (s *Surface) passkey(w http.ResponseWriter, r *http.Request) (err error) {
	p := web.SignInPasskey{Attempt: s.attempt(r), Username: r.PostFormValue("username"), Notice: notice(w, r)}
	if _, p.Elsewhere, err = s.app(r.Context(), p.Continue); err != nil {
		return err
	}
	return s.Render(w, r, http.StatusOK, p)
}

func (s *Surface) beginSignIn(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Hint     ceremony.Hint `json:"hint"`
		Username string        `json:"username"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	who, hint, err := s.chosen(r, in.Username, in.Hint)
	if err != nil {
		return err
	}
	begun, err := s.cfg.Ceremony.BeginSignInAs(r.Context(), s.Browser(w, r), who, hint)
	if errors.Is(err, directory.ErrNoPasskey) {
		return web.Fault(http.StatusForbidden, "no_passkey_left", "beginning a sign-in: %w", err)
	}
	if err != nil {
		return fmt.Errorf("beginning a sign-in: %w", err)
	}
	return s.Begin(w, r, begun)
}

func (s *Surface) finishSignIn(w http.ResponseWriter, r *http.Request) error {
	f, sealed, err := s.End(w, r)
	if err != nil {
		return err
	}
	b, err := s.browser(w, r)
	if err != nil {
		return err
	}
	in, err := s.cfg.Ceremony.FinishSignIn(r.Context(), b, sealed, f.Response)
	var other *ceremony.OtherAccount
	if errors.As(err, &other) {
		return s.stopped(w, r, other)
	}
	if err != nil {
		return fmt.Errorf("finishing a sign-in: %w", err)
	}
	return s.signedIn(w, r, in, f.Continue)
}

// browser is Browser, with who always wants to stay signed in.
func (s *Surface) browser(w http.ResponseWriter, r *http.Request) (ceremony.Browser, error) {
	list, err := s.remembers(r)
	b := s.Browser(w, r)
	b.Keep = list.always()
	return b, err
}

func (s *Surface) signedIn(w http.ResponseWriter, r *http.Request, in ceremony.SignedIn, onward string) error {
	next, err := s.afterSignIn(w, r, in, web.ParseContinue(onward))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, location{next})
}

// stopped tells the script whose passkey it was, and that the person may go on
// as that one. Who used the passkey has proved to be them.
func (s *Surface) stopped(w http.ResponseWriter, r *http.Request, other *ceremony.OtherAccount) error {
	s.Cookies.Keep(w, r, web.KeptCeremony, other.GoOn.ID, other.GoOn.Sealed, other.GoOn.Expires.Sub(s.UI.Now()))
	ui := s.In(r)
	say := func(key string) string {
		return ui.Say(words.Say(key, "Owner", other.Owner.DisplayName, "Username", other.Owner.Username, "Chosen", other.Chosen))
	}
	return web.WriteJSON(w, http.StatusConflict, struct {
		Reason string `json:"reason"`
		ID     string `json:"id"`
		Title  string `json:"title"`
		What   string `json:"what"`
		GoOn   string `json:"goOn"`
	}{string(ceremony.ReasonWrongAccount), other.GoOn.ID, say("accounts.other"), say("accounts.other_more"), say("accounts.go_on")})
}

// goOn finishes a sign-in that was stopped, as the passkey's owner.
func (s *Surface) goOn(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		ID       string `json:"id"`
		Continue string `json:"continue"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	sealed := s.Cookies.Take(w, r, web.KeptCeremony, in.ID)
	b, err := s.browser(w, r)
	if err != nil {
		return err
	}
	done, err := s.cfg.Ceremony.GoOn(r.Context(), b, sealed)
	if err != nil {
		return fmt.Errorf("going on with a sign-in: %w", err)
	}
	return s.signedIn(w, r, done, in.Continue)
}

// location tells a script where to go next.
type location struct {
	Location string `json:"location"`
}

// onward returns where a person goes who is signed in.
func (s *Surface) onward(c web.Continue) string {
	if c == "" {
		return s.cfg.Site.AccountURL + "/"
	}
	return string(c)
}

// welcomeIn gives the browser its session. The cookie ends with the browser,
// unless the person stays signed in; the session itself knows when it is over.
func (s *Surface) welcomeIn(w http.ResponseWriter, in session.Session, token string) {
	var life time.Duration
	if in.Kept {
		life = in.Expires.Sub(s.UI.Now())
	}
	s.Cookies.Set(w, web.SessionCookie, token, life)
}

// to is a path that carries c.
func to(path string, c web.Continue) string {
	if c == "" {
		return path
	}
	return path + "?" + url.Values{"continue": {string(c)}}.Encode()
}

// signOut ends the session and forgets it. It is a post, so that no other site
// can sign a person out.
func (s *Surface) signOut(w http.ResponseWriter, r *http.Request) error {
	in, err := s.cfg.Sessions.ByToken(r.Context(), s.SessionToken(r))
	if err == nil {
		err = s.cfg.Sessions.End(r.Context(), in.ID)
	}
	if err != nil && !errors.Is(err, session.ErrNone) {
		return fmt.Errorf("signing out: %w", err)
	}
	s.Cookies.Clear(w, web.SessionCookie)
	http.Redirect(w, r, "/signed-out", http.StatusSeeOther)
	return nil
}

func (s *Surface) signedOut(w http.ResponseWriter, r *http.Request) error {
	return s.Render(w, r, http.StatusOK, web.SignedOut{Again: s.cfg.Site.AccountURL + "/"})
}
