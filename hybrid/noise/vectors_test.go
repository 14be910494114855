package noise

import (
	"crypto/ecdh"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/hybrid"
	"cardea/internal/secret"
)

func readVectors[V any](t testing.TB, name string) []V {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []V }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(file.Vectors) == 0 {
		t.Fatalf("%s: no vectors", name)
	}
	return file.Vectors
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func privateKey(t testing.TB, b []byte) *ecdh.PrivateKey {
	t.Helper()
	k, err := ecdh.P256().NewPrivateKey(b)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

type transcript struct {
	Static    hexBytes `json:"client_static_private"`
	Ephemeral hexBytes `json:"client_ephemeral_private"`
	QRSecret  hexBytes `json:"qr_secret"`
	EID       hexBytes `json:"eid_plaintext"`
	Message1  hexBytes
	Message2  hexBytes
	Post      struct{ Ciphertext, Plaintext hexBytes } `json:"post_handshake"`
	Request   struct{ Ciphertext, CTAP hexBytes }
	Response  struct {
		Ciphertext hexBytes
		CTAP       hexBytes `json:"ctap_as_printed"`
	}
}

// The whole of a sign-in with an iPhone, from the client's side: what we send
// must be what was sent, and what it answered must open.
func TestTranscriptOfAnIPhone(t *testing.T) {
	t.Parallel()
	v := readVectors[transcript](t, "iphone.json")[0]

	psk := hybrid.PSKFor(secret.New(v.QRSecret), hybrid.EID(v.EID))
	client := NewKN(privateKey(t, v.Static), psk)
	message1, err := client.start(privateKey(t, v.Ephemeral))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]byte(v.Message1), message1); diff != "" {
		t.Fatalf("message 1 (-want +got):\n%s", diff)
	}
	s, err := client.Finish(v.Message2)
	if err != nil {
		t.Fatalf("Finish: %v", err)
	}

	post, err := s.Receive.Open(v.Post.Ciphertext)
	if err != nil {
		t.Fatalf("opening the first message: %v", err)
	}
	if diff := cmp.Diff([]byte(v.Post.Plaintext), post); diff != "" {
		t.Errorf("first message (-want +got):\n%s", diff)
	}
	request, err := s.Send.Seal(append([]byte{1}, v.Request.CTAP...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]byte(v.Request.Ciphertext), request); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	response, err := s.Receive.Open(v.Response.Ciphertext)
	if err != nil {
		t.Fatalf("opening the response: %v", err)
	}
	// The source prints the response without its type byte.
	if diff := cmp.Diff(append([]byte{1}, v.Response.CTAP...), response); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
}

func TestRecordVector(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors[struct {
		WriteKey   hexBytes `json:"write_key"`
		ReadKey    hexBytes `json:"read_key"`
		Message    hexBytes `json:"message_with_type_byte"`
		Padded     hexBytes
		Ciphertext hexBytes
	}](t, "record.json") {
		if diff := cmp.Diff([]byte(v.Padded), pad(v.Message)); diff != "" {
			t.Errorf("pad (-want +got):\n%s", diff)
		}
		here := newSession(secret.New(v.WriteKey), secret.New(v.ReadKey), nil)
		there := newSession(secret.New(v.ReadKey), secret.New(v.WriteKey), nil)
		got, err := here.Send.Seal(v.Message)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]byte(v.Ciphertext), got); diff != "" {
			t.Errorf("Seal (-want +got):\n%s", diff)
		}
		opened, err := there.Receive.Open(v.Ciphertext)
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		if diff := cmp.Diff([]byte(v.Message), opened); diff != "" {
			t.Errorf("Open (-want +got):\n%s", diff)
		}
	}
}

func TestPaddingVectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors[struct {
		Meaning  string
		Padded   hexBytes
		Stripped *hexBytes
	}](t, "padding.json") {
		got, ok := unpad(v.Padded)
		if ok != (v.Stripped != nil) {
			t.Errorf("unpad(%x) ok = %v, want %v", []byte(v.Padded), ok, v.Stripped != nil)
			continue
		}
		if ok && !cmp.Equal(got, []byte(*v.Stripped)) {
			t.Errorf("unpad(%x) = %x, want %x", []byte(v.Padded), got, []byte(*v.Stripped))
		}
	}
}
