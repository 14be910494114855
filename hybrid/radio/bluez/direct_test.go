package bluez

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"cardea/hybrid"
)

func TestAddressesAreRead(t *testing.T) {
	t.Parallel()
	got, err := parseAddress("00:AA:01:01:00:0f")
	if want := [6]byte{0, 0xaa, 1, 1, 0, 0xf}; err != nil || got != want {
		t.Errorf("got %x, %v; want %x", got, err, want)
	}
	for _, text := range []string{"", "00:AA:01", "00:AA:01:01:00:0f:00", "hello"} {
		if _, err := parseAddress(text); err == nil {
			t.Errorf("%q was taken for an address", text)
		}
	}
}

// What is advertised has 31 bytes at most: three of flags, the head of the
// service data, and nothing else.
func TestConnectableAdvertisementHasRoomForASuffix(t *testing.T) {
	t.Parallel()
	data := append(make([]byte, hybrid.AdvertSize), hybrid.Suffix(0xff)...)
	const flags, head = 3, 1 + 1 + 2
	if len(data) > maxDirectData || flags+head+maxDirectData > 31 {
		t.Errorf("service data of %d bytes, want %d at most", len(data), maxDirectData)
	}
	properties := connectable(data)
	if _, listed := properties["ServiceUUIDs"]; listed || properties["Type"].Value() != "peripheral" {
		t.Errorf("properties %v, want a peripheral without a list of UUIDs", properties)
	}
}

// TestRealDirect connects two adapters of this machine, as TestRealBlueZ finds
// them.
func TestRealDirect(t *testing.T) {
	names := strings.Fields(os.Getenv("CARDEA_BLUEZ_ADAPTERS"))
	if len(names) != 2 {
		t.Skip("CARDEA_BLUEZ_ADAPTERS does not name two adapters")
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
	for _, name := range names {
		switchAdapter(t, bus, name, true)
	}
	takeTurns(t, bus, names[0])
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l, err := r.On(names[0]).Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	phone := make(chan error, 1)
	go func() { phone <- echoPackets(ctx, l) }()

	data := append(bytes.Repeat([]byte{7}, hybrid.AdvertSize), hybrid.Suffix(l.PSM())...)
	stop, err := l.Advertise(ctx, data)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	var peer hybrid.Peer
	client := r.On(names[1])
	err = client.ScanPeers(ctx, func(heard []byte, from hybrid.Peer) bool {
		peer = from
		return bytes.Equal(heard, data)
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := client.Connect(ctx, peer, l.PSM())
	if err != nil {
		t.Fatal(err)
	}
	exchangePackets(t, ctx, p)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := <-phone; !errors.Is(err, hybrid.ErrPipeClosed) {
		t.Errorf("the phone's end: %v, want ErrPipeClosed", err)
	}
}

// echoPackets sends back what comes on the first connection until its end.
func echoPackets(ctx context.Context, l hybrid.DirectListener) error {
	p, err := l.Accept(ctx)
	if err != nil {
		return err
	}
	defer p.Close()
	for {
		b, err := p.ReadPacket(ctx)
		if err != nil {
			return err
		}
		if err := p.WritePacket(ctx, b); err != nil {
			return err
		}
	}
}

func exchangePackets(t *testing.T, ctx context.Context, p hybrid.Pipe) {
	t.Helper()
	for _, size := range []int{1, 83, p.MaxPacket(), p.MaxPacket()} {
		sent := bytes.Repeat([]byte{byte(size)}, size)
		if err := p.WritePacket(ctx, sent); err != nil {
			t.Fatal(err)
		}
		got, err := p.ReadPacket(ctx)
		if err != nil || !bytes.Equal(got, sent) {
			t.Fatalf("a packet of %d bytes came back as %d, %v", size, len(got), err)
		}
	}
}
