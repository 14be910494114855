package hybrid

import (
	"errors"
	"fmt"
	"slices"

	"cardea/internal/cbor"
)

// The features a phone may list.
const (
	FeatureCTAP = "ctap"
	FeatureDC   = "dc" // digital credentials
)

// A PostHandshake is the first message of a phone, right after the handshake.
type PostHandshake struct {
	// Info is the map that answers getInfo, without its status byte. Clients
	// take it from here and do not ask again: some phones would not answer.
	Info []byte
	// Features is what the phone can do, sorted. Without "ctap" there is no
	// Info. A phone that says nothing can do CTAP.
	Features []string
}

type postHandshakeMap struct {
	Padding  []byte   `cbor:"0,keyasint,omitempty"`
	Info     []byte   `cbor:"1,keyasint,omitempty"`
	Linking  cbor.Raw `cbor:"2,keyasint,omitempty"` // before there were updates
	Features []string `cbor:"3,keyasint,omitempty"`
}

// Encode returns the CBOR map of p.
func (p PostHandshake) Encode() []byte {
	return cbor.MustEncode(postHandshakeMap{Info: p.Info, Features: p.Features})
}

// ParsePostHandshake reads the first message of a phone. It does not look into
// Info. An old phone may have put a Linking here; l is nil when it has not.
func ParsePostHandshake(b []byte) (p PostHandshake, l *Linking, err error) {
	var m postHandshakeMap
	if err := cbor.Decode(b, &m); err != nil {
		return PostHandshake{}, nil, fmt.Errorf("first message: %w", err)
	}
	p = PostHandshake{Info: m.Info, Features: m.Features}
	if p.Features == nil {
		p.Features = []string{FeatureCTAP}
	}
	if slices.Contains(p.Features, FeatureCTAP) != (len(p.Info) != 0) {
		return PostHandshake{}, nil, errors.New("first message: CTAP without getInfo, or getInfo without CTAP")
	}
	if len(m.Linking) != 0 {
		linking, err := parseLinking(m.Linking)
		if err != nil {
			return PostHandshake{}, nil, fmt.Errorf("first message: linking: %w", err)
		}
		l = &linking
	}
	return p, l, nil
}
