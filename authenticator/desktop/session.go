package desktop

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/godbus/dbus/v5"
)

const (
	loginName    = "org.freedesktop.login1"
	loginPath    = dbus.ObjectPath("/org/freedesktop/login1")
	loginManager = loginName + ".Manager"
	loginSession = loginName + ".Session"
)

// WatchSession calls away each time the person's screen is locked or the
// computer goes to sleep, until ctx ends; then it returns the error of ctx. Any
// other error says that nobody tells, or tells no longer. A nil bus means
// SystemBus.
func WatchSession(ctx context.Context, bus Bus, away func()) error {
	if bus == nil {
		bus = SystemBus
	}
	conn, err := bus(ctx)
	if err != nil {
		return fmt.Errorf("reaching the system: %w", err)
	}
	defer conn.Close()
	session, err := ownSession(ctx, conn)
	if err != nil {
		return err
	}
	asleep, stop, err := listen(ctx, conn, loginName, loginPath, loginManager)
	if err != nil {
		return fmt.Errorf("listening for sleep: %w", err)
	}
	defer stop()
	locked, stop2, err := listen(ctx, conn, loginName, session, loginSession)
	if err != nil {
		return fmt.Errorf("listening for the lock: %w", err)
	}
	defer stop2()
	for {
		var s *dbus.Signal
		var ok bool
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-conn.Context().Done():
			return errors.New("the connection to the system has ended")
		case s, ok = <-asleep.signals:
		case s, ok = <-locked.signals:
		}
		if !ok {
			return errors.New("the connection to the system has ended")
		}
		if asleep.sent(s) && leaves(s, session) {
			away()
		}
	}
}

// ownSession finds the session of this process, or, where it belongs to none,
// as a user's service does, the one at the screen.
func ownSession(ctx context.Context, conn *dbus.Conn) (path dbus.ObjectPath, err error) {
	manager := conn.Object(loginName, loginPath)
	if err := call(ctx, manager, loginManager+".GetSessionByPID", []any{uint32(os.Getpid())}, &path); err == nil {
		return path, nil
	}
	var user dbus.ObjectPath
	if err := call(ctx, manager, loginManager+".GetUser", []any{uint32(os.Getuid())}, &user); err != nil {
		return "", fmt.Errorf("finding the session: %w", err)
	}
	v, err := conn.Object(loginName, user).GetProperty(loginName + ".User.Display")
	if err != nil {
		return "", fmt.Errorf("finding the session: %w", err)
	}
	var display struct {
		ID   string
		Path dbus.ObjectPath
	}
	if err := dbus.Store([]any{v.Value()}, &display); err != nil || !display.Path.IsValid() || display.Path == "/" {
		return "", errors.New("finding the session: this user has none at a screen")
	}
	return display.Path, nil
}

// leaves reports whether a signal says that the person goes. Both channels may
// carry both interfaces' signals; a second word for the same lock does no harm.
func leaves(s *dbus.Signal, session dbus.ObjectPath) bool {
	switch {
	case s.Name == loginSession+".Lock" && s.Path == session:
		return true
	case s.Name == loginManager+".PrepareForSleep" && len(s.Body) == 1:
		going, ok := s.Body[0].(bool)
		return ok && going
	}
	return false
}
