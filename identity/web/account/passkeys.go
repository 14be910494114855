package account

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/web"
	"cardea/internal/httpd"
)

func (s *Surface) security(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	passkeys, err := s.cfg.Directory.Passkeys(r.Context(), v.User.ID)
	if err != nil {
		return fmt.Errorf("listing passkeys: %w", err)
	}
	p := web.Security{Me: v.Me("security"), Passkeys: web.PasskeyRows(passkeys)}
	p.Signals = web.SignalsOf(s.cfg.Site.RPID, v.User, passkeys)
	if web.JustDone(r) {
		p.Added = web.PasskeyName(passkeys, directory.PasskeyID(r.URL.Query().Get("added")))
		p.Deleted = r.URL.Query().Has("deleted")
	}
	return s.Render(w, r, http.StatusOK, p)
}

func (s *Surface) add(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	if ok, err := s.Fresh(w, r, v); err != nil || !ok {
		return err
	}
	p := web.AddPasskey{
		Attempt: web.Attempt{
			Begin: "/security/add/begin", Finish: "/security/add/finish",
			Reference: string(httpd.ReferenceOf(r.Context())), Failing: web.NotAdded,
		},
		Name: "/security/name", Cancel: "/security",
	}
	if v.Session.ByPass() {
		p.Cancel = ""
	}
	return s.Render(w, r, http.StatusOK, p)
}

func (s *Surface) beginAdd(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	var in struct {
		Hint string `json:"hint"` // the page applies it itself
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	b, err := s.cfg.Ceremony.BeginRegistration(r.Context(), s.Browser(w, r), v.User.ID, v.Session.ID)
	if err != nil {
		return fmt.Errorf("beginning a registration: %w", err)
	}
	return s.Begin(w, r, b)
}

// added tells the script that the passkey is stored, and under which name until
// its person gives it another.
type added struct {
	Passkey directory.PasskeyID `json:"passkey"`
	Name    string              `json:"name"`
}

func (s *Surface) finishAdd(w http.ResponseWriter, r *http.Request, _ web.Visitor) error {
	f, sealed, err := s.End(w, r)
	if err != nil {
		return err
	}
	k, err := s.cfg.Ceremony.FinishRegistration(r.Context(), s.Browser(w, r), sealed, f.Response, "")
	if err != nil {
		return fmt.Errorf("finishing a registration: %w", err)
	}
	// Who came in by an access pass is signed in properly from here on. The
	// new session's token is for the login host, which is not asked here: other
	// applications will ask for the new passkey once.
	if k.SignedIn != nil {
		if err := s.remember(w, k.SignedIn.Session); err != nil {
			return err
		}
	}
	return web.WriteJSON(w, http.StatusOK, added{k.ID, k.Name})
}

// mine returns the visitor's passkey id, and how many they have.
func (s *Surface) mine(r *http.Request, v web.Visitor, id string) (k directory.Passkey, n int, err error) {
	all, err := s.cfg.Directory.Passkeys(r.Context(), v.User.ID)
	if err != nil {
		return k, 0, fmt.Errorf("listing passkeys: %w", err)
	}
	for _, k := range all {
		if string(k.ID) == id {
			return k, len(all), nil
		}
	}
	return k, 0, noSuchPasskey(directory.ErrNoPasskey)
}

func noSuchPasskey(err error) error {
	return web.Fault(http.StatusNotFound, "passkey_gone", "%w", err)
}

func (s *Surface) askName(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	k, _, err := s.mine(r, v, r.PathValue("id"))
	if err != nil {
		return err
	}
	return s.Render(w, r, http.StatusOK, renaming(k, k.Name, ""))
}

func renaming(k directory.Passkey, value, wrong string) web.RenamePasskey {
	return web.RenamePasskey{Passkey: web.PasskeyRowOf(k), Value: value, Wrong: wrong, Action: "/security/name", Cancel: "/security"}
}

// rename gives a passkey a name: a new one its first, or another one another.
func (s *Surface) rename(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	id, name := r.PostFormValue("id"), r.PostFormValue("name")
	switch err := s.cfg.Directory.RenamePasskey(r.Context(), v.User.ID, directory.PasskeyID(id), name); {
	case errors.Is(err, directory.ErrPasskeyName):
		k, _, err := s.mine(r, v, id)
		if err != nil {
			return err
		}
		return s.Render(w, r, http.StatusUnprocessableEntity, renaming(k, name, "Give it a name of up to 64 characters that can be shown."))
	case errors.Is(err, directory.ErrNoPasskey):
		return noSuchPasskey(err)
	case err != nil:
		return fmt.Errorf("renaming a passkey: %w", err)
	}
	to := "/security"
	if r.PostFormValue("new") != "" {
		to += "?" + url.Values{"added": {id}}.Encode()
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// askDelete shows the price before the act, to who may do it.
func (s *Surface) askDelete(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	k, n, err := s.mine(r, v, r.PathValue("id"))
	if err != nil {
		return err
	}
	switch err := policy.MayDelete(v.User, v.Proof(), n, s.UI.Now()); {
	case errors.Is(err, policy.ErrNotFresh):
		_, err := s.Fresh(w, r, v)
		return err
	case err != nil:
		return mayNotDelete(err)
	}
	return s.Render(w, r, http.StatusOK, web.DeletePasskey{Passkey: web.PasskeyRowOf(k), Others: n - 1})
}

func (s *Surface) remove(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	k, n, err := s.mine(r, v, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := policy.MayDelete(v.User, v.Proof(), n, s.UI.Now()); err != nil {
		return mayNotDelete(err)
	}
	switch err := s.cfg.Directory.DeletePasskey(r.Context(), v.User.ID, k.ID, string(v.Session.ID)); {
	case errors.Is(err, directory.ErrLastWayIn): // another request was faster
		return mayNotDelete(err)
	case errors.Is(err, directory.ErrNoPasskey):
		return noSuchPasskey(err)
	case err != nil:
		return fmt.Errorf("deleting a passkey: %w", err)
	}
	http.Redirect(w, r, "/security?deleted", http.StatusSeeOther)
	return nil
}

func mayNotDelete(err error) error {
	e := &httpd.Error{Status: http.StatusForbidden, Public: "You can't delete this passkey.", Err: err}
	switch {
	case errors.Is(err, policy.ErrLastWayIn):
		e.Code, e.Public = "last_way_in", "You can't delete your only passkey. Add another first, then delete this one."
	case errors.Is(err, policy.ErrNotFresh):
		e.Code = string(ceremony.ReasonNotFresh)
		e.Public = "It's been more than 5 minutes since you last unlocked. Go back to the list and choose Delete once more."
	}
	return e
}
