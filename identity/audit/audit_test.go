package audit_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
)

func TestIDsSortByTimeAndThenByBirth(t *testing.T) {
	t.Parallel()
	var ids []string
	for _, ms := range []int64{0, 1, 1, 1, 255, 1_790_000_000_000, 1_790_000_000_000, 1 << 47} {
		ids = append(ids, audit.NewID(time.UnixMilli(ms)))
	}
	if !slices.IsSorted(ids) {
		t.Errorf("IDs out of order: %q", ids)
	}
	if len(slices.Compact(ids)) != 8 {
		t.Errorf("IDs repeat: %q", ids)
	}
}

func TestCompleteFillsOnlyWhatIsMissing(t *testing.T) {
	t.Parallel()
	ctx := audit.With(t.Context(), audit.Request{Reference: "R", Address: "A", UserAgent: "U"})
	e := audit.Complete(ctx, audit.Event{Address: "own"})
	if e.Reference != "R" || e.Address != "own" || e.UserAgent != "U" || e.ID == "" {
		t.Errorf("Complete() = %+v", e)
	}
	if e = audit.Complete(t.Context(), audit.Event{ID: "own"}); e.Reference != "" || e.ID != "own" {
		t.Errorf("Complete() without a request = %+v", e)
	}
}

func TestWhatAClientSaysOfItselfIsCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	e := audit.Complete(audit.With(t.Context(), audit.Request{Address: long, UserAgent: long}), audit.Event{})
	if len(e.UserAgent) != audit.MaxUserAgent || len(e.Address) != audit.MaxAddress {
		t.Errorf("user agent of %d bytes and address of %d, want %d and %d", len(e.UserAgent), len(e.Address), audit.MaxUserAgent, audit.MaxAddress)
	}
}

// ask is a Store that remembers the limit it was asked with.
type ask int

func (a *ask) EventsByUser(_ context.Context, _ directory.UserID, limit int) ([]audit.Event, error) {
	*a = ask(limit)
	return nil, nil
}

func (a *ask) Events(_ context.Context, limit int) ([]audit.Event, error) {
	*a = ask(limit)
	return nil, nil
}

func (a *ask) EventsByReference(_ context.Context, reference string, limit int) ([]audit.Event, error) {
	*a = ask(limit)
	return []audit.Event{{Reference: reference}}, nil
}

func (a *ask) EventsBefore(_ context.Context, _ string, limit int) ([]audit.Event, error) {
	*a = ask(limit)
	return nil, nil
}

func (a *ask) EventsAfter(_ context.Context, _ string, limit int) ([]audit.Event, error) {
	*a = ask(limit)
	return nil, nil
}

func (a *ask) SignInsByUser(context.Context, directory.UserID, time.Time) (int, int, error) {
	return 0, 0, nil
}

func (a *ask) FindEvents(_ context.Context, q audit.Search) ([]audit.Event, error) {
	*a = ask(q.Limit)
	return make([]audit.Event, len(q.Terms)), nil
}

func (a *ask) Event(context.Context, directory.UserID, string) (audit.Event, error) {
	return audit.Event{}, audit.ErrNone
}

func (a *ask) AddEvent(context.Context, audit.Event) error { return nil }

// A reference is read out over a telephone, or copied with what stood around it.
func TestReferenceIsFoundHoweverItIsTyped(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"7F3C-91DA-20B8": "7F3C-91DA-20B8", "7f3c91da20b8": "7F3C-91DA-20B8", " 7f3c 91da 20b8\t": "7F3C-91DA-20B8",
		"7F3C–91DA–20B8": "7F3C-91DA-20B8", "7F3C-91DA-2OB8": "7F3C-91DA-20B8",
		"": "", "7F3C-91DA": "", "7F3C-91DA-20B8-0": "", "7F3C-91DA-20G8": "", "not_used": "", "%": "",
	} {
		var store ask
		events, ok, err := audit.New(&store).ByReference(t.Context(), typed)
		if err != nil || ok != (want != "") {
			t.Errorf("ByReference(%q) = %v, %t, %v", typed, events, ok, err)
		}
		if ok && (len(events) != 1 || events[0].Reference != want || store != audit.MaxEvents) {
			t.Errorf("ByReference(%q) asked for %v, at most %d; want %q", typed, events, store, want)
		}
	}
}

func TestLimitsAreKeptInRange(t *testing.T) {
	t.Parallel()
	var store ask
	l := audit.New(&store)
	for limit, want := range map[int]ask{-1: 0, 0: 0, 10: 10, audit.MaxEvents: audit.MaxEvents, 1 << 30: audit.MaxEvents} {
		if _, err := l.Recent(t.Context(), limit); err != nil || store != want {
			t.Errorf("Recent(%d) asked for %d (%v), want %d", limit, store, err, want)
		}
		for name, page := range map[string]func(context.Context, string, int) (audit.Page, error){"Before": l.Before, "After": l.After} {
			// One more is asked for, to know whether there is one.
			if _, err := page(t.Context(), "id", limit); err != nil || store != want+1 {
				t.Errorf("%s(%d) asked for %d (%v), want %d", name, limit, store, err, want+1)
			}
		}
		if _, err := l.ByUser(t.Context(), "u", limit); err != nil || store != want {
			t.Errorf("ByUser(%d) asked for %d (%v), want %d", limit, store, err, want)
		}
		if _, err := l.Find(t.Context(), audit.Search{Limit: limit}); err != nil || store != want {
			t.Errorf("Find() of %d asked for %d (%v), want %d", limit, store, err, want)
		}
	}
	if kept, err := l.Find(t.Context(), audit.Search{Terms: make([]audit.Term, 99)}); err != nil || len(kept) != audit.MaxTerms {
		t.Errorf("Find() with 99 terms asked for %d (%v), want %d", len(kept), err, audit.MaxTerms)
	}
}
