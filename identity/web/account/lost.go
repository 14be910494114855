package account

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/session"
	"cardea/identity/web"
)

// lost asks which passkey is on the phone that is lost.
func (s *Surface) lost(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	passkeys, err := s.cfg.Directory.Passkeys(r.Context(), v.User.ID)
	if err != nil {
		return fmt.Errorf("listing passkeys: %w", err)
	}
	p := web.Lost{Me: v.Me("security"), Unsure: r.URL.Query().Has("unsure")}
	if p.Unsure {
		slices.SortStableFunc(passkeys, func(a, b directory.Passkey) int { return onPhone(b) - onPhone(a) })
	}
	p.Passkeys = web.PasskeyRows(passkeys, s.cfg.Passkeys)
	return s.Render(w, r, http.StatusOK, p)
}

// onPhone is higher the likelier it is that a passkey is on a phone.
func onPhone(k directory.Passkey) int {
	switch where := web.WhereIs(k); {
	case web.PasskeyRowOf(k).Icon == "phone", where == web.OnAPhone:
		return 2
	case where == web.OnASecurityKey:
		return 0
	}
	return 1
}

// A phone is the one that somebody was shutting out when they had to add another passkey
// first. The browser keeps it, sealed, and comes back to it.
type phone struct {
	User    directory.UserID    `json:"u"`
	Passkey directory.PasskeyID `json:"k"`
	Until   time.Time           `json:"x"`
}

const (
	cookieLost  = "cardea-lost"
	purposeLost = "my account, a lost phone"
	lostLife    = 30 * time.Minute
)

// lostPlan shows the price before the act. Who has no other passkey is led to
// add one first, and comes back.
func (s *Surface) lostPlan(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	k, left, err := s.mine(r, v, r.PathValue("id"))
	if err != nil {
		return err
	}
	p := web.LostPlan{Me: v.Me("security"), Passkey: web.PasskeyRowOf(k), Others: left, Own: v.Session.PasskeyID == k.ID}
	switch err := policy.MayDelete(v.User, v.Proof(), left, s.UI.Now()); {
	case errors.Is(err, policy.ErrLastWayIn):
		sealed, err := s.sealer.Seal(purposeLost, phone{v.User.ID, k.ID, s.UI.Now().Add(lostLife)})
		if err != nil {
			return err
		}
		s.Cookies.Set(w, cookieLost, sealed, lostLife)
		return s.Render(w, r, http.StatusOK, p)
	case errors.Is(err, policy.ErrNotFresh):
		_, err := s.Fresh(w, r, v)
		return err
	case err != nil:
		return mayNotDelete(err)
	}
	all, err := s.cfg.Sessions.List(r.Context(), v.User.ID)
	if err != nil {
		return fmt.Errorf("listing sessions: %w", err)
	}
	ending := slices.DeleteFunc(all, func(one session.Session) bool { return one.PasskeyID != k.ID || one.ID == v.Session.ID })
	p.Sessions = web.SessionRows(ending, v.Session.ID, nil)
	return s.Render(w, r, http.StatusOK, p)
}

// backToLost returns the way to the plan that somebody left to add the passkey
// added, if they did.
func (s *Surface) backToLost(w http.ResponseWriter, r *http.Request, by directory.UserID, added directory.PasskeyID) (path string, ok bool) {
	var left phone
	if err := s.sealer.Open(purposeLost, s.Cookies.Get(r, cookieLost), &left); err != nil {
		return "", false
	}
	s.Cookies.Clear(w, cookieLost)
	return "/lost/" + url.PathEscape(string(left.Passkey)), left.User == by && s.UI.Now().Before(left.Until) && left.Passkey != added
}

// lose shuts out a passkey: it is deleted and what was begun with it ends, in
// one transaction. What applications hold stands on those sessions and is good
// for nothing from then on.
func (s *Surface) lose(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	k, left, err := s.mine(r, v, r.PathValue("id"))
	if err != nil {
		return err
	}
	switch err := policy.MayDelete(v.User, v.Proof(), left, s.UI.Now()); {
	case errors.Is(err, policy.ErrNotFresh): // to be asked once more, after unlocking
		_, err := s.freshAt(w, r, v, r.URL.EscapedPath())
		return err
	case err != nil:
		return mayNotDelete(err)
	}
	switch err := s.cfg.Directory.LosePasskey(r.Context(), v.User.ID, k.ID, string(v.Session.ID)); {
	case errors.Is(err, directory.ErrLastWayIn): // another request was faster
		return mayNotDelete(err)
	case errors.Is(err, directory.ErrNoPasskey):
		return noSuchPasskey(err)
	case err != nil:
		return fmt.Errorf("shutting out a passkey: %w", err)
	}
	q := url.Values{}
	if days, err := strconv.Atoi(r.PostFormValue("days")); err == nil && slices.Contains(web.HistoryDays(), days) {
		q.Set("days", strconv.Itoa(days))
	}
	if !k.DeviceBound() {
		q.Set("synced", "1")
	}
	http.Redirect(w, r, "/lost/"+url.PathEscape(string(k.ID))+"/done?"+q.Encode(), http.StatusSeeOther)
	return nil
}

// lostDone leads through what is left. What was done it knows from the record.
func (s *Surface) lostDone(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	events, err := s.cfg.Audit.Find(r.Context(), audit.Search{
		User: v.User.ID, Kinds: []audit.Kind{audit.PasskeyLost}, Limit: 1,
		Terms: []audit.Term{{Passkeys: []directory.PasskeyID{directory.PasskeyID(r.PathValue("id"))}}},
	})
	if err != nil {
		return fmt.Errorf("reading history: %w", err)
	}
	if len(events) == 0 {
		return s.NotFound(w, r)
	}
	passkeys, err := s.cfg.Directory.Passkeys(r.Context(), v.User.ID)
	if err != nil {
		return fmt.Errorf("listing passkeys: %w", err)
	}
	p := web.LostDone{
		Me: v.Me("security"), Name: events[0].Detail, Reference: events[0].Reference, Days: web.ParseAsked(r.URL.Query()).Days,
		Passkeys: s.cfg.Passkeys.WaysIn(passkeys), Synced: r.URL.Query().Has("synced"),
	}
	p.Signals = web.SignalsOf(s.cfg.Site.RPID, v.User, passkeys)
	return s.Render(w, r, http.StatusOK, p)
}
