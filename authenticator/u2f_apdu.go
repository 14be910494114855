package authenticator

import "encoding/binary"

// apdu is a command of ISO 7816-4, in its short or its extended form.
type apdu struct {
	instruction, p1 byte
	data            []byte
}

func parseAPDU(b []byte) (c apdu, err error) {
	const header = 4
	if len(b) < header {
		return c, u2fWrongLength
	}
	if b[0] != 0 {
		return c, u2fWrongClass
	}
	c.instruction, c.p1 = b[1], b[2]
	rest := b[header:]
	var length, answer int // of the data, and of the field for the answer's
	switch {
	case len(rest) <= 1: // no data; perhaps a short answer length
		return c, nil
	case rest[0] != 0:
		length, rest, answer = int(rest[0]), rest[1:], 1
	case len(rest) == 3: // no data and an extended answer length
		return c, nil
	case len(rest) > 3:
		length, rest, answer = int(binary.BigEndian.Uint16(rest[1:])), rest[3:], 2
	default:
		return c, u2fWrongLength
	}
	if len(rest) != length && len(rest) != length+answer {
		return c, u2fWrongLength
	}
	c.data = rest[:length]
	return c, nil
}

// wantsTouch reports whether c is answered only after the person was asked.
func (c apdu) wantsTouch() bool {
	return c.instruction == u2fRegister || c.instruction == u2fAuthenticate && c.p1 == u2fEnforce
}

// u2fFixed is the length of what comes before the key handle.
const u2fFixed = 2*u2fParameters + 1

// checkLength also finds instructions that nobody knows.
func (c apdu) checkLength() error {
	want := 0
	switch c.instruction {
	case u2fVersion:
	case u2fRegister:
		want = 2 * u2fParameters
	case u2fAuthenticate:
		want = u2fFixed
		if len(c.data) >= u2fFixed {
			want += int(c.data[u2fFixed-1])
		}
	default:
		return u2fWrongInstruction
	}
	if len(c.data) != want {
		return u2fWrongLength
	}
	return nil
}

// The parts of the data of registration and authentication.
func (c apdu) challenge() []byte   { return c.data[:u2fParameters] }
func (c apdu) application() []byte { return c.data[u2fParameters : 2*u2fParameters] }
func (c apdu) handle() []byte      { return c.data[u2fFixed:] }
