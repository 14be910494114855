package web

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"cardea/internal/secret"
)

// ErrNotSealed says that a value was not sealed by us for this purpose.
var ErrNotSealed = errors.New("not sealed here")

// A Sealer encrypts small values that a browser keeps for us in a cookie, so
// that it can neither read nor change them (AES-256-GCM, random nonce). A value
// sealed for one purpose does not open for another.
type Sealer struct {
	aead cipher.AEAD
}

// NewSealer returns a Sealer whose key is derived from key, which must have at
// least 32 bytes.
func NewSealer(key secret.Key) (*Sealer, error) {
	if key.Len() < 32 {
		return nil, fmt.Errorf("sealing key of %d bytes, want at least 32", key.Len())
	}
	k, err := hkdf.Key(sha256.New, key.Expose(), nil, "cardea web cookies", 32)
	if err != nil {
		return nil, fmt.Errorf("deriving the sealing key: %w", err)
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Sealer{aead: aead}, nil
}

// Seal returns v as text that only Open with the same purpose can read.
func (s *Sealer) Seal(purpose string, v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("sealing %s: %w", purpose, err)
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, b, []byte(purpose))), nil
}

// Open reads what Seal wrote into v. Anything else is ErrNotSealed.
func (s *Sealer) Open(purpose, text string, v any) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return ErrNotSealed
	}
	plain, err := s.aead.Open(nil, nil, b, []byte(purpose))
	if err != nil {
		return ErrNotSealed
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return fmt.Errorf("opening %s: %w", purpose, err)
	}
	return nil
}
