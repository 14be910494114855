package storage

import (
	"context"
	"database/sql"
)

// query and queryRow run a statement on a connection that can only read. The
// statement is compiled once for each connection and kept: compiling costs more
// than a look-up. There are as many as there are texts in this package.

func (db *DB) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	stmt, err := db.prepared(ctx, text)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

func (db *DB) queryRow(ctx context.Context, text string, args ...any) row {
	stmt, err := db.prepared(ctx, text)
	if err != nil {
		return noRow{err}
	}
	return stmt.QueryRowContext(ctx, args...)
}

// noRow is the row of a statement that could not be compiled.
type noRow struct{ err error }

func (r noRow) Scan(...any) error { return r.err }

func (db *DB) prepared(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt, ok := db.stmts.Load(text); ok {
		return stmt.(*sql.Stmt), nil
	}
	stmt, err := db.rdb.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if kept, ok := db.stmts.LoadOrStore(text, stmt); ok {
		_ = stmt.Close() // another was first; this one is of no use
		return kept.(*sql.Stmt), nil
	}
	return stmt, nil
}
