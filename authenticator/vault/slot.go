package vault

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"

	"cardea/internal/secret"
)

const (
	slotInfo   = "cardea vault slot 1"
	lengthInfo = "cardea vault PIN length 1"
	maxSlots   = 8
	maxName    = 32
	maxBlob    = 1 << 10
)

// A slot is the vault key, sealed under a key that a holder keeps.
type slot struct {
	Name   string `cbor:"1,keyasint"`
	Blob   []byte `cbor:"2,keyasint"` // what the holder wants to be shown
	Sealed []byte `cbor:"3,keyasint"` // nonce ‖ sealed vault key
}

func newSlot(vaultID []byte, name string, vaultKey, holding secret.Key, blob []byte) (slot, error) {
	aead, err := chacha20poly1305.NewX(holding.Expose())
	if err != nil {
		return slot{}, err
	}
	sealed := sealWith(aead, vaultKey.Expose(), slotData(vaultID, name))
	return slot{Name: name, Blob: slices.Clone(blob), Sealed: sealed}, nil
}

// open returns the vault key.
func (s slot) open(vaultID []byte, holding secret.Key) (secret.Key, error) {
	aead, err := chacha20poly1305.NewX(holding.Expose())
	if err != nil {
		return secret.Key{}, fmt.Errorf("%w: its key has %d bytes", ErrHolderLost, holding.Len())
	}
	plain, err := openWith(aead, s.Sealed, slotData(vaultID, s.Name))
	if err != nil || len(plain) != keySize {
		return secret.Key{}, fmt.Errorf("%w: its key does not fit", ErrHolderLost)
	}
	defer clear(plain)
	return secret.New(plain), nil
}

// slotData binds a slot to its vault and its name: one holder's slot cannot be
// passed off as another's.
func slotData(vaultID []byte, name string) []byte {
	return slices.Concat([]byte(slotInfo), vaultID, []byte(name))
}

func (h header) slot(name string) *slot {
	if i := slices.IndexFunc(h.Slots, func(s slot) bool { return s.Name == name }); i >= 0 {
		return &h.Slots[i]
	}
	return nil
}

// withoutSlot returns the other slots, in a slice of their own.
func (h header) withoutSlot(name string) []slot {
	return slices.DeleteFunc(slices.Clone(h.Slots), func(s slot) bool { return s.Name == name })
}

func (h header) checkSlots() error {
	if len(h.Slots) > maxSlots {
		return fmt.Errorf("%d holders, want at most %d", len(h.Slots), maxSlots)
	}
	for i, s := range h.Slots {
		switch {
		case s.Name == "" || len(s.Name) > maxName:
			return fmt.Errorf("name of a holder of %d bytes", len(s.Name))
		case len(s.Blob) > maxBlob:
			return fmt.Errorf("holder wants %d bytes to be kept, want at most %d", len(s.Blob), maxBlob)
		case h.slot(s.Name) != &h.Slots[i]:
			return fmt.Errorf("holder %q is there twice", s.Name)
		}
	}
	return nil
}

// sealLength writes down the length of the PIN for those who open the vault
// without it.
func (h *header) sealLength(length int, vaultKey secret.Key) error {
	aead, err := derivedAEAD(vaultKey, lengthInfo)
	if err != nil {
		return err
	}
	h.PINLength = sealWith(aead, []byte{byte(length)}, h.lengthData())
	return nil
}

func (h header) openLength(vaultKey secret.Key) (int, error) {
	aead, err := derivedAEAD(vaultKey, lengthInfo)
	if err != nil {
		return 0, err
	}
	plain, err := openWith(aead, h.PINLength, h.lengthData())
	if err != nil || len(plain) != 1 {
		return 0, fmt.Errorf("%w: length of the PIN is not what was written", ErrDamaged)
	}
	return int(plain[0]), nil
}

// lengthData binds the length to the secret: each has a salt of its own.
func (h header) lengthData() []byte { return slices.Concat(h.VaultID, h.Salt) }

// derivedAEAD is the vault key, made into a key for one purpose.
func derivedAEAD(vaultKey secret.Key, info string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, vaultKey.Expose(), nil, info, keySize)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return chacha20poly1305.NewX(key)
}

// sealWith returns a random nonce ‖ the sealed text.
func sealWith(aead cipher.AEAD, plain, data []byte) []byte {
	nonce := secret.Random(aead.NonceSize()).Expose()
	return aead.Seal(nonce, nonce, plain, data)
}

func openWith(aead cipher.AEAD, sealed, data []byte) ([]byte, error) {
	if len(sealed) < aead.NonceSize() {
		return nil, errors.New("too short")
	}
	return aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], data)
}
