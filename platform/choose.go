package platform

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// first returns the way to begin with, if there is one that needs no choice:
// the only one the page allows, or on a phone the phone itself.
func (s *session) first(ctx context.Context) (Route, bool) {
	var usable, wanted []offer
	for _, o := range s.offers(ctx) {
		if o.way.Why != NotWanted {
			wanted = append(wanted, o)
		}
		if o.way.Usable {
			usable = append(usable, o)
		}
	}
	if len(wanted) == 1 && len(usable) == 1 {
		return usable[0].route, true
	}
	here := slices.IndexFunc(usable, func(o offer) bool { return o.way.Kind == ThisDevice })
	if s.client.Form == FormPhone && here >= 0 {
		return usable[here].route, true
	}
	return nil, false
}

// An offer is a route and how the person sees it.
type offer struct {
	way   Way
	route Route
}

// offers asks each route whether it is ready and sorts them for the person:
// what the page hinted at first, otherwise in the client's order.
func (s *session) offers(ctx context.Context) []offer {
	var offers []offer
	if s.client.Remembered != nil {
		for _, r := range s.client.Remembered() {
			offers = append(offers, offer{Way{Kind: r.Kind(), ID: r.ID(), Name: r.Name()}, r})
		}
	}
	for _, r := range s.client.Routes {
		offers = append(offers, offer{Way{Kind: r.Kind()}, r})
	}
	var all sync.WaitGroup
	for i, o := range offers {
		all.Go(func() { offers[i].way.Readiness = s.readiness(ctx, o.route) })
	}
	all.Wait()
	slices.SortStableFunc(offers, func(a, b offer) int {
		return cmp.Compare(s.wants.hinted(a.way.Kind), s.wants.hinted(b.way.Kind))
	})
	return offers
}

func waysOf(offers []offer) []Way {
	ways := make([]Way, len(offers))
	for i, o := range offers {
		ways[i] = o.way
	}
	return ways
}

func (s *session) readiness(ctx context.Context, r Route) Readiness {
	if !s.wants.allows(r.Kind()) {
		return Readiness{Why: NotWanted}
	}
	is := r.Ready(ctx, s.request.RPID)
	// What a route says of its passkeys is about those that are found without
	// their ID. A page with a list may mean another one.
	if is.Usable && s.request.Purpose == UsePasskey && is.Holds == HoldsNone && !s.wants.listed {
		return Readiness{Why: NothingHere, Holds: HoldsNone}
	}
	return is
}

// again is how often the choice is looked at anew: somebody may have started
// their authenticator or switched Bluetooth on meanwhile.
const again = 2 * time.Second

// choose shows the ways until the person takes one.
func (s *session) choose(ctx context.Context) (Route, error) {
	offers := s.offers(ctx)
	s.dialog.Show(Screen{Sort: ScreenChoose, Ways: waysOf(offers)})
	for {
		a, err := s.actWithin(ctx, again)
		switch {
		case errors.Is(err, errNobody):
		case err != nil:
			return nil, err
		case a.Do == DoCancel:
			return nil, errCanceled
		case a.Do == DoChoose:
			i := slices.IndexFunc(offers, func(o offer) bool { return o.way.Kind == a.Kind && o.way.ID == a.ID })
			if i >= 0 && offers[i].way.Usable {
				return offers[i].route, nil
			}
			continue
		case a.Do == DoForget:
			s.forget(ctx, offers, a.ID)
		default:
			continue
		}
		if now := s.offers(ctx); !slices.Equal(waysOf(now), waysOf(offers)) {
			offers = now
			s.dialog.Show(Screen{Sort: ScreenChoose, Ways: waysOf(offers)})
		}
	}
}

func (s *session) forget(ctx context.Context, offers []offer, id string) {
	for _, o := range offers {
		r, ok := o.route.(Remembered)
		if !ok || r.ID() != id {
			continue
		}
		if err := r.Forget(); err != nil && s.client.Log != nil {
			s.client.Log.LogAttrs(ctx, slog.LevelError, "forgetting a phone", slog.String("error", err.Error()))
		}
	}
}

// nameOf is what the owner of a remembered authenticator calls it.
func nameOf(r Route) string {
	if r, ok := r.(Remembered); ok {
		return r.Name()
	}
	return ""
}

var errNobody = errors.New("nobody did anything")

// actWithin is Dialog.Act with an end: errNobody after d.
func (s *session) actWithin(ctx context.Context, d time.Duration) (Action, error) {
	short, cancel := context.WithTimeoutCause(ctx, d, errNobody)
	defer cancel()
	a, err := s.dialog.Act(short)
	if err != nil && short.Err() != nil {
		return a, context.Cause(short)
	}
	return a, err
}
