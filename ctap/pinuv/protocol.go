package pinuv

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"cardea/internal/secret"
)

// A Protocol is the number of a PIN/UV auth protocol.
type Protocol uint

// The protocols of CTAP §6.5.6 and §6.5.7.
const (
	One Protocol = 1
	Two Protocol = 2
)

// Known reports whether p is one of the two.
func (p Protocol) Known() bool { return p == One || p == Two }

const (
	blockSize = aes.BlockSize
	tagSize1  = 16 // protocol one cuts its tags
	keySize   = 32
	// TokenSize is the length of a pinUvAuthToken. Protocol one allows 16
	// bytes as well; we make 32 and take both.
	TokenSize = 32
)

// A Shared is the secret that both ends have after the key agreement.
type Shared struct {
	protocol Protocol
	// key is 32 bytes for protocol one, for both uses; for protocol two the
	// key for tags and then the one for encryption, 32 bytes each.
	key secret.Key
}

// kdf makes the shared secret from the X coordinate of the ECDH point.
func kdf(p Protocol, z []byte) (Shared, error) {
	switch p {
	case One:
		sum := sha256.Sum256(z)
		return Shared{p, secret.New(sum[:])}, nil
	case Two:
		salt := make([]byte, sha256.Size)
		mac, err := hkdf.Key(sha256.New, z, salt, "CTAP2 HMAC key", keySize)
		if err != nil {
			return Shared{}, err
		}
		enc, err := hkdf.Key(sha256.New, z, salt, "CTAP2 AES key", keySize)
		if err != nil {
			return Shared{}, err
		}
		return Shared{p, secret.New(append(mac, enc...))}, nil
	}
	return Shared{}, fmt.Errorf("PIN/UV auth protocol %d is not known", p)
}

func (s Shared) macKey() []byte { return s.key.Expose()[:keySize] }

func (s Shared) block() cipher.Block {
	k := s.key.Expose()
	b, err := aes.NewCipher(k[len(k)-keySize:])
	if err != nil {
		panic("pinuv: internal error: " + err.Error())
	}
	return b
}

// Encrypt encrypts whole blocks of 16 bytes; there is no padding.
func (s Shared) Encrypt(plain []byte) ([]byte, error) {
	if s.protocol == One {
		return s.encrypt(make([]byte, blockSize), plain)
	}
	iv := secret.Random(blockSize).Expose()
	sealed, err := s.encrypt(iv, plain)
	if err != nil {
		return nil, err
	}
	return append(iv, sealed...), nil
}

func (s Shared) encrypt(iv, plain []byte) ([]byte, error) {
	if len(plain)%blockSize != 0 {
		return nil, fmt.Errorf("encrypting %d bytes, want whole blocks of %d", len(plain), blockSize)
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(s.block(), iv).CryptBlocks(out, plain)
	return out, nil
}

// Decrypt reverses Encrypt. It does not authenticate: use what it returns only
// after Verify.
func (s Shared) Decrypt(sealed []byte) ([]byte, error) {
	iv := make([]byte, blockSize)
	if s.protocol == Two {
		if len(sealed) < blockSize {
			return nil, errors.New("decrypting: IV missing")
		}
		iv, sealed = sealed[:blockSize], sealed[blockSize:]
	}
	if len(sealed)%blockSize != 0 {
		return nil, fmt.Errorf("decrypting %d bytes, want whole blocks of %d", len(sealed), blockSize)
	}
	out := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(s.block(), iv).CryptBlocks(out, sealed)
	return out, nil
}

// Authenticate returns the tag of a message.
func (s Shared) Authenticate(message []byte) []byte {
	return authenticate(s.protocol, s.macKey(), message)
}

// Verify reports whether tag is the message's, in constant time.
func (s Shared) Verify(message, tag []byte) bool {
	return hmac.Equal(s.Authenticate(message), tag)
}

// A Token is a pinUvAuthToken. It belongs to the protocol under which it was
// issued and proves nothing under the other.
type Token struct {
	protocol Protocol
	key      secret.Key
}

// NewToken makes a random token.
func NewToken(p Protocol) (Token, error) { return TokenOf(p, secret.Random(TokenSize)) }

// TokenOf takes the bytes of a token that an authenticator has sent.
func TokenOf(p Protocol, key secret.Key) (Token, error) {
	if !p.Known() {
		return Token{}, fmt.Errorf("PIN/UV auth protocol %d is not known", p)
	}
	if n := key.Len(); n != TokenSize && (p != One || n != TokenSize/2) {
		return Token{}, fmt.Errorf("token of %d bytes", n)
	}
	return Token{p, key}, nil
}

// Key returns the token's bytes, for Shared.Encrypt.
func (t Token) Key() secret.Key { return t.key }

// Authenticate returns the pinUvAuthParam of a message.
func (t Token) Authenticate(message []byte) []byte {
	return authenticate(t.protocol, t.key.Expose(), message)
}

// Verify reports whether tag is the message's pinUvAuthParam, in constant time.
// The zero Token verifies nothing.
func (t Token) Verify(message, tag []byte) bool {
	return t.protocol.Known() && hmac.Equal(t.Authenticate(message), tag)
}

func authenticate(p Protocol, key, message []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(message)
	tag := m.Sum(nil)
	if p == One {
		return tag[:tagSize1]
	}
	return tag
}
