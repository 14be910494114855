package admin

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/web"
	"cardea/identity/web/words"
)

// subject returns the person whom the address names, and their passkeys.
func (s *Surface) subject(r *http.Request) (directory.User, []directory.Passkey, error) {
	u, err := s.cfg.Directory.User(r.Context(), directory.UserID(r.PathValue("id")))
	if errors.Is(err, directory.ErrNoUser) {
		return u, nil, web.Fault(http.StatusNotFound, "nobody", "%w", err)
	}
	if err != nil {
		return u, nil, fmt.Errorf("looking up a person: %w", err)
	}
	passkeys, err := s.cfg.Directory.Passkeys(r.Context(), u.ID)
	if err != nil {
		return u, nil, fmt.Errorf("listing passkeys: %w", err)
	}
	return u, passkeys, nil
}

func (s *Surface) person(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	u, passkeys, err := s.subject(r)
	if err != nil {
		return err
	}
	sessions, err := s.cfg.Sessions.List(r.Context(), u.ID)
	if err != nil {
		return fmt.Errorf("listing sessions: %w", err)
	}
	events, err := s.cfg.Audit.ByUser(r.Context(), u.ID, maxEvents)
	if err != nil {
		return fmt.Errorf("reading events: %w", err)
	}
	pass, err := s.lastPass(r, u.ID)
	if err != nil {
		return err
	}
	p := web.Person{
		Me: v.Me("people"), Person: rowOf(memberOf(u, passkeys)), Passkeys: web.PasskeyRows(passkeys, s.cfg.Passkeys),
		Sessions: len(sessions), Pass: pass, JustMade: web.JustDone(r) && r.URL.Query().Has("added"),
	}
	p.Yours = policy.MayActUpon(v.User, u.ID) != nil
	for _, a := range []act{signOut, shut, reopen, take} {
		if r.URL.Query().Get("done") == a.name && web.JustDone(r) {
			p.Done = words.Say("console.done_" + a.name)
		}
	}
	for _, e := range events {
		p.Events = append(p.Events, web.RowOf(e, web.PasskeyName(passkeys, e.PasskeyID)))
	}
	return s.Render(w, r, http.StatusOK, p)
}

func (s *Surface) lastPass(r *http.Request, id directory.UserID) (*web.PassRow, error) {
	p, err := s.cfg.Directory.AccessPass(r.Context(), id)
	if errors.Is(err, directory.ErrNoPass) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking up an access pass: %w", err)
	}
	return &web.PassRow{Issued: p.Issued, Expires: p.Expires, Used: p.Used, Live: p.Live(s.UI.Now())}, nil
}

// newPass asks for how long a pass is to work.
func (s *Surface) newPass(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	u, passkeys, err := s.subject(r)
	if err != nil {
		return err
	}
	if ok, err := s.cfg.Fresh(w, r, v); err != nil || !ok {
		return err
	}
	pass, err := s.lastPass(r, u.ID)
	if err != nil {
		return err
	}
	return s.Render(w, r, http.StatusOK, web.IssuePass{Me: v.Me("people"), Person: rowOf(memberOf(u, passkeys)), Pass: pass})
}

// issuePass shows the code in the answer to the form itself: it is nowhere else,
// so that there is no address to come back to.
func (s *Surface) issuePass(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	u, passkeys, err := s.subject(r)
	if err != nil {
		return err
	}
	if s.stale(w, r, v, "/admin/people/"+string(u.ID)+"/pass") {
		return nil
	}
	ttl, err := time.ParseDuration(r.PostFormValue("ttl"))
	if err != nil {
		return badTTL(err)
	}
	code, pass, err := s.cfg.Directory.IssueAccessPass(r.Context(), v.User.ID, u.ID, ttl)
	if errors.Is(err, directory.ErrPassTTL) {
		return badTTL(err)
	}
	if err != nil {
		return fmt.Errorf("issuing an access pass: %w", err)
	}
	return s.Render(w, r, http.StatusOK, web.PassIssued{
		Me: v.Me("people"), Person: rowOf(memberOf(u, passkeys)), Code: code, Expires: pass.Expires,
		SignIn: s.cfg.Site.AccountURL,
	})
}

func badTTL(err error) error {
	return web.Fault(http.StatusUnprocessableEntity, "pass_ttl", "lifetime of an access pass: %w", err)
}
