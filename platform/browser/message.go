package browser

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// The limits of native messaging, in bytes. The length goes before each
// message as 32 bits in native byte order, which is little endian on all that
// Chromium runs on.
const (
	maxToBrowser   = 1 << 20
	maxFromBrowser = 64 << 20
	lengthSize     = 4
)

// ErrTooLong is wrapped by the errors for messages beyond the browser's limit.
var ErrTooLong = errors.New("message is too long")

// The types of message.
const (
	typeCreate = "create"
	typeGet    = "get"
	typeCancel = "cancel"
	typeAct    = "act"
	typeClosed = "closed"
	typeStatus = "status"
	typeReady  = "ready"
	typeShow   = "show"
	typeDone   = "done"
)

// version is that of the messages. Both sides come from one build; another
// number means that one of them is left over from before an update.
const version = 1

// An ID is the browser's requestId. It is often negative.
type ID int32

// incoming is a message from the extension.
type incoming struct {
	Type    string `json:"type"`
	ID      ID     `json:"id"`
	Details string `json:"details"`
	Action  action `json:"action"`
}

// action is a button that was pressed.
type action struct {
	Do    string `json:"do"`
	Kind  string `json:"kind"`
	ID    string `json:"id,omitempty"`
	Index int    `json:"index"`
	Text  string `json:"text,omitempty"` // a PIN; not to be logged
}

// outgoing is a message to the extension.
type outgoing struct {
	Type     string     `json:"type"`
	ID       ID         `json:"id,omitempty"`
	Version  int        `json:"version,omitempty"`
	UVPAA    bool       `json:"uvpaa,omitempty"`
	View     *view      `json:"view,omitempty"`
	Response string     `json:"response,omitempty"`
	Error    *pageError `json:"error,omitempty"`
}

// pageError becomes a DOMException.
type pageError struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

// readMessage reads one message. It returns io.EOF if the browser has closed
// the pipe between two messages, and an error that is not io.EOF if it did so
// within one.
func readMessage(r io.Reader) ([]byte, error) {
	var head [lengthSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("reading a length: %w", err)
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > maxFromBrowser {
		return nil, fmt.Errorf("reading a message of %d bytes: %w", n, ErrTooLong)
	}
	// The length is not believed before the bytes are there.
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, int64(n)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("reading a message of %d bytes: %w", n, err)
	}
	return b.Bytes(), nil
}

// writeMessage writes one message in one call.
func writeMessage(w io.Writer, message []byte) error {
	if len(message) > maxToBrowser {
		return fmt.Errorf("writing a message of %d bytes: %w", len(message), ErrTooLong)
	}
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, lengthSize+len(message)), uint32(len(message)))
	if _, err := w.Write(append(b, message...)); err != nil {
		return fmt.Errorf("writing a message: %w", err)
	}
	return nil
}

func parseIncoming(b []byte) (m incoming, err error) {
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("reading a message: %w", err)
	}
	return m, nil
}
