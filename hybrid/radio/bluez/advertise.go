package bluez

import (
	"context"
	"fmt"
	"path"
	"sync"

	"github.com/godbus/dbus/v5"

	"cardea/hybrid"
)

// advertPath is where our advertisement lies on its connection. Each has its
// own, so the path can be the same.
const advertPath dbus.ObjectPath = "/cardea/advertisement"

// maxServiceData is what fits: 31 bytes of a legacy advertisement less the
// list of UUIDs (4) and the head of the service data (4), less 3 for flags
// that some controllers add.
const maxServiceData = 20

// Milliseconds between repetitions.
const (
	minInterval uint32 = 100
	maxInterval uint32 = 200
)

// Advertise implements hybrid.Advertiser.
func (r *Radio) Advertise(ctx context.Context, serviceData []byte) (stop func() error, err error) {
	if len(serviceData) == 0 || len(serviceData) > maxServiceData {
		return nil, fmt.Errorf("service data of %d bytes, want 1 to %d", len(serviceData), maxServiceData)
	}
	conn, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.startAdvert(ctx, conn, broadcast(serviceData)); err != nil {
		conn.Close()
		return nil, err
	}
	return sync.OnceValue(func() error {
		stopAdvert(ctx, conn)
		return conn.Close()
	}), nil
}

// CanAdvertise says what would keep Advertise from beginning now, without
// beginning: no adapter that is on and can, or others have all that it can.
func (r *Radio) CanAdvertise(ctx context.Context) error {
	conn, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	all, err := knownObjects(ctx, conn)
	if err != nil {
		return err
	}
	adapter, err := all.adapter(r.name, managerInterface)
	if err != nil {
		return err
	}
	// What BlueZ calls supported is what is left. Without the number there is no
	// knowing.
	if left, ok := all[adapter][managerInterface]["SupportedInstances"].Value().(byte); ok && left == 0 {
		return fmt.Errorf("all that %s can advertise at once is taken", path.Base(string(adapter)))
	}
	return nil
}

func (r *Radio) startAdvert(ctx context.Context, conn *dbus.Conn, properties map[string]dbus.Variant) error {
	all, err := knownObjects(ctx, conn)
	if err != nil {
		return err
	}
	adapter, err := all.adapter(r.name, managerInterface)
	if err != nil {
		return err
	}
	if err := exportAdvert(conn, properties); err != nil {
		return fmt.Errorf("offering the advertisement: %w", err)
	}
	err = conn.Object(service, adapter).CallWithContext(ctx, managerInterface+".RegisterAdvertisement", 0,
		advertPath, map[string]dbus.Variant{}).Err
	return doing(ctx, "registering the advertisement", err)
}

// stopAdvert takes the advertisement back. If the connection is gone, because
// ctx ended or the bus did, so is the advertisement.
func stopAdvert(ctx context.Context, conn *dbus.Conn) {
	if ctx.Err() != nil || !conn.Connected() {
		return
	}
	all, err := knownObjects(ctx, conn)
	if err != nil {
		return // no BlueZ, no advertisement
	}
	for path, interfaces := range all {
		if interfaces[managerInterface] != nil {
			// An adapter that was switched off has forgotten it: no error.
			conn.Object(service, path).CallWithContext(ctx, managerInterface+".UnregisterAdvertisement", 0, advertPath)
		}
	}
}

// broadcast are the properties of an advertisement that cannot be connected to.
func broadcast(serviceData []byte) map[string]dbus.Variant {
	uuid := longUUID(hybrid.ServiceUUIDFIDO)
	return map[string]dbus.Variant{
		"Type":         dbus.MakeVariant("broadcast"),
		"ServiceUUIDs": dbus.MakeVariant([]string{uuid}),
		"ServiceData":  dbus.MakeVariant(map[string]dbus.Variant{uuid: dbus.MakeVariant(append([]byte(nil), serviceData...))}),
		"MinInterval":  dbus.MakeVariant(minInterval),
		"MaxInterval":  dbus.MakeVariant(maxInterval),
	}
}

// exportAdvert puts the object on the bus that BlueZ will read.
func exportAdvert(conn *dbus.Conn, properties map[string]dbus.Variant) error {
	get := func(iface, name string) (dbus.Variant, *dbus.Error) {
		v, ok := properties[name]
		if iface != advertInterface || !ok {
			return v, dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs", nil)
		}
		return v, nil
	}
	getAll := func(iface string) (map[string]dbus.Variant, *dbus.Error) {
		if iface != advertInterface {
			return nil, dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs", nil)
		}
		return properties, nil
	}
	// BlueZ says Release when it drops the advertisement by itself. There is
	// nothing to clean up.
	release := func() *dbus.Error { return nil }
	if err := conn.ExportMethodTable(map[string]any{"Get": get, "GetAll": getAll}, advertPath, propertiesInterface); err != nil {
		return err
	}
	return conn.ExportMethodTable(map[string]any{"Release": release}, advertPath, advertInterface)
}
