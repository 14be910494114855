package qrimage

import (
	"bytes"
	"fmt"
	"image/png"
	"regexp"
	"strings"
	"testing"

	"rsc.io/qr/coding"

	"cardea/hybrid"
)

func newText(t testing.TB) string {
	t.Helper()
	inv, err := hybrid.NewInvitation(hybrid.HintGetAssertion)
	if err != nil {
		t.Fatal(err)
	}
	return inv.Text()
}

func encode(t testing.TB, text string) Symbol {
	t.Helper()
	s, err := Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSymbolsAreRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		newText(t),
		hybrid.Prefix + "000",
		"0123456789",
		"HELLO WORLD",
		"https://login.example.com/setup#code",
		"ä€",
		strings.Repeat("7", 1000),
	} {
		got, err := Decode(encode(t, text).Image(3))
		if err != nil || got != text {
			t.Errorf("Decode(Encode(%.30q)) = %.30q, %v", text, got, err)
		}
	}
}

// Letters and digits each in their own way: as letters alone the symbol would
// be larger.
func TestHybridCodesAreDense(t *testing.T) {
	t.Parallel()
	s := encode(t, newText(t))
	if s.Size() > 37 {
		t.Errorf("symbol of %d modules, want at most 37", s.Size())
	}
	if s.ViewSize() != s.Size()+8 {
		t.Errorf("ViewSize = %d of %d", s.ViewSize(), s.Size())
	}
}

func TestTextThatIsTooLongIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := Encode(strings.Repeat("7", 8000)); err == nil {
		t.Error("Encode took 8000 digits")
	}
}

func TestPNGHasItsQuietZone(t *testing.T) {
	t.Parallel()
	s := encode(t, newText(t))
	var b bytes.Buffer
	if err := s.WritePNG(&b, 4); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	g, ok := grayOf(img)
	if !ok || g.width != 4*s.ViewSize() || g.height != g.width {
		t.Fatalf("picture of %d by %d, want %d", g.width, g.height, 4*s.ViewSize())
	}
	for y := range g.height {
		for x := range g.width {
			want := byte(255)
			if s.Black(x/4-QuietZone, y/4-QuietZone) {
				want = 0
			}
			if got := g.pix[y*g.width+x]; got != want {
				t.Fatalf("pixel %d, %d = %d, want %d", x, y, got, want)
			}
		}
	}
}

// The path, drawn again, is the symbol.
func TestSVGPathIsTheSymbol(t *testing.T) {
	t.Parallel()
	s := encode(t, newText(t))
	path := s.SVGPath()
	if regexp.MustCompile(`[^Mhvz0-9 -]`).MatchString(path) {
		t.Errorf("path %.60q holds something else than moves and lines", path)
	}
	black := map[[2]int]bool{}
	for _, part := range strings.SplitAfter(path, "z") {
		if part == "" {
			continue
		}
		var x, y, run, back int
		if _, err := fmt.Sscanf(part, "M%d %dh%dv1h-%dz", &x, &y, &run, &back); err != nil || run != back {
			t.Fatalf("part %q: %v", part, err)
		}
		for i := range run {
			black[[2]int{x + i - QuietZone, y - QuietZone}] = true
		}
	}
	for y := range s.Size() {
		for x := range s.Size() {
			if black[[2]int{x, y}] != s.Black(x, y) {
				t.Fatalf("module %d, %d differs", x, y)
			}
		}
	}
}

func TestMaskHasTheLeastPenalty(t *testing.T) {
	t.Parallel()
	text := newText(t)
	got := penalty(encode(t, text).code)
	version, err := smallest(segments(text))
	if err != nil {
		t.Fatal(err)
	}
	for mask := range coding.Mask(8) {
		plan, err := coding.NewPlan(version, level, mask)
		if err != nil {
			t.Fatal(err)
		}
		code, err := plan.Encode(segments(text)...)
		if err != nil {
			t.Fatal(err)
		}
		if p := penalty(code); p < got {
			t.Errorf("mask %d has penalty %d, less than %d", mask, p, got)
		}
	}
}

func TestPenaltyOfALine(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		"1010101010":   0,
		"1111010101":   0,
		"1111101010":   3,
		"1111111010":   5,
		"00001011101":  40,
		"10111010000":  40,
		"000010111010": 40,
		"0000010111":   3,
	} {
		got := linePenalty(len(line), func(i int) bool { return line[i] == '1' })
		if got != want {
			t.Errorf("linePenalty(%s) = %d, want %d", line, got, want)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	text := newText(b)
	for b.Loop() {
		encode(b, text)
	}
}
