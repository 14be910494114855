package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
	// Passkeys is the house's rule.
	Passkeys policy.Passkeys
	// Gate says who is at hand: account.Surface.Visitor.
	Gate web.Gate
	// Fresh asks for a new proof before people are let in:
	// account.Surface.Fresh.
	Fresh web.Fresh
	// Speak keeps the language that somebody chooses: account.Surface's.
	Speak func(r *http.Request, l words.Language) error
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
	{"GET /admin/people/{id}/sign-out", asks(signOut)},
	{"POST /admin/people/{id}/sign-out", does(signOut)},
	{"GET /admin/people/{id}/close", asks(shut)},
	{"POST /admin/people/{id}/close", does(shut)},
	{"GET /admin/people/{id}/open", asks(reopen)},
	{"POST /admin/people/{id}/open", does(reopen)},
	{"GET /admin/people/{id}/passkeys/{passkey}/delete", asks(take)},
	{"POST /admin/people/{id}/passkeys/{passkey}/delete", does(take)},
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
	s.Speak = cfg.Speak
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
		return h(s, w, r.WithContext(web.WithLanguage(r.Context(), words.Language(v.User.Language))), v)
	}
}

// maxPeople and maxEvents are how many a page shows.
const (
	maxPeople = 100
	maxEvents = 100
)

func (s *Surface) people(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	ready, err := s.cfg.Directory.Readiness(r.Context())
	if err != nil {
		return fmt.Errorf("counting people: %w", err)
	}
	l := directory.Listing{Name: r.URL.Query().Get("name"), After: r.URL.Query().Get("after"), Limit: maxPeople + 1}
	members, err := s.cfg.Directory.List(r.Context(), l)
	if err != nil {
		return fmt.Errorf("listing people: %w", err)
	}
	p := web.People{Me: v.Me("people"), All: ready.People(), Two: ready.Two, One: ready.One, None: ready.None, Name: l.Name}
	if len(members) > maxPeople {
		members = members[:maxPeople]
		p.Next = address("/admin", "name", l.Name, "after", members[maxPeople-1].Username)
	}
	if l.After != "" {
		p.First = address("/admin", "name", l.Name)
	}
	for _, m := range members {
		p.People = append(p.People, rowOf(m))
	}
	return s.Render(w, r, http.StatusOK, p)
}

// address returns path with the parameters that are not empty: names, each with
// its value behind it.
func address(path string, parameters ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(parameters); i += 2 {
		if parameters[i+1] != "" {
			q.Set(parameters[i], parameters[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

func rowOf(m directory.Member) web.PersonRow {
	return web.PersonRow{
		ID: string(m.ID), DisplayName: m.DisplayName, Username: m.Username, Admin: m.Admin,
		Disabled: m.Disabled, Passkeys: m.Passkeys, LastUsed: m.LastUsed, Added: m.Created,
	}
}

// memberOf returns the person as they stand in a listing.
func memberOf(u directory.User, passkeys []directory.Passkey) directory.Member {
	m := directory.Member{User: u, Passkeys: len(passkeys)}
	for _, k := range passkeys {
		if k.LastUsed.After(m.LastUsed) {
			m.LastUsed = k.LastUsed
		}
	}
	return m
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

// events lists what was done last, a page at a time, or what the request of a
// reference did.
func (s *Surface) events(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	p := web.Events{Me: v.Me("events"), Reference: r.URL.Query().Get("reference")}
	page, err := s.found(r, &p)
	if err != nil {
		return fmt.Errorf("reading events: %w", err)
	}
	passkeys := map[directory.UserID][]directory.Passkey{}
	for _, e := range page.Events {
		if _, known := passkeys[e.UserID]; !known && e.PasskeyID != "" {
			if passkeys[e.UserID], err = s.cfg.Directory.Passkeys(r.Context(), e.UserID); err != nil {
				return fmt.Errorf("listing passkeys: %w", err)
			}
		}
		row := web.RowOf(e, web.PasskeyName(passkeys[e.UserID], e.PasskeyID))
		row.Who = web.WhoOf(e.Username, e.ByName)
		p.Events = append(p.Events, row)
	}
	if page.Newer {
		p.Newer = address("/admin/events", "after", page.Events[0].ID)
	}
	if page.Older {
		p.Older = address("/admin/events", "before", page.Events[len(page.Events)-1].ID)
	}
	return s.Render(w, r, http.StatusOK, p)
}

// found returns the events that p is about.
func (s *Surface) found(r *http.Request, p *web.Events) (audit.Page, error) {
	if p.Reference == "" {
		return s.record(r)
	}
	events, ok, err := s.cfg.Audit.ByReference(r.Context(), p.Reference)
	p.NoReference = !ok
	return audit.Page{Events: events}, err
}

// record returns the page of the record that the address of r asks for. One that
// would not be full because it is the last on its side is the outermost instead.
func (s *Surface) record(r *http.Request) (audit.Page, error) {
	before, after := r.URL.Query().Get("before"), r.URL.Query().Get("after")
	switch {
	case after != "":
		page, err := s.cfg.Audit.After(r.Context(), after, maxEvents)
		if err != nil || page.Newer {
			return page, err
		}
	case before != "":
		page, err := s.cfg.Audit.Before(r.Context(), before, maxEvents)
		if err != nil || len(page.Events) > 0 {
			return page, err
		}
	}
	return s.cfg.Audit.Latest(r.Context(), maxEvents)
}
