package vault

import (
	"testing"
	"testing/synctest"
	"time"

	"cardea/authenticator/vault/vaulttest"
)

func TestAnUnusedVaultLocksItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := create(t)
		locked := make(chan time.Time, 9)
		stop := v.OnLock(func() { locked <- time.Now() })
		p := vaulttest.NewPasskey(1, "example.org", "ana")
		v.LockAfter(time.Minute)
		for what, use := range map[string]func() error{
			"Save": func() error { return v.Save(t.Context(), p) },
			"Use": func() error {
				_, err := v.Use(t.Context(), p.ID, p.CreatedAt)
				return err
			},
			"Unlock": func() error { return v.Unlock(t.Context(), rightPIN) },
		} {
			if err := v.Save(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			time.Sleep(40 * time.Second)
			if err := use(); err != nil {
				t.Errorf("%s = %v", what, err)
			}
			time.Sleep(40 * time.Second)
			if v.Locked() {
				t.Errorf("locked 40 s after %s", what)
			}
		}
		used := time.Now().Add(-40 * time.Second)
		time.Sleep(21 * time.Second)
		synctest.Wait()
		if got := (<-locked).Sub(used); !v.Locked() || got != time.Minute {
			t.Errorf("locked %v, after %v; want a minute", v.Locked(), got)
		}
		if len(locked) != 0 {
			t.Error("told twice")
		}
		// The same once more after the next unlock, and not a third time.
		check(t, v.Unlock(t.Context(), rightPIN))
		time.Sleep(61 * time.Second)
		synctest.Wait()
		stop()
		check(t, v.Unlock(t.Context(), rightPIN))
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if !v.Locked() || len(locked) != 1 {
			t.Errorf("locked %v, told %d times, want once", v.Locked(), len(locked))
		}
		v.Close()
	})
}

// Programs look without anybody there, as each getInfo does: a vault that they
// could keep open would never lock.
func TestLookingIsNoUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := create(t)
		p := vaulttest.NewPasskey(1, "example.org", "ana")
		for what, look := range map[string]func() error{
			"Find": func() error {
				_, err := v.Find(t.Context(), p.ID)
				return err
			},
			"Passkeys": func() error {
				_, err := v.Passkeys(t.Context(), "")
				return err
			},
			"Note": func() error {
				_, err := v.Note(t.Context(), "identity")
				return err
			},
			"Use without a person": func() error {
				_, err := v.Use(t.Context(), p.ID, time.Time{})
				return err
			},
		} {
			check(t, v.Unlock(t.Context(), rightPIN))
			v.LockAfter(time.Minute)
			check(t, v.Save(t.Context(), p))
			for range 5 {
				time.Sleep(11 * time.Second)
				check(t, look())
			}
			time.Sleep(6 * time.Second)
			synctest.Wait()
			if !v.Locked() {
				t.Errorf("%s keeps the vault open", what)
			}
		}
		v.Close()
	})
}

func TestLockingByHandIsToldToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := create(t)
		told := 0
		v.OnLock(func() { told++ })
		v.Lock()
		v.Lock()
		synctest.Wait()
		if told != 1 {
			t.Errorf("told %d times, want once", told)
		}
		v.Close()
	})
}

func TestZeroIsNever(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := create(t)
		v.LockAfter(time.Minute)
		v.LockAfter(0)
		time.Sleep(1000 * time.Hour)
		if v.Locked() {
			t.Error("locked")
		}
		open := createOpen(t)
		open.LockAfter(time.Minute)
		time.Sleep(time.Hour)
		if open.Locked() {
			t.Error("locked what has no secret")
		}
		check(t, open.SetPINHash(t.Context(), proofOf(PIN, rightPIN), 4, nil))
		if open.Locked() {
			t.Error("locked as soon as it had a PIN")
		}
		time.Sleep(2 * time.Minute)
		if !open.Locked() {
			t.Error("not locked after it has a PIN")
		}
		v.Close()
		open.Close()
	})
}

// A timer does not run while the computer sleeps, the clock on the wall does.
func TestTimeAsleepCounts(t *testing.T) {
	t.Parallel()
	v := create(t)
	v.LockAfter(time.Hour)
	v.idle.mu.Lock()
	v.idle.last = time.Now().Add(-2 * time.Hour)
	v.idle.mu.Unlock()
	if _, err := v.Passkeys(t.Context(), ""); err == nil || !v.Locked() {
		t.Errorf("Passkeys = %v, locked %v", err, v.Locked())
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
