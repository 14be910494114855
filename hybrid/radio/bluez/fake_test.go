package bluez

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// startBus starts a private message bus and returns its address.
func startBus(t *testing.T) string {
	t.Helper()
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("dbus-daemon is not installed: BlueZ is reached over D-Bus, and the test starts a bus of its own")
	}
	dir, err := os.MkdirTemp("", "bus") // t.TempDir can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	config := filepath.Join(dir, "bus.conf")
	err = os.WriteFile(config, []byte(`<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>custom</type><listen>unix:path=`+dir+`/socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(daemon, "--config-file="+config, "--nofork", "--print-address")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("dbus-daemon printed no address: %v", err)
	}
	return strings.TrimSpace(line)
}

const fakeAdapter dbus.ObjectPath = "/org/bluez/hci0"

// A fakeBlueZ behaves like bluetoothd with one adapter whose advertisements
// come back to its own ears.
type fakeBlueZ struct {
	t    *testing.T
	conn *dbus.Conn

	mu        sync.Mutex
	powered   bool
	taken     bool                               // others advertise as much as the adapter can
	mute      chan struct{}                      // if there is one, who starts discovery is answered when it closes
	adverts   map[string]map[string]dbus.Variant // by sender: what it exported
	devices   map[dbus.ObjectPath]dbus.Variant   // ServiceData, as remembered
	listeners map[string]map[string]dbus.Variant // by sender: its filter
}

func startFake(t *testing.T, address string) *fakeBlueZ {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeBlueZ{
		t: t, conn: conn, powered: true,
		adverts:   map[string]map[string]dbus.Variant{},
		devices:   map[dbus.ObjectPath]dbus.Variant{},
		listeners: map[string]map[string]dbus.Variant{},
	}
	for _, e := range []struct {
		methods map[string]any
		path    dbus.ObjectPath
		iface   string
	}{
		{map[string]any{"GetManagedObjects": f.managedObjects}, "/", objectManager},
		{map[string]any{"SetDiscoveryFilter": f.setFilter, "StartDiscovery": f.startDiscovery}, fakeAdapter, adapterInterface},
		{map[string]any{"RegisterAdvertisement": f.register, "UnregisterAdvertisement": f.unregister}, fakeAdapter, managerInterface},
	} {
		if err := conn.ExportMethodTable(e.methods, e.path, e.iface); err != nil {
			t.Fatal(err)
		}
	}
	f.watchDepartures()
	if _, err := conn.RequestName(service, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var repeating sync.WaitGroup
	repeating.Go(func() { f.repeat(ctx) })
	t.Cleanup(func() {
		cancel()
		repeating.Wait()
		conn.Close()
	})
	return f
}

// watchDepartures drops what belonged to a connection that ended.
func (f *fakeBlueZ) watchDepartures() {
	signals := make(chan *dbus.Signal, 16)
	f.conn.Signal(signals)
	if err := f.conn.AddMatchSignal(dbus.WithMatchInterface("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged")); err != nil {
		f.t.Fatal(err)
	}
	go func() {
		for s := range signals {
			var name, before, after string
			if dbus.Store(s.Body, &name, &before, &after) == nil && after == "" {
				f.mu.Lock()
				delete(f.adverts, name)
				delete(f.listeners, name)
				f.mu.Unlock()
			}
		}
	}()
}

var notReady = dbus.NewError("org.bluez.Error.NotReady", []any{"Resource Not Ready"})

func (f *fakeBlueZ) managedObjects() (objects, *dbus.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := objects{fakeAdapter: {
		adapterInterface: {"Powered": dbus.MakeVariant(f.powered)},
		managerInterface: {"SupportedInstances": dbus.MakeVariant(byte(5))},
	}}
	if f.taken {
		all[fakeAdapter][managerInterface]["SupportedInstances"] = dbus.MakeVariant(byte(0))
	}
	for path, data := range f.devices {
		all[path] = map[string]map[string]dbus.Variant{deviceInterface: {"ServiceData": data}}
	}
	return all, nil
}

func (f *fakeBlueZ) setFilter(filter map[string]dbus.Variant, from dbus.Sender) *dbus.Error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listeners[string(from)] = filter
	return nil
}

func (f *fakeBlueZ) startDiscovery(from dbus.Sender) *dbus.Error {
	f.mu.Lock()
	powered, mute := f.powered, f.mute
	f.mu.Unlock()
	if mute != nil {
		<-mute
	}
	if !powered {
		return notReady
	}
	return nil
}

// register reads the advertisement from its owner, as bluetoothd does before
// it answers.
func (f *fakeBlueZ) register(path dbus.ObjectPath, _ map[string]dbus.Variant, from dbus.Sender) *dbus.Error {
	f.mu.Lock()
	powered := f.powered
	f.mu.Unlock()
	if !powered {
		return notReady
	}
	var properties map[string]dbus.Variant
	err := f.conn.Object(string(from), path).Call(propertiesInterface+".GetAll", 0, advertInterface).Store(&properties)
	if err != nil {
		return dbus.NewError("org.bluez.Error.Failed", []any{err.Error()})
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.adverts[string(from)] = properties
	return nil
}

func (f *fakeBlueZ) unregister(_ dbus.ObjectPath, from dbus.Sender) *dbus.Error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.adverts[string(from)] == nil {
		return dbus.NewError("org.bluez.Error.DoesNotExist", nil)
	}
	delete(f.adverts, string(from))
	return nil
}

// repeat sends every advertisement again and again, from one device each.
func (f *fakeBlueZ) repeat(ctx context.Context) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		f.mu.Lock()
		adverts := maps.Clone(f.adverts)
		f.mu.Unlock()
		for owner, properties := range adverts {
			f.hear(dbus.ObjectPath(fmt.Sprintf("%s/dev_%s", fakeAdapter, strings.NewReplacer(":", "_", ".", "_").Replace(owner))),
				properties["ServiceData"])
		}
	}
}

// hear is what happens when the adapter receives service data from a device.
func (f *fakeBlueZ) hear(device dbus.ObjectPath, serviceData dbus.Variant) {
	f.mu.Lock()
	_, known := f.devices[device]
	f.devices[device] = serviceData
	f.mu.Unlock()
	changed := map[string]dbus.Variant{"ServiceData": serviceData}
	if known {
		f.conn.Emit(device, propertiesInterface+".PropertiesChanged", deviceInterface, changed, []string{})
	} else {
		f.conn.Emit("/", objectManager+".InterfacesAdded", device, map[string]map[string]dbus.Variant{deviceInterface: changed})
	}
}

func (f *fakeBlueZ) setPower(on bool) {
	f.mu.Lock()
	f.powered = on
	if !on {
		clear(f.adverts)
	}
	f.mu.Unlock()
	f.conn.Emit(fakeAdapter, propertiesInterface+".PropertiesChanged", adapterInterface,
		map[string]dbus.Variant{"Powered": dbus.MakeVariant(on)}, []string{})
}
