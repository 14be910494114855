// Package secret holds keys that cannot be printed, logged, marshalled or
// compared with == by accident.
//
// The bytes sit behind a function. Of a Key in an unexported field of another
// struct fmt asks no method, and prints what it finds by reflection: an array
// or a slice at once, and a pointer to one as soon as the verb does not fit, as
// %s does not. A function it can only give the address of. Copies of a Key
// share the bytes, so Wipe reaches them all. Wiping is best effort: the garbage
// collector may have moved a copy before.
package secret

import (
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"log/slog"
)

// A Key is secret bytes. The zero Key is empty and absent. Keys cannot be
// compared with ==.
type Key struct {
	bytes func() []byte // nil if absent; always the same slice
}

// New returns a Key that holds a copy of b.
func New(b []byte) Key {
	c := append([]byte(nil), b...)
	return Key{func() []byte { return c }}
}

// Random returns a Key of n bytes from crypto/rand.
func Random(n int) Key {
	b := make([]byte, n)
	rand.Read(b) // never fails since Go 1.24
	return Key{func() []byte { return b }}
}

// Expose returns the bytes themselves, not a copy. It is the only way to them.
func (k Key) Expose() []byte {
	if k.bytes == nil {
		return nil
	}
	return k.bytes()
}

// Len returns the number of bytes.
func (k Key) Len() int { return len(k.Expose()) }

// Equal compares in constant time.
func (k Key) Equal(o Key) bool { return hmac.Equal(k.Expose(), o.Expose()) }

// Wipe overwrites the bytes in every copy of the Key.
func (k Key) Wipe() { clear(k.Expose()) }

// String hides the bytes from fmt.
func (k Key) String() string { return "(secret)" }

// GoString hides the bytes from %#v.
func (k Key) GoString() string { return "secret.Key{}" }

// LogValue hides the bytes from slog.
func (k Key) LogValue() slog.Value { return slog.StringValue("(secret)") }

// MarshalJSON refuses: a secret is written out by name or not at all.
func (k Key) MarshalJSON() ([]byte, error) {
	return nil, errors.New("secret key cannot be marshalled")
}

// MarshalText refuses, as MarshalJSON does.
func (k Key) MarshalText() ([]byte, error) {
	return nil, errors.New("secret key cannot be marshalled")
}
