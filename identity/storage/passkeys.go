package storage

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/webauthn"
)

const passkeyColumns = `passkey.id, passkey.person_id, passkey.credential_id, passkey.name,
	passkey.public_key, passkey.aaguid, passkey.sign_count, passkey.flags, passkey.transports,
	passkey.attachment, passkey.attestation_format, passkey.attestation_type,
	passkey.attestation_object, passkey.client_data, passkey.client_data_hash,
	passkey.created_at, passkey.used_at, passkey.used_user_agent, passkey.used_address`

func scanPasskey(r row) (directory.Passkey, error) { return scanPasskeyAnd(r) }

// scanPasskeyAnd reads a passkey and, from the columns after it, rest.
func scanPasskeyAnd(r row, rest ...any) (directory.Passkey, error) {
	var p directory.Passkey
	var aaguid []byte
	var transports string
	var created, used int64
	err := r.Scan(append([]any{&p.ID, &p.UserID, (*[]byte)(&p.CredentialID), &p.Name,
		&p.PublicKey, &aaguid, &p.SignCount, &p.Flags, &transports,
		&p.Attachment, &p.AttestationFormat, &p.AttestationType,
		&p.AttestationObject, &p.ClientDataJSON, &p.ClientDataHash,
		&created, &used, &p.LastUsedFrom.UserAgent, &p.LastUsedFrom.Address}, rest...)...)
	if err != nil {
		return p, err
	}
	if p.AAGUID, err = aaguidOf(aaguid); err != nil {
		return p, fmt.Errorf("passkey %s: %w", p.ID, err)
	}
	p.Created, p.LastUsed = at(created), at(used)
	if p.Transports, err = fromList(transports); err != nil {
		return p, fmt.Errorf("passkey %s: transports: %w", p.ID, err)
	}
	return p, nil
}

// Passkeys implements directory.PasskeyStore.
func (db *DB) Passkeys(ctx context.Context, owner directory.UserID) ([]directory.Passkey, error) {
	rows, err := db.query(ctx, "SELECT "+passkeyColumns+
		" FROM passkey WHERE person_id = $1 ORDER BY created_at, id", string(owner))
	return all(rows, err, scanPasskey)
}

// EachPersonsPasskeys implements directory.PasskeyStore.
func (db *DB) EachPersonsPasskeys(ctx context.Context, f func(u directory.User, keys []directory.Passkey)) error {
	rows, err := db.query(ctx, `SELECT person.id, person.admin, passkey.aaguid, passkey.flags
		FROM passkey JOIN person ON person.id = passkey.person_id
		WHERE NOT person.disabled ORDER BY person.id`)
	if err != nil {
		return err
	}
	var u directory.User
	var keys []directory.Passkey
	tell := func() {
		if len(keys) > 0 {
			f(u, keys)
		}
		keys = nil
	}
	_, err = all(rows, nil, func(r row) (struct{}, error) {
		var next directory.User
		var k directory.Passkey
		var aaguid []byte
		if err := r.Scan(&next.ID, &next.Admin, &aaguid, &k.Flags); err != nil {
			return struct{}{}, err
		}
		var err error
		if k.AAGUID, err = aaguidOf(aaguid); err != nil {
			return struct{}{}, err
		}
		if next.ID != u.ID {
			tell()
		}
		u, keys = next, append(keys, k)
		return struct{}{}, nil
	})
	if err != nil {
		return err
	}
	tell()
	return nil
}

// Credential implements ceremony.Store.
func (db *DB) Credential(ctx context.Context, id webauthn.CredentialID) (directory.Passkey, directory.User, error) {
	var u directory.User
	var created int64
	p, err := scanPasskeyAnd(db.queryRow(ctx, "SELECT "+passkeyColumns+", "+personColumns+
		" FROM passkey JOIN person ON person.id = passkey.person_id WHERE credential_id = $1", []byte(id)),
		&u.ID, (*[]byte)(&u.Handle), &u.Username, &u.DisplayName, &u.Admin, &u.Disabled, &created, &u.Language)
	if p, err = one(p, err, directory.ErrNoPasskey); err != nil {
		return directory.Passkey{}, directory.User{}, err
	}
	u.Created = at(created)
	return p, u, nil
}

// insertPasskey never replaces a passkey: a credential ID that is known is
// refused, whoever it belongs to (WebAuthn §7.1 step 26). most is how many its
// person may then have.
func insertPasskey(tx *sql.Tx, p directory.Passkey, most int) error {
	var n int
	err := tx.QueryRow("SELECT count(*) FROM passkey WHERE person_id = $1", string(p.UserID)).Scan(&n)
	if err != nil {
		return err
	}
	if n >= most {
		return directory.ErrTooManyPasskeys
	}
	_, err = tx.Exec(`INSERT INTO passkey (id, person_id, credential_id, name, public_key, aaguid,
			sign_count, flags, transports, attachment, attestation_format, attestation_type,
			attestation_object, client_data, client_data_hash, created_at, used_at,
			used_user_agent, used_address)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		string(p.ID), string(p.UserID), []byte(p.CredentialID), p.Name, p.PublicKey, p.AAGUID[:],
		p.SignCount, int64(p.Flags), toList(p.Transports), p.Attachment, p.AttestationFormat, p.AttestationType,
		p.AttestationObject, p.ClientDataJSON, p.ClientDataHash, ms(p.Created), ms(p.LastUsed),
		p.LastUsedFrom.UserAgent, p.LastUsedFrom.Address)
	if violates(err, "passkey.credential_id") {
		return directory.ErrPasskeyExists
	}
	return err
}

// updatePasskey notes a use, if the passkey is still what it was verified as.
func updatePasskey(tx *sql.Tx, s ceremony.SignIn) error {
	err := exec(tx, ceremony.ErrPasskeyChanged,
		`UPDATE passkey SET sign_count = $2, flags = $3, used_at = $4, used_user_agent = $5, used_address = $6
		WHERE id = $1 AND sign_count = $7 AND flags = $8`,
		string(s.Was.ID), s.SignCount, int64(s.Flags), ms(s.Session.Created), s.From.UserAgent, s.From.Address,
		s.Was.SignCount, int64(s.Was.Flags))
	if err != ceremony.ErrPasskeyChanged {
		return err
	}
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM passkey WHERE id = $1", string(s.Was.ID)).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return directory.ErrNoPasskey
	}
	return err
}

// RenamePasskey implements directory.PasskeyStore.
func (db *DB) RenamePasskey(ctx context.Context, owner directory.UserID, id directory.PasskeyID, name string, c directory.Change) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		err := exec(tx, directory.ErrNoPasskey,
			"UPDATE passkey SET name = $3 WHERE id = $1 AND person_id = $2", string(id), string(owner), name)
		if err != nil {
			return err
		}
		return insertChange(ctx, tx, c)
	})
}

// DeletePasskey implements directory.PasskeyStore. The passkey's name goes into
// the record: it is the last thing that anybody will know of it.
func (db *DB) DeletePasskey(ctx context.Context, owner directory.UserID, id directory.PasskeyID, keep string, wayIn directory.WayIn, c directory.Change) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		c := c
		err := tx.QueryRow("DELETE FROM passkey WHERE id = $1 AND person_id = $2 RETURNING name",
			string(id), string(owner)).Scan(&c.Detail)
		if err == sql.ErrNoRows {
			return directory.ErrNoPasskey
		}
		if err != nil {
			return err
		}
		// Jobs run one after the other: what is counted here cannot be
		// deleted by another before this is committed.
		left, err := kindsOf(tx, owner)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(left, wayIn.Takes) {
			if err := otherWayIn(tx, owner, c); err != nil {
				return err
			}
		}
		_, err = tx.Exec("DELETE FROM session WHERE passkey_id = $1 AND person_id = $2 AND id <> $3",
			string(id), string(owner), keep)
		if err != nil {
			return err
		}
		return insertChange(ctx, tx, c)
	})
}

// kindsOf returns a person's passkeys with nothing but AAGUID and Flags.
func kindsOf(tx *sql.Tx, owner directory.UserID) ([]directory.Passkey, error) {
	rows, err := tx.Query("SELECT aaguid, flags FROM passkey WHERE person_id = $1", string(owner))
	return all(rows, err, func(r row) (k directory.Passkey, err error) {
		var aaguid []byte
		if err := r.Scan(&aaguid, &k.Flags); err != nil {
			return k, err
		}
		k.AAGUID, err = aaguidOf(aaguid)
		return k, err
	})
}

func aaguidOf(b []byte) (a webauthn.AAGUID, err error) {
	if len(b) != len(a) {
		return a, fmt.Errorf("AAGUID of %d bytes", len(b))
	}
	return webauthn.AAGUID(b), nil
}

// otherWayIn returns ErrLastWayIn unless somebody else than the owner makes the
// change c and the owner has an access pass that works: it was issued for this.
func otherWayIn(tx *sql.Tx, owner directory.UserID, c directory.Change) error {
	if c.By == owner {
		return directory.ErrLastWayIn
	}
	var passes int
	err := tx.QueryRow("SELECT count(*) FROM access_pass WHERE person_id = $1 AND used_at = 0 AND expires_at > $2",
		string(owner), ms(c.At)).Scan(&passes)
	if err == nil && passes == 0 {
		return directory.ErrLastWayIn
	}
	return err
}
