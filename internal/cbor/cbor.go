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
	"errors"
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// MaxDepth is the number of nested arrays and maps a message may have
// (CTAP 2.3 §8: "must support 4 levels").
const MaxDepth = 4

// Raw is an encoded value that is carried without being looked into.
type Raw = cbor.RawMessage

// ByteString is a byte string that can be the key of a map.
type ByteString = cbor.ByteString

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
		MaxNestedLevels: MaxDepth + 1, // what is deeper is found before, or allowed
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
	return atEnd(DecodeFirst(data, v))
}

// DecodeFirst reads the first canonical value of data into v and returns the
// bytes that follow it.
func DecodeFirst(data []byte, v any) (rest []byte, err error) {
	return decodeFirst(data, v, rules{maxDepth: MaxDepth})
}

// An Allowance is what the definition of one message lets it have beyond the
// canonical form, or what is borne with in it. Members are of the outermost map
// and named by their keys, 1 to 23; 0 names none.
type Allowance struct {
	// Deeper names a member that may have one level more than MaxDepth leaves
	// to it.
	Deeper uint8
	// AnyOrder names a member that is a map with its keys in any order. No key
	// may be there twice.
	AnyOrder uint8
}

// DecodeAllowing is Decode with an allowance.
func DecodeAllowing(data []byte, v any, a Allowance) error {
	return atEnd(decodeFirst(data, v, rules{maxDepth: MaxDepth, members: a}))
}

// DecodeAnyOrder is Decode of a map whose keys, and those of no map inside it,
// may be in any order. Repeated keys are refused if v is a map or a struct.
func DecodeAnyOrder(data []byte, v any) error {
	return atEnd(decodeFirst(data, v, rules{maxDepth: MaxDepth, anyOrder: true}))
}

func atEnd(rest []byte, err error) error {
	if err == nil && len(rest) != 0 {
		return fmt.Errorf("%d bytes after the value", len(rest))
	}
	return err
}

func decodeFirst(data []byte, v any, r rules) (rest []byte, err error) {
	rest, err = checkCanonical(data, 0, r)
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
