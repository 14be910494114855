package desktop

import (
	"context"
	"errors"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"
)

// A fakeServer shows notifications to nobody.
type fakeServer struct {
	t    *testing.T
	conn *dbus.Conn
	caps []string

	shown chan shown  // what Notify was called with
	taken chan uint32 // what CloseNotification was called with
}

type shown struct {
	ID          uint32
	Title, Body string
	Actions     []string
	Urgency     byte
	Timeout     int32
}

func startServer(t *testing.T, bus Bus, caps ...string) *fakeServer {
	t.Helper()
	f := &fakeServer{t: t, conn: own(t, bus, notifyName), caps: caps, shown: make(chan shown, 8), taken: make(chan uint32, 8)}
	export(t, f.conn, f, notifyPath, notifyIface)
	return f
}

func (f *fakeServer) GetServerInformation() (name, vendor, version, spec string, _ *dbus.Error) {
	return "fake", "us", "1", "1.2", nil
}

func (f *fakeServer) GetCapabilities() ([]string, *dbus.Error) { return f.caps, nil }

func (f *fakeServer) Notify(_ string, _ uint32, _, title, body string, actions []string, hints map[string]dbus.Variant, timeout int32) (uint32, *dbus.Error) {
	urgency, _ := hints["urgency"].Value().(byte)
	f.shown <- shown{7, title, body, actions, urgency, timeout}
	return 7, nil
}

func (f *fakeServer) CloseNotification(id uint32) *dbus.Error {
	f.taken <- id
	return nil
}

type chosen struct {
	action string
	err    error
}

func notify(ctx context.Context, bus Bus, n Notice) <-chan chosen {
	done := make(chan chosen, 1)
	go func() {
		action, err := (&Notifier{Bus: bus, App: "Test"}).Notify(ctx, n)
		done <- chosen{action, err}
	}()
	return done
}

var question = Notice{Title: "Use your passkey?", Body: "login.example asks <b>now</b>\u202e", Actions: []Action{{"allow", "Allow"}, {"decline", "Decline"}}}

func TestPressedActionIsTheAnswer(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	f := startServer(t, bus, "actions", "body", "body-markup")
	done := notify(t.Context(), bus, question)
	want := shown{7, "Use your passkey?", "login.example asks &lt;b&gt;now&lt;/b&gt;", []string{"allow", "Allow", "decline", "Decline"}, 2, 0}
	if d := cmp.Diff(want, <-f.shown); d != "" {
		t.Errorf("notification (-want +got):\n%s", d)
	}
	emit(t, f.conn, notifyPath, notifyIface+".ActionInvoked", uint32(8), "allow") // of another program's
	emit(t, f.conn, notifyPath, notifyIface+".ActionInvoked", uint32(7), "decline")
	if got := <-done; got.action != "decline" || got.err != nil {
		t.Errorf("answer = %+v, want decline", got)
	}
	if id := <-f.taken; id != 7 {
		t.Errorf("took down %d, want 7", id)
	}
}

func TestMarkupIsLeftAloneWhereItIsNotUnderstood(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	f := startServer(t, bus, "actions", "body")
	done := notify(t.Context(), bus, question)
	if got, want := (<-f.shown).Body, "login.example asks <b>now</b>"; got != want {
		t.Errorf("body = %q, want %q", got, want)
	}
	emit(t, f.conn, notifyPath, notifyIface+".NotificationClosed", uint32(7), uint32(2))
	if got := <-done; got != (chosen{}) {
		t.Errorf("answer to a notice that was put away = %+v, want none", got)
	}
}

func TestNoticeGoesWithItsQuestion(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	f := startServer(t, bus, "actions")
	ctx, cancel := context.WithCancel(t.Context())
	done := notify(ctx, bus, question)
	<-f.shown
	cancel()
	if id := <-f.taken; id != 7 {
		t.Errorf("took down %d, want 7", id)
	}
	if got := <-done; !errors.Is(got.err, context.Canceled) {
		t.Errorf("answer = %+v, want context.Canceled", got)
	}
}

// Whoever is on the bus can send a signal in the server's name.
func TestAnswersOfOtherProgramsDoNotCount(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	f := startServer(t, bus, "actions")
	done := notify(t.Context(), bus, question)
	<-f.shown
	forger := own(t, bus, "")
	emit(t, forger, notifyPath, notifyIface+".ActionInvoked", uint32(7), "allow")
	// Its signal has passed the bus once the bus has answered it.
	if err := forger.BusObject().Call("org.freedesktop.DBus.GetId", 0).Err; err != nil {
		t.Fatal(err)
	}
	emit(t, f.conn, notifyPath, notifyIface+".ActionInvoked", uint32(7), "decline")
	if got := <-done; got.action != "decline" {
		t.Errorf("answer = %+v, want that of the server", got)
	}
}

func TestServerWithoutActionsIsNotAsked(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	f := startServer(t, bus, "body")
	if got := <-notify(t.Context(), bus, question); !errors.Is(got.err, ErrReadOnly) {
		t.Errorf("answer = %+v, want ErrReadOnly", got)
	}
	if len(f.shown) != 0 {
		t.Error("a notice was shown that nobody could answer")
	}
}

func TestDesktopWithoutServerIsAnError(t *testing.T) {
	t.Parallel()
	if got := <-notify(t.Context(), startBus(t), question); got.err == nil || got.action != "" {
		t.Errorf("answer = %+v, want an error", got)
	}
}
