package look

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"testing"
)

func TestColorThatCannotBeReadIsRefusedAndOneNearItNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		b    Brand
	}{
		{"yellow on light", Brand{Accent: "#ffd54f"}},
		{"gray just under", Brand{Accent: "#7a7a7a"}},
		{"navy on dark", Brand{AccentDark: "#102060"}},
	} {
		err := tt.b.Check()
		if err == nil {
			t.Errorf("%s: Check() = nil", tt.name)
			continue
		}
		_, rest, _ := strings.Cut(err.Error(), "; ")
		fixed := tt.b
		if fixed.Accent != "" {
			fixed.Accent = rest[:7]
		} else {
			fixed.AccentDark = rest[:7]
		}
		if again := fixed.Check(); again != nil {
			t.Errorf("%s: the color that it proposes will not do either: %v", tt.name, again)
		}
	}
	for _, bad := range []string{"red", "#fff", "#12345g", "#1234567", "#0b5a5e;}body{display:none"} {
		if err := (Brand{Accent: bad}).Check(); err == nil {
			t.Errorf("Check() with %q = nil", bad)
		}
	}
}

// Whatever accent is accepted, all that is made of it can be read.
func TestEveryRoleOfAnAcceptedAccentCanBeRead(t *testing.T) {
	t.Parallel()
	tried := 0
	for _, dark := range []bool{false, true} {
		on := scheme(dark)
		for n := 0; n < 1<<24; n += 0x051713 {
			c := Color{uint8(n >> 16), uint8(n >> 8), uint8(n)}
			if readable(c, dark) != nil {
				continue
			}
			tried++
			got := map[string]Color{}
			for _, r := range roles(c, dark) {
				got[r.name] = r.Color
			}
			for _, p := range []struct {
				name  string
				a, b  Color
				floor float64
			}{
				{"on-accent on accent", got["on-accent"], got["accent"], AA},
				{"on-accent on accent-hover", got["on-accent"], got["accent-hover"], AA},
				{"accent-soft-ink on accent-soft", got["accent-soft-ink"], got["accent-soft"], AA},
				{"ink-2 on accent-soft", on["ink-2"], got["accent-soft"], AA},
				{"focus on accent-soft", on["focus"], got["accent-soft"], 3},
			} {
				if r := Contrast(p.a, p.b); r < p.floor {
					t.Errorf("%s, dark %t: %s has %.2f, want %v", c, dark, p.name, r, p.floor)
				}
			}
		}
	}
	if tried < 20 {
		t.Errorf("tried %d colors, want more", tried)
	}
}

func TestStyleSheetHasBothSchemes(t *testing.T) {
	t.Parallel()
	if css := (Brand{}).CSS(); css != nil {
		t.Errorf("CSS() of nothing = %s", css)
	}
	b := Brand{Accent: "#5b2a86"}
	css := string(b.CSS())
	light, dark, ok := strings.Cut(css, "@media (prefers-color-scheme:dark)")
	if !ok || !strings.Contains(light, "--accent:#5b2a86;") || strings.Contains(dark, "--accent:#5b2a86;") || !strings.Contains(dark, "--accent:#") {
		t.Errorf("CSS() = %s", css)
	}
	if err := (Brand{AccentDark: b.night()}).Check(); err != nil {
		t.Errorf("the dark accent that it makes itself will not do: %v", err)
	}
}

const plain = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><path d="M0 0h40v20z" fill="#5b2a86"/></svg>`

func TestLogoIsShapesOnly(t *testing.T) {
	t.Parallel()
	inside := func(s string) string { return strings.Replace(plain, "</svg>", s+"</svg>", 1) }
	for name, bad := range map[string]string{
		"a script":           inside(`<script>alert(1)</script>`),
		"an event":           inside(`<path onload="alert(1)"/>`),
		"a page within":      inside(`<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">x</p></foreignObject>`),
		"a link":             inside(`<a href="javascript:alert(1)"><path/></a>`),
		"a picture":          inside(`<image href="https://evil.example/x.png"/>`),
		"a use of elsewhere": inside(`<use href="https://evil.example/x.svg#a"/>`),
		"an xlink":           inside(`<path xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="https://evil.example/"/>`),
		"a style":            inside(`<style>@import url(https://evil.example/)</style>`),
		"a load in a style":  inside(`<path style="fill:url(https://evil.example/x)"/>`),
		"an animation":       inside(`<set attributeName="onload" to="alert(1)"/>`),
		"an entity":          `<!DOCTYPE svg [<!ENTITY a "b">]>` + plain,
		"a style sheet":      `<?xml-stylesheet href="https://evil.example/"?>` + plain,
		"HTML":               `<html><body>hello</body></html>`,
		"a GIF":              "GIF89a\x01\x00\x01\x00",
		"nothing":            "",
		"a cut SVG":          plain[:len(plain)-4],
		"a cut PNG":          string(picture(t, 4, 4)[:40]),
		"a huge PNG":         string(picture(t, maxSide+1, 1)),
		"too many bytes":     inside("<desc>" + strings.Repeat("x", MaxLogo) + "</desc>"),
	} {
		if _, err := ParseLogo([]byte(bad)); err == nil {
			t.Errorf("%s: ParseLogo() = nil error", name)
		}
	}
	l, err := ParseLogo([]byte(inside(`<path fill="url(#g)"/>`)))
	if err != nil || l.Type != "image/svg+xml" || l.Width(30) != 60 {
		t.Errorf("ParseLogo() = %+v, %v", l, err)
	}
	if l, err := ParseLogo(picture(t, 30, 10)); err != nil || l.Type != "image/png" || l.Width(30) != 90 {
		t.Errorf("ParseLogo() of a PNG = %+v, %v", l, err)
	}
	mark, _ := File("mark.svg")
	if bytes.Contains(mark, []byte("<style")) {
		return // Cardea's own mark follows the color scheme; a logo is drawn once
	}
	if _, err := ParseLogo(mark); err != nil {
		t.Errorf("our own mark: %v", err)
	}
}

func picture(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func FuzzParseLogo(f *testing.F) {
	f.Add([]byte(plain))
	f.Add(picture(f, 2, 2))
	f.Fuzz(func(t *testing.T, content []byte) {
		l, err := ParseLogo(content)
		if err == nil && l.Ext == "svg" && bytes.Contains(bytes.ToLower(content), []byte("<script")) && !bytes.Contains(content, []byte("<!")) {
			t.Errorf("lets a script through: %s", content)
		}
	})
}
