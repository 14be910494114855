package storage

import (
	"database/sql"
	"testing"
	"time"

	"cardea/identity/directory"
	"cardea/identity/session"
)

// seedSessions stores n sessions of one person and returns the token of one.
func seedSessions(t testing.TB, db *DB, n int) (token string) {
	t.Helper()
	u, err := directory.NewUser{Username: "maia", DisplayName: "Maia"}.Make(time.UnixMilli(1))
	if err != nil {
		t.Fatal(err)
	}
	err = db.write(t.Context(), func(tx *sql.Tx) error {
		if err := insertPerson(tx, u); err != nil {
			return err
		}
		for range n {
			var s session.Session
			s, token = session.Begin(time.UnixMilli(1_790_000_000_000), u.ID, "passkey", directory.From{UserAgent: "Mozilla/5.0"})
			if err := beginSession(tx, s, session.HashToken(token), session.TokenHash{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}
