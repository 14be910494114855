package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cardea/internal/chromium"
)

// Each screen is drawn by a real browser, without errors, in the size of the
// window. With CARDEA_SHOTS set, its pictures are kept there.
func TestEveryScreenFitsItsWindow(t *testing.T) {
	needChromium(t)
	pages, err := Gallery()
	if err != nil {
		t.Fatal(err)
	}
	b, err := chromium.Start(t.Context(), chromium.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	p, err := b.Open(t.Context(), "about:blank")
	if err != nil {
		t.Fatal(err)
	}
	for _, dark := range []bool{false, true} {
		if err := p.SetLook(t.Context(), chromium.Look{Width: 480, Height: 640, Dark: dark}); err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			if err := p.SetHTML(t.Context(), string(page.HTML)); err != nil {
				t.Fatalf("%s: %v", page.Name, err)
			}
			checkScreen(t, p, page.Name)
			keep(t, p, page.Name, dark)
		}
	}
}

// screenFacts is what a person with or without eyes gets of a screen.
const screenFacts = `(() => {
  const seen = (e) => e && e.checkVisibility();
  return {
    title: document.querySelector('h1')?.textContent ?? '',
    focus: document.activeElement?.id ?? '',
    live: document.querySelector('[role=status],[role=alert]')?.contains(document.querySelector('h1')) ?? false,
    site: seen(document.querySelector('.win-top')) ? document.querySelector('.win-top').innerText : '',
    tall: document.documentElement.scrollHeight, wide: document.documentElement.scrollWidth,
    small: [...document.querySelectorAll('button')].filter((b) => b.getBoundingClientRect().height < 44).map((b) => b.innerText),
    unnamed: [...document.querySelectorAll('button')].filter((b) => !(b.getAttribute('aria-label') || b.innerText).trim()).length,
    buttons: document.querySelectorAll('footer button').length,
  };
})()`

func checkScreen(t *testing.T, p *chromium.Page, name string) {
	t.Helper()
	got, err := chromium.Eval[struct {
		Title, Focus, Site           string
		Live                         bool
		Tall, Wide, Unnamed, Buttons int
		Small                        []string
	}](t.Context(), p, screenFacts)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if got.Title == "" || got.Focus != "title" && got.Focus != "field0" || !got.Live {
		t.Errorf("%s: title %q, focus on %q, in a live region: %t", name, got.Title, got.Focus, got.Live)
	}
	if !strings.Contains(got.Site, "alder.example") && !strings.Contains(got.Site, "cardea.localhost") {
		t.Errorf("%s: the top says %q, want who asks", name, got.Site)
	}
	if got.Wide > 480 || got.Tall > 640 {
		t.Errorf("%s: %d by %d, want at most 480 by 640", name, got.Wide, got.Tall)
	}
	if len(got.Small) > 0 || got.Unnamed > 0 || got.Buttons == 0 {
		t.Errorf("%s: %d buttons, too small %q, without a name %d", name, got.Buttons, got.Small, got.Unnamed)
	}
}

func keep(t *testing.T, p *chromium.Page, name string, dark bool) {
	t.Helper()
	dir := os.Getenv("CARDEA_SHOTS")
	if dir == "" {
		return
	}
	png, err := p.Screenshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	look := "-light.png"
	if dark {
		look = "-dark.png"
	}
	if err := os.WriteFile(filepath.Join(dir, name+look), png, 0o644); err != nil {
		t.Fatal(err)
	}
}
