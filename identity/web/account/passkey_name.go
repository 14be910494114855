package account

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"cardea/identity/directory"
	"cardea/identity/web"
	"cardea/identity/web/words"
)

// A wish is a name that somebody typed when they had to unlock once more
// before it could be given. The browser keeps it, sealed, so that nothing that
// was typed is lost on the way.
type wish struct {
	Passkey directory.PasskeyID `json:"k"`
	Name    string              `json:"n"`
	New     bool                `json:"w,omitempty"`
	Until   time.Time           `json:"x"`
}

const (
	cookieWish  = "cardea-passkey-name"
	purposeWish = "my account, naming a passkey"
	wishLife    = 15 * time.Minute
)

func (s *Surface) askName(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	k, _, err := s.mine(r, v, r.PathValue("id"))
	if err != nil {
		return err
	}
	if ok, err := s.Fresh(w, r, v); err != nil || !ok {
		return err
	}
	return s.Render(w, r, http.StatusOK, s.wished(w, r, k))
}

// wished returns the question for a name, with what was typed already.
func (s *Surface) wished(w http.ResponseWriter, r *http.Request, k directory.Passkey) web.RenamePasskey {
	page := renaming(k, k.Name, "")
	var was wish
	if err := s.sealer.Open(purposeWish, s.Cookies.Get(r, cookieWish), &was); err != nil || was.Passkey != k.ID {
		return page
	}
	s.Cookies.Clear(w, cookieWish)
	if s.UI.Now().Before(was.Until) {
		page.Value, page.New = was.Name, was.New
	}
	return page
}

func renaming(k directory.Passkey, value, wrong string) web.RenamePasskey {
	return web.RenamePasskey{Passkey: web.PasskeyRowOf(k), Value: value, Wrong: wrong, Action: "/security/name", Cancel: "/security"}
}

// rename gives a passkey a name: a new one its first, or another one another.
func (s *Surface) rename(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	k, _, err := s.mine(r, v, r.PostFormValue("id"))
	if err != nil {
		return err
	}
	name, isNew := r.PostFormValue("name"), r.PostFormValue("new") != ""
	if _, err := directory.CleanPasskeyName(name); err != nil {
		page := renaming(k, name, s.In(r).Say(words.Say("failure.passkey_name.do")))
		page.New = isNew
		return s.Render(w, r, http.StatusUnprocessableEntity, page)
	}
	if !v.Proof().Fresh(s.UI.Now()) {
		return s.unlockToName(w, r, v, wish{k.ID, name, isNew, s.UI.Now().Add(wishLife)})
	}
	switch err := s.cfg.Directory.RenamePasskey(r.Context(), v.User.ID, k.ID, name); {
	case errors.Is(err, directory.ErrNoPasskey):
		return noSuchPasskey(err)
	case err != nil:
		return fmt.Errorf("renaming a passkey: %w", err)
	}
	to := "/security"
	if isNew {
		to += "?" + url.Values{"added": {string(k.ID)}}.Encode()
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// unlockToName has the person prove who they are, and come back to the name
// that they typed.
func (s *Surface) unlockToName(w http.ResponseWriter, r *http.Request, v web.Visitor, typed wish) error {
	sealed, err := s.sealer.Seal(purposeWish, typed)
	if err != nil {
		return err
	}
	s.Cookies.Set(w, cookieWish, sealed, wishLife)
	_, err = s.freshAt(w, r, v, "/security/passkeys/"+string(typed.Passkey)+"/rename")
	return err
}

// freshAt is Fresh for a form: the browser comes back to the page at path.
func (s *Surface) freshAt(w http.ResponseWriter, r *http.Request, v web.Visitor, path string) (ok bool, err error) {
	at := r.Clone(r.Context())
	at.URL = &url.URL{Path: path}
	return s.Fresh(w, at, v)
}
