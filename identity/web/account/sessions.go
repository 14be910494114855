package account

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"cardea/identity/session"
	"cardea/identity/web"
)

func (s *Surface) sessions(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	all, err := s.cfg.Sessions.List(r.Context(), v.User.ID)
	if err != nil {
		return fmt.Errorf("listing sessions: %w", err)
	}
	passkeys, err := s.cfg.Directory.Passkeys(r.Context(), v.User.ID)
	if err != nil {
		return fmt.Errorf("listing passkeys: %w", err)
	}
	p := web.Sessions{Me: v.Me("sessions"), Sessions: web.SessionRows(all, v.Session.ID, passkeys)}
	if n, err := strconv.Atoi(r.URL.Query().Get("ended")); err == nil && n > 0 && web.JustDone(r) {
		p.Ended = n
	}
	return s.Render(w, r, http.StatusOK, p)
}

// endSession ends one of the visitor's sessions. Somebody else's looks as if it
// did not exist.
func (s *Surface) endSession(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	id := session.ID(r.PathValue("id"))
	if id == v.Session.ID {
		return s.signOut(w, r, v)
	}
	all, err := s.cfg.Sessions.List(r.Context(), v.User.ID)
	if err != nil {
		return fmt.Errorf("listing sessions: %w", err)
	}
	for _, one := range all {
		if one.ID != id {
			continue
		}
		if err := s.cfg.Sessions.End(r.Context(), id); err != nil && !errors.Is(err, session.ErrNone) {
			return fmt.Errorf("ending a session: %w", err)
		}
		return ended(w, r, 1)
	}
	return web.Fault(http.StatusNotFound, "session_over", "%w", session.ErrNone)
}

func (s *Surface) endOthers(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	n, err := s.cfg.Sessions.EndAll(r.Context(), v.User.ID, v.Session.ID)
	if err != nil {
		return fmt.Errorf("ending sessions: %w", err)
	}
	return ended(w, r, n)
}

// askEndAll shows what signing out everywhere means, here too.
func (s *Surface) askEndAll(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	all, err := s.cfg.Sessions.List(r.Context(), v.User.ID)
	if err != nil {
		return fmt.Errorf("listing sessions: %w", err)
	}
	return s.Render(w, r, http.StatusOK, web.EndAll{Sessions: web.SessionRows(all, v.Session.ID, nil)})
}

func (s *Surface) endAll(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	if _, err := s.cfg.Sessions.EndAll(r.Context(), v.User.ID, ""); err != nil {
		return fmt.Errorf("ending sessions: %w", err)
	}
	s.Cookies.Clear(w, cookieAccount)
	http.Redirect(w, r, "/signed-out", http.StatusSeeOther)
	return nil
}

func ended(w http.ResponseWriter, r *http.Request, n int) error {
	http.Redirect(w, r, "/sessions?ended="+strconv.Itoa(n), http.StatusSeeOther)
	return nil
}
