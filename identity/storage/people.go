package storage

import (
	"context"
	"database/sql"

	"cardea/identity/directory"
)

const personColumns = `person.id, person.handle, person.username, person.display_name,
	person.admin, person.disabled, person.created_at, person.language`

func scanPerson(r row) (directory.User, error) {
	var u directory.User
	var created int64
	err := r.Scan(&u.ID, (*[]byte)(&u.Handle), &u.Username, &u.DisplayName, &u.Admin, &u.Disabled, &created, &u.Language)
	u.Created = at(created)
	return u, err
}

func (db *DB) person(ctx context.Context, where string, arg any) (directory.User, error) {
	u, err := scanPerson(db.queryRow(ctx,
		"SELECT "+personColumns+" FROM person WHERE "+where+" = $1", arg))
	return one(u, err, directory.ErrNoUser)
}

// User implements directory.UserStore.
func (db *DB) User(ctx context.Context, id directory.UserID) (directory.User, error) {
	return db.person(ctx, "id", string(id))
}

// UserByName implements directory.UserStore.
func (db *DB) UserByName(ctx context.Context, username string) (directory.User, error) {
	return db.person(ctx, "username", username)
}

// UserByHandle implements directory.UserStore.
func (db *DB) UserByHandle(ctx context.Context, handle []byte) (directory.User, error) {
	return db.person(ctx, "handle", handle)
}

// Users implements directory.UserStore.
func (db *DB) Users(ctx context.Context) ([]directory.User, error) {
	rows, err := db.query(ctx, "SELECT "+personColumns+" FROM person ORDER BY username")
	return all(rows, err, scanPerson)
}

// AddUser implements directory.UserStore.
func (db *DB) AddUser(ctx context.Context, u directory.User, c directory.Change) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		if err := insertPerson(tx, u); err != nil {
			return err
		}
		return insertChange(ctx, tx, c)
	})
}

func insertPerson(tx *sql.Tx, u directory.User) error {
	_, err := tx.Exec(`INSERT INTO person (id, handle, username, display_name, admin, disabled, created_at, language)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		string(u.ID), []byte(u.Handle), u.Username, u.DisplayName, u.Admin, u.Disabled, ms(u.Created), u.Language)
	if violates(err, "person.username") {
		return directory.ErrNameTaken
	}
	return err
}

// SetDisabled implements directory.UserStore.
func (db *DB) SetDisabled(ctx context.Context, id directory.UserID, disabled bool, c directory.Change) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		err := exec(tx, directory.ErrNoUser,
			"UPDATE person SET disabled = $2 WHERE id = $1", string(id), disabled)
		if err != nil {
			return err
		}
		if disabled {
			if err := shutOut(tx, id); err != nil {
				return err
			}
		}
		return insertChange(ctx, tx, c)
	})
}

// SetDisplayName implements directory.UserStore.
func (db *DB) SetDisplayName(ctx context.Context, id directory.UserID, name string, c directory.Change) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		err := exec(tx, directory.ErrNoUser, "UPDATE person SET display_name = $2 WHERE id = $1", string(id), name)
		if err != nil {
			return err
		}
		return insertChange(ctx, tx, c)
	})
}

// SetLanguage implements directory.UserStore.
func (db *DB) SetLanguage(ctx context.Context, id directory.UserID, language string) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		return exec(tx, directory.ErrNoUser, "UPDATE person SET language = $2 WHERE id = $1", string(id), language)
	})
}

// shutOut ends the sessions of a person who has just been disabled, unless
// nobody would be left who could undo it.
func shutOut(tx *sql.Tx, id directory.UserID) error {
	var admins int
	err := tx.QueryRow("SELECT count(*) FROM person WHERE admin AND NOT disabled").Scan(&admins)
	if err != nil {
		return err
	}
	if admins == 0 {
		return directory.ErrLastAdmin
	}
	_, err = tx.Exec("DELETE FROM session WHERE person_id = $1", string(id))
	return err
}

// enabled returns missing unless there is such a person and they may sign in.
func enabled(tx *sql.Tx, id directory.UserID, missing error) error {
	var disabled bool
	err := tx.QueryRow("SELECT disabled FROM person WHERE id = $1", string(id)).Scan(&disabled)
	if err == sql.ErrNoRows || err == nil && disabled {
		return missing
	}
	return err
}

// nobody returns ErrSetUp if there is anybody.
func nobody(tx *sql.Tx) error {
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM person").Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return directory.ErrSetUp
	}
	return nil
}
