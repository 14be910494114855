package qrimage

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math"
	"strings"
	"testing"
)

// at draws the symbol onto a plain background, light by default.
func render(t testing.TB, text string, scale int) *image.Gray {
	t.Helper()
	return toGray(encode(t, text).Image(scale))
}

func toGray(img image.Image) *image.Gray {
	out := image.NewGray(img.Bounds())
	draw.Draw(out, out.Bounds(), img, img.Bounds().Min, draw.Src)
	return out
}

// rotated turns img about its middle, in a picture large enough for it.
func rotated(img *image.Gray, degrees float64) *image.Gray {
	side := int(float64(img.Bounds().Dx())*1.5) + 1
	out := image.NewGray(image.Rect(0, 0, side, side))
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	from, to := float64(img.Bounds().Dx())/2, float64(side)/2
	for y := range side {
		for x := range side {
			dx, dy := float64(x)-to, float64(y)-to
			sx, sy := int(from+dx*cos+dy*sin), int(from-dx*sin+dy*cos)
			out.SetGray(x, y, color.Gray{Y: 230})
			if image.Pt(sx, sy).In(img.Bounds()) {
				out.SetGray(x, y, img.GrayAt(sx, sy))
			}
		}
	}
	return out
}

// blurred averages each pixel with those up to r away.
func blurred(img *image.Gray, r int) *image.Gray {
	out := image.NewGray(img.Bounds())
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			sum, n := 0, 0
			for yy := max(y-r, b.Min.Y); yy <= min(y+r, b.Max.Y-1); yy++ {
				for xx := max(x-r, b.Min.X); xx <= min(x+r, b.Max.X-1); xx++ {
					sum += int(img.GrayAt(xx, yy).Y)
					n++
				}
			}
			out.SetGray(x, y, color.Gray{Y: byte(sum / n)})
		}
	}
	return out
}

// noisy adds what a poor camera adds, the same each time.
func noisy(img *image.Gray, strength int) *image.Gray {
	out := image.NewGray(img.Bounds())
	state := uint32(1)
	for i, p := range img.Pix {
		state = state*1664525 + 1013904223
		n := int(state>>16)%(2*strength+1) - strength
		out.Pix[i] = byte(min(max(int(p)+n, 0), 255))
	}
	return out
}

// toned maps black and white to two other tones.
func toned(img *image.Gray, dark, light byte) *image.Gray {
	out := image.NewGray(img.Bounds())
	for i, p := range img.Pix {
		out.Pix[i] = byte(int(dark) + int(p)*(int(light)-int(dark))/255)
	}
	return out
}

// shaded lets light fall from one side.
func shaded(img *image.Gray) *image.Gray {
	out := image.NewGray(img.Bounds())
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			out.SetGray(x, y, color.Gray{Y: byte(int(img.GrayAt(x, y).Y) * (x + img.Bounds().Dx()/3) / (2 * img.Bounds().Dx()))})
		}
	}
	return out
}

// screenshot puts img into a page with lines of something like text.
func screenshot(img image.Image, width, height int, at image.Point, paper, ink byte) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(out, out.Bounds(), image.NewUniform(color.Gray{Y: paper}), image.Point{}, draw.Src)
	state := uint32(7)
	for y := 20; y < height-12; y += 22 {
		for x := 20; x < width*2/3; {
			state = state*1664525 + 1013904223
			w := int(state>>20) % 9
			draw.Draw(out, image.Rect(x, y, x+w, y+11), image.NewUniform(color.Gray{Y: ink}), image.Point{}, draw.Src)
			x += w + 3
		}
	}
	draw.Draw(out, img.Bounds().Add(at), img, image.Point{}, draw.Src)
	return out
}

func TestPicturesAreRead(t *testing.T) {
	t.Parallel()
	text := newText(t)
	code := func(scale int) *image.Gray { return render(t, text, scale) }
	type picture struct {
		name string
		img  image.Image
	}
	pictures := []picture{
		{"one pixel for a module", code(1)},
		{"large", code(24)},
		{"very large", code(60)},
		{"upside down", rotated(code(6), 180)},
		{"blurred", blurred(code(8), 3)},
		{"noisy", noisy(code(6), 60)},
		{"low contrast", toned(code(6), 100, 150)},
		{"shaded", shaded(code(8))},
		{"light on dark", toned(code(6), 255, 0)},
		{"light on dark, soft", toned(code(6), 225, 30)},
		{"light on dark, turned", rotated(toned(code(6), 255, 20), 15)},
		{"turned, blurred and noisy", noisy(blurred(rotated(code(9), 22), 2), 25)},
		{"in a screenshot", screenshot(code(6), 1920, 1080, image.Pt(1400, 500), 255, 30)},
		{"in a large screenshot", screenshot(code(5), 2560, 1440, image.Pt(1800, 300), 245, 60)},
		{"small in a very large screenshot", screenshot(code(4), 3840, 2160, image.Pt(1500, 1500), 255, 0)},
		{"in a dark page, on a white card", screenshot(code(6), 1920, 1080, image.Pt(1400, 500), 20, 220)},
		{"in a dark page, light on dark", screenshot(toned(code(6), 235, 24), 1920, 1080, image.Pt(1400, 500), 24, 220)},
	}
	for degrees := 0.0; degrees < 90; degrees += 15 {
		pictures = append(pictures, picture{fmt.Sprintf("turned by %v degrees", degrees), rotated(code(7), degrees)})
	}
	for _, scale := range []int{2, 3, 4, 5, 7, 10, 13} {
		pictures = append(pictures, picture{fmt.Sprintf("%d pixels for a module", scale), code(scale)})
	}
	for _, p := range pictures {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			if got, err := Decode(p.img); err != nil || got != text {
				t.Errorf("Decode = %.20q, %v", got, err)
			}
		})
	}
}

func TestEveryKindOfImageIsRead(t *testing.T) {
	t.Parallel()
	text := newText(t)
	code := render(t, text, 5)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, screenshot(code, 600, 500, image.Pt(200, 100), 240, 90), &jpeg.Options{Quality: 60}); err != nil {
		t.Fatal(err)
	}
	photo, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	// Only the black modules; the rest is transparent, as in many exported files.
	cutout := image.NewNRGBA(code.Bounds())
	premultiplied := image.NewRGBA(code.Bounds())
	for y := range code.Bounds().Dy() {
		for x := range code.Bounds().Dx() {
			if code.GrayAt(x, y).Y == 0 {
				cutout.Set(x, y, color.Black)
				premultiplied.Set(x, y, color.Black)
			}
		}
	}
	part := screenshot(code, 900, 700, image.Pt(500, 300), 255, 40).SubImage(image.Rect(450, 250, 850, 650))
	for name, img := range map[string]image.Image{
		"JPEG":                      photo,
		"transparent":               cutout,
		"transparent premultiplied": premultiplied,
		"part of a picture":         part,
		"16 bits of gray":           gray16{code},
	} {
		if got, err := Decode(img); err != nil || got != text {
			t.Errorf("%s: Decode = %.20q, %v", name, got, err)
		}
	}
}

// gray16 is a kind of image that Decode does not know.
type gray16 struct{ *image.Gray }

func (g gray16) ColorModel() color.Model { return color.Gray16Model }
func (g gray16) At(x, y int) color.Color { return color.Gray16Model.Convert(g.GrayAt(x, y)) }

func TestPicturesWithoutACode(t *testing.T) {
	t.Parallel()
	empty := image.NewGray(image.Rect(0, 0, 640, 480))
	broken := render(t, newText(t), 6)
	draw.Draw(broken, image.Rect(60, 60, 200, 200), image.White, image.Point{}, draw.Src)
	for name, img := range map[string]image.Image{
		"empty":          empty,
		"noise":          noisy(empty, 255),
		"a page of text": screenshot(empty, 1280, 720, image.Pt(5000, 5000), 255, 0),
		"too damaged":    broken,
		"no pixels":      image.NewGray(image.Rect(0, 0, 0, 0)),
		"one pixel":      image.NewGray(image.Rect(0, 0, 1, 1)),
		"a thin line":    image.NewGray(image.Rect(0, 0, 20000, 1)),
		"a thin column":  image.NewGray(image.Rect(0, 0, 1, 20000)),
		"absurd":         absurd{empty},
	} {
		if got, err := Decode(img); !errors.Is(err, ErrNoCode) {
			t.Errorf("%s: Decode = %.20q, %v, want ErrNoCode", name, got, err)
		}
	}
}

// absurd claims a size that nobody should allocate.
type absurd struct{ *image.Gray }

func (absurd) Bounds() image.Rectangle { return image.Rect(0, 0, 1<<20, 1<<20) }

// Whatever the picture, Decode must come back.
func FuzzDecode(f *testing.F) {
	code := render(f, "FIDO:/000", 1)
	f.Add(code.Pix, uint16(code.Bounds().Dx()))
	f.Add(make([]byte, 2500), uint16(50))
	f.Fuzz(func(t *testing.T, pix []byte, width uint16) {
		if width == 0 || len(pix) < int(width) || len(pix) > 1<<14 {
			return
		}
		height := len(pix) / int(width)
		img := &image.Gray{Pix: pix[:height*int(width)], Stride: int(width), Rect: image.Rect(0, 0, int(width), height)}
		if _, err := Decode(img); err != nil && !errors.Is(err, ErrNoCode) {
			t.Error(err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	text := newText(b)
	code := render(b, text, 6)
	camera := screenshot(code, 640, 480, image.Pt(200, 100), 200, 90)
	for _, bb := range []struct {
		name string
		img  image.Image
		ok   bool
	}{
		{"camera", camera, true},
		{"camera, turned", rotated(code, 20), true},
		{"camera, no code", screenshot(code, 640, 480, image.Pt(5000, 0), 200, 90), false},
		{"screenshot", screenshot(code, 1920, 1080, image.Pt(1400, 500), 255, 30), true},
		{"dark screenshot", screenshot(toned(code, 235, 24), 1920, 1080, image.Pt(1400, 500), 24, 220), true},
		{"screenshot, no code", screenshot(code, 1920, 1080, image.Pt(5000, 0), 255, 30), false},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Decode(bb.img); (err == nil) != bb.ok {
					b.Fatal(err)
				}
			}
		})
	}
}

// A screen that stands still before the camera is read whichever code it shows:
// no frame that comes later is any better.
func TestEveryCodeOnAStillScreenIsRead(t *testing.T) {
	t.Parallel()
	codes := 60
	if testing.Short() {
		codes = 5
	}
	for scale := 3; scale <= 10; scale++ {
		t.Run(fmt.Sprintf("%d pixels a module", scale), func(t *testing.T) {
			t.Parallel()
			for n := range codes {
				text := fixedText(uint64(scale*1000 + n))
				screen := screenshot(render(t, text, scale), 800, 640, image.Pt(150, 90), 0xff, 0x20)
				if got, err := Decode(screen); err != nil || got != text {
					t.Errorf("Decode(screenshot of %s) = %q, %v", text, got, err)
				}
			}
		})
	}
}

// fixedText is a text like that of a hybrid code, the same in every run.
func fixedText(n uint64) string {
	var digits strings.Builder
	for i := uint64(0); digits.Len() < 167; i++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, n), i))
		fmt.Fprintf(&digits, "%019d", binary.BigEndian.Uint64(sum[:])%1e19)
	}
	return "FIDO:/" + digits.String()[:167]
}
