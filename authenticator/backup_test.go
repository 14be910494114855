package authenticator_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/vault/vaulttest"
	"cardea/internal/cbor"
	"cardea/internal/secret"
)

// left seals text as a client does for the large-blob array (CTAP §6.10.3).
func left(t *testing.T, key secret.Key, text string) cbor.Raw {
	t.Helper()
	block, err := aes.NewCipher(key.Expose())
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce, size := secret.Random(12).Expose(), uint64(len(text))
	about := binary.LittleEndian.AppendUint64([]byte("blob"), size)
	return cbor.MustEncode(map[int]any{1: aead.Seal(nil, nonce, []byte(text), about), 2: nonce, 3: size})
}

func sealedArray(elements ...cbor.Raw) []byte {
	body := cbor.MustEncode(elements)
	sum := sha256.Sum256(body)
	return append(body, sum[:16]...)
}

// bearing returns a passkey with a key for its large blob.
func bearing(n byte) authenticator.Passkey {
	p := vaulttest.NewPasskey(n, "example.org", string('a'+rune(n)))
	p.LargeBlobKey = secret.New(slices.Repeat([]byte{n}, 32))
	return p
}

func TestLargeBlobsComeBackWithTheirPasskeys(t *testing.T) {
	t.Parallel()
	one, two, gone := bearing(1), bearing(2), bearing(3)
	from, to := new(vaulttest.Memory), new(vaulttest.Memory)
	for _, err := range []error{
		from.SaveAll(t.Context(), []authenticator.Passkey{one, two, gone}),
		to.SaveAll(t.Context(), []authenticator.Passkey{one, two}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if b, err := authenticator.ExportBlobs(t.Context(), from); b != nil || err != nil {
		t.Errorf("of a vault without any: %x, %v", b, err)
	}
	note := func(v *vaulttest.Memory, name string, text []byte) {
		if err := v.SetNote(t.Context(), name, text); err != nil {
			t.Fatal(err)
		}
	}
	mine, theirs := left(t, one.LargeBlobKey, "newer"), left(t, two.LargeBlobKey, "two")
	note(from, "large-blobs", sealedArray(left(t, one.LargeBlobKey, "older"), left(t, gone.LargeBlobKey, "lost"), theirs))
	note(to, "large-blobs", sealedArray(mine))
	blob := func(text string) []byte {
		return cbor.MustEncode(map[string]any{"blob": []byte(text), "originalSize": uint64(9)})
	}
	name := func(p authenticator.Passkey) string {
		sum := sha256.Sum256(p.ID)
		return "large-blob/" + base64.RawURLEncoding.EncodeToString(sum[:])
	}
	sizes := func(v *vaulttest.Memory, of map[string]uint) {
		all := map[cbor.ByteString]uint{}
		for id, n := range of {
			all[cbor.ByteString(id)] = n
		}
		note(v, "large-blob-sizes", cbor.MustEncode(all))
	}
	note(from, name(one), blob("older"))
	note(from, name(two), blob("two"))
	note(from, name(gone), blob("lost"))
	sizes(from, map[string]uint{string(one.ID): 5, string(two.ID): 3, string(gone.ID): 4})
	note(to, name(one), blob("newer"))
	sizes(to, map[string]uint{string(one.ID): 5})

	b, err := authenticator.ExportBlobs(t.Context(), from)
	if err != nil || len(b) == 0 {
		t.Fatal(err)
	}
	for range 2 { // a second time changes nothing
		if err := authenticator.ImportBlobs(t.Context(), to, b); err != nil {
			t.Fatal(err)
		}
		array, err := to.Note(t.Context(), "large-blobs")
		if want := sealedArray(mine, theirs); err != nil || !slices.Equal(array, want) {
			t.Errorf("the array is %x, %v; want %x", array, err, want)
		}
		for name, want := range map[string][]byte{name(one): blob("newer"), name(two): blob("two"), name(gone): nil} {
			if got, err := to.Note(t.Context(), name); err != nil || !slices.Equal(got, want) {
				t.Errorf("of the extension: %x, %v; want %x", got, err, want)
			}
		}
	}
	for n := range b {
		if err := authenticator.ImportBlobs(t.Context(), to, b[:n]); err == nil {
			t.Errorf("the first %d bytes of %d were taken", n, len(b))
		}
	}
}

// What a note of a vault on disk has no room for is not written.
func TestThereIsAnEndToLargeBlobsThatAreBroughtIn(t *testing.T) {
	t.Parallel()
	from, to := new(vaulttest.Memory), new(vaulttest.Memory)
	var array []cbor.Raw
	for n := range byte(200) {
		p := bearing(n + 1)
		for _, v := range []*vaulttest.Memory{from, to} {
			if err := v.Save(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		array = append(array, left(t, p.LargeBlobKey, string(make([]byte, 500))))
	}
	if err := from.SetNote(t.Context(), "large-blobs", sealedArray(array...)); err != nil {
		t.Fatal(err)
	}
	b, err := authenticator.ExportBlobs(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	if err := authenticator.ImportBlobs(t.Context(), to, b); err != nil {
		t.Fatal(err)
	}
	got, err := to.Note(t.Context(), "large-blobs")
	if max := 16 << 10; err != nil || len(got) > max || len(got) < max-600 {
		t.Errorf("%d bytes, %v; want nearly %d", len(got), err, max)
	}
}
