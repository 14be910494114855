// Package storage keeps everything that Cardea remembers in one SQLite file.
// It implements the Stores that the other rooms declare; every SQL statement of
// the house is in here, and nothing here decides anything.
//
// # Writing
//
// There is one writer: a goroutine with one connection. Callers hand it jobs;
// it runs all that are waiting in one transaction, each inside its own
// savepoint, and answers when the transaction is on the disk:
//
//	BEGIN IMMEDIATE
//	  SAVEPOINT job   first caller's statements    RELEASE
//	  SAVEPOINT job   second caller's, which fail  ROLLBACK TO, RELEASE
//	  SAVEPOINT job   third caller's               RELEASE
//	COMMIT          -- one flush for all of them (synchronous=FULL)
//
// One flush for many callers is worth about ten times the throughput of a
// transaction each. Nobody is told "done" before COMMIT has returned, and a job
// that fails takes none of its neighbors with it. Since jobs run one after the
// other, a job that reads and then writes is never interleaved with another.
//
// # Reading
//
// A few connections that can only read. They see what is committed.
//
// # Conventions
//
// One exported method is one transaction. SQL is kept to what SQLite and
// PostgreSQL share: $N parameters, ON CONFLICT, RETURNING. Times are BIGINT
// milliseconds since 1970 UTC, made by Go; 0 is "never". Bearer values are
// stored as hashes by whoever makes them; this package never sees one. No key
// of the server's own is in the file that is not sealed.
//
// One process has the file; a second is turned away at Open.
package storage
