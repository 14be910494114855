package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"cardea/internal/chromium"
	"cardea/internal/world"
)

type demoCommand struct {
	Check bool   `help:"Run the four flows and the registrations through headless Chromium, print a line for each, and exit."`
	State string `type:"path" help:"Folder that keeps accounts and passkeys between runs; the default is cardea/demo in your state folder." env:"CARDEA_DEMO_STATE"`
	Fresh bool   `help:"Forget earlier accounts and passkeys first."`
	Port  int    `default:"8480" help:"First of five ports on 127.0.0.1 to listen on."`
	As    string `enum:"desktop,iphone,android," default:"" help:"Only open another browser for the demonstration that is running: a desktop's, or the one on a phone."`
	Open  bool   `default:"true" negatable:"" help:"Open Chromium, where there is one and a screen."`
}

func (c *demoCommand) Run(s *session) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	host := world.HostCommand{self, "browser-host"}
	if c.Check {
		return c.check(s, host)
	}
	if c.State == "" {
		if c.State, err = stateFolder(); err != nil {
			return err
		}
	}
	if c.As != "" {
		return c.openAs(s, host)
	}
	return c.stayUp(s, host)
}

// check is the demonstration without a person: everything is new and gone
// afterwards, unless it failed.
func (c *demoCommand) check(s *session, host world.HostCommand) error {
	if _, err := chromium.Find(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "cardea-check-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	w, err := world.Start(ctx, world.Config{Dir: dir, Log: s.log})
	if err != nil {
		return err
	}
	began := time.Now()
	if err := w.Check(ctx, s.out, dir, host); err != nil {
		cancel()
		return errors.Join(errShown, w.Wait())
	}
	fmt.Fprintf(s.out, "all ok %dms\n", time.Since(began).Milliseconds())
	cancel()
	return errors.Join(w.Wait(), os.RemoveAll(dir))
}

func stateFolder() (string, error) {
	if d := os.Getenv("XDG_STATE_HOME"); d != "" {
		return filepath.Join(d, "cardea", "demo"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding your state folder: %w; name one with --state", err)
	}
	return filepath.Join(home, ".local", "state", "cardea", "demo"), nil
}

func (c *demoCommand) ports() world.Ports {
	return world.Ports{Identity: c.Port, Relay: c.Port + 1, IPhone: c.Port + 2, Android: c.Port + 3, Computer: c.Port + 4}
}

func (c *demoCommand) stayUp(s *session, host world.HostCommand) error {
	if c.Fresh {
		if err := os.RemoveAll(c.State); err != nil {
			return fmt.Errorf("forgetting the last demonstration: %w", err)
		}
	}
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return fmt.Errorf("making the folder of the demonstration: %w", err)
	}
	w, err := world.Start(s.ctx, world.Config{Dir: c.State, Ports: c.ports(), Log: s.log})
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; is a demonstration running already? Use --port for other ports", err)
	}
	if err != nil {
		return err
	}
	start, first, err := w.Server.SetupURL(s.ctx)
	if err != nil {
		return err
	}
	if !first {
		start = w.AccountURL
	}
	c.tell(s, w, start, first)
	if c.Open {
		c.open(s, w, host, nil, start, w.IPhone.URL, w.Android.URL)
	}
	return w.Wait()
}

func (c *demoCommand) tell(s *session, w *world.World, start string, first bool) {
	p := func(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }
	p("Cardea is up. Press Ctrl-C to end it; what you do is kept in %s", c.State)
	p("")
	if first {
		p("  Begin here      %s", start)
		p("                  This link works once. It makes you the first administrator.")
	}
	p("  My Account      %s", w.AccountURL)
	p("  An iPhone       %s", w.IPhone.URL)
	p("  An Android      %s", w.Android.URL)
	p("  This computer   %s", w.Computer.URL)
	p("")
	p("To use a phone: on its page, set it up, then open its camera and share the screen that shows the code.")
	p("Let the Android phone remember this computer when it has found the code, and next time the window asks it by name, without one.")
	p("To use this computer itself: choose \"This device\" in the browser's window; the first time it asks for a PIN of your choice.")
	p("To be on a phone: cardea demo --as iphone, or --as android, opens the browser of that phone.")
	p("Other browsers can take part too, with the dialogs they have.")
}

// open opens a browser with the extension, if there is one and a screen for it.
func (c *demoCommand) open(s *session, w *world.World, host world.HostCommand, phone *world.Phone, urls ...string) {
	name := "desktop"
	if phone != nil {
		name = string(phone.Style)
	}
	extension, err := w.Prepare(filepath.Join(c.State, "browser-"+name), phone, host)
	if err != nil {
		fmt.Fprintln(s.errOut, "cardea: preparing the browser:", err)
		return
	}
	if err := openBrowser(s.ctx, filepath.Join(c.State, "browser-"+name), extension, phone != nil, urls); err != nil {
		fmt.Fprintf(s.out, "\n(Chromium was not opened: %v)\n", err)
	}
}

func openBrowser(ctx context.Context, profile, extension string, phone bool, urls []string) error {
	path, err := chromium.Find()
	if err != nil {
		return err
	}
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return errors.New("there is no screen here")
	}
	args := []string{
		"--user-data-dir=" + profile, "--load-extension=" + extension,
		"--disable-features=DisableLoadExtensionCommandLineSwitch",
		"--no-first-run", "--no-default-browser-check",
	}
	if phone {
		args = append(args, "--window-size=430,900")
	}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // Chromium refuses to sandbox itself as root
	}
	cmd := exec.CommandContext(ctx, path, append(args, urls...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // it ends when its person closes it, or with us
	return nil
}

// openAs opens one more browser for the demonstration that runs, and stays
// until it is closed.
func (c *demoCommand) openAs(s *session, host world.HostCommand) error {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", c.Port))
	if err != nil {
		return errors.New("no demonstration is running on this port; start one with: cardea demo")
	}
	_ = conn.Close()
	w := world.At(c.State, c.ports())
	var phone *world.Phone
	switch c.As {
	case "iphone":
		phone = w.IPhone
	case "android":
		phone = w.Android
	}
	c.open(s, w, host, phone, w.AccountURL)
	fmt.Fprintln(s.out, "Press Ctrl-C to close it.")
	<-s.ctx.Done()
	return nil
}
