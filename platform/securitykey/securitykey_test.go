package securitykey

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/ctap/ctaphid"
	"cardea/platform"
	"cardea/platform/routetest"
	"cardea/webauthn"
)

const fidoDescriptor = "06d0f10901a1010920150026ff007508954081020921150026ff00750895409102c0"

// A mouse, as the HID specification's appendix has it.
const mouseDescriptor = "05010902a1010901a100050919012903150025019503750181029501750581010501" +
	"0930093115 81257f750895028106c0c0"

// A rack is a computer with places for keys.
type rack struct {
	t       *testing.T
	sys     string
	serving sync.WaitGroup
	ctx     context.Context

	mu      sync.Mutex
	devices map[string]ctaphid.DeviceConfig // by name
	denied  map[string]bool
	opened  int // files that are open
}

func newRack(t *testing.T) (*rack, *Route) {
	t.Helper()
	r := &rack{t: t, sys: t.TempDir(), devices: map[string]ctaphid.DeviceConfig{}, denied: map[string]bool{}}
	ctx, cancel := context.WithCancel(context.Background())
	r.ctx = ctx
	t.Cleanup(func() {
		cancel()
		r.serving.Wait()
	})
	return r, &Route{Sys: r.sys, Dev: "/dev", open: r.open}
}

// plug adds a device under a name such as hidraw0.
func (r *rack) plug(name, descriptor string, cfg ctaphid.DeviceConfig) {
	r.t.Helper()
	b, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(descriptor), []byte(" "), nil)))
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	r.devices[name] = cfg
	r.mu.Unlock()
	dir := filepath.Join(r.sys, name, "device")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "report_descriptor"), b, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// A counted file says when it is closed.
type counted struct {
	io.ReadWriteCloser
	once   sync.Once
	closed func()
}

func (c *counted) Close() error {
	c.once.Do(c.closed)
	return c.ReadWriteCloser.Close()
}

func (r *rack) open(path string) (io.ReadWriteCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := filepath.Base(path)
	cfg, ok := r.devices[name]
	if filepath.Dir(path) != "/dev" || !ok {
		return nil, fs.ErrNotExist
	}
	if r.denied[name] {
		return nil, fs.ErrPermission
	}
	ours, theirs := net.Pipe()
	r.serving.Go(func() { ctaphid.Serve(r.ctx, theirs, cfg) })
	r.opened++
	return &counted{ReadWriteCloser: ours, closed: func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.opened--
	}}, nil
}

func (r *rack) open0(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opened != 0 {
		t.Errorf("%d files are open, want none", r.opened)
	}
}

// newKey is an authenticator as a device.
func newKey(script ...authtest.Reply) (ctaphid.DeviceConfig, *authtest.Person) {
	a, _, person := authtest.New(script...)
	caller := authenticator.Caller{Via: "hid"}
	return ctaphid.DeviceConfig{Handle: func(ctx context.Context, request []byte) []byte {
		return a.Handle(ctx, caller, request)
	}}, person
}

func TestRoute(t *testing.T) {
	t.Parallel()
	routetest.Run(t, func(t *testing.T) routetest.World {
		r, route := newRack(t)
		cfg, _ := newKey()
		r.plug("hidraw0", mouseDescriptor, ctaphid.DeviceConfig{})
		r.plug("hidraw1", fidoDescriptor, cfg)
		_, dead := newRack(t)
		return routetest.World{Route: route, Dead: dead, Transport: webauthn.TransportUSB}
	})
}

func stagesOf(to *[]platform.Stage) func(platform.Progress) {
	return func(p platform.Progress) { *to = append(*to, p.Stage) }
}

func TestOneKeyIsTakenWithoutAWord(t *testing.T) {
	t.Parallel()
	r, route := newRack(t)
	cfg, person := newKey()
	r.plug("hidraw3", fidoDescriptor, cfg)
	var stages []platform.Stage
	conn, err := route.Open(t.Context(), platform.UsePasskey, stagesOf(&stages))
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 0 || len(person.Asked()) != 0 {
		t.Errorf("the person was shown %q and asked %v", stages, person.Kinds())
	}
	if err := errors.Join(conn.Close(), conn.Close()); err != nil {
		t.Error(err)
	}
	r.open0(t)
}

func TestKeyIsAwaited(t *testing.T) {
	t.Parallel()
	r, route := newRack(t)
	cfg, _ := newKey()
	var stages []platform.Stage
	conn, err := route.Open(t.Context(), platform.UsePasskey, func(p platform.Progress) {
		stages = append(stages, p.Stage)
		r.plug("hidraw0", fidoDescriptor, cfg)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if d := cmp.Diff([]platform.Stage{platform.StageInsertKey}, stages); d != "" {
		t.Errorf("stages (-want +got):\n%s", d)
	}
}

func wantLeg(t *testing.T, err error, want platform.Leg) {
	t.Helper()
	var f *platform.Failure
	if !errors.As(err, &f) || f.Leg != want {
		t.Errorf("open = %v, want a failure of leg %q", err, want)
	}
}

func TestKeyThatNeverComes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		route := &Route{Sys: dir}
		began := time.Now()
		_, err := route.Open(t.Context(), platform.UsePasskey, func(platform.Progress) {})
		wantLeg(t, err, platform.LegNoKey)
		if got := time.Since(began); got != defaultWait {
			t.Errorf("it took %v, want %v", got, defaultWait)
		}
	})
}

func TestWithdrawnWhileWaitingForAKey(t *testing.T) {
	t.Parallel()
	_, route := newRack(t)
	why := errors.New("the page changed its mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := route.Open(ctx, platform.UsePasskey, func(platform.Progress) { cancel(why) })
	if !errors.Is(err, why) {
		t.Errorf("open = %v, want %v", err, why)
	}
}

func TestOfSeveralKeysTheTouchedOneIsMeant(t *testing.T) {
	t.Parallel()
	r, route := newRack(t)
	first, left := newKey(authtest.Leave)
	third, alsoLeft := newKey(authtest.Leave)
	leftSeen, alsoLeftSeen := left.Seen(), alsoLeft.Seen()
	second, touched := newKey(func(ctx context.Context, p authenticator.Prompt) (authenticator.Answer, error) {
		// The person looks at all of them before they touch one.
		for _, seen := range []<-chan authenticator.Prompt{leftSeen, alsoLeftSeen} {
			select {
			case <-seen:
			case <-ctx.Done():
				return authenticator.Answer{}, ctx.Err()
			}
		}
		return authtest.Approve(ctx, p)
	})
	r.plug("hidraw0", fidoDescriptor, first)
	r.plug("hidraw1", fidoDescriptor, second)
	r.plug("hidraw2", fidoDescriptor, third)
	var stages []platform.Stage
	conn, err := route.Open(t.Context(), platform.UsePasskey, stagesOf(&stages))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]platform.Stage{platform.StageChooseKey}, stages); d != "" {
		t.Errorf("stages (-want +got):\n%s", d)
	}
	if err := ctap.Selection(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	if len(touched.Asked()) != 2 || len(left.Asked()) != 1 || len(alsoLeft.Asked()) != 1 {
		t.Errorf("keys were asked %d, %d and %d times; want 1, 2, 1", len(left.Asked()), len(touched.Asked()), len(alsoLeft.Asked()))
	}
	conn.Close()
	r.open0(t)
}

func TestNoKeyIsTouched(t *testing.T) {
	t.Parallel()
	r, route := newRack(t)
	for i := range 2 {
		cfg, _ := newKey(authtest.Decline)
		r.plug(fmt.Sprint("hidraw", i), fidoDescriptor, cfg)
	}
	_, err := route.Open(t.Context(), platform.UsePasskey, func(platform.Progress) {})
	wantLeg(t, err, platform.LegKey)
	r.open0(t)
}

func TestWithdrawnWhileKeysAreChosen(t *testing.T) {
	t.Parallel()
	r, route := newRack(t)
	for i := range 2 {
		cfg, _ := newKey(authtest.Leave)
		r.plug(fmt.Sprint("hidraw", i), fidoDescriptor, cfg)
	}
	why := errors.New("the page changed its mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := route.Open(ctx, platform.UsePasskey, func(platform.Progress) { cancel(why) })
	if !errors.Is(err, why) {
		t.Errorf("open = %v, want %v", err, why)
	}
	r.open0(t)
}

// old answers getInfo and knows no selection.
func old(_ context.Context, request []byte) []byte {
	if ctap.Command(request[0]) == ctap.CmdGetInfo {
		return ctap.EncodeResponse(ctap.Info{Versions: []string{"FIDO_2_0"}, AAGUID: make([]byte, 16)}, nil)
	}
	return []byte{byte(ctap.InvalidCommand)}
}

func TestOldKeysCannotBeChosenByTouch(t *testing.T) {
	t.Parallel()
	r, route := newRack(t)
	r.plug("hidraw0", fidoDescriptor, ctaphid.DeviceConfig{Handle: old})
	r.plug("hidraw1", fidoDescriptor, ctaphid.DeviceConfig{Handle: old})
	conn, err := route.Open(t.Context(), platform.UsePasskey, func(platform.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	young, _ := newKey()
	r.plug("hidraw2", fidoDescriptor, young)
	conn, err = route.Open(t.Context(), platform.UsePasskey, func(platform.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if v := conn.Info().Versions; len(v) == 1 && v[0] == "FIDO_2_0" {
		t.Error("an old key was taken though a young one was touched")
	}
}

func TestKeyThatMayNotBeOpened(t *testing.T) {
	t.Parallel()
	r, route := newRack(t)
	cfg, _ := newKey()
	r.plug("hidraw0", fidoDescriptor, cfg)
	r.denied["hidraw0"] = true
	if got := route.Ready(t.Context(), "example.org"); got.Usable || got.Why != platform.NotPermitted {
		t.Errorf("ready = %+v, want not permitted", got)
	}
	_, err := route.Open(t.Context(), platform.UsePasskey, func(platform.Progress) {})
	wantLeg(t, err, platform.LegKey)
	// A second one that may.
	r.plug("hidraw1", fidoDescriptor, cfg)
	if got := route.Ready(t.Context(), "example.org"); !got.Usable {
		t.Errorf("ready = %+v, want usable", got)
	}
	conn, err := route.Open(t.Context(), platform.UsePasskey, func(platform.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	r.open0(t)
}

func TestSystemWithoutHIDDevices(t *testing.T) {
	t.Parallel()
	route := &Route{Sys: filepath.Join(t.TempDir(), "none")}
	if got := route.Ready(t.Context(), "example.org"); got.Usable || got.Why != platform.NotSupported {
		t.Errorf("ready = %+v, want not supported", got)
	}
	_, err := route.Open(t.Context(), platform.UsePasskey, func(platform.Progress) {})
	wantLeg(t, err, platform.LegNoKey)
}

func TestKeyPulledOutInTheMiddle(t *testing.T) {
	t.Parallel()
	r, route := newRack(t)
	pulled := make(chan struct{})
	ctx, pull := context.WithCancel(r.ctx)
	defer pull()
	r.ctx = ctx
	r.plug("hidraw0", fidoDescriptor, ctaphid.DeviceConfig{Handle: func(ctx context.Context, request []byte) []byte {
		if ctap.Command(request[0]) == ctap.CmdSelection {
			close(pulled)
			<-ctx.Done()
		}
		return old(ctx, request)
	}})
	conn, err := route.Open(t.Context(), platform.UsePasskey, func(platform.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		<-pulled
		pull()
	}()
	wantLeg(t, ctap.Selection(t.Context(), conn), platform.LegKey)
}

func TestHidrawReportsHaveANumberInFront(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "hidraw0")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openHidraw(path)
	if err != nil {
		t.Fatal(err)
	}
	report := bytes.Repeat([]byte{7}, ctaphid.ReportSize)
	if n, err := f.Write(report); n != ctaphid.ReportSize || err != nil {
		t.Errorf("write = %d, %v; want %d", n, err, ctaphid.ReportSize)
	}
	f.Close()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, append([]byte{0}, report...)) {
		t.Errorf("%x was written, %v", got, err)
	}
}

func TestFIDOKeysAreKnownByTheirDescriptor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, descriptor string
		want             bool
	}{
		{"the common one", fidoDescriptor, true},
		{"usage with its page, in four bytes", "0b0100d0f1a101c0", true},
		{"after an item of the long form", "fe02f0aabb" + fidoDescriptor, true},
		{"a mouse", mouseDescriptor, false},
		{"another usage of the page", "06d0f10902a101c0", false},
		{"the page of one byte", "05d00901a101c0", false},
		{"the page after the collection", "a10106d0f10901c0", false},
		{"no collection", "06d0f10901", false},
		{"nothing", "", false},
	} {
		b, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(tt.descriptor), []byte(" "), nil)))
		if err != nil {
			t.Fatal(err)
		}
		if got := isFIDO(b); got != tt.want {
			t.Errorf("%s: isFIDO = %v, want %v", tt.name, got, tt.want)
		}
	}
	b, _ := hex.DecodeString(fidoDescriptor)
	for n := range 7 { // through the collection's head
		if isFIDO(b[:n]) {
			t.Errorf("the first %d bytes were taken for a key", n)
		}
	}
}

// A descriptor without the page and the usage is no key's, whatever else it
// has.
func FuzzDescriptor(f *testing.F) {
	for _, s := range []string{fidoDescriptor, "0b0100d0f1a101c0", "fe02f0aabb06d0f10901a101"} {
		b, _ := hex.DecodeString(s)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if isFIDO(b) && !bytes.Contains(b, []byte{0xd0, 0xf1}) {
			t.Errorf("%x was taken for a key", b)
		}
	})
}
