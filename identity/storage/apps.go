package storage

import (
	"context"
	"database/sql"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/grant"
	"cardea/identity/session"
)

// toldEvents are the events that say that a client of a person ($1) was told
// who they are, since they last removed it.
const toldEvents = `FROM event AS told JOIN client ON client.id = told.client_id
	WHERE told.person_id = $1 AND told.outcome = '` + string(audit.Done) + `'
	AND told.kind IN ('` + string(audit.ClientSignIn) + `', '` + string(audit.NativeSignIn) + `')
	AND (client.native OR NOT client.first_party)
	AND told.id > COALESCE((SELECT MAX(gone.id) FROM event AS gone WHERE gone.person_id = $1
		AND gone.client_id = told.client_id AND gone.kind = '` + string(audit.AccessRemoved) + `'), '')`

// Told implements grant.Store.
func (db *DB) Told(ctx context.Context, user directory.UserID) ([]grant.Told, error) {
	rows, err := db.query(ctx, `SELECT client.id, client.name, client.native, MIN(told.at), MAX(told.at) `+toldEvents+`
		GROUP BY client.id, client.name, client.native`, string(user))
	return all(rows, err, func(r row) (grant.Told, error) {
		var t grant.Told
		var first, last int64
		err := r.Scan(&t.Client, &t.Name, &t.Native, &first, &last)
		t.First, t.Last = at(first), at(last)
		return t, err
	})
}

// Holdings implements grant.Store.
func (db *DB) Holdings(ctx context.Context, user directory.UserID, now time.Time) ([]grant.Holding, error) {
	rows, err := db.query(ctx, `
		SELECT client_id, session_id, scope, issued_at, expires_at, FALSE FROM auth_code
			WHERE person_id = $1 AND expires_at > $2 AND spent_at = 0
		UNION ALL SELECT client_id, session_id, scope, issued_at, expires_at, FALSE FROM access_token
			WHERE person_id = $1 AND expires_at > $2
		UNION ALL SELECT client_id, session_id, scope, issued_at, expires_at, TRUE FROM refresh_family
			WHERE person_id = $1 AND expires_at > $2`, string(user), ms(now))
	return all(rows, err, func(r row) (grant.Holding, error) {
		var h grant.Holding
		var scope string
		var issued, expires int64
		err := r.Scan(&h.Client, &h.SID, &scope, &issued, &expires, &h.Stays)
		h.Scope, h.Issued, h.Expires = grant.ParseScope(scope), at(issued), at(expires)
		return h, err
	})
}

// EndClient implements grant.Store.
func (db *DB) EndClient(ctx context.Context, user directory.UserID, client directory.ClientID, now time.Time) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		var told int
		err := tx.QueryRow("SELECT count(*) "+toldEvents+" AND told.client_id = $2", string(user), string(client)).Scan(&told)
		if err != nil {
			return err
		}
		if told == 0 {
			return grant.ErrNoApp
		}
		// Nobody else has a use for the session of a program that signed in
		// without a page.
		_, err = tx.Exec(`DELETE FROM session WHERE person_id = $1 AND acr = $3 AND id IN
			(SELECT session_id FROM refresh_family WHERE person_id = $1 AND client_id = $2
			UNION SELECT session_id FROM access_token WHERE person_id = $1 AND client_id = $2
			UNION SELECT session_id FROM auth_code WHERE person_id = $1 AND client_id = $2)`,
			string(user), string(client), session.ACRNative)
		if err != nil {
			return err
		}
		if err := endGrants(tx, "person_id = $1 AND client_id = $2", string(user), string(client)); err != nil {
			return err
		}
		return insertEvent(ctx, tx, audit.Event{
			Time: now, Kind: audit.AccessRemoved, UserID: user, Client: client, Outcome: audit.Done,
		})
	})
}

// endGrants deletes the codes, tokens and families of which a condition holds.
func endGrants(tx *sql.Tx, condition string, args ...any) error {
	for _, statement := range []string{
		"DELETE FROM auth_code WHERE " + condition,
		"DELETE FROM access_token WHERE " + condition,
		"DELETE FROM refresh_token WHERE family_id IN (SELECT id FROM refresh_family WHERE " + condition + ")",
		"DELETE FROM refresh_family WHERE " + condition,
	} {
		if _, err := tx.Exec(statement, args...); err != nil {
			return err
		}
	}
	return nil
}
