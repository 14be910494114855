package desktop

import (
	"context"
	"time"

	"github.com/godbus/dbus/v5"
)

// patience is how long another program may take over an answer.
const patience = 10 * time.Second

// A Bus opens a connection of one's own to a message bus. Each user of the
// package has its own, so that the end of one is not the end of the other.
type Bus func(ctx context.Context) (*dbus.Conn, error)

// The buses of a desktop.
var (
	SessionBus Bus = func(ctx context.Context) (*dbus.Conn, error) { return dbus.ConnectSessionBus(dbus.WithContext(ctx)) }
	SystemBus  Bus = func(ctx context.Context) (*dbus.Conn, error) { return dbus.ConnectSystemBus(dbus.WithContext(ctx)) }
)

// call calls a method and stores what it returns.
func call(ctx context.Context, o dbus.BusObject, method string, args []any, out ...any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return o.CallWithContext(ctx, method, 0, args...).Store(out...)
}

// signalRoom is how many signals may wait while we do something else.
const signalRoom = 32

// A source is the signals that come from one program. Anybody on a bus can send
// a signal that looks like another's; only the bus's word for who sent it counts.
type source struct {
	signals chan *dbus.Signal
	owner   string
}

// sent reports whether s comes from the program that is listened to.
func (l source) sent(s *dbus.Signal) bool { return s != nil && s.Sender == l.owner }

// listen listens to the interface of path of whoever owns name now, until stop
// is called.
func listen(ctx context.Context, conn *dbus.Conn, name string, path dbus.ObjectPath, iface string) (l source, stop func(), err error) {
	if err := call(ctx, conn.BusObject(), "org.freedesktop.DBus.GetNameOwner", []any{name}, &l.owner); err != nil {
		return l, nil, err
	}
	match := []dbus.MatchOption{dbus.WithMatchSender(name), dbus.WithMatchObjectPath(path), dbus.WithMatchInterface(iface)}
	if err := conn.AddMatchSignal(match...); err != nil {
		return l, nil, err
	}
	l.signals = make(chan *dbus.Signal, signalRoom)
	conn.Signal(l.signals)
	return l, func() {
		conn.RemoveSignal(l.signals)
		_ = conn.RemoveMatchSignal(match...) // the connection may be gone
	}, nil
}
