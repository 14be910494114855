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

func (a *ask) AddEvent(context.Context, audit.Event) error { return nil }

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
	}
}
