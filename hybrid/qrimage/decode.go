package qrimage

import (
	"errors"
	"fmt"
	"image"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// ErrNoCode says that no QR symbol was found in a picture, or none that can be
// read. The next frame may be better.
var ErrNoCode = errors.New("no QR code in this picture")

const (
	// comfortable is the longer side, in pixels, of a picture in which a code
	// held before a camera is found fastest.
	comfortable = 1024

	// maxSide bounds the work: a larger picture is looked at in this size.
	maxSide = 4096

	// slack is how much of its size a picture loses from one look to the next.
	// The reader finds the finder patterns by counting pixels, and where a
	// module has an unlucky number of them it now and then misjudges even a
	// perfect picture. A still picture never gets better by itself, so it is
	// looked at in sizes that have no number in common.
	slack = 0.9

	// minSide is the side of the smallest symbol at one pixel for a module.
	minSide = 21
)

// Decode returns the text of a QR symbol somewhere in img. When there are
// several, it returns one of them. The error is ErrNoCode.
//
// It looks at the picture in a comfortable size first, then in its own, and then
// in smaller ones down to about half the first; each time for dark modules on
// light and the reverse.
func Decode(img image.Image) (text string, err error) {
	full, ok := grayOf(img)
	if !ok {
		return "", ErrNoCode
	}
	full = full.within(maxSide)
	first := full.within(comfortable)
	looks := []gray{first}
	if full.width != first.width {
		looks = append(looks, full)
	}
	for size := slack; size > 0.4; size *= slack {
		if smaller := first.scaled(size); min(smaller.width, smaller.height) >= minSide {
			looks = append(looks, smaller)
		}
	}
	for _, g := range looks {
		for _, g := range []gray{g, g.inverted()} {
			if text, ok := read(g); ok {
				return text, nil
			}
		}
	}
	return "", ErrNoCode
}

// binarizers are two ways to tell dark from light: by the neighbourhood, which
// bears shadows, and by the whole picture, which bears noise.
var binarizers = []func(gozxing.LuminanceSource) gozxing.Binarizer{
	gozxing.NewHybridBinarizer,
	gozxing.NewGlobalHistgramBinarizer,
}

var hints = map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true}

func read(g gray) (text string, ok bool) {
	if g.width < minSide || g.height < minSide {
		return "", false
	}
	// A picture is whatever stands before the camera, and the reader was
	// written for a language in which going past an array is caught.
	defer func() {
		if recover() != nil {
			text, ok = "", false
		}
	}()
	source, err := gozxing.NewPlanarYUVLuminanceSource(g.pix, g.width, g.height, 0, 0, g.width, g.height, false)
	if err != nil {
		panic(fmt.Sprintf("qrimage: internal error: %v", err))
	}
	for _, binarizer := range binarizers {
		bitmap, err := gozxing.NewBinaryBitmap(binarizer(source))
		if err != nil {
			continue
		}
		result, err := qrcode.NewQRCodeReader().Decode(bitmap, hints)
		if err == nil {
			return result.GetText(), true
		}
	}
	return "", false
}
