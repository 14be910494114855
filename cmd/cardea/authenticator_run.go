package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"

	"cardea/authenticator/app"
	"cardea/authenticator/uhid"
	"cardea/hybrid"
	"cardea/hybrid/radio/bluez"
	"cardea/hybrid/tunnel"
)

type authenticatorRunCommand struct {
	Manner    string             `enum:"computer,ios,android" default:"computer" help:"How the pages look and talk: computer, ios or android."`
	OSVersion string             `name:"os-version" help:"Version of the system that a phone says it runs on; the default is a current one."`
	Name      string             `help:"What you call this device; the default is the host's name."`
	Listen    string             `default:"127.0.0.1:8482" help:"Address of the app's pages; only loopback." env:"CARDEA_AUTHENTICATOR_LISTEN"`
	HID       bool               `name:"hid" help:"Be a security key of this computer too, for its browsers, ssh and others. Needs /dev/uhid; see: cardea authenticator install." env:"CARDEA_HID"`
	Terminal  *bool              `negatable:"" help:"Ask at this terminal too. The default is to do so where there is no desktop." env:"CARDEA_TERMINAL"`
	Place     authenticatorPlace `embed:""`
	Service   *uint16            `help:"Number of the relay at which a phone meets computers: 0, 1, or 256 and above. The default is the development relay, which needs --relay." env:"CARDEA_SERVICE"`
	Relay     map[string]string  `help:"Where the relay of a domain is reached, as DOMAIN=ws://HOST:PORT; repeat for several." env:"CARDEA_RELAYS"`
	RelayCA   string             `name:"relay-ca" type:"existingfile" help:"Certificates (PEM) that relays are trusted by, besides the system's." env:"CARDEA_RELAY_CA"`
	Adapter   string             `help:"Bluetooth adapter that a phone advertises with, such as hci1; the default is the first that is switched on." env:"CARDEA_ADAPTER"`
}

func (c *authenticatorRunCommand) Run(s *session) error {
	if err := c.fill(); err != nil {
		return err
	}
	if a, err := net.ResolveTCPAddr("tcp", c.Listen); err != nil || !a.IP.IsLoopback() {
		return fmt.Errorf("--listen %s is not a loopback address; the app's pages are for this machine only", c.Listen)
	}
	relays, err := tunnel.Relays{At: c.Relay, CA: c.RelayCA}.Dialer()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("starting the app: %w", err)
	}
	cfg := app.Config{
		Style: app.Style(c.Manner), OSVersion: c.OSVersion, DeviceName: c.Name, VaultPath: c.Place.Vault,
		URL: "http://" + l.Addr().String(), AgentSocket: c.Place.Agent,
		Unguarded:  app.Style(c.Manner) != app.Computer, // a phone is a rehearsal
		Advertiser: c.radio(s), Tunnel: relays, Service: c.service(),
		Log: s.log,
	}
	c.lend(&cfg)
	a, err := app.New(cfg)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	if err := c.askAtTerminal(s, a); err != nil {
		return errors.Join(err, l.Close(), a.Close())
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	wait := c.plugIn(ctx, s, a)
	fmt.Fprintf(s.out, "Your passkeys: %s\n", cfg.URL)
	err = a.Serve(ctx, l)
	cancel()
	wait()
	return err
}

// radio is what a phone advertises by; a computer has no use for one.
func (c *authenticatorRunCommand) radio(s *session) hybrid.Advertiser {
	if app.Style(c.Manner) == app.Computer {
		return nil
	}
	r, err := bluez.New(s.ctx)
	if err != nil {
		fmt.Fprintln(s.errOut, "cardea: no Bluetooth, so this app can't answer QR codes:", err)
		return nil
	}
	return r.On(c.Adapter)
}

// currentSystems are the versions that a phone says it runs on unless told
// otherwise.
var currentSystems = map[app.Style]string{app.IOS: "18.6", app.Android: "15"}

// service is the relay that was asked for.
func (c *authenticatorRunCommand) service() hybrid.Service {
	if c.Service == nil {
		return hybrid.DevelopmentService
	}
	return hybrid.Service(*c.Service)
}

// plugIn makes the app a security key of this computer, if that is wanted and
// can be had, until ctx ends. Without it the app is still of use.
func (c *authenticatorRunCommand) plugIn(ctx context.Context, s *session, a *app.App) (wait func()) {
	if !c.HID {
		return func() {}
	}
	d, err := uhid.Open(uhid.DefaultIdentity)
	if err != nil {
		fmt.Fprintln(s.errOut, "cardea: not a security key of this computer:", uhidTrouble(err))
		return func() {}
	}
	var work sync.WaitGroup
	work.Go(func() {
		if err := uhid.Serve(ctx, d, a.Key()); ctx.Err() == nil {
			fmt.Fprintln(s.errOut, "cardea: no longer a security key of this computer:", err)
		}
	})
	return work.Wait
}

// uhidTrouble adds what to do to an error of opening /dev/uhid.
func uhidTrouble(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; to be allowed to, run: cardea authenticator install", err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w; an administrator can load it with: modprobe uhid", err)
	}
	return err
}

// An authenticatorPlace is where the app keeps things.
type authenticatorPlace struct {
	Vault string `type:"path" help:"Folder that keeps the passkeys; the default is cardea/vault in your data folder." env:"CARDEA_VAULT"`
	Agent string `type:"path" help:"Socket for programs of yours, such as the browser host; the default is agent.sock beside the vault." env:"CARDEA_AGENT"`
}

// fill sets what was not said.
func (p *authenticatorPlace) fill() error {
	if p.Vault == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return fmt.Errorf("finding your data folder: %w; say where with --vault", err)
		}
		p.Vault = filepath.Join(home, ".local", "share", "cardea", "vault")
	}
	if p.Agent == "" {
		p.Agent = filepath.Join(filepath.Dir(p.Vault), "agent.sock")
	}
	return nil
}

// fill sets what was not said.
func (c *authenticatorRunCommand) fill() error {
	domain, err := c.service().Domain()
	if err != nil {
		return fmt.Errorf("--service %d stands for no relay; want 0, 1, or 256 and above", c.service())
	}
	if app.Style(c.Manner) != app.Computer && c.Service == nil && c.Relay[domain] == "" {
		// Nobody has registered the domain; whoever does must not get our tunnels.
		return fmt.Errorf("a phone needs a relay: say where yours is with --relay %s=ws://HOST:PORT, or choose one by its number with --service", domain)
	}
	if c.OSVersion == "" {
		c.OSVersion = currentSystems[app.Style(c.Manner)]
	}
	if c.Name == "" {
		name, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("finding this device's name: %w; say one with --name", err)
		}
		c.Name = name
	}
	if err := c.Place.fill(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.Place.Vault), 0o700); err != nil {
		return fmt.Errorf("making the vault's folder: %w", err)
	}
	return nil
}
