package storage

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"cardea/identity/directory"
)

// seedPeople stores n people, with none, one or two passkeys.
func seedPeople(t testing.TB, db *DB, n int) {
	t.Helper()
	err := db.write(t.Context(), func(tx *sql.Tx) error {
		for i := range n {
			u, err := directory.NewUser{Username: fmt.Sprintf("p%05d", i), DisplayName: fmt.Sprintf("Pérson %05d", i)}.Make(time.UnixMilli(1))
			if err != nil {
				return err
			}
			if err := insertPerson(tx, u); err != nil {
				return err
			}
			for j := range i % 3 {
				id := fmt.Sprintf("%d-%d", i, j)
				_, err := tx.Exec(`INSERT INTO passkey (id, person_id, credential_id, name, public_key, aaguid, sign_count, flags,
						transports, attachment, attestation_format, attestation_type, attestation_object, client_data,
						client_data_hash, created_at, used_at, used_user_agent, used_address)
					VALUES ($1, $2, $3, 'Key', $4, $5, 0, 0, '[]', '', 'none', 'none', $4, $4, $4, 1, $6, '', '')`,
					id, string(u.ID), []byte(id), make([]byte, 300), make([]byte, 16), i)
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The page of people, as it is and as it would be with a look-up for each.
func BenchmarkTenThousandPeople(b *testing.B) {
	db, err := Open(b.Context(), filepath.Join(b.TempDir(), "cardea.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	seedPeople(b, db, 10_000)
	for name, l := range map[string]directory.Listing{
		"first page": {Limit: 101}, "last page": {Limit: 101, After: "p09898"}, "one by name": {Limit: 101, Name: "person 09999"}, "nobody by name": {Limit: 101, Name: "zoe"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := db.List(b.Context(), l); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("readiness", func(b *testing.B) {
		for b.Loop() {
			r, err := db.Readiness(b.Context())
			if err != nil || r.People() != 10_000 {
				b.Fatal(r, err)
			}
		}
	})
	b.Run("one look-up for each", func(b *testing.B) {
		for b.Loop() {
			users, err := db.Users(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			for _, u := range users {
				if _, err := db.Passkeys(b.Context(), u.ID); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
