package hybrid

import (
	"errors"
	"fmt"
)

// A MessageType is the first byte of every message after the first one.
type MessageType byte

// The types of messages.
const (
	MessageShutdown MessageType = 0 // client to phone: nothing more will come
	MessageCTAP     MessageType = 1 // a request or a response
	MessageUpdate   MessageType = 2 // phone to client: see Update
	MessageJSON     MessageType = 3 // a request for digital credentials or its response
)

// A Message is what a record holds, but for the first that a phone sends
// (PostHandshake), which has no type.
type Message struct {
	Type MessageType
	Body []byte
}

// ParseMessage takes a decrypted record apart. A type that nobody has defined
// is an error, and so is a shutdown that says more than that.
func ParseMessage(b []byte) (Message, error) {
	if len(b) == 0 {
		return Message{}, errors.New("message without a type")
	}
	m := Message{Type: MessageType(b[0]), Body: b[1:]}
	if m.Type > MessageJSON {
		return Message{}, fmt.Errorf("message of unknown type %d", m.Type)
	}
	if m.Type == MessageShutdown && len(m.Body) != 0 {
		return Message{}, errors.New("shutdown with a body")
	}
	return m, nil
}

// Encode returns the bytes of m.
func (m Message) Encode() []byte { return append([]byte{byte(m.Type)}, m.Body...) }
