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
	name    string
	owner   string // of name, as far as it is listened to; empty if it is not
}

// sent reports whether s comes from the program that is listened to. All signals
// have to go through here: when that program gives up the name, l has no owner
// any more. Whoever takes the name next knows nothing of what was agreed with
// the one before, and is not heard.
func (l *source) sent(s *dbus.Signal) bool {
	if s == nil {
		return false
	}
	if _, ok := l.handed(s); ok {
		l.owner = ""
	}
	return l.owner != "" && s.Sender == l.owner
}

// handed returns who has the name now, if s tells of it. Nobody is empty.
func (l *source) handed(s *dbus.Signal) (owner string, ok bool) {
	if s.Sender != busName || s.Name != busName+"."+ownerChanged || len(s.Body) != 3 || s.Body[0] != l.name {
		return "", false
	}
	owner, ok = s.Body[2].(string)
	return owner, ok
}

// The bus itself, whose signals nobody else can send.
const (
	busName      = "org.freedesktop.DBus"
	ownerChanged = "NameOwnerChanged"
)

// A place is where on a program signals come from.
type place struct {
	path  dbus.ObjectPath
	iface string
}

// listen listens to places of whoever owns name now, until stop is called.
func listen(ctx context.Context, conn *dbus.Conn, name string, places ...place) (l *source, stop func(), err error) {
	l = &source{signals: make(chan *dbus.Signal, signalRoom), name: name}
	matches := [][]dbus.MatchOption{{
		dbus.WithMatchSender(busName), dbus.WithMatchInterface(busName), dbus.WithMatchMember(ownerChanged), dbus.WithMatchArg(0, name),
	}}
	for _, at := range places {
		matches = append(matches, []dbus.MatchOption{
			dbus.WithMatchSender(name), dbus.WithMatchObjectPath(at.path), dbus.WithMatchInterface(at.iface),
		})
	}
	conn.Signal(l.signals)
	added := 0
	stop = func() {
		conn.RemoveSignal(l.signals)
		for _, match := range matches[:added] {
			_ = conn.RemoveMatchSignal(match...) // the connection may be gone
		}
	}
	for _, match := range matches {
		if err := conn.AddMatchSignal(match...); err != nil {
			stop()
			return nil, nil, err
		}
		added++
	}
	// After the matches: a change that comes before the answer is told as well.
	if err := call(ctx, conn.BusObject(), busName+".GetNameOwner", []any{name}, &l.owner); err != nil {
		stop()
		return nil, nil, err
	}
	return l, stop, nil
}
