package storage

import (
	"context"
	"database/sql/driver"
	"fmt"

	"modernc.org/sqlite"

	"cardea/identity/directory"
)

// fold_name is directory.FoldName, for statements. SQLite's own lower knows only
// the letters of English.
func init() {
	sqlite.MustRegisterDeterministicScalarFunction("fold_name", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		name, ok := args[0].(string)
		if !ok {
			return nil, fmt.Errorf("fold_name of a %T", args[0])
		}
		return directory.FoldName(name), nil
	})
}

// List implements directory.UserStore. The index on user names gives the order,
// and what is counted is counted for those who are returned.
func (db *DB) List(ctx context.Context, l directory.Listing) ([]directory.Member, error) {
	rows, err := db.query(ctx, "SELECT "+personColumns+`,
			(SELECT count(*) FROM passkey WHERE passkey.person_id = person.id),
			(SELECT COALESCE(max(used_at), 0) FROM passkey WHERE passkey.person_id = person.id)
		FROM person
		WHERE username > $1 AND ($2 = '' OR username LIKE $3 ESCAPE '\' OR fold_name(display_name) LIKE $3 ESCAPE '\')
		ORDER BY username LIMIT $4`,
		l.After, l.Name, within(directory.FoldName(l.Name)), l.Limit)
	return all(rows, err, scanMember)
}

func scanMember(r row) (directory.Member, error) {
	var m directory.Member
	var used int64
	u, err := scanPerson(more{r, []any{&m.Passkeys, &used}})
	m.User, m.LastUsed = u, at(used)
	return m, err
}

// more is a row that has columns behind those that its scanner knows.
type more struct {
	row
	rest []any
}

func (m more) Scan(dest ...any) error { return m.row.Scan(append(dest, m.rest...)...) }

// Readiness implements directory.UserStore. It reads the index of passkeys by
// person, once.
func (db *DB) Readiness(ctx context.Context) (r directory.Readiness, err error) {
	var people int
	err = db.queryRow(ctx, `SELECT COALESCE(SUM(CASE WHEN n > 1 THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN n = 1 THEN 1 ELSE 0 END), 0), (SELECT count(*) FROM person)
		FROM (SELECT count(*) AS n FROM passkey GROUP BY person_id) AS counts`).
		Scan(&r.Two, &r.One, &people)
	r.None = people - r.Two - r.One
	return r, err
}
