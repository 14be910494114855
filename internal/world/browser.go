package world

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"cardea/internal/chromium"
	"cardea/platform"
	"cardea/platform/browser"
)

// HostCommand is the program, and its first arguments, that runs the browser's
// native host: "--config FILE" and what the browser adds come after.
type HostCommand []string

// Prepare makes a browser profile in which the extension finds its native
// host, and returns the folder of the extension to load. A nil phone is the
// desktop computer, whose own authenticator is w.Computer; otherwise the
// browser is the one on that phone.
func (w *World) Prepare(profile string, phone *Phone, host HostCommand) (extension string, err error) {
	cfg := browser.Config{
		Air:           w.AirSocket(),
		Relays:        map[string]string{RelayDomain(): w.Relay.URL},
		Name:          "Chromium",
		Form:          platform.FormDesktop,
		Authenticator: w.Computer.AgentSocket,
		CodeSeconds:   w.codeSeconds,
	}
	folder := filepath.Join(profile, "cardea")
	if phone != nil {
		cfg.Form, cfg.Authenticator = platform.FormPhone, phone.AgentSocket
	} else {
		cfg.Links = filepath.Join(folder, "phones")
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("preparing a browser: %w", err)
	}
	b, err := json.MarshalIndent(cfg, "", "  ")
	if err != nil {
		return "", fmt.Errorf("preparing a browser: %w", err)
	}
	file := filepath.Join(folder, "host.json")
	if err := os.WriteFile(file, append(b, '\n'), 0o600); err != nil {
		return "", fmt.Errorf("preparing a browser: %w", err)
	}
	in := browser.Installation{
		Profiles: []string{profile},
		Folder:   folder,
		Command:  append(append([]string{}, host...), "--config", file),
	}
	if err := in.Install(); err != nil {
		return "", err
	}
	return in.Extension(), nil
}

// A Computer is a browser with the extension: a desktop, or a phone's own.
type Computer struct {
	*chromium.Browser
	world *World
}

// Browse starts a headless browser for phone, or a desktop's if phone is nil.
func (w *World) Browse(ctx context.Context, profile string, phone *Phone, host HostCommand) (*Computer, error) {
	extension, err := w.Prepare(profile, phone, host)
	if err != nil {
		return nil, err
	}
	o := chromium.Options{Profile: profile, Extension: extension}
	if phone != nil {
		o.Width, o.Height = 500, 900
	}
	b, err := chromium.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	c := &Computer{Browser: b, world: w}
	if err := c.waitAttached(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return c, nil
}

// waitAttached waits until the extension answers for the browser, which takes
// a moment after the browser's start: until then pages get its own dialog. A
// browser whose passkey calls go to an extension says that it cannot do
// conditional requests.
func (c *Computer) waitAttached(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := c.Open(ctx, c.world.LoginURL+"/signed-out")
	if err != nil {
		return err
	}
	defer p.Close()
	const attached = `(async () => {
  while ((await PublicKeyCredential.getClientCapabilities()).conditionalGet) await new Promise(r => setTimeout(r, 20));
  return true;
})()`
	if _, err := chromium.Eval[bool](ctx, p, attached); err != nil {
		return fmt.Errorf("waiting for the extension: %w", err)
	}
	return nil
}

// Dialog waits for the window that the extension opens.
func (c *Computer) Dialog(ctx context.Context) (*chromium.Page, error) {
	return c.WaitForWindow(ctx, func(u *url.URL) bool {
		return u.Scheme == "chrome-extension" && u.Host == browser.ExtensionID
	})
}

// Sheet waits for the window to show the page on which phone asks its person.
func (c *Computer) Sheet(ctx context.Context, phone *Phone) (*chromium.Page, error) {
	at, err := url.Parse(phone.URL)
	if err != nil {
		return nil, err
	}
	return c.WaitForWindow(ctx, func(u *url.URL) bool { return u.Host == at.Host && u.Path == "/prompt" })
}

// A Handset is a phone in somebody's hand: its pages in a browser whose camera
// shows what it is held before.
type Handset struct {
	*chromium.Page
	Phone  *Phone
	camera string
}

// Hands holds the phones. All of them look through the same camera.
type Hands struct {
	browser *chromium.Browser
	camera  string
}

// Hands starts the browser in which the phones' pages are shown.
func (w *World) Hands(ctx context.Context, dir string) (*Hands, error) {
	camera := filepath.Join(dir, "camera.mjpeg")
	if err := show(camera, blank()); err != nil {
		return nil, err
	}
	b, err := chromium.Start(ctx, chromium.Options{Profile: filepath.Join(dir, "hands"), Camera: camera, Width: 500, Height: 900})
	if err != nil {
		return nil, err
	}
	return &Hands{browser: b, camera: camera}, nil
}

// Close puts the phones down.
func (h *Hands) Close() { h.browser.Close() }

// Take takes a phone into the hand.
func (h *Hands) Take(ctx context.Context, p *Phone) (*Handset, error) {
	page, err := h.browser.Open(ctx, p.URL)
	if err != nil {
		return nil, err
	}
	return &Handset{Page: page, Phone: p, camera: h.camera}, nil
}

// HoldBefore shows the camera a screen.
func (h *Handset) HoldBefore(ctx context.Context, screen *chromium.Page) error {
	picture, err := screen.Screenshot(ctx)
	if err != nil {
		return fmt.Errorf("looking at the screen: %w", err)
	}
	return show(h.camera, picture)
}

// show writes a PNG as the picture that the camera gives: a film of one frame.
func show(camera string, picture []byte) error {
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return fmt.Errorf("reading the picture of a screen: %w", err)
	}
	var frame bytes.Buffer
	if err := jpeg.Encode(&frame, img, &jpeg.Options{Quality: 90}); err != nil {
		return fmt.Errorf("filming the screen: %w", err)
	}
	// The camera must never see half a frame.
	if err := os.WriteFile(camera+".new", frame.Bytes(), 0o600); err != nil {
		return fmt.Errorf("filming the screen: %w", err)
	}
	return os.Rename(camera+".new", camera)
}

func anyDialog(u *url.URL) bool { return u.Scheme == "chrome-extension" }

// shortly is ctx for something that is either there by now or not at all.
func shortly(ctx context.Context) context.Context {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	context.AfterFunc(ctx, cancel)
	return ctx
}
