package storage

import (
	"context"
	"database/sql"
	"fmt"

	"cardea/identity/directory"
)

// Client implements directory.ClientStore.
func (db *DB) Client(ctx context.Context, id directory.ClientID) (directory.Client, error) {
	c := directory.Client{ID: id}
	var uris string
	err := db.queryRow(ctx,
		"SELECT name, redirect_uris, public, first_party, native FROM client WHERE id = $1", string(id)).
		Scan(&c.Name, &uris, &c.Public, &c.FirstParty, &c.Native)
	if c, err = one(c, err, directory.ErrNoClient); err != nil {
		return c, err
	}
	if c.RedirectURIs, err = fromList(uris); err != nil {
		return directory.Client{}, fmt.Errorf("client %s: redirect URIs: %w", id, err)
	}
	return c, nil
}

// PutClient implements directory.ClientStore.
func (db *DB) PutClient(ctx context.Context, c directory.Client) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO client (id, name, redirect_uris, public, first_party, native)
			VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET name = $2, redirect_uris = $3, public = $4, first_party = $5, native = $6`,
			string(c.ID), c.Name, toList(c.RedirectURIs), c.Public, c.FirstParty, c.Native)
		return err
	})
}
