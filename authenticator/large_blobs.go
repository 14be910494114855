package authenticator

import (
	"bytes"
	"context"
	"crypto/sha256"

	"cardea/ctap"
	"cardea/ctap/pinuv"
)

const (
	maxLargeBlobs = 16 << 10
	// maxMessageHID is what fits into CTAPHID packets (CTAP §11.2.4).
	maxMessageHID = 7609
	maxFragment   = maxMessageHID - 64
	blobHashSize  = 16
	minLargeBlobs = 1 + blobHashSize
)

// emptyLargeBlobs is an empty array and LEFT(SHA-256 of it, 16)
// (CTAP §6.10.1).
func emptyLargeBlobs() []byte {
	sum := sha256.Sum256([]byte{0x80})
	return append([]byte{0x80}, sum[:blobHashSize]...)
}

// upload is an array of which not all fragments have come.
type upload struct {
	caller Caller
	length uint
	got    []byte
}

// largeBlobs is authenticatorLargeBlobs (CTAP §6.10.2).
func (v *visit) largeBlobs(ctx context.Context, r ctap.LargeBlobsRequest, u *upload) (any, error) {
	if (r.Get == nil) == (r.Set == nil) {
		return nil, ctap.InvalidParameter
	}
	if r.Get != nil {
		return v.getLargeBlobs(ctx, r)
	}
	return nil, v.setLargeBlobs(ctx, r, u)
}

func (v *visit) getLargeBlobs(ctx context.Context, r ctap.LargeBlobsRequest) (any, error) {
	switch {
	case r.Length != nil, r.PinUvAuthParam != nil, r.PinUvAuthProtocol != 0:
		return nil, ctap.InvalidParameter
	case *r.Get > maxFragment:
		return nil, ctap.InvalidLength
	}
	if err := v.unlock(ctx, ""); err != nil {
		return nil, err
	}
	blobs, err := v.a.keys.Note(ctx, noteLargeBlobs)
	if err != nil {
		return nil, vaultStatus("reading large blobs", err)
	}
	if len(blobs) == 0 {
		blobs = emptyLargeBlobs()
	}
	if r.Offset > uint(len(blobs)) {
		return nil, ctap.InvalidParameter
	}
	blobs = blobs[r.Offset:]
	return ctap.LargeBlobsResponse{Config: append([]byte{}, blobs[:min(uint(len(blobs)), *r.Get)]...)}, nil
}

func (v *visit) setLargeBlobs(ctx context.Context, r ctap.LargeBlobsRequest, u *upload) error {
	if len(r.Set) > maxFragment {
		return ctap.InvalidLength
	}
	u, err := v.place(r, u)
	if err != nil {
		return err
	}
	if err := v.mayWriteBlobs(r); err != nil {
		return err
	}
	if uint(len(u.got)+len(r.Set)) > u.length {
		return ctap.InvalidParameter
	}
	u.got = append(u.got, r.Set...)
	if uint(len(u.got)) < u.length {
		v.a.upload = u
		return nil
	}
	body, sum := u.got[:u.length-blobHashSize], u.got[u.length-blobHashSize:]
	if want := sha256.Sum256(body); !bytes.Equal(want[:blobHashSize], sum) {
		return ctap.IntegrityFailure
	}
	if err := v.unlock(ctx, ""); err != nil {
		return err
	}
	return vaultStatus("writing large blobs", v.a.keys.SetNote(ctx, noteLargeBlobs, u.got))
}

// place finds out to which upload a fragment belongs.
func (v *visit) place(r ctap.LargeBlobsRequest, u *upload) (*upload, error) {
	if r.Offset != 0 {
		switch {
		case r.Length != nil:
			return nil, ctap.InvalidParameter
		case u == nil || u.caller != v.caller || r.Offset != uint(len(u.got)):
			return nil, ctap.InvalidSeq
		}
		return u, nil
	}
	switch {
	case r.Length == nil:
		return nil, ctap.InvalidParameter
	case *r.Length > maxLargeBlobs:
		return nil, ctap.LargeBlobStorageFull
	case *r.Length < minLargeBlobs:
		return nil, ctap.InvalidParameter
	}
	return &upload{caller: v.caller, length: *r.Length}, nil
}

func (v *visit) mayWriteBlobs(r ctap.LargeBlobsRequest) error {
	if !v.protected() && !v.a.settings().AlwaysUV {
		return nil
	}
	switch {
	case r.PinUvAuthParam == nil:
		return ctap.PUATRequired
	case r.PinUvAuthProtocol == 0:
		return ctap.MissingParameter
	case !pinuv.Protocol(r.PinUvAuthProtocol).Known():
		return ctap.InvalidParameter
	}
	return v.prove(proof{
		param: r.PinUvAuthParam, protocol: r.PinUvAuthProtocol,
		message: r.Authenticated(sha256.Sum256(r.Set)), permission: ctap.PermitLargeBlobWrite,
	})
}
