package storage

import (
	"context"
	"database/sql"

	"cardea/internal/secret"
)

const secretSize = 32

// Secret implements directory.Secrets.
func (db *DB) Secret(ctx context.Context, name string) (secret.Key, error) {
	var value []byte
	err := db.queryRow(ctx, "SELECT value FROM secret WHERE name = $1", name).Scan(&value)
	if err == sql.ErrNoRows {
		err = db.write(ctx, func(tx *sql.Tx) error {
			// Of two who make it at once the first wins, and both get it.
			_, err := tx.Exec("INSERT INTO secret (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
				name, secret.Random(secretSize).Expose())
			if err != nil {
				return err
			}
			return tx.QueryRow("SELECT value FROM secret WHERE name = $1", name).Scan(&value)
		})
	}
	if err != nil {
		return secret.Key{}, err
	}
	return secret.New(value), nil
}
