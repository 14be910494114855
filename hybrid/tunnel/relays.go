package tunnel

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// Relays says how private relays are reached. The zero value is the public way:
// each at its own domain, trusted by the system's certificates.
type Relays struct {
	// At gives the base URL of relays, such as "wss://relay.example.org:8443",
	// by the domain that stands for their number, in any case. It matters to
	// this device only: the other finds the relay by itself.
	At map[string]string
	// CA is a file of PEM certificates that relays are trusted by, besides the
	// system's. Empty for none.
	CA string
}

// Dialer returns a Dialer that reaches relays so. The error names what will not
// do: a URL that is none, or a file without a certificate.
func (r Relays) Dialer() (*Dialer, error) {
	at := make(map[string]string, len(r.At))
	for domain, base := range r.At {
		u, err := url.Parse(base)
		if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
			return nil, fmt.Errorf("relay %s is at %q, want a URL with ws or wss", domain, base)
		}
		at[strings.ToLower(domain)] = base
	}
	d := &Dialer{Base: func(domain string) string {
		if base, ok := at[strings.ToLower(domain)]; ok {
			return base
		}
		return "wss://" + domain
	}}
	if r.CA == "" {
		return d, nil
	}
	pool, err := trusting(r.CA)
	if err != nil {
		return nil, fmt.Errorf("certificates that relays are trusted by: %w", err)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	d.Client = &http.Client{Transport: t}
	return d, nil
}

// trusting returns the system's certificates and those of a file.
func trusting(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // some systems have none to show
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + file)
	}
	return pool, nil
}
