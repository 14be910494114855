package desktop

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/godbus/dbus/v5"
)

// python-dbusmock is logind as others understand it. Its 0.28.7 has no template
// for fprintd, so the reader is tested with a fake of our own alone.
func TestLockIsHeardFromDbusmocksLogind(t *testing.T) {
	const python = "/usr/bin/python3"
	if exec.Command(python, "-c", "import dbusmock").Run() != nil {
		t.Skip("python3-dbusmock is not installed: this test is with a logind that others wrote")
	}
	address := busAddress(t)
	mock := exec.Command(python, "-m", "dbusmock", "--system", "--template", "logind")
	mock.Env = append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS="+address)
	if err := mock.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mock.Process.Kill(); mock.Wait() })
	bus := busAt(address)
	conn := own(t, bus, "")
	manager := conn.Object(loginName, loginPath)
	add := func() error {
		return manager.Call("org.freedesktop.DBus.Mock.AddSession", 0, "c1", "seat0", uint32(os.Getuid()), "ana", true).Err
	}
	until(t, "dbusmock is there", func() bool { return add() == nil })
	// Its own GetSessionByPID is broken in 0.28.7.
	err := manager.Call("org.freedesktop.DBus.Mock.AddMethod", 0, loginManager, "GetSessionByPID", "u", "o",
		"ret = dbus.ObjectPath('/org/freedesktop/login1/session/c1')").Err
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	gone, done := make(chan struct{}, 64), make(chan error, 1)
	go func() { done <- WatchSession(ctx, bus, func() { gone <- struct{}{} }) }()
	until(t, "sleep is heard", func() bool {
		err := manager.Call("org.freedesktop.DBus.Mock.EmitSignal", 0, loginManager, "PrepareForSleep", "b", []dbus.Variant{dbus.MakeVariant(true)}).Err
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-gone:
			return true
		case err := <-done:
			t.Fatal(err)
		default:
		}
		return false
	})
	session := conn.Object(loginName, "/org/freedesktop/login1/session/c1")
	hint := func(locked bool) {
		changed := map[string]dbus.Variant{lockedHint: dbus.MakeVariant(locked)}
		if err := session.Call("org.freedesktop.DBus.Mock.UpdateProperties", 0, loginSession, changed).Err; err != nil {
			t.Fatal(err)
		}
	}
	hint(false)
	drain(t, conn, gone)
	hint(true)
	waitAway(t, gone, done)
}
