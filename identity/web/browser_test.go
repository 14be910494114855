package web_test

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cardea/identity/web"
	"cardea/internal/chromium"
	"cardea/internal/httpd"
)

var pictures = flag.String("pictures", "", "folder to put pictures of all pages in")

// faults is what is wrong with a page as it is shown: wider than the screen, a
// target too small to hit, text cut off, an id used twice, a label for nothing.
const faults = `(() => {
  const out = [], wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > wide) {
    const who = [...document.querySelectorAll('body *')].find(e => e.getBoundingClientRect().right > wide + 1 && e.checkVisibility());
    out.push('wider than the screen: ' + (who ? who.outerHTML.slice(0, 120) : ''));
  }
  for (const e of document.querySelectorAll('.card, .door, .table td, .banner, .well')) {
    if (e.checkVisibility() && e.scrollWidth > e.clientWidth + 1) out.push('cut off: ' + e.outerHTML.slice(0, 120));
  }
  for (const e of document.querySelectorAll('a[href], button, summary, input:not([type=hidden])')) {
    if (!e.checkVisibility({visibilityProperty: true}) || e.closest('p, li.small, .banner, td, ol.numbered, .skip') || e.classList.contains('skip')) continue;
    const r = (e.closest('label') || e).getBoundingClientRect();
    if (r.height < 24 || r.width < 24) out.push('hard to hit: ' + e.outerHTML.slice(0, 120));
  }
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) out.push('id twice: ' + id);
  for (const e of document.querySelectorAll('input:not([type=hidden])')) if (!e.labels.length) out.push('no label: ' + e.outerHTML.slice(0, 120));
  for (const e of document.querySelectorAll('[aria-describedby]')) for (const id of e.getAttribute('aria-describedby').split(' '))
    if (!document.getElementById(id)) out.push('described by nothing: ' + id);
  const heads = [...document.querySelectorAll('h1')].filter(e => e.checkVisibility());
  if (heads.length !== 1) out.push(heads.length + ' main headings');
  return out;
})()`

// contrast returns the texts on the page that are hard to read: less than 4.5
// to 1 (WCAG 2.2 §1.4.3).
const contrast = `(() => {
  const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => { const f = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; return .2126 * f(r) + .7152 * f(g) + .0722 * f(b); };
  const under = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  const out = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.checkVisibility({visibilityProperty: true}) || e.closest('noscript, template, .sr, .skip')) continue;
    const a = light(parse(getComputedStyle(e).color)), b = light(under(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) out.push(ratio.toFixed(2) + ': ' + walk.currentNode.data.trim().slice(0, 40));
  }
  return out;
})()`

// TestPagesCanBeReadAndUsed looks at every page of the gallery in a real
// browser, on the narrowest screen in light and on a desktop in dark. With
// -pictures it also takes pictures, of a phone too and in both.
func TestPagesCanBeReadAndUsed(t *testing.T) {
	t.Parallel()
	if _, err := chromium.Find(); errors.Is(err, chromium.ErrNotInstalled) {
		t.Skip(err)
	}
	pages, err := web.Gallery()
	if err != nil {
		t.Fatal(err)
	}
	oneBrowser.Lock()
	t.Cleanup(oneBrowser.Unlock)
	srv := httptest.NewServer(gallery(pages))
	t.Cleanup(srv.Close)
	b, err := chromium.Start(t.Context(), chromium.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	tab, err := b.Open(t.Context(), srv.URL+"/page/signin")
	if err != nil {
		t.Fatal(err)
	}
	looks := []chromium.Look{{Width: 320, Height: 640, Mobile: true}, {Width: 1280, Height: 800, Dark: true}}
	if *pictures != "" {
		looks = append(looks, chromium.Look{Width: 390, Height: 844, Mobile: true}, chromium.Look{Width: 390, Height: 844, Mobile: true, Dark: true},
			chromium.Look{Width: 1280, Height: 800})
	}
	for _, look := range looks {
		if err := tab.SetLook(t.Context(), look); err != nil {
			t.Fatal(err)
		}
		for _, p := range pages {
			examine(t, tab, srv.URL, p.Name, look)
		}
	}
}

func gallery(pages []web.GalleryPage) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(web.AssetPrefix, web.GalleryAssets())
	for _, p := range pages {
		mux.HandleFunc("GET /page/"+p.Name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			html := strings.ReplaceAll(string(p.HTML), `http-equiv="refresh"`, `name="refresh"`)
			_, _ = w.Write([]byte(html))
		})
	}
	return httpd.Headers(httpd.PageCSP, mux)
}

func examine(t *testing.T, tab *chromium.Page, base, name string, look chromium.Look) {
	t.Helper()
	title := fmt.Sprintf("%s at %d px, dark %t", name, look.Width, look.Dark)
	if err := tab.Goto(t.Context(), base+"/page/"+name); err != nil {
		t.Fatal(err)
	}
	for _, question := range []string{faults, contrast} {
		found, err := chromium.Eval[[]string](t.Context(), tab, question)
		if err != nil {
			t.Fatalf("%s: %v", title, err)
		}
		for _, f := range found {
			t.Errorf("%s: %s", title, f)
		}
	}
	if *pictures == "" {
		return
	}
	png, err := tab.FullScreenshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	scheme := "light"
	if look.Dark {
		scheme = "dark"
	}
	file := filepath.Join(*pictures, fmt.Sprintf("%s-%d-%s.png", name, look.Width, scheme))
	if err := os.WriteFile(file, png, 0o644); err != nil {
		t.Fatal(err)
	}
}
