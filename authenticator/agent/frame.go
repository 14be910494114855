package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"cardea/ctap"
	"cardea/internal/cbor"
	"cardea/webauthn"
)

// The kinds of question.
const (
	askHello = "hello"
	askCTAP  = "ctap"
	askHas   = "has"
	// askManage is answered by several frames, as manage.go says.
	askManage = "manage"
)

// question is what a program sends.
type question struct {
	Kind    string        `cbor:"1,keyasint"`
	Caller  string        `cbor:"2,keyasint,omitempty"`
	Request []byte        `cbor:"3,keyasint,omitempty"`
	RPID    webauthn.RPID `cbor:"4,keyasint,omitempty"`
	Order   *order        `cbor:"5,keyasint,omitempty"`
}

// reply is what it gets.
type reply struct {
	Response []byte `cbor:"1,keyasint,omitempty"`
	PageURL  string `cbor:"2,keyasint,omitempty"`
	Has      uint   `cbor:"3,keyasint,omitempty"`
}

// The values of reply.Has; absent is unknown.
const (
	hasNone = 1
	hasSome = 2
)

const (
	// maxFrame leaves room for the largest CTAP message and what is said
	// about it.
	maxFrame = ctap.MaxMessage + 4<<10
	// maxCaller is how many bytes of a caller's name people are shown.
	maxCaller = 128
)

func writeFrame(w io.Writer, v any) error {
	body, err := cbor.Encode(v)
	if err != nil {
		return err
	}
	if len(body) > maxFrame {
		return fmt.Errorf("frame of %d bytes, want at most %d", len(body), maxFrame)
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
	return err
}

func readFrame(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxFrame {
		return fmt.Errorf("frame of %d bytes, want at most %d", size, maxFrame)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	return cbor.Decode(body, v)
}
