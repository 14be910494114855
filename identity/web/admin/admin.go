package admin

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/session"
	"cardea/identity/web"
	"cardea/identity/web/words"
	"cardea/internal/httpd"
)

// Config is what the surface needs.
type Config struct {
	Site      web.Site
	Sessions  *session.Service
	Directory *directory.Directory
	Audit     *audit.Log
	// Gate says who is at hand: account.Surface.Visitor.
	Gate web.Gate
	// Fresh asks for a new proof before people are let in:
	// account.Surface.Fresh.
	Fresh web.Fresh
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// A Surface is the administration pages. It is an http.Handler for /admin and
// all below it, safe for concurrent use.
type Surface struct {
	web.Surface
	cfg     Config
	handler http.Handler
}

type page func(s *Surface, w http.ResponseWriter, r *http.Request, v web.Visitor) error

type route struct {
	pattern string
	handle  page
}

var routes = []route{
	{"GET /admin", (*Surface).people},
	{"GET /admin/people/new", (*Surface).newPerson},
	{"POST /admin/people", (*Surface).addPerson},
	{"GET /admin/people/{id}", (*Surface).person},
	{"GET /admin/people/{id}/pass", (*Surface).newPass},
	{"POST /admin/people/{id}/pass", (*Surface).issuePass},
	{"GET /admin/events", (*Surface).events},
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
	home := web.Link{Text: words.Say("failure.your_account"), To: "/"}
	s := &Surface{
		Surface: web.NewSurface(web.New(cfg.Site, cfg.Now), cfg.Site.AccountURL, web.DidNotWork, home),
		cfg:     cfg,
	}
	mux := http.NewServeMux()
	mux.Handle("/", s.Page(s.NotFound))
	for _, r := range routes {
		mux.Handle(r.pattern, s.Page(s.administrators(r.handle)))
	}
	s.handler = s.Protect(mux)
	return s
}

// ServeHTTP answers Routes.
func (s *Surface) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// administrators lets administrators pass; for all others there is no page.
func (s *Surface) administrators(h page) httpd.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, ok, err := s.cfg.Gate(w, r)
		if err != nil || !ok {
			return err
		}
		if err := policy.MayAdminister(v.User, v.Proof()); err != nil {
			return s.NotFound(w, r)
		}
		return h(s, w, r, v)
	}
}

func (s *Surface) people(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	users, err := s.cfg.Directory.Users(r.Context())
	if err != nil {
		return fmt.Errorf("listing people: %w", err)
	}
	p := web.People{Me: v.Me("people")}
	for _, u := range users {
		passkeys, err := s.cfg.Directory.Passkeys(r.Context(), u.ID)
		if err != nil {
			return fmt.Errorf("listing passkeys: %w", err)
		}
		switch len(passkeys) {
		case 0:
			p.None++
		case 1:
			p.One++
		default:
			p.Two++
		}
		p.People = append(p.People, rowOf(u, passkeys))
	}
	return s.Render(w, r, http.StatusOK, p)
}

func rowOf(u directory.User, passkeys []directory.Passkey) web.PersonRow {
	row := web.PersonRow{
		ID: string(u.ID), DisplayName: u.DisplayName, Username: u.Username, Admin: u.Admin,
		Disabled: u.Disabled, Passkeys: len(passkeys), Added: u.Created,
	}
	for _, k := range passkeys {
		if k.LastUsed.After(row.LastUsed) {
			row.LastUsed = k.LastUsed
		}
	}
	return row
}

func (s *Surface) newPerson(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	if ok, err := s.cfg.Fresh(w, r, v); err != nil || !ok {
		return err
	}
	return s.Render(w, r, http.StatusOK, web.AddPerson{Me: v.Me("people")})
}

// stale answers a form of who may not let people in, with the way to the page
// at form: there they are asked to unlock once more. It reports whether it has
// answered.
func (s *Surface) stale(w http.ResponseWriter, r *http.Request, v web.Visitor, form string) bool {
	err := policy.MayLetIn(v.User, v.Proof(), s.UI.Now())
	if err == nil {
		return false
	}
	no := s.Surface
	no.Home = web.Link{Text: words.Say("failure.unlock"), To: form}
	no.Page(func(http.ResponseWriter, *http.Request) error {
		return web.Fault(http.StatusForbidden, "form_not_fresh", "letting people in: %w", err)
	}).ServeHTTP(w, r)
	return true
}

func (s *Surface) addPerson(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	if s.stale(w, r, v, "/admin/people/new") {
		return nil
	}
	p := web.AddPerson{
		Me: v.Me("people"), Username: r.PostFormValue("username"),
		DisplayName: r.PostFormValue("display"), MakeAdmin: r.PostFormValue("admin") != "",
	}
	u, err := s.cfg.Directory.AddUser(r.Context(), v.User.ID, directory.NewUser{
		Username: p.Username, DisplayName: p.DisplayName, Admin: p.MakeAdmin,
	})
	switch {
	case errors.Is(err, directory.ErrUsername):
		p.WrongUsername = words.Say("console.wrong_username")
	case errors.Is(err, directory.ErrNameTaken):
		p.WrongUsername = words.Say("console.name_taken")
	case errors.Is(err, directory.ErrDisplayName):
		p.WrongDisplay = words.Say("console.wrong_name")
	case err != nil:
		return fmt.Errorf("adding a person: %w", err)
	default:
		http.Redirect(w, r, "/admin/people/"+string(u.ID)+"?added", http.StatusSeeOther)
		return nil
	}
	return s.Render(w, r, http.StatusUnprocessableEntity, p)
}

// maxEvents is how many events a page shows.
const maxEvents = 200

func (s *Surface) events(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	events, err := s.cfg.Audit.Recent(r.Context(), maxEvents)
	if err != nil {
		return fmt.Errorf("reading events: %w", err)
	}
	users, err := s.cfg.Directory.Users(r.Context())
	if err != nil {
		return fmt.Errorf("listing people: %w", err)
	}
	names := map[directory.UserID]string{}
	for _, u := range users {
		names[u.ID] = u.Username
	}
	p := web.Events{Me: v.Me("events")}
	for _, e := range events {
		row := web.RowOf(e, "")
		row.Who = web.WhoOf(names[e.UserID], names[e.By])
		p.Events = append(p.Events, row)
	}
	return s.Render(w, r, http.StatusOK, p)
}
