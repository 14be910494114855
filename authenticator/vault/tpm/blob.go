package tpm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
)

const blobVersion = 1

// sealed is a key under the storage root key named root.
type sealed struct {
	root    tpm2.TPM2BName
	public  tpm2.TPM2BPublic
	private tpm2.TPM2BPrivate
}

func (s sealed) encode() []byte {
	b := []byte{blobVersion}
	b = appendSized(b, s.root.Buffer)
	b = appendSized(b, s.public.Bytes())
	return appendSized(b, s.private.Buffer)
}

func decode(b []byte) (s sealed, err error) {
	if len(b) == 0 || b[0] != blobVersion {
		return s, errors.New("not a blob of this version")
	}
	rest := b[1:]
	var parts [3][]byte
	for i := range parts {
		if parts[i], rest, err = sized(rest); err != nil {
			return s, fmt.Errorf("part %d of the blob: %w", i+1, err)
		}
	}
	if len(rest) != 0 {
		return s, fmt.Errorf("%d bytes after the blob", len(rest))
	}
	s.root, s.private = tpm2.TPM2BName{Buffer: parts[0]}, tpm2.TPM2BPrivate{Buffer: parts[2]}
	s.public = tpm2.BytesAs2B[tpm2.TPMTPublic](parts[1])
	public, err := s.public.Contents()
	if err != nil {
		return s, fmt.Errorf("public area of the blob: %w", err)
	}
	if public.Type != tpm2.TPMAlgKeyedHash {
		return s, errors.New("the blob is not of sealed data")
	}
	return s, nil
}

// appendSized adds a TPM2B: two bytes of length, big-endian, and the content.
func appendSized(b, content []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(content))), content...)
}

func sized(b []byte) (content, rest []byte, err error) {
	if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
		return nil, nil, errors.New("cut short")
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	return b[2:n], b[n:], nil
}

func sameName(a, b tpm2.TPM2BName) bool { return bytes.Equal(a.Buffer, b.Buffer) }
