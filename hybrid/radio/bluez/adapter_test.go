package bluez

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"

	"cardea/hybrid"
	"cardea/hybrid/radio/radiotest"
)

func TestAdapterIsChosenByName(t *testing.T) {
	t.Parallel()
	address := startBus(t)
	f := startFake(t, address)
	r := radioOn(t, address)
	stop, err := r.On("hci0").Advertise(t.Context(), []byte{1})
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	if len(f.adverts) != 1 {
		t.Errorf("%d advertisements on hci0, want 1", len(f.adverts))
	}
	f.mu.Unlock()
	if err := stop(); err != nil {
		t.Error(err)
	}
	_, err = r.On("hci1").Advertise(t.Context(), []byte{1})
	if !errors.Is(err, hybrid.ErrRadioOff) || !strings.Contains(err.Error(), "no adapter hci1") {
		t.Errorf("advertising on an adapter that is not there = %v, want ErrRadioOff that names it", err)
	}
}

func TestWhetherAPhoneCouldBeHeardIsKnownBeforehand(t *testing.T) {
	t.Parallel()
	address := startBus(t)
	r := radioOn(t, address)
	if err := r.CanAdvertise(t.Context()); !errors.Is(err, hybrid.ErrRadioOff) {
		t.Errorf("without BlueZ: %v, want ErrRadioOff", err)
	}
	f := startFake(t, address)
	if err := r.CanAdvertise(t.Context()); err != nil {
		t.Errorf("with an adapter: %v", err)
	}
	if err := r.On("hci1").CanAdvertise(t.Context()); !errors.Is(err, hybrid.ErrRadioOff) || !strings.Contains(err.Error(), "hci1") {
		t.Errorf("with another: %v, want ErrRadioOff that names it", err)
	}
	set := func(powered, taken bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.powered, f.taken = powered, taken
	}
	set(true, true)
	if err := r.CanAdvertise(t.Context()); err == nil || errors.Is(err, hybrid.ErrRadioOff) || !strings.Contains(err.Error(), "hci0") {
		t.Errorf("with an adapter that has no more to give: %v, want an error that says so", err)
	}
	set(false, false)
	if err := r.CanAdvertise(t.Context()); !errors.Is(err, hybrid.ErrRadioOff) {
		t.Errorf("switched off: %v, want ErrRadioOff", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.adverts) != 0 {
		t.Errorf("%d advertisements were begun", len(f.adverts))
	}
}

func TestWhatAnotherAdapterHearsIsNotHeard(t *testing.T) {
	t.Parallel()
	address := startBus(t)
	f := startFake(t, address)
	// One that BlueZ remembers, and two signals.
	f.hear("/org/bluez/hci1/dev_0", serviceData(longUUID(0xfff9), []byte("remembered there")))
	heard := scanned(t, f, radioOn(t, address).On("hci0"), func() {
		f.hear("/org/bluez/hci1/dev_0", serviceData(longUUID(0xfff9), []byte("changed there")))
		f.hear("/org/bluez/hci1/dev_1", serviceData(longUUID(0xfff9), []byte("new there")))
		f.hear(fakeAdapter+"/dev_1", serviceData(longUUID(0xfff9), []byte("here")))
	})
	if d := cmp.Diff([][]byte{[]byte("here")}, heard); d != "" {
		t.Errorf("heard (-want +got):\n%s", d)
	}
}

func TestNoPermissionIsNamed(t *testing.T) {
	t.Parallel()
	err := doing(t.Context(), "starting discovery", *dbus.NewError("org.freedesktop.DBus.Error.AccessDenied", []any{"rejected"}))
	if !errors.Is(err, hybrid.ErrRadioOff) || !strings.Contains(err.Error(), "group bluetooth") {
		t.Errorf("got %v, want ErrRadioOff that says what to do", err)
	}
}

// TestRealBlueZ holds two adapters of this machine, within reach of each other
// and with nobody else about, to the contracts of a radio: the first named in
// CARDEA_BLUEZ_ADAPTERS advertises and the second listens. It switches them off
// and on. The lab runs it with two virtual ones.
func TestRealBlueZ(t *testing.T) {
	names := strings.Fields(os.Getenv("CARDEA_BLUEZ_ADAPTERS"))
	if len(names) != 2 {
		t.Skip("CARDEA_BLUEZ_ADAPTERS does not name two adapters, such as \"hci0 hci1\"")
	}
	r, err := New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bus, err := dbus.ConnectSystemBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bus.Close() })
	var room sync.Mutex // there is only one
	radiotest.Run(t, func(t *testing.T) radiotest.Room {
		room.Lock()
		t.Cleanup(room.Unlock)
		power := func(on bool) {
			for _, name := range names {
				switchAdapter(t, bus, name, on)
			}
		}
		power(true)
		takeTurns(t, bus, names[0])
		return radiotest.Room{Advertiser: r.On(names[0]), Scanner: r.On(names[1]), Power: power}
	})
}

// takeTurns has an adapter advertise something of no interest, so that the
// kernel gives each advertisement its turn. An emulated controller reports one
// only when it begins, and a turn is a beginning.
func takeTurns(t *testing.T, bus *dbus.Conn, name string) {
	t.Helper()
	const path dbus.ObjectPath = "/cardea/turns"
	battery := longUUID(0x180f)
	getAll := func(string) (map[string]dbus.Variant, *dbus.Error) {
		return map[string]dbus.Variant{
			"Type":        dbus.MakeVariant("broadcast"),
			"ServiceData": dbus.MakeVariant(map[string]dbus.Variant{battery: dbus.MakeVariant([]byte{100})}),
			"Duration":    dbus.MakeVariant(uint16(1)), // seconds
		}, nil
	}
	if err := bus.ExportMethodTable(map[string]any{"GetAll": getAll}, path, propertiesInterface); err != nil {
		t.Fatal(err)
	}
	if err := bus.ExportMethodTable(map[string]any{"Release": func() *dbus.Error { return nil }}, path, advertInterface); err != nil {
		t.Fatal(err)
	}
	o := bus.Object(service, adapterPath(name))
	if err := o.Call(managerInterface+".RegisterAdvertisement", 0, path, map[string]dbus.Variant{}).Err; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Call(managerInterface+".UnregisterAdvertisement", 0, path) })
}

// switchAdapter sets the power of an adapter and waits until BlueZ says that it
// is so. An adapter that is still busy is asked again.
func switchAdapter(t *testing.T, bus *dbus.Conn, name string, on bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	o := bus.Object(service, adapterPath(name))
	for {
		err := o.CallWithContext(ctx, propertiesInterface+".Set", 0, adapterInterface, "Powered", dbus.MakeVariant(on)).Err
		var now dbus.Variant
		if err == nil {
			err = o.CallWithContext(ctx, propertiesInterface+".Get", 0, adapterInterface, "Powered").Store(&now)
		}
		if is, ok := now.Value().(bool); err == nil && ok && is == on {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("switching %s: %v", name, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func TestScanHearsThoughBlueZDoesNotAnswer(t *testing.T) {
	t.Parallel()
	address := startBus(t)
	f := startFake(t, address)
	mute := make(chan struct{})
	t.Cleanup(func() { close(mute) })
	f.mu.Lock()
	f.mute = mute
	f.mu.Unlock()
	r := radioOn(t, address)
	stop, err := r.Advertise(t.Context(), []byte("phone"))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := r.Scan(ctx, func([]byte) bool { return true }); err != nil {
		t.Error(err)
	}
}
