package cbor

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

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

// rules are what checkCanonical goes by.
type rules struct {
	maxDepth int
	anyOrder bool      // of the keys of the outermost map
	members  Allowance // for members of the outermost map
}

// within returns the rules for what is inside a value, in the member key if
// that is a map.
func (r rules) within(key []byte) rules {
	inside := rules{maxDepth: r.maxDepth}
	if len(key) == 1 && key[0] != 0 {
		inside.anyOrder = key[0] == r.members.AnyOrder
		if key[0] == r.members.Deeper {
			inside.maxDepth++
		}
	}
	return inside
}

// checkCanonical walks one value and returns what follows it.
func checkCanonical(data []byte, depth int, r rules) (rest []byte, err error) {
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
		if depth >= r.maxDepth {
			return nil, fmt.Errorf("%w: more than %d levels", ErrNotCanonical, r.maxDepth)
		}
		for range arg {
			if rest, err = checkCanonical(rest, depth+1, r.within(nil)); err != nil {
				return nil, err
			}
		}
		return rest, nil
	case majorMap:
		return checkMap(rest, arg, depth, r)
	case majorTag:
		return nil, fmt.Errorf("%w: tag", ErrNotCanonical)
	default:
		if data[0] != 0xf4 && data[0] != 0xf5 {
			return nil, fmt.Errorf("%w: simple value %#x", ErrNotCanonical, data[0])
		}
		return rest, nil
	}
}

func checkMap(rest []byte, pairs uint64, depth int, r rules) ([]byte, error) {
	if depth >= r.maxDepth {
		return nil, fmt.Errorf("%w: more than %d levels", ErrNotCanonical, r.maxDepth)
	}
	var last []byte
	for range pairs {
		after, err := checkCanonical(rest, depth+1, r.within(nil))
		if err != nil {
			return nil, err
		}
		key := rest[:len(rest)-len(after)]
		if last != nil && !r.anyOrder && !sortsBefore(last, key) {
			return nil, fmt.Errorf("%w: map keys out of order or repeated", ErrNotCanonical)
		}
		last = key
		if rest, err = checkCanonical(after, depth+1, r.within(key)); err != nil {
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
