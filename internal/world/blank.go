package world

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
)

// blank is a grey picture: what a camera sees that is held before nothing.
func blank() []byte {
	img := image.NewGray(image.Rect(0, 0, 640, 480))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.Gray{Y: 128}), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic("world: internal error: " + err.Error())
	}
	return b.Bytes()
}
