package app

import (
	"slices"
	"sync"
	"time"

	"cardea/authenticator"
)

// keptEvents is how many requests the activity page looks back on.
const keptEvents = 50

// An Event is a request that this phone was asked, for the person to look back
// at. Events are kept in memory only.
type Event struct {
	At      time.Time
	Kind    authenticator.Kind
	Site    string
	Account string
	Caller  authenticator.Caller
	Outcome outcome
}

// An activity is the requests of late, newest first.
type activity struct {
	mu     sync.Mutex
	events []Event
}

func (a *activity) add(e Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = slices.Insert(a.events, 0, e)
	if len(a.events) > keptEvents {
		a.events = a.events[:keptEvents]
	}
}

func (a *activity) list() []Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.events)
}
