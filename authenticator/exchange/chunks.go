package exchange

import (
	"bufio"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	keySize   = chacha20poly1305.KeySize
	chunkSize = 64 << 10
	tagSize   = chacha20poly1305.Overhead
)

// ErrDamaged says that a backup is not what was written: changed, cut short or
// added to.
var ErrDamaged = errors.New("backup is damaged")

// nonce is that of chunk n. The number of the tag over the head is no chunk's.
func nonce(n uint64, last bool) []byte {
	b := make([]byte, 15, chacha20poly1305.NonceSizeX)
	b = binary.BigEndian.AppendUint64(b, n)
	if last {
		return append(b, 1)
	}
	return append(b, 0)
}

const headNonce = 1<<64 - 1

// A sealer cuts what is written into chunks. Close writes the last one, which
// is never empty unless nothing was written.
type sealer struct {
	w    io.Writer
	aead cipher.AEAD
	data []byte // additional data
	n    uint64
	part []byte
}

func newSealer(w io.Writer, aead cipher.AEAD, data []byte) *sealer {
	return &sealer{w: w, aead: aead, data: data, part: make([]byte, 0, chunkSize)}
}

func (s *sealer) Write(b []byte) (written int, err error) {
	for len(b) > 0 {
		// A full chunk waits until there is more: it may be the last.
		if len(s.part) == chunkSize {
			if err := s.seal(false); err != nil {
				return written, err
			}
		}
		took := copy(s.part[len(s.part):chunkSize], b)
		s.part = s.part[:len(s.part)+took]
		b, written = b[took:], written+took
	}
	return written, nil
}

func (s *sealer) Close() error { return s.seal(true) }

func (s *sealer) seal(last bool) error {
	sealed := s.aead.Seal(nil, nonce(s.n, last), s.part, s.data)
	clear(s.part)
	s.part = s.part[:0]
	s.n++
	_, err := s.w.Write(sealed)
	return err
}

// An opener reads what a sealer wrote. It ends with io.EOF after the chunk
// that is marked as the last, and only there.
type opener struct {
	r    *bufio.Reader
	aead cipher.AEAD
	data []byte
	n    uint64
	part []byte // opened and not yet read
	done bool
}

func newOpener(r io.Reader, aead cipher.AEAD, data []byte) *opener {
	return &opener{r: bufio.NewReaderSize(r, chunkSize), aead: aead, data: data}
}

func (o *opener) Read(b []byte) (int, error) {
	for len(o.part) == 0 {
		if o.done {
			return 0, io.EOF
		}
		if err := o.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, o.part)
	clear(o.part[:n])
	o.part = o.part[n:]
	return n, nil
}

func (o *opener) next() error {
	sealed := make([]byte, chunkSize+tagSize)
	n, err := io.ReadFull(o.r, sealed)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		o.done = true
	case err != nil:
		return err
	default:
		if _, err := o.r.Peek(1); errors.Is(err, io.EOF) {
			o.done = true
		}
	}
	o.part, err = o.aead.Open(sealed[:0], nonce(o.n, o.done), sealed[:n], o.data)
	if err != nil {
		return ErrDamaged
	}
	o.n++
	return nil
}
