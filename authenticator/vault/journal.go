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
	logMagic = "CARDEA-LOG-0001\n"
	// rewrittenMagic says that the log begins with snapshots. Programs that do
	// not know them must not take it for one of theirs.
	rewrittenMagic = "CARDEA-LOG-0002\n"
	logHeadSize    = len(logMagic) + idSize
	recordHead     = 4 + 4
	recordInfo     = "cardea vault records 1"
	maxRecord      = 64 << 10
	sealOverhead   = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
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
	// waiting is what is sealed and not yet written, of a log not yet in use.
	waiting []byte
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

// createJournal puts an empty log in the place of what may be at path.
func createJournal(path string, aead cipher.AEAD) (*journal, error) {
	f, err := os.OpenFile(path+tmpSuffix, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{path: path, aead: aead}
	j.begin(f, logMagic)
	if err = j.flush(); err == nil {
		err = moveIntoPlace(path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

// begin begins a log in an empty file. Records are then added, and flushed.
func (j *journal) begin(f *os.File, magic string) {
	j.f, j.id = f, secret.Random(idSize).Expose()
	j.waiting = append([]byte(magic), j.id...)
}

// add adds a record to a log that is not yet in use. It is on the disk after
// the next flush.
func (j *journal) add(record []byte) error {
	if len(record)+sealOverhead > maxRecord {
		return fmt.Errorf("record of %d bytes is too long", len(record))
	}
	j.waiting = j.seal(j.waiting, j.count, record)
	j.count++
	if len(j.waiting) < syncSize {
		return nil
	}
	return j.flush()
}

func (j *journal) flush() error {
	if _, err := j.f.WriteAt(j.waiting, j.end); err != nil {
		return err
	}
	j.end += int64(len(j.waiting))
	j.waiting = j.waiting[:0]
	return j.f.Sync()
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

// place is the additional data of record n: which log, and where in it.
func (j *journal) place(n uint64) []byte {
	return binary.BigEndian.AppendUint64(bytes.Clone(j.id), n)
}

func (j *journal) close() { j.f.Close() }
