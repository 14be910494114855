package vpcd

import (
	"encoding/binary"
	"fmt"
)

// maxData is the most that an extended APDU holds, and so a chain of them here.
const maxData = 0xffff

// maxAnswer is the most data of an answer, which with its status word has to fit
// into a frame of the reader.
const maxAnswer = maxData - 2

// A status is the status word that ends an answer (ISO 7816-4 §5.6).
type status uint16

const (
	ok               status = 0x9000
	working          status = 0x9100 // CTAP §11.3.7.1.3: ask again with GETRESPONSE
	more             status = 0x6100 // and in its low byte how much
	wrongLength      status = 0x6700
	conditions       status = 0x6985
	fileNotFound     status = 0x6a82
	wrongParameters  status = 0x6a86
	wrongInstruction status = 0x6d00
	wrongClass       status = 0x6e00
)

// Error makes a status an error.
func (s status) Error() string { return fmt.Sprintf("status %04x", uint16(s)) }

// chained is the bit of the class that says that more of a command follows.
const chained = 0x10

// A command is a command APDU (ISO 7816-4 §5.1).
type command struct {
	class, instruction, p1, p2 byte
	data                       []byte
	// room is how much the answer may hold: what the APDU says, or the most of
	// its form.
	room     int
	extended bool
}

// parseCommand reads one APDU. Its data is that of b.
func parseCommand(b []byte) (c command, err error) {
	if len(b) < 4 {
		return c, wrongLength
	}
	c = command{class: b[0], instruction: b[1], p1: b[2], p2: b[3], room: 256}
	switch rest := b[4:]; {
	case len(rest) <= 1:
		return c.expect(rest)
	case rest[0] != 0:
		return c.carry(rest[1:], int(rest[0]))
	case len(rest) < 3:
		return c, wrongLength
	default:
		c.extended, c.room = true, maxAnswer
		if rest = rest[1:]; len(rest) == 2 {
			return c.expect(rest)
		}
		return c.carry(rest[2:], int(binary.BigEndian.Uint16(rest)))
	}
}

// carry takes n bytes of data; what is left says how long the answer may be.
func (c command) carry(b []byte, n int) (command, error) {
	if n == 0 || len(b) < n {
		return c, wrongLength
	}
	c.data = b[:n]
	return c.expect(b[n:])
}

// expect reads the length of the answer, which is 0 for the most.
func (c command) expect(b []byte) (command, error) {
	n := 0
	switch {
	case len(b) == 0:
	case len(b) == 1 && !c.extended:
		n = int(b[0])
	case len(b) == 2 && c.extended:
		n = int(binary.BigEndian.Uint16(b))
	default:
		return c, wrongLength
	}
	if n != 0 {
		c.room = min(n, maxAnswer)
	}
	return c, nil
}

// raw is c as one extended APDU.
func (c command) raw() []byte {
	b := []byte{c.class, c.instruction, c.p1, c.p2}
	if len(c.data) != 0 {
		b = append(b, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(len(c.data)))
		b = append(b, c.data...)
		return append(b, 0, 0)
	}
	return append(b, 0, 0, 0)
}

// follows reports whether c is the next part of the command of which first is
// the beginning.
func (c command) follows(first command) bool {
	return c.class&^chained == first.class && c.instruction == first.instruction && c.p1 == first.p1 && c.p2 == first.p2
}

func reply(data []byte, s status) []byte { return binary.BigEndian.AppendUint16(data, uint16(s)) }
