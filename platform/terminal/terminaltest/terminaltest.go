// Package terminaltest looks at a terminal as a camera does: it makes a picture
// of the half blocks that package terminal draws.
package terminaltest

import (
	"image"
	"image/color"
	"strconv"
	"strings"
)

// cell is how many pixels a module is wide and high.
const cell = 6

// Picture returns what screen, the text that was written to a terminal, shows of
// blocks: the last picture made of adjoining lines that hold any. foreground and
// background are the colors that the terminal has by itself. ok is false if
// there are no such lines.
func Picture(screen string, foreground, background color.Gray) (picture image.Image, ok bool) {
	var rows [][][2]color.Gray // cells, upper and lower half
	var last [][][2]color.Gray
	for line := range strings.Lines(screen) {
		cells, blocks := read(strings.TrimRight(line, "\r\n"), foreground, background)
		if blocks == 0 {
			rows = nil
			continue
		}
		rows = append(rows, cells)
		last = rows
	}
	if len(last) == 0 {
		return nil, false
	}
	const margin = 4
	img := image.NewGray(image.Rect(0, 0, (len(last[0])+2*margin)*cell, (2*len(last)+2*margin)*cell))
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			c, r := x/cell-margin, y/cell-margin
			shade := background
			if r >= 0 && r/2 < len(last) && c >= 0 && c < len(last[r/2]) {
				shade = last[r/2][c][r%2]
			}
			img.SetGray(x, y, shade)
		}
	}
	return img, true
}

// read returns the cells of a line, and how many are blocks.
func read(line string, foreground, background color.Gray) (cells [][2]color.Gray, blocks int) {
	ink, paper := foreground, background
	for len(line) > 0 {
		if rest, ok := strings.CutPrefix(line, "\x1b["); ok {
			end := strings.IndexFunc(rest, func(r rune) bool { return r >= '@' && r <= '~' })
			if end < 0 {
				return cells, blocks
			}
			if rest[end] == 'm' {
				ink, paper = paint(rest[:end], ink, paper, foreground, background)
			}
			line = rest[end+1:]
			continue
		}
		r := []rune(line[:min(len(line), 4)])[0]
		line = line[len(string(r)):]
		if r != ' ' && strings.ContainsRune("▀▄█", r) {
			blocks++
		}
		switch r {
		case '▀':
			cells = append(cells, [2]color.Gray{ink, paper})
		case '▄':
			cells = append(cells, [2]color.Gray{paper, ink})
		case '█':
			cells = append(cells, [2]color.Gray{ink, ink})
		default:
			cells = append(cells, [2]color.Gray{paper, paper})
		}
	}
	return cells, blocks
}

// paint applies a Select Graphic Rendition.
func paint(sgr string, ink, paper, foreground, background color.Gray) (color.Gray, color.Gray) {
	p := strings.Split(sgr, ";")
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == "" || p[i] == "0":
			ink, paper = foreground, background
		case (p[i] == "38" || p[i] == "48") && i+2 < len(p) && p[i+1] == "5":
			shade := color.Gray{}
			if n, err := strconv.Atoi(p[i+2]); err == nil && n >= 231 {
				shade.Y = 255
			}
			if p[i] == "38" {
				ink = shade
			} else {
				paper = shade
			}
			i += 2
		}
	}
	return ink, paper
}
