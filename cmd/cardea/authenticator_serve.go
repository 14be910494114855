package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"cardea/authenticator/testkey"
	"cardea/authenticator/uhid"
	"cardea/ctap/ctaphid/socket"
)

type authenticatorServeCommand struct {
	CTAPHID      string `name:"ctaphid" required:"" help:"Where the key is: udp:127.0.0.1:PORT, one report of 64 bytes a datagram; tcp:127.0.0.1:PORT, a stream of them; or uhid, a HID device of this computer."`
	Control      string `default:"127.0.0.1:0" help:"Loopback address that takes the commands touch on, touch off, deny, power off, power on, reset and status, one a line."`
	InsecureTest bool   `help:"Say that you know: this key approves everything, without a person."`
}

func (c *authenticatorServeCommand) Run(s *session) error {
	if !c.InsecureTest {
		return errors.New("this key approves everything that any program of this machine asks, without a person; if that is what you want, for a test, add --insecure-test")
	}
	port, where, err := c.open()
	if err != nil {
		return err
	}
	defer port.Close()
	host, err := socket.ParseAddress("tcp:" + c.Control)
	if err != nil {
		return fmt.Errorf("opening the control port: %w", err)
	}
	control, err := net.Listen("tcp", host.Host.String())
	if err != nil {
		return fmt.Errorf("opening the control port: %w", err)
	}
	key := testkey.New(port, s.log)
	if err := key.PowerOn(); err != nil {
		return errors.Join(err, control.Close())
	}
	fmt.Fprintf(s.out, "Test key on %s\nControl on tcp:%s\n", where, control.Addr())
	err = key.Control(s.ctx, control)
	if errors.Is(err, context.Canceled) {
		err = nil // we were told to end
	}
	return errors.Join(err, key.PowerOff())
}

// A testPort is where a test key is plugged in, until it is closed.
type testPort interface {
	testkey.Port
	io.Closer
}

func (c *authenticatorServeCommand) open() (testPort, string, error) {
	if c.CTAPHID == "uhid" {
		return hidPort{}, "a HID device of this computer", nil
	}
	a, err := socket.ParseAddress(c.CTAPHID)
	if err != nil {
		return nil, "", fmt.Errorf("opening the key's port: %w", err)
	}
	l, err := socket.Listen(a)
	if err != nil {
		return nil, "", fmt.Errorf("opening the key's port: %w", err)
	}
	return l, l.Address().String(), nil
}

// A hidPort is this computer's /dev/uhid.
type hidPort struct{}

func (hidPort) Plug() (io.ReadWriteCloser, error) { return uhid.Open(uhid.DefaultIdentity) }

func (hidPort) Close() error { return nil }
