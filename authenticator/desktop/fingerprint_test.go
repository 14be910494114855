package desktop

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"
)

const fakeDevice dbus.ObjectPath = "/net/reactivated/Fprint/Device/0"

// A fakeReader behaves like fprintd with one device. Each VerifyStart plays the
// next of its touches.
type fakeReader struct {
	t       *testing.T
	conn    *dbus.Conn
	fingers []string
	touches [][]status2

	mu    sync.Mutex
	calls []string
	began chan struct{} // gets a value at each VerifyStart
}

type status2 struct {
	result string
	done   bool
}

func startReader(t *testing.T, bus Bus, fingers []string, touches ...[]status2) *fakeReader {
	t.Helper()
	f := &fakeReader{t: t, conn: own(t, bus, fprintName), fingers: fingers, touches: touches, began: make(chan struct{}, 8)}
	export(t, f.conn, fakeManager{}, fprintManager, fprintName+".Manager")
	export(t, f.conn, f, fakeDevice, fprintDevice)
	return f
}

type fakeManager struct{}

func (fakeManager) GetDefaultDevice() (dbus.ObjectPath, *dbus.Error) { return fakeDevice, nil }

func (f *fakeReader) note(call string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
}

func (f *fakeReader) called() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *fakeReader) ListEnrolledFingers(string) ([]string, *dbus.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fingers == nil {
		return nil, dbus.NewError("net.reactivated.Fprint.Error.NoEnrolledPrints", []any{"none"})
	}
	return f.fingers, nil
}

func (f *fakeReader) Claim(string) *dbus.Error { f.note("claim"); return nil }
func (f *fakeReader) Release() *dbus.Error     { f.note("release"); return nil }
func (f *fakeReader) VerifyStop() *dbus.Error  { f.note("stop"); return nil }

func (f *fakeReader) VerifyStart(string) *dbus.Error {
	f.note("start")
	f.began <- struct{}{}
	if len(f.touches) == 0 {
		return nil // waits for a finger that does not come
	}
	for _, s := range f.touches[0] {
		emit(f.t, f.conn, fakeDevice, fprintDevice+".VerifyStatus", s.result, s.done)
	}
	f.touches = f.touches[1:]
	return nil
}

var (
	index   = []string{"right-index-finger"}
	match   = []status2{{"verify-match", true}}
	noMatch = []status2{{"verify-no-match", true}}
)

func TestFingerIsVerified(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		touches [][]status2
		tries   []Try
		want    error
		calls   []string
	}{
		{"known", [][]status2{match}, nil, nil, []string{"claim", "start", "stop", "release"}},
		{"known at the second touch", [][]status2{{{"verify-swipe-too-short", false}, {"verify-remove-and-retry", false}, {"verify-match", true}}},
			[]Try{TooShort, Again}, nil, []string{"claim", "start", "stop", "release"}},
		{"wrong finger first", [][]status2{noMatch, match}, []Try{NotRecognized}, nil,
			[]string{"claim", "start", "stop", "start", "stop", "release"}},
		{"three wrong fingers", [][]status2{noMatch, noMatch, noMatch, match}, []Try{NotRecognized, NotRecognized, NotRecognized}, ErrNotRecognized,
			[]string{"claim", "start", "stop", "start", "stop", "start", "stop", "release"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bus := startBus(t)
			f := startReader(t, bus, index, tt.touches...)
			var tries []Try
			err := (&Reader{Bus: bus}).Verify(t.Context(), func(try Try) { tries = append(tries, try) })
			if !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
			if d := cmp.Diff(tt.tries, tries); d != "" {
				t.Errorf("tries (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.calls, f.called()); d != "" {
				t.Errorf("calls (-want +got):\n%s", d)
			}
		})
	}
}

func TestReaderThatFailsVerifiesNobody(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	f := startReader(t, bus, index, []status2{{"verify-disconnected", true}})
	if err := (&Reader{Bus: bus}).Verify(t.Context(), func(Try) {}); err == nil || errors.Is(err, ErrNotRecognized) {
		t.Errorf("Verify = %v, want that the reader failed", err)
	}
	if c := f.called(); c[len(c)-1] != "release" {
		t.Errorf("calls = %v, want the reader released", c)
	}
}

func TestReaderIsReleasedWhenTheQuestionEnds(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	f := startReader(t, bus, index)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-f.began; cancel() }()
	if err := (&Reader{Bus: bus}).Verify(ctx, func(Try) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify = %v, want context.Canceled", err)
	}
	if d := cmp.Diff([]string{"claim", "start", "stop", "release"}, f.called()); d != "" {
		t.Errorf("calls (-want +got):\n%s", d)
	}
}

// Every user of the computer is on the system bus.
func TestForgedFingerDoesNotCount(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	f := startReader(t, bus, index)
	forger := own(t, bus, "")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-f.began
		emit(t, forger, fakeDevice, fprintDevice+".VerifyStatus", "verify-match", true)
		forger.BusObject().Call("org.freedesktop.DBus.GetId", 0)
		emit(t, f.conn, fakeDevice, fprintDevice+".VerifyStatus", "verify-retry-scan", false)
	}()
	err := (&Reader{Bus: bus}).Verify(ctx, func(Try) { cancel() }) // the real reader's word came after
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Verify = %v, want that the forged match was passed over", err)
	}
}

// The next fprintd has claims of others alone: a finger that it knows may be
// shown to the lock screen.
func TestReaderThatIsRestartedIsNotHeard(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	f := startReader(t, bus, index)
	next := own(t, bus, "")
	go func() {
		<-f.began
		f.conn.Close()
		for { // the name is free once the bus has seen the end
			r, err := next.RequestName(fprintName, dbus.NameFlagDoNotQueue)
			if err != nil || r == dbus.RequestNameReplyPrimaryOwner {
				break
			}
		}
		_ = next.Emit(fakeDevice, fprintDevice+".VerifyStatus", "verify-match", true)
	}()
	if err := (&Reader{Bus: bus}).Verify(t.Context(), func(Try) {}); err == nil || errors.Is(err, ErrNotRecognized) {
		t.Errorf("Verify = %v, want that the reader has gone", err)
	}
}

func TestNoReaderOrNoFinger(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	r := &Reader{Bus: bus}
	if err := r.Verify(t.Context(), func(Try) {}); !errors.Is(err, ErrNoReader) || r.Ready(t.Context()) {
		t.Errorf("without fprintd: %v, want ErrNoReader", err)
	}
	f := startReader(t, bus, nil)
	if err := r.Verify(t.Context(), func(Try) {}); !errors.Is(err, ErrNoReader) || r.Ready(t.Context()) {
		t.Errorf("without a finger: %v, want ErrNoReader", err)
	}
	if c := f.called(); len(c) != 0 {
		t.Errorf("calls = %v, want none", c)
	}
	f.mu.Lock()
	f.fingers = index
	f.mu.Unlock()
	if got, err := r.Fingers(t.Context()); err != nil || !slices.Equal(got, index) {
		t.Errorf("Fingers = %v, %v", got, err)
	}
}
