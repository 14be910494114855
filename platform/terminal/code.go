package terminal

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"strings"

	"cardea/platform"
)

// Quiet is how many light modules stand around a code (ISO/IEC 18004 §6.3.8).
const Quiet = 4

// leastQuiet is how many there are in a window that has no room for more. Phones
// read that too; the 24 lines of an old terminal are enough for it.
const leastQuiet = 2

// Colors of the fixed part of the 256-color table.
const (
	dark  = 16
	light = 231
)

// modules is a code with its quiet zone.
type modules struct {
	code  platform.Matrix
	quiet int
}

func (m modules) size() int { return len(m.code) + 2*m.quiet }

// dark reports whether the module is; outside of the code all are light.
func (m modules) dark(x, y int) bool {
	x, y = x-m.quiet, y-m.quiet
	return y >= 0 && y < len(m.code) && x >= 0 && x < len(m.code[y]) && m.code[y][x]
}

// draw returns the code as lines of half blocks.
func (m modules) draw(colors bool) []string {
	var lines []string
	for y := 0; y < m.size(); y += 2 {
		var b strings.Builder
		upper, lower := -1, -1
		for x := range m.size() {
			up, low := m.dark(x, y), m.dark(x, y+1)
			if !colors {
				b.WriteString(plainBlocks[up][low])
				continue
			}
			if u, l := tone(up), tone(low); u != upper || l != lower {
				fmt.Fprintf(&b, "\x1b[38;5;%d;48;5;%dm", u, l)
				upper, lower = u, l
			}
			b.WriteString("▀")
		}
		if colors {
			b.WriteString("\x1b[0m")
		}
		lines = append(lines, b.String())
	}
	return lines
}

func tone(isDark bool) int {
	if isDark {
		return dark
	}
	return light
}

// plainBlocks draws light modules with ink: by whether the upper and the lower
// module are dark.
var plainBlocks = map[bool]map[bool]string{
	true:  {true: " ", false: "▄"},
	false: {true: "▀", false: "█"},
}

// pixels is how wide a module is in a PNG.
const pixels = 8

// writePNG writes the code to a file that only this person may read.
func writePNG(path string, code platform.Matrix) error {
	m := modules{code, Quiet}
	img := image.NewPaletted(image.Rect(0, 0, m.size()*pixels, m.size()*pixels), color.Palette{color.White, color.Black})
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			if m.dark(x/pixels, y/pixels) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return fmt.Errorf("drawing the code: %w", err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing the code: %w", err)
	}
	return nil
}
