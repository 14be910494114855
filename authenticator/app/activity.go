package app

import (
	"slices"
	"sync"
	"time"

	"cardea/authenticator"
)

// keptEvents is how many requests the activity page looks back on.
const keptEvents = 50

// An Event is a request that this phone was asked, or what happened with a
// computer, for the person to look back at. Events are kept in memory only.
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

// addOnce adds e, in the place of the latest if that says the same.
func (a *activity) addOnce(e Event) {
	a.mu.Lock()
	if len(a.events) > 0 && a.events[0].Caller == e.Caller && a.events[0].Outcome == e.Outcome {
		a.events = a.events[1:]
	}
	a.mu.Unlock()
	a.add(e)
}

func (a *activity) list() []Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.events)
}
