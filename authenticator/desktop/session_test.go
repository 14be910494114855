package desktop

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
)

const (
	fakeSession dbus.ObjectPath = "/org/freedesktop/login1/session/_32"
	fakeUser    dbus.ObjectPath = "/org/freedesktop/login1/user/_1000"
)

// A fakeLogind has one session. It belongs to this process, or, if it does not,
// is the one at the user's screen.
type fakeLogind struct{ service bool }

func (f fakeLogind) GetSessionByPID(uint32) (dbus.ObjectPath, *dbus.Error) {
	if f.service {
		return "", dbus.NewError("org.freedesktop.login1.NoSessionForPID", nil)
	}
	return fakeSession, nil
}

func (f fakeLogind) GetUser(uint32) (dbus.ObjectPath, *dbus.Error) { return fakeUser, nil }

func startLogind(t *testing.T, bus Bus, service bool) *dbus.Conn {
	t.Helper()
	conn, _ := startLogindOf(t, bus, service, false)
	return conn
}

// startLogindOf starts one whose screen is locked or not. Its hint can be set.
func startLogindOf(t *testing.T, bus Bus, service, locked bool) (*dbus.Conn, *prop.Properties) {
	t.Helper()
	conn := own(t, bus, "")
	export(t, conn, fakeLogind{service}, loginPath, loginManager)
	hint, err := prop.Export(conn, fakeSession, prop.Map{loginSession: {lockedHint: {Value: locked, Emit: prop.EmitTrue}}})
	if err != nil {
		t.Fatal(err)
	}
	type display struct {
		ID   string
		Path dbus.ObjectPath
	}
	_, err = prop.Export(conn, fakeUser, prop.Map{loginName + ".User": {"Display": {Value: display{"2", fakeSession}}}})
	if err != nil {
		t.Fatal(err)
	}
	takeName(t, conn, loginName)
	return conn, hint
}

func TestLockAndSleepAreHeard(t *testing.T) {
	t.Parallel()
	for name, service := range map[string]bool{"in the session": false, "as a user's service": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bus := startBus(t)
			logind := startLogind(t, bus, service)
			forger := own(t, bus, "")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			gone, done := make(chan struct{}, 8), make(chan error, 1)
			go func() { done <- WatchSession(ctx, bus, func() { gone <- struct{}{} }) }()
			for heard := false; !heard; { // until it listens
				emit(t, logind, fakeSession, loginSession+".Lock")
				if err := logind.BusObject().Call("org.freedesktop.DBus.GetId", 0).Err; err != nil {
					t.Fatal(err)
				}
				select {
				case <-gone:
					heard = true
				case err := <-done:
					t.Fatal(err)
				default:
				}
			}
			emit(t, forger, fakeSession, loginSession+".Lock")
			emit(t, logind, loginPath, loginManager+".PrepareForSleep", false)
			emit(t, logind, "/org/freedesktop/login1/session/_33", loginSession+".Lock")
			emit(t, logind, loginPath, loginManager+".PrepareForSleep", true)
			select {
			case <-gone:
			case err := <-done:
				t.Fatal(err)
			}
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("WatchSession = %v, want context.Canceled", err)
			}
		})
	}
}

// watch watches the session until the test ends.
func watch(t *testing.T, bus Bus) (gone <-chan struct{}, done <-chan error) {
	away, over := make(chan struct{}, 64), make(chan error, 1)
	go func() { over <- WatchSession(t.Context(), bus, func() { away <- struct{}{} }) }()
	return away, over
}

// GNOME and KDE lock by themselves at a key or after a while: no Lock is sent
// then, and only the hint changes.
func TestScreenThatLocksByItselfIsHeard(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	logind, hint := startLogindOf(t, bus, false, false)
	gone, done := watch(t, bus)
	locks := func() bool {
		hint.SetMust(loginSession, lockedHint, true)
		return heard(t, logind, gone, done)
	}
	until(t, "it listens", locks)
	drain(t, logind, gone)
	hint.SetMust(loginSession, lockedHint, false)
	other := map[string]dbus.Variant{"IdleHint": dbus.MakeVariant(true)}
	emit(t, logind, fakeSession, properties+".PropertiesChanged", loginSession, other, []string{})
	forger, lie := own(t, bus, ""), map[string]dbus.Variant{lockedHint: dbus.MakeVariant(true)}
	emit(t, forger, fakeSession, properties+".PropertiesChanged", loginSession, lie, []string{})
	if heard(t, logind, gone, done) || heard(t, forger, gone, done) {
		t.Error("away without a lock")
	}
	hint.SetMust(loginSession, lockedHint, true)
	waitAway(t, gone, done)
}

func TestScreenThatIsLockedAtTheStartIsSeen(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	startLogindOf(t, bus, true, true)
	gone, done := watch(t, bus)
	waitAway(t, gone, done)
}

func TestLogindIsHeardAfterItsRestart(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	logind := startLogind(t, bus, false)
	gone, done := watch(t, bus)
	until(t, "it listens", func() bool {
		emit(t, logind, fakeSession, loginSession+".Lock")
		return heard(t, logind, gone, done)
	})
	drain(t, logind, gone)
	logind.Close()
	logind, _ = startLogindOf(t, bus, false, true)
	waitAway(t, gone, done) // locked while logind was away
	drain(t, logind, gone)
	emit(t, logind, loginPath, loginManager+".PrepareForSleep", true)
	waitAway(t, gone, done)
}

// waitAway waits until the person has gone.
func waitAway(t *testing.T, gone <-chan struct{}, done <-chan error) {
	t.Helper()
	select {
	case <-gone:
	case err := <-done:
		t.Fatal(err)
	case <-time.After(20 * time.Second):
		t.Fatal("nobody heard that the person went")
	}
}

// heard reports whether what by sent was heard within what a bus needs at most,
// where it is idle.
func heard(t *testing.T, by *dbus.Conn, gone <-chan struct{}, done <-chan error) bool {
	t.Helper()
	if err := by.BusObject().Call("org.freedesktop.DBus.GetId", 0).Err; err != nil {
		t.Fatal(err)
	}
	select {
	case <-gone:
		return true
	case err := <-done:
		t.Fatal(err)
	case <-time.After(50 * time.Millisecond):
	}
	return false
}

// drain takes what is still on its way.
func drain(t *testing.T, by *dbus.Conn, gone <-chan struct{}) {
	t.Helper()
	for heard(t, by, gone, nil) {
	}
}

func TestSystemWithoutLogindIsAnError(t *testing.T) {
	t.Parallel()
	if err := WatchSession(t.Context(), startBus(t), func() { t.Error("away") }); err == nil {
		t.Error("WatchSession = nil, want an error")
	}
}
