package tunnel

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"

	"cardea/hybrid"
)

// A Trouble is why a relay cannot be reached, so far as a person can do
// something about it.
type Trouble string

// The troubles.
const (
	NoTrouble Trouble = ""
	// TroubleName: the relay's name is not found. This device is offline, or
	// its name server keeps the name from it.
	TroubleName Trouble = "name"
	// TroubleConnect: nobody answers at the relay's address: a firewall, or the
	// relay is down.
	TroubleConnect Trouble = "connect"
	// TroubleCertificate: whoever answers is not the relay, by its certificate.
	// Most often that is a company's or a virus scanner's box that opens
	// encrypted connections.
	TroubleCertificate Trouble = "certificate"
	// TroubleClock: the relay's certificate is not valid at this device's time.
	TroubleClock Trouble = "clock"
	// TroubleBetween: something on the way answers in the relay's place: a
	// proxy, or the sign-in page of a public network.
	TroubleBetween Trouble = "between"
	// TroubleService: the relay answers, and cannot or will not.
	TroubleService Trouble = "service"
	// TroubleOther is everything else.
	TroubleOther Trouble = "other"
)

// TroubleOf sorts the error of a Dialer. It is NoTrouble for no error, and for
// those that only a tunnel service gives: ErrNoTunnel and ErrContactGone.
func TroubleOf(err error) Trouble {
	var (
		status  *StatusError
		dns     *net.DNSError
		op      *net.OpError
		invalid x509.CertificateInvalidError
		unknown *tls.CertificateVerificationError
		record  tls.RecordHeaderError
	)
	switch {
	case err == nil, errors.Is(err, ErrNoTunnel), errors.Is(err, ErrContactGone):
		return NoTrouble
	case errors.As(err, &status):
		return troubleOfStatus(status.Status)
	case errors.As(err, &dns):
		return TroubleName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return TroubleClock
	case errors.As(err, &unknown), errors.As(err, &invalid):
		return TroubleCertificate
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return TroubleBetween
	case errors.As(err, &op), errors.Is(err, context.DeadlineExceeded):
		return TroubleConnect
	}
	return TroubleOther
}

func troubleOfStatus(s int) Trouble {
	switch {
	case s < http.StatusBadRequest, s == http.StatusProxyAuthRequired, s == http.StatusForbidden,
		s == http.StatusUnavailableForLegalReasons, s == http.StatusNetworkAuthenticationRequired:
		return TroubleBetween
	}
	return TroubleService
}

// Probe reports whether a tunnel service can be reached: it asks for a tunnel
// that nobody has. nil means that the service has said so. TroubleOf sorts the
// error.
func (d *Dialer) Probe(ctx context.Context, s hybrid.Service) error {
	var (
		id      hybrid.TunnelID
		routing hybrid.RoutingID
	)
	rand.Read(id[:])
	conn, err := d.Connect(ctx, s, routing, id)
	if err == nil {
		conn.Abort() // some services open whatever one asks for
		return nil
	}
	var status *StatusError
	if errors.Is(err, ErrNoTunnel) || errors.As(err, &status) && status.Status == http.StatusBadRequest {
		return nil
	}
	return err
}
