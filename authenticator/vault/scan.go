package vault

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"cardea/webauthn"
)

// Package cbor decodes by reflection, which is a good part of a second for a
// hundred thousand passkeys. What is here reads the two kinds of record that a
// large vault is made of, and nothing else: as strictly, as a fuzz test with
// package cbor for its oracle sees to, and without a copy.

// view is a stored passkey whose members lie in the record they were read from.
type view struct {
	id, rp, rpName, handle, name, displayName, privateKey, nickname []byte
	hmacSecrets, credBlob, largeBlobKey                             []byte
	algorithm, created, lastUsed                                    int64
	count, protect                                                  uint64
	discoverable, payment, shared                                   bool
}

// Major types of CBOR (RFC 8949 §3.1) that a stored passkey has.
const (
	majorUint, majorNegative, majorBytes, majorText = 0, 1, 2, 3
	majorArray, majorMap, majorSimple               = 4, 5, 7
)

var errNotStored = errors.New("not a stored passkey")

// head reads the head of a value: its major type and argument, in the shortest
// form.
func head(b []byte) (major byte, arg uint64, rest []byte, err error) {
	if len(b) == 0 {
		return 0, 0, nil, errNotStored
	}
	major, arg, rest = b[0]>>5, uint64(b[0]&0x1f), b[1:]
	if arg < 24 {
		return major, arg, rest, nil
	}
	size := 1 << (arg - 24)
	if arg > 27 || len(rest) < size || major == majorSimple {
		return 0, 0, nil, errNotStored
	}
	arg = 0
	for _, c := range rest[:size] {
		arg = arg<<8 | uint64(c)
	}
	least := [...]uint64{1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}[size]
	if arg < least {
		return 0, 0, nil, errNotStored
	}
	return major, arg, rest[size:], nil
}

// scan reads one stored passkey from the front of b.
func scan(b []byte) (v view, rest []byte, err error) {
	major, members, rest, err := head(b)
	if err != nil || major != majorMap {
		return v, nil, errNotStored
	}
	last := uint64(0)
	for range members {
		var key uint64
		if major, key, rest, err = head(rest); err != nil {
			return v, nil, err
		}
		if major != majorUint || key <= last || key > 19 {
			return v, nil, errNotStored // not in order, twice, or unknown
		}
		last = key
		if rest, err = v.member(key, rest); err != nil {
			return v, nil, fmt.Errorf("member %d: %w", key, err)
		}
	}
	return v, rest, nil
}

// member reads the value of one member of the map that stored describes.
func (v *view) member(key uint64, b []byte) (rest []byte, err error) {
	major, arg, rest, err := head(b)
	if err != nil {
		return nil, err
	}
	switch major {
	case majorBytes, majorText:
		into := v.stringMember(key, major)
		if into == nil || uint64(len(rest)) < arg || major == majorText && !utf8.Valid(rest[:arg]) {
			return nil, errNotStored
		}
		*into = rest[:arg:arg]
		return rest[arg:], nil
	case majorUint, majorNegative:
		return rest, v.setNumber(key, major, arg)
	case majorSimple:
		return rest, v.setFlag(key, arg)
	}
	return nil, errNotStored
}

// stringMember returns where a member of bytes or of text belongs.
func (v *view) stringMember(key uint64, major byte) *[]byte {
	if major == majorText {
		switch key {
		case 2:
			return &v.rp
		case 3:
			return &v.rpName
		case 5:
			return &v.name
		case 6:
			return &v.displayName
		case 11:
			return &v.nickname
		}
		return nil
	}
	switch key {
	case 1:
		return &v.id
	case 4:
		return &v.handle
	case 8:
		return &v.privateKey
	case 15:
		return &v.hmacSecrets
	case 16:
		return &v.credBlob
	case 17:
		return &v.largeBlobKey
	}
	return nil
}

// setFlag takes the simple values false and true, 20 and 21.
func (v *view) setFlag(key, arg uint64) error {
	switch {
	case arg != 20 && arg != 21:
		return errNotStored
	case key == 10:
		v.discoverable = arg == 21
	case key == 18:
		v.payment = arg == 21
	case key == 19:
		v.shared = arg == 21
	default:
		return errNotStored
	}
	return nil
}

func (v *view) setNumber(key uint64, major byte, arg uint64) error {
	if arg > math.MaxInt64 {
		return errNotStored
	}
	n := int64(arg)
	if major == majorNegative {
		n = -1 - n
	}
	switch {
	case key == 7:
		v.algorithm = n
	case key == 9 && n >= 0 && n <= math.MaxUint32:
		v.count = arg
	case key == 12:
		v.created = n
	case key == 13:
		v.lastUsed = n
	case key == 14 && n >= 0 && n <= math.MaxUint8:
		v.protect = arg
	default:
		return errNotStored
	}
	return nil
}

// item is the view as contents knows it.
func (v view) item(raw []byte) item {
	return item{
		raw: raw, id: string(v.id), rp: webauthn.RPID(v.rp), handle: string(v.handle),
		created: v.created, lastUsed: v.lastUsed, count: uint32(v.count),
		nickname: string(v.nickname), discoverable: v.discoverable, shared: v.shared,
	}
}

// scanItem reads an item that fills b.
func scanItem(b []byte) (item, error) {
	v, rest, err := scan(b)
	if err == nil && len(rest) != 0 {
		err = errNotStored
	}
	if err != nil {
		return item{}, err
	}
	return v.item(b), nil
}

// scanSnapshot reads an array of stored passkeys that fills b.
func scanSnapshot(b []byte) ([]item, error) {
	major, n, b, err := head(b)
	if err != nil || major != majorArray || n > uint64(len(b)) {
		return nil, errNotStored
	}
	items := make([]item, n)
	for i := range items {
		v, rest, err := scan(b)
		if err != nil {
			return nil, err
		}
		items[i] = v.item(b[: len(b)-len(rest) : len(b)-len(rest)])
		b = rest
	}
	if len(b) != 0 {
		return nil, errNotStored
	}
	return items, nil
}
