package web_test

import (
	"errors"
	"net/http/httptest"
	"os"
	"testing"

	"cardea/identity/web"
	"cardea/internal/axe"
	"cardea/internal/chromium"
)

// overflow is what is wider than the screen.
const overflow = `(() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  const who = [...document.querySelectorAll('body *')].find(e => { const r = e.getBoundingClientRect(); return (r.right > wide + 1 || r.left < -1) && e.checkVisibility() && !e.closest('.sr, .skip'); });
  return ['wider than ' + wide + ' px: ' + (who ? who.outerHTML.slice(0, 120) : '')];
})()`

// moving is what moves on a page for people who asked for no motion.
const moving = `document.getAnimations().filter(a => a.playState === 'running' && a.effect.getComputedTiming().duration > 1).map(a => 'moves: ' + (a.animationName || a.transitionProperty))`

// small is what is too small for a thumb: 44 px for the main buttons, 24 for
// whatever stands by itself (WCAG 2.2 §2.5.8).
const small = `(() => [...document.querySelectorAll('a[href], button, summary, input:not([type=hidden]), select, textarea')].flatMap(e => {
  if (!e.checkVisibility({visibilityProperty: true}) || e.matches('.skip, p a:not(.btn), td a, li.small a, .banner p a')) return [];
  const r = (e.closest('label') || e).getBoundingClientRect(), least = e.matches('.btn-primary') ? 44 : 24;
  return r.width < least || r.height < least ? ['smaller than ' + least + ' px: ' + e.outerHTML.slice(0, 120)] : [];
}))()`

// faint is what nobody sees in forced colors: controls without a border, and
// pictures in a color of their own.
const faint = `(() => {
  const out = [], ground = getComputedStyle(document.documentElement).backgroundColor;
  for (const e of document.querySelectorAll('.btn-primary, .btn-secondary, .btn-danger, .input, .option, .card, .banner, .chip')) {
    const s = getComputedStyle(e);
    if (e.checkVisibility() && (s.borderTopStyle === 'none' || parseFloat(s.borderTopWidth) < 1 || s.borderTopColor === s.backgroundColor)) out.push('no border: ' + e.outerHTML.slice(0, 120));
  }
  for (const e of document.querySelectorAll('svg.mark *, svg.art *, .steps > li, .bullets > li, .key-dot')) {
    if (!e.checkVisibility()) continue;
    if (e instanceof SVGElement) {
      const s = getComputedStyle(e);
      if ([s.fill, s.stroke].every(c => c === 'none' || c === ground)) out.push('invisible: ' + e.outerHTML.slice(0, 120));
      continue;
    }
    const s = getComputedStyle(e, e.matches('.key-dot') ? null : '::before');
    if (s.backgroundColor === ground && parseFloat(s.borderTopWidth) < 1) out.push('invisible: ' + e.outerHTML.slice(0, 120));
  }
  return out;
})()`

func load(t *testing.T) string {
	t.Helper()
	script, err := axe.Load()
	if errors.Is(err, axe.ErrNotInstalled) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return script
}

// newPage opens an empty tab of a browser that no other test has at the time.
func newPage(t *testing.T) *chromium.Page {
	t.Helper()
	if _, err := chromium.Find(); errors.Is(err, chromium.ErrNotInstalled) {
		t.Skip(err)
	}
	oneBrowser.Lock()
	t.Cleanup(oneBrowser.Unlock)
	b, err := chromium.Start(t.Context(), chromium.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return must[*chromium.Page](t)(b.Open(t.Context(), "about:blank"))
}

// each opens every page of the gallery in turn.
func each(t *testing.T, page *chromium.Page, look func(name string)) {
	t.Helper()
	pages := must[[]web.GalleryPage](t)(web.Gallery())
	srv := httptest.NewServer(gallery(pages))
	t.Cleanup(srv.Close)
	for _, p := range pages {
		if err := page.Goto(t.Context(), srv.URL+"/page/"+p.Name); err != nil {
			t.Fatal(err)
		}
		look(p.Name)
	}
}

func report(t *testing.T, page *chromium.Page, what, question string) {
	t.Helper()
	for _, f := range must[[]string](t)(chromium.Eval[[]string](t.Context(), page, question)) {
		t.Errorf("%s: %s", what, f)
	}
}

// Every page keeps the rules that axe-core knows, on a phone and on a desktop,
// in light and in dark.
func TestPagesAreAccessible(t *testing.T) {
	t.Parallel()
	script := load(t)
	page := newPage(t)
	each(t, page, func(name string) {
		if err := axe.Inject(t.Context(), page, script); err != nil {
			t.Fatal(err)
		}
		for look, l := range map[string]chromium.Look{
			"phone": {Width: 390, Height: 844, Mobile: true, Still: true}, "phone, dark": {Width: 390, Height: 844, Mobile: true, Dark: true, Still: true},
			"desktop": {Width: 1280, Height: 800, Still: true}, "desktop, dark": {Width: 1280, Height: 800, Dark: true, Still: true},
		} {
			if err := page.SetLook(t.Context(), l); err != nil {
				t.Fatal(err)
			}
			for _, v := range must[[]string](t)(axe.Violations(t.Context(), page)) {
				t.Errorf("%s, %s: %s", name, look, v)
			}
		}
	})
}

// Nothing is wider than the screen, from either side: on the smallest phone,
// which is a desktop at 400 % too, and at 200 %. Nothing moves for those who ask
// for that, and everything shows in forced colors.
func TestPagesFitWhoeverReads(t *testing.T) {
	t.Parallel()
	page := newPage(t)
	set := func(l chromium.Look) {
		if err := page.SetLook(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	each(t, page, func(name string) {
		set(chromium.Look{Width: 640, Height: 400, Still: true, Forced: true})
		report(t, page, name+" in forced colors", faint)
		report(t, page, name+" without motion", moving)
		for _, dir := range []string{"ltr", "rtl"} {
			if _, err := chromium.Eval[string](t.Context(), page, `document.documentElement.dir = "`+dir+`"`); err != nil {
				t.Fatal(err)
			}
			set(chromium.Look{Width: 320, Height: 640, Mobile: true})
			report(t, page, name+", "+dir, overflow)
			report(t, page, name+", "+dir, small)
			set(chromium.Look{Width: 640, Height: 400})
			report(t, page, name+", "+dir, overflow)
		}
	})
}

// The checks find what they are for.
func TestChecksOfPagesSeeFaults(t *testing.T) {
	t.Parallel()
	script := load(t)
	page := newPage(t)
	if err := page.SetLook(t.Context(), chromium.Look{Width: 320, Height: 640, Mobile: true, Still: true, Forced: true}); err != nil {
		t.Fatal(err)
	}
	const bad = `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><style>@keyframes a{to{opacity:0}} .m{animation:a 2s infinite} .btn-primary{border:0;padding:0;block-size:20px} .btn-primary:focus-visible{outline:3px solid}</style>
<main><p class="m">Moves</p><div style="inline-size:500px">Wide</div><button class="btn-primary">x</button><img src="data:,"><p tabindex="0" style="outline:none">stop</p></main></html>`
	if err := page.SetHTML(t.Context(), bad); err != nil {
		t.Fatal(err)
	}
	for what, question := range map[string]string{"width": overflow, "motion": moving, "size": small, "forced colors": faint} {
		if found := must[[]string](t)(chromium.Eval[[]string](t.Context(), page, question)); len(found) == 0 {
			t.Errorf("the check of %s sees nothing", what)
		}
	}
	if err := axe.Inject(t.Context(), page, script); err != nil {
		t.Fatal(err)
	}
	if found := must[[]string](t)(axe.Violations(t.Context(), page)); len(found) < 2 {
		t.Errorf("axe-core sees %q", found)
	}
	if found := walk(t, page); len(found) != 1 {
		t.Errorf("walking with the keyboard finds %q, want the stop that is not seen", found)
	}
}

// Who has only a keyboard reaches everything, in the order of reading, sees
// where they are, and comes out again.
func TestPagesWorkFromTheKeyboard(t *testing.T) {
	t.Parallel()
	page := newPage(t)
	if err := page.SetLook(t.Context(), chromium.Look{Width: 1280, Height: 800, Still: true}); err != nil {
		t.Fatal(err)
	}
	each(t, page, func(name string) {
		for _, f := range walk(t, page) {
			t.Errorf("%s: %s", name, f)
		}
	})
}

// stop is where the keyboard is: the place of the element among all that can be
// reached, -1 outside the page, and what is wrong there.
type stop struct {
	Place int    `json:"place"`
	All   int    `json:"all"`
	Wrong string `json:"wrong"`
}

const whereAmI = `(() => {
  const e = document.activeElement;
  const all = [...document.querySelectorAll('a[href], button, summary, input:not([type=hidden]), select, textarea, [tabindex="0"]')].filter(e => e.checkVisibility({visibilityProperty: true}) && !e.disabled)
    // A group of radio buttons is one stop: the chosen one.
    .filter(e => e.type !== 'radio' || e === (document.querySelector('input[type=radio][name="' + e.name + '"]:checked') || document.querySelector('input[type=radio][name="' + e.name + '"]')));
  const place = all.indexOf(e);
  if (!e || e === document.body || e === document.documentElement) return {place: -1, all: all.length, wrong: ''};
  const s = getComputedStyle(e), r = e.getBoundingClientRect();
  const what = e.outerHTML.slice(0, 120);
  if (place < 0) return {place, all: all.length, wrong: 'reaches what it should not: ' + what};
  if (s.outlineStyle === 'none' || parseFloat(s.outlineWidth) < 2) return {place, all: all.length, wrong: 'does not show the focus: ' + what};
  if (r.bottom <= 0 || r.right <= 0) return {place, all: all.length, wrong: 'has the focus off the screen: ' + what};
  return {place, all: all.length, wrong: ''};
})()`

// walk goes through the page with the tab key and returns what is wrong.
func walk(t *testing.T, page *chromium.Page) (wrong []string) {
	t.Helper()
	// A page may put the focus somewhere when it opens; begin before the first.
	start := must[stop](t)(chromium.Eval[stop](t.Context(), page,
		`(document.activeElement?.blur(), document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex'), `+whereAmI+`)`))
	for i := range start.All {
		if err := page.Press(t.Context(), "\t"); err != nil {
			t.Fatal(err)
		}
		at := must[stop](t)(chromium.Eval[stop](t.Context(), page, whereAmI))
		if at.Wrong != "" {
			wrong = append(wrong, at.Wrong)
		}
		if at.Place != i {
			return append(wrong, "the tab key does not go through the page in order, or is held")
		}
	}
	if err := page.Press(t.Context(), "\t"); err != nil {
		t.Fatal(err)
	}
	if at := must[stop](t)(chromium.Eval[stop](t.Context(), page, whereAmI)); at.Place > 0 {
		wrong = append(wrong, "the tab key does not come out of the page")
	}
	return wrong
}
