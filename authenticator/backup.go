package authenticator

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"cardea/internal/cbor"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// Of what a security key keeps beside its passkeys a backup has what sites left
// with them. It has not the rules that somebody set for this key, nor the fingers
// of its sensor, nor the token and the identifier by which programs know it: a
// copy of it would be taken for it.

// backedUp is what sites have left, in a backup.
type backedUp struct {
	Array []byte `cbor:"1,keyasint,omitempty"` // of the command largeBlobs
	// Blobs are those of the extension largeBlob, by credential ID.
	Blobs map[cbor.ByteString]blob `cbor:"2,keyasint,omitempty"`
}

// ExportBlobs returns the large blobs of a vault as ImportBlobs reads them, at
// most 60 KB; nil if there are none. Those of the command are sealed by keys of
// their passkeys.
func ExportBlobs(ctx context.Context, v PINVault) ([]byte, error) {
	var b backedUp
	var err error
	if b.Array, err = v.Note(ctx, noteLargeBlobs); err != nil {
		return nil, fmt.Errorf("reading large blobs: %w", err)
	}
	if b.Blobs, err = allBlobs(ctx, v); err != nil {
		return nil, fmt.Errorf("reading large blobs: %w", err)
	}
	if len(b.Array) <= minLargeBlobs && len(b.Blobs) == 0 {
		return nil, nil
	}
	return cbor.Encode(b)
}

// ImportBlobs brings in the large blobs whose passkeys are in the vault and have
// none there. What there is no room for is left out.
func ImportBlobs(ctx context.Context, v PINVault, exported []byte) error {
	var b backedUp
	if err := cbor.Decode(exported, &b); err != nil {
		return fmt.Errorf("large blobs: %w", err)
	}
	if err := importArray(ctx, v, b.Array); err != nil {
		return fmt.Errorf("large blobs: %w", err)
	}
	if err := importBlobs(ctx, v, b.Blobs); err != nil {
		return fmt.Errorf("large blobs: %w", err)
	}
	return nil
}

func allBlobs(ctx context.Context, v PINVault) (map[cbor.ByteString]blob, error) {
	sizes, err := readBlobSizes(ctx, v)
	if err != nil {
		return nil, err
	}
	all := make(map[cbor.ByteString]blob, len(sizes))
	for id := range sizes {
		b, given, err := readBlob(ctx, v, webauthn.CredentialID(id))
		if err != nil {
			return nil, err
		}
		if given {
			all[id] = b
		}
	}
	return all, nil
}

func importBlobs(ctx context.Context, v PINVault, incoming map[cbor.ByteString]blob) error {
	here, err := readBlobSizes(ctx, v)
	if err != nil {
		return err
	}
	for id, b := range incoming {
		_, given := here[id]
		_, err := v.Find(ctx, webauthn.CredentialID(id))
		switch {
		case errors.Is(err, ErrNoPasskey), given, len(b.Data) > maxLargeBlob:
			continue
		case err != nil:
			return err
		}
		if _, err := writeBlob(ctx, v, webauthn.CredentialID(id), b); err != nil {
			return err
		}
	}
	return nil
}

// importArray adds to the array here what opens with the key of a passkey for
// which nothing is in it.
func importArray(ctx context.Context, v PINVault, array []byte) error {
	incoming, err := elements(array)
	if err != nil || len(incoming) == 0 {
		return err
	}
	kept, err := v.Note(ctx, noteLargeBlobs)
	if err != nil {
		return err
	}
	here, err := elements(kept)
	if err != nil {
		return err
	}
	passkeys, err := v.Passkeys(ctx, "")
	if err != nil {
		return err
	}
	size := len(kept)
	for _, p := range passkeys {
		if p.LargeBlobKey.Len() == 0 || opened(here, p.LargeBlobKey) != nil {
			continue
		}
		if e := opened(incoming, p.LargeBlobKey); e != nil && size+len(e)+minLargeBlobs+arrayHead <= maxLargeBlobs {
			here, size = append(here, e), size+len(e)
		}
	}
	body := cbor.MustEncode(here)
	sum := sha256.Sum256(body)
	return v.SetNote(ctx, noteLargeBlobs, append(body, sum[:blobHashSize]...))
}

// arrayHead is what the head of a longer array takes more.
const arrayHead = 4

// elements are those of a serialized large-blob array. One that some client has
// written otherwise has none that could be told apart.
func elements(array []byte) (all []cbor.Raw, err error) {
	all = []cbor.Raw{}
	if len(array) <= minLargeBlobs {
		return all, nil
	}
	return all, cbor.Decode(array[:len(array)-blobHashSize], &all)
}

// opened returns the element that a key opens (CTAP §6.10.3), or nil.
func opened(all []cbor.Raw, key secret.Key) cbor.Raw {
	block, err := aes.NewCipher(key.Expose())
	if err != nil {
		return nil
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil
	}
	for _, raw := range all {
		var e struct {
			Ciphertext []byte `cbor:"1,keyasint"`
			Nonce      []byte `cbor:"2,keyasint"`
			Size       uint64 `cbor:"3,keyasint"`
		}
		if cbor.Decode(raw, &e) != nil || len(e.Nonce) != aead.NonceSize() {
			continue
		}
		about := binary.LittleEndian.AppendUint64([]byte("blob"), e.Size)
		if plain, err := aead.Open(nil, e.Nonce, e.Ciphertext, about); err == nil {
			clear(plain)
			return raw
		}
	}
	return nil
}
