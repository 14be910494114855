package bluez

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"cardea/hybrid"
)

// Names of BlueZ on the bus.
const (
	service             = "org.bluez"
	adapterInterface    = "org.bluez.Adapter1"
	deviceInterface     = "org.bluez.Device1"
	managerInterface    = "org.bluez.LEAdvertisingManager1"
	advertInterface     = "org.bluez.LEAdvertisement1"
	objectManager       = "org.freedesktop.DBus.ObjectManager"
	propertiesInterface = "org.freedesktop.DBus.Properties"
)

// A Radio is the computer's Bluetooth. It holds no connection between acts,
// and is safe for concurrent use.
type Radio struct {
	connect func(ctx context.Context) (*dbus.Conn, error)
	name    string // the adapter's; empty for the first that is switched on
}

var (
	_ hybrid.Advertiser = (*Radio)(nil)
	_ hybrid.Scanner    = (*Radio)(nil)
)

// New returns the computer's Radio. The error wraps hybrid.ErrRadioOff when
// the system has no bus that answers. An adapter that is missing or switched
// off is not an error yet: a person may plug it in or switch it on before they
// scan.
func New(ctx context.Context) (*Radio, error) {
	return newRadio(ctx, func(ctx context.Context) (*dbus.Conn, error) {
		return dbus.ConnectSystemBus(dbus.WithContext(ctx))
	})
}

func newRadio(ctx context.Context, connect func(context.Context) (*dbus.Conn, error)) (*Radio, error) {
	r := &Radio{connect: connect}
	conn, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	return r, conn.Close()
}

// On returns the radio of one adapter, by the name that the system gives it,
// such as "hci1". The empty name is any: the first that is switched on. As with
// New, it is no error yet that there is none of this name.
func (r *Radio) On(adapter string) *Radio {
	return &Radio{connect: r.connect, name: adapter}
}

// open connects to the bus. The connection closes when ctx ends.
func (r *Radio) open(ctx context.Context) (*dbus.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := r.connect(ctx)
	if err != nil {
		return nil, doing(ctx, "connecting to the system bus", fmt.Errorf("%w: %w", hybrid.ErrRadioOff, err))
	}
	return conn, nil
}

// accessDenied is the bus's no: its policy lets this user not at BlueZ.
const accessDenied = "org.freedesktop.DBus.Error.AccessDenied"

// What BlueZ and the bus say when there is no radio to be had.
var meansOff = []string{
	"org.bluez.Error.NotReady",
	"org.bluez.Error.NotAvailable",
	"org.freedesktop.DBus.Error.NameHasNoOwner",
	"org.freedesktop.DBus.Error.ServiceUnknown",
	"org.freedesktop.DBus.Error.UnknownObject",
}

// doing says what failed, why, and whether the reason is that the radio is
// off. If ctx has ended, that is the reason.
func doing(ctx context.Context, what string, err error) error {
	var de dbus.Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &de) && de.Name == accessDenied:
		err = fmt.Errorf("%w: this user may not use Bluetooth; on most systems those of the group bluetooth may: %w", hybrid.ErrRadioOff, err)
	case errors.As(err, &de) && slices.Contains(meansOff, de.Name):
		err = fmt.Errorf("%w: %w", hybrid.ErrRadioOff, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// objects is what BlueZ knows: path, interface, property.
type objects map[dbus.ObjectPath]map[string]map[string]dbus.Variant

func knownObjects(ctx context.Context, conn *dbus.Conn) (objects, error) {
	var all objects
	err := conn.Object(service, "/").CallWithContext(ctx, objectManager+".GetManagedObjects", 0).Store(&all)
	return all, doing(ctx, "asking BlueZ for adapters", err)
}

// adapter returns the first adapter that is powered and has the interface
// needed; if name is not empty, the one of that name.
func (all objects) adapter(name, needed string) (dbus.ObjectPath, error) {
	var paths []dbus.ObjectPath
	for path, interfaces := range all {
		if name != "" && path != adapterPath(name) {
			continue
		}
		if _, ok := interfaces[needed]; ok && interfaces[adapterInterface] != nil {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths) // hci0 before hci1
	for _, path := range paths {
		if powered, _ := all[path][adapterInterface]["Powered"].Value().(bool); powered {
			return path, nil
		}
	}
	switch {
	case len(paths) == 0 && name != "":
		return "", fmt.Errorf("%w: no adapter %s", hybrid.ErrRadioOff, name)
	case len(paths) == 0:
		return "", fmt.Errorf("%w: no adapter", hybrid.ErrRadioOff)
	}
	return "", fmt.Errorf("%w: adapter is not powered", hybrid.ErrRadioOff)
}

// adapterPath is where BlueZ keeps the adapter that the kernel calls name.
func adapterPath(name string) dbus.ObjectPath { return dbus.ObjectPath("/org/bluez/" + name) }

// below reports whether path is that of something that adapter has met.
func below(adapter, path dbus.ObjectPath) bool {
	return strings.HasPrefix(string(path), string(adapter)+"/")
}

// longUUID is a 16-bit UUID the way BlueZ writes it.
func longUUID(short uint16) string {
	return fmt.Sprintf("%08x-0000-1000-8000-00805f9b34fb", short)
}
