package bluez

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"

	"cardea/hybrid"
)

var (
	_ hybrid.DirectAdvertiser = (*Radio)(nil)
	_ hybrid.DirectScanner    = (*Radio)(nil)
)

// maxDirectData is what fits beside the flags when there is no list of UUIDs:
// 31 bytes less 3 and the head of the service data. It is a sealed EID and the
// suffix that names a PSM of one byte.
const maxDirectData = 24

// A listener is a place for direct connections.
type listener struct {
	radio  *Radio
	socket socket
	psm    hybrid.PSM
}

// Listen implements hybrid.DirectAdvertiser. The place has the adapter's own
// address, which does not change: unlike a broadcast, the advertisement of it
// tells which phone it is.
func (r *Radio) Listen(ctx context.Context) (hybrid.DirectListener, error) {
	conn, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	all, err := knownObjects(ctx, conn)
	if err != nil {
		return nil, err
	}
	_, address, err := r.addressIn(all)
	if err != nil {
		return nil, err
	}
	s, psm, err := listenL2CAP(address)
	if err != nil {
		return nil, fmt.Errorf("listening for direct connections: %w", err)
	}
	return &listener{r, s, psm}, nil
}

// addressIn returns the adapter in use and its address.
func (r *Radio) addressIn(all objects) (dbus.ObjectPath, [6]byte, error) {
	path, err := all.adapter(r.name, adapterInterface)
	if err != nil {
		return "", [6]byte{}, err
	}
	text, _ := all[path][adapterInterface]["Address"].Value().(string)
	address, err := parseAddress(text)
	return path, address, err
}

// parseAddress reads an address such as 00:AA:01:00:00:00.
func parseAddress(text string) (address [6]byte, err error) {
	b, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil || len(b) != len(address) {
		return address, fmt.Errorf("%q is no Bluetooth address", text)
	}
	return [6]byte(b), nil
}

func (l *listener) PSM() hybrid.PSM { return l.psm }

func (l *listener) Advertise(ctx context.Context, serviceData []byte) (stop func() error, err error) {
	if len(serviceData) == 0 || len(serviceData) > maxDirectData {
		return nil, fmt.Errorf("service data of %d bytes, want 1 to %d", len(serviceData), maxDirectData)
	}
	conn, err := l.radio.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.radio.startAdvert(ctx, conn, connectable(serviceData)); err != nil {
		conn.Close()
		return nil, err
	}
	return sync.OnceValue(func() error {
		stopAdvert(ctx, conn)
		return conn.Close()
	}), nil
}

// connectable are the properties of an advertisement that can be connected to.
// It leaves out the list of UUIDs, so that it fits.
func connectable(serviceData []byte) map[string]dbus.Variant {
	properties := broadcast(serviceData)
	properties["Type"] = dbus.MakeVariant("peripheral")
	delete(properties, "ServiceUUIDs")
	return properties
}

func (l *listener) Accept(ctx context.Context) (hybrid.Pipe, error) { return l.socket.accept(ctx) }

func (l *listener) Close() error { return l.socket.f.Close() }

// Connect implements hybrid.DirectScanner.
func (r *Radio) Connect(ctx context.Context, to hybrid.Peer, psm hybrid.PSM) (hybrid.Pipe, error) {
	conn, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	all, err := knownObjects(ctx, conn)
	if err != nil {
		return nil, err
	}
	_, own, err := r.addressIn(all)
	if err != nil {
		return nil, err
	}
	device := all[dbus.ObjectPath(to)][deviceInterface]
	if device == nil {
		return nil, errors.New("connecting directly: the phone has gone")
	}
	text, _ := device["Address"].Value().(string)
	address, err := parseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("connecting directly: %w", err)
	}
	kind, _ := device["AddressType"].Value().(string)
	return dialL2CAP(ctx, own, address, kind == "random", psm)
}
