package storage

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
)

const eventColumns = `id, at, kind, person_id, by_id, client_id, outcome, reason, reference,
	address, user_agent, passkey_id, detail`

// eventRead is eventColumns and what the client and the people are called today.
const eventRead = eventColumns + `,
	COALESCE((SELECT name FROM client WHERE client.id = event.client_id), ''),
	COALESCE((SELECT username FROM person WHERE person.id = event.person_id), ''),
	COALESCE((SELECT username FROM person WHERE person.id = event.by_id), '')`

// eventListed is true of all events but those that say that a page of our own
// was told who is signed in.
const eventListed = `NOT (kind = '` + string(audit.ClientSignIn) + `' AND outcome = '` + string(audit.Done) + `'
	AND client_id IN (SELECT client.id FROM client WHERE first_party AND NOT native))`

func scanEvent(r row) (audit.Event, error) {
	var e audit.Event
	var when int64
	err := r.Scan(&e.ID, &when, &e.Kind, &e.UserID, &e.By, &e.Client, &e.Outcome, &e.Reason, &e.Reference,
		&e.Address, &e.UserAgent, &e.PasskeyID, &e.Detail, &e.ClientName, &e.Username, &e.ByName)
	e.Time = at(when)
	return e, err
}

// insertEvent writes an event into the transaction of what it records. What
// the event does not say of its request is taken from ctx.
func insertEvent(ctx context.Context, tx *sql.Tx, e audit.Event) error {
	e = audit.Complete(ctx, e)
	_, err := tx.Exec("INSERT INTO event ("+eventColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		e.ID, ms(e.Time), string(e.Kind), string(e.UserID), string(e.By), string(e.Client), string(e.Outcome),
		e.Reason, e.Reference, e.Address, e.UserAgent, string(e.PasskeyID), e.Detail)
	return err
}

func insertChange(ctx context.Context, tx *sql.Tx, c directory.Change) error {
	return insertEvent(ctx, tx, audit.Event{
		Time: c.At, Kind: audit.Kind(c.Kind), UserID: c.User, By: c.By, Outcome: audit.Done,
		PasskeyID: c.Passkey, Detail: c.Detail,
	})
}

// EventsByUser implements audit.Store.
func (db *DB) EventsByUser(ctx context.Context, user directory.UserID, limit int) ([]audit.Event, error) {
	rows, err := db.query(ctx, "SELECT "+eventRead+
		" FROM event WHERE person_id = $1 AND "+eventListed+" ORDER BY id DESC LIMIT $2", string(user), limit)
	return all(rows, err, scanEvent)
}

// Events implements audit.Store.
func (db *DB) Events(ctx context.Context, limit int) ([]audit.Event, error) {
	rows, err := db.query(ctx, "SELECT "+eventRead+" FROM event WHERE "+eventListed+" ORDER BY id DESC LIMIT $1", limit)
	return all(rows, err, scanEvent)
}

// EventsByReference implements audit.Store.
func (db *DB) EventsByReference(ctx context.Context, reference string, limit int) ([]audit.Event, error) {
	rows, err := db.query(ctx, "SELECT "+eventRead+" FROM event WHERE reference = $1 ORDER BY id DESC LIMIT $2", reference, limit)
	return all(rows, err, scanEvent)
}

// EventsBefore implements audit.Store.
func (db *DB) EventsBefore(ctx context.Context, id string, limit int) ([]audit.Event, error) {
	rows, err := db.query(ctx, "SELECT "+eventRead+" FROM event WHERE id < $1 AND "+eventListed+" ORDER BY id DESC LIMIT $2", id, limit)
	return all(rows, err, scanEvent)
}

// EventsAfter implements audit.Store.
func (db *DB) EventsAfter(ctx context.Context, id string, limit int) ([]audit.Event, error) {
	rows, err := db.query(ctx, "SELECT "+eventRead+" FROM event WHERE id > $1 AND "+eventListed+" ORDER BY id LIMIT $2", id, limit)
	found, err := all(rows, err, scanEvent)
	slices.Reverse(found)
	return found, err
}

// SignInsByUser implements audit.Store.
func (db *DB) SignInsByUser(ctx context.Context, user directory.UserID, since time.Time) (done, refused int, err error) {
	err = db.queryRow(ctx, `SELECT COALESCE(SUM(CASE WHEN outcome = $3 THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN outcome = $3 THEN 0 ELSE 1 END), 0)
		FROM event WHERE person_id = $1 AND id >= $2 AND kind IN ($4, $5, $6)`,
		string(user), audit.FirstID(since), string(audit.Done), string(audit.SignIn), string(audit.PassSignIn), string(audit.NativeSignIn)).
		Scan(&done, &refused)
	return done, refused, err
}

// AddEvent implements audit.Store.
func (db *DB) AddEvent(ctx context.Context, e audit.Event) error {
	return db.write(ctx, func(tx *sql.Tx) error { return insertEvent(ctx, tx, e) })
}
