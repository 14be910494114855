package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"cardea/authenticator/app"
	"cardea/hybrid"
	"cardea/hybrid/radio/bluez"
	"cardea/hybrid/tunnel"
)

type authenticatorCommand struct {
	Manner    string            `enum:"computer,ios,android" default:"computer" help:"How the pages look and talk: computer, ios or android. A computer answers no QR codes."`
	OSVersion string            `help:"Version of the phone's system that the app says it runs on; the default is a current one. A computer needs none."`
	Name      string            `help:"What you call this device; the default is the host's name."`
	Listen    string            `default:"127.0.0.1:8482" help:"Address of the app's pages; only loopback." env:"CARDEA_AUTHENTICATOR_LISTEN"`
	Vault     string            `type:"path" help:"Folder that keeps the passkeys; the default is cardea/vault in your data folder." env:"CARDEA_VAULT"`
	Agent     string            `type:"path" help:"Socket for programs of yours, such as the browser host; the default is agent.sock beside the vault." env:"CARDEA_AGENT"`
	Service   *uint16           `help:"Number of the relay to meet computers at: 0, 1, or 256 and above. The default is the development relay, which needs --relay." env:"CARDEA_SERVICE"`
	Relay     map[string]string `help:"Where the relay of a domain is reached, as DOMAIN=ws://HOST:PORT; repeat for several." env:"CARDEA_RELAYS"`
}

func (c *authenticatorCommand) Run(s *session) error {
	if err := c.fill(); err != nil {
		return err
	}
	if a, err := net.ResolveTCPAddr("tcp", c.Listen); err != nil || !a.IP.IsLoopback() {
		return fmt.Errorf("--listen %s is not a loopback address; the app's pages are for this machine only", c.Listen)
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("starting the app: %w", err)
	}
	cfg := app.Config{
		Style: app.Style(c.Manner), OSVersion: c.OSVersion, DeviceName: c.Name, VaultPath: c.Vault,
		URL: "http://" + l.Addr().String(), AgentSocket: c.Agent,
		Advertiser: c.radio(s), Tunnel: &tunnel.Dialer{Base: c.base}, Service: c.service(),
		Log: s.log,
	}
	a, err := app.New(cfg)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	fmt.Fprintf(s.out, "Your passkeys: %s\n", cfg.URL)
	return a.Serve(s.ctx, l)
}

// radio is what a phone advertises by; a computer has no use for one.
func (c *authenticatorCommand) radio(s *session) hybrid.Advertiser {
	if app.Style(c.Manner) == app.Computer {
		return nil
	}
	r, err := bluez.New(s.ctx)
	if err != nil {
		fmt.Fprintln(s.errOut, "cardea: no Bluetooth, so this app can't answer QR codes:", err)
		return nil
	}
	return r
}

// currentSystems are the versions that a phone says it runs on unless told
// otherwise.
var currentSystems = map[app.Style]string{app.IOS: "18.6", app.Android: "15"}

// fill sets what was not said.
func (c *authenticatorCommand) fill() error {
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
	if c.Vault == "" {
		if c.Vault, err = defaultVault(); err != nil {
			return err
		}
	}
	if c.Agent == "" {
		c.Agent = agentBeside(c.Vault)
	}
	if err := os.MkdirAll(filepath.Dir(c.Vault), 0o700); err != nil {
		return fmt.Errorf("making the vault's folder: %w", err)
	}
	return nil
}

// service is the relay that was asked for.
func (c *authenticatorCommand) service() hybrid.Service {
	if c.Service == nil {
		return hybrid.DevelopmentService
	}
	return hybrid.Service(*c.Service)
}

// defaultVault is where passkeys are kept unless told otherwise.
func defaultVault() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding your data folder: %w; say where with --vault", err)
	}
	return filepath.Join(home, ".local", "share", "cardea", "vault"), nil
}

// agentBeside is the agent's socket for a vault unless told otherwise.
func agentBeside(vault string) string { return filepath.Join(filepath.Dir(vault), "agent.sock") }

// base leads the domain of a relay to where it is reached.
func (c *authenticatorCommand) base(domain string) string {
	if u, ok := c.Relay[strings.ToLower(domain)]; ok {
		return u
	}
	return "wss://" + domain
}
