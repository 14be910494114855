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
	lockedHint   = "LockedHint"
	properties   = "org.freedesktop.DBus.Properties"
)

// WatchSession calls away each time the person's screen is locked or the
// computer goes to sleep, and at once if the screen is locked already, until ctx
// ends; then it returns the error of ctx. Any other error says that nobody
// tells, or tells no longer. A nil bus means SystemBus.
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
	login, stop, err := listen(ctx, conn, loginName,
		place{loginPath, loginManager}, place{session, loginSession}, place{session, properties})
	if err != nil {
		return fmt.Errorf("listening for the lock and for sleep: %w", err)
	}
	defer stop()
	if lockedNow(ctx, conn, session) {
		away()
	}
	for {
		var s *dbus.Signal
		var ok bool
		select {
		case <-ctx.Done():
		case <-conn.Context().Done():
		case s, ok = <-login.signals:
		}
		switch {
		case ctx.Err() != nil: // which ends the connection too
			return ctx.Err()
		case !ok:
			return errors.New("the connection to the system has ended")
		}
		if owner, handed := login.handed(s); handed {
			// logind was restarted. Nothing was agreed with the old one, so the
			// new one is as good; what it says comes after this.
			login.owner = owner
			if owner != "" && lockedNow(ctx, conn, session) {
				away()
			}
			continue
		}
		if login.sent(s) && leaves(s, session) {
			away()
		}
	}
}

// lockedNow reports whether the screen of session is locked, as far as can be
// told.
func lockedNow(ctx context.Context, conn *dbus.Conn, session dbus.ObjectPath) (locked bool) {
	err := call(ctx, conn.Object(loginName, session), properties+".Get", []any{loginSession, lockedHint}, &locked)
	return err == nil && locked
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

// leaves reports whether a signal says that the person goes. Lock only asks the
// desktop to lock; a screen that locks by itself, at a key or after a while, is
// seen by the hint that the desktop leaves. Where both come, the second word for
// the same lock does no harm.
func leaves(s *dbus.Signal, session dbus.ObjectPath) bool {
	switch {
	case s.Path == session && s.Name == loginSession+".Lock":
		return true
	case s.Path == session && s.Name == properties+".PropertiesChanged":
		return hints(s)
	case s.Path == loginPath && s.Name == loginManager+".PrepareForSleep" && len(s.Body) == 1:
		going, ok := s.Body[0].(bool)
		return ok && going
	}
	return false
}

// hints reports whether changed properties say that the screen is locked now.
func hints(s *dbus.Signal) bool {
	if len(s.Body) != 3 || s.Body[0] != loginSession {
		return false
	}
	changed, ok := s.Body[1].(map[string]dbus.Variant)
	locked, told := changed[lockedHint].Value().(bool)
	return ok && told && locked
}
