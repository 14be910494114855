package grant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cardea/identity/directory"
)

// A Told says that a client was told who a person is.
type Told struct {
	Client      directory.ClientID
	Name        string // what the client is called today
	Native      bool
	First, Last time.Time
}

// A Holding is one thing that a client holds for a person and that has not
// expired: a code, an access token, or a family.
type Holding struct {
	Client  directory.ClientID
	SID     string
	Scope   Scope
	Issued  time.Time
	Expires time.Time
	// Stays: a family, which keeps the client signed in.
	Stays bool
}

// An App is a client as a person knows it: when they signed in there, and what
// it may see.
type App struct {
	Told
	// Scope is all that it may see now; empty if it holds nothing.
	Scope Scope
	// Until is how long it stays signed in without its person, at most; zero if
	// it does not.
	Until time.Time
}

// ErrNoApp is returned for a client that holds nothing for a person, and was
// told nothing since they last removed it.
var ErrNoApp = errors.New("no such application of this person")

// Apps returns the applications of a person, the last used first. alive says
// whether a session lives: what stands on one that is over opens nothing.
//
// What was told before the person removed an application's access does not
// count any more, and neither do our own pages.
func (s *Service) Apps(ctx context.Context, user directory.UserID, alive func(sid string) bool) ([]App, error) {
	told, err := s.store.Told(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("reading who was told: %w", err)
	}
	held, err := s.store.Holdings(ctx, user, s.now())
	if err != nil {
		return nil, fmt.Errorf("reading what applications hold: %w", err)
	}
	apps := make([]App, len(told))
	for i, t := range told {
		apps[i].Told = t
		for _, h := range held {
			if h.Client == t.Client && alive(h.SID) {
				apps[i].hold(h)
			}
		}
	}
	slices.SortFunc(apps, func(a, b App) int { return b.Last.Compare(a.Last) })
	return apps, nil
}

func (a *App) hold(h Holding) {
	for _, v := range h.Scope {
		if !a.Scope.Has(v) {
			a.Scope = append(a.Scope, v)
		}
	}
	if h.Issued.After(a.Last) {
		a.Last = h.Issued
	}
	if h.Stays && h.Expires.After(a.Until) {
		a.Until = h.Expires
	}
}

// Remove ends all that a client holds for a person. From then on its codes,
// tokens and refresh tokens are good for nothing. It returns ErrNoApp if there
// is nothing to remove.
func (s *Service) Remove(ctx context.Context, user directory.UserID, client directory.ClientID) error {
	return s.store.EndClient(ctx, user, client, s.now())
}
