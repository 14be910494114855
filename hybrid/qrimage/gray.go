package qrimage

import (
	"image"
	"image/color"
)

// A gray is a picture of brightness alone, row by row without gaps.
type gray struct {
	pix           []byte
	width, height int
}

// maxPixels bounds what is copied. It is a picture of 8192 by 8192.
const maxPixels = 1 << 26

// grayOf takes the brightness of img. What is transparent counts as white. It
// reports false for a picture that is empty or absurdly large.
func grayOf(img image.Image) (gray, bool) {
	b := img.Bounds()
	if b.Empty() || b.Dx() > maxPixels/b.Dy() {
		return gray{}, false
	}
	g := gray{pix: make([]byte, b.Dx()*b.Dy()), width: b.Dx(), height: b.Dy()}
	for y := range g.height {
		row := g.pix[y*g.width : (y+1)*g.width]
		// The kinds that decoders of PNG and JPEG return, without a call for
		// each pixel.
		switch img := img.(type) {
		case *image.Gray:
			copy(row, img.Pix[img.PixOffset(b.Min.X, b.Min.Y+y):])
		case *image.YCbCr:
			copy(row, img.Y[img.YOffset(b.Min.X, b.Min.Y+y):])
		case *image.RGBA:
			from := img.Pix[img.PixOffset(b.Min.X, b.Min.Y+y):]
			for x := range row {
				// Premultiplied: what is missing to opaque is white.
				row[x] = luma(from[4*x:]) + (255 - from[4*x+3])
			}
		case *image.NRGBA:
			from := img.Pix[img.PixOffset(b.Min.X, b.Min.Y+y):]
			for x := range row {
				a := int(from[4*x+3])
				row[x] = byte((int(luma(from[4*x:]))*a + 255*(255-a)) / 255)
			}
		default:
			for x := range row {
				row[x] = anyLuma(img.At(b.Min.X+x, b.Min.Y+y))
			}
		}
	}
	return g, true
}

// luma weighs green twice, which is near enough to the eye and fast.
func luma(rgb []byte) byte { return byte((int(rgb[0]) + 2*int(rgb[1]) + int(rgb[2])) / 4) }

func anyLuma(c color.Color) byte {
	r, g, b, a := c.RGBA()
	return byte(((r+2*g+b)/4 + (0xffff - a)) >> 8)
}

// within makes g smaller until its longer side is at most max.
func (g gray) within(max int) gray {
	side := g.width
	if g.height > side {
		side = g.height
	}
	if side <= max {
		return g
	}
	return g.resized(g.width*max/side, g.height*max/side)
}

// scaled makes g smaller; by is less than one.
func (g gray) scaled(by float64) gray {
	return g.resized(int(float64(g.width)*by), int(float64(g.height)*by))
}

// resized averages the pixels that fall into each new one. The new size must
// not be the larger one.
func (g gray) resized(width, height int) gray {
	out := gray{width: width, height: height, pix: make([]byte, width*height)}
	for y := range height {
		y0, y1 := y*g.height/height, (y+1)*g.height/height
		for x := range width {
			x0, x1 := x*g.width/width, (x+1)*g.width/width
			sum := 0
			for yy := y0; yy < y1; yy++ {
				for _, p := range g.pix[yy*g.width+x0 : yy*g.width+x1] {
					sum += int(p)
				}
			}
			out.pix[y*width+x] = byte(sum / ((y1 - y0) * (x1 - x0)))
		}
	}
	return out
}

func (g gray) inverted() gray {
	out := gray{width: g.width, height: g.height, pix: make([]byte, len(g.pix))}
	for i, p := range g.pix {
		out.pix[i] = 255 - p
	}
	return out
}
