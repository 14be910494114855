package tunnel

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cardea/hybrid"
)

// at is a Dialer to one address, which trusts pool only.
func at(base string, pool *x509.CertPool) *Dialer {
	t := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	return &Dialer{Base: func(string) string { return base }, Client: &http.Client{Transport: t}}
}

// statusServer answers every request with one status.
func statusServer(t *testing.T, status int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

// tlsServer is an encrypted relay on loopback whose certificate, its own
// authority, is good for an address and a time.
func tlsServer(t *testing.T, address string, until time.Time) (base string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.ParseIP(address)}, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return "wss://" + s.Listener.Addr().String(), pool
}

// Each trouble is made, and known again.
func TestTroublesAreToldApart(t *testing.T) {
	t.Parallel()
	good, trusted := tlsServer(t, "127.0.0.1", time.Now().Add(time.Hour))
	other, otherTrusted := tlsServer(t, "192.0.2.1", time.Now().Add(time.Hour))
	expired, expiredTrusted := tlsServer(t, "127.0.0.1", time.Now().Add(-time.Hour))
	for name, c := range map[string]struct {
		dialer *Dialer
		want   Trouble
	}{
		"a relay":                      {at(good, trusted), NoTrouble},
		"an unknown authority":         {at(good, x509.NewCertPool()), TroubleCertificate},
		"a certificate for another":    {at(other, otherTrusted), TroubleCertificate},
		"a certificate of the past":    {at(expired, expiredTrusted), TroubleClock},
		"no such name":                 {at("wss://relay.invalid", nil), TroubleName},
		"nobody at the port":           {at("ws://127.0.0.1:1", nil), TroubleConnect},
		"encryption where there is no": {at(strings.Replace(statusServer(t, 200), "ws:", "wss:", 1), nil), TroubleBetween},
		"a page to sign in":            {at(statusServer(t, http.StatusOK), nil), TroubleBetween},
		"a proxy":                      {at(statusServer(t, http.StatusProxyAuthRequired), nil), TroubleBetween},
		"a filter":                     {at(statusServer(t, http.StatusForbidden), nil), TroubleBetween},
		"a relay that is full":         {at(statusServer(t, http.StatusServiceUnavailable), nil), TroubleService},
		"too many requests":            {at(statusServer(t, http.StatusTooManyRequests), nil), TroubleService},
		"not found":                    {at(statusServer(t, http.StatusNotFound), nil), NoTrouble},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.dialer.Probe(within(t), hybrid.DevelopmentService)
			if got := TroubleOf(err); got != c.want {
				t.Errorf("%q of %v, want %q", got, err, c.want)
			}
		})
	}
}

// A relay that takes the connection and then says nothing.
func TestSilenceIsATrouble(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = at("ws://"+l.Addr().String(), nil).Probe(ctx, hybrid.DevelopmentService)
	if got := TroubleOf(err); got != TroubleConnect {
		t.Errorf("%q of %v, want %q", got, err, TroubleConnect)
	}
}

func TestAServiceThatOpensAnyTunnelIsReached(t *testing.T) {
	t.Parallel()
	s := newService(t, nil, Subprotocol)
	if err := s.dialer().Probe(within(t), hybrid.DevelopmentService); err != nil {
		t.Error(err)
	}
}
