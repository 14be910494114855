package hybrid

import (
	"bytes"
	"testing"
)

func TestDigitVectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors[qrVector](t, "qr.json") {
		switch v.Kind {
		case "encode":
			if got := encodeDigits(v.Bytes); got != v.Digits {
				t.Errorf("encodeDigits(%x) = %q, want %q", []byte(v.Bytes), got, v.Digits)
			}
			got, err := decodeDigits(v.Digits)
			if err != nil || !bytes.Equal(got, v.Bytes) {
				t.Errorf("decodeDigits(%q) = %x, %v, want %x", v.Digits, got, err, []byte(v.Bytes))
			}
		case "decode_must_fail":
			if got, err := decodeDigits(v.Digits); err == nil {
				t.Errorf("decodeDigits(%q) = %x, want an error", v.Digits, got)
			}
		}
	}
}

func TestDigitsOfEveryLength(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		for _, fill := range []byte{0x00, 0x01, 0xff} {
			in := bytes.Repeat([]byte{fill}, n)
			got, err := decodeDigits(encodeDigits(in))
			if err != nil || !bytes.Equal(got, in) {
				t.Errorf("decodeDigits(encodeDigits(%x)) = %x, %v", in, got, err)
			}
		}
	}
}

func FuzzDecodeDigits(f *testing.F) {
	for _, v := range readVectors[qrVector](f, "qr.json") {
		f.Add(v.Digits)
	}
	f.Fuzz(func(t *testing.T, digits string) {
		b, err := decodeDigits(digits)
		if err != nil {
			return
		}
		if again := encodeDigits(b); again != digits {
			t.Errorf("encodeDigits(decodeDigits(%q)) = %q", digits, again)
		}
	})
}
