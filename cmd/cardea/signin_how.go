package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"

	"cardea/platform"
	"cardea/platform/browser"
	"cardea/platform/securitykey"
	"cardea/platform/terminal"
	"cardea/signin"
	"cardea/webauthn"
)

// devices are the kinds of passkey holder by the words of --device.
var devices = map[string]platform.Kind{"this": platform.ThisDevice, "phone": platform.Phone, "key": platform.SecurityKey}

// signIn goes the way that was chosen.
func (h *signinHow) signIn(ctx context.Context, s *session, c *signin.Client) (signin.Tokens, error) {
	term, done := personTerminal(s.errOut)
	defer done()
	term.PNG = h.QR.PNG
	if h.Device == "browser" || h.Device == "auto" && hasScreen() && h.QR.PNG == "" {
		return throughBrowser(ctx, term.Out, c)
	}
	if (h.Device == "auto" || h.Device == "ask") && term.In == nil {
		return signin.Tokens{}, errors.New("nobody can be asked here; choose with --device browser, this, phone or key")
	}
	client, err := h.client(s, term)
	if err != nil {
		return signin.Tokens{}, err
	}
	t, err := c.Native(ctx, func(ctx context.Context, origin webauthn.Origin, o webauthn.RequestOptions) (webauthn.AuthenticationResponse, error) {
		r, err := client.Get(ctx, platform.Program(origin), o)
		return r, personsError(err)
	})
	if errors.Is(err, signin.ErrNoNative) && (h.Device == "auto" || h.Device == "ask") {
		return throughBrowser(ctx, term.Out, c)
	}
	return t, err
}

// personsError is what a person is told of why there is no assertion. The page
// that this error is made for elsewhere would not be.
func personsError(err error) error {
	var e *platform.Error
	if errors.As(err, &e) && e.Err != nil {
		return e.Err
	}
	return err
}

func throughBrowser(ctx context.Context, out io.Writer, c *signin.Client) (signin.Tokens, error) {
	return c.Browser(ctx, func(link string) error {
		fmt.Fprintf(out, "Continue in your browser. If it doesn't open, go to:\n  %s\n", link)
		if err := showPage(link); err != nil && hasScreen() {
			fmt.Fprintln(out, "(It could not be opened:", err.Error()+")")
		}
		return nil
	})
}

// hasScreen reports whether a browser would have something to show its page on.
func hasScreen() bool {
	return runtime.GOOS == "darwin" || runtime.GOOS == "windows" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

// showPage opens link in the browser of $BROWSER or the desktop's own. What it
// starts may be the browser itself, so it is nobody's child to end: not ours when
// we are done, nor the terminal's when somebody stops us there.
func showPage(link string) error {
	command := map[string][]string{
		"darwin": {"open"}, "windows": {"rundll32", "url.dll,FileProtocolHandler"},
	}[runtime.GOOS]
	if b := os.Getenv("BROWSER"); b != "" {
		command = []string{b}
	}
	if command == nil {
		command = []string{"xdg-open"}
	}
	cmd := exec.Command(command[0], append(command[1:], link)...)
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}

// client is the WebAuthn client of this program, with the device that was
// chosen or all of them.
func (h *signinHow) client(s *session, term *terminal.Terminal) (*platform.Client, error) {
	cfg, err := h.hostConfig()
	if err != nil {
		return nil, err
	}
	h.Relays.into(&cfg)
	cfg.Name, cfg.Form = "cardea signin", platform.FormDesktop
	host, err := browser.NewHost(cfg, s.log, &securitykey.Route{})
	if err != nil {
		return nil, err
	}
	client := host.Client
	client.Open, client.Related = term.Open, nil // related origins are for pages
	if kind, ok := devices[h.Device]; ok {
		client.Routes = slices.DeleteFunc(client.Routes, func(r platform.Route) bool { return r.Kind() != kind })
	}
	return &client, nil
}

// hostConfig is the file that was named, the one of an installed browser host,
// or what a desktop has by itself.
func (h *signinHow) hostConfig() (browser.Config, error) {
	if h.Host != "" {
		return browser.ReadConfig(h.Host)
	}
	if home, err := os.UserHomeDir(); err == nil {
		path := filepath.Join(home, ".local", "share", "cardea", "browser", "host.json")
		if exists(path) {
			return browser.ReadConfig(path)
		}
	}
	var place authenticatorPlace
	if err := place.fill(); err != nil {
		return browser.Config{}, err
	}
	return browser.Config{Authenticator: place.Agent}, nil
}

// personTerminal is where the person reads and types: the terminal that the
// process belongs to, whatever its standard input and output are, or errOut and
// nothing to type on. done lets go of it.
func personTerminal(errOut io.Writer) (t *terminal.Terminal, done func()) {
	f, err := openTerminal()
	if err != nil {
		return &terminal.Terminal{Out: errOut}, func() {}
	}
	in := terminal.NewInput(f)
	t = &terminal.Terminal{
		In: in, Out: f, Colors: os.Getenv("TERM") != "dumb",
		Size: func() (int, int) { return terminalSize(f) }, Echo: echoOf(f),
	}
	return t, func() { in.Close(); f.Close() }
}
