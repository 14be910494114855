package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"cardea/identity/audit"
	"cardea/identity/grant"
)

// AddCode implements grant.Store.
func (db *DB) AddCode(ctx context.Context, c grant.Code) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO auth_code (hash, client_id, redirect_uri, challenge, scope, nonce, person_id,
				session_id, auth_at, acr, amr, issued_at, expires_at, spent_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0)`,
			c.Hash[:], string(c.ClientID), c.RedirectURI, string(c.Challenge), c.Scope.String(), c.Nonce,
			string(c.UserID), c.SID, ms(c.AuthTime), c.ACR, toList(c.AMR), ms(c.Issued), ms(c.Expires))
		if err != nil {
			return err
		}
		return insertEvent(ctx, tx, audit.Event{
			Time: c.Issued, Kind: audit.ClientSignIn, UserID: c.UserID, Client: c.ClientID, Outcome: audit.Done,
		})
	})
}

// Code implements grant.Store.
func (db *DB) Code(ctx context.Context, h grant.Hash) (grant.Code, error) {
	c := grant.Code{Hash: h}
	var scope, amr string
	var auth, issued, expires, spent int64
	err := db.rdb.QueryRowContext(ctx, `SELECT client_id, redirect_uri, challenge, scope, nonce, person_id, session_id,
			auth_at, acr, amr, issued_at, expires_at, spent_at
		FROM auth_code WHERE hash = $1`, h[:]).
		Scan(&c.ClientID, &c.RedirectURI, &c.Challenge, &scope, &c.Nonce, &c.UserID, &c.SID,
			&auth, &c.ACR, &amr, &issued, &expires, &spent)
	if c, err = one(c, err, grant.ErrNoCode); err != nil {
		return c, err
	}
	c.Scope = grant.ParseScope(scope)
	c.AuthTime, c.Issued, c.Expires, c.Spent = at(auth), at(issued), at(expires), at(spent)
	if c.AMR, err = fromList(amr); err != nil {
		return grant.Code{}, fmt.Errorf("authorization code: amr: %w", err)
	}
	return c, nil
}

// RedeemCode implements grant.Store.
func (db *DB) RedeemCode(ctx context.Context, t grant.AccessToken, f *grant.Family, first grant.Hash) error {
	var outcome error // of a transaction that is kept all the same
	err := db.write(ctx, func(tx *sql.Tx) error {
		outcome = nil
		// This statement decides who of several is the one.
		res, err := tx.Exec("UPDATE auth_code SET spent_at = $2 WHERE hash = $1 AND spent_at = 0 AND expires_at > $2",
			t.Code[:], ms(t.Issued))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			if err == nil {
				outcome, err = refuseCode(tx, t.Code)
			}
			return err
		}
		if f != nil {
			if err := beginFamily(tx, *f, first); err != nil {
				return err
			}
		}
		return insertToken(tx, t)
	})
	return errors.Join(err, outcome)
}

func insertToken(tx *sql.Tx, t grant.AccessToken) error {
	_, err := tx.Exec(`INSERT INTO access_token (hash, code_hash, client_id, person_id, session_id, scope,
			issued_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		t.Hash[:], t.Code[:], string(t.ClientID), string(t.UserID), t.SID, t.Scope.String(), ms(t.Issued), ms(t.Expires))
	return err
}

// refuseCode says why a code could not be spent. If it was before, what it was
// redeemed for ends.
func refuseCode(tx *sql.Tx, h grant.Hash) (outcome, err error) {
	var spent int64
	switch err := tx.QueryRow("SELECT spent_at FROM auth_code WHERE hash = $1", h[:]).Scan(&spent); {
	case errors.Is(err, sql.ErrNoRows):
		return grant.ErrNoCode, nil
	case err != nil:
		return nil, err
	case spent == 0:
		return grant.ErrCodeExpired, nil
	}
	_, err = endFamily(tx, h)
	return grant.ErrCodeSpent, err
}

// Token implements grant.Store.
func (db *DB) Token(ctx context.Context, h grant.Hash) (grant.AccessToken, error) {
	t := grant.AccessToken{Hash: h}
	var code []byte
	var scope string
	var issued, expires int64
	err := db.rdb.QueryRowContext(ctx, `SELECT code_hash, client_id, person_id, session_id, scope, issued_at, expires_at
		FROM access_token WHERE hash = $1`, h[:]).
		Scan(&code, &t.ClientID, &t.UserID, &t.SID, &scope, &issued, &expires)
	if t, err = one(t, err, grant.ErrNoToken); err != nil {
		return t, err
	}
	if copy(t.Code[:], code) != len(t.Code) {
		return grant.AccessToken{}, errors.New("access token: hash of its code is cut short")
	}
	t.Scope, t.Issued, t.Expires = grant.ParseScope(scope), at(issued), at(expires)
	return t, nil
}

// SweepGrants implements grant.Store.
func (db *DB) SweepGrants(ctx context.Context, codes, tokens time.Time) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec("DELETE FROM auth_code WHERE expires_at <= $1", ms(codes)); err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM access_token WHERE expires_at <= $1", ms(tokens)); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM refresh_family WHERE expires_at <= $1
			OR session_id NOT IN (SELECT id FROM session)`, ms(tokens))
		if err != nil {
			return err
		}
		_, err = tx.Exec("DELETE FROM refresh_token WHERE family_id NOT IN (SELECT id FROM refresh_family)")
		return err
	})
}

var _ grant.Store = (*DB)(nil)
