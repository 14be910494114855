package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// maxBatch is the most jobs that share a transaction: enough that the flush no
// longer matters, few enough that nobody waits long for his neighbors.
const maxBatch = 256

// ErrClosed is returned for writes after Close.
var ErrClosed = errors.New("database is closed")

// A job is one caller's statements.
type job struct {
	ctx   context.Context
	run   func(*sql.Tx) error
	done  chan struct{}
	err   error
	panic any // of run, to be raised again where the caller is
}

// A writer is the goroutine that all writes go through. See the package
// comment for what it does.
type writer struct {
	db   *sql.DB
	jobs chan *job
	quit chan struct{}
	gone chan struct{}
	once sync.Once
}

func startWriter(db *sql.DB) *writer {
	w := &writer{
		db: db, jobs: make(chan *job, maxBatch),
		quit: make(chan struct{}), gone: make(chan struct{}),
	}
	go w.loop()
	return w
}

// stop lets the batch at work finish, turns away the rest and waits.
func (w *writer) stop() {
	w.once.Do(func() { close(w.quit) })
	<-w.gone
}

func (w *writer) do(ctx context.Context, run func(*sql.Tx) error) error {
	j := &job{ctx: ctx, run: run, done: make(chan struct{})}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-w.quit:
		return ErrClosed
	case w.jobs <- j:
	}
	select {
	case <-j.done:
	case <-w.gone:
		// The job may have been answered while the writer was leaving.
		select {
		case <-j.done:
		default:
			return ErrClosed
		}
	}
	if j.panic != nil {
		panic(j.panic)
	}
	return j.err
}

func (w *writer) loop() {
	defer close(w.gone)
	for {
		select {
		case <-w.quit:
			return
		case first := <-w.jobs:
			w.commit(w.gather(first))
		}
	}
}

// gather takes what is waiting. It does not wait for more: while one batch is
// being flushed the next one collects by itself.
func (w *writer) gather(first *job) []*job {
	batch := []*job{first}
	for len(batch) < maxBatch {
		select {
		case j := <-w.jobs:
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// commit runs batch in one transaction and answers every job. If the
// transaction as a whole comes to nothing (one job has ended it, or made it
// impossible to commit), each job is run again in a transaction of its own, so
// that only the one at fault fails.
func (w *writer) commit(batch []*job) {
	defer func() {
		for _, j := range batch {
			close(j.done)
		}
	}()
	if len(batch) > 1 && w.transact(batch) == nil {
		return
	}
	for _, j := range batch {
		if err := w.transact([]*job{j}); err != nil && j.err == nil {
			j.err = err
		}
	}
}

// transact runs the jobs of batch, each within its own savepoint. An error
// means that nothing at all was written.
func (w *writer) transact(batch []*job) error {
	// Not the context of a job: it must not end the others' transaction.
	tx, err := w.db.BeginTx(context.Background(), nil)
	if err != nil {
		return fmt.Errorf("beginning transaction: %w", err)
	}
	for _, j := range batch {
		if err := runInSavepoint(tx, j); err != nil {
			_ = tx.Rollback() // fails if there is nothing left to roll back
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		// A COMMIT that fails may leave the transaction open, and
		// database/sql thinks it is over. There is only one connection, so
		// this is the one.
		_, _ = w.db.Exec("ROLLBACK")
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// runInSavepoint sets j.err to the job's own outcome. It returns an error if
// the transaction did not survive the job.
func runInSavepoint(tx *sql.Tx, j *job) error {
	j.err = j.ctx.Err()
	if j.err != nil {
		return nil // who asked has gone before the job's turn came
	}
	if _, err := tx.Exec("SAVEPOINT job"); err != nil {
		return fmt.Errorf("setting savepoint: %w", err)
	}
	j.call(tx)
	if j.err != nil {
		if _, err := tx.Exec("ROLLBACK TO job"); err != nil {
			return fmt.Errorf("rolling back to savepoint: %w", err)
		}
	}
	if _, err := tx.Exec("RELEASE job"); err != nil {
		return fmt.Errorf("releasing savepoint: %w", err)
	}
	return nil
}

var errPanic = errors.New("write panicked")

func (j *job) call(tx *sql.Tx) {
	defer func() {
		if p := recover(); p != nil {
			j.panic, j.err = p, errPanic
		}
	}()
	j.panic = nil
	j.err = j.run(tx)
}
