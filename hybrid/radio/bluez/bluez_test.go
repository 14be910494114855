package bluez

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"

	"cardea/hybrid"
	"cardea/hybrid/radio/radiotest"
)

// radioOn returns a Radio on the bus at address.
func radioOn(t *testing.T, address string) *Radio {
	t.Helper()
	r, err := newRadio(t.Context(), func(ctx context.Context) (*dbus.Conn, error) {
		return dbus.Connect(address, dbus.WithContext(ctx))
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestContract(t *testing.T) {
	t.Parallel()
	radiotest.Run(t, func(t *testing.T) radiotest.Room {
		address := startBus(t)
		f := startFake(t, address)
		r := radioOn(t, address)
		return radiotest.Room{Advertiser: r, Scanner: r, Power: f.setPower}
	})
}

func TestAdvertisementIsABroadcastOfServiceData(t *testing.T) {
	t.Parallel()
	address := startBus(t)
	f := startFake(t, address)
	data := bytes.Repeat([]byte{0xa5}, 20)
	stop, err := radioOn(t, address).Advertise(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	var got map[string]any
	for _, properties := range f.adverts {
		got = map[string]any{}
		for name, v := range properties {
			got[name] = v.Value()
		}
	}
	f.mu.Unlock()
	const uuid = "0000fff9-0000-1000-8000-00805f9b34fb"
	want := map[string]any{
		"Type":         "broadcast",
		"ServiceUUIDs": []string{uuid},
		"ServiceData":  map[string]dbus.Variant{uuid: dbus.MakeVariant(data)},
		"MinInterval":  uint32(100),
		"MaxInterval":  uint32(200),
	}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b dbus.Variant) bool { return a.String() == b.String() })); d != "" {
		t.Errorf("advertisement (-want +got):\n%s", d)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.adverts) != 0 {
		t.Errorf("%d advertisements after stop, want none", len(f.adverts))
	}
}

// scanned collects what a scan hears while say plays, until it hears end.
func scanned(t *testing.T, f *fakeBlueZ, r *Radio, say func()) (heard [][]byte) {
	t.Helper()
	end := []byte("end")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	f.hear(fakeAdapter+"/dev_start", serviceData(longUUID(0xfff9), []byte("start")))
	var once bool
	err := r.Scan(ctx, func(b []byte) bool {
		if !once {
			once = true
			say()
			f.hear(fakeAdapter+"/dev_end", serviceData(longUUID(0xfff9), end))
		}
		if bytes.Equal(b, end) {
			return true
		}
		heard = append(heard, b)
		return false
	})
	if err != nil {
		t.Fatalf("scanning: %v; heard %q", err, heard)
	}
	return heard[1:]
}

func serviceData(uuid string, data any) dbus.Variant {
	return dbus.MakeVariant(map[string]dbus.Variant{uuid: dbus.MakeVariant(data)})
}

func TestOnlyFIDOServiceDataIsHeard(t *testing.T) {
	t.Parallel()
	address := startBus(t)
	f := startFake(t, address)
	heard := scanned(t, f, radioOn(t, address), func() {
		f.hear(fakeAdapter+"/dev_1", serviceData("0000180f-0000-1000-8000-00805f9b34fb", []byte("battery")))
		f.hear(fakeAdapter+"/dev_2", serviceData("0000FDE2-0000-1000-8000-00805F9B34FB", []byte("an old phone")))
		f.hear(fakeAdapter+"/dev_3", serviceData(longUUID(0xfff9), "not bytes"))
		f.hear(fakeAdapter+"/dev_4", dbus.MakeVariant(int32(1)))
		f.hear(fakeAdapter+"/dev_1", serviceData(longUUID(0xfff9), []byte("a phone")))
	})
	want := [][]byte{[]byte("an old phone"), []byte("a phone")}
	if d := cmp.Diff(want, heard); d != "" {
		t.Errorf("heard (-want +got):\n%s", d)
	}
}

func TestDiscoveryFilterNamesNoUUID(t *testing.T) {
	t.Parallel()
	address := startBus(t)
	f := startFake(t, address)
	f.hear(fakeAdapter+"/dev_1", serviceData(longUUID(0xfff9), []byte("phone")))
	err := radioOn(t, address).Scan(t.Context(), func([]byte) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.listeners) != 1 {
			t.Errorf("%d set a filter, want 1", len(f.listeners))
		}
		for _, filter := range f.listeners {
			_, uuids := filter["UUIDs"]
			if uuids || filter["Transport"].Value() != "le" || filter["DuplicateData"].Value() != true {
				t.Errorf("filter = %v, want LE, duplicates and no UUIDs", filter)
			}
		}
		return true
	})
	if err != nil {
		t.Error(err)
	}
}

func wantOff(t *testing.T, r *Radio) {
	t.Helper()
	if _, err := r.Advertise(t.Context(), []byte{1}); !errors.Is(err, hybrid.ErrRadioOff) {
		t.Errorf("advertise returned %v, want ErrRadioOff", err)
	}
	if err := r.Scan(t.Context(), func([]byte) bool { return true }); !errors.Is(err, hybrid.ErrRadioOff) {
		t.Errorf("scan returned %v, want ErrRadioOff", err)
	}
}

func TestNoBlueZMeansRadioOff(t *testing.T) {
	t.Parallel()
	wantOff(t, radioOn(t, startBus(t)))
}

func TestNoAdapterMeansRadioOff(t *testing.T) {
	t.Parallel()
	address := startBus(t)
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	none := func() (objects, *dbus.Error) { return objects{}, nil }
	if err := conn.ExportMethodTable(map[string]any{"GetManagedObjects": none}, "/", objectManager); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName(service, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	wantOff(t, radioOn(t, address))
}

func TestNoBusMeansRadioOff(t *testing.T) {
	t.Parallel()
	_, err := newRadio(t.Context(), func(ctx context.Context) (*dbus.Conn, error) {
		return dbus.Connect("unix:path="+t.TempDir()+"/none", dbus.WithContext(ctx))
	})
	if !errors.Is(err, hybrid.ErrRadioOff) {
		t.Errorf("got %v, want ErrRadioOff", err)
	}
}

func TestEndOfBlueZEndsAScan(t *testing.T) {
	t.Parallel()
	address := startBus(t)
	f := startFake(t, address)
	f.hear(fakeAdapter+"/dev_1", serviceData(longUUID(0xfff9), []byte("phone")))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := radioOn(t, address).Scan(ctx, func([]byte) bool {
		f.conn.ReleaseName(service)
		return false
	})
	if !errors.Is(err, hybrid.ErrRadioOff) {
		t.Errorf("scan returned %v, want ErrRadioOff", err)
	}
}

func TestServiceDataThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	r := &Radio{connect: func(context.Context) (*dbus.Conn, error) {
		t.Error("the bus was asked")
		return nil, errors.New("not wanted")
	}}
	for _, n := range []int{0, 21} {
		if _, err := r.Advertise(t.Context(), make([]byte, n)); err == nil || errors.Is(err, hybrid.ErrRadioOff) {
			t.Errorf("advertising %d bytes = %v, want an error of its own", n, err)
		}
	}
}
