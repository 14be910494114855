package hybrid

import (
	"context"
	"errors"

	"cardea/internal/cbor"
)

// ErrPipeClosed says that the other end of a Pipe has gone.
var ErrPipeClosed = errors.New("the direct connection has ended")

// A Pipe is a direct connection between two devices: an L2CAP channel, which
// carries packets whole and in order. One read and one write may go on at the
// same time.
type Pipe interface {
	// ReadPacket returns the next packet. The error is ErrPipeClosed, perhaps
	// wrapped, when the other end has gone. The end of ctx closes the Pipe.
	ReadPacket(ctx context.Context) ([]byte, error)
	// WritePacket sends one packet of MaxPacket bytes at most.
	WritePacket(ctx context.Context, packet []byte) error
	MaxPacket() int
	Close() error
}

// A Peer is a device that was heard, in the words of the radio that heard it.
type Peer string

// A DirectAdvertiser is a phone's radio that clients can also connect to
// (CTAP 2.3 §11.5.1).
type DirectAdvertiser interface {
	Advertiser
	// Listen opens a place for direct connections. The error wraps ErrRadioOff
	// as that of Advertise does. The caller closes the place.
	Listen(ctx context.Context) (DirectListener, error)
}

// A DirectListener is a place for direct connections.
type DirectListener interface {
	// PSM is where clients find it.
	PSM() PSM
	// Advertise is that of Advertiser, but the advertisement can be connected
	// to, and has room for a suffix.
	Advertise(ctx context.Context, serviceData []byte) (stop func() error, err error)
	// Accept returns the next connection. It ends with ctx and with Close.
	Accept(ctx context.Context) (Pipe, error)
	Close() error
}

// A DirectScanner is a client's radio that can also connect to who was heard.
type DirectScanner interface {
	Scanner
	// ScanPeers is Scan that also tells who was heard.
	ScanPeers(ctx context.Context, heard func(serviceData []byte, from Peer) (done bool)) error
	// Connect opens a direct connection.
	Connect(ctx context.Context, to Peer, psm PSM) (Pipe, error)
}

// Suffix returns what a phone appends to its sealed EID to say that it listens
// at psm; ParseSuffix reads it.
func Suffix(psm PSM) []byte {
	return cbor.MustEncode(map[uint64]PSM{uint64(ChannelBLE): psm})
}
