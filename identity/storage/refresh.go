package storage

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"cardea/identity/audit"
	"cardea/identity/grant"
)

// beginFamily keeps a family and its first refresh token.
func beginFamily(tx *sql.Tx, f grant.Family, first grant.Hash) error {
	_, err := tx.Exec(`INSERT INTO refresh_family (id, client_id, person_id, session_id, scope, auth_at, acr, amr,
			issued_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		f.ID[:], string(f.ClientID), string(f.UserID), f.SID, f.Scope.String(), ms(f.AuthTime), f.ACR, toList(f.AMR),
		ms(f.Issued), ms(f.Expires))
	if err != nil {
		return err
	}
	return insertRefresh(tx, f.ID, first)
}

func insertRefresh(tx *sql.Tx, family, h grant.Hash) error {
	_, err := tx.Exec("INSERT INTO refresh_token (hash, family_id, next_hash, spent_at) VALUES ($1, $2, $3, 0)",
		h[:], family[:], []byte{})
	return err
}

// endFamily deletes all tokens that came of one code, and says whether there
// was a family.
func endFamily(tx *sql.Tx, id grant.Hash) (was bool, err error) {
	for _, statement := range []string{
		"DELETE FROM access_token WHERE code_hash = $1",
		"DELETE FROM refresh_token WHERE family_id = $1",
	} {
		if _, err := tx.Exec(statement, id[:]); err != nil {
			return false, err
		}
	}
	res, err := tx.Exec("DELETE FROM refresh_family WHERE id = $1", id[:])
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// EndToken implements grant.Store.
func (db *DB) EndToken(ctx context.Context, h grant.Hash) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec("DELETE FROM access_token WHERE hash = $1", h[:])
		return err
	})
}

// Family implements grant.Store.
func (db *DB) Family(ctx context.Context, refresh grant.Hash) (grant.Family, error) {
	var f grant.Family
	var id []byte
	var scope, amr string
	var auth, issued, expires int64
	err := db.queryRow(ctx, `SELECT id, client_id, person_id, session_id, scope, auth_at, acr, amr, issued_at, expires_at
		FROM refresh_family JOIN refresh_token ON refresh_token.family_id = refresh_family.id WHERE hash = $1`, refresh[:]).
		Scan(&id, &f.ClientID, &f.UserID, &f.SID, &scope, &auth, &f.ACR, &amr, &issued, &expires)
	if f, err = one(f, err, grant.ErrNoRefresh); err != nil {
		return f, err
	}
	if copy(f.ID[:], id) != len(f.ID) {
		return grant.Family{}, errors.New("refresh token: hash of its code is cut short")
	}
	f.Scope, f.AuthTime, f.Issued, f.Expires = grant.ParseScope(scope), at(auth), at(issued), at(expires)
	if f.AMR, err = fromList(amr); err != nil {
		return grant.Family{}, fmt.Errorf("refresh token: amr: %w", err)
	}
	return f, nil
}

// Rotate implements grant.Store.
func (db *DB) Rotate(ctx context.Context, r grant.Rotation) error {
	var outcome error // of a transaction that is kept all the same
	err := db.write(ctx, func(tx *sql.Tx) error {
		outcome = nil
		// This statement decides who of several is the one.
		res, err := tx.Exec("UPDATE refresh_token SET spent_at = $2, next_hash = $3 WHERE hash = $1 AND spent_at = 0",
			r.Was[:], ms(r.Now), r.Next[:])
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if n > 0 {
			if err := insertRefresh(tx, r.Family, r.Next); err != nil {
				return err
			}
			return insertToken(tx, r.Access)
		}
		again, err := isRetry(tx, r)
		switch {
		case errors.Is(err, grant.ErrNoRefresh):
			outcome = err
			return nil
		case err != nil:
			return err
		case again:
			return insertToken(tx, r.Access)
		}
		outcome = grant.ErrRefreshReused
		return reused(ctx, tx, r)
	})
	return errors.Join(err, outcome)
}

// isRetry reports whether r.Was was replaced a moment ago by r.Next, which
// nobody has used.
func isRetry(tx *sql.Tx, r grant.Rotation) (bool, error) {
	var next []byte
	var spent, used int64
	err := tx.QueryRow(`SELECT was.next_hash, was.spent_at, next.spent_at
		FROM refresh_token AS was JOIN refresh_token AS next ON next.hash = was.next_hash WHERE was.hash = $1`, r.Was[:]).
		Scan(&next, &spent, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return false, grant.ErrNoRefresh
	}
	return used == 0 && bytes.Equal(next, r.Next[:]) && !at(spent).Before(r.Again), err
}

// reused ends the family of a token that came back, and records it.
func reused(ctx context.Context, tx *sql.Tx, r grant.Rotation) error {
	if _, err := endFamily(tx, r.Family); err != nil {
		return err
	}
	return insertEvent(ctx, tx, audit.Event{
		Time: r.Now, Kind: audit.TokenReused, UserID: r.Access.UserID, Client: r.Access.ClientID,
		Outcome: audit.Refused, Reason: "token_reused",
	})
}

// EndFamily implements grant.Store.
func (db *DB) EndFamily(ctx context.Context, f grant.Family, now time.Time) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		was, err := endFamily(tx, f.ID)
		if err != nil || !was {
			return err
		}
		return insertEvent(ctx, tx, audit.Event{
			Time: now, Kind: audit.TokenRevoked, UserID: f.UserID, Client: f.ClientID, Outcome: audit.Done,
		})
	})
}
