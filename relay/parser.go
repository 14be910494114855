package relay

import (
	"encoding/binary"
	"fmt"

	"github.com/gobwas/ws"
)

// A parser takes apart what one peer sends (RFC 6455 §5), in whatever pieces
// it arrives. It holds on to bytes only in the middle of a message. The types,
// the masking and the rules of frames are the gobwas codec's; only its reading,
// which needs a goroutine that waits, is replaced.
type parser struct {
	limits *Limits

	head  [ws.MaxHeaderSize]byte // what has come of a header
	nhead uint8

	inFrame    bool // the header is whole, its payload is not
	fragmented bool // the message has begun in an earlier frame
	h          ws.Header
	left       int64 // payload of this frame yet to come

	partial []byte // headerRoom, then what has come of a message in pieces
	ctl     []byte // what has come of a control frame in pieces

	controls int // control frames since the last ping of ours
}

// A unit is a whole message or a control frame.
type unit struct {
	op      ws.OpCode // OpBinary for every message
	payload []byte
	// own is the buffer of a message that came in pieces: headerRoom, then
	// payload. It is nil when payload lies in what was fed.
	own []byte
}

// frame returns a message as a frame of ours.
func (u unit) frame() []byte {
	if u.own == nil {
		return appendFrame(nil, ws.OpBinary, u.payload)
	}
	return u.own[putHeader(u.own[:headerRoom], ws.OpBinary, len(u.payload)):]
}

// headerRoom is the longest header of an unmasked frame.
const headerRoom = 10

// A breach is a rule that the peer broke, and what it is told.
type breach struct {
	code   ws.StatusCode
	reason string
}

func (b *breach) Error() string { return fmt.Sprintf("%d %s", b.code, b.reason) }

// quiet reports whether the parser stands between two messages.
func (p *parser) quiet() bool { return !p.inFrame && !p.fragmented && p.nhead == 0 }

// next takes bytes from the front of in until they make something whole, and
// returns it and the bytes behind it. It reports false when all of in did not
// suffice. The payload is unmasked in place: it lies in front of rest, and is
// valid as long as in is. The error is a *breach; rest is then what was not
// looked at.
func (p *parser) next(in []byte) (u unit, rest []byte, ok bool, err error) {
	for {
		if !p.inFrame {
			var whole bool
			if in, whole, err = p.header(in); err != nil || !whole {
				return unit{}, in, false, err
			}
			if err := p.check(); err != nil {
				return unit{}, in, false, err
			}
		}
		n := min(p.left, int64(len(in)))
		piece := in[:n]
		in = in[n:]
		ws.Cipher(piece, p.h.Mask, int(p.h.Length-p.left))
		p.left -= n
		if u, ok = p.piece(piece); ok || p.left > 0 {
			return u, in, ok, nil
		}
	}
}

// piece adds a piece of payload to what there is and returns the whole, if it
// is one now.
func (p *parser) piece(b []byte) (unit, bool) {
	ended := p.left == 0
	p.inFrame = !ended
	if p.h.OpCode.IsControl() {
		if len(p.ctl) > 0 || !ended {
			p.ctl = append(p.ctl, b...)
			b = p.ctl
		}
		if ended {
			p.ctl = nil
		}
		return unit{op: p.h.OpCode, payload: b}, ended
	}
	last := ended && p.h.Fin
	if last && p.partial == nil {
		return unit{op: ws.OpBinary, payload: b}, true
	}
	if p.partial == nil {
		p.partial = make([]byte, headerRoom, headerRoom+len(b))
	}
	// The buffer grows with what arrives, not with what is announced.
	p.partial = append(p.partial, b...)
	if ended {
		p.fragmented = !p.h.Fin
	}
	if !last {
		return unit{}, false
	}
	own := p.partial
	p.partial = nil
	return unit{op: ws.OpBinary, payload: own[headerRoom:], own: own}, true
}

// header collects a frame header and reports whether it is whole.
func (p *parser) header(in []byte) (rest []byte, whole bool, err error) {
	for {
		need := 2
		if int(p.nhead) >= need {
			need = headerSize(p.head[1])
		}
		n := copy(p.head[p.nhead:need], in)
		p.nhead += uint8(n)
		in = in[n:]
		switch {
		case int(p.nhead) < need:
			return nil, false, nil
		case need == 2 && headerSize(p.head[1]) > 2:
			continue
		}
		p.nhead = 0
		p.h, err = decodeHeader(p.head[:need])
		p.left = p.h.Length
		return in, true, err
	}
}

// headerSize returns the length of a header whose second byte is b.
func headerSize(b byte) int {
	n := 2
	switch b & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if b&0x80 != 0 {
		n += 4
	}
	return n
}

// decodeHeader decodes a whole header.
func decodeHeader(b []byte) (h ws.Header, err error) {
	h.Fin = b[0]&0x80 != 0
	h.Rsv = b[0] & 0x70 >> 4
	h.OpCode = ws.OpCode(b[0] & 0x0f)
	h.Masked = b[1]&0x80 != 0
	switch n := b[1] & 0x7f; n {
	case 126:
		h.Length = int64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if b[2]&0x80 != 0 {
			return h, &breach{ws.StatusProtocolError, "length with its highest bit set"}
		}
		h.Length = int64(binary.BigEndian.Uint64(b[2:]))
	default:
		h.Length = int64(n)
	}
	if h.Masked {
		copy(h.Mask[:], b[len(b)-4:])
	}
	return h, nil
}

// check holds a header against RFC 6455 and our limits, before a byte is taken
// for what it announces.
func (p *parser) check() error {
	state := ws.StateServerSide
	if p.fragmented {
		state = state.Set(ws.StateFragmented)
	}
	if err := ws.CheckHeader(p.h, state); err != nil {
		return &breach{ws.StatusProtocolError, err.Error()}
	}
	if p.h.OpCode.IsControl() {
		if p.controls++; p.controls > p.limits.Controls {
			return &breach{ws.StatusPolicyViolation, "too many control frames"}
		}
	} else if p.h.OpCode == ws.OpText {
		return &breach{ws.StatusUnsupportedData, "binary messages only"}
	} else if p.h.Length > int64(p.limits.MessageSize-max(len(p.partial)-headerRoom, 0)) {
		return &breach{ws.StatusMessageTooBig, fmt.Sprintf("message is longer than %d bytes", p.limits.MessageSize)}
	}
	p.inFrame = true
	return nil
}

// discard reads on after a breach and reports when the peer's close frame has
// come, or nonsense.
func (p *parser) discard(in []byte) (done bool) {
	if p.left > int64(p.limits.MessageSize) {
		p.left = 0 // that is no length, it is noise
	}
	p.partial, p.ctl = nil, nil
	for {
		n := min(p.left, int64(len(in)))
		in = in[n:]
		if p.left -= n; p.left > 0 {
			return false
		}
		rest, whole, err := p.header(in)
		if err != nil || whole && p.h.OpCode == ws.OpClose {
			return true
		}
		if in = rest; !whole {
			return false
		}
	}
}

// appendFrame appends a final frame to to. The payload may lie in to's own
// array, at least a header behind its end, as it does when a client's frame,
// whose header is longer by the mask, becomes ours.
func appendFrame(to []byte, op ws.OpCode, payload []byte) []byte {
	var room [headerRoom]byte
	to = append(to, room[putHeader(room[:], op, len(payload)):]...)
	return append(to, payload...)
}

// ourHeader returns the length of the header of an unmasked frame of n bytes.
func ourHeader(n int) int {
	switch {
	case n > 0xffff:
		return 10
	case n > 125:
		return 4
	}
	return 2
}

// putHeader writes the header of a final frame of n bytes to the end of room
// and returns where it begins.
func putHeader(room []byte, op ws.OpCode, n int) (at int) {
	at = headerRoom - ourHeader(n)
	room[at] = 0x80 | byte(op)
	switch headerRoom - at {
	case 10:
		room[at+1] = 127
		binary.BigEndian.PutUint64(room[at+2:], uint64(n))
	case 4:
		room[at+1] = 126
		binary.BigEndian.PutUint16(room[at+2:], uint16(n))
	default:
		room[at+1] = byte(n)
	}
	return at
}
