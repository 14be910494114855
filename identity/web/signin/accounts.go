package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/session"
	"cardea/identity/web"
)

const (
	cookieAccounts  = "cardea-accounts"
	purposeAccounts = "accounts of this browser"
	// maxAccounts is how many people a browser remembers, of those who said yes
	// and of those who said no.
	maxAccounts = 5
	// rememberFor is how long after their last sign-in it does.
	rememberFor = 90 * 24 * time.Hour
)

// A remembered is what a person's browser knows of them: that they answered
// "Stay signed in?", how, and how they signed in last. It opens nothing.
type remembered struct {
	User directory.UserID `json:"u"`
	Way  web.Where        `json:"w,omitempty"`
	// Stay is the answer. Who said no is in here only if Always is set, and is
	// never shown.
	Stay bool `json:"s,omitempty"`
	// Always says not to ask again.
	Always bool  `json:"a,omitempty"`
	Seen   int64 `json:"t"` // Unix seconds
}

// accounts is what a browser remembers, the last seen first. It is sealed in a
// cookie: no script, no other host and nobody who copies it from a disk reads
// who was here, and nobody makes one up to learn who has an account.
type accounts []remembered

// remembers returns what the browser of r remembers. Who was signed out of their
// browsers since they were seen in it is forgotten there, too, wherever the cookie
// has come to meanwhile.
func (s *Surface) remembers(r *http.Request) (accounts, error) {
	var list accounts
	if err := s.sealer.Open(purposeAccounts, s.Cookies.Get(r, cookieAccounts), &list); err != nil {
		return nil, nil
	}
	var left accounts
	for _, a := range list {
		over, err := s.over(r.Context(), a)
		if err != nil {
			return nil, err
		}
		if !over {
			left = append(left, a)
		}
	}
	return left, nil
}

// over reports whether a is to be forgotten. Who said no has nothing that others
// could see, so that runs out by itself only.
func (s *Surface) over(ctx context.Context, a remembered) (bool, error) {
	if a.Seen <= s.UI.Now().Add(-rememberFor).Unix() {
		return true, nil
	}
	if !a.Stay {
		return false, nil
	}
	// From the next second on: what came before this sign-in does not count.
	out, err := s.cfg.Audit.ShutOut(ctx, a.User, time.Unix(a.Seen+1, 0))
	if err != nil {
		return false, fmt.Errorf("looking up who was signed out: %w", err)
	}
	return out, nil
}

// remember has the browser keep list instead of what it kept until now.
func (s *Surface) remember(w http.ResponseWriter, list accounts) error {
	if len(list) == 0 {
		s.Cookies.Clear(w, cookieAccounts)
		return nil
	}
	sealed, err := s.sealer.Seal(purposeAccounts, list)
	if err != nil {
		return err
	}
	s.Cookies.Set(w, cookieAccounts, sealed, rememberFor)
	return nil
}

// find returns what is remembered of a person.
func (list accounts) find(user directory.UserID) (remembered, bool) {
	i := slices.IndexFunc(list, func(a remembered) bool { return a.User == user })
	if i < 0 {
		return remembered{}, false
	}
	return list[i], true
}

// without returns list without a person.
func (list accounts) without(user directory.UserID) accounts {
	return slices.DeleteFunc(slices.Clone(list), func(a remembered) bool { return a.User == user })
}

// with returns list with a in front, and without those that it has no room for.
func (list accounts) with(a remembered) accounts {
	next := append(accounts{a}, list.without(a.User)...)
	var yes, no int
	return slices.DeleteFunc(next, func(a remembered) bool {
		n := &no
		if a.Stay {
			n = &yes
		}
		*n++
		return *n > maxAccounts
	})
}

// always returns who is never asked and stays signed in.
func (list accounts) always() []directory.UserID {
	var all []directory.UserID
	for _, a := range list {
		if a.Stay && a.Always {
			all = append(all, a.User)
		}
	}
	return all
}

// declined reports whether somebody said no, and not to be asked again.
func (list accounts) declined() bool {
	return slices.ContainsFunc(list, func(a remembered) bool { return !a.Stay })
}

// A known is a person whom the browser has shown that it knows.
type known struct {
	user directory.User
	way  web.Where
	here bool // signed in at the moment
	kept bool // remembered, and can be forgotten
}

// known returns the people that the browser of r may be told of: who is signed
// in with it, and who said that it may remember them. People who are gone are
// left out.
func (s *Surface) known(r *http.Request) ([]known, error) {
	ctx := r.Context()
	live, err := s.cfg.Sessions.ByToken(ctx, s.SessionToken(r))
	if err != nil && !errors.Is(err, session.ErrNone) {
		return nil, fmt.Errorf("looking up the session: %w", err)
	}
	list, err := s.remembers(r)
	if err != nil {
		return nil, err
	}
	if live.UserID != "" && !live.ByPass() {
		here, _ := list.find(live.UserID)
		here.User = live.UserID
		list = append(accounts{here}, list.without(live.UserID)...)
	}
	var all []known
	for _, a := range list {
		here := a.User == live.UserID
		if !a.Stay && !here {
			continue
		}
		u, err := s.cfg.Directory.User(ctx, a.User)
		if errors.Is(err, directory.ErrNoUser) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("looking up a remembered person: %w", err)
		}
		all = append(all, known{user: u, way: a.Way, here: here, kept: a.Stay})
	}
	return all, nil
}

// chosen returns whom the browser of r chose by a user name, and the hint to
// give it if it gave none. One that gave a hint looks for a passkey elsewhere
// than last time, where the list might keep it from looking.
func (s *Surface) chosen(r *http.Request, username string, hint ceremony.Hint) (ceremony.Chosen, ceremony.Hint, error) {
	username = directory.NormalizeUsername(username)
	if username == "" || hint != "" {
		return ceremony.Chosen{Username: username}, hint, nil
	}
	all, err := s.known(r)
	if err != nil {
		return ceremony.Chosen{}, "", err
	}
	for _, k := range all {
		if k.user.Username != username {
			continue
		}
		return ceremony.Chosen{User: k.user.ID}, ceremony.Hint(k.way), nil
	}
	return ceremony.Chosen{Username: username}, "", nil
}

// tiles returns people as the page shows them.
func tiles(all []known) []web.AccountTile {
	list := make([]web.AccountTile, len(all))
	for i, k := range all {
		list[i] = web.AccountTile{
			DisplayName: k.user.DisplayName, Username: k.user.Username, Way: k.way,
			Here: k.here, Kept: k.kept, Closed: k.user.Disabled,
		}
	}
	return list
}

// forget takes a person out of what the browser remembers. Who signs in with it
// next is asked again.
func (s *Surface) forget(w http.ResponseWriter, r *http.Request) error {
	username := directory.NormalizeUsername(r.PostFormValue("forget"))
	all, err := s.known(r)
	if err != nil {
		return err
	}
	list, err := s.remembers(r)
	if err != nil {
		return err
	}
	for _, k := range all {
		if k.user.Username == username {
			list = list.without(k.user.ID)
		}
	}
	if err := s.remember(w, list); err != nil {
		return err
	}
	http.Redirect(w, r, to("/signin", continueOf(r)), http.StatusSeeOther)
	return nil
}

// askAgain forgets who said no and not to be asked again.
func (s *Surface) askAgain(w http.ResponseWriter, r *http.Request) error {
	list, err := s.remembers(r)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(a remembered) bool { return !a.Stay })
	if err := s.remember(w, list); err != nil {
		return err
	}
	http.Redirect(w, r, to("/signin/options", continueOf(r)), http.StatusSeeOther)
	return nil
}

// seen notes how a person whom the browser remembers signed in just now.
func (s *Surface) seen(w http.ResponseWriter, list accounts, in ceremony.SignedIn) error {
	a, ok := list.find(in.User.ID)
	if !ok {
		return nil
	}
	a.Way, a.Seen = web.UsedWhere(in.Attachment, in.Passkey), s.UI.Now().Unix()
	return s.remember(w, list.with(a))
}

// app returns the name of the client that asks for the sign-in, and where
// its people can begin anew in another browser: a sign-in that has begun in this
// one cannot be finished there.
func (s *Surface) app(ctx context.Context, c web.Continue) (name, home string, err error) {
	home = s.cfg.Site.AccountURL + "/"
	id := c.ClientID()
	if id == "" {
		return "", home, nil
	}
	client, err := s.cfg.Directory.Client(ctx, directory.ClientID(id))
	if errors.Is(err, directory.ErrNoClient) { // the provider has the last word on who may ask
		return "", home, nil
	}
	if err != nil {
		return "", "", fmt.Errorf("looking up a client: %w", err)
	}
	if at := c.AppHome(); !client.Native && client.Redirects(c.RedirectURI()) && at != "" {
		home = at
	}
	return client.Name, home, nil
}
