package look

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// MaxLogo is the size of a logo's file at most: every page loads it.
const MaxLogo = 64 << 10

// maxSide is the most that a PNG may measure, in pixels. A small file can be a
// picture that fills a phone's memory.
const maxSide = 2048

// A Logo is a picture that ParseLogo has looked through.
type Logo struct {
	Content []byte
	Type    string  // media type
	Ext     string  // "svg" or "png"
	ratio   float64 // width by height
}

// ParseLogo returns the SVG or PNG in content. It refuses what is larger than
// MaxLogo and an SVG that could do more than be seen: run scripts, load files,
// hold a page of its own.
func ParseLogo(content []byte) (*Logo, error) {
	switch {
	case len(content) > MaxLogo:
		return nil, fmt.Errorf("more than %d KB", MaxLogo>>10)
	case bytes.HasPrefix(content, []byte("\x89PNG\r\n\x1a\n")):
		c, err := png.DecodeConfig(bytes.NewReader(content))
		if err != nil || c.Width < 1 || c.Height < 1 || c.Width > maxSide || c.Height > maxSide {
			return nil, fmt.Errorf("want a PNG of up to %d pixels a side", maxSide)
		}
		if _, err := png.Decode(bytes.NewReader(content)); err != nil {
			return nil, fmt.Errorf("reading the PNG: %w", err)
		}
		return &Logo{content, "image/png", "png", float64(c.Width) / float64(c.Height)}, nil
	}
	ratio, err := checkSVG(content)
	if err != nil {
		return nil, err
	}
	return &Logo{content, "image/svg+xml", "svg", ratio}, nil
}

// Width is how wide the logo is when it is height high, in CSS pixels, and no
// wider than fits beside a name.
func (l *Logo) Width(height int) int {
	return int(math.Min(math.Max(math.Round(l.ratio*float64(height)), 8), 160))
}

// Hash names the content.
func (l *Logo) Hash() string {
	sum := sha256.Sum256(l.Content)
	return hex.EncodeToString(sum[:8])
}

// drawn are the elements that a logo is drawn with. What is not here is refused:
// script, style, foreignObject, image, a, use, animations.
var drawn = []string{"svg", "g", "defs", "title", "desc", "metadata", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon",
	"text", "tspan", "linearGradient", "radialGradient", "stop", "clipPath", "mask", "symbol"}

const svgSpace = "http://www.w3.org/2000/svg"

func checkSVG(content []byte) (ratio float64, err error) {
	d := xml.NewDecoder(bytes.NewReader(content))
	first := true
	for {
		token, err := d.Token()
		if err == io.EOF && !first {
			return ratio, nil
		}
		if err != nil {
			return 0, errors.New("want an SVG or a PNG")
		}
		switch t := token.(type) {
		case xml.Directive:
			return 0, errors.New("the SVG has a document type; leave it out")
		case xml.ProcInst:
			if t.Target != "xml" {
				return 0, fmt.Errorf("the SVG has a %q instruction; leave it out", t.Target)
			}
		case xml.StartElement:
			if first && (t.Name.Local != "svg" || t.Name.Space != svgSpace) {
				return 0, errors.New("want an SVG or a PNG")
			}
			if first {
				ratio, first = ratioOf(t), false
			}
			if err := checkElement(t); err != nil {
				return 0, err
			}
		}
	}
}

func checkElement(e xml.StartElement) error {
	if e.Name.Space != svgSpace || !slices.Contains(drawn, e.Name.Local) {
		return fmt.Errorf("the SVG has a <%s>, and a logo is shapes and text only", e.Name.Local)
	}
	for _, a := range e.Attr {
		name, value := strings.ToLower(a.Name.Local), strings.ToLower(a.Value)
		switch {
		case strings.HasPrefix(name, "on"):
			return fmt.Errorf("the SVG runs a script on %s", name)
		case name == "href" || name == "src":
			return errors.New("the SVG leads elsewhere")
		case strings.Contains(strings.ReplaceAll(value, "url(#", ""), "url(") || strings.Contains(value, "javascript:") || strings.Contains(value, `\`):
			return fmt.Errorf("the SVG loads something in %s", name)
		}
	}
	return nil
}

// ratioOf is the width of a picture by its height, 1 if it does not say.
func ratioOf(svg xml.StartElement) float64 {
	var box []string
	sides := map[string]float64{}
	for _, a := range svg.Attr {
		switch a.Name.Local {
		case "viewBox":
			box = strings.FieldsFunc(a.Value, func(r rune) bool { return r == ' ' || r == ',' })
		case "width", "height":
			sides[a.Name.Local], _ = strconv.ParseFloat(strings.TrimSuffix(a.Value, "px"), 64) // not a number is as good as none
		}
	}
	if len(box) == 4 {
		sides["width"], _ = strconv.ParseFloat(box[2], 64)
		sides["height"], _ = strconv.ParseFloat(box[3], 64)
	}
	if r := sides["width"] / sides["height"]; r > 0 && !math.IsInf(r, 0) {
		return r
	}
	return 1
}
