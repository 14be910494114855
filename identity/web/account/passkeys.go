package account

import (
	"errors"
	"fmt"
	"net/http"

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
	return s.Render(w, r, http.StatusOK, web.AddPasskey{Cancel: insteadOfAdding(v)})
}

// insteadOfAdding is where who won't add a passkey now may go.
func insteadOfAdding(v web.Visitor) string {
	if v.Session.ByPass() {
		return ""
	}
	return "/security"
}

// ways are the kinds of devices, by the name of their page. Each has a page of
// its own, so that who must unlock once more comes back to where they were.
var ways = map[string]web.Where{"device": web.OnThisDevice, "phone": web.OnAPhone, "key": web.OnASecurityKey}

func (s *Surface) addOn(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	way, ok := ways[r.PathValue("way")]
	if !ok {
		return s.NotFound(w, r)
	}
	if ok, err := s.Fresh(w, r, v); err != nil || !ok {
		return err
	}
	return s.Render(w, r, http.StatusOK, web.AddPasskeyOn{
		Attempt: web.Attempt{
			Begin: "/security/add/begin", Finish: "/security/add/finish",
			Reference: string(httpd.ReferenceOf(r.Context())), Failing: web.NotAdded,
		},
		Way: way, Name: "/security/name", Undo: "/security/add/undo", Back: "/security/add", Cancel: insteadOfAdding(v),
	})
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
	// Provider and Where say what has it, as far as the passkey says: the
	// person may have meant another.
	Provider string    `json:"provider"`
	Where    web.Where `json:"where"`
	// First: it is the person's only one, and cannot be taken back.
	First bool `json:"first"`
}

func (s *Surface) finishAdd(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
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
	all, err := s.cfg.Directory.Passkeys(r.Context(), v.User.ID)
	if err != nil {
		return fmt.Errorf("listing passkeys: %w", err)
	}
	return web.WriteJSON(w, http.StatusOK, added{k.ID, k.Name, s.In(r).Say(web.PasskeyRowOf(k.Passkey).Provider), web.WhereIs(k.Passkey), len(all) <= 1})
}

// undo takes back a passkey that was saved somewhere else than its person
// meant. It is a deletion like any other: only the question was shorter.
func (s *Surface) undo(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	var in struct {
		Passkey string `json:"passkey"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	k, n, err := s.mine(r, v, in.Passkey)
	if err != nil {
		return err
	}
	if err := policy.MayDelete(v.User, v.Proof(), n, s.UI.Now()); err != nil {
		return mayNotDelete(err)
	}
	if err := s.deletePasskey(r, v, k.ID); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, struct{}{})
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
	switch err := policy.MayDelete(v.User, v.Proof(), n, s.UI.Now()); {
	case errors.Is(err, policy.ErrNotFresh): // to be asked once more, after unlocking
		_, err := s.freshAt(w, r, v, r.URL.EscapedPath())
		return err
	case err != nil:
		return mayNotDelete(err)
	}
	if err := s.deletePasskey(r, v, k.ID); err != nil {
		return err
	}
	http.Redirect(w, r, "/security?deleted", http.StatusSeeOther)
	return nil
}

func (s *Surface) deletePasskey(r *http.Request, v web.Visitor, id directory.PasskeyID) error {
	switch err := s.cfg.Directory.DeletePasskey(r.Context(), v.User.ID, id, string(v.Session.ID)); {
	case errors.Is(err, directory.ErrLastWayIn): // another request was faster
		return mayNotDelete(err)
	case errors.Is(err, directory.ErrNoPasskey):
		return noSuchPasskey(err)
	case err != nil:
		return fmt.Errorf("deleting a passkey: %w", err)
	}
	return nil
}

func mayNotDelete(err error) error {
	code := "may_not_delete"
	switch {
	case errors.Is(err, policy.ErrLastWayIn):
		code = "last_way_in"
	case errors.Is(err, policy.ErrNotFresh):
		code = string(ceremony.ReasonNotFresh)
	}
	return web.Fault(http.StatusForbidden, code, "deleting a passkey: %w", err)
}
