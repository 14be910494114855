package chromium

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// find is the page's half of Click and Type: it returns the middle of the one
// visible element of the wanted sort that is called name, or nothing. An exact
// name beats one that only begins with it.
const find = `((sort, name) => {
  const sorts = {
    press: 'button, a[href], [role=button], [role=radio], [role=menuitem], input[type=submit], summary, label.choice, label.option',
    field: 'input:not([type=hidden]), textarea, select',
  };
  const tidy = s => (s || '').replace(/\s+/g, ' ').trim();
  const words = e => e.nodeType === 3 ? e.data
    : e.nodeType === 1 && (e.hidden || e.getAttribute('aria-hidden') === 'true') ? ''
    : [...e.childNodes].map(words).join(' ');
  const named = e => {
    const by = e.getAttribute('aria-labelledby');
    if (by) return tidy(by.split(' ').map(i => document.getElementById(i)?.textContent || '').join(' '));
    if (e.getAttribute('aria-label')) return tidy(e.getAttribute('aria-label'));
    if (sort === 'field') return tidy([...(e.labels || [])].map(l => l.textContent).join(' ')) || tidy(e.placeholder);
    return tidy(words(e) || e.value);
  };
  // Until a page is complete its scripts may not listen yet.
  if (document.readyState !== 'complete') return {text: 'still loading', names: []};
  const seen = e => e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})
    && !e.closest('[inert]') && e.getAttribute('aria-disabled') !== 'true' && !e.disabled;
  const all = [...document.querySelectorAll(sorts[sort])].filter(seen);
  const hit = all.find(e => named(e) === name) || all.find(e => named(e).startsWith(name));
  if (!hit) return {text: tidy(document.body?.innerText).slice(0, 600), names: all.map(named).slice(0, 30)};
  hit.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});
  const r = hit.getBoundingClientRect();
  const x = r.x + r.width / 2, y = r.y + r.height / 2;
  const top = document.elementFromPoint(x, y);
  if (top && top !== hit && !hit.contains(top) && !top.contains(hit)) return {text: 'covered by ' + top.outerHTML.slice(0, 120), names: []};
  return {found: true, x, y};
})`

type place struct {
	Found bool     `json:"found"`
	X     float64  `json:"x"`
	Y     float64  `json:"y"`
	Text  string   `json:"text"`
	Names []string `json:"names"`
}

func (p *Page) locate(ctx context.Context, sort, name string) (place, error) {
	// Who clicks or types has that window before them.
	if err := p.Front(ctx); err != nil {
		return place{}, fmt.Errorf("raising the window: %w", err)
	}
	args, err := json.Marshal([]string{sort, name})
	if err != nil {
		return place{}, err
	}
	var at place
	for {
		at, err = Eval[place](ctx, p, find+"(..."+string(args)+")")
		if err == nil && at.Found {
			return at, nil
		}
		// A page that is just being left cannot be evaluated in; look again.
		if waitErr := pause(ctx); waitErr != nil {
			return place{}, errors.Join(
				fmt.Errorf("looking for %q: %w; there are %q on a page that says %q", name, waitErr, at.Names, at.Text), err)
		}
	}
}

// Click waits for a button, link or choice called name and clicks it with the
// mouse.
func (p *Page) Click(ctx context.Context, name string) error {
	at, err := p.locate(ctx, "press", name)
	if err != nil {
		return err
	}
	// A window that closes at the click does not answer any more.
	if err := chromedp.Do(p.with(ctx),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at.X, at.Y), chromedp.MouseClickXY(at.X, at.Y)); err != nil && !errors.Is(err, chromedp.ErrTargetDetached) {
		return fmt.Errorf("clicking %q: %w", name, err)
	}
	return nil
}

// Type waits for a field called name, clears it, types text into it, and looks
// whether it is there, since keys go to whichever window has the focus.
func (p *Page) Type(ctx context.Context, name, text string) error {
	for {
		at, err := p.locate(ctx, "field", name)
		if err != nil {
			return err
		}
		if err := chromedp.Do(p.with(ctx),
			chromedp.MouseClickXY(at.X, at.Y, chromedp.ClickCount(3)),
			chromedp.KeyEvent(text)); err != nil {
			return fmt.Errorf("typing into %q: %w", name, err)
		}
		typed, err := Eval[string](ctx, p, `document.activeElement?.value ?? ""`)
		if err == nil && typed == text {
			return nil
		}
		if waitErr := pause(ctx); waitErr != nil {
			return errors.Join(fmt.Errorf("typing into %q: %w; it says %q", name, waitErr, typed), err)
		}
	}
}

// Text returns the visible text of the page, with white space folded.
func (p *Page) Text(ctx context.Context) (string, error) {
	return Eval[string](ctx, p, `(document.body?.innerText || '').replace(/\s+/g, ' ')`)
}

// WaitText waits until one of the texts is on the page and returns which.
func (p *Page) WaitText(ctx context.Context, texts ...string) (string, error) {
	var last string
	for {
		if text, err := p.Text(ctx); err == nil {
			last = text
			for _, want := range texts {
				if strings.Contains(text, want) {
					return want, nil
				}
			}
		}
		if err := pause(ctx); err != nil {
			return "", fmt.Errorf("waiting for %q: %w; the page says %.600q", texts, err, last)
		}
	}
}

// WaitURL waits until the address of the page contains part.
func (p *Page) WaitURL(ctx context.Context, part string) error {
	var last string
	for {
		if u, err := p.URL(ctx); err == nil {
			last = u
			if strings.Contains(u, part) {
				return nil
			}
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("waiting for an address with %q: %w; the page is at %s", part, err, last)
		}
	}
}
