// Package terminal is the platform.Dialog of a program without windows: it asks
// in lines of text which device to use, draws the QR code of the way by phone
// with half blocks, and says what happens next.
//
//	Which device has your passkey?
//	  1  This device                     Has a passkey for example.org
//	  2  iPhone, iPad, or Android device Scan a code with its camera
//	  3  Security key                    Plug it in and touch it
//	Type a number, or q to stop: _
//
// # The code
//
// A cell of a terminal is about twice as high as it is wide, so one cell with an
// upper half block holds two modules, one in the color of the ink and one in that
// of the paper. Both are told to the terminal as numbers of the fixed part of the
// 256-color table: 16 is black and 231 is white whatever the person's theme, so
// the code is dark on light on every background, with its own quiet zone around
// it. On a terminal without colors the light modules are drawn as ink, which is
// right where text is light on dark; phones read the reverse too, though not all.
// The code can also be written to a file as a PNG.
//
// The code is a secret while it waits for a phone. It is taken off the screen
// once a phone was heard, where the terminal can do that.
//
// # Who may be asked
//
// Without an In nobody is asked anything: a way must have been chosen before, and
// what fails is told and ends the request. It tells everything on Out; the
// program's own output is somebody else's.
package terminal
