package look

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Each pair in the table of tokens.css has the contrast that it must have at
// least, in both color schemes (WCAG 2.2 §1.4.3, §1.4.11).
func TestEveryPairOfColorsHasItsContrast(t *testing.T) {
	t.Parallel()
	b, ok := File("tokens.css")
	if !ok {
		t.Fatal("no tokens.css")
	}
	css := string(b)
	light, dark, ok := strings.Cut(css, "@media (prefers-color-scheme:dark)")
	if !ok {
		t.Fatal("no dark scheme")
	}
	rows := regexp.MustCompile(`(?m)^ \*  ([a-z0-9-]+) on ([a-z0-9-]+) +([0-9.]+) `).FindAllStringSubmatch(light, -1)
	if len(rows) < 20 {
		t.Fatalf("%d pairs in the table, want at least 20", len(rows))
	}
	for name, colors := range map[string]map[string]float64{"light": luminances(light), "dark": luminances(dark)} {
		for _, row := range rows {
			floor, err := strconv.ParseFloat(row[3], 64)
			if err != nil {
				t.Fatal(err)
			}
			a, okA := colors[row[1]]
			b, okB := colors[row[2]]
			if !okA || !okB {
				t.Errorf("%s: no colors for %s on %s", name, row[1], row[2])
				continue
			}
			if got := (math.Max(a, b) + .05) / (math.Min(a, b) + .05); got < floor {
				t.Errorf("%s: %s on %s has contrast %.2f, want at least %v", name, row[1], row[2], got, floor)
			}
		}
	}
}

// luminances are the relative luminances of the colors that css defines.
func luminances(css string) map[string]float64 {
	all := map[string]float64{}
	for _, m := range regexp.MustCompile(`--([a-z0-9-]+):#([0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
		var r, g, b uint8
		if _, err := fmt.Sscanf(m[2], "%02x%02x%02x", &r, &g, &b); err == nil {
			all[m[1]] = .2126*linear(r) + .7152*linear(g) + .0722*linear(b)
		}
	}
	return all
}

func linear(c uint8) float64 {
	v := float64(c) / 255
	if v <= .04045 {
		return v / 12.92
	}
	return math.Pow((v+.055)/1.055, 2.4)
}
