package signin

import (
	"net/http"

	"cardea/identity/web"
)

// support is the page on what devices can do. It is open to all, signed in or
// not, so that it can be read before anything works.
func (s *Surface) support(w http.ResponseWriter, r *http.Request) error {
	web.AskForHints(w.Header())
	return s.Render(w, r, http.StatusOK, web.Support{})
}

// lostPhone is for who lost the phone that they sign in with, and can't sign in.
func (s *Surface) lostPhone(w http.ResponseWriter, r *http.Request) error {
	return s.Render(w, r, http.StatusOK, web.LostPublic{})
}
