package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"cardea/platform"
	"cardea/platform/browser"
	"cardea/platform/securitykey"
)

type browserHostCommand struct {
	Config    string   `type:"path" help:"The host's configuration (JSON)." env:"CARDEA_BROWSER_CONFIG"`
	Install   bool     `help:"Install the host and write the extension, instead of being the host."`
	Uninstall bool     `help:"Remove what --install has written."`
	Profile   []string `type:"path" help:"Browser user data folder to install for; repeat for several. The default is every Chromium and Chrome of yours."`
	Folder    string   `type:"path" help:"Folder for the script and the extension; the default is cardea/browser in your data folder."`
	// A browser calls the host with the extension's origin, and on some
	// systems a window handle.
	Browser []string `arg:"" optional:"" hidden:""`
}

func (c *browserHostCommand) Run(s *session) error {
	if c.Install || c.Uninstall {
		return c.install(s)
	}
	if c.Config == "" {
		return errors.New("the host needs --config; to install it for your browsers, use --install")
	}
	cfg, err := browser.ReadConfig(c.Config)
	if err != nil {
		return err
	}
	h, err := browser.NewHost(cfg, s.log, &securitykey.Route{})
	if err != nil {
		return err
	}
	return h.Run(s.ctx, os.Stdin, os.Stdout)
}

func (c *browserHostCommand) install(s *session) error {
	if c.Install && c.Uninstall {
		return errors.New("--install or --uninstall, not both")
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	if c.Folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return fmt.Errorf("finding your data folder: %w; name one with --folder", err)
		}
		c.Folder = filepath.Join(home, ".local", "share", "cardea", "browser")
	}
	if c.Config == "" {
		c.Config = filepath.Join(c.Folder, "host.json")
	}
	in := browser.Installation{Profiles: c.Profile, Folder: c.Folder, Command: []string{self, "browser-host", "--config", c.Config}}
	if c.Uninstall {
		return in.Uninstall()
	}
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return fmt.Errorf("installing the browser host: %w", err)
	}
	first, err := firstHostConfig(c.Folder)
	if err != nil {
		return err
	}
	if err := writeIfMissing(c.Config, first); err != nil {
		return fmt.Errorf("installing the browser host: %w", err)
	}
	if err := in.Install(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "Installed. In the browser, open chrome://extensions, turn on Developer mode,\nchoose \"Load unpacked\" and take %s\nThe host's settings are in %s\n", in.Extension(), c.Config)
	return err
}

// firstHostConfig is for a desktop whose person runs cardea authenticator as it
// is; where it does not run, the dialog says so. Phones that let themselves be
// remembered are kept in folder.
func firstHostConfig(folder string) ([]byte, error) {
	var place authenticatorPlace
	if err := place.fill(); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(browser.Config{
		Form: platform.FormDesktop, Authenticator: place.Agent, Links: filepath.Join(folder, "phones"),
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the host's configuration: %w", err)
	}
	return append(b, '\n'), nil
}

// writeIfMissing writes a first version of a file that its owner may change.
func writeIfMissing(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}
