package look

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// A Color is one of sRGB.
type Color struct{ R, G, B uint8 }

var hexColor = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// ParseColor reads "#0b5a5e", the one form that has one meaning only.
func ParseColor(s string) (Color, error) {
	if !hexColor.MatchString(s) {
		return Color{}, fmt.Errorf("%q is no color: want six hexadecimal digits, like #0b5a5e", s)
	}
	n, err := strconv.ParseUint(s[1:], 16, 24)
	if err != nil {
		return Color{}, fmt.Errorf("%q is no color: %w", s, err)
	}
	return Color{uint8(n >> 16), uint8(n >> 8), uint8(n)}, nil
}

// String returns the form that ParseColor reads.
func (c Color) String() string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// Contrast is the ratio of the two colors' light, from 1 to 21 (WCAG 2.2,
// "contrast ratio").
func Contrast(a, b Color) float64 {
	la, lb := a.luminance(), b.luminance()
	return (math.Max(la, lb) + .05) / (math.Min(la, lb) + .05)
}

func (c Color) luminance() float64 {
	linear := func(c uint8) float64 {
		v := float64(c) / 255
		if v <= .04045 {
			return v / 12.92
		}
		return math.Pow((v+.055)/1.055, 2.4)
	}
	return .2126*linear(c.R) + .7152*linear(c.G) + .0722*linear(c.B)
}

// toward returns c with a share of other mixed in.
func (c Color) toward(other Color, share float64) Color {
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a)*(1-share) + float64(b)*share)) }
	return Color{mix(c.R, other.R), mix(c.G, other.G), mix(c.B, other.B)}
}

// until moves c toward other in small steps until it will do.
func (c Color) until(other Color, ok func(Color) bool) Color {
	for share := 0.; share < 1; share += .02 {
		if m := c.toward(other, share); ok(m) {
			return m
		}
	}
	return other
}

var tokenColor = regexp.MustCompile(`--([a-z0-9-]+):(#[0-9a-f]{6});`)

// scheme reads the colors of tokens.css, of its light or its dark scheme.
func scheme(dark bool) map[string]Color {
	css, _ := File("tokens.css")
	light, night, ok := strings.Cut(string(css), "@media (prefers-color-scheme:dark)")
	if !ok {
		panic("look: internal error: tokens.css has no dark scheme")
	}
	if dark {
		light = night
	}
	all := map[string]Color{}
	for _, m := range tokenColor.FindAllStringSubmatch(light, -1) {
		c, err := ParseColor(m[2])
		if err != nil {
			panic("look: internal error: " + err.Error())
		}
		all[m[1]] = c
	}
	return all
}
