package vault

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"

	"golang.org/x/crypto/chacha20poly1305"

	"cardea/internal/secret"
)

const (
	logMagic     = "CARDEA-LOG-0001\n"
	logHeadSize  = len(logMagic) + idSize
	recordHead   = 4 + 4
	recordInfo   = "cardea vault records 1"
	maxRecord    = 64 << 10
	sealOverhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A journal is the log of sealed records. It knows nothing of what they say.
type journal struct {
	f     *os.File
	path  string
	aead  cipher.AEAD
	id    []byte
	count uint64 // records in it
	end   int64  // where the next one goes
	// broken is why nothing can be written any more: after a failed sync
	// nobody knows what is on the disk.
	broken error
}

func recordAEAD(vaultKey secret.Key) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, vaultKey.Expose(), nil, recordInfo, keySize)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return chacha20poly1305.NewX(key)
}

// createJournal writes a log with the given records in the place of what may
// be at path.
func createJournal(path string, aead cipher.AEAD, records [][]byte) (*journal, error) {
	j := &journal{path: path, aead: aead, id: secret.Random(idSize).Expose()}
	content := append([]byte(logMagic), j.id...)
	for _, r := range records {
		content = j.seal(content, j.count, r)
		j.count++
	}
	j.end = int64(len(content))
	f, err := createAside(path, content)
	if err != nil {
		return nil, err
	}
	if err := moveIntoPlace(path); err != nil {
		f.Close()
		return nil, err
	}
	j.f = f
	return j, nil
}

// openJournal reads the log at path, gives each record to each, and cuts off an
// unfinished one at the end.
func openJournal(path string, aead cipher.AEAD, each func(record []byte) error) (*journal, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	j := &journal{path: path, aead: aead}
	if err := j.read(content, each); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if j.f, err = os.OpenFile(path, os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	if torn := content[j.end:]; len(torn) != 0 {
		if err := j.cutTorn(torn); err != nil {
			j.f.Close()
			return nil, err
		}
	}
	return j, nil
}

// read sets id, count and end from the content of a log.
func (j *journal) read(content []byte, each func(record []byte) error) error {
	rest, ok := bytes.CutPrefix(content, []byte(logMagic))
	if !ok || len(rest) < idSize {
		return errors.New("not a log of passkeys")
	}
	j.id, rest = bytes.Clone(rest[:idSize]), rest[idSize:]
	j.end = int64(logHeadSize)
	for len(rest) != 0 {
		sealed, err := nextSealed(rest)
		if errors.Is(err, errTorn) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("record %d: %w", j.count, err)
		}
		size := recordHead + len(sealed)
		plain, err := j.unseal(j.count, sealed)
		if err != nil && len(rest) == size {
			return nil // whole in length, not in content, and the last: torn
		}
		if err != nil {
			return fmt.Errorf("record %d: %w", j.count, err)
		}
		err = each(plain)
		clear(plain)
		if err != nil {
			return fmt.Errorf("record %d: %w", j.count, err)
		}
		rest = rest[size:]
		j.count++
		j.end += int64(size)
	}
	return nil
}

// errTorn says that a record was begun and not finished.
var errTorn = errors.New("unfinished")

// nextSealed returns the sealed part of the first record in b, not yet
// authenticated. The length has a checksum of its own, because a wrong one
// would make the rest of the log look like one unfinished record.
func nextSealed(b []byte) ([]byte, error) {
	if len(b) < recordHead || len(bytes.Trim(b, "\x00")) == 0 {
		return nil, errTorn // zeros: the file grew and its content did not come
	}
	length := binary.BigEndian.Uint32(b)
	if crc32.Checksum(b[:4], castagnoli) != binary.BigEndian.Uint32(b[4:]) {
		return nil, errors.New("length does not match its checksum")
	}
	if length < sealOverhead || length > maxRecord {
		return nil, fmt.Errorf("length of %d bytes", length)
	}
	b = b[recordHead:]
	if uint64(len(b)) < uint64(length) {
		return nil, errTorn
	}
	return b[:length], nil
}

// cutTorn removes the unfinished end, keeping a copy beside the log: if it was
// damage after all, somebody may want to look.
func (j *journal) cutTorn(torn []byte) error {
	if err := replaceFile(j.path+tornSuffix, torn); err != nil {
		return fmt.Errorf("keeping the unfinished record: %w", err)
	}
	if err := j.f.Truncate(j.end); err != nil {
		return fmt.Errorf("cutting the unfinished record: %w", err)
	}
	return j.f.Sync()
}

// append adds a record. When it returns nil, the record is on the disk.
func (j *journal) append(record []byte) error {
	if j.broken != nil {
		return j.broken
	}
	if len(record)+sealOverhead > maxRecord {
		return fmt.Errorf("record of %d bytes is too long", len(record))
	}
	b := j.seal(nil, j.count, record)
	if _, err := j.f.WriteAt(b, j.end); err != nil {
		// A full disk may have taken a part. Take it back, so that the next
		// record does not stand behind half of this one.
		if cut := j.f.Truncate(j.end); cut != nil {
			j.broken = fmt.Errorf("log cannot be repaired: %w", cut)
		}
		return err
	}
	if err := j.f.Sync(); err != nil {
		j.broken = fmt.Errorf("log was not synced: %w", err)
		return j.broken
	}
	j.end += int64(len(b))
	j.count++
	return nil
}

// checkInPlace sees whether the file we append to is still the one that will be
// read next time. If another was moved into its place, what is appended here
// would be lost, and must fail instead.
func (j *journal) checkInPlace() {
	named, err := os.Stat(j.path)
	if err == nil {
		var ours os.FileInfo
		if ours, err = j.f.Stat(); err == nil && !os.SameFile(named, ours) {
			err = errors.New("another log stands in its place")
		}
	}
	if err != nil {
		j.broken = fmt.Errorf("log was replaced: %w", err)
	}
}

// seal appends the record that will be number n to b.
func (j *journal) seal(b []byte, n uint64, plain []byte) []byte {
	length := binary.BigEndian.AppendUint32(nil, uint32(len(plain)+sealOverhead))
	b = append(b, length...)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(length, castagnoli))
	nonce := secret.Random(j.aead.NonceSize()).Expose()
	b = append(b, nonce...)
	return j.aead.Seal(b, nonce, plain, j.place(n))
}

func (j *journal) unseal(n uint64, sealed []byte) ([]byte, error) {
	nonce, sealed := sealed[:j.aead.NonceSize()], sealed[j.aead.NonceSize():]
	plain, err := j.aead.Open(nil, nonce, sealed, j.place(n))
	if err != nil {
		return nil, errors.New("not what was written")
	}
	return plain, nil
}

// place is the additional data of record n: which log, and where in it.
func (j *journal) place(n uint64) []byte {
	return binary.BigEndian.AppendUint64(bytes.Clone(j.id), n)
}

func (j *journal) close() { j.f.Close() }
