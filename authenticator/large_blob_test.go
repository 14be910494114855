package authenticator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/authenticator"
	"cardea/authenticator/vault"
	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/cbor"
)

// blobKey is a security key with the extension largeBlob.
func blobKey(t *testing.T) keyRig {
	return uvKey(t, func(c *authenticator.Config) { c.LargeBlobExtension = true })
}

func (r keyRig) makeWithBlob(user string) ctap.CredentialDescriptor {
	r.Helper()
	made, err := r.make(func(m *ctap.MakeCredentialRequest) {
		m.User.ID, m.Extensions = []byte(user), exts(map[string]any{"largeBlob": map[string]any{"support": "required"}})
	})
	r.must(err)
	if d := cmp.Diff(exts(map[string]any{"largeBlob": map[string]any{"supported": true}}), made.UnsignedExtension); d != "" {
		r.Errorf("made: %s", d)
	}
	if made.LargeBlobKey != nil || outputs(r.T, made.AuthData) != nil {
		r.Errorf("a key %x, signed outputs %v", made.LargeBlobKey, outputs(r.T, made.AuthData))
	}
	return descriptor(authData(r.T, made.AuthData).Attested.ID)
}

// blob does one getAssertion with the extension, and returns the output of it.
func (r keyRig) blob(in any, allow ...ctap.CredentialDescriptor) (map[string]any, error) {
	r.Helper()
	got, err := r.get(func(g *ctap.GetAssertionRequest) {
		g.AllowList, g.Extensions = allow, exts(map[string]any{"largeBlob": in})
	})
	raw, given := got.UnsignedExtension["largeBlob"]
	if err != nil || !given {
		return nil, err
	}
	var out map[string]any
	return out, cbor.Decode(raw, &out)
}

func write(data []byte, size int) map[string]any {
	return map[string]any{"write": data, "originalSize": size}
}

var read = map[string]any{"read": true}

func (r keyRig) wantBlob(want map[string]any, in any, allow ...ctap.CredentialDescriptor) {
	r.Helper()
	got, err := r.blob(in, allow...)
	if d := cmp.Diff(want, got); err != nil || d != "" {
		r.Errorf("%v: %v %s", in, err, d)
	}
}

func TestLargeBlobIsKeptWithItsPasskey(t *testing.T) {
	t.Parallel()
	r := blobKey(t)
	ana, ben := r.makeWithBlob("ana"), r.makeWithBlob("ben")
	written := map[string]any{"written": true}
	r.wantBlob(nil, read, ana)
	r.wantBlob(written, write([]byte("deflated"), 20), ana)
	r.wantBlob(written, write([]byte("of ben"), 6), ben)
	r.wantBlob(written, write([]byte("new"), 3), ana)
	r.wantBlob(map[string]any{"blob": []byte("new"), "originalSize": int64(3)}, read, ana)
	// Without a list too, and for each passkey its own.
	r.wantBlob(map[string]any{"blob": []byte("of ben"), "originalSize": int64(6)}, read)
	// A fresh passkey for the same account begins without.
	r.wantBlob(nil, read, r.makeWithBlob("ana"))
}

func TestLargeBlobsGoWithTheirPasskeys(t *testing.T) {
	t.Parallel()
	r := blobKey(t)
	ana, ben := r.makeWithBlob("ana"), r.makeWithBlob("ben")
	for _, d := range []ctap.CredentialDescriptor{ana, ben} {
		_, err := r.blob(write([]byte("secret of "+string(d.ID)), 9), d)
		r.must(err)
	}
	r.must(r.setPIN().manageDelete(ana))
	sizes, err := r.vault.Note(t.Context(), "large-blob-sizes")
	r.must(err)
	if bytes.Contains(sizes, ana.ID) || !bytes.Contains(sizes, ben.ID) {
		t.Errorf("counted %x", sizes)
	}
	if n := len(r.blobNote(ana)); n != 0 {
		t.Errorf("%d bytes of ana are kept", n)
	}
	if !bytes.Contains(r.blobNote(ben), []byte("secret of ")) {
		t.Error("what ben left is gone")
	}
}

func (r keyRig) blobNote(d ctap.CredentialDescriptor) []byte {
	r.Helper()
	sum := sha256.Sum256(d.ID)
	note, err := r.vault.Note(r.Context(), "large-blob/"+base64.RawURLEncoding.EncodeToString(sum[:]))
	r.must(err)
	return note
}

// The records of a vault have a size; what all passkeys have is more.
func TestLargeBlobsOfManyPasskeysFitIntoAVault(t *testing.T) {
	t.Parallel()
	v, err := vault.Create(filepath.Join(t.TempDir(), "vault"), "", vault.WithKind(vault.NoPIN), vault.WithCost(vault.TestCost))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	r := uvKey(t, func(c *authenticator.Config) { c.LargeBlobExtension, c.Vault = true, v })
	written := map[string]any{"written": true}
	ana := r.makeWithBlob("ana")
	r.wantBlob(written, write(bytes.Repeat([]byte{7}, 4<<10), 9000), ana)
	for i := range 9 { // 40 KB in all, more than one note would have room for beside the names
		r.wantBlob(written, write(make([]byte, 4<<10), 1), r.makeWithBlob(string(rune('b'+i))))
	}
	r.wantBlob(map[string]any{"blob": bytes.Repeat([]byte{7}, 4<<10), "originalSize": int64(9000)}, read, ana)
}

// noRoom is a vault that takes passkeys and no notes.
type noRoom struct{ authenticator.PINVault }

func (noRoom) SetNote(context.Context, string, []byte) error { return errors.New("disk is full") }

func TestWhoCannotLeaveALargeBlobSignsInAllTheSame(t *testing.T) {
	t.Parallel()
	r := uvKey(t, func(c *authenticator.Config) {
		c.LargeBlobExtension, c.Vault = true, noRoom{c.Vault.(authenticator.PINVault)}
	})
	r.wantBlob(map[string]any{"written": false}, write([]byte{1}, 1), r.makeWithBlob("ana"))
}

func (r keyRig) manageDelete(d ctap.CredentialDescriptor) error {
	_, err := r.manage(r.token(pinuv.Two, ctap.PermitManagement, ""), ctap.ManageDelete, map[int]any{2: d})
	return err
}

func TestLargeBlobsThatDoNotFit(t *testing.T) {
	t.Parallel()
	r := blobKey(t)
	no := map[string]any{"written": false}
	ana := r.makeWithBlob("ana")
	r.wantBlob(map[string]any{"written": true}, write(make([]byte, 4<<10), 9000), ana)
	r.wantBlob(no, write(make([]byte, 4<<10+1), 9000), ana)
	r.wantBlob(map[string]any{"blob": make([]byte, 4<<10), "originalSize": int64(9000)}, read, ana)
	var last ctap.CredentialDescriptor
	for i := range 10 { // 40 KB in all; the first has its four kilobytes already
		last = r.makeWithBlob(string(rune('a' + i)))
		if i < 9 {
			r.wantBlob(map[string]any{"written": true}, write(make([]byte, 4<<10), 1), last)
		}
	}
	r.wantBlob(no, write(make([]byte, 4<<10), 1), last)
	r.wantBlob(map[string]any{"written": true}, write([]byte{1}, 1), ana) // in place of more
}

func TestLargeBlobInputsThatAreRefused(t *testing.T) {
	t.Parallel()
	r := blobKey(t)
	ana, ben := r.makeWithBlob("ana"), r.makeWithBlob("ben")
	one, both := []ctap.CredentialDescriptor{ana}, []ctap.CredentialDescriptor{ana, ben}
	for name, tt := range map[string]struct {
		in    any
		allow []ctap.CredentialDescriptor
		want  ctap.Status
	}{
		"not a map":          {true, one, ctap.CBORUnexpectedType},
		"nothing":            {map[string]any{}, one, ctap.InvalidParameter},
		"read false":         {map[string]any{"read": false}, one, ctap.InvalidParameter},
		"read 1":             {map[string]any{"read": 1}, one, ctap.CBORUnexpectedType},
		"read and write":     {map[string]any{"read": true, "write": []byte{1}, "originalSize": 1}, one, ctap.InvalidParameter},
		"read with a size":   {map[string]any{"read": true, "originalSize": 1}, one, ctap.InvalidParameter},
		"write without size": {map[string]any{"write": []byte{1}}, one, ctap.InvalidParameter},
		"write text":         {map[string]any{"write": "x", "originalSize": 1}, one, ctap.CBORUnexpectedType},
		"write to nobody":    {write([]byte{1}, 1), nil, ctap.InvalidParameter},
		"write to one of 2":  {write([]byte{1}, 1), both, ctap.InvalidParameter},
	} {
		_, err := r.blob(tt.in, tt.allow...)
		if wantStatus(t, err, tt.want); t.Failed() {
			t.Fatal(name)
		}
	}
	_, err := r.get(func(g *ctap.GetAssertionRequest) {
		g.Options, g.Extensions = map[string]bool{"up": false}, exts(map[string]any{"largeBlob": read})
	})
	wantStatus(t, err, ctap.UnsupportedOption)
	for in, want := range map[any]ctap.Status{"maybe": ctap.InvalidOption, 1: ctap.CBORUnexpectedType, nil: ctap.MissingParameter} {
		support := map[string]any{"support": in}
		if in == nil {
			support = map[string]any{}
		}
		_, err := r.make(func(m *ctap.MakeCredentialRequest) { m.Extensions = exts(map[string]any{"largeBlob": support}) })
		wantStatus(t, err, want)
	}
}

// CTAP §12.4: one or the other.
func TestTheTwoWaysToLargeBlobsExcludeEachOther(t *testing.T) {
	t.Parallel()
	in := map[string]any{"largeBlob": map[string]any{"support": "preferred"}, "largeBlobKey": true}
	for name, r := range map[string]keyRig{"largeBlob": blobKey(t), "largeBlobKey": uvKey(t, nil)} {
		extension := name == "largeBlob"
		i := r.a.Info()
		_, option := i.Options["largeBlobs"]
		if slices.Contains(i.Extensions, "largeBlob") != extension || slices.Contains(i.Extensions, "largeBlobKey") == extension ||
			option == extension || (i.MaxSerializedLargeBlob == 0) != extension {
			t.Errorf("%s: %+v", name, i)
		}
		made, err := r.make(func(m *ctap.MakeCredentialRequest) { m.Extensions = exts(in) })
		r.must(err)
		if (made.UnsignedExtension != nil) != extension || (made.LargeBlobKey == nil) != extension {
			t.Errorf("%s: %v, key %x", name, made.UnsignedExtension, made.LargeBlobKey)
		}
		_, err = r.getBlobs(0, 100)
		_, token := r.uvToken(ctap.PermitLargeBlobWrite, "")
		if extension {
			wantStatus(t, err, ctap.InvalidCommand)
			wantStatus(t, token, ctap.UnauthorizedPermission)
		} else if err != nil || token != nil {
			t.Errorf("%s: %v, %v", name, err, token)
		}
	}
}
