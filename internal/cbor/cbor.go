// Package cbor encodes and decodes the CTAP2 canonical CBOR encoding form
// (CTAP 2.3 §8): definite lengths, shortest integers, no tags, no floating
// point, map keys sorted by length and then by bytes, at most four levels. Of
// the simple values there are false and true: no message of CTAP has a null,
// and one that came would read as an absent member in one place and as a wrong
// type in another.
//
// Decoding is as strict as encoding. Anything that this package would not have
// written itself is refused, so a message has exactly one encoding and a peer
// cannot smuggle a second meaning past a check that read the first.
package cbor

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// MaxDepth is the number of nested arrays and maps a message may have
// (CTAP 2.3 §8: "must support 4 levels").
const MaxDepth = 4

// Raw is an encoded value that is carried without being looked into.
type Raw = cbor.RawMessage

// ErrNotCanonical is wrapped by the errors for input that is well-formed CBOR
// but not in the canonical form.
var ErrNotCanonical = errors.New("not canonical CBOR")

// ErrType is wrapped by the errors for canonical input whose types are not
// those of the Go value it should go into.
var ErrType = errors.New("wrong type")

var (
	enc = must(encOptions().EncMode())
	dec = must(cbor.DecOptions{
		DupMapKey:       cbor.DupMapKeyEnforcedAPF,
		IndefLength:     cbor.IndefLengthForbidden,
		TagsMd:          cbor.TagsForbidden,
		MaxNestedLevels: MaxDepth,
		// An interface receives the widest type that fits, never a float.
		IntDec:         cbor.IntDecConvertSigned,
		DefaultMapType: reflect.TypeFor[map[any]any](),
	}.DecMode())
)

func encOptions() cbor.EncOptions {
	o := cbor.CTAP2EncOptions()
	o.NilContainers = cbor.NilContainerAsEmpty // a nil slice must not become a null
	return o
}

func must[T any](v T, err error) T {
	if err != nil {
		panic("cbor: internal error: " + err.Error())
	}
	return v
}

// Encode returns the canonical encoding of v.
func Encode(v any) ([]byte, error) { return enc.Marshal(v) }

// MustEncode is Encode for values whose types cannot fail.
func MustEncode(v any) []byte { return must(enc.Marshal(v)) }

// Decode reads exactly one canonical value from data into v. Bytes left over
// are an error.
func Decode(data []byte, v any) error {
	rest, err := DecodeFirst(data, v)
	if err != nil {
		return err
	}
	if len(rest) != 0 {
		return fmt.Errorf("%d bytes after the value", len(rest))
	}
	return nil
}

// DecodeFirst reads the first canonical value of data into v and returns the
// bytes that follow it.
func DecodeFirst(data []byte, v any) (rest []byte, err error) {
	rest, err = checkCanonical(data, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.UnmarshalFirst(data[:len(data)-len(rest)], v); err != nil {
		if wrong := (*cbor.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
			return nil, fmt.Errorf("%w: %w", ErrType, err)
		}
		return nil, err
	}
	return rest, nil
}

// Major types of RFC 8949 §3.1.
const (
	majorUint = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

// checkCanonical walks one value and returns what follows it.
func checkCanonical(data []byte, depth int) (rest []byte, err error) {
	major, arg, rest, err := readHead(data)
	if err != nil {
		return nil, err
	}
	switch major {
	case majorUint, majorNegative:
		return rest, nil
	case majorBytes, majorText:
		if uint64(len(rest)) < arg {
			return nil, fmt.Errorf("string of %d bytes, %d left", arg, len(rest))
		}
		if major == majorText && !utf8.Valid(rest[:arg]) {
			return nil, errors.New("text is not UTF-8")
		}
		return rest[arg:], nil
	case majorArray:
		if depth >= MaxDepth {
			return nil, fmt.Errorf("%w: more than %d levels", ErrNotCanonical, MaxDepth)
		}
		for range arg {
			if rest, err = checkCanonical(rest, depth+1); err != nil {
				return nil, err
			}
		}
		return rest, nil
	case majorMap:
		return checkMap(rest, arg, depth)
	case majorTag:
		return nil, fmt.Errorf("%w: tag", ErrNotCanonical)
	default:
		if data[0] != 0xf4 && data[0] != 0xf5 {
			return nil, fmt.Errorf("%w: simple value %#x", ErrNotCanonical, data[0])
		}
		return rest, nil
	}
}

func checkMap(rest []byte, pairs uint64, depth int) ([]byte, error) {
	if depth >= MaxDepth {
		return nil, fmt.Errorf("%w: more than %d levels", ErrNotCanonical, MaxDepth)
	}
	var last []byte
	for range pairs {
		after, err := checkCanonical(rest, depth+1)
		if err != nil {
			return nil, err
		}
		key := rest[:len(rest)-len(after)]
		if last != nil && !sortsBefore(last, key) {
			return nil, fmt.Errorf("%w: map keys out of order or repeated", ErrNotCanonical)
		}
		last = key
		if rest, err = checkCanonical(after, depth+1); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// sortsBefore orders encoded keys: major type, then length, then bytes
// (CTAP 2.3 §8). For keys of one type the first two agree with comparing the
// encodings by length first.
func sortsBefore(a, b []byte) bool {
	if am, bm := a[0]>>5, b[0]>>5; am != bm {
		return am < bm
	}
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return bytes.Compare(a, b) < 0
}

func readHead(data []byte) (major byte, arg uint64, rest []byte, err error) {
	if len(data) == 0 {
		return 0, 0, nil, errors.New("value missing")
	}
	major, info := data[0]>>5, data[0]&0x1f
	rest = data[1:]
	if info < 24 {
		return major, uint64(info), rest, nil
	}
	if info > 27 {
		return 0, 0, nil, fmt.Errorf("%w: indefinite length or reserved", ErrNotCanonical)
	}
	n := 1 << (info - 24)
	if len(rest) < n {
		return 0, 0, nil, errors.New("head cut short")
	}
	for _, b := range rest[:n] {
		arg = arg<<8 | uint64(b)
	}
	least := []uint64{24, 1 << 8, 1 << 16, 1 << 32}[info-24]
	if major != majorSimple && arg < least {
		return 0, 0, nil, fmt.Errorf("%w: integer longer than needed", ErrNotCanonical)
	}
	return major, arg, rest[n:], nil
}
