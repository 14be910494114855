package authenticator_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/ctap/pinuv"
)

// emptyBlobs is the published initial value, which OpenSK and trussed's
// fido-authenticator have as well.
const emptyBlobs = "8076be8b528d0075f7aae98d6fa57a6d3c"

func blobArray(n int) []byte {
	body := bytes.Repeat([]byte{0x41}, n)
	sum := sha256.Sum256(body)
	return append(body, sum[:16]...)
}

func (r keyRig) getBlobs(offset, n uint) ([]byte, error) {
	got, err := ctap.LargeBlobs(r.Context(), r.device(), ctap.LargeBlobsRequest{Get: &n, Offset: offset})
	return got.Config, err
}

func (r keyRig) setBlobs(offset uint, length uint, fragment []byte, prove *pinuv.Token) error {
	request := ctap.LargeBlobsRequest{Set: fragment, Offset: offset}
	if length != 0 {
		request.Length = &length
	}
	if prove != nil {
		request.PinUvAuthProtocol, request.PinUvAuthParam = 2, prove.Authenticate(request.Authenticated(sha256.Sum256(fragment)))
	}
	_, err := ctap.LargeBlobs(r.Context(), r.device(), request)
	return err
}

func TestLargeBlobsAreWrittenInPartsAndAtOnce(t *testing.T) {
	t.Parallel()
	r := newKeyRig(t)
	got, err := r.getBlobs(0, 1024)
	r.must(err)
	if hex.EncodeToString(got) != emptyBlobs {
		t.Errorf("a new key has %x", got)
	}
	whole := blobArray(9000)
	r.must(r.setBlobs(0, uint(len(whole)), whole[:5000], nil))
	if got, err := r.getBlobs(0, 1024); err != nil || hex.EncodeToString(got) != emptyBlobs {
		t.Errorf("half of it shows: %x, %v", got, err)
	}
	// That get has ended the upload.
	wantStatus(t, r.setBlobs(5000, 0, whole[5000:], nil), ctap.InvalidSeq)
	r.must(r.setBlobs(0, uint(len(whole)), whole[:5000], nil))
	r.must(r.setBlobs(5000, 0, whole[5000:], nil))
	first, err := r.getBlobs(0, 7000)
	r.must(err)
	rest, err := r.getBlobs(7000, 7000)
	r.must(err)
	if !bytes.Equal(append(first, rest...), whole) {
		t.Error("another array came back")
	}
	if end, err := r.getBlobs(uint(len(whole)), 10); err != nil || len(end) != 0 {
		t.Errorf("at the end: %x, %v", end, err)
	}
	_, err = r.getBlobs(uint(len(whole))+1, 10)
	wantStatus(t, err, ctap.InvalidParameter)
	_, err = r.getBlobs(0, 7609)
	wantStatus(t, err, ctap.InvalidLength)
	r.must(ctap.Reset(t.Context(), r.device()))
	if got, err := r.getBlobs(0, 1024); err != nil || hex.EncodeToString(got) != emptyBlobs {
		t.Errorf("after reset: %x, %v", got, err)
	}
}

func TestLargeBlobRefusals(t *testing.T) {
	t.Parallel()
	r := newKeyRig(t)
	whole := blobArray(100)
	n := uint(len(whole))
	bad := bytes.Clone(whole)
	bad[0] ^= 1
	for _, tt := range []struct {
		name     string
		offset   uint
		length   uint
		fragment []byte
		want     ctap.Status
	}{
		{"no length", 0, 0, whole, ctap.InvalidParameter},
		{"16 bytes", 0, 16, whole[:16], ctap.InvalidParameter},
		{"larger than told", 0, 16<<10 + 1, whole, ctap.LargeBlobStorageFull},
		{"more than announced", 0, n - 1, whole, ctap.InvalidParameter},
		{"wrong hash", 0, n, bad, ctap.IntegrityFailure},
		{"not begun", 10, 0, whole, ctap.InvalidSeq},
		{"length later", 10, n, whole, ctap.InvalidParameter},
		{"fragment too long", 0, 16 << 10, make([]byte, 7546), ctap.InvalidLength},
	} {
		if wantStatus(t, r.setBlobs(tt.offset, tt.length, tt.fragment, nil), tt.want); t.Failed() {
			t.Fatal(tt.name)
		}
	}
	r.must(r.setBlobs(0, n, whole[:50], nil))
	wantStatus(t, r.setBlobs(51, 0, whole[51:], nil), ctap.InvalidSeq)
	r.must(r.setBlobs(0, n, whole[:50], nil))
	other := ctap.LargeBlobsRequest{Set: whole[50:], Offset: 50}
	elsewhere := authtest.Local
	elsewhere.Channel = 2
	_, err := ctap.LargeBlobs(t.Context(), r.a.Device(elsewhere), other)
	wantStatus(t, err, ctap.InvalidSeq)
	one := uint(1)
	for _, request := range []ctap.LargeBlobsRequest{
		{}, {Get: &one, Set: []byte{1}}, {Get: &one, Length: &one}, {Get: &one, PinUvAuthParam: []byte{1}}, {Get: &one, PinUvAuthProtocol: 1},
	} {
		_, err := ctap.LargeBlobs(t.Context(), r.device(), request)
		wantStatus(t, err, ctap.InvalidParameter)
	}
	if got, err := r.getBlobs(0, 1024); err != nil || hex.EncodeToString(got) != emptyBlobs {
		t.Errorf("afterwards: %x, %v", got, err)
	}
}

func TestAProtectedKeyWantsProofForLargeBlobs(t *testing.T) {
	t.Parallel()
	r := withPIN(t)
	whole := blobArray(100)
	n := uint(len(whole))
	wantStatus(t, r.setBlobs(0, n, whole, nil), ctap.PUATRequired)
	wrong := r.token(pinuv.Two, ctap.PermitManagement, "")
	wantStatus(t, r.setBlobs(0, n, whole, &wrong), ctap.PINAuthInvalid)
	// The permission to write outlives the touch that spends all others.
	token := r.token(pinuv.Two, ctap.PermitLargeBlobWrite|ctap.PermitMakeCredential, rpID)
	_, err := r.make(proveMake(token, pinuv.Two))
	r.must(err)
	r.must(r.setBlobs(0, n, whole[:50], &token))
	r.must(r.setBlobs(50, 0, whole[50:], &token))
	got, err := r.getBlobs(0, 1024) // reading is free
	r.must(err)
	if !bytes.Equal(got, whole) {
		t.Error("another array came back")
	}
}
