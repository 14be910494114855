package app

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cardea/internal/chromium"
	"cardea/internal/httpd"
)

var shots = flag.String("shots", "", "write screenshots of the gallery into this folder")

// looks are how every page is looked at.
var looks = []struct {
	name string
	chromium.Look
}{
	{"phone-light", chromium.Look{Width: 390, Height: 844, Mobile: true}},
	{"phone-dark", chromium.Look{Width: 390, Height: 844, Mobile: true, Dark: true}},
	{"desktop-light", chromium.Look{Width: 1280, Height: 800}},
	{"desktop-dark", chromium.Look{Width: 1280, Height: 800, Dark: true}},
}

// startChromium skips the test if there is no Chromium to start.
func startChromium(t *testing.T, o chromium.Options) *chromium.Browser {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	if _, err := chromium.Find(); errors.Is(err, chromium.ErrNotInstalled) {
		t.Skip(err)
	}
	b, err := chromium.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// gallerySite serves the gallery with the headers and assets of the real
// pages, so that what the policy for content refuses is refused here too.
func gallerySite(t *testing.T) (url string, names []string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", Assets())
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for _, p := range drawGallery(t) {
		names = append(names, p.Name)
		mux.HandleFunc("GET /page/"+p.Name, func(w http.ResponseWriter, r *http.Request) { writeHTML(w, http.StatusOK, p.HTML) })
	}
	srv := httptest.NewServer(httpd.Headers(csp, mux))
	t.Cleanup(srv.Close)
	return srv.URL, names
}

// Nothing on a page may be wider than the page, at any size, or a thumb cannot
// reach it; and what can be pressed must be large enough for one.
func TestPagesFitTheirScreen(t *testing.T) {
	b := startChromium(t, chromium.Options{})
	url, names := gallerySite(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	p, err := b.Open(ctx, url+"/page/"+names[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, look := range looks {
		if *shots == "" && look.Dark {
			continue // a page is as wide in the dark
		}
		if err := p.SetLook(ctx, look.Look); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			checkPage(t, ctx, p, url+"/page/"+name, look.name+"-"+name)
		}
	}
}

const measure = `(() => {
  for (const a of document.getAnimations()) { try { a.finish(); } catch { a.cancel(); } }
  const phone = document.querySelector('.phone, .pane').getBoundingClientRect();
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push('page is ' + document.documentElement.scrollWidth + ' wide');
  for (const e of document.querySelectorAll('.scr, .sheet, .bare-sheet')) if (e.scrollWidth > e.clientWidth) found.push(e.className + ' scrolls sideways');
  for (const e of document.querySelectorAll('a, button, input:not([type=hidden]):not(.sr)')) {
    if (!e.checkVisibility() || e.closest('[inert]')) continue;
    const r = (e.closest('label') ?? e).getBoundingClientRect(); // its label presses it, too
    if (r.left < phone.left - 1 || r.right > phone.right + 1) found.push((e.textContent || e.name) + ' sticks out');
    if ((r.width < 24 || r.height < 24)) found.push((e.textContent || e.name) + ' is ' + r.width + ' by ' + r.height);
  }
  return found.join('; ');
})()`

func checkPage(t *testing.T, ctx context.Context, p *chromium.Page, url, name string) {
	t.Helper()
	if err := p.Goto(ctx, url); err != nil {
		t.Fatal(err)
	}
	wrong, err := chromium.Eval[string](ctx, p, measure)
	if err != nil {
		t.Fatal(err)
	}
	if wrong != "" {
		t.Errorf("%s: %s", name, wrong)
	}
	if *shots == "" {
		return
	}
	png, err := p.Screenshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(png) == 0 || !bytes.HasPrefix(png, []byte("\x89PNG")) {
		t.Fatal(fmt.Errorf("screenshot of %s is no PNG", name))
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}
