package signin

import (
	"fmt"
	"net/http"

	"cardea/identity/directory"
	"cardea/identity/web"
	"cardea/internal/httpd"
)

// setup is the page behind the link that the first start prints. Whether there
// is still anything to set up is said when the code comes: the page gives away
// nothing.
func (s *Surface) setup(w http.ResponseWriter, r *http.Request) error {
	return s.Render(w, r, http.StatusOK, web.Setup{Attempt: web.Attempt{
		Begin: "/setup/begin", Finish: "/setup/finish",
		Reference: string(httpd.ReferenceOf(r.Context())), Failing: web.NotSetUp, Kinds: web.KindsOf(s.cfg.Passkeys),
	}})
}

func (s *Surface) beginSetup(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Code        string `json:"code"`
		Username    string `json:"username"`
		DisplayName string `json:"displayName"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	who := directory.NewUser{Username: in.Username, DisplayName: in.DisplayName, Admin: true}
	begun, err := s.cfg.Ceremony.BeginSetup(r.Context(), s.Browser(w, r), in.Code, who)
	if err != nil {
		return fmt.Errorf("beginning the set-up: %w", err)
	}
	return s.Begin(w, r, begun)
}

func (s *Surface) finishSetup(w http.ResponseWriter, r *http.Request) error {
	f, sealed, err := s.End(w, r)
	if err != nil {
		return err
	}
	in, err := s.cfg.Ceremony.FinishSetup(r.Context(), s.Browser(w, r), sealed, f.Response, "")
	if err != nil {
		return fmt.Errorf("finishing the set-up: %w", err)
	}
	s.welcomeIn(w, in.Session, in.Token)
	return web.WriteJSON(w, http.StatusOK, location{s.onward("")})
}
