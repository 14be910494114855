package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"cardea/identity/audit"
)

func openTest(t testing.TB) *DB {
	t.Helper()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "cardea.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func note(id string) func(*sql.Tx) error {
	return func(tx *sql.Tx) error {
		return insertEvent(context.Background(), tx, audit.Event{ID: id, Time: time.UnixMilli(1), Outcome: audit.Done})
	}
}

func (db *DB) has(t testing.TB, id string) bool {
	t.Helper()
	var n int
	if err := db.rdb.QueryRow("SELECT count(*) FROM event WHERE id = $1", id).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n == 1
}

// together runs jobs in one batch: it holds the writer until all are waiting.
func (db *DB) together(t *testing.T, jobs ...func(*sql.Tx) error) []error {
	t.Helper()
	hold, held := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := db.write(context.Background(), func(*sql.Tx) error { close(held); <-hold; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-held
	errs := make([]error, len(jobs))
	for i, j := range jobs {
		wg.Go(func() { errs[i] = db.write(context.Background(), j) })
		for len(db.writer.jobs) != i+1 { // they wait in this order
			runtime.Gosched()
		}
	}
	close(hold)
	wg.Wait()
	return errs
}

var errTest = errors.New("no")

func TestJobsShareATransaction(t *testing.T) {
	t.Parallel()
	db := openTest(t)
	var txs []*sql.Tx
	job := func(tx *sql.Tx) error { txs = append(txs, tx); return nil }
	db.together(t, job, job, job)
	if len(txs) != 3 || txs[0] != txs[1] || txs[1] != txs[2] {
		t.Errorf("transactions of three jobs: %v, want one", txs)
	}
}

func TestFailingJobLeavesItsNeighborsAlone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		bad  func(*sql.Tx) error
	}{
		{"says no", func(tx *sql.Tx) error { return errors.Join(note("bad")(tx), errTest) }},
		{"breaks a rule", func(tx *sql.Tx) error { return errors.Join(note("bad")(tx), note("bad")(tx)) }},
		{"ends the transaction", func(tx *sql.Tx) error {
			_, err := tx.Exec("ROLLBACK")
			return errors.Join(err, errTest)
		}},
		{"ends the transaction and says nothing", func(tx *sql.Tx) error {
			_, err := tx.Exec("ROLLBACK")
			return err
		}},
		{"makes a commit impossible", func(tx *sql.Tx) error {
			_, err := tx.Exec("PRAGMA defer_foreign_keys = ON")
			if err != nil {
				return err
			}
			_, err = tx.Exec(`INSERT INTO access_pass (person_id, code_hash, issued_by, issued_at, expires_at, used_at)
				VALUES ('nobody', '', '', 0, 0, 0)`)
			return err
		}},
		{"is cancelled in the middle of a statement", func(tx *sql.Tx) error {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			_, err := tx.ExecContext(ctx, `INSERT INTO spent_challenge (hash, expires_at)
				WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT 'endless', 0 FROM n WHERE x < 0`)
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := openTest(t)
			errs := db.together(t, note("first"), tt.bad, note("last"))
			if errs[0] != nil || errs[2] != nil {
				t.Errorf("neighbors: %v, %v, want no errors", errs[0], errs[2])
			}
			if errs[1] == nil {
				t.Error("the failing job: no error")
			}
			if !db.has(t, "first") || !db.has(t, "last") || db.has(t, "bad") {
				t.Errorf("first %v, bad %v, last %v; want true, false, true", db.has(t, "first"), db.has(t, "bad"), db.has(t, "last"))
			}
			if err := db.write(t.Context(), note("after")); err != nil || !db.has(t, "after") {
				t.Errorf("writing afterwards: %v", err)
			}
		})
	}
}

func TestPanicIsRaisedWhereItBelongs(t *testing.T) {
	t.Parallel()
	db := openTest(t)
	defer func() {
		if p := recover(); p != "oh" {
			t.Errorf("recovered %v, want the job's own panic", p)
		}
		if db.has(t, "bad") {
			t.Error("what the job wrote is there")
		}
		if err := db.write(t.Context(), note("after")); err != nil {
			t.Errorf("writing afterwards: %v", err)
		}
	}()
	_ = db.write(t.Context(), func(tx *sql.Tx) error {
		if err := note("bad")(tx); err != nil {
			t.Error(err)
		}
		panic("oh")
	})
}

func TestJobOfSomebodyWhoHasGoneIsNotRun(t *testing.T) {
	t.Parallel()
	db := openTest(t)
	ctx, cancel := context.WithCancel(t.Context())
	held := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = db.write(context.Background(), func(*sql.Tx) error {
			close(held)
			for len(db.writer.jobs) == 0 {
				runtime.Gosched()
			}
			cancel()
			return nil
		})
	})
	<-held
	if err := db.write(ctx, note("late")); !errors.Is(err, context.Canceled) {
		t.Errorf("write() = %v, want %v", err, context.Canceled)
	}
	wg.Wait()
	if db.has(t, "late") {
		t.Error("the job was run")
	}
}

func TestWriteAfterCloseIsRefused(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "cardea.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.write(t.Context(), note("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("write() = %v, want %v", err, ErrClosed)
	}
}

// Nobody is left waiting when the database is closed under their hands, and
// what was acknowledged is there.
func TestCloseAnswersEverybody(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cardea.db")
	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var written []string
	var wg sync.WaitGroup
	started := make(chan struct{}, 1000)
	for g := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d", g, i)
				if err := db.write(context.Background(), note(id)); err != nil {
					if !errors.Is(err, ErrClosed) && !errors.Is(err, sql.ErrConnDone) {
						t.Errorf("write() = %v, want %v", err, ErrClosed)
					}
					return
				}
				mu.Lock()
				written = append(written, id)
				mu.Unlock()
				select {
				case started <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 20 {
		<-started
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	db, err = Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, id := range written {
		if !db.has(t, id) {
			t.Errorf("%s was acknowledged and is gone", id)
		}
	}
}

func BenchmarkGroupCommit(b *testing.B) {
	for _, g := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("g=%d", g), func(b *testing.B) {
			db := openTest(b)
			var wg sync.WaitGroup
			next := make(chan int)
			b.ResetTimer()
			for range g {
				wg.Go(func() {
					for i := range next {
						if err := db.write(context.Background(), note(fmt.Sprintf("%020d", i))); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for i := range b.N {
				next <- i
			}
			close(next)
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
		})
	}
}
