package audit

import (
	"context"
	"errors"
	"slices"
	"time"

	"cardea/identity/directory"
)

// A Show says how the events that are wanted went.
type Show string

// What can be shown. Every event is in one of the last three.
const (
	All     Show = ""
	Worked  Show = "worked"  // sign-ins that worked
	Stopped Show = "stopped" // whatever was refused
	Changes Show = "changes" // whatever else was done
)

// SignIns are the kinds that say that somebody came in.
func SignIns() []Kind { return []Kind{SignIn, PassSignIn, NativeSignIn, ClientSignIn} }

// A Search says which events of a person are wanted.
type Search struct {
	User directory.UserID
	// Kinds are those to choose from; none means all.
	Kinds []Kind
	Show  Show
	// Since leaves out what is older; zero leaves out nothing.
	Since time.Time
	// Terms must fit, each of them.
	Terms []Term
	// Before and After are IDs: only what is older, or newer, than that one.
	// With After the oldest of those that fit are returned, which follow it.
	Before, After string
	Limit         int
}

// MaxTerms is how many terms a Search may have.
const MaxTerms = 6

// A Term fits an event if one of its parts does. A Term without parts fits
// nothing.
type Term struct {
	// Text is part of the address, the reference, or what the application is
	// called, in any case.
	Text     string
	Deeds    []Deed
	Reasons  []string
	Passkeys []directory.PasskeyID
	Agents   []Agents
}

// A Deed is a kind with its outcome: what the words of a page stand for.
type Deed struct {
	Kind    Kind
	Outcome Outcome
}

// Agents are the user agents that contain Word and none of But.
type Agents struct {
	Word string
	But  []string
}

// ErrNone is returned when there is no such event, or it concerns somebody else.
var ErrNone = errors.New("no such event")

// Find returns what fits q, the newest first. Of more than MaxTerms terms the
// rest are left out.
func (l *Log) Find(ctx context.Context, q Search) ([]Event, error) {
	q.Limit = clamp(q.Limit)
	q.Terms = q.Terms[:min(len(q.Terms), MaxTerms)]
	return l.store.FindEvents(ctx, q)
}

// Event returns one event that concerns user, or ErrNone.
func (l *Log) Event(ctx context.Context, user directory.UserID, id string) (Event, error) {
	return l.store.Event(ctx, user, id)
}

// shutOut are the kinds that say that a person was signed out of other browsers
// than the one that they were at, because it may not be them who is there.
func shutOut() []Kind { return []Kind{SessionsEnded, NotMe, PasskeyLost} }

// ShutOut reports whether a person, or an administrator for them, has signed
// them out of their browsers since then: of all, or of all others.
func (l *Log) ShutOut(ctx context.Context, user directory.UserID, since time.Time) (bool, error) {
	events, err := l.Find(ctx, Search{User: user, Kinds: shutOut(), Show: Changes, Since: since, Limit: 1})
	return len(events) > 0, err
}

// Denied returns when the person first said of e that it was not them; zero if
// they did not.
func (l *Log) Denied(ctx context.Context, e Event) (time.Time, error) {
	said, err := l.Find(ctx, Search{User: e.UserID, Kinds: []Kind{NotMe}, After: e.ID, Limit: MaxEvents})
	if err != nil {
		return time.Time{}, err
	}
	slices.Reverse(said)
	for _, s := range said {
		if s.Detail == e.About() {
			return s.Time, nil
		}
	}
	return time.Time{}, nil
}
