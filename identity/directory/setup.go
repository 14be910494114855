package directory

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"
)

// SetupTTL is how long a setup code lives. Each start makes a new one while
// there is nobody.
const SetupTTL = 24 * time.Hour

// What is wrong with a setup code.
var (
	// ErrSetupCode: wrong, replaced by a newer one, or too old.
	ErrSetupCode = errors.New("setup code is wrong or too old")
	// ErrSetUp: there is somebody already; setup codes are dead.
	ErrSetUp = errors.New("set up already")
)

func newSetupCode() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// HashSetupCode returns what is stored of a setup code. 256 random bits need
// no key.
func HashSetupCode(code string) CodeHash {
	return sha256.Sum256([]byte("setup code\x00" + code))
}
