package signin

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/session"
	"cardea/identity/web"
	"cardea/identity/web/words"
	"cardea/internal/httpd"
)

// Config is what the surface needs.
type Config struct {
	Site      web.Site
	Ceremony  *ceremony.Service
	Sessions  *session.Service
	Directory *directory.Directory
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// A Surface is the pages of the login host. It is an http.Handler, safe for
// concurrent use.
type Surface struct {
	web.Surface
	cfg     Config
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
	{"GET /signin/options", (*Surface).options, false, ""},
	{"GET /signin/passkey", (*Surface).passkey, false, ""},
	{"POST /signin/passkey", (*Surface).passkey, false, ""},
	{"POST /signin/passkey/begin", (*Surface).beginSignIn, true, ""},
	{"POST /signin/passkey/finish", (*Surface).finishSignIn, true, ""},
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

// New returns the Surface.
func New(cfg Config) *Surface {
	home := web.Link{Text: words.Say("failure.start_again"), To: "/signin"}
	s := &Surface{
		Surface: web.NewSurface(web.New(cfg.Site, cfg.Now), cfg.Site.LoginURL, web.NotSignedIn, home),
		cfg:     cfg,
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
	return s
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

func (s *Surface) signIn(w http.ResponseWriter, r *http.Request) error {
	p := web.SignIn{Attempt: s.attempt(r), Notice: notice(w, r)}
	p.Username = p.Continue.LoginHint()
	if id := p.Continue.ClientID(); id != "" {
		c, err := s.cfg.Directory.Client(r.Context(), directory.ClientID(id))
		if err != nil && !errors.Is(err, directory.ErrNoClient) {
			return fmt.Errorf("looking up a client: %w", err)
		}
		p.App = c.Name // the provider has the last word on who may ask
	}
	return s.Render(w, r, http.StatusOK, p)
}

func (s *Surface) options(w http.ResponseWriter, r *http.Request) error {
	return s.Render(w, r, http.StatusOK, web.SignInOptions{Attempt: s.attempt(r), Notice: notice(w, r)})
}

// passkey is the page that people reach whose browser runs no script, and that
// an error leads back to. The name, if any, comes in a form's body so that it
// stays out of addresses.
func (s *Surface) passkey(w http.ResponseWriter, r *http.Request) error {
	return s.Render(w, r, http.StatusOK, web.SignInPasskey{
		Attempt: s.attempt(r), Username: r.PostFormValue("username"), Notice: notice(w, r),
	})
}

func (s *Surface) beginSignIn(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Hint ceremony.Hint `json:"hint"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	begun, err := s.cfg.Ceremony.BeginSignIn(r.Context(), s.Browser(w, r), in.Hint)
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
	in, err := s.cfg.Ceremony.FinishSignIn(r.Context(), s.Browser(w, r), sealed, f.Response)
	if err != nil {
		return fmt.Errorf("finishing a sign-in: %w", err)
	}
	s.welcomeIn(w, in)
	return web.WriteJSON(w, http.StatusOK, location{s.onward(web.ParseContinue(f.Continue))})
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

// welcomeIn gives the browser its session. The cookie ends with the browser;
// the session itself knows when it is over.
func (s *Surface) welcomeIn(w http.ResponseWriter, in ceremony.SignedIn) {
	s.Cookies.Set(w, web.SessionCookie, in.Token, 0)
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
