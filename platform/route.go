package platform

import (
	"context"
	"time"

	"cardea/ctap"
	"cardea/webauthn"
)

// A Kind is a sort of authenticator, as a person tells them apart.
type Kind string

// The kinds of route.
const (
	ThisDevice  Kind = "this-device"
	Phone       Kind = "phone"
	SecurityKey Kind = "security-key"
)

// A Purpose is what a route is opened for.
type Purpose string

// The purposes.
const (
	MakePasskey Purpose = "make"
	UsePasskey  Purpose = "use"
)

// A Route is one way from this client to an authenticator: the one in this
// device, a phone that scans a code, a key that is plugged in. A Route holds no
// state of a request, so several requests may use it at once.
type Route interface {
	// Kind says which way this is. It never changes.
	Kind() Kind
	// Ready reports whether the route can be tried now. It must answer within
	// a moment and must not ask the person anything.
	Ready(ctx context.Context, rp webauthn.RPID) Readiness
	// Open reaches one authenticator and returns a connection to it, which the
	// caller closes. Open tells show what the person has to see and do on the
	// way, in order and from one goroutine at a time; it does not return before
	// it has stopped calling it.
	//
	// An error is a *Failure that names the leg that failed, or the error of
	// ctx if the request ended first.
	Open(ctx context.Context, purpose Purpose, show func(Progress)) (Connection, error)
}

// A Remembered route leads to one authenticator that was reached before and let
// itself be remembered, such as a linked phone.
type Remembered interface {
	Route
	// ID tells it from others; it is no secret and never changes.
	ID() string
	// Name is what its owner calls it.
	Name() string
	// Forget is the end of it.
	Forget() error
}

// A Connection is one authenticator that was reached. The client sends it one
// command at a time; the end of the command's context cancels it.
type Connection interface {
	// Send carries one CTAP message. An error is a *Failure, or the error of
	// ctx.
	ctap.Device
	// Info is what the authenticator says it can do. It was asked while the
	// connection was opened.
	Info() ctap.Info
	// Transport is the way it was reached: webauthn.TransportInternal,
	// TransportHybrid or TransportUSB. The authenticator attachment follows
	// from it.
	Transport() string
	// Close ends the connection. Closing twice is harmless.
	Close() error
}

// A Readiness is what a Route knows before it is tried.
type Readiness struct {
	// Usable reports whether it makes sense to offer the route.
	Usable bool
	// Why says what is missing, if it is not usable.
	Why Obstacle
	// Holds says whether there is a passkey for the relying party that is
	// found without its ID.
	Holds Holding
}

// An Obstacle is why a route cannot be used at the moment.
type Obstacle string

// The obstacles.
const (
	NoObstacle Obstacle = ""
	// NotRunning: there is no authenticator on this device that answers.
	NotRunning Obstacle = "not-running"
	// NoBluetooth: this device has no radio to hear a phone with.
	NoBluetooth Obstacle = "no-bluetooth"
	// NotPermitted: the system does not let this program talk to keys.
	NotPermitted Obstacle = "not-permitted"
	// NotSupported: this system offers no such way.
	NotSupported Obstacle = "not-supported"
	// NotWanted: the relying party asked for another kind. The client says so,
	// not the route.
	NotWanted Obstacle = "not-wanted"
	// NothingHere: there is no passkey for the relying party. The client says
	// so, not the route.
	NothingHere Obstacle = "nothing-here"
)

// A Holding is what a route knows of passkeys for a relying party.
type Holding int

// The holdings. A locked vault does not tell: that is Unknown.
const (
	HoldsUnknown Holding = iota
	HoldsNone
	HoldsSome
)

// A Progress is one step of Route.Open that the person sees.
type Progress struct {
	Stage Stage
	// Code is the QR code to show, for StageShowCode.
	Code Matrix
	// PageURL is where the authenticator asks its person, for StageAskHere. It
	// is empty if the authenticator has a window of its own.
	PageURL string
	// Relay is the name of the relay, once it is known.
	Relay string
	// Until is when the step gives up by itself; zero if it does not.
	Until time.Time
	// Instead says why this is not what the person has chosen.
	Instead Instead
}

// An Instead is why a remembered phone is not called, or no longer, and a code
// is shown.
type Instead string

// The reasons.
const (
	// InsteadOfSilence: the phone could not be reached, or did not come.
	InsteadOfSilence Instead = "silent"
	// InsteadOfUnheard: the phone took the call and was not heard: most likely
	// its Bluetooth is off, without which the code would not help either.
	InsteadOfUnheard Instead = "unheard"
	// InsteadOfForgotten: the phone has forgotten us, and we it.
	InsteadOfForgotten Instead = "forgotten"
)

// A Stage names a step. Which ones there are depends on the Kind.
type Stage string

// The stages of ThisDevice, Phone and SecurityKey.
const (
	// StageAskHere: the authenticator in this device is asking its person.
	StageAskHere Stage = "ask-here"

	// StageCalling: a remembered phone is being woken.
	StageCalling Stage = "calling"
	// StageRadioOff: Bluetooth is off here. The code comes when it is on.
	StageRadioOff Stage = "radio-off"
	// StageShowCode: the code is on the screen and nobody was heard yet.
	StageShowCode Stage = "show-code"
	// StageHeard: a phone that scanned the code is close by.
	StageHeard Stage = "heard"
	// StageRelayed: the relay was reached.
	StageRelayed Stage = "relayed"
	// StageAnswered: the phone answered. It now asks its person.
	StageAnswered Stage = "answered"

	// StageInsertKey: no key is plugged in.
	StageInsertKey Stage = "insert-key"
	// StageChooseKey: several keys are plugged in; the one that is touched is
	// meant.
	StageChooseKey Stage = "choose-key"
	// StageTouchKey: the key waits for a touch. The client shows it when it
	// sends a command to a key; a route need not.
	StageTouchKey Stage = "touch-key"
)

// A Matrix is a QR code as modules: true is dark, rows from the top. It has no
// quiet zone.
type Matrix [][]bool

// A Leg is a part of the way to an authenticator that can fail by itself.
type Leg string

// The legs. Those of a phone are in the order in which they are tried.
const (
	LegDevice Leg = "device" // the authenticator on this device does not answer

	LegRadio     Leg = "radio"     // Bluetooth is off here
	LegAdvert    Leg = "advert"    // no phone was heard
	LegRelay     Leg = "relay"     // this side cannot reach the relay
	LegHandshake Leg = "handshake" // it was not the phone that scanned the code
	LegPeer      Leg = "peer"      // the phone closed the connection

	LegNoKey Leg = "no-key" // no key was plugged in
	LegKey   Leg = "key"    // the key was pulled out or reports a fault

	LegTimeout Leg = "timeout" // it took too long
)

// A Failure says which leg of a route failed. The person sees the leg; the page
// that asked never learns which.
type Failure struct {
	Leg Leg
	// Relay is the name of the relay if it was known by then.
	Relay string
	// Trouble is why LegRelay failed, so far as that is known.
	Trouble Trouble
	Err     error
}

// A Trouble is why a relay cannot be reached.
type Trouble string

// The troubles that a person can do something about.
const (
	TroubleName        Trouble = "name"        // its name is not found: offline, or filtered
	TroubleConnect     Trouble = "connect"     // nobody answers there
	TroubleCertificate Trouble = "certificate" // somebody on the way opens the connection
	TroubleClock       Trouble = "clock"       // this device's clock is wrong
	TroubleBetween     Trouble = "between"     // a proxy or a network's sign-in page answers
	TroubleService     Trouble = "service"     // it answers, and is full or faulty
)

// Error returns the leg and the cause.
func (f *Failure) Error() string {
	if f.Err == nil {
		return string(f.Leg)
	}
	return string(f.Leg) + ": " + f.Err.Error()
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }
