package desktop

import (
	"context"
	"errors"
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode"

	"github.com/godbus/dbus/v5"
)

// A Notice is what a notification says. Title and Body are plain text.
type Notice struct {
	Title, Body string
	Actions     []Action
}

// An Action is a button of a Notice.
type Action struct{ Key, Label string }

// DefaultAction is the key of what a press on the notification itself means.
// Servers give it no button.
const DefaultAction = "default"

// ErrReadOnly says that the server has no actions. The notice was not shown:
// the person could not have answered it.
var ErrReadOnly = errors.New("notifications here cannot be answered")

const (
	notifyName  = "org.freedesktop.Notifications"
	notifyPath  = dbus.ObjectPath("/org/freedesktop/Notifications")
	notifyIface = notifyName
)

// A Notifier shows notices, one connection for each.
type Notifier struct {
	// Bus is where the server is; nil means SessionBus.
	Bus Bus
	// App is the name that notices carry.
	App string
}

// A Server is what shows notifications, by its own account.
type Server struct {
	Name         string
	Capabilities []string
}

// Answers reports whether its notifications can be answered.
func (s Server) Answers() bool { return slices.Contains(s.Capabilities, "actions") }

// Server asks who shows notifications. The error says that nobody does.
func (n *Notifier) Server(ctx context.Context) (Server, error) {
	conn, err := n.bus()(ctx)
	if err != nil {
		return Server{}, fmt.Errorf("reaching the desktop: %w", err)
	}
	defer conn.Close()
	return describe(ctx, conn.Object(notifyName, notifyPath))
}

func describe(ctx context.Context, o dbus.BusObject) (s Server, err error) {
	var vendor, version, spec string
	if err := call(ctx, o, notifyIface+".GetServerInformation", nil, &s.Name, &vendor, &version, &spec); err != nil {
		return s, fmt.Errorf("asking who shows notifications: %w", err)
	}
	if err := call(ctx, o, notifyIface+".GetCapabilities", nil, &s.Capabilities); err != nil {
		return s, fmt.Errorf("asking what notifications can do: %w", err)
	}
	return s, nil
}

func (n *Notifier) bus() Bus {
	if n.Bus == nil {
		return SessionBus
	}
	return n.Bus
}

// Notify shows notice until the person presses one of its actions, whose key it
// returns, or puts it away, which is "". When ctx ends, it takes the notice off
// the screen and returns the error of ctx. ErrReadOnly tells of a server that
// cannot take an answer; any other error, of one that is not there or has gone.
func (n *Notifier) Notify(ctx context.Context, notice Notice) (action string, err error) {
	// Its own context: the notice is taken down after ctx.
	conn, err := n.bus()(context.WithoutCancel(ctx))
	if err != nil {
		return "", fmt.Errorf("reaching the desktop: %w", err)
	}
	defer conn.Close()
	o := conn.Object(notifyName, notifyPath)
	server, err := describe(ctx, o)
	if err != nil {
		return "", err
	}
	if len(notice.Actions) > 0 && !server.Answers() {
		return "", ErrReadOnly
	}
	from, stop, err := listen(ctx, conn, notifyName, place{notifyPath, notifyIface})
	if err != nil {
		return "", fmt.Errorf("listening for the answer: %w", err)
	}
	defer stop()
	id, err := n.show(ctx, o, server, notice)
	if err != nil {
		return "", err
	}
	return wait(ctx, conn, o, id, from)
}

func (n *Notifier) show(ctx context.Context, o dbus.BusObject, s Server, notice Notice) (id uint32, err error) {
	body := plain(notice.Body)
	if slices.Contains(s.Capabilities, "body-markup") {
		body = html.EscapeString(body)
	}
	var actions []string
	for _, a := range notice.Actions {
		actions = append(actions, a.Key, a.Label)
	}
	hints := map[string]dbus.Variant{
		"urgency":       dbus.MakeVariant(byte(2)), // critical: stays until taken down
		"category":      dbus.MakeVariant("device"),
		"transient":     dbus.MakeVariant(true),
		"desktop-entry": dbus.MakeVariant("cardea-authenticator"),
	}
	const never = int32(0)
	args := []any{n.App, uint32(0), "dialog-password", plain(notice.Title), body, actions, hints, never}
	// After ctx too: a notice whose number is not known could not be taken down.
	if err := call(context.WithoutCancel(ctx), o, notifyIface+".Notify", args, &id); err != nil {
		return 0, fmt.Errorf("showing the notification: %w", err)
	}
	return id, nil
}

// wait waits for what becomes of the notification id.
func wait(ctx context.Context, conn *dbus.Conn, o dbus.BusObject, id uint32, from *source) (string, error) {
	for {
		select {
		case <-ctx.Done():
			take(ctx, o, id)
			return "", ctx.Err()
		case <-conn.Context().Done():
			return "", errors.New("the connection to the desktop has ended")
		case s, ok := <-from.signals:
			if !ok {
				return "", errors.New("the connection to the desktop has ended")
			}
			sent := from.sent(s)
			if from.owner == "" {
				return "", errors.New("what shows notifications has ended")
			}
			if action, over := read(s, id); over && sent {
				if action != "" { // some servers leave it there
					take(ctx, o, id)
				}
				return action, nil
			}
		}
	}
}

// read reads a signal about the notification id.
func read(s *dbus.Signal, id uint32) (action string, over bool) {
	if len(s.Body) < 2 {
		return "", false
	}
	if of, ok := s.Body[0].(uint32); !ok || of != id {
		return "", false
	}
	switch s.Name {
	case notifyIface + ".ActionInvoked":
		action, ok := s.Body[1].(string)
		return action, ok && action != ""
	case notifyIface + ".NotificationClosed":
		return "", true
	}
	return "", false
}

// take takes a notification off the screen. One that is gone already is an
// error of no interest.
func take(ctx context.Context, o dbus.BusObject, id uint32) {
	_ = call(context.WithoutCancel(ctx), o, notifyIface+".CloseNotification", []any{id})
}

// plain is text without what moves a cursor or turns text around: part of it
// comes from sites.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r) {
			return r
		}
		return -1
	}, text)
}
