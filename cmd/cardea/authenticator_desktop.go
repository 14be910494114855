package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"

	"cardea/authenticator/app"
	"cardea/authenticator/desktop"
	"cardea/authenticator/terminal"
	"cardea/authenticator/vault/keyring"
	"cardea/authenticator/vault/tpm"
)

// lend gives the app what this desktop has. What is missing is left out: the
// pages do without.
func (c *authenticatorRunCommand) lend(cfg *app.Config) {
	if app.Style(c.Manner) != app.Computer {
		return // a phone that is played here has none of it
	}
	if h := tpm.New(); h.Available() == nil {
		cfg.Holders = append(cfg.Holders, h)
	}
	if exists("/run/dbus/system_bus_socket") || os.Getenv("DBUS_SYSTEM_BUS_ADDRESS") != "" {
		cfg.Finger = &desktop.Reader{}
		cfg.Away = func(ctx context.Context, gone func()) error { return desktop.WatchSession(ctx, nil, gone) }
	}
	// By the bus, not by the screen: a service can be there before that is.
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") == "" && !exists(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "bus")) {
		return
	}
	cfg.Holders = append(cfg.Holders, keyring.New())
	if !c.asksAtTerminal() {
		cfg.Notifier, cfg.OpenPage = &desktop.Notifier{App: "Cardea Authenticator"}, openPage
	}
}

// hasDesktop reports whether there is a screen that windows appear on.
func hasDesktop() bool { return os.Getenv("WAYLAND_DISPLAY") != "" || os.Getenv("DISPLAY") != "" }

// openPage opens an address of ours in the person's browser.
func openPage(url string) error {
	// Not bound to a context: the browser outlives us. Nor is it to live in our
	// unit, whose rules are too strict for it.
	cmd := exec.Command("xdg-open", url)
	if run, err := exec.LookPath("systemd-run"); err == nil && os.Getenv("INVOCATION_ID") != "" {
		cmd = exec.Command(run, "--user", "--quiet", "--collect", "xdg-open", url)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("opening a browser: %w", err)
	}
	go cmd.Wait() // it is the browser's to say how that went
	return nil
}

// asksAtTerminal: as asked, or because there is nowhere else to ask.
func (c *authenticatorRunCommand) asksAtTerminal() bool {
	if c.Terminal != nil {
		return *c.Terminal
	}
	tty, err := terminal.Open()
	if err != nil {
		return false
	}
	tty.Close()
	return !hasDesktop()
}

// askAtTerminal has a asked at the terminal too, where that is wanted.
func (c *authenticatorRunCommand) askAtTerminal(s *session, a *app.App) error {
	if !c.asksAtTerminal() {
		return nil
	}
	tty, err := terminal.Open()
	if err == nil {
		var p *terminal.Person
		if p, err = terminal.New(tty, a.Gate()); err == nil {
			a.AlsoAsk(p)
			fmt.Fprintln(s.out, "You are asked here.")
			return nil
		}
		err = errors.Join(err, tty.Close())
	}
	s.log.LogAttrs(s.ctx, slog.LevelDebug, "opening the terminal", slog.Any("error", err))
	return fmt.Errorf("asking at the terminal: %w", err)
}
