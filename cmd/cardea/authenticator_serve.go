package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/authenticator/testkey"
	"cardea/authenticator/uhid"
	"cardea/authenticator/vpcd"
	"cardea/ctap/ctaphid/socket"
	"cardea/webauthn"
)

type authenticatorServeCommand struct {
	CTAPHID string `name:"ctaphid" xor:"port" required:"" placeholder:"PORT" help:"Where the key is: udp:127.0.0.1:PORT, one report of 64 bytes a datagram; tcp:127.0.0.1:PORT, a stream of them; or uhid, a HID device of this computer."`
	VPCD    string `name:"vpcd" xor:"port" required:"" placeholder:"HOST:PORT" help:"Or the loopback address of vsmartcard's vpcd, as 127.0.0.1:35963: the key is a card in the reader of pcscd."`
	Profile string `enum:"security-key,fingerprint-key,phone" default:"security-key" help:"What the key is to clients: a security key, with a PIN that they set, and U2F; a fingerprint key, which verifies its person too; or like a phone, which has no PIN that clients know."`
	Control string `default:"127.0.0.1:0" help:"Loopback address that takes commands, one a line, and answers ok, or error and why: touch on (say yes at once), touch off (let questions wait), deny (say no to the one that waits or comes next), power off, power on (pull it out, plug it in), reset (as new), status."`

	InsecureTest bool `help:"Say that you know: this key approves everything, without a person."`
}

// Help is what --help says beyond the flags.
func (authenticatorServeCommand) Help() string {
	return `A key for the tests of other programs. It approves what it is asked, keeps its passkeys in memory and forgets them when it ends.
Both addresses are of this machine only; any other is refused.

An example:

  cardea authenticator serve --insecure-test --ctaphid udp:127.0.0.1:8111 --control 127.0.0.1:8112
  echo touch off | nc -N 127.0.0.1 8112`
}

func (c *authenticatorServeCommand) Run(s *session) error {
	if !c.InsecureTest {
		return errors.New("this key approves everything that any program of this machine asks, without a person; if that is what you want, for a test, add --insecure-test")
	}
	port, err := c.open()
	if err != nil {
		return fmt.Errorf("opening the key's port: %w", err)
	}
	defer port.close()
	host, err := socket.ParseAddress("tcp:" + c.Control)
	if err != nil {
		return fmt.Errorf("opening the control port: %w", err)
	}
	control, err := net.Listen("tcp", host.Host.String())
	if err != nil {
		return fmt.Errorf("opening the control port: %w", err)
	}
	kind, err := c.kind()
	if err != nil {
		return errors.Join(err, control.Close())
	}
	kind.Port, kind.Transports, kind.Log = port.port, port.transports, s.log
	key := testkey.New(kind)
	if err := key.PowerOn(); err != nil {
		return errors.Join(err, control.Close())
	}
	fmt.Fprintf(s.out, "Test key on %s\nControl on tcp:%s\n", port.where, control.Addr())
	err = key.Control(s.ctx, control)
	if errors.Is(err, context.Canceled) {
		err = nil // we were told to end
	}
	return errors.Join(err, key.PowerOff())
}

// kind is what the profile says.
func (c *authenticatorServeCommand) kind() (testkey.Config, error) {
	if c.Profile == "phone" {
		return testkey.Config{Profile: authenticator.Phone}, nil
	}
	a, _, err := authtest.NewAttestation(authenticator.AAGUIDComputer)
	if err != nil {
		return testkey.Config{}, fmt.Errorf("making an attestation: %w", err)
	}
	return testkey.Config{
		Profile: authenticator.SecurityKey, BuiltInUV: c.Profile == "fingerprint-key", Attestation: a,
	}, nil
}

// A testPort is where a test key is plugged in, until it is closed.
type testPort struct {
	port       testkey.Port
	transports []string
	where      string // for people
	close      func() error
}

func (c *authenticatorServeCommand) open() (testPort, error) {
	none := func() error { return nil }
	switch {
	case c.VPCD != "":
		r, err := vpcd.ParseReader(c.VPCD)
		nfc := []string{webauthn.TransportNFC, webauthn.TransportSmartCard}
		return testPort{testkey.Card(r), nfc, "the card reader at " + r.String(), none}, err
	case c.CTAPHID == "uhid":
		return testPort{testkey.HID(hidPort{}), nil, "a HID device of this computer", none}, nil
	}
	a, err := socket.ParseAddress(c.CTAPHID)
	if err != nil {
		return testPort{}, err
	}
	l, err := socket.Listen(a)
	if err != nil {
		return testPort{}, err
	}
	return testPort{testkey.HID(l), nil, l.Address().String(), l.Close}, nil
}

// A hidPort is this computer's /dev/uhid.
type hidPort struct{}

func (hidPort) Plug() (io.ReadWriteCloser, error) { return uhid.Open(uhid.DefaultIdentity) }
