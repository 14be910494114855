package signin

import (
	"errors"
	"fmt"
	"net/http"

	"cardea/identity/ceremony"
	"cardea/identity/web"
	"cardea/internal/httpd"
)

func (s *Surface) pass(w http.ResponseWriter, r *http.Request) error {
	c := continueOf(r)
	return s.Render(w, r, http.StatusOK, web.AccessPass{Continue: c, Username: c.LoginHint()})
}

// redeem takes a name and a code. A wrong code brings the form back, with the
// name in it and the code not.
func (s *Surface) redeem(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return web.Fault(http.StatusBadRequest, "unreadable", "reading the form: %w", err)
	}
	username := r.PostForm.Get("username")
	in, err := s.cfg.Ceremony.RedeemAccessPass(r.Context(), s.Browser(w, r), username, r.PostForm.Get("code"))
	var no *ceremony.Refusal
	switch {
	case errors.As(err, &no):
		f := web.Failure{Words: s.In(r).WordsForRefusal(web.NotSignedIn, no), Reference: string(httpd.ReferenceOf(r.Context())), Time: s.UI.Now()}
		return s.Render(w, r, http.StatusForbidden, web.AccessPass{Continue: continueOf(r), Username: username, Refused: &f})
	case err != nil:
		return fmt.Errorf("redeeming an access pass: %w", err)
	}
	s.welcomeIn(w, in.Session, in.Token)
	http.Redirect(w, r, "/signin/welcome", http.StatusSeeOther)
	return nil
}

// welcome sends a person with an access pass on to register a passkey. See
// web.Onward for why redeem does not do that itself.
func (s *Surface) welcome(w http.ResponseWriter, r *http.Request) error {
	return s.Render(w, r, http.StatusOK, web.Onward{To: s.cfg.Site.AccountURL + "/security/add"})
}
