package audit

import "context"

// A Page is a part of the record: its events, the newest first, and whether
// there are others on either side.
type Page struct {
	Events       []Event
	Older, Newer bool
}

// Latest returns the newest events, at most limit.
func (l *Log) Latest(ctx context.Context, limit int) (Page, error) {
	p, err := l.Before(ctx, lastID, limit)
	p.Newer = false
	return p, err
}

// Before returns the newest events that are older than the one of that ID, at
// most limit.
func (l *Log) Before(ctx context.Context, id string, limit int) (Page, error) {
	limit = clamp(limit)
	events, err := l.store.EventsBefore(ctx, id, limit+1)
	p := Page{Events: events[:min(len(events), limit)], Older: len(events) > limit, Newer: true}
	return p, err
}

// After returns the oldest events that are newer than the one of that ID, at
// most limit.
func (l *Log) After(ctx context.Context, id string, limit int) (Page, error) {
	limit = clamp(limit)
	events, err := l.store.EventsAfter(ctx, id, limit+1)
	p := Page{Events: events[max(0, len(events)-limit):], Older: true, Newer: len(events) > limit}
	return p, err
}

// lastID sorts behind every ID.
const lastID = "~"
