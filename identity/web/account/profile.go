package account

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"cardea/identity/directory"
	"cardea/identity/session"
	"cardea/identity/web"
	"cardea/identity/web/words"
)

// A newName is what somebody typed when they had to unlock once more before it
// could be taken. The browser keeps it, sealed.
type newName struct {
	User  directory.UserID `json:"u"`
	Name  string           `json:"n"`
	Until time.Time        `json:"x"`
}

const (
	cookieName  = "cardea-name"
	purposeName = "my account, changing a name"
)

func (s *Surface) profile(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	p, err := s.profileOf(r, v)
	if err != nil {
		return err
	}
	if web.JustDone(r) {
		p.NameSaved, p.Saved = r.URL.Query().Has("name"), r.URL.Query().Has("language")
	}
	var typed newName
	if err := s.sealer.Open(purposeName, s.Cookies.Get(r, cookieName), &typed); err == nil && typed.User == v.User.ID {
		s.Cookies.Clear(w, cookieName)
		if s.UI.Now().Before(typed.Until) {
			p.Value, p.Unlocked = typed.Name, v.Proof().Fresh(s.UI.Now())
		}
	}
	return s.Render(w, r, http.StatusOK, p)
}

func (s *Surface) profileOf(r *http.Request, v web.Visitor) (web.Profile, error) {
	passkeys, err := s.cfg.Directory.Passkeys(r.Context(), v.User.ID)
	if err != nil {
		return web.Profile{}, fmt.Errorf("listing passkeys: %w", err)
	}
	p := web.Profile{
		Me: v.Me("profile"), Value: v.User.DisplayName, Since: v.User.Created, Passkeys: len(passkeys),
		Chosen: words.Language(v.User.Language),
	}
	// Passkey managers show the name, and learn of another from here.
	p.Signals = web.SignalsOf(s.cfg.Site.RPID, v.User, passkeys)
	return p, nil
}

// changeName gives the visitor another name to be shown by. It needs a fresh
// proof: others know them by it.
func (s *Surface) changeName(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	name := r.PostFormValue("name")
	if _, err := directory.CleanDisplayName(name); err != nil {
		p, err := s.profileOf(r, v)
		if err != nil {
			return err
		}
		p.Value, p.Wrong = name, true
		return s.Render(w, r, http.StatusUnprocessableEntity, p)
	}
	if !v.Proof().Fresh(s.UI.Now()) {
		sealed, err := s.sealer.Seal(purposeName, newName{v.User.ID, name, s.UI.Now().Add(wishLife)})
		if err != nil {
			return err
		}
		s.Cookies.Set(w, cookieName, sealed, wishLife)
		_, err = s.freshAt(w, r, v, "/profile")
		return err
	}
	if err := s.cfg.Directory.SetDisplayName(r.Context(), v.User.ID, v.User.ID, name); err != nil {
		return fmt.Errorf("changing a name: %w", err)
	}
	http.Redirect(w, r, "/profile?name", http.StatusSeeOther)
	return nil
}

// chooseLanguage keeps the language that the visitor wants to read. Anything
// that the pages don't speak leaves it to the browser.
func (s *Surface) chooseLanguage(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	l := words.Language(r.PostFormValue("language"))
	if !l.Known() {
		l = ""
	}
	if err := s.cfg.Directory.SetLanguage(r.Context(), v.User.ID, string(l)); err != nil {
		return fmt.Errorf("choosing a language: %w", err)
	}
	s.KeepLanguage(w, l)
	http.Redirect(w, r, "/profile?language", http.StatusSeeOther)
	return nil
}

// chosenAtTheFoot is the web.Surface's Speak: what somebody who is signed in
// chooses at the foot of a page is what they choose in their profile.
func (s *Surface) chosenAtTheFoot(r *http.Request, l words.Language) error {
	v, err := s.visitor(r.Context(), s.Cookies.Get(r, cookieAccount))
	if errors.Is(err, session.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.cfg.Directory.SetLanguage(r.Context(), v.User.ID, string(l))
}
