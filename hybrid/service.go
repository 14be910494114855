package hybrid

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// A Service is the number of a tunnel service, small enough for an
// advertisement. Numbers below 256 are assigned; every other number stands for
// a domain name that anyone can compute and somebody may have registered.
type Service uint16

// The assigned services, and the one we develop with.
const (
	ServiceGoogle Service = 0 // cable.ua5v.com
	ServiceApple  Service = 1 // cable.auth.com

	// AssignedServices is how many numbers are assigned today. A client tells
	// in its QR code how many it knows.
	AssignedServices = 2

	// DevelopmentService is the number of our own relay where nothing else is
	// configured. Its domain does not exist: a tunnel.Dialer maps it to the
	// address of a relay.
	DevelopmentService Service = 0xca4d
)

// firstHashed is the first number whose name is computed.
const firstHashed = 256

// ErrNoService is the error for a number that stands for no service.
var ErrNoService = errors.New("no tunnel service has this number")

// Domain returns the host name of the service. The error is ErrNoService for
// the numbers that are neither assigned nor computed.
func (s Service) Domain() (string, error) {
	switch {
	case s == ServiceGoogle:
		return "cable.ua5v.com", nil
	case s == ServiceApple:
		return "cable.auth.com", nil
	case s < firstHashed:
		return "", fmt.Errorf("%w: %d", ErrNoService, uint16(s))
	default:
		return hashedDomain(s), nil
	}
}

// Valid reports whether the number stands for a service.
func (s Service) Valid() bool { return s < AssignedServices || s >= firstHashed }

// KnownTo reports whether a client that knows the first n assigned numbers can
// find the service. A computed name can be found by everyone.
func (s Service) KnownTo(n uint) bool {
	return s.Valid() && (s >= firstHashed || uint(s) < n)
}

// hashedDomain computes the name of a service from its number: a label of
// thirteen letters at most, in the alphabet of base32, and one of four endings.
func hashedDomain(s Service) string {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	endings := [4]string{".com", ".org", ".net", ".info"}

	in := []byte("caBLEv2 tunnel server domain")
	in = binary.LittleEndian.AppendUint16(in, uint16(s))
	in = append(in, 0)
	sum := sha256.Sum256(in)
	v := binary.LittleEndian.Uint64(sum[:8])

	ending := endings[v&3]
	name := []byte("cable.")
	for v >>= 2; v != 0; v >>= 5 {
		name = append(name, letters[v&31])
	}
	return string(name) + ending
}

// ServiceAt returns the service whose domain this is, in any case; ok is false
// if there is none. Domains are computed from numbers, so it tries them all,
// which takes a few milliseconds.
func ServiceAt(domain string) (s Service, ok bool) {
	domain = strings.ToLower(domain)
	for n := range 1 << 16 {
		if d, err := Service(n).Domain(); err == nil && d == domain {
			return Service(n), true
		}
	}
	return 0, false
}
