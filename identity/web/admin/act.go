package admin

import (
	"errors"
	"fmt"
	"net/http"

	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/web"
	"cardea/identity/web/words"
)

// An act is something done to another person's account: a page that shows the
// price, and the form of it. Its name is the end of the words that tell of it.
type act struct {
	name string
	// ask fills the page in: the price, and the button unless there is another
	// way to go first.
	ask func(s *Surface, r *http.Request, to subject, p *web.PersonAct) error
	do  func(s *Surface, r *http.Request, by directory.UserID, to subject) error
}

// A subject is the person at hand and, if the act is about one, their passkey.
type subject struct {
	directory.User
	passkeys []directory.Passkey
	passkey  directory.Passkey
}

var (
	signOut = act{"sign_out", askSimply("console.sign_out"), func(s *Surface, r *http.Request, by directory.UserID, to subject) error {
		_, err := s.cfg.Sessions.SignOut(r.Context(), by, to.ID)
		return err
	}}
	shut = act{"close", askSimply("console.close"), func(s *Surface, r *http.Request, by directory.UserID, to subject) error {
		return s.cfg.Directory.SetDisabled(r.Context(), by, to.ID, true)
	}}
	reopen = act{"open", askSimply("console.open"), func(s *Surface, r *http.Request, by directory.UserID, to subject) error {
		return s.cfg.Directory.SetDisabled(r.Context(), by, to.ID, false)
	}}
	take = act{"delete", askTake, func(s *Surface, r *http.Request, by directory.UserID, to subject) error {
		return s.cfg.Directory.TakePasskey(r.Context(), by, to.ID, to.passkey.ID)
	}}
)

// asks is the page of an act.
func asks(a act) page {
	return func(s *Surface, w http.ResponseWriter, r *http.Request, v web.Visitor) error {
		to, err := s.actsUpon(r, v)
		if err != nil {
			return err
		}
		if ok, err := s.cfg.Fresh(w, r, v); err != nil || !ok {
			return err
		}
		p := web.PersonAct{Me: v.Me("people"), Person: rowOf(memberOf(to.User, to.passkeys)), Action: r.URL.Path}
		if err := a.ask(s, r, to, &p); err != nil {
			return err
		}
		return s.Render(w, r, http.StatusOK, p)
	}
}

// does is the form of an act.
func does(a act) page {
	return func(s *Surface, w http.ResponseWriter, r *http.Request, v web.Visitor) error {
		to, err := s.actsUpon(r, v)
		if err != nil {
			return err
		}
		if s.stale(w, r, v, r.URL.Path) {
			return nil
		}
		err = a.do(s, r, v.User.ID, to)
		switch {
		case errors.Is(err, directory.ErrLastAdmin):
			return web.Fault(http.StatusConflict, "last_admin", "%s: %w", a.name, err)
		case errors.Is(err, directory.ErrLastWayIn):
			return web.Fault(http.StatusConflict, "their_last_passkey", "%s: %w", a.name, err)
		case errors.Is(err, directory.ErrNoPasskey):
			return web.Fault(http.StatusNotFound, "their_passkey_gone", "%s: %w", a.name, err)
		case err != nil:
			return fmt.Errorf("%s: %w", a.name, err)
		}
		http.Redirect(w, r, "/admin/people/"+string(to.ID)+"?done="+a.name, http.StatusSeeOther)
		return nil
	}
}

// actsUpon returns whom the address of r names, if the visitor may act upon
// them.
func (s *Surface) actsUpon(r *http.Request, v web.Visitor) (subject, error) {
	u, passkeys, err := s.subject(r)
	if err != nil {
		return subject{}, err
	}
	if err := policy.MayActUpon(v.User, u.ID); err != nil {
		return subject{}, web.Fault(http.StatusForbidden, "own_account", "%w", err)
	}
	to := subject{User: u, passkeys: passkeys}
	id := directory.PasskeyID(r.PathValue("passkey"))
	if id == "" {
		return to, nil
	}
	for _, k := range passkeys {
		if k.ID == id {
			to.passkey = k
			return to, nil
		}
	}
	return to, web.Fault(http.StatusNotFound, "their_passkey_gone", "%w", directory.ErrNoPasskey)
}

// askSimply asks by the messages of that beginning.
func askSimply(key string) func(*Surface, *http.Request, subject, *web.PersonAct) error {
	return func(_ *Surface, _ *http.Request, to subject, p *web.PersonAct) error {
		p.Heading = words.Say(key+"_heading", "Name", to.DisplayName)
		p.Price = []words.Text{words.Say(key+"_price", "Name", to.DisplayName)}
		p.Button = words.Say(key)
		return nil
	}
}

// askTake asks whether to delete a passkey. Who would have no way in then gets
// an access pass first.
func askTake(s *Surface, r *http.Request, to subject, p *web.PersonAct) error {
	row := web.PasskeyRowOf(to.passkey)
	p.Passkey = &row
	p.Heading = words.Say("security.delete_heading", "Name", to.passkey.Name)
	p.Price = []words.Text{words.Say("console.delete_price", "Name", to.DisplayName)}
	p.Button = words.Say("security.delete_it")
	if left := s.cfg.Passkeys.WaysInWithout(to.passkey.ID, to.passkeys); left > 0 {
		p.Price = append(p.Price, words.Say("console.delete_left", "Count", left))
		return nil
	}
	pass, err := s.lastPass(r, to.ID)
	if err != nil {
		return err
	}
	last, first := "console.delete_last", "console.delete_first_pass"
	if len(to.passkeys) > 1 { // none of which is taken
		last, first = "policy.delete_last", "policy.delete_first_pass"
	}
	if pass != nil && pass.Live {
		p.Price = append(p.Price, words.Say(last, "Until", s.In(r).Moment(pass.Expires)))
		return nil
	}
	p.Price = append(p.Price, words.Say(first))
	p.Button, p.Instead = words.Text{}, web.Link{Text: words.Say("console.issue"), To: "/admin/people/" + string(to.ID) + "/pass"}
	return nil
}
