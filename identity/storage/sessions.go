package storage

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/session"
)

const sessionColumns = `id, person_id, passkey_id, created_at, auth_at, seen_at, expires_at,
	amr, acr, kept, user_agent, address`

func scanSession(r row) (session.Session, error) {
	var s session.Session
	var created, auth, seen, expires int64
	var amr string
	err := r.Scan(&s.ID, &s.UserID, &s.PasskeyID, &created, &auth, &seen, &expires,
		&amr, &s.ACR, &s.Kept, &s.UserAgent, &s.Address)
	if err != nil {
		return s, err
	}
	s.Created, s.AuthTime, s.LastSeen, s.Expires = at(created), at(auth), at(seen), at(expires)
	if s.AMR, err = fromList(amr); err != nil {
		return s, fmt.Errorf("session %s: amr: %w", s.ID, err)
	}
	return s, nil
}

// SessionByToken implements session.Store.
func (db *DB) SessionByToken(ctx context.Context, h session.TokenHash) (session.Session, error) {
	s, err := scanSession(db.queryRow(ctx,
		"SELECT "+sessionColumns+" FROM session WHERE token_hash = $1", h[:]))
	return one(s, err, session.ErrNone)
}

// SessionByID implements session.Store.
func (db *DB) SessionByID(ctx context.Context, id session.ID) (session.Session, error) {
	s, err := scanSession(db.queryRow(ctx,
		"SELECT "+sessionColumns+" FROM session WHERE id = $1", string(id)))
	return one(s, err, session.ErrNone)
}

// Sessions implements session.Store.
func (db *DB) Sessions(ctx context.Context, user directory.UserID) ([]session.Session, error) {
	rows, err := db.query(ctx, "SELECT "+sessionColumns+
		" FROM session WHERE person_id = $1 ORDER BY seen_at DESC, id", string(user))
	return all(rows, err, scanSession)
}

// TouchSession implements session.Store.
func (db *DB) TouchSession(ctx context.Context, id session.ID, seen time.Time) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec("UPDATE session SET seen_at = $2 WHERE id = $1 AND seen_at < $2", string(id), ms(seen))
		return err
	})
}

// KeepSession implements session.Store.
func (db *DB) KeepSession(ctx context.Context, id session.ID, expires time.Time) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		return exec(tx, session.ErrNone, "UPDATE session SET kept = TRUE, expires_at = $2 WHERE id = $1", string(id), ms(expires))
	})
}

// EndSession implements session.Store.
func (db *DB) EndSession(ctx context.Context, id session.ID, now time.Time) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		e := audit.Event{Time: now, Kind: audit.SessionEnded, Outcome: audit.Done, Detail: string(id)}
		err := tx.QueryRow("DELETE FROM session WHERE id = $1 RETURNING person_id", string(id)).Scan(&e.UserID)
		if err == sql.ErrNoRows {
			return session.ErrNone
		}
		if err != nil {
			return err
		}
		return insertEvent(ctx, tx, e)
	})
}

// EndSessions implements session.Store.
func (db *DB) EndSessions(ctx context.Context, user directory.UserID, except session.ID, now time.Time) (n int, err error) {
	return db.endSessions(ctx, except, audit.Event{Time: now, Kind: audit.SessionsEnded, UserID: user, Outcome: audit.Done})
}

// SignOut implements session.Store.
func (db *DB) SignOut(ctx context.Context, by, user directory.UserID, now time.Time) (int, error) {
	return db.endSessions(ctx, "", audit.Event{Time: now, Kind: audit.SessionsEnded, UserID: user, By: by, Outcome: audit.Done})
}

func (db *DB) endSessions(ctx context.Context, except session.ID, e audit.Event) (n int, err error) {
	err = db.write(ctx, func(tx *sql.Tx) error {
		if n, err = endSessionsBut(tx, e.UserID, except); err != nil || n == 0 {
			return err
		}
		e.Detail = fmt.Sprintf("%d sessions", n)
		return insertEvent(ctx, tx, e)
	})
	return n, err
}

// denied reports whether the person has said it of about before.
func denied(tx *sql.Tx, user directory.UserID, about string) (bool, error) {
	var n int
	err := tx.QueryRow("SELECT count(*) FROM event WHERE person_id = $1 AND kind = $2 AND detail = $3",
		string(user), string(audit.NotMe), about).Scan(&n)
	return n > 0, err
}

// endSessionsBut deletes a person's sessions but one, and says how many.
func endSessionsBut(tx *sql.Tx, user directory.UserID, except session.ID) (int, error) {
	res, err := tx.Exec("DELETE FROM session WHERE person_id = $1 AND id <> $2", string(user), string(except))
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// Deny implements session.Store.
func (db *DB) Deny(ctx context.Context, user directory.UserID, except session.ID, about string, now time.Time) (n int, err error) {
	err = db.write(ctx, func(tx *sql.Tx) error {
		if n, err = endSessionsBut(tx, user, except); err != nil {
			return err
		}
		if err := endGrants(tx, "person_id = $1", string(user)); err != nil {
			return err
		}
		if said, err := denied(tx, user, about); err != nil || said && n == 0 {
			return err // pressed twice
		}
		return insertEvent(ctx, tx, audit.Event{Time: now, Kind: audit.NotMe, UserID: user, Outcome: audit.Done, Detail: about})
	})
	return n, err
}

// beginSession stores s and ends the session that the browser had, if any.
// Sessions that have expired go along the way.
func beginSession(tx *sql.Tx, s session.Session, token, ends session.TokenHash) error {
	if _, err := tx.Exec("DELETE FROM session WHERE expires_at <= $1", ms(s.Created)); err != nil {
		return err
	}
	if ends != (session.TokenHash{}) {
		if _, err := tx.Exec("DELETE FROM session WHERE token_hash = $1", ends[:]); err != nil {
			return err
		}
	}
	_, err := tx.Exec(`INSERT INTO session (id, token_hash, person_id, passkey_id, created_at, auth_at,
			seen_at, expires_at, amr, acr, kept, user_agent, address)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		string(s.ID), token[:], string(s.UserID), string(s.PasskeyID), ms(s.Created), ms(s.AuthTime),
		ms(s.LastSeen), ms(s.Expires), toList(s.AMR), s.ACR, s.Kept, s.UserAgent, s.Address)
	return err
}
