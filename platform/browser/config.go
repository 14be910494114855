package browser

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/radio/air"
	"cardea/hybrid/radio/bluez"
	"cardea/hybrid/tunnel"
	"cardea/platform"
	"cardea/platform/local"
	"cardea/platform/phone"
)

// A Config says what a Host reaches. It is a file of JSON; a name that is not
// known is an error.
type Config struct {
	// Authenticator is the socket of the authenticator in this device. Without
	// one "This device" is not offered.
	Authenticator string `json:"authenticator"`
	// Air is the socket of a radio for tests and demonstrations; empty means
	// Bluetooth.
	Air string `json:"air"`
	// Relays gives the base URL of relays, by domain, that are reached
	// elsewhere than at wss://domain.
	Relays map[string]string `json:"relays"`
	// RelayCA is a file of PEM certificates that relays are trusted by,
	// besides the system's.
	RelayCA string `json:"relay_ca"`
	// CodeSeconds is how long a QR code waits for a phone; 0 means 3 minutes.
	CodeSeconds int `json:"code_seconds,omitempty"`
	// Links is the file that keeps phones that let themselves be remembered.
	// Without one none is asked.
	Links string `json:"links,omitempty"`
	// Form is "desktop" or "phone"; empty means desktop.
	Form platform.Form `json:"form"`
	// Name is what this device's person reads who asks, such as "Chromium".
	Name string `json:"name"`
}

// ReadConfig reads the file at path.
func ReadConfig(path string) (c Config, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("reading the browser host's configuration: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("reading the browser host's configuration %s: %w", path, err)
	}
	if err := c.check(); err != nil {
		return c, fmt.Errorf("reading the browser host's configuration %s: %w", path, err)
	}
	return c, nil
}

func (c Config) check() error {
	if c.Form != "" && c.Form != platform.FormDesktop && c.Form != platform.FormPhone {
		return fmt.Errorf(`form is %q, want "desktop" or "phone"`, c.Form)
	}
	if c.CodeSeconds < 0 {
		return fmt.Errorf("code_seconds is %d, want 0 or more", c.CodeSeconds)
	}
	for domain, base := range c.Relays {
		u, err := url.Parse(base)
		if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
			return fmt.Errorf("relays: %s is at %q, want a URL with ws or wss", domain, base)
		}
	}
	return nil
}

// NewHost makes a Host with the routes that c describes and those in more, such
// as a securitykey.Route, which come last. A nil log discards.
func NewHost(c Config, log *slog.Logger, more ...platform.Route) (*Host, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("making the browser host: %w", err)
	}
	transport, err := c.transport()
	if err != nil {
		return nil, fmt.Errorf("making the browser host: %w", err)
	}
	var routes []platform.Route
	if c.Authenticator != "" {
		routes = append(routes, &local.Route{Socket: c.Authenticator, Name: c.Name})
	}
	phones := &phone.Route{
		Scanner:  c.scanner(),
		Tunnel:   &tunnel.Dialer{Base: c.relay, Client: &http.Client{Transport: transport}},
		Timeouts: link.Timeouts{Find: time.Duration(c.CodeSeconds) * time.Second},
	}
	if c.Links != "" {
		phones.Links = phone.OpenLinks(c.Links)
	}
	routes = append(routes, phones)
	form := c.Form
	if form == "" {
		form = platform.FormDesktop
	}
	return &Host{
		Client: platform.Client{
			Routes: append(routes, more...), Remembered: phones.Remembered, Form: form, Log: log,
			Related: fetchRelated(http.DefaultTransport),
		},
		Log: log,
	}, nil
}

func (c Config) relay(domain string) string {
	if base, ok := c.Relays[domain]; ok {
		return base
	}
	return "wss://" + domain
}

// transport trusts RelayCA besides the system's certificates.
func (c Config) transport() (http.RoundTripper, error) {
	if c.RelayCA == "" {
		return http.DefaultTransport, nil
	}
	pem, err := os.ReadFile(c.RelayCA)
	if err != nil {
		return nil, fmt.Errorf("relay_ca: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("relay_ca: no certificate in %s", c.RelayCA)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

func (c Config) scanner() hybrid.Scanner {
	if c.Air != "" {
		return air.Dial(c.Air)
	}
	return bluetooth{}
}

// bluetooth finds this device's radio anew for each scan, so that one that is
// switched on or plugged in later is found.
type bluetooth struct{}

// Scan says ErrRadioOff also when the system has no Bluetooth service: to a
// person that is the same.
func (bluetooth) Scan(ctx context.Context, heard func([]byte) bool) error {
	radio, err := bluez.New(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errors.Join(hybrid.ErrRadioOff, err)
	}
	return radio.Scan(ctx, heard)
}
