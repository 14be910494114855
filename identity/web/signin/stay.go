package signin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/session"
	"cardea/identity/web"
)

// afterSignIn gives the browser its session, and returns where to go: to the
// question whether to stay signed in, unless it was answered or does not arise.
func (s *Surface) afterSignIn(w http.ResponseWriter, r *http.Request, in ceremony.SignedIn, c web.Continue) (string, error) {
	list, err := s.remembers(r)
	if err != nil {
		return "", err
	}
	s.welcomeIn(w, in.Session, in.Token)
	if err := s.seen(w, list, in); err != nil {
		return "", err
	}
	ask, err := s.asks(r, list, in, c)
	if err != nil || !ask {
		return s.onward(c), err
	}
	q := url.Values{"way": {string(web.UsedWhere(in.Attachment, in.Passkey))}}
	if c != "" {
		q.Set("continue", string(c))
	}
	return "/signin/stay?" + q.Encode(), nil
}

// asks reports whether to ask the person of in. A program that sent them here
// signs them in anew each time; what the browser keeps is nothing to it.
func (s *Surface) asks(r *http.Request, list accounts, in ceremony.SignedIn, c web.Continue) (bool, error) {
	if a, ok := list.find(in.User.ID); ok && a.Always || in.Again || !in.Session.MayKeep(s.UI.Now()) {
		return false, nil
	}
	if c.ClientID() == "" {
		return true, nil
	}
	client, err := s.cfg.Directory.Client(r.Context(), directory.ClientID(c.ClientID()))
	if err != nil && !errors.Is(err, directory.ErrNoClient) {
		return false, fmt.Errorf("looking up a client: %w", err)
	}
	return !client.Native, nil
}

// stay asks whether to stay signed in. It can be asked only of a session that
// has just begun: nobody who finds a browser open can make it last.
func (s *Surface) stay(w http.ResponseWriter, r *http.Request) error {
	c := continueOf(r)
	live, ok, err := s.fresh(r)
	if err != nil {
		return err
	}
	if !ok {
		http.Redirect(w, r, s.onward(c), http.StatusSeeOther)
		return nil
	}
	u, err := s.cfg.Directory.User(r.Context(), live.UserID)
	if err != nil {
		return fmt.Errorf("looking up who signed in: %w", err)
	}
	return s.Render(w, r, http.StatusOK, web.StaySignedIn{
		DisplayName: u.DisplayName, Username: u.Username, Session: string(live.ID),
		Way: wayOf(r.URL.Query().Get("way")), Continue: c,
		KeptIdle: session.KeptIdle, KeptAbsolute: session.KeptAbsolute, Idle: session.Idle,
	})
}

// fresh returns the session of the browser of r if it may be asked.
func (s *Surface) fresh(r *http.Request) (session.Session, bool, error) {
	live, err := s.cfg.Sessions.ByToken(r.Context(), s.SessionToken(r))
	if err != nil && !errors.Is(err, session.ErrNone) {
		return live, false, fmt.Errorf("looking up the session: %w", err)
	}
	return live, err == nil && live.MayKeep(s.UI.Now()), nil
}

// wayOf returns a way as it was carried from page to page. It chooses a hint and
// a word, no more, so anybody may have written it.
func wayOf(text string) web.Where {
	switch way := web.Where(text); way {
	case web.OnThisDevice, web.OnAPhone, web.OnASecurityKey:
		return way
	}
	return web.OnSomething
}

// stayed takes the answer. It counts only for the session that the page was
// made for: in another tab somebody else may have signed in meanwhile. Whatever
// comes of it, the person goes on to where they were going.
func (s *Surface) stayed(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return web.Fault(http.StatusBadRequest, "unreadable", "reading the form: %w", err)
	}
	live, ok, err := s.fresh(r)
	if err != nil {
		return err
	}
	if ok && r.PostForm.Get("session") == string(live.ID) {
		if err := s.answered(w, r, live); err != nil {
			return err
		}
	}
	http.Redirect(w, r, to("/signin/onward", continueOf(r)), http.StatusSeeOther)
	return nil
}

// answered does as the person says.
func (s *Surface) answered(w http.ResponseWriter, r *http.Request, live session.Session) error {
	a := remembered{
		User: live.UserID, Way: wayOf(r.PostForm.Get("way")), Seen: s.UI.Now().Unix(),
		Stay: r.PostForm.Get("stay") == "yes", Always: r.PostForm.Get("always") != "",
	}
	list, err := s.remembers(r)
	if err != nil {
		return err
	}
	list = list.without(live.UserID)
	if a.Stay {
		kept, err := s.cfg.Sessions.Keep(r.Context(), live)
		if errors.Is(err, session.ErrNone) {
			return nil // it ended a moment ago
		}
		if err != nil {
			return fmt.Errorf("keeping a session: %w", err)
		}
		s.welcomeIn(w, kept, s.SessionToken(r))
	}
	if a.Stay || a.Always {
		list = list.with(a)
	}
	return s.remember(w, list)
}

// goingOn is where the form's answer leads. See web.Onward.
func (s *Surface) goingOn(w http.ResponseWriter, r *http.Request) error {
	return s.Render(w, r, http.StatusOK, web.Onward{To: s.onward(continueOf(r))})
}
