package storage

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
)

// However a search is narrowed, it goes by the index of one person's events,
// and takes them in order: nothing is sorted and nobody else's are read.
func TestSearchReadsOnlyOnePersonsEvents(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "cardea.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	term := audit.Term{Text: "x", Deeds: []audit.Deed{{Kind: audit.SignIn}}, Reasons: []string{"x"}, Passkeys: []directory.PasskeyID{"x"},
		Agents: []audit.Agents{{Word: "x", But: []string{"y"}}}}
	for name, q := range map[string]audit.Search{
		"all": {}, "worked": {Show: audit.Worked}, "stopped": {Show: audit.Stopped}, "changes": {Show: audit.Changes},
		"kinds": {Kinds: []audit.Kind{audit.NotMe}}, "since": {Since: time.UnixMilli(1)}, "before": {Before: "x"}, "after": {After: "x"},
		"terms": {Terms: []audit.Term{term, term}},
	} {
		q.User, q.Limit = "maia", 50
		text, args := findEvents(q)
		rows, err := db.rdb.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
		plan, err := all(rows, err, func(r row) (string, error) {
			var id, parent, unused int
			var detail string
			err := r.Scan(&id, &parent, &unused, &detail)
			return detail, err
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		said := strings.Join(plan, "; ")
		if !strings.Contains(said, "SEARCH event USING INDEX event_person (person_id=?") || strings.Contains(said, "SCAN event") || strings.Contains(said, "TEMP B-TREE FOR ORDER") {
			t.Errorf("%s: %s", name, said)
		}
	}
}
