package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cardea/hybrid"
	"cardea/hybrid/noise"
	"cardea/hybrid/tunnel"
)

// A Leg is a part of the way between two devices. An error that names its leg
// lets a person do something about it.
type Leg string

// The legs, in the order in which they are walked.
const (
	LegRadio     Leg = "radio"     // Bluetooth is off on this device
	LegAdvert    Leg = "advert"    // the devices have not found each other
	LegRelay     Leg = "relay"     // this device cannot reach the relay
	LegHandshake Leg = "handshake" // what came does not fit this QR code
	LegPeer      Leg = "peer"      // the other device has gone or refused
	LegTimeout   Leg = "timeout"   // the other device is there but silent
)

// An Error says on which leg a transaction failed. A transaction that its
// caller has cancelled gives no Error: errors.Is finds context.Canceled.
type Error struct {
	Leg Leg
	Err error
}

// Error puts the leg before the cause.
func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Leg, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// A Stage is what a transaction has reached. A Progress function is told each
// stage in order, by the goroutine that called Dial or Answer, which waits for
// it to return. Each comes once, but for Sent: that comes after each response,
// by the goroutine that called Serve.
type Stage string

// The stages. A client goes through Waiting, Heard, Connected, Ready; a phone
// through Connected, Waiting, Joined, Ready, Sent.
const (
	StageWaiting   Stage = "waiting"   // client: listening; phone: advertising
	StageHeard     Stage = "heard"     // client: a phone has read our code and is near
	StageConnected Stage = "connected" // this device is at the relay
	StageJoined    Stage = "joined"    // phone: a client has come
	StageReady     Stage = "ready"     // handshake done; commands may pass
	StageSent      Stage = "sent"      // phone: a response is on its way
)

// Timeouts bound the stages. A zero field means the default.
type Timeouts struct {
	// Find is how long the two devices have to find each other. The client
	// waits for an advertisement for 3 minutes; the phone for a client for 110
	// seconds, as relays keep an empty tunnel for two minutes.
	Find time.Duration
	// Connect bounds the upgrade request to the relay: 20 seconds.
	Connect time.Duration
	// Handshake bounds what comes before the first command: 20 seconds.
	Handshake time.Duration
	// Command is how long the phone waits for a command: 1 minute.
	Command time.Duration
}

const (
	findClient       = 3 * time.Minute
	findPhone        = 110 * time.Second
	connectDefault   = 20 * time.Second
	handshakeDefault = 20 * time.Second
	commandDefault   = time.Minute

	// shutdownTime bounds the last message. Nobody waits for it.
	shutdownTime = time.Second
)

func (t Timeouts) withDefaults(find time.Duration) Timeouts {
	fill := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	fill(&t.Find, find)
	fill(&t.Connect, connectDefault)
	fill(&t.Handshake, handshakeDefault)
	fill(&t.Command, commandDefault)
	return t
}

// fail makes an Error of err, for the leg that it says it happened on or else
// for the given one. When the caller has cancelled ctx, nothing has failed.
func fail(ctx context.Context, leg Leg, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("cancelled: %w", context.Canceled)
	}
	if m, ok := errors.AsType[*onLeg](err); ok {
		leg = m.leg
	}
	return &Error{Leg: leg, Err: err}
}

// onLeg marks an error with its leg where that is known best. It adds nothing
// to the text.
type onLeg struct {
	leg Leg
	error
}

func (m *onLeg) Unwrap() error { return m.error }

// legOf says where an error of a tunnel that stands belongs.
func legOf(err error) Leg {
	if m, ok := errors.AsType[*onLeg](err); ok {
		return m.leg
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, tunnel.ErrExpired):
		return LegTimeout
	case errors.Is(err, tunnel.ErrClosed), errors.Is(err, hybrid.ErrPipeClosed):
		return LegPeer
	case errors.Is(err, noise.ErrTampered), errors.Is(err, errProtocol):
		return LegHandshake
	default:
		return LegRelay
	}
}

var (
	// ErrClosed is the error of a Send on a Client that has been closed.
	ErrClosed = errors.New("the link is closed")

	// errProtocol is wrapped by the errors for messages that open but make no
	// sense.
	errProtocol = errors.New("the other device does not keep to the protocol")
)

func report(progress func(Stage), s Stage) {
	if progress != nil {
		progress(s)
	}
}
