package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cardea/identity/audit"
	"cardea/identity/directory"
)

// FindEvents implements audit.Store. Its text depends on what is asked for, so
// it is compiled anew each time rather than kept with the others. Whatever is
// asked, the index event_person is what it goes by.
func (db *DB) FindEvents(ctx context.Context, q audit.Search) ([]audit.Event, error) {
	text, args := findEvents(q)
	rows, err := db.rdb.QueryContext(ctx, text, args...)
	found, err := all(rows, err, scanEvent)
	if q.After != "" {
		slices.Reverse(found)
	}
	return found, err
}

func findEvents(q audit.Search) (text string, args []any) {
	var s search
	s.and("person_id = " + s.arg(string(q.User)))
	s.and(eventListed)
	if len(q.Kinds) > 0 {
		s.and("kind IN " + list(&s, q.Kinds))
	}
	if !q.Since.IsZero() {
		s.and("id >= " + s.arg(audit.FirstID(q.Since)))
	}
	s.show(q.Show)
	for _, t := range q.Terms {
		s.term(t)
	}
	order := "DESC"
	switch {
	case q.After != "":
		order = "ASC"
		s.and("id > " + s.arg(q.After))
	case q.Before != "":
		s.and("id < " + s.arg(q.Before))
	}
	text = "SELECT " + eventRead + " FROM event WHERE " + strings.Join(s.conditions, " AND ") +
		" ORDER BY id " + order + " LIMIT " + s.arg(q.Limit)
	return text, s.args
}

// Event implements audit.Store.
func (db *DB) Event(ctx context.Context, user directory.UserID, id string) (audit.Event, error) {
	e, err := scanEvent(db.queryRow(ctx, "SELECT "+eventRead+" FROM event WHERE person_id = $1 AND id = $2 AND "+eventListed,
		string(user), id))
	return one(e, err, audit.ErrNone)
}

// search is a WHERE clause in the making. What came from outside is in args
// and never in the text.
type search struct {
	conditions []string
	args       []any
}

func (s *search) and(condition string) { s.conditions = append(s.conditions, condition) }

// arg keeps v and returns the placeholder that stands for it.
func (s *search) arg(v any) string {
	s.args = append(s.args, v)
	return fmt.Sprintf("$%d", len(s.args))
}

// list returns the values as SQL takes them behind IN.
func list[T ~string](s *search, values []T) string {
	places := make([]string, len(values))
	for i, v := range values {
		places[i] = s.arg(string(v))
	}
	return "(" + strings.Join(places, ", ") + ")"
}

func (s *search) show(what audit.Show) {
	done := func() string { return "outcome = " + s.arg(string(audit.Done)) }
	switch what {
	case audit.Worked:
		s.and(done() + " AND kind IN " + list(s, audit.SignIns()))
	case audit.Changes:
		s.and(done() + " AND kind NOT IN " + list(s, audit.SignIns()))
	case audit.Stopped:
		s.and("outcome = " + s.arg(string(audit.Refused)))
	}
}

func (s *search) term(t audit.Term) {
	var parts []string
	if t.Text != "" {
		for _, column := range []string{"address", "reference", "(SELECT name FROM client WHERE client.id = event.client_id)"} {
			parts = append(parts, s.contains(column, t.Text))
		}
	}
	for _, d := range t.Deeds {
		parts = append(parts, "(kind = "+s.arg(string(d.Kind))+" AND outcome = "+s.arg(string(d.Outcome))+")")
	}
	if len(t.Reasons) > 0 {
		parts = append(parts, "reason IN "+list(s, t.Reasons))
	}
	if len(t.Passkeys) > 0 {
		parts = append(parts, "passkey_id IN "+list(s, t.Passkeys))
	}
	for _, a := range t.Agents {
		part := s.contains("user_agent", a.Word)
		for _, but := range a.But {
			part += " AND NOT " + s.contains("user_agent", but)
		}
		parts = append(parts, "("+part+")")
	}
	if len(parts) == 0 {
		parts = []string{"1 = 0"}
	}
	s.and("(" + strings.Join(parts, " OR ") + ")")
}

// contains is true of rows whose column contains text, in any case of ASCII
// letters. The signs of LIKE stand for themselves.
func (s *search) contains(column, text string) string {
	return "LOWER(" + column + ") LIKE LOWER(" + s.arg(within(text)) + `) ESCAPE '\'`
}
