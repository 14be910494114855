package authenticator

import (
	"context"
	"errors"

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
	// maxAllLargeBlobs is what all of them may have together, IDs included: a
	// note of a vault is one record.
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

// blobs are all that is kept, by credential ID.
type blobs map[cbor.ByteString]blob

func (v *visit) blobs(ctx context.Context) (blobs, error) { return readBlobs(ctx, v.a.keys) }

// fit reports whether there is room for them.
func (all blobs) fit() bool { return len(cbor.MustEncode(all)) <= maxAllLargeBlobs }

func readBlobs(ctx context.Context, v PINVault) (all blobs, err error) {
	b, err := v.Note(ctx, noteBlobs)
	if err != nil || len(b) == 0 {
		return blobs{}, err
	}
	return all, cbor.Decode(b, &all)
}

func (v *visit) keepBlobs(ctx context.Context, all blobs) error {
	return writeBlobs(ctx, v.a.keys, all)
}

// writeBlobs writes them all, but those of passkeys that are no longer there.
func writeBlobs(ctx context.Context, v PINVault, all blobs) error {
	for id := range all {
		_, err := v.Find(ctx, webauthn.CredentialID(id))
		if errors.Is(err, ErrNoPasskey) {
			delete(all, id)
		} else if err != nil {
			return err
		}
	}
	return v.SetNote(ctx, noteBlobs, cbor.MustEncode(all))
}

// dropBlob removes what was kept for a passkey that is gone.
func (v *visit) dropBlob(ctx context.Context, id webauthn.CredentialID) error {
	all, err := v.blobs(ctx)
	if _, kept := all[cbor.ByteString(id)]; err != nil || !kept {
		return err
	}
	return v.keepBlobs(ctx, all)
}

// blobOutput does what a getAssertion by p asks for, and returns the unsigned
// output: nil if there is nothing to read.
func (v *visit) blobOutput(ctx context.Context, in *blobInput, p Passkey) (any, error) {
	if in == nil {
		return nil, nil
	}
	all, err := v.blobs(ctx)
	if err != nil {
		return nil, vaultStatus("reading large blobs", err)
	}
	id := cbor.ByteString(p.ID)
	if in.write == nil {
		if kept, given := all[id]; given {
			return kept, nil
		}
		return nil, nil
	}
	all[id] = *in.write
	fits := len(in.write.Data) <= maxLargeBlob && all.fit()
	if fits {
		if err := v.keepBlobs(ctx, all); err != nil {
			return nil, vaultStatus("writing a large blob", err)
		}
	}
	return map[string]bool{"written": fits}, nil
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
