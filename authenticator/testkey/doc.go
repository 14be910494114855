// Package testkey is a security key for tests of other people's programs: a
// real authenticator over a vault in memory, whose person is played by a
// script, and whose plug can be pulled.
//
//	client ──▶ port ──▶ ctaphid or card ──▶ authenticator ──▶ stand-in
//	            ▲ plug, pull                                   ▲ touch, deny
//	test ──▶ control ──────────────────────────────────────────┘
//
// The port is a socket of package ctap/ctaphid/socket, /dev/uhid, or a card
// reader that is a program: anything that can be plugged in again. The key is a
// security key, with a PIN that clients set and U2F, or like a phone, which
// verifies its person by itself.
//
// # Control
//
// A test speaks to [Key.Control] in lines of text and gets "ok", or "error: "
// and a sentence, for each:
//
//	touch on     say yes to everything, at once (so it begins)
//	touch off    let questions wait until the next line, or until they run out
//	deny         say no to the question that waits, or else to the next one
//	power off    pull the key out; what it was doing is lost
//	power on     plug it in again, with its passkeys and its PIN
//	reset        forget all passkeys and the PIN, and start again as new
//	status       "touch=on power=on waiting=no passkeys=0"
//
// A line that is none of these ends the connection: a web page that makes a
// browser send HTTP to the port gets no further than its first line.
//
// # What it is not
//
// Safe. It says yes to whoever asks and its control port to whoever is on this
// machine. Its passkeys are gone when it ends.
package testkey
