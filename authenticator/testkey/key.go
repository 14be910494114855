package testkey

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"cardea/authenticator"
	"cardea/authenticator/uhid"
	"cardea/authenticator/vault/vaulttest"
	"cardea/authenticator/vpcd"
	"cardea/webauthn"
)

// A Port is where a key is plugged in: HID or Card. Calling it plugs the key in,
// and what it returns serves an authenticator there until its context ends, which
// pulls the key out.
type Port func() (Serve, error)

// Serve lets a answer what comes to a port, until ctx ends.
type Serve func(ctx context.Context, a *authenticator.Authenticator) error

// A Plug is what HID keys are plugged into. What it returns reads and writes one
// report at a time; closing that pulls the key out.
type Plug interface {
	Plug() (io.ReadWriteCloser, error)
}

// HID is a port for CTAPHID: a socket of package ctap/ctaphid/socket, or
// /dev/uhid.
func HID(p Plug) Port {
	return func() (Serve, error) {
		end, err := p.Plug()
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, a *authenticator.Authenticator) error {
			return uhid.Serve(ctx, end, a)
		}, nil
	}
}

// Card is a card reader that is a program. It need not be there yet.
func Card(r vpcd.Reader) Port { return func() (Serve, error) { return r.Serve, nil } }

// Config says what kind of key it is.
type Config struct {
	// Port is where it is plugged in.
	Port Port
	// Profile is what it is to clients: a phone, unless it is set, or a
	// security key with everything that one has, U2F too.
	Profile authenticator.Profile
	// BuiltInUV says that a security key verifies its person itself as well, as
	// one with a fingerprint sensor.
	BuiltInUV bool
	// Attestation vouches for a security key's passkeys; nil for none.
	Attestation *authenticator.Attestation
	// Transports are what getInfo says of the port; nil for usb.
	Transports []string
	// Log gets one record a request; nil for none.
	Log *slog.Logger
}

// A Key is the key. It is safe for concurrent use. The zero Key is not usable.
type Key struct {
	cfg    Config
	person *standIn

	mu     sync.Mutex // held while the key is plugged in, pulled out or reset
	vault  *vaulttest.Memory
	auth   *authenticator.Authenticator
	pull   context.CancelFunc // nil while the key is out
	served chan error         // gets the end of what pull ends
}

// New returns a Key as it comes from the factory, not yet plugged in.
func New(c Config) *Key {
	if c.Transports == nil {
		c.Transports = []string{webauthn.TransportUSB}
	}
	k := &Key{cfg: c, person: newStandIn()}
	k.renew()
	return k
}

// renew makes the key's inside new.
func (k *Key) renew() {
	k.vault = new(vaulttest.Memory)
	k.auth = authenticator.New(authenticator.Config{
		AAGUID: authenticator.AAGUIDComputer, Profile: k.cfg.Profile, U2F: true,
		BuiltInUV: k.cfg.BuiltInUV, UVModality: authenticator.UVFingerprint, Attestation: k.cfg.Attestation,
		Vault: k.vault, Person: k.person, Transports: k.cfg.Transports, Log: k.cfg.Log,
	})
}

// Touch says whether the person approves at once, or lets questions wait.
func (k *Key) Touch(on bool) { k.standIn().setTouch(on) }

// Deny says no to the question that waits, or else to the next one.
func (k *Key) Deny() { k.standIn().deny() }

// PowerOn plugs the key in, if it is out.
func (k *Key) PowerOn() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.powerOn()
}

func (k *Key) powerOn() error {
	if k.pull != nil {
		return nil
	}
	serve, err := k.cfg.Port()
	if err != nil {
		return fmt.Errorf("plugging the key in: %w", err)
	}
	// Tokens, tries and the time for a reset are those of a key that was just
	// plugged in. Nobody else has the authenticator's turn.
	if err := k.auth.PowerCycle(context.Background()); err != nil {
		return fmt.Errorf("plugging the key in: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	auth, served := k.auth, make(chan error, 1)
	k.pull, k.served = cancel, served
	go func() { served <- serve(ctx, auth) }()
	return nil
}

// PowerOff pulls the key out, if it is in, and waits until it has stopped. The
// error is of a key that had stopped before, and why.
func (k *Key) PowerOff() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.powerOff()
}

func (k *Key) powerOff() error {
	if k.pull == nil {
		return nil
	}
	k.pull()
	err := <-k.served
	k.pull, k.served = nil, nil
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("key stopped: %w", err)
}

// Reset makes the key as new, person included. If it was plugged in it is
// again, afterwards.
func (k *Key) Reset() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	wasOn := k.pull != nil
	if err := k.powerOff(); err != nil {
		return err
	}
	k.person = newStandIn()
	k.renew()
	if !wasOn {
		return nil
	}
	return k.powerOn()
}

func (k *Key) standIn() *standIn {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.person
}

// A Status is how a Key is at the moment.
type Status struct {
	Touch    bool // questions are approved at once
	Power    bool // the key is plugged in
	Waiting  bool // a question waits for its answer
	Passkeys int
}

// Status tells how the key is.
func (k *Key) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	touch, waiting := k.person.state()
	passkeys, err := k.vault.Passkeys(context.Background(), "")
	if err != nil {
		panic("testkey: internal error: " + err.Error()) // it is never locked
	}
	return Status{Touch: touch, Power: k.pull != nil, Waiting: waiting, Passkeys: len(passkeys)}
}

// String is the status line of Control.
func (s Status) String() string {
	return fmt.Sprintf("touch=%s power=%s waiting=%s passkeys=%d",
		word(s.Touch, "on", "off"), word(s.Power, "on", "off"), word(s.Waiting, "yes", "no"), s.Passkeys)
}

func word(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}
