// Package qrimage draws hybrid codes as QR symbols and reads them back from
// pictures.
//
// Encode makes a Symbol, which draws itself as a PNG or as the path of an SVG.
// The text of a hybrid code is six letters and many digits, so it is written
// as two segments: letters take eleven bits for two, digits ten for three, and
// the symbol stays a third smaller than as bytes.
//
// Decode finds a symbol in whatever a camera, a shared screen or a file gives:
// turned, blurred, small in a large picture, or light on dark. A picture
// without a symbol is the ordinary case for a camera, and costs the most, as
// every way of looking is tried.
//
// The standard is ISO/IEC 18004, cited by section of its 2015 edition. Two
// libraries do the mathematics, and only this package knows them. The text of
// a hybrid code is a secret while it is good: this package keeps none of it
// and puts none of it into an error.
package qrimage
