package storage

import (
	"bytes"
	"context"
	"database/sql"
	"time"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
)

// PutAccessPass implements directory.PassStore.
func (db *DB) PutAccessPass(ctx context.Context, p directory.AccessPass, code, name directory.CodeHash, c directory.Change) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO access_pass (person_id, code_hash, issued_by, issued_at, expires_at, used_at)
			VALUES ($1, $2, $3, $4, $5, 0)
			ON CONFLICT (person_id) DO UPDATE SET code_hash = $2, issued_by = $3, issued_at = $4,
				expires_at = $5, used_at = 0`,
			string(p.UserID), code[:], string(p.IssuedBy), ms(p.Issued), ms(p.Expires))
		if err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM pass_try WHERE name = $1", name[:]); err != nil {
			return err
		}
		return insertChange(ctx, tx, c)
	})
}

// AccessPass implements directory.PassStore.
func (db *DB) AccessPass(ctx context.Context, id directory.UserID) (directory.AccessPass, error) {
	p := directory.AccessPass{UserID: id}
	var issued, expires, used int64
	err := db.queryRow(ctx,
		"SELECT issued_by, issued_at, expires_at, used_at FROM access_pass WHERE person_id = $1",
		string(id)).Scan(&p.IssuedBy, &issued, &expires, &used)
	p.Issued, p.Expires, p.Used = at(issued), at(expires), at(used)
	return one(p, err, directory.ErrNoPass)
}

// Redeem implements ceremony.Store. Only trouble with the database is an
// error; a try that came to nothing is a result, and is committed.
func (db *DB) Redeem(ctx context.Context, r ceremony.Redemption) (result ceremony.PassResult, err error) {
	err = db.write(ctx, func(tx *sql.Tx) error {
		var silent bool
		if result, silent, err = tryPass(tx, r); err != nil || silent {
			return err
		}
		e := r.Event
		e.Outcome, e.Reason = audit.Done, ""
		if result != ceremony.PassAccepted {
			e.Outcome, e.Reason = audit.Refused, string(result)
			return insertEvent(ctx, tx, e)
		}
		if err := beginSession(tx, r.Session, r.Token, r.Ends); err != nil {
			return err
		}
		return insertEvent(ctx, tx, e)
	})
	return result, err
}

// tryPass tries a code. silent is true where guessing is over and its first try
// afterwards has been recorded: the rest would only fill the record.
func tryPass(tx *sql.Tx, r ceremony.Redemption) (result ceremony.PassResult, silent bool, err error) {
	// What is too old to count is forgotten, for everybody.
	if _, err := tx.Exec("DELETE FROM pass_try WHERE since <= $1", ms(r.Now.Add(-directory.PassTryWindow))); err != nil {
		return "", false, err
	}
	for _, count := range []struct {
		guesser directory.CodeHash
		most    int
	}{{r.Guesser, r.Tries}, {r.Name, r.NameTries}} {
		tries, err := passTries(tx, count.guesser)
		if err != nil {
			return "", false, err
		}
		if tries > count.most {
			return ceremony.PassLocked, true, nil
		}
		if tries == count.most {
			return ceremony.PassLocked, false, countPassTry(tx, count.guesser, r)
		}
	}
	result, err = spendPass(tx, r)
	// Who knows the code is not guessing, even if it is of no use any more.
	if err != nil || result != ceremony.PassWrong {
		return result, false, err
	}
	if err := countPassTry(tx, r.Guesser, r); err != nil {
		return "", false, err
	}
	return result, false, countPassTry(tx, r.Name, r)
}

// spendPass uses the pass up if code is its code and it can be used.
func spendPass(tx *sql.Tx, r ceremony.Redemption) (ceremony.PassResult, error) {
	var code []byte
	var p directory.AccessPass
	var expires, used int64
	var disabled bool
	err := tx.QueryRow(`SELECT code_hash, expires_at, used_at, disabled FROM access_pass
		JOIN person ON person.id = person_id WHERE person_id = $1`, string(r.User)).
		Scan(&code, &expires, &used, &disabled)
	if err == sql.ErrNoRows || err == nil && !bytes.Equal(code, r.Code[:]) {
		return ceremony.PassWrong, nil
	}
	if err != nil {
		return "", err
	}
	p.Expires, p.Used = at(expires), at(used)
	switch {
	case disabled:
		return ceremony.PassDisabled, nil
	case !p.Used.IsZero():
		return ceremony.PassSpent, nil
	case !p.Live(r.Now):
		return ceremony.PassExpired, nil
	}
	return ceremony.PassAccepted, exec(tx, ceremony.ErrSpent,
		"UPDATE access_pass SET used_at = $2 WHERE person_id = $1 AND used_at = 0", string(r.User), ms(r.Now))
}

func passTries(tx *sql.Tx, guesser directory.CodeHash) (tries int, err error) {
	err = tx.QueryRow("SELECT tries FROM pass_try WHERE guesser = $1", guesser[:]).Scan(&tries)
	if err == sql.ErrNoRows {
		return 0, nil
	}
	return tries, err
}

func countPassTry(tx *sql.Tx, guesser directory.CodeHash, r ceremony.Redemption) error {
	_, err := tx.Exec(`INSERT INTO pass_try (guesser, name, tries, since) VALUES ($1, $2, 1, $3)
		ON CONFLICT (guesser) DO UPDATE SET tries = pass_try.tries + 1`, guesser[:], r.Name[:], ms(r.Now))
	return err
}

// PutSetupCode implements directory.PassStore.
func (db *DB) PutSetupCode(ctx context.Context, code directory.CodeHash, expires time.Time, c directory.Change) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		if err := nobody(tx); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO setup_code (id, code_hash, expires_at) VALUES (1, $1, $2)
			ON CONFLICT (id) DO UPDATE SET code_hash = $1, expires_at = $2`, code[:], ms(expires))
		if err != nil {
			return err
		}
		return insertChange(ctx, tx, c)
	})
}

// CheckSetupCode implements directory.PassStore. One statement: between two, a
// setup could be finished, and its code would seem wrong.
func (db *DB) CheckSetupCode(ctx context.Context, code directory.CodeHash, now time.Time) error {
	var people, codes int
	err := db.queryRow(ctx, `SELECT (SELECT count(*) FROM person),
		(SELECT count(*) FROM setup_code WHERE code_hash = $1 AND expires_at > $2)`, code[:], ms(now)).
		Scan(&people, &codes)
	switch {
	case err != nil:
		return err
	case people > 0:
		return directory.ErrSetUp
	case codes == 0:
		return directory.ErrSetupCode
	}
	return nil
}
