package pinuv

import (
	"bytes"
	"crypto/sha256"
	"unicode/utf8"

	"cardea/ctap"
)

const (
	// MinPIN is the fewest code points of a PIN, unless the authenticator asks
	// for more.
	MinPIN = 4
	// MaxPIN is the most bytes of a PIN.
	MaxPIN = 63
	// PaddedPIN is the length of a new PIN on the way.
	PaddedPIN = 64
	// PINHash is the length of the hash by which a PIN is proved.
	PINHash = 16
)

// HashPIN returns LEFT(SHA-256(pin), 16) (CTAP §6.5.5.6).
func HashPIN(pin string) []byte {
	sum := sha256.Sum256([]byte(pin))
	return sum[:PINHash]
}

// PadPIN pads a new PIN with zeros (CTAP §6.5.5.5). A PIN that no authenticator
// may take is ctap.PINPolicyViolation. min is the authenticator's minPINLength
// in code points; less than MinPIN is MinPIN.
func PadPIN(pin string, min int) ([]byte, error) {
	if err := checkPIN(pin, min); err != nil {
		return nil, err
	}
	padded := make([]byte, PaddedPIN)
	copy(padded, pin)
	return padded, nil
}

// UnpadPIN is the authenticator's side of PadPIN. Anything but PaddedPIN bytes
// is ctap.InvalidParameter.
func UnpadPIN(padded []byte, min int) (string, error) {
	if len(padded) != PaddedPIN {
		return "", ctap.InvalidParameter
	}
	pin := string(bytes.TrimRight(padded, "\x00"))
	return pin, checkPIN(pin, min)
}

// checkPIN counts code points, not bytes: four letters are four, in any script.
func checkPIN(pin string, min int) error {
	if min < MinPIN {
		min = MinPIN
	}
	if !utf8.ValidString(pin) || utf8.RuneCountInString(pin) < min || len(pin) > MaxPIN || pin[len(pin)-1] == 0 {
		return ctap.PINPolicyViolation
	}
	return nil
}
