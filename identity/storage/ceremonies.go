package storage

import (
	"context"
	"database/sql"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/session"
)

// spend remembers a challenge, or returns ErrSpent if it is remembered already.
// The primary key decides between two who bring it at once. Those that nobody
// would accept any more are forgotten along the way.
func spend(tx *sql.Tx, c ceremony.Challenge) error {
	if _, err := tx.Exec("DELETE FROM spent_challenge WHERE expires_at < $1", ms(c.Now)); err != nil {
		return err
	}
	return exec(tx, ceremony.ErrSpent,
		"INSERT INTO spent_challenge (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
		c.Hash[:], ms(c.Until))
}

// SignIn implements ceremony.Store.
func (db *DB) SignIn(ctx context.Context, s ceremony.SignIn) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		if err := spend(tx, s.Challenge); err != nil {
			return err
		}
		if err := enabled(tx, s.Was.UserID, ceremony.ErrDisabled); err != nil {
			return err
		}
		if err := updatePasskey(tx, s); err != nil {
			return err
		}
		if err := beginSession(tx, s.Session, s.Token, s.Ends); err != nil {
			return err
		}
		return insertEvents(ctx, tx, s.Events)
	})
}

func insertEvents(ctx context.Context, tx *sql.Tx, events []audit.Event) error {
	for _, e := range events {
		if err := insertEvent(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// Register implements ceremony.Store.
func (db *DB) Register(ctx context.Context, r ceremony.Registration) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		if err := spend(tx, r.Challenge); err != nil {
			return err
		}
		if err := enabled(tx, r.Passkey.UserID, ceremony.ErrDisabled); err != nil {
			return err
		}
		if err := lives(tx, r.In, r.Passkey.UserID); err != nil {
			return err
		}
		if err := insertPasskey(tx, r.Passkey, r.Most); err != nil {
			return err
		}
		if r.Session != nil {
			if _, err := tx.Exec("DELETE FROM session WHERE id = $1", string(r.In)); err != nil {
				return err
			}
			if err := beginSession(tx, *r.Session, r.Token, session.TokenHash{}); err != nil {
				return err
			}
		}
		return insertEvent(ctx, tx, r.Event)
	})
}

// lives returns session.ErrNone unless that session of that person is there.
func lives(tx *sql.Tx, id session.ID, user directory.UserID) error {
	var n int
	err := tx.QueryRow("SELECT count(*) FROM session WHERE id = $1 AND person_id = $2",
		string(id), string(user)).Scan(&n)
	if err == nil && n == 0 {
		err = session.ErrNone
	}
	return err
}

// SetUp implements ceremony.Store.
func (db *DB) SetUp(ctx context.Context, s ceremony.SetUp) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		if err := spend(tx, s.Challenge); err != nil {
			return err
		}
		if err := nobody(tx); err != nil {
			return err
		}
		err := exec(tx, directory.ErrSetupCode,
			"DELETE FROM setup_code WHERE code_hash = $1 AND expires_at > $2", s.Code[:], ms(s.Challenge.Now))
		if err != nil {
			return err
		}
		if err := insertPerson(tx, s.User); err != nil {
			return err
		}
		if err := insertPasskey(tx, s.Passkey, 1); err != nil {
			return err
		}
		if err := beginSession(tx, s.Session, s.Token, session.TokenHash{}); err != nil {
			return err
		}
		return insertEvent(ctx, tx, s.Event)
	})
}

// Refuse implements ceremony.Store.
func (db *DB) Refuse(ctx context.Context, c ceremony.Challenge, e audit.Event) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		if err := spend(tx, c); err != nil && err != ceremony.ErrSpent {
			return err
		}
		return insertEvent(ctx, tx, e)
	})
}

// The Stores of the rooms.
var (
	_ directory.Store = (*DB)(nil)
	_ session.Store   = (*DB)(nil)
	_ ceremony.Store  = (*DB)(nil)
	_ audit.Store     = (*DB)(nil)
)
