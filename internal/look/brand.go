package look

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// A Brand is what an organization changes in the look of its pages. The zero
// value changes nothing.
type Brand struct {
	Accent     string // of buttons and links on a light page, as ParseColor reads it; may be empty
	AccentDark string // on a dark page; empty: made of Accent
	Logo       *Logo  // nil for Cardea's mark
}

// AA is the contrast that text has at least (WCAG 2.2 §1.4.3).
const AA = 4.5

// Check says which color cannot be read where it is used, and one near it that
// can.
func (b Brand) Check() error {
	for _, s := range []struct {
		value string
		dark  bool
	}{{b.Accent, false}, {b.AccentDark, true}} {
		if s.value == "" {
			continue
		}
		c, err := ParseColor(s.value)
		if err != nil {
			return err
		}
		if err := readable(c, s.dark); err != nil {
			return err
		}
	}
	return nil
}

// readable says why c will not do as the accent.
func readable(c Color, dark bool) error {
	on := scheme(dark)
	for _, ground := range []string{"surface", "canvas", "sunken"} {
		if got := Contrast(c, on[ground]); got < AA {
			page, away, word := "light", Color{}, "darker"
			if dark {
				page, away, word = "dark", Color{255, 255, 255}, "lighter"
			}
			near := c.until(away, func(m Color) bool { return fits(m, on) })
			return fmt.Errorf("%s on a %s page (%s) has a contrast of %.1f to 1, and text needs %v (WCAG 2.2 AA); %s, a %s shade of it, will do",
				c, page, on[ground], got, AA, near, word)
		}
	}
	if ink := inkOn(c); Contrast(ink, c) < AA {
		return fmt.Errorf("%s: neither black nor white text can be read on it", c)
	}
	return nil
}

// fits tells whether c can be read as text on everything that it stands on.
func fits(c Color, on map[string]Color) bool {
	return Contrast(c, on["surface"]) >= AA && Contrast(c, on["canvas"]) >= AA && Contrast(c, on["sunken"]) >= AA
}

// inkOn is the color of text on a button of color c.
func inkOn(c Color) Color {
	white, black := Color{255, 255, 255}, Color{8, 12, 13}
	if Contrast(white, c) >= Contrast(black, c) {
		return white
	}
	return black
}

// roles are the tokens that follow from an accent, with the contrast that they
// have in tokens.css.
func roles(c Color, dark bool) []struct {
	name string
	Color
} {
	on := scheme(dark)
	ink := inkOn(c)
	away := Color{} // from the ink, so that what is written on it gets clearer
	if ink == away || ink.R < 128 {
		away = Color{255, 255, 255}
	}
	soft := on["surface"].toward(c, .12).until(on["surface"], func(m Color) bool {
		return Contrast(on["ink-2"], m) >= AA && Contrast(on["focus"], m) >= 3
	})
	return []struct {
		name string
		Color
	}{
		{"accent", c}, {"accent-hover", c.toward(away, .22)}, {"on-accent", ink},
		{"accent-soft", soft},
		{"accent-soft-ink", c.until(on["ink"], func(m Color) bool { return Contrast(m, soft) >= AA })},
	}
}

// CSS returns the style sheet that goes after tokens.css, or nothing if the
// brand has no colors. Check must have accepted b.
func (b Brand) CSS() []byte {
	if b.Accent == "" && b.AccentDark == "" {
		return nil
	}
	var css strings.Builder
	write := func(value string, dark bool) {
		c, err := ParseColor(value)
		if err != nil {
			return // Check has said so
		}
		for _, r := range roles(c, dark) {
			fmt.Fprintf(&css, "--%s:%s;", r.name, r.Color)
		}
	}
	css.WriteString(":root{")
	write(b.Accent, false)
	css.WriteString("}\n@media (prefers-color-scheme:dark){:root{")
	write(b.night(), true)
	css.WriteString("}}\n")
	return []byte(css.String())
}

// night is the accent of dark pages: the one given, or the light pages' one made
// as light as it must be.
func (b Brand) night() string {
	if b.AccentDark != "" {
		return b.AccentDark
	}
	c, err := ParseColor(b.Accent)
	if err != nil {
		return ""
	}
	on := scheme(true)
	return c.until(Color{255, 255, 255}, func(m Color) bool { return fits(m, on) }).String()
}

// CheckContact says what is wrong with a way to reach the help desk: a page, an
// e-mail address or a telephone number, each with its scheme. Empty is fine.
func CheckContact(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return errors.New("want an address with its scheme, like mailto:help@example.org")
	}
	switch {
	case u.Scheme == "mailto" && strings.Contains(u.Opaque, "@"), u.Scheme == "tel" && u.Opaque != "",
		(u.Scheme == "https" || u.Scheme == "http") && u.Host != "":
		return nil
	}
	return errors.New("want mailto:, tel: or a page")
}
