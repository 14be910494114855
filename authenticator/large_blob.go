package authenticator

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"

	"cardea/ctap"
	"cardea/internal/cbor"
	"cardea/webauthn"
)

// largeBlob is the extension of CTAP 2.3 by which a site leaves a few kilobytes
// with a passkey, in getAssertion itself and not sealed by the client (CTAP
// §12.4). An authenticator has it or largeBlobKey with the command largeBlobs,
// never both.

const (
	// maxLargeBlob is what one passkey may have: a response with it fits into
	// CTAPHID.
	maxLargeBlob = 4 << 10
	// maxAllLargeBlobs is what all of them may have together: a backup carries
	// them in one record.
	maxAllLargeBlobs = 40 << 10
)

// Values of support.
const (
	largeBlobPreferred = "preferred"
	largeBlobRequired  = "required"
)

// blobInput is the input of getAssertion: either a read or a write.
type blobInput struct {
	write *blob // nil for a read
}

// blob is what is kept for a passkey. The client has compressed it, and tells
// the size it had before.
type blob struct {
	Data         []byte `cbor:"blob"`
	OriginalSize uint64 `cbor:"originalSize"`
}

// makesBlob reads the input of makeCredential.
func makesBlob(inputs map[string]cbor.Raw) (wanted bool, err error) {
	members, given, err := input[map[string]cbor.Raw](inputs, extLargeBlob)
	if err != nil || !given {
		return false, err
	}
	support, given, err := input[string](members, "support")
	switch {
	case err != nil:
		return false, err
	case !given:
		return false, ctap.MissingParameter
	case support != largeBlobPreferred && support != largeBlobRequired:
		return false, ctap.InvalidOption
	}
	return true, nil
}

// readsBlob reads the input of getAssertion, or returns nil if there is none. A
// write is for one passkey, which the client has to name.
func readsBlob(r ctap.GetAssertionRequest, present bool) (*blobInput, error) {
	members, given, err := input[map[string]cbor.Raw](r.Extensions, extLargeBlob)
	if err != nil || !given {
		return nil, err
	}
	read, reads, err := input[bool](members, "read")
	if err != nil {
		return nil, err
	}
	data, writes, err := input[[]byte](members, "write")
	if err != nil {
		return nil, err
	}
	size, sized, err := input[uint64](members, "originalSize")
	switch {
	case err != nil:
		return nil, err
	case reads == writes, writes != sized, reads && !read, writes && len(r.AllowList) != 1:
		return nil, ctap.InvalidParameter
	case !present: // as with hmac-secret: nothing is given away in silence
		return nil, ctap.UnsupportedOption
	case reads:
		return &blobInput{}, nil
	}
	return &blobInput{write: &blob{data, size}}, nil
}

// blobSizes are how many bytes are kept for whom, by credential ID. The blobs
// themselves are a note each: all in one would not fit into a note.
type blobSizes map[cbor.ByteString]uint

// blobNote is the name of the note of one passkey. An ID may be long, and a
// name is text.
func blobNote(id webauthn.CredentialID) string {
	sum := sha256.Sum256(id)
	return noteBlobs + "/" + base64.RawURLEncoding.EncodeToString(sum[:])
}

func readBlobSizes(ctx context.Context, v PINVault) (sizes blobSizes, err error) {
	b, err := v.Note(ctx, noteBlobSizes)
	if err != nil || len(b) == 0 {
		return blobSizes{}, err
	}
	return sizes, cbor.Decode(b, &sizes)
}

// dropBlob removes what was kept for a passkey that is gone.
func (v *visit) dropBlob(ctx context.Context, id webauthn.CredentialID) error {
	sizes, err := readBlobSizes(ctx, v.a.keys)
	if _, kept := sizes[cbor.ByteString(id)]; err != nil || !kept {
		return err
	}
	return forgetBlob(ctx, v.a.keys, sizes, id)
}

// forgetBlob empties the note first: one that no size tells of would stay.
func forgetBlob(ctx context.Context, v PINVault, sizes blobSizes, id webauthn.CredentialID) error {
	if err := v.SetNote(ctx, blobNote(id), nil); err != nil {
		return err
	}
	delete(sizes, cbor.ByteString(id))
	return v.SetNote(ctx, noteBlobSizes, cbor.MustEncode(sizes))
}

// sweepBlobs removes what was kept for passkeys that were deleted elsewhere.
func sweepBlobs(ctx context.Context, v PINVault, sizes blobSizes) error {
	for id := range sizes {
		_, err := v.Find(ctx, webauthn.CredentialID(id))
		if errors.Is(err, ErrNoPasskey) {
			err = forgetBlob(ctx, v, sizes, webauthn.CredentialID(id))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// blobOutput does what a getAssertion by p asks for, and returns the unsigned
// output: nil if there is nothing to read. A write that the vault has no room
// for, or cannot do, is told as such (CTAP §12.4): the person signs in all the
// same.
func (v *visit) blobOutput(ctx context.Context, in *blobInput, p Passkey) (any, error) {
	if in == nil {
		return nil, nil
	}
	if in.write == nil {
		kept, given, err := readBlob(ctx, v.a.keys, p.ID)
		if err != nil || !given {
			return nil, vaultStatus("reading a large blob", err)
		}
		return kept, nil
	}
	written := len(in.write.Data) <= maxLargeBlob
	if written {
		var err error
		if written, err = writeBlob(ctx, v.a.keys, p.ID, *in.write); err != nil {
			v.a.log.LogAttrs(ctx, slog.LevelWarn, "writing a large blob", slog.Any("error", err))
			written = false
		}
	}
	return map[string]bool{"written": written}, nil
}

func readBlob(ctx context.Context, v PINVault, id webauthn.CredentialID) (kept blob, given bool, err error) {
	b, err := v.Note(ctx, blobNote(id))
	if err != nil || len(b) == 0 {
		return blob{}, false, err
	}
	return kept, true, cbor.Decode(b, &kept)
}

// writeBlob reports whether there was room. The size is written first: a blob
// that is not counted could not be swept.
func writeBlob(ctx context.Context, v PINVault, id webauthn.CredentialID, b blob) (written bool, err error) {
	sizes, err := readBlobSizes(ctx, v)
	if err != nil {
		return false, err
	}
	if err := sweepBlobs(ctx, v, sizes); err != nil {
		return false, err
	}
	total := uint(len(b.Data))
	for of, size := range sizes {
		if of != cbor.ByteString(id) {
			total += size
		}
	}
	if total > maxAllLargeBlobs {
		return false, nil
	}
	sizes[cbor.ByteString(id)] = uint(len(b.Data))
	if err := v.SetNote(ctx, noteBlobSizes, cbor.MustEncode(sizes)); err != nil {
		return false, err
	}
	return true, v.SetNote(ctx, blobNote(id), cbor.MustEncode(b))
}

// withBlob adds the output of largeBlob to the unsigned ones.
func withBlob(unsigned map[string]cbor.Raw, output any) map[string]cbor.Raw {
	if output == nil {
		return unsigned
	}
	if unsigned == nil {
		unsigned = map[string]cbor.Raw{}
	}
	unsigned[extLargeBlob] = cbor.MustEncode(output)
	return unsigned
}
