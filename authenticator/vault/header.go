package vault

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"unicode/utf8"

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
	formatVersion = 3
	// wrapVersion stands for member 1 in the additional data of member 8: the
	// version that first wrapped so. A vault must be brought up to date while
	// its secret is not at hand.
	wrapVersion  = 2
	keySize      = chacha20poly1305.KeySize
	saltSize     = 16
	idSize       = 16
	pinHash      = 16
	settingsInfo = "cardea vault settings 1"
	maxHeader    = 16 << 10
	maxSettings  = 1 << 10
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
	// Settings can be read while the vault is locked; Tag shows, once it is
	// not, that they are its own.
	Settings []byte `cbor:"10,keyasint,omitempty"`
	Tag      []byte `cbor:"11,keyasint,omitempty"`
	// Fresh says that the log has yet to be begun: the vault was reset, and
	// what may lie there is unreadable.
	Fresh bool `cbor:"12,keyasint,omitempty"`
	// Slots are for those who hold a key to the vault; PINLength is for them
	// too, as they open it without member 8.
	Slots     []slot `cbor:"13,keyasint,omitempty"`
	PINLength []byte `cbor:"14,keyasint,omitempty"`
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
	return h.wrapProof(proofOf(h.Kind, pin), lengthOf(h.Kind, pin), vaultKey)
}

// proofOf is what stands for a secret: of a PIN the hash that a CTAP client
// sends in its place (CTAP §6.5.5.6), so that either opens the vault.
func proofOf(kind Kind, pin string) []byte {
	if kind != PIN {
		return []byte(pin)
	}
	sum := sha256.Sum256([]byte(pin))
	return sum[:pinHash]
}

// lengthOf is the length of a PIN in code points. The hash does not tell it,
// and a later policy may ask.
func lengthOf(kind Kind, pin string) int {
	if kind != PIN {
		return 0
	}
	return utf8.RuneCountInString(pin)
}

func (h *header) wrapProof(proof []byte, length int, vaultKey secret.Key) error {
	h.Salt = secret.Random(saltSize).Expose()
	aead, err := h.wrappingAEAD(proof)
	if err != nil {
		return err
	}
	plain := append(bytes.Clone(vaultKey.Expose()), byte(length))
	defer clear(plain)
	h.Wrapped = sealWith(aead, plain, h.additionalData())
	return h.sealLength(length, vaultKey)
}

// unwrap opens the vault key. It fails if the secret is wrong or anything in
// the header but the count of attempts has been changed.
func (h header) unwrap(proof []byte) (k unwrapped, ok bool) {
	aead, err := h.wrappingAEAD(proof)
	if err != nil {
		return k, false
	}
	plain, err := openWith(aead, h.Wrapped, h.additionalData())
	if err != nil || len(plain) != keySize+1 {
		return k, false
	}
	defer clear(plain)
	return unwrapped{key: secret.New(plain[:keySize]), length: int(plain[keySize])}, true
}

// unwrapped is what the right secret opens.
type unwrapped struct {
	key    secret.Key
	length int // of the PIN, in code points
}

// tag authenticates the settings with the vault key.
func (h header) tag(vaultKey secret.Key) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, vaultKey.Expose(), nil, settingsInfo, keySize)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	m := hmac.New(sha256.New, key)
	m.Write(h.VaultID)
	m.Write(h.Settings)
	return m.Sum(nil), nil
}

// checkSettings reports whether the settings are those that the vault wrote.
func (h header) checkSettings(vaultKey secret.Key) error {
	if h.Settings == nil && h.Tag == nil {
		return nil
	}
	want, err := h.tag(vaultKey)
	if err != nil {
		return err
	}
	if !hmac.Equal(want, h.Tag) {
		return fmt.Errorf("%w: settings are not what was written", ErrDamaged)
	}
	return nil
}

func (h header) wrappingAEAD(proof []byte) (cipher.AEAD, error) {
	key := argon2.IDKey(proof, h.Salt, h.Time, h.Memory, h.Threads, keySize)
	defer clear(key)
	return chacha20poly1305.NewX(key)
}

// additionalData is the header without what it authenticates, without the
// count of attempts, which changes when no key is known, and without what
// changes when the secret is not at hand.
func (h header) additionalData() []byte {
	h.Version, h.Wrapped, h.Retries, h.Settings, h.Tag, h.Fresh = wrapVersion, nil, 0, nil, nil, false
	h.Slots, h.PINLength = nil, nil
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
	case h.Version > formatVersion:
		return h, fmt.Errorf("%w: version %d, this program knows %d", ErrNewer, h.Version, formatVersion)
	case h.Version < wrapVersion:
		return h, fmt.Errorf("version %d, want %d to %d", h.Version, wrapVersion, formatVersion)
	case h.Version < 3 && (h.Slots != nil || h.PINLength != nil):
		return h, fmt.Errorf("version %d with members of version 3", h.Version)
	case h.Kind != PIN && h.Kind != Pattern && h.Kind != NoPIN:
		return h, fmt.Errorf("unknown kind of secret %q", h.Kind)
	case h.Retries > MaxRetries:
		return h, fmt.Errorf("%d attempts left, want at most %d", h.Retries, MaxRetries)
	}
	if err := h.checkSlots(); err != nil {
		return h, err
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
	if errors.Is(err, ErrNewer) {
		return header{}, err
	}
	if err != nil {
		return header{}, fmt.Errorf("%w: header: %w", ErrDamaged, err)
	}
	return h, nil
}
