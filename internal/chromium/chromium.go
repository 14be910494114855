// Package chromium drives a real Chromium the way a person does: it opens
// pages, reads what is on the screen, and clicks and types where the words are.
// The demonstration's check, the gallery and the browser tests use it.
//
// Elements are found by the words a person or a screen reader would find them
// by, never by class or test hook, so that what the tests can do a person can
// do too.
package chromium

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// ErrNotInstalled says that there is no Chromium to drive.
var ErrNotInstalled = errors.New("no Chromium found; install the package chromium, or set CARDEA_CHROMIUM to its path")

// Find returns the path of a Chromium or Chrome.
func Find() (string, error) {
	if p := os.Getenv("CARDEA_CHROMIUM"); p != "" {
		return p, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			return p, nil
		}
	}
	return "", ErrNotInstalled
}

// Options says how to start a browser. The zero value is a headless one with a
// fresh profile.
type Options struct {
	Profile   string   // profile folder; empty for a fresh one that is removed
	Extension string   // folder of an unpacked extension to load
	Camera    string   // picture (MJPEG) that the camera shows
	Width     int      // of the window, in CSS pixels; 1280 if zero
	Height    int      // of the window; 800 if zero
	Visible   bool     // show a window
	Flags     []string // further switches, "name=value" or "name"
}

// A Browser is a running Chromium.
type Browser struct {
	ctx    context.Context // of the first tab, which stays open
	cancel context.CancelFunc
}

// Start starts a browser. It ends with ctx or by Close.
func Start(ctx context.Context, o Options) (*Browser, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(ctx, allocatorOptions(path, o)...)
	// Its complaints about pages that are being left are not ours.
	tab, stopTab := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	b := &Browser{ctx: tab, cancel: func() { stopTab(); stopAllocator() }}
	if err := chromedp.Do(tab); err != nil {
		b.cancel()
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	return b, nil
}

func allocatorOptions(path string, o Options) []chromedp.ExecAllocatorOption {
	if o.Width == 0 {
		o.Width, o.Height = 1280, 800
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath(path),
		chromedp.WindowSize(o.Width, o.Height),
		chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
		// Chromium refuses to sandbox itself as root.
		chromedp.Flag("no-sandbox", os.Geteuid() == 0),
	)
	if o.Visible {
		opts = append(opts, chromedp.VisibleWindow)
	} else {
		opts = append(opts, chromedp.Flag("headless", "new"))
	}
	if o.Profile != "" {
		opts = append(opts, chromedp.UserDataDir(o.Profile))
	}
	if o.Extension != "" {
		opts = append(opts,
			chromedp.Flag("disable-extensions", false),
			chromedp.Flag("disable-features", "Translate,DisableLoadExtensionCommandLineSwitch"),
			chromedp.Flag("load-extension", o.Extension))
	}
	if o.Camera != "" {
		opts = append(opts,
			chromedp.Flag("use-fake-ui-for-media-stream", true),
			chromedp.Flag("use-fake-device-for-media-stream", true),
			chromedp.Flag("use-file-for-fake-video-capture", o.Camera))
	}
	for _, f := range o.Flags {
		if name, value, ok := strings.Cut(f, "="); ok {
			opts = append(opts, chromedp.Flag(name, value))
		} else {
			opts = append(opts, chromedp.Flag(f, true))
		}
	}
	return opts
}

// Close ends the browser.
func (b *Browser) Close() { b.cancel() }

// Open opens a new tab with u.
func (b *Browser) Open(ctx context.Context, u string) (*Page, error) {
	tab, cancel := chromedp.NewContext(b.ctx)
	p := &Page{ctx: tab, cancel: cancel}
	if err := p.Goto(ctx, u); err != nil {
		cancel()
		return nil, err
	}
	return p, nil
}

// WaitForWindow waits until there is a page whose address match accepts, such
// as a window that an extension opened, and returns it.
func (b *Browser) WaitForWindow(ctx context.Context, match func(*url.URL) bool) (*Page, error) {
	for {
		infos, err := chromedp.Targets(b.ctx)
		if err != nil {
			return nil, fmt.Errorf("listing windows: %w", err)
		}
		for _, info := range infos {
			u, err := url.Parse(info.URL)
			if err != nil || info.Type != "page" || !match(u) {
				continue
			}
			return b.attach(ctx, info.TargetID)
		}
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("waiting for a window: %w; open are %s", err, describe(infos))
		}
	}
}

func (b *Browser) attach(ctx context.Context, id target.ID) (*Page, error) {
	tab, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id), chromedp.WithDetachOnCancel())
	p := &Page{ctx: tab, cancel: cancel}
	if err := chromedp.Do(p.with(ctx)); err != nil {
		cancel()
		return nil, fmt.Errorf("attaching to a window: %w", err)
	}
	return p, nil
}

func describe(infos []*target.Info) string {
	var s []string
	for _, i := range infos {
		s = append(s, fmt.Sprintf("%s %.80s", i.Type, i.URL))
	}
	return strings.Join(s, ", ")
}

// A Page is one tab or window.
type Page struct {
	ctx    context.Context
	cancel context.CancelFunc
}

// with returns the page's context, ended by ctx too.
func (p *Page) with(ctx context.Context) context.Context {
	merged, cancel := context.WithCancelCause(p.ctx)
	context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	return merged
}

// Close closes a page that Open opened, and lets go of one that was attached.
func (p *Page) Close() { p.cancel() }

// Goto goes to u and waits until it is loaded.
func (p *Page) Goto(ctx context.Context, u string) error {
	if err := chromedp.Do(p.with(ctx), chromedp.Navigate(u)); err != nil {
		return fmt.Errorf("opening %s: %w", u, err)
	}
	return nil
}

// URL returns the address that the page is at.
func (p *Page) URL(ctx context.Context) (string, error) {
	return chromedp.Run(p.with(ctx), chromedp.Location())
}

// Eval evaluates an expression, waiting for a promise, and decodes its value.
func Eval[T any](ctx context.Context, p *Page, expression string) (T, error) {
	return chromedp.Run(p.with(ctx), chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Screenshot returns the visible part of the page as PNG.
func (p *Page) Screenshot(ctx context.Context) ([]byte, error) {
	return chromedp.Run(p.with(ctx), chromedp.CaptureScreenshot())
}

// FullScreenshot returns the whole page, as long as it is, as PNG.
func (p *Page) FullScreenshot(ctx context.Context) ([]byte, error) {
	// Of a page from right to left that fits, Chromium's picture of the whole is
	// shifted to the side.
	fits, err := Eval[bool](ctx, p, `document.documentElement.scrollHeight <= innerHeight`)
	if err != nil {
		return nil, err
	}
	if fits {
		return p.Screenshot(ctx)
	}
	return chromedp.Run(p.with(ctx), chromedp.FullScreenshot(100))
}

// Look is how a page is looked at.
type Look struct {
	Width, Height int64
	Dark          bool
	Mobile        bool
	Still         bool   // as for people who want no motion
	Forced        bool   // in the few colors that the person chose for everything
	UserAgent     string // empty for the browser's own
}

// SetLook changes size, color scheme and, if given, the user agent.
func (p *Page) SetLook(ctx context.Context, l Look) error {
	c := p.with(ctx)
	scheme := "light"
	if l.Dark {
		scheme = "dark"
	}
	var opts []chromedp.EmulateViewportOption
	if l.Mobile {
		opts = append(opts, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	if err := chromedp.Do(c, chromedp.EmulateViewport(l.Width, l.Height, opts...)); err != nil {
		return fmt.Errorf("setting the viewport: %w", err)
	}
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
	if l.Still {
		features = append(features, &emulation.MediaFeature{Name: "prefers-reduced-motion", Value: "reduce"})
	}
	if l.Forced {
		features = append(features, &emulation.MediaFeature{Name: "forced-colors", Value: "active"})
	}
	if _, err := chromedp.Call(c, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		return fmt.Errorf("setting the color scheme: %w", err)
	}
	if l.UserAgent != "" {
		if _, err := chromedp.Call(c, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: l.UserAgent}); err != nil {
			return fmt.Errorf("setting the user agent: %w", err)
		}
	}
	return nil
}

// Press presses a key on the keyboard, such as "\t".
func (p *Page) Press(ctx context.Context, key string) error {
	if err := chromedp.Do(p.with(ctx), chromedp.KeyEvent(key)); err != nil {
		return fmt.Errorf("pressing %q: %w", key, err)
	}
	return nil
}

// Front brings the page's tab to the front of its window.
func (p *Page) Front(ctx context.Context) error {
	_, err := chromedp.Call(p.with(ctx), page.BringToFront, struct{}{})
	return err
}

// SetHTML shows a document that was rendered elsewhere.
func (p *Page) SetHTML(ctx context.Context, html string) error {
	js, err := json.Marshal(html)
	if err != nil {
		return err
	}
	_, err = Eval[bool](ctx, p, `(document.open(), document.write(`+string(js)+`), document.close(), true)`)
	return err
}

// between looks at a page: short enough to feel immediate, long enough not to
// keep a core busy.
const glance = 25 * time.Millisecond

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(glance):
		return nil
	}
}
