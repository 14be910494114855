package storage

import (
	"database/sql"
	"encoding/json"
	"errors"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A row is one row of a result, or the only one.
type row interface{ Scan(dest ...any) error }

// one turns the absence of a row into missing.
func one[T any](v T, err, missing error) (T, error) {
	var zero T
	if errors.Is(err, sql.ErrNoRows) {
		return zero, missing
	}
	if err != nil {
		return zero, err
	}
	return v, nil
}

// all reads every row of a result with scan.
func all[T any](rows *sql.Rows, err error, scan func(row) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// likeSigns has the signs of LIKE stand for themselves.
var likeSigns = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

// within is the pattern, for LIKE with ESCAPE '\', of what contains text.
func within(text string) string { return "%" + likeSigns.Replace(text) + "%" }

// exec runs a statement and returns missing if it changed no row.
func exec(tx *sql.Tx, missing error, query string, args ...any) error {
	res, err := tx.Exec(query, args...)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return err
	}
	if n == 0 {
		return missing
	}
	return nil
}

// violates reports whether err says that column, as "table.column", must be
// unique.
func violates(err error, column string) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	unique := e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	return unique && strings.Contains(e.Error(), column)
}

// toList and fromList keep a list of strings in one column.
func toList(list []string) string {
	if len(list) == 0 {
		return "[]"
	}
	b, err := json.Marshal(list)
	if err != nil {
		panic("storage: internal error: " + err.Error())
	}
	return string(b)
}

func fromList(s string) (list []string, err error) {
	err = json.Unmarshal([]byte(s), &list)
	if len(list) == 0 {
		list = nil
	}
	return list, err
}
