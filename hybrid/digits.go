package hybrid

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Seven bytes fit seventeen digits. Digits are what a QR symbol holds most
// densely: ten bits for three of them.
const (
	chunkBytes  = 7
	chunkDigits = 17
)

// digitsFor[n] is how many digits the last chunk has when n bytes are left.
var digitsFor = [chunkBytes + 1]int{0, 3, 5, 8, 10, 13, 15, chunkDigits}

// encodeDigits writes each chunk of seven bytes as a little-endian number.
func encodeDigits(b []byte) string {
	var out strings.Builder
	for len(b) > 0 {
		n := min(len(b), chunkBytes)
		var chunk [8]byte
		copy(chunk[:], b[:n])
		// The zeros in front matter: without them the length of the last chunk
		// says nothing about the number of its bytes.
		fmt.Fprintf(&out, "%0*d", digitsFor[n], binary.LittleEndian.Uint64(chunk[:]))
		b = b[n:]
	}
	return out.String()
}

// decodeDigits is the exact inverse: what encodeDigits would not have written
// is refused.
func decodeDigits(s string) ([]byte, error) {
	var out []byte
	for len(s) > 0 {
		take := min(len(s), chunkDigits)
		n := bytesIn(take)
		if n == 0 {
			return nil, fmt.Errorf("%d digits are no number of bytes", take)
		}
		v, err := parseDigits(s[:take])
		if err != nil {
			return nil, err
		}
		var chunk [8]byte
		binary.LittleEndian.PutUint64(chunk[:], v)
		if v>>(8*n) != 0 {
			return nil, fmt.Errorf("%d digits hold more than %d bytes", take, n)
		}
		out = append(out, chunk[:n]...)
		s = s[take:]
	}
	return out, nil
}

func bytesIn(digits int) int {
	for n, d := range digitsFor {
		if d == digits {
			return n
		}
	}
	return 0
}

func parseDigits(s string) (uint64, error) {
	// ParseUint takes a sign and underscores under some bases; only the ten
	// ASCII digits may stand here. The error repeats no digit: they are secret.
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, errors.New("something that is not a digit")
		}
	}
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, errors.New("number out of range")
	}
	return v, nil
}
