package storage

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// minSQLite is the first release of SQLite in which a checkpoint cannot lose
// committed writes any more (the WAL-reset bug).
var minSQLite = [3]int{3, 51, 3}

// A DB is an open database. It is safe for concurrent use and implements the
// Store of every room.
type DB struct {
	lock   *lockFile
	wdb    *sql.DB  // one connection, the writer's
	rdb    *sql.DB  // connections that can only read
	stmts  sync.Map // of *sql.Stmt on rdb, by text
	writer *writer
}

// ErrInUse is returned by Open when another process has the file.
var ErrInUse = errors.New("database is in use by another process")

// Open opens the database file at path, making it if there is none, and brings
// its tables up to date. The caller closes it.
func Open(ctx context.Context, path string) (_ *DB, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("opening database: %w", err)
		}
	}()
	db := &DB{}
	defer func() {
		if err != nil {
			_ = db.Close() // the error that matters is the one we have
		}
	}()
	if db.lock, err = lock(path + ".lock"); err != nil {
		return nil, err
	}
	if err := touch(path); err != nil {
		return nil, err
	}
	if db.wdb, err = open(path, 1, "_txlock=immediate", "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)"); err != nil {
		return nil, err
	}
	if err := checkVersion(ctx, db.wdb); err != nil {
		return nil, err
	}
	if err := migrate(ctx, db.wdb); err != nil {
		return nil, err
	}
	if db.rdb, err = open(path, max(4, 2*runtime.NumCPU()), "_pragma=query_only(1)"); err != nil {
		return nil, err
	}
	db.writer = startWriter(db.wdb)
	return db, nil
}

// touch makes the file readable by its owner only, before there is anything in
// it: it will hold keys. SQLite gives its log the same mode.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func open(path string, conns int, params ...string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	dsn := (&url.URL{Scheme: "file", Path: filepath.ToSlash(abs)}).String() +
		"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
	for _, p := range params {
		dsn += "&" + p
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	// Connections are kept: opening one costs more than a read.
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

func checkVersion(ctx context.Context, db *sql.DB) error {
	var text string
	if err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&text); err != nil {
		return err
	}
	return versionOK(text)
}

func versionOK(text string) error {
	var v [3]int
	if _, err := fmt.Sscanf(text, "%d.%d.%d", &v[0], &v[1], &v[2]); err != nil {
		return fmt.Errorf("SQLite version %q: %w", text, err)
	}
	for i, want := range minSQLite {
		if v[i] != want {
			if v[i] < want {
				return fmt.Errorf("SQLite %s is too old: want %v or later", text, minSQLite)
			}
			break
		}
	}
	return nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("reading migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	return nil
}

// Close finishes the writes that have begun and closes the file.
func (db *DB) Close() error {
	var errs []error
	if db.writer != nil {
		db.writer.stop()
	}
	for _, c := range []*sql.DB{db.rdb, db.wdb} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	if db.lock != nil {
		errs = append(errs, db.lock.unlock())
	}
	return errors.Join(errs...)
}

// write runs job in a transaction and returns when that is on the disk, or has
// failed and changed nothing.
//
// Inside of job use tx.Exec, tx.Query and tx.QueryRow, not their Context forms:
// cancelling a statement would end the transaction of everybody who shares it.
// (A job that does so all the same harms nobody; it only costs time.) job may be
// run more than once, and must set what it gives back each time; after an error
// nothing that it wrote remains.
//
// If ctx ends before the job's turn comes, the job is not run. After that its
// outcome is waited for.
func (db *DB) write(ctx context.Context, job func(tx *sql.Tx) error) error {
	return db.writer.do(ctx, job)
}

// ms and at convert times to and from their columns.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
