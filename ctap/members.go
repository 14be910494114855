package ctap

import (
	"errors"

	"cardea/internal/cbor"
)

// members are the members of one map of a request, not yet read. The first
// thing found wrong is kept, for the whole request, behind err; after it the
// rest is read as if absent.
type members[K comparable] struct {
	raw map[K]cbor.Raw
	err *error
}

const (
	required = true
	optional = false
)

// Major types of RFC 8949 §3.1.
const (
	majorBytes = 2
	majorMap   = 5
)

// fail keeps s unless something was wrong before.
func (m members[K]) fail(s Status) {
	if *m.err == nil {
		*m.err = s
	}
}

// parseMap reads data as one canonical map and nothing else.
func parseMap[K comparable](data []byte) members[K] {
	return parseMapAllowing[K](data, cbor.Allowance{})
}

func parseMapAllowing[K comparable](data []byte, a cbor.Allowance) members[K] {
	m := members[K]{err: new(error)}
	m.raw = decodeBy[map[K]cbor.Raw](m.err, data, func(data []byte, v any) error {
		return cbor.DecodeAllowing(data, v, a)
	})
	return m
}

// takeOptions reads the options of makeCredential or getAssertion.
//
// Known client: Firefox (its authenticator-rs) writes them in the order uv, up,
// where the canonical one is up, uv; and it does so for every sign-in with
// userVerification required. So here, and nowhere else, the keys may be in any
// order; none may be there twice.
func takeOptions(m members[int64], key int64) map[string]bool {
	raw, given := m.raw[key]
	if !given {
		return nil
	}
	return decodeBy[map[string]bool](m.err, raw, cbor.DecodeAnyOrder)
}

// sub returns the members of a required map inside m.
func (m members[K]) sub(key K) members[string] {
	return members[string]{raw: take[map[string]cbor.Raw](m, key, required), err: m.err}
}

// take reads one member as a T. An optional one that is absent is a zero T.
func take[T any, K comparable](m members[K], key K, needed bool) (v T) {
	raw, ok := m.raw[key]
	if !ok {
		if needed {
			m.fail(MissingParameter)
		}
		return v
	}
	return decode[T](m.err, raw)
}

// takeNumber reads an optional number for which zero means absent. A zero that
// is present is no valid value of any of them.
func takeNumber[K comparable](m members[K], key K) uint {
	n := take[uint](m, key, optional)
	if _, present := m.raw[key]; present && n == 0 {
		m.fail(InvalidParameter)
	}
	return n
}

// parseList reads a member that is an array of maps. It is nil only if absent.
func parseList[T any](m members[int64], key int64, needed bool, parse func(members[string]) T) []T {
	maps := take[[]map[string]cbor.Raw](m, key, needed)
	if maps == nil {
		return nil
	}
	list := make([]T, len(maps))
	for i, raw := range maps {
		list[i] = parse(members[string]{raw: raw, err: m.err})
	}
	return list
}

// decode reads data as a T. Whatever is canonical and still does not fit has
// the wrong type.
func decode[T any](failed *error, data []byte) (v T) {
	return decodeBy[T](failed, data, cbor.Decode)
}

func decodeBy[T any](failed *error, data []byte, by func([]byte, any) error) (v T) {
	if *failed != nil {
		return v
	}
	// The decoder would take an array of numbers for a byte string.
	if _, bytes := any(v).([]byte); bytes && data[0]>>5 != majorBytes {
		*failed = CBORUnexpectedType
		return v
	}
	switch err := by(data, &v); {
	case err == nil:
		return v
	case errors.Is(err, cbor.ErrType):
		*failed = CBORUnexpectedType
	default:
		*failed = InvalidCBOR
	}
	var zero T
	return zero
}
