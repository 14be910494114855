package account

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/session"
	"cardea/identity/web"
	"cardea/identity/web/words"
)

// begun is a sign-in at the provider that has begun, as the browser keeps it,
// sealed.
type begun struct {
	Pending Pending   `json:"p"`
	Return  string    `json:"r"` // path of a page of ours
	Expires time.Time `json:"x"`
}

const (
	purposeBegun = "my account, signing in"
	// beginLife is how long a person may take at the provider.
	beginLife = 15 * time.Minute
	// margin keeps a proof that is just fresh enough for the provider from
	// being too old for us a moment later, and the browser from going around.
	margin = 30 * time.Second
)

// begin sends the browser to the provider, to come back to the page it asked
// for. maxAge is as in BeginOptions.
func (s *Surface) begin(w http.ResponseWriter, r *http.Request, maxAge time.Duration) error {
	p, err := s.cfg.RP.Begin(r.Context(), BeginOptions{MaxAge: maxAge})
	if err != nil {
		return web.Fault(http.StatusBadGateway, "provider_away", "%w", err)
	}
	sealed, err := s.sealer.Seal(purposeBegun, begun{Pending: p, Return: returnPath(r), Expires: s.UI.Now().Add(beginLife)})
	if err != nil {
		return err
	}
	s.Cookies.Keep(w, r, web.KeptSignIn, stateID(p.State), sealed, beginLife)
	http.Redirect(w, r, p.Location, http.StatusSeeOther)
	return nil
}

// returnPath is the path of the page that r asks for, without its query: what
// stands there is about something just done.
func returnPath(r *http.Request) string {
	// A browser would read "//host" as another site.
	if p := r.URL.EscapedPath(); len(p) > 1 && p[0] == '/' && p[1] != '/' && p[1] != '\\' {
		return p
	}
	return "/"
}

// stateID is enough of a state to find its cookie by. The whole of it is
// compared by the RelyingParty.
func stateID(state string) string { return state[:min(len(state), 10)] }

// Fresh is the web.Fresh of this host, for other surfaces too.
func (s *Surface) Fresh(w http.ResponseWriter, r *http.Request, v web.Visitor) (ok bool, err error) {
	if v.Session.ByPass() || v.Proof().Fresh(s.UI.Now()) {
		return true, nil
	}
	return false, s.begin(w, r, policy.Freshness-margin)
}

// callback is where the provider sends the browser back to. An answer to nothing
// that was begun here is dropped unread, and the person taken to the start: most
// likely they came back to an old tab, and if they are signed in all is well.
func (s *Surface) callback(w http.ResponseWriter, r *http.Request, _ web.Visitor) error {
	query := r.URL.Query()
	var b begun
	kept := s.Cookies.Take(w, r, web.KeptSignIn, stateID(query.Get("state")))
	if err := s.sealer.Open(purposeBegun, kept, &b); err != nil || s.UI.Now().After(b.Expires) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	id, err := s.cfg.RP.Finish(r.Context(), b.Pending, query)
	if err != nil {
		return answered(err)
	}
	live, err := s.cfg.Sessions.ByID(r.Context(), session.ID(id.SID))
	if err == nil && string(live.UserID) != id.Subject {
		err = session.ErrNone
	}
	if errors.Is(err, session.ErrNone) {
		return web.Fault(http.StatusForbidden, "signed_out_meanwhile", "session of the ID token: %w", err)
	}
	if err != nil {
		return fmt.Errorf("looking up the session of the ID token: %w", err)
	}
	if err := s.endBefore(r, live); err != nil {
		return err
	}
	if err := s.remember(w, live); err != nil {
		return err
	}
	if err := s.speakTo(w, r, live.UserID); err != nil {
		return err
	}
	http.Redirect(w, r, b.Return, http.StatusSeeOther)
	return nil
}

// speakTo keeps the language that a person chose in the browser that they have
// just signed in with, for the pages that do not know who reads them.
func (s *Surface) speakTo(w http.ResponseWriter, r *http.Request, id directory.UserID) error {
	u, err := s.cfg.Directory.User(r.Context(), id)
	if err != nil {
		return fmt.Errorf("looking up who signed in: %w", err)
	}
	if u.Language != "" {
		s.KeepLanguage(w, words.Language(u.Language))
	}
	return nil
}

// endBefore ends the session that this browser had until now, if the person
// signed in anew: nobody could use it any more, and it would stand in their list
// like a stranger's.
func (s *Surface) endBefore(r *http.Request, now session.Session) error {
	before, err := s.visitor(r.Context(), s.Cookies.Get(r, cookieAccount))
	if err == nil && before.Session.ID != now.ID {
		err = s.cfg.Sessions.End(r.Context(), before.Session.ID)
	}
	if err != nil && !errors.Is(err, session.ErrNone) {
		return fmt.Errorf("ending the session before: %w", err)
	}
	return nil
}

// answered puts a no of the provider into words.
func answered(err error) error {
	var no *AnswerError
	if errors.As(err, &no) && no.Code == "access_denied" {
		return web.Fault(http.StatusForbidden, "needs_passkey", "%w", err)
	}
	return web.Fault(http.StatusBadGateway, "provider_refused", "%w", err)
}
