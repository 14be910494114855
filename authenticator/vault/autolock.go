package vault

import (
	"slices"
	"sync"
	"time"
)

// idle sees that a vault which nobody uses is locked.
type idle struct {
	mu        sync.Mutex
	after     time.Duration // zero: never
	last      time.Time     // last use
	timer     *time.Timer   // nil while there is nothing to wait for
	listeners []*func()
}

// LockAfter locks the vault when it has not been used for d, from now on. Zero
// is never, and so it is at first. Uses are what changes passkeys, notes and
// settings, signatures that a person agreed to, and a right secret. Reading is
// none: programs read without anybody there, and one that looks in now and then
// would keep the vault open for good. The time that the computer was asleep
// counts.
func (v *Vault) LockAfter(d time.Duration) {
	v.idle.mu.Lock()
	defer v.idle.mu.Unlock()
	v.idle.after = d
	v.idle.last = time.Now()
	v.idle.stop()
	v.watch()
}

// OnLock calls f after each time that the vault was locked, whoever locked it,
// until stop is called; not for Close. f runs in a goroutine of its own and may
// use the vault, but not close it.
func (v *Vault) OnLock(f func()) (stop func()) {
	v.idle.mu.Lock()
	defer v.idle.mu.Unlock()
	v.idle.listeners = append(v.idle.listeners, &f)
	return func() {
		v.idle.mu.Lock()
		defer v.idle.mu.Unlock()
		v.idle.listeners = slices.DeleteFunc(v.idle.listeners, func(o *func()) bool { return o == &f })
	}
}

// used notes that the vault is in use, unless it has not been for so long that
// it should be locked: then it is locked first, whether or not the timer has
// come to it, for timers sleep when the computer does.
func (v *Vault) used() {
	if !v.lockIfExpired() {
		v.begun()
	}
}

func (v *Vault) lockIfExpired() bool {
	v.idle.mu.Lock()
	expired := v.idle.expired(time.Now())
	v.idle.mu.Unlock()
	if expired {
		v.Lock()
	}
	return expired
}

// begun is used for one who has just unlocked.
func (v *Vault) begun() {
	v.idle.mu.Lock()
	defer v.idle.mu.Unlock()
	v.idle.last = time.Now()
	v.watch()
}

// watch starts the timer if it is wanted and not running. The caller holds
// idle.mu.
func (v *Vault) watch() {
	if v.idle.after > 0 && v.idle.timer == nil {
		v.idle.timer = time.AfterFunc(v.idle.after, v.lockIfIdle)
	}
}

// lockIfIdle is what the timer does. It runs once in each idle time and not
// with each use, so that a use costs no more than a look at the clock.
func (v *Vault) lockIfIdle() {
	v.idle.mu.Lock()
	if v.idle.timer == nil {
		v.idle.mu.Unlock()
		return // stopped meanwhile
	}
	now := time.Now()
	if !v.idle.expired(now) {
		v.idle.timer.Reset(v.idle.after - now.Sub(v.idle.last))
		v.idle.mu.Unlock()
		return
	}
	v.idle.timer = nil
	v.idle.mu.Unlock()
	v.Lock()
}

// expired asks both clocks: the one that stops while the computer sleeps, and
// the one on the wall, which somebody may set.
func (i *idle) expired(now time.Time) bool {
	return i.after > 0 && i.timer != nil &&
		(now.Sub(i.last) >= i.after || now.Round(0).Sub(i.last.Round(0)) >= i.after)
}

// stop forgets the timer. The caller holds mu.
func (i *idle) stop() {
	if i.timer != nil {
		i.timer.Stop()
		i.timer = nil
	}
}

// tellLocked tells the listeners, each in a goroutine that Close waits for: who
// locks may hold what they need. A timer that still runs finds nothing to do.
func (v *Vault) tellLocked() {
	v.idle.mu.Lock()
	defer v.idle.mu.Unlock()
	for _, f := range v.idle.listeners {
		v.background.Go(*f)
	}
}
