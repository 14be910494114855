package storage

import (
	"context"
	"database/sql"

	"cardea/identity/provider"
)

// SigningKeys implements provider.KeyStore.
func (db *DB) SigningKeys(ctx context.Context) ([]provider.StoredKey, error) {
	rows, err := db.rdb.QueryContext(ctx,
		"SELECT id, public_key, sealed, created_at FROM signing_key ORDER BY created_at DESC, id")
	return all(rows, err, func(r row) (provider.StoredKey, error) {
		var k provider.StoredKey
		var created int64
		err := r.Scan(&k.ID, &k.Public, &k.Sealed, &created)
		k.Created = at(created)
		return k, err
	})
}

// AddSigningKey implements provider.KeyStore.
func (db *DB) AddSigningKey(ctx context.Context, k provider.StoredKey) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO signing_key (id, public_key, sealed, created_at) VALUES ($1, $2, $3, $4)",
			k.ID, k.Public, k.Sealed, ms(k.Created))
		return err
	})
}

var _ provider.KeyStore = (*DB)(nil)
