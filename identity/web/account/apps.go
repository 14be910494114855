package account

import (
	"errors"
	"fmt"
	"net/http"

	"cardea/identity/directory"
	"cardea/identity/grant"
	"cardea/identity/web"
)

// appsOf returns the applications of the visitor.
func (s *Surface) appsOf(r *http.Request, v web.Visitor) ([]grant.App, error) {
	sessions, err := s.cfg.Sessions.List(r.Context(), v.User.ID)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	live := map[string]bool{}
	for _, one := range sessions {
		live[string(one.ID)] = true
	}
	apps, err := s.cfg.Grants.Apps(r.Context(), v.User.ID, func(sid string) bool { return live[sid] })
	if err != nil {
		return nil, fmt.Errorf("listing applications: %w", err)
	}
	return apps, nil
}

func (s *Surface) apps(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	apps, err := s.appsOf(r, v)
	if err != nil {
		return err
	}
	p := web.Apps{Me: v.Me("apps"), Removed: r.URL.Query().Has("removed") && web.JustDone(r)}
	for _, a := range apps {
		p.Apps = append(p.Apps, web.AppRowOf(a))
	}
	return s.Render(w, r, http.StatusOK, p)
}

func (s *Surface) askRemoveApp(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	apps, err := s.appsOf(r, v)
	if err != nil {
		return err
	}
	for _, a := range apps {
		if string(a.Client) == r.PathValue("id") {
			return s.Render(w, r, http.StatusOK, web.RemoveApp{App: web.AppRowOf(a)})
		}
	}
	return s.NotFound(w, r)
}

// removeApp needs no fresh proof, as ending a session needs none: it only takes
// away.
func (s *Surface) removeApp(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	err := s.cfg.Grants.Remove(r.Context(), v.User.ID, directory.ClientID(r.PathValue("id")))
	if errors.Is(err, grant.ErrNoApp) {
		return s.NotFound(w, r)
	}
	if err != nil {
		return fmt.Errorf("removing the access of an application: %w", err)
	}
	http.Redirect(w, r, "/apps?removed", http.StatusSeeOther)
	return nil
}
