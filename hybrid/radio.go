package hybrid

import (
	"context"
	"errors"
)

// ErrRadioOff says that this device has no Bluetooth adapter in use: there is
// none, or it is switched off, or the system does not let us have it. A person
// can do something about it, so it is told apart from every other failure.
var ErrRadioOff = errors.New("the Bluetooth radio is off")

// The 16-bit UUIDs under which the service data of an advertisement travel.
// We send the first and hear both.
const (
	ServiceUUIDFIDO   uint16 = 0xfff9 // the FIDO Alliance's
	ServiceUUIDGoogle uint16 = 0xfde2 // sent by iOS 16 and old Android phones
)

// An Advertiser sends service data over the radio: the phone's side.
// Implementations must be safe for concurrent use.
type Advertiser interface {
	// Advertise begins to send serviceData again and again, several times a
	// second, non-connectable and from a random address, and returns at once.
	// It goes on until stop is called or ctx ends, whichever is first; after
	// that nothing may remain on the air. stop may be called more than once.
	//
	// The error is ErrRadioOff, perhaps wrapped, when there is no radio to
	// send with.
	Advertise(ctx context.Context, serviceData []byte) (stop func() error, err error)
}

// A Scanner hears the service data that others send: the client's side.
// Implementations must be safe for concurrent use.
type Scanner interface {
	// Scan calls heard with the service data of each FIDO advertisement in the
	// room, one call at a time. The same one may come many times, and most are
	// not for us. Scan returns nil as soon as heard has returned true, and
	// never calls it again after it has returned. It returns ctx's error when
	// ctx ends first, and ErrRadioOff, perhaps wrapped, when the radio is off
	// or is switched off meanwhile.
	//
	// heard must not keep serviceData.
	Scan(ctx context.Context, heard func(serviceData []byte) (done bool)) error
}
