package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"cardea/hybrid"
	"cardea/platform/browser"
	"cardea/platform/doctor"
	"cardea/platform/securitykey"
)

type doctorCommand struct {
	Config  string      `type:"path" help:"The browser host's configuration; the default is the one that browser-host --install writes." env:"CARDEA_BROWSER_CONFIG"`
	Service []uint16    `help:"Numbers of the relays to knock at, besides those of the configuration. The default is 0 and 1, those of Android phones and iPhones."`
	Relays  relayPlaces `embed:""`
	JSON    bool        `help:"Print JSON."`
}

// Help is shown by --help.
func (doctorCommand) Help() string {
	return "Looks at each leg of a sign-in with another device: Bluetooth here, the relays, the passkey app, security keys. " +
		"It asks nobody anything and changes nothing. The exit code is 1 if something is broken; what is only missing is not."
}

func (c *doctorCommand) Run(s *session) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	c.Relays.into(&cfg)
	services := []hybrid.Service{hybrid.ServiceGoogle, hybrid.ServiceApple}
	if len(c.Service) != 0 {
		services = nil
		for _, n := range c.Service {
			services = append(services, hybrid.Service(n))
		}
	}
	e, err := cfg.Examination(services, &securitykey.Route{})
	if err != nil {
		return err
	}
	findings := e.Examine(s.ctx)
	if err := c.print(s, findings); err != nil {
		return err
	}
	for _, f := range findings {
		if f.State == doctor.Broken {
			return errShown
		}
	}
	return nil
}

// config is the host's configuration, or what it would be.
func (c *doctorCommand) config() (browser.Config, error) {
	if c.Config != "" {
		return browser.ReadConfig(c.Config)
	}
	home, err := os.UserHomeDir()
	if err == nil {
		cfg, err := browser.ReadConfig(filepath.Join(home, ".local", "share", "cardea", "browser", "host.json"))
		if !errors.Is(err, fs.ErrNotExist) {
			return cfg, err
		}
	}
	var place authenticatorPlace
	if err := place.fill(); err != nil {
		return browser.Config{}, err
	}
	return browser.Config{Authenticator: place.Agent}, nil
}

func (c *doctorCommand) print(s *session, findings []doctor.Finding) error {
	if c.JSON {
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		return e.Encode(findings)
	}
	for _, f := range findings {
		fmt.Fprintf(s.out, "%-8s %s: %s\n", f.State, f.Name, f.Found)
		if f.Todo != "" {
			fmt.Fprintf(s.out, "%-8s %s\n", "", f.Todo)
		}
	}
	return nil
}
