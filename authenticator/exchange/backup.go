package exchange

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"cardea/authenticator"
	"cardea/internal/cbor"
	"cardea/internal/secret"
)

const (
	backupMagic   = "CARDEA-BACKUP-1\n"
	backupVersion = 2
	saltSize      = 16
	maxHead       = 256
	// MaxPasskeys is how many passkeys one file may have.
	MaxPasskeys = 1 << 20
)

// ErrNotBackup says that a file is something else.
var ErrNotBackup = errors.New("not a Cardea backup")

// head is the map in front of the chunks.
type head struct {
	Version uint   `cbor:"1,keyasint"`
	Time    uint32 `cbor:"2,keyasint"`
	Memory  uint32 `cbor:"3,keyasint"`
	Threads uint8  `cbor:"4,keyasint"`
	Salt    []byte `cbor:"5,keyasint"`
}

func (h head) cost() Cost { return Cost{h.Time, h.Memory, h.Threads} }

// summary is the first record of the content.
type summary struct {
	Count uint64 `cbor:"1,keyasint"`
	Made  int64  `cbor:"2,keyasint"`
	Blobs []byte `cbor:"3,keyasint,omitempty"`
}

// WriteBackup seals a backup under a passphrase, which CheckPassphrase has to
// like.
func WriteBackup(w io.Writer, passphrase string, cost Cost, b Backup) error {
	if err := CheckPassphrase(passphrase); err != nil {
		return err
	}
	if err := writeBackup(w, passphrase, cost, b); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return nil
}

func writeBackup(w io.Writer, passphrase string, cost Cost, b Backup) error {
	if err := cost.check(); err != nil {
		return err
	}
	if len(b.Passkeys) > MaxPasskeys {
		return fmt.Errorf("%d passkeys, want at most %d", len(b.Passkeys), MaxPasskeys)
	}
	first := cbor.MustEncode(summary{uint64(len(b.Passkeys)), millis(b.Made), b.Blobs})
	if len(first) > maxRecord {
		return fmt.Errorf("large blobs of %d bytes, want at most %d", len(b.Blobs), maxRecord)
	}
	h := head{b.version(), cost.Time, cost.Memory, cost.Threads, secret.Random(saltSize).Expose()}
	encoded := cbor.MustEncode(h)
	data := binary.BigEndian.AppendUint16([]byte(backupMagic), uint16(len(encoded)))
	data = append(data, encoded...)
	aead, err := fileAEAD(passphrase, h)
	if err != nil {
		return err
	}
	if _, err := w.Write(append(bytes.Clone(data), headTag(aead, data)...)); err != nil {
		return err
	}
	s := newSealer(w, aead, data)
	if err := writeRecord(s, first); err != nil {
		return err
	}
	for _, p := range b.Passkeys {
		b, err := EncodePasskey(p)
		if err == nil {
			err = writeRecord(s, b)
		}
		clear(b)
		if err != nil {
			return err
		}
	}
	return s.Close()
}

func fileAEAD(passphrase string, h head) (cipher.AEAD, error) {
	key := h.cost().key(passphrase, h.Salt)
	defer key.Wipe()
	return chacha20poly1305.NewX(key.Expose())
}

func headTag(aead cipher.AEAD, data []byte) []byte {
	return aead.Seal(nil, nonce(headNonce, true), nil, data)
}

func writeRecord(w io.Writer, b []byte) error {
	if _, err := w.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b)))); err != nil {
		return err
	}
	_, err := w.Write(b)
	return err
}

// A Backup is what a backup holds.
type Backup struct {
	Made     time.Time
	Passkeys []authenticator.Passkey
	// Blobs is what sites have left with them, by authenticator.ExportBlobs;
	// nil for nothing.
	Blobs []byte
}

// version is the lowest that can hold b, for programs that know no other.
func (b Backup) version() uint {
	if len(b.Blobs) == 0 {
		return 1
	}
	return backupVersion
}

// ReadBackup opens a backup. It returns ErrNotBackup, ErrPassphrase or
// ErrDamaged; what it returns is whole or an error.
func ReadBackup(r io.Reader, passphrase string) (Backup, error) {
	b, err := readBackup(r, passphrase)
	if err != nil {
		return Backup{}, fmt.Errorf("reading the backup: %w", err)
	}
	return b, nil
}

func readBackup(r io.Reader, passphrase string) (Backup, error) {
	if len(passphrase) > maxPassphrase {
		return Backup{}, ErrPassphrase
	}
	h, data, err := readHead(r)
	if err != nil {
		return Backup{}, err
	}
	tag := make([]byte, tagSize)
	if _, err := io.ReadFull(r, tag); err != nil {
		return Backup{}, cutShort(err)
	}
	aead, err := fileAEAD(passphrase, h)
	if err != nil {
		return Backup{}, err
	}
	if _, err := aead.Open(nil, nonce(headNonce, true), tag, data); err != nil {
		return Backup{}, ErrPassphrase
	}
	return readContent(newOpener(r, aead, data))
}

// readHead returns the head and all that was read for it.
func readHead(r io.Reader) (h head, data []byte, err error) {
	data = make([]byte, len(backupMagic)+2)
	if _, err := io.ReadFull(r, data); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = ErrNotBackup
		}
		return h, nil, err
	}
	if string(data[:len(backupMagic)]) != backupMagic {
		return h, nil, ErrNotBackup
	}
	size := binary.BigEndian.Uint16(data[len(backupMagic):])
	if size > maxHead {
		return h, nil, ErrDamaged
	}
	encoded := make([]byte, size)
	if _, err := io.ReadFull(r, encoded); err != nil {
		return h, nil, cutShort(err)
	}
	if err := cbor.Decode(encoded, &h); err != nil {
		return h, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if h.Version == 0 || h.Version > backupVersion {
		return h, nil, fmt.Errorf("%w: of version %d, want at most %d", ErrNotBackup, h.Version, backupVersion)
	}
	if err := h.cost().check(); err != nil || len(h.Salt) != saltSize {
		return h, nil, fmt.Errorf("%w: %w", ErrDamaged, errors.Join(err, errors.New("head")))
	}
	return h, append(data, encoded...), nil
}

func readContent(r io.Reader) (Backup, error) {
	first, err := readRecord(r)
	if err != nil {
		return Backup{}, err
	}
	var sum summary
	if err := cbor.Decode(first, &sum); err != nil || sum.Count > MaxPasskeys {
		return Backup{}, fmt.Errorf("%w: what it says of itself", ErrDamaged)
	}
	b := Backup{Made: fromMillis(sum.Made), Blobs: sum.Blobs}
	for n := range sum.Count {
		encoded, err := readRecord(r)
		if err != nil {
			return Backup{}, fmt.Errorf("passkey %d of %d: %w", n+1, sum.Count, err)
		}
		p, err := DecodePasskey(encoded)
		clear(encoded)
		if err != nil {
			return Backup{}, fmt.Errorf("passkey %d of %d: %w: %w", n+1, sum.Count, ErrDamaged, err)
		}
		b.Passkeys = append(b.Passkeys, p)
	}
	switch n, err := io.Copy(io.Discard, r); {
	case err != nil:
		return Backup{}, err
	case n != 0:
		return Backup{}, fmt.Errorf("%w: more than it says", ErrDamaged)
	}
	return b, nil
}

func readRecord(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, cutShort(err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxRecord {
		return nil, ErrDamaged
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, cutShort(err)
	}
	return b, nil
}

// cutShort says of an end that comes too early that it does.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut short", ErrDamaged)
	}
	return err
}
