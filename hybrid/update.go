package hybrid

import (
	"errors"
	"fmt"

	"cardea/internal/cbor"
)

// updateSize is the size of an update message with its type byte. With the
// padding of the record layer it makes 512 bytes.
const updateSize = 511

// An Update is the body of a message that a phone may send at any time. It
// carries a Linking or nothing. Phones always send one, of one size, so that
// an onlooker cannot tell who links and who does not.
type Update struct {
	Linking *Linking // nil when there is none; not yet verified
}

type updateMap struct {
	Padding []byte   `cbor:"0,keyasint,omitempty"`
	Linking cbor.Raw `cbor:"1,keyasint,omitempty"`
}

// Encode returns the body of an update, padded. The error means that its
// Linking does not fit.
func (u Update) Encode() ([]byte, error) {
	var m updateMap
	if u.Linking != nil {
		m.Linking = u.Linking.encode()
	}
	// Key 0, and the head of a string of 256 bytes or more; a shorter one has
	// a shorter head, and the padding of the record layer makes up for it.
	const head = 1 + 3
	room := updateSize - 1 - len(cbor.MustEncode(m)) - head
	if room < 0 {
		return nil, errors.New("linking data do not fit an update")
	}
	m.Padding = make([]byte, room)
	return cbor.MustEncode(m), nil
}

// ParseUpdate reads the body of an update. Keys it does not know are ignored.
func ParseUpdate(body []byte) (Update, error) {
	var m updateMap
	if err := cbor.Decode(body, &m); err != nil {
		return Update{}, fmt.Errorf("update: %w", err)
	}
	if len(m.Linking) == 0 {
		return Update{}, nil
	}
	l, err := parseLinking(m.Linking)
	if err != nil {
		return Update{}, fmt.Errorf("update: linking: %w", err)
	}
	return Update{Linking: &l}, nil
}
