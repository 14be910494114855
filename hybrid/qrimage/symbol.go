package qrimage

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"strings"

	"rsc.io/qr/coding"
)

// QuietZone is the width in modules of the empty border that a reader needs on
// every side (ISO/IEC 18004 §9.1). Every drawing here includes it.
const QuietZone = 4

// A Symbol is a square of black and white modules.
type Symbol struct {
	code *coding.Code
}

// level is error correction M: it restores a symbol of which 15 % cannot be
// read, as with a reflection on a screen.
const level = coding.M

// Encode makes the smallest symbol that holds text.
func Encode(text string) (Symbol, error) {
	parts := segments(text)
	version, err := smallest(parts)
	if err != nil {
		return Symbol{}, err
	}
	var best *coding.Code
	least := 0
	// ISO/IEC 18004 §7.8.3: of the eight masks, the one with the least penalty.
	for mask := range coding.Mask(8) {
		plan, err := coding.NewPlan(version, level, mask)
		if err != nil {
			return Symbol{}, fmt.Errorf("drawing a QR symbol: %w", err)
		}
		code, err := plan.Encode(parts...)
		if err != nil {
			return Symbol{}, fmt.Errorf("drawing a QR symbol: %w", err)
		}
		if p := penalty(code); best == nil || p < least {
			best, least = code, p
		}
	}
	return Symbol{code: best}, nil
}

// segments splits a text at its first digit, if that makes it smaller.
func segments(text string) []coding.Encoding {
	if i := strings.IndexAny(text, "0123456789"); i > 0 {
		letters, digits := coding.Alpha(text[:i]), coding.Num(text[i:])
		if letters.Check() == nil && digits.Check() == nil {
			return []coding.Encoding{letters, digits}
		}
	}
	for _, e := range []coding.Encoding{coding.Num(text), coding.Alpha(text)} {
		if e.Check() == nil {
			return []coding.Encoding{e}
		}
	}
	return []coding.Encoding{coding.String(text)}
}

func smallest(parts []coding.Encoding) (coding.Version, error) {
	for v := coding.Version(coding.MinVersion); v <= coding.MaxVersion; v++ {
		bits := 0
		for _, p := range parts {
			bits += p.Bits(v)
		}
		if bits <= v.DataBytes(level)*8 {
			return v, nil
		}
	}
	return 0, errors.New("drawing a QR symbol: the text is too long")
}

// Size returns the number of modules of a side, without the quiet zone.
func (s Symbol) Size() int { return s.code.Size }

// Black reports whether a module is black. Those outside of the symbol are not.
func (s Symbol) Black(x, y int) bool { return s.code.Black(x, y) }

// Image draws the symbol with its quiet zone, black on white. A module is scale
// pixels wide.
func (s Symbol) Image(scale int) image.Image {
	side := (s.Size() + 2*QuietZone) * scale
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x := range side {
			if s.Black(x/scale-QuietZone, y/scale-QuietZone) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	return img
}

// WritePNG writes the drawing of Image.
func (s Symbol) WritePNG(w io.Writer, scale int) error { return png.Encode(w, s.Image(scale)) }

// ViewSize returns the width of the drawing in modules, with its quiet zone:
// the viewBox of an SVG is "0 0 ViewSize ViewSize".
func (s Symbol) ViewSize() int { return s.Size() + 2*QuietZone }

// SVGPath returns the black modules as the d attribute of one SVG path, a
// module being one unit wide. It holds digits and the letters M, h, v and z
// only.
func (s Symbol) SVGPath() string {
	var d strings.Builder
	for y := range s.Size() {
		for x := 0; x < s.Size(); x++ {
			run := 0
			for s.Black(x+run, y) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&d, "M%d %dh%dv1h-%dz", x+QuietZone, y+QuietZone, run, run)
				x += run
			}
		}
	}
	return d.String()
}
