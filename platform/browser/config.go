package browser

import (
	"bytes"
	"context"
	"encoding/json"
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
	// Adapter is the Bluetooth adapter to listen with, such as "hci1"; empty
	// means the first that is switched on.
	Adapter string `json:"adapter,omitempty"`
	// Direct offers phones a direct Bluetooth connection, which needs no relay
	// (CTAP 2.3). Few phones take it yet.
	Direct bool `json:"direct,omitempty"`
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
	relays, err := tunnel.Relays{At: c.Relays, CA: c.RelayCA}.Dialer()
	if err != nil {
		return nil, fmt.Errorf("making the browser host: %w", err)
	}
	var routes []platform.Route
	if c.Authenticator != "" {
		routes = append(routes, &local.Route{Socket: c.Authenticator, Name: c.Name})
	}
	phones := &phone.Route{
		Scanner:  c.scanner(),
		Tunnel:   relays,
		Direct:   c.Direct,
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

func (c Config) scanner() hybrid.Scanner {
	if c.Air != "" {
		return air.Dial(c.Air)
	}
	return bluetooth{c.Adapter}
}

// bluetooth finds this device's radio anew for each scan, so that one that is
// switched on or plugged in later is found.
type bluetooth struct{ adapter string }

// Scan says ErrRadioOff also when the system has no Bluetooth service: to a
// person that is the same.
func (b bluetooth) Scan(ctx context.Context, heard func([]byte) bool) error {
	return b.ScanPeers(ctx, func(serviceData []byte, _ hybrid.Peer) bool { return heard(serviceData) })
}

// ScanPeers implements hybrid.DirectScanner.
func (b bluetooth) ScanPeers(ctx context.Context, heard func([]byte, hybrid.Peer) bool) error {
	radio, err := b.radio(ctx)
	if err != nil {
		return err
	}
	return radio.ScanPeers(ctx, heard)
}

// Connect implements hybrid.DirectScanner.
func (b bluetooth) Connect(ctx context.Context, to hybrid.Peer, psm hybrid.PSM) (hybrid.Pipe, error) {
	radio, err := b.radio(ctx)
	if err != nil {
		return nil, err
	}
	return radio.Connect(ctx, to, psm)
}

func (b bluetooth) canAdvertise(ctx context.Context) error {
	radio, err := b.radio(ctx)
	if err != nil {
		return err
	}
	return radio.CanAdvertise(ctx)
}

func (b bluetooth) radio(ctx context.Context) (*bluez.Radio, error) {
	radio, err := bluez.New(ctx)
	switch {
	case err == nil:
		return radio.On(b.adapter), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return nil, err // it says that the radio is off
}
