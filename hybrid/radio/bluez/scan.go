package bluez

import (
	"context"
	"fmt"
	"strings"

	"github.com/godbus/dbus/v5"

	"cardea/hybrid"
)

// Scan implements hybrid.Scanner.
func (r *Radio) Scan(ctx context.Context, heard func(serviceData []byte) (done bool)) error {
	conn, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() // ends discovery, too
	signals := make(chan *dbus.Signal, 64)
	conn.Signal(signals)
	if err := subscribe(ctx, conn); err != nil {
		return err
	}
	all, err := knownObjects(ctx, conn)
	if err != nil {
		return err
	}
	adapter, err := all.adapter(r.name, adapterInterface)
	if err != nil {
		return err
	}
	started, err := startDiscovery(ctx, conn, adapter)
	if err != nil {
		return err
	}
	// What BlueZ remembers may be old. That does no harm: an advertisement
	// opens only with the key of the QR code it was made for.
	for path, interfaces := range all {
		if below(adapter, path) && deliver(interfaces[deviceInterface], heard) {
			return nil
		}
	}
	return listen(ctx, signals, started, adapter, heard)
}

// listen hands on what BlueZ reports, until someone has heard enough or started
// brings an error.
func listen(ctx context.Context, signals <-chan *dbus.Signal, started <-chan *dbus.Call, adapter dbus.ObjectPath, heard func([]byte) bool) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case call := <-started:
			if call.Err != nil {
				return doing(ctx, "starting discovery", call.Err)
			}
		case s, ok := <-signals:
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case !ok:
				return fmt.Errorf("%w: the system bus is gone", hybrid.ErrRadioOff)
			case saysOff(s, adapter):
				return fmt.Errorf("%w: switched off", hybrid.ErrRadioOff)
			case deliver(deviceChanges(s, adapter), heard):
				return nil
			}
		}
	}
}

// subscribe asks the bus for devices, the adapter's power, and the end of
// BlueZ.
func subscribe(ctx context.Context, conn *dbus.Conn) error {
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchSender(service), dbus.WithMatchInterface(objectManager), dbus.WithMatchMember("InterfacesAdded")},
		{dbus.WithMatchSender(service), dbus.WithMatchInterface(objectManager), dbus.WithMatchMember("InterfacesRemoved")},
		{dbus.WithMatchSender(service), dbus.WithMatchInterface(propertiesInterface), dbus.WithMatchMember("PropertiesChanged")},
		{dbus.WithMatchInterface("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, service)},
	} {
		if err := conn.AddMatchSignalContext(ctx, match...); err != nil {
			return doing(ctx, "subscribing", err)
		}
	}
	return nil
}

// startDiscovery has the adapter listen. The answer comes on the channel that
// it returns, or never: when two programs ask at the same time, BlueZ 5.66
// discovers for both and answers one.
func startDiscovery(ctx context.Context, conn *dbus.Conn, adapter dbus.ObjectPath) (<-chan *dbus.Call, error) {
	// No UUIDs in the filter: BlueZ compares them with the list of services,
	// and would hide phones that send service data alone. DuplicateData has
	// every repetition reported.
	filter := map[string]dbus.Variant{
		"Transport":     dbus.MakeVariant("le"),
		"DuplicateData": dbus.MakeVariant(true),
	}
	o := conn.Object(service, adapter)
	if err := o.CallWithContext(ctx, adapterInterface+".SetDiscoveryFilter", 0, filter).Err; err != nil {
		return nil, doing(ctx, "setting the discovery filter", err)
	}
	return o.GoWithContext(ctx, adapterInterface+".StartDiscovery", 0, make(chan *dbus.Call, 1)).Done, nil
}

// saysOff reports whether s means that the adapter cannot be used any more.
func saysOff(s *dbus.Signal, adapter dbus.ObjectPath) bool {
	switch s.Name {
	case "org.freedesktop.DBus.NameOwnerChanged":
		return true
	case objectManager + ".InterfacesRemoved":
		var path dbus.ObjectPath
		var interfaces []string
		err := dbus.Store(s.Body, &path, &interfaces)
		return err == nil && path == adapter
	case propertiesInterface + ".PropertiesChanged":
		iface, changed := changes(s)
		powered, ok := changed["Powered"].Value().(bool)
		return s.Path == adapter && iface == adapterInterface && ok && !powered
	}
	return false
}

// deviceChanges returns the properties that s brings of a device that adapter
// hears. Another adapter of this computer may be listening for somebody else.
func deviceChanges(s *dbus.Signal, adapter dbus.ObjectPath) map[string]dbus.Variant {
	switch s.Name {
	case objectManager + ".InterfacesAdded":
		var path dbus.ObjectPath
		var interfaces map[string]map[string]dbus.Variant
		if dbus.Store(s.Body, &path, &interfaces) == nil && below(adapter, path) {
			return interfaces[deviceInterface]
		}
	case propertiesInterface + ".PropertiesChanged":
		if iface, changed := changes(s); iface == deviceInterface && below(adapter, s.Path) {
			return changed
		}
	}
	return nil
}

func changes(s *dbus.Signal) (iface string, changed map[string]dbus.Variant) {
	var gone []string
	if dbus.Store(s.Body, &iface, &changed, &gone) != nil {
		return "", nil
	}
	return iface, changed
}

// deliver hands on the FIDO service data among the properties of a device.
func deliver(device map[string]dbus.Variant, heard func([]byte) bool) (done bool) {
	data, _ := device["ServiceData"].Value().(map[string]dbus.Variant)
	for uuid, v := range data {
		b, ok := v.Value().([]byte)
		if ok && isFIDO(uuid) && heard(append([]byte(nil), b...)) {
			return true
		}
	}
	return false
}

func isFIDO(uuid string) bool {
	return strings.EqualFold(uuid, longUUID(hybrid.ServiceUUIDFIDO)) ||
		strings.EqualFold(uuid, longUUID(hybrid.ServiceUUIDGoogle))
}
