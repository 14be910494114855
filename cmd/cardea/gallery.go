package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"cardea/authenticator/app"
	"cardea/identity/web"
	"cardea/identity/web/words"
	"cardea/internal/chromium"
	"cardea/internal/httpd"
	"cardea/platform/browser"
)

type galleryCommand struct {
	Folder string   `arg:"" type:"path" help:"Where the pictures go."`
	Only   string   `help:"Only pages whose name matches this pattern, such as signin*." default:"*"`
	Lang   []string `help:"Languages of the sign-in pages, My Account and the console, such as de and ar; may be given more than once." default:"en"`
	Narrow bool     `help:"The smallest screen, 320 pixels, too."`
}

// A picture is a page in one state, and how it is looked at.
type picture struct {
	name  string
	html  []byte
	looks []look
}

type look struct {
	name string
	chromium.Look
}

var (
	pageLooks = []look{
		{"phone-light", chromium.Look{Width: 390, Height: 844, Mobile: true}},
		{"phone-dark", chromium.Look{Width: 390, Height: 844, Mobile: true, Dark: true}},
		{"desktop-light", chromium.Look{Width: 1280, Height: 800}},
		{"desktop-dark", chromium.Look{Width: 1280, Height: 800, Dark: true}},
	}
	dialogLooks = []look{
		{"light", chromium.Look{Width: 480, Height: 640}},
		{"dark", chromium.Look{Width: 480, Height: 640, Dark: true}},
	}
)

// A hall is a set of pictures with the assets that they need.
type hall struct {
	assets   http.Handler // nil if the pages bring their own
	pictures []picture
}

// narrowLook is the smallest screen, which is a desktop at 400 % too.
var narrowLook = look{"narrow", chromium.Look{Width: 320, Height: 640, Mobile: true}}

// halls returns everything there is to see. A page in a language other than
// English has that in its name.
func (c *galleryCommand) halls() ([]hall, error) {
	var pages, phones, dialogs hall
	pageLooks := pageLooks
	if c.Narrow {
		pageLooks = append(pageLooks[:len(pageLooks):len(pageLooks)], narrowLook)
	}
	for _, l := range c.Lang {
		if !words.Language(l).Known() {
			return nil, fmt.Errorf("--lang: %q is none of %v", l, words.Languages())
		}
		site, err := web.GalleryIn(words.Language(l))
		if err != nil {
			return nil, err
		}
		for _, p := range site {
			if l != string(words.English) {
				p.Name += "." + l
			}
			pages.pictures = append(pages.pictures, picture{p.Name, p.HTML, pageLooks})
		}
	}
	handset, err := app.Gallery()
	if err != nil {
		return nil, err
	}
	for _, p := range handset {
		phones.pictures = append(phones.pictures, picture{p.Name, p.HTML, pageLooks})
	}
	windows, err := browser.Gallery()
	if err != nil {
		return nil, err
	}
	for _, p := range windows {
		dialogs.pictures = append(dialogs.pictures, picture{p.Name, p.HTML, dialogLooks})
	}
	pages.assets, phones.assets = web.GalleryAssets(), app.Assets()
	return []hall{pages, phones, dialogs}, nil
}

func (c *galleryCommand) Run(s *session) error {
	all, err := c.halls()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Folder, 0o755); err != nil {
		return fmt.Errorf("making the folder for the pictures: %w", err)
	}
	b, err := chromium.Start(s.ctx, chromium.Options{})
	if err != nil {
		return err
	}
	defer b.Close()
	var shown []picture
	for _, h := range all {
		if err := c.hang(s, b, h); err != nil {
			return err
		}
		for _, p := range h.pictures {
			if match, _ := filepath.Match(c.Only, p.name); match { // hang would have refused the pattern
				shown = append(shown, p)
			}
		}
	}
	return writeIndex(filepath.Join(c.Folder, "index.html"), shown)
}

// hang takes the pictures of one hall.
func (c *galleryCommand) hang(s *session, b *chromium.Browser, h hall) error {
	ctx, cancel := context.WithCancel(s.ctx)
	served := make(chan error, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		return fmt.Errorf("serving the pages: %w", err)
	}
	go func() { served <- httpd.Serve(ctx, l, h.handler(), s.log) }()
	defer func() { cancel(); <-served }()
	page, err := b.Open(s.ctx, "about:blank")
	if err != nil {
		return err
	}
	defer page.Close()
	for i, p := range h.pictures {
		if match, err := filepath.Match(c.Only, p.name); err != nil || !match {
			if err != nil {
				return fmt.Errorf("--only: %w", err)
			}
			continue
		}
		for _, k := range p.looks {
			file := filepath.Join(c.Folder, p.name+"--"+k.name+".png")
			if err := shoot(s.ctx, page, fmt.Sprintf("http://%s/page/%d", l.Addr(), i), k.Look, file); err != nil {
				return fmt.Errorf("taking %s: %w", file, err)
			}
		}
		fmt.Fprintln(s.out, p.name)
	}
	return nil
}

func (h hall) handler() http.Handler {
	mux := http.NewServeMux()
	if h.assets != nil {
		mux.Handle("GET /assets/", h.assets)
	}
	for i, p := range h.pictures {
		mux.HandleFunc(fmt.Sprintf("GET /page/%d", i), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write(p.html) // the browser has gone if this fails
		})
	}
	return mux
}

func shoot(ctx context.Context, page *chromium.Page, url string, l chromium.Look, file string) error {
	l.Still = true // a picture is of where things come to rest
	if err := page.SetLook(ctx, l); err != nil {
		return err
	}
	if err := page.Goto(ctx, url); err != nil {
		return err
	}
	png, err := page.FullScreenshot(ctx)
	if err != nil {
		return err
	}
	return os.WriteFile(file, png, 0o644)
}
