package vault

import (
	"bytes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"cardea/internal/cbor"
	"cardea/internal/secret"
)

// Cost is what one attempt at the secret costs, as argon2id counts it
// (RFC 9106 §3.1).
type Cost struct {
	Time    uint32 // passes
	Memory  uint32 // KiB
	Threads uint8
}

// DefaultCost is the second recommended choice of RFC 9106 §4.
var DefaultCost = Cost{Time: 3, Memory: 64 << 10, Threads: 4}

// TestCost makes an attempt cheap. It is for tests alone: a vault made with it
// protects nothing.
var TestCost = Cost{Time: 1, Memory: 64, Threads: 1}

// Limits of a cost that is read from disk: a damaged header must not make the
// program ask for all memory there is.
const (
	maxTime    = 64
	maxMemory  = 1 << 20 // 1 GiB in KiB
	maxThreads = 32
)

const (
	headerMagic   = "CARDEA-VAULT-01\n"
	formatVersion = 1
	keySize       = chacha20poly1305.KeySize
	saltSize      = 16
	idSize        = 16
	maxHeader     = 4 << 10
)

// header is the map described in the package comment.
type header struct {
	Version uint   `cbor:"1,keyasint"`
	VaultID []byte `cbor:"2,keyasint"`
	Kind    Kind   `cbor:"3,keyasint"`
	Time    uint32 `cbor:"4,keyasint"`
	Memory  uint32 `cbor:"5,keyasint"`
	Threads uint8  `cbor:"6,keyasint"`
	Salt    []byte `cbor:"7,keyasint"`
	Wrapped []byte `cbor:"8,keyasint"`
	Retries uint   `cbor:"9,keyasint"`
}

func newHeader(kind Kind, cost Cost) (header, error) {
	h := header{
		Version: formatVersion, VaultID: secret.Random(idSize).Expose(), Kind: kind,
		Time: cost.Time, Memory: cost.Memory, Threads: cost.Threads, Retries: MaxRetries,
	}
	return h, h.checkCost()
}

func (h header) checkCost() error {
	if h.Time < 1 || h.Time > maxTime || h.Threads < 1 || h.Threads > maxThreads ||
		h.Memory < 8*uint32(h.Threads) || h.Memory > maxMemory {
		return fmt.Errorf("argon2id cost out of range: %d passes, %d KiB, %d threads", h.Time, h.Memory, h.Threads)
	}
	return nil
}

// wrap seals the vault key under a secret, with a new salt.
func (h *header) wrap(pin string, vaultKey secret.Key) error {
	h.Salt = secret.Random(saltSize).Expose()
	aead, err := h.wrappingAEAD(pin)
	if err != nil {
		return err
	}
	nonce := secret.Random(aead.NonceSize()).Expose()
	h.Wrapped = aead.Seal(nonce, nonce, vaultKey.Expose(), h.additionalData())
	return nil
}

// unwrap opens the vault key. It fails if the secret is wrong or anything in
// the header but the count of attempts has been changed.
func (h header) unwrap(pin string) (vaultKey secret.Key, ok bool) {
	aead, err := h.wrappingAEAD(pin)
	if err != nil || len(h.Wrapped) < aead.NonceSize() {
		return secret.Key{}, false
	}
	nonce, sealed := h.Wrapped[:aead.NonceSize()], h.Wrapped[aead.NonceSize():]
	key, err := aead.Open(nil, nonce, sealed, h.additionalData())
	if err != nil {
		return secret.Key{}, false
	}
	defer clear(key)
	return secret.New(key), true
}

func (h header) wrappingAEAD(pin string) (cipher.AEAD, error) {
	key := argon2.IDKey([]byte(pin), h.Salt, h.Time, h.Memory, h.Threads, keySize)
	defer clear(key)
	return chacha20poly1305.NewX(key)
}

// additionalData is the header without what it authenticates and without the
// count of attempts, which changes when no key is known.
func (h header) additionalData() []byte {
	h.Wrapped, h.Retries = nil, 0
	return append([]byte(headerMagic), cbor.MustEncode(h)...)
}

func (h header) encode() []byte {
	b := append([]byte(headerMagic), cbor.MustEncode(h)...)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func decodeHeader(b []byte) (h header, err error) {
	rest, ok := bytes.CutPrefix(b, []byte(headerMagic))
	if !ok || len(rest) < sha256.Size {
		return h, errors.New("not a vault header")
	}
	signed := b[:len(b)-sha256.Size]
	if sum := sha256.Sum256(signed); !bytes.Equal(sum[:], b[len(signed):]) {
		return h, errors.New("checksum does not match")
	}
	if err := cbor.Decode(signed[len(headerMagic):], &h); err != nil {
		return h, err
	}
	switch {
	case h.Version != formatVersion:
		return h, fmt.Errorf("version %d, want %d", h.Version, formatVersion)
	case h.Kind != PIN && h.Kind != Pattern:
		return h, fmt.Errorf("unknown kind of secret %q", h.Kind)
	case h.Retries > MaxRetries:
		return h, fmt.Errorf("%d attempts left, want at most %d", h.Retries, MaxRetries)
	}
	return h, h.checkCost()
}

func readHeader(path string) (header, error) {
	info, err := os.Stat(path)
	if err != nil {
		return header{}, err
	}
	if info.Size() > maxHeader {
		return header{}, fmt.Errorf("%w: header of %d bytes", ErrDamaged, info.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return header{}, err
	}
	h, err := decodeHeader(b)
	if err != nil {
		return header{}, fmt.Errorf("%w: header: %w", ErrDamaged, err)
	}
	return h, nil
}
