package socket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"cardea/ctap/ctaphid"
)

// ErrNotLoopback refuses an address that others than this machine can reach.
var ErrNotLoopback = errors.New("not a loopback address")

// An Address is where a Socket is, as "udp:127.0.0.1:8111". Port 0 stands for
// any that is free.
type Address struct {
	Network string // "udp" or "tcp"
	Host    netip.AddrPort
}

// ParseAddress reads an Address. Its error wraps ErrNotLoopback if the address
// is of another machine or of all interfaces; names are not looked up.
func ParseAddress(text string) (Address, error) {
	network, host, ok := strings.Cut(text, ":")
	if !ok || network != "udp" && network != "tcp" {
		return Address{}, fmt.Errorf("address %q: want udp:127.0.0.1:PORT or tcp:127.0.0.1:PORT", text)
	}
	where, err := netip.ParseAddrPort(host)
	if err != nil {
		return Address{}, fmt.Errorf("address %q: %w", text, err)
	}
	if !where.Addr().Unmap().IsLoopback() {
		return Address{}, fmt.Errorf("address %q: %w", text, ErrNotLoopback)
	}
	return Address{network, where}, nil
}

// String is the text that ParseAddress reads.
func (a Address) String() string { return a.Network + ":" + a.Host.String() }

// Dial returns the client's end: it reads and writes one report at a time, as
// ctaphid.Open wants it. Over UDP nobody need be there.
func Dial(ctx context.Context, a Address) (io.ReadWriteCloser, error) {
	c, err := new(net.Dialer).DialContext(ctx, a.Network, a.Host.String())
	if err != nil {
		return nil, fmt.Errorf("reaching the device: %w", err)
	}
	if a.Network == "udp" {
		return c, nil
	}
	return stream{c}, nil
}

// A stream cuts what TCP joins.
type stream struct{ net.Conn }

// Read reads one report.
func (s stream) Read(p []byte) (int, error) {
	if len(p) < ctaphid.ReportSize {
		return 0, io.ErrShortBuffer
	}
	return io.ReadFull(s.Conn, p[:ctaphid.ReportSize])
}
