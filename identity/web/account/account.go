package account

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
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
	RP        RelyingParty
	Ceremony  *ceremony.Service
	Sessions  *session.Service
	Directory *directory.Directory
	Audit     *audit.Log
	// Key seals cookies: at least 32 bytes. If it changes, everybody comes in
	// through the provider once more and notices nothing.
	Key secret.Key
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// A Surface is the pages of My Account. It is an http.Handler, safe for
// concurrent use.
type Surface struct {
	web.Surface
	cfg     Config
	sealer  *web.Sealer
	handler http.Handler
}

// who may see a page.
type who int

const (
	anybody  who = iota
	newcomer     // signed in, if only by an access pass
	person       // signed in with a passkey
)

// page answers one route. v is the zero Visitor if the route is for anybody.
type page func(s *Surface, w http.ResponseWriter, r *http.Request, v web.Visitor) error

// route is one page or action. A script's is answered in JSON.
type route struct {
	pattern string
	handle  page
	who     who
	script  bool
}

var routes = []route{
	{"GET /{$}", (*Surface).home, person, false},
	{"GET /security", (*Surface).security, person, false},
	{"GET /security/add", (*Surface).add, newcomer, false},
	{"GET /security/add/{way}", (*Surface).addOn, newcomer, false},
	{"POST /security/add/undo", (*Surface).undo, person, true},
	{"POST /security/add/begin", (*Surface).beginAdd, newcomer, true},
	{"POST /security/add/finish", (*Surface).finishAdd, newcomer, true},
	{"POST /security/name", (*Surface).rename, person, false},
	{"GET /security/passkeys/{id}/rename", (*Surface).askName, person, false},
	{"GET /security/passkeys/{id}/delete", (*Surface).askDelete, person, false},
	{"POST /security/passkeys/{id}/delete", (*Surface).remove, person, false},
	{"GET /sessions", (*Surface).sessions, person, false},
	{"POST /sessions/{id}/end", (*Surface).endSession, person, false},
	{"POST /sessions/others/end", (*Surface).endOthers, person, false},
	{"GET /history", (*Surface).history, person, false},
	{"GET /callback", (*Surface).callback, anybody, false},
	{"POST /signout", (*Surface).signOut, anybody, false},
	{"GET /signed-out", (*Surface).signedOut, anybody, false},
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
		return nil, fmt.Errorf("account: %w", err)
	}
	home := web.Link{Text: words.Say("failure.your_account"), To: "/"}
	s := &Surface{
		Surface: web.NewSurface(web.New(cfg.Site, cfg.Now), cfg.Site.AccountURL, web.DidNotWork, home),
		cfg:     cfg, sealer: sealer,
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+web.AssetPrefix, web.Assets())
	mux.Handle("/", s.Page(s.NotFound))
	for _, r := range routes {
		mux.Handle(r.pattern, s.wrap(r))
	}
	s.handler = s.Protect(mux)
	return s, nil
}

// ServeHTTP answers Routes and the assets.
func (s *Surface) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// wrap puts the gate before a route.
func (s *Surface) wrap(r route) http.Handler {
	h := func(w http.ResponseWriter, req *http.Request) error {
		if r.who == anybody {
			return r.handle(s, w, req, web.Visitor{})
		}
		v, ok, err := s.enter(w, req, r.who)
		if err != nil || !ok {
			return err
		}
		return r.handle(s, w, req, v)
	}
	if r.script {
		adding := s.Surface
		adding.Failing = web.NotAdded
		return adding.JSON(h)
	}
	return s.Page(h)
}

// Visitor is the web.Gate for other surfaces of this host: it lets in who is
// signed in with a passkey.
func (s *Surface) Visitor(w http.ResponseWriter, r *http.Request) (web.Visitor, bool, error) {
	return s.enter(w, r, person)
}

// enter finds out who the visitor is and whether they may see a page. If not,
// it answers.
func (s *Surface) enter(w http.ResponseWriter, r *http.Request, want who) (web.Visitor, bool, error) {
	v, err := s.visitor(r.Context(), s.Cookies.Get(r, cookieAccount))
	if errors.Is(err, session.ErrNone) {
		if r.Method != http.MethodGet {
			return v, false, &httpd.Error{
				Status: http.StatusUnauthorized, Code: string(ceremony.ReasonSessionEnded),
				Public: "You've been signed out. Sign in again, then do it once more.",
			}
		}
		return v, false, s.begin(w, r, -1)
	}
	if err != nil {
		return v, false, err
	}
	switch err := policy.MayManage(v.User, v.Proof()); {
	case errors.Is(err, policy.ErrPassOnlyRegisters) && want == newcomer:
		return v, true, nil
	case errors.Is(err, policy.ErrPassOnlyRegisters):
		http.Redirect(w, r, "/security/add", http.StatusSeeOther)
		return v, false, nil
	case err != nil:
		return v, false, web.Fault(http.StatusForbidden, "disabled", "entering My Account: %w", err)
	}
	return v, true, nil
}

// signedIn is what the cookie of My Account holds, sealed.
type signedIn struct {
	SID  session.ID       `json:"sid"`
	User directory.UserID `json:"user"`
}

const (
	cookieAccount  = "cardea-account"
	purposeAccount = "my account"
)

// visitor opens the cookie of My Account. session.ErrNone means that nobody is
// signed in: no cookie, one that is not ours, or a session that is over.
func (s *Surface) visitor(ctx context.Context, cookie string) (web.Visitor, error) {
	var in signedIn
	if err := s.sealer.Open(purposeAccount, cookie, &in); err != nil {
		return web.Visitor{}, session.ErrNone
	}
	live, err := s.cfg.Sessions.ByID(ctx, in.SID)
	if err != nil {
		return web.Visitor{}, err
	}
	if live.UserID != in.User {
		return web.Visitor{}, session.ErrNone
	}
	u, err := s.cfg.Directory.User(ctx, in.User)
	if errors.Is(err, directory.ErrNoUser) {
		return web.Visitor{}, session.ErrNone
	}
	if err != nil {
		return web.Visitor{}, fmt.Errorf("looking up the visitor: %w", err)
	}
	return web.Visitor{User: u, Session: live}, nil
}

// remember makes in the visitor of this browser.
func (s *Surface) remember(w http.ResponseWriter, in session.Session) error {
	sealed, err := s.sealer.Seal(purposeAccount, signedIn{SID: in.ID, User: in.UserID})
	if err != nil {
		return err
	}
	s.Cookies.Set(w, cookieAccount, sealed, 0)
	return nil
}

// signOut ends the session everywhere: what the provider knows, not only what
// this host does. Who is signed out already is signed out.
func (s *Surface) signOut(w http.ResponseWriter, r *http.Request, _ web.Visitor) error {
	v, err := s.visitor(r.Context(), s.Cookies.Get(r, cookieAccount))
	if err == nil {
		err = s.cfg.Sessions.End(r.Context(), v.Session.ID)
	}
	if err != nil && !errors.Is(err, session.ErrNone) {
		return fmt.Errorf("signing out: %w", err)
	}
	s.Cookies.Clear(w, cookieAccount)
	http.Redirect(w, r, "/signed-out", http.StatusSeeOther)
	return nil
}

func (s *Surface) signedOut(w http.ResponseWriter, r *http.Request, _ web.Visitor) error {
	return s.Render(w, r, http.StatusOK, web.SignedOut{Again: "/"})
}

func (s *Surface) home(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	ctx := r.Context()
	passkeys, err := s.cfg.Directory.Passkeys(ctx, v.User.ID)
	if err != nil {
		return fmt.Errorf("listing passkeys: %w", err)
	}
	sessions, err := s.cfg.Sessions.List(ctx, v.User.ID)
	if err != nil {
		return fmt.Errorf("listing sessions: %w", err)
	}
	events, err := s.cfg.Audit.ByUser(ctx, v.User.ID, 5)
	if err != nil {
		return fmt.Errorf("reading history: %w", err)
	}
	p := web.Home{Me: v.Me("home"), FirstName: firstName(v.User.DisplayName), Passkeys: len(passkeys), Sessions: len(sessions)}
	p.Signals = web.SignalsOf(s.cfg.Site.RPID, v.User, passkeys)
	for _, k := range passkeys {
		if k.LastUsed.After(p.LastUsed) {
			p.LastUsed = k.LastUsed
		}
	}
	p.SignIns, p.Stopped, err = s.cfg.Audit.SignIns(ctx, v.User.ID, s.UI.Now().Add(-30*24*time.Hour))
	if err != nil {
		return fmt.Errorf("counting sign-ins: %w", err)
	}
	for _, e := range events {
		p.Lately = append(p.Lately, web.RowOf(e, web.PasskeyName(passkeys, e.PasskeyID)))
	}
	return s.Render(w, r, http.StatusOK, p)
}

func firstName(name string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(name), " ")
	return first
}

// maxHistory is how many events the history shows.
const maxHistory = 200

func (s *Surface) history(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	passkeys, err := s.cfg.Directory.Passkeys(r.Context(), v.User.ID)
	if err != nil {
		return fmt.Errorf("listing passkeys: %w", err)
	}
	events, err := s.cfg.Audit.ByUser(r.Context(), v.User.ID, maxHistory)
	if err != nil {
		return fmt.Errorf("reading history: %w", err)
	}
	p := web.History{Me: v.Me("history")}
	for _, e := range events {
		p.Events = append(p.Events, web.RowOf(e, web.PasskeyName(passkeys, e.PasskeyID)))
	}
	return s.Render(w, r, http.StatusOK, p)
}
