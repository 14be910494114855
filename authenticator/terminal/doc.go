// Package terminal asks the person of an authenticator at a terminal, for a
// computer without a desktop.
//
//	Passkey request from the program ssh-keygen on this computer
//	Sign in to example.org as ana@example.org
//	Allow? [y/N, 2:00 left]
//	PIN (not shown):
//
// One question is asked at a time. What was typed before it came is thrown
// away, or the end of another command could answer it. Anything but y or yes is
// a no; so is Ctrl-C, which ends the question and not the program. The terminal
// is taken for the length of a question only, and is as it was after it.
//
// Texts that come from sites and programs are shown without control characters:
// they could otherwise draw over the question.
//
// # What it does not do
//
// It keeps no history and has no line editing beyond erasing. The secret is
// checked by a Gate; here it is read, handed on and forgotten.
package terminal
