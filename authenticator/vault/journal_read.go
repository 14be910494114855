package vault

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"sync"
)

// batch is how much of a log one goroutine unseals at a time, in bytes.
const batch = 256 << 10

// openJournal reads the log at path, gives what each record says to take, and
// cuts off an unfinished one at the end, unless whole objects.
func openJournal(path string, aead cipher.AEAD, take func(entry) error, whole func(rewritten bool) error) (*journal, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	size := int64(len(content))
	j := &journal{path: path, aead: aead}
	if err = j.read(content, take); err == nil {
		err = whole(string(content[:len(logMagic)]) == rewrittenMagic)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if j.f, err = os.OpenFile(path, os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	if j.end != size {
		if err := j.cutTorn(content[j.end:]); err != nil {
			j.f.Close()
			return nil, err
		}
	}
	return j, nil
}

// read sets id, count and end from the content of a log. The records are
// unsealed where they lie, in several goroutines, and taken in their order.
func (j *journal) read(content []byte, take func(entry) error) error {
	sealed, err := j.index(content)
	if err != nil {
		return err
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	batches := j.batches(sealed, &workers)
	for _, b := range batches {
		<-b.done
		for n, e := range b.entries {
			if err := take(e); err != nil {
				return fmt.Errorf("record %d: %w", b.first+uint64(n), err)
			}
			j.count++
			j.end += int64(recordHead + len(b.sealed[n]))
		}
		last := j.count == uint64(len(sealed))-1 && int(j.end)+recordHead+len(sealed[len(sealed)-1]) == len(content)
		if b.err != nil && !(last && errors.Is(b.err, errSeal)) {
			return fmt.Errorf("record %d: %w", j.count, b.err)
		} // whole in length, not in content, and the last: torn
		b.entries = nil
	}
	return nil
}

// index sets id, and returns the sealed parts of the records in content.
func (j *journal) index(content []byte) (sealed [][]byte, err error) {
	magic := content[:min(len(content), len(logMagic))]
	if len(content) < logHeadSize || string(magic) != logMagic && string(magic) != rewrittenMagic {
		return nil, errors.New("not a log of passkeys")
	}
	j.id = bytes.Clone(content[len(logMagic):logHeadSize])
	j.end = int64(logHeadSize)
	for rest := content[logHeadSize:]; len(rest) != 0; {
		s, err := nextSealed(rest)
		if errors.Is(err, errTorn) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", len(sealed), err)
		}
		sealed = append(sealed, s)
		rest = rest[recordHead+len(s):]
	}
	return sealed, nil
}

// A readBatch is some records that follow each other.
type readBatch struct {
	first   uint64
	sealed  [][]byte
	done    chan struct{} // closed when what follows is there
	entries []entry
	err     error // what ended it before its last record
}

// batches has the records unsealed and decoded.
func (j *journal) batches(sealed [][]byte, workers *sync.WaitGroup) []*readBatch {
	var all []*readBatch
	for n := 0; n < len(sealed); {
		b := &readBatch{first: uint64(n), done: make(chan struct{})}
		for size := 0; n < len(sealed) && size < batch; n++ {
			size += len(sealed[n])
			b.sealed = append(b.sealed, sealed[n])
		}
		all = append(all, b)
	}
	queue := make(chan *readBatch, len(all))
	for _, b := range all {
		queue <- b
	}
	close(queue)
	for range min(runtime.GOMAXPROCS(0), len(all)) {
		workers.Go(func() {
			for b := range queue {
				j.decode(b, uint64(len(sealed))-1)
				close(b.done)
			}
		})
	}
	return all
}

// errSeal says that a record does not open.
var errSeal = errors.New("not what was written")

// decode fills the entries of a batch. All records but the last are unsealed in
// place; that one may be torn, and is kept as it is.
func (j *journal) decode(b *readBatch, last uint64) {
	b.entries = make([]entry, 0, len(b.sealed))
	for i, s := range b.sealed {
		n := b.first + uint64(i)
		nonce, text := s[:j.aead.NonceSize()], s[j.aead.NonceSize():]
		into := text[:0]
		if n == last {
			into = nil
		}
		plain, err := j.aead.Open(into, nonce, text, j.place(n))
		if err != nil {
			b.err = errSeal
			return
		}
		e, err := decodeEntry(plain)
		if err != nil {
			b.err = err
			return
		}
		b.entries = append(b.entries, e)
	}
}

// errTorn says that a record was begun and not finished.
var errTorn = errors.New("unfinished")

// nextSealed returns the sealed part of the first record in b, not yet
// authenticated. The length has a checksum of its own, because a wrong one
// would make the rest of the log look like one unfinished record.
func nextSealed(b []byte) ([]byte, error) {
	if len(b) < recordHead || b[0] == 0 && len(bytes.Trim(b, "\x00")) == 0 {
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
