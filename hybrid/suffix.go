package hybrid

import "cardea/internal/cbor"

// PSM is where a phone listens for a direct Bluetooth connection: a protocol
// and service multiplexer of L2CAP.
type PSM uint16

// ParseSuffix reads what a phone may append to its sealed EID when the client
// offers ChannelBLE (CTAP 2.3 §11.5.1): a map from each channel the phone has
// to where it is. A false ok means that it names no such place; the tunnel is
// there in any case.
func ParseSuffix(suffix []byte) (psm PSM, ok bool) {
	var channels map[uint64]cbor.Raw
	if cbor.Decode(suffix, &channels) != nil {
		return 0, false
	}
	// Differs from the text of some: Firefox writes {0: channel}, which names
	// no place.
	raw, ok := channels[uint64(ChannelBLE)]
	if !ok || cbor.Decode(raw, &psm) != nil {
		return 0, false
	}
	return psm, true
}
