package desktop

import (
	"context"
	"errors"
	"testing"

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
	conn := own(t, bus, loginName)
	export(t, conn, fakeLogind{service}, loginPath, loginManager)
	type display struct {
		ID   string
		Path dbus.ObjectPath
	}
	_, err := prop.Export(conn, fakeUser, prop.Map{loginName + ".User": {"Display": {Value: display{"2", fakeSession}}}})
	if err != nil {
		t.Fatal(err)
	}
	return conn
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

func TestSystemWithoutLogindIsAnError(t *testing.T) {
	t.Parallel()
	if err := WatchSession(t.Context(), startBus(t), func() { t.Error("away") }); err == nil {
		t.Error("WatchSession = nil, want an error")
	}
}
