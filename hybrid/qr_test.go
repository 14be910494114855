package hybrid

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/internal/cbor"
)

type qrVector struct {
	Kind   string
	Bytes  hexBytes
	Digits string

	URL    string
	CBOR   hexBytes
	Fields struct {
		PublicKey    hexBytes  `json:"0_pubkey"`
		Secret       hexBytes  `json:"1_secret"`
		KnownDomains uint      `json:"2_known_domains"`
		Time         int64     `json:"3_time"`
		Hint         Hint      `json:"5_hint"`
		Channels     []Channel `json:"6_channels"`
	}

	Map      map[string]any
	Accepted bool
	Expect   json.RawMessage
}

func TestCodeVectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors[qrVector](t, "qr.json") {
		switch v.Kind {
		case "url_must_fail":
			if _, err := ParseQR(v.URL); err == nil {
				t.Errorf("ParseQR(%q) succeeded", v.URL)
			}
		case "url_full":
			checkFields(t, v)
		case "url_decodes_and_roundtrips":
			checkClientCode(t, v)
		case "map_semantics":
			checkMap(t, v)
		}
	}
}

// A code that an iPhone took, with a key that nobody has defined.
func checkFields(t *testing.T, v qrVector) {
	t.Helper()
	q, err := ParseQR(v.URL)
	if err != nil {
		t.Fatalf("ParseQR: %v", err)
	}
	got := v.Fields
	got.PublicKey, got.Secret = compress(q.PublicKey), q.Secret.Expose()
	got.KnownDomains, got.Time, got.Hint, got.Channels = q.KnownDomains, q.Time.Unix(), q.Hint, q.Channels
	if diff := cmp.Diff(v.Fields, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if q.Linking {
		t.Error("Linking is set, but the code does not say so")
	}
}

// Codes of Chrome and Safari must come out of Text as they went into ParseQR,
// but for the channels, which they did not name.
func checkClientCode(t *testing.T, v qrVector) {
	t.Helper()
	q, err := ParseQR(v.URL)
	if err != nil {
		t.Fatalf("ParseQR: %v", err)
	}
	if diff := cmp.Diff([]Channel{ChannelTunnel}, q.Channels); diff != "" {
		t.Errorf("Channels (-want +got):\n%s", diff)
	}
	q.Channels = nil
	if got := q.Text(); got != v.URL {
		t.Errorf("Text() = %q, want %q", got, v.URL)
	}
	if got := Prefix + encodeDigits(v.CBOR); got != v.URL {
		t.Errorf("encodeDigits(%x) = %q", []byte(v.CBOR), got)
	}
}

func checkMap(t *testing.T, v qrVector) {
	t.Helper()
	q, err := ParseQR(Prefix + encodeDigits(encodeMap(t, v.Map)))
	if (err == nil) != v.Accepted {
		t.Errorf("ParseQR of %v: %v, want accepted %v (%s)", v.Map, err, v.Accepted, v.Expect)
		return
	}
	if err != nil {
		return
	}
	var want struct {
		KnownDomains uint  `json:"num_known_domains"`
		Linking      *bool `json:"supports_linking"`
		Hint         Hint  `json:"request"`
	}
	if err := json.Unmarshal(v.Expect, &want); err != nil {
		t.Fatal(err)
	}
	if q.KnownDomains != want.KnownDomains || q.Hint != want.Hint || q.Linking != (want.Linking != nil && *want.Linking) {
		t.Errorf("ParseQR of %v = %d, %v, %q, want %s", v.Map, q.KnownDomains, q.Linking, q.Hint, v.Expect)
	}
}

// encodeMap makes CBOR of the notation of the vectors: text in quotes is text,
// other text is the hex of bytes.
func encodeMap(t *testing.T, in map[string]any) []byte {
	t.Helper()
	out := map[uint64]any{}
	for k, v := range in {
		key, err := strconv.ParseUint(k, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		switch v := v.(type) {
		case string:
			if text, err := strconv.Unquote(v); err == nil {
				out[key] = text
			} else {
				out[key] = mustHex(t, v)
			}
		case float64:
			out[key] = uint64(v)
		default:
			out[key] = v
		}
	}
	return cbor.MustEncode(out)
}

// sampleMap is the least that a code must hold.
func sampleMap(t testing.TB) map[uint64]any {
	return map[uint64]any{
		0: mustHex(t, "03364c15eec34331d2865757421d497e569e1eba6cff9a69d32e90f19e7f6fd15e"),
		1: make([]byte, 16),
	}
}

func TestMoreMaps(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(m map[uint64]any)
		ok     bool
	}{
		{"no public key", func(m map[uint64]any) { delete(m, 0) }, false},
		{"no secret", func(m map[uint64]any) { delete(m, 1) }, false},
		{"short secret", func(m map[uint64]any) { m[1] = make([]byte, 15) }, false},
		{"long secret", func(m map[uint64]any) { m[1] = make([]byte, 17) }, false},
		{"uncompressed key", func(m map[uint64]any) { m[0] = make([]byte, 65) }, false},
		{"a time that is no time", func(m map[uint64]any) { m[3] = "noon" }, true},
		{"key 6 of before CTAP 2.2", func(m map[uint64]any) { m[6] = true }, true},
		{"no channels", func(m map[uint64]any) { m[6] = []uint{} }, true},
		{"new hints", func(m map[uint64]any) { m[5] = "dci" }, true},
		{"grease", func(m map[uint64]any) { m[65535] = map[string]any{"x": []byte{1}} }, true},
	} {
		m := sampleMap(t)
		tt.change(m)
		q, err := ParseQR(Prefix + encodeDigits(cbor.MustEncode(m)))
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v, want ok %v", tt.name, err, tt.ok)
		}
		if err == nil && !cmp.Equal(q.Channels, []Channel{ChannelTunnel}) {
			t.Errorf("%s: Channels = %v", tt.name, q.Channels)
		}
	}
}

func TestEveryPrefixOfACodeIsRefused(t *testing.T) {
	t.Parallel()
	inv, err := NewInvitation(HintGetAssertion)
	if err != nil {
		t.Fatal(err)
	}
	// Of the bytes, that is: digits that were cut may spell other bytes. It is
	// the QR symbol that has a checksum.
	data, err := decodeDigits(inv.Text()[len(Prefix):])
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(data) {
		if _, err := parseMap(data[:n]); err == nil {
			t.Errorf("parseMap took %d of %d bytes", n, len(data))
		}
	}
}

func TestInvitationComesBackFromItsText(t *testing.T) {
	t.Parallel()
	for _, invite := range []func(Hint) (*Invitation, error){NewInvitation, NewLinkingInvitation} {
		inv, err := invite(HintMakeCredential)
		if err != nil {
			t.Fatal(err)
		}
		q, err := ParseQR(inv.Text())
		if err != nil {
			t.Fatal(err)
		}
		if !q.PublicKey.Equal(inv.PublicKey) || !q.Secret.Equal(inv.Secret) {
			t.Error("the keys differ")
		}
		if q.KnownDomains != AssignedServices || q.Linking != inv.Linking || q.Hint != HintMakeCredential || !q.Time.Equal(inv.Time) {
			t.Errorf("ParseQR = %+v, want %+v", q, inv.QR)
		}
		if time.Since(q.Time) > time.Minute {
			t.Errorf("Time = %v", q.Time)
		}
	}
}

func TestInvitationIsSpentOnce(t *testing.T) {
	t.Parallel()
	inv, err := NewInvitation(HintGetAssertion)
	if err != nil {
		t.Fatal(err)
	}
	private, err := inv.Spend()
	if err != nil || !private.PublicKey().Equal(inv.PublicKey) {
		t.Fatalf("Spend() = %v, %v", private, err)
	}
	if _, err := inv.Spend(); !errors.Is(err, ErrInvitationSpent) {
		t.Errorf("second Spend: %v, want ErrInvitationSpent", err)
	}
	inv.Wipe()
	if _, err := ParseQR(inv.Text()); err != nil {
		t.Errorf("the text is gone after Wipe: %v", err)
	}
}

func TestInvitationsDiffer(t *testing.T) {
	t.Parallel()
	one, err := NewInvitation(HintGetAssertion)
	if err != nil {
		t.Fatal(err)
	}
	two, err := NewInvitation(HintGetAssertion)
	if err != nil {
		t.Fatal(err)
	}
	if one.PublicKey.Equal(two.PublicKey) || one.Secret.Equal(two.Secret) {
		t.Error("two invitations share a key")
	}
}

func TestOtherTextsAreNotHybrid(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "F", "FIDO:", "https://example.com", "WIFI:S:home;;"} {
		if _, err := ParseQR(text); !errors.Is(err, ErrNotHybrid) {
			t.Errorf("ParseQR(%q): %v, want ErrNotHybrid", text, err)
		}
	}
	for _, text := range []string{"FIDO:/", "FIDO:/1", Prefix + strings.Repeat("0", maxText)} {
		if _, err := ParseQR(text); err == nil || errors.Is(err, ErrNotHybrid) {
			t.Errorf("ParseQR(%.20q): %v, want another error", text, err)
		}
	}
}

func TestPrefixIsReadInAnyCase(t *testing.T) {
	t.Parallel()
	inv, err := NewInvitation(HintGetAssertion)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseQR(strings.ToLower(inv.Text())); err != nil {
		t.Error(err)
	}
}

func TestErrorsRepeatNoPartOfTheCode(t *testing.T) {
	t.Parallel()
	inv, err := NewInvitation(HintGetAssertion)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ParseQR(inv.Text() + "x")
	if err == nil {
		t.Fatal("ParseQR took a letter")
	}
	digits := inv.Text()[len(Prefix):]
	for i := 0; i+6 <= len(digits); i++ {
		if strings.Contains(err.Error(), digits[i:i+6]) {
			t.Fatalf("error %q repeats digits of the code", err)
		}
	}
}

func TestPrintingACodeShowsNoSecret(t *testing.T) {
	t.Parallel()
	inv, err := NewInvitation(HintGetAssertion)
	if err != nil {
		t.Fatal(err)
	}
	secret := inv.Secret.Expose()
	out := fmt.Sprintf("%v %+v %#v", inv.QR, inv.QR, inv.QR)
	if strings.Contains(out, hex.EncodeToString(secret)) || strings.Contains(out, fmt.Sprint(secret)) || bytes.Contains([]byte(out), secret) {
		t.Errorf("printed: %s", out)
	}
}

func FuzzParseQR(f *testing.F) {
	for _, v := range readVectors[qrVector](f, "qr.json") {
		f.Add(v.URL)
	}
	f.Add(Prefix + encodeDigits(cbor.MustEncode(sampleMap(f))))
	f.Fuzz(func(t *testing.T, text string) {
		q, err := ParseQR(text)
		if err != nil {
			return
		}
		again, err := ParseQR(q.Text())
		if err != nil {
			t.Fatalf("ParseQR of our own text: %v", err)
		}
		if again.Text() != q.Text() {
			t.Errorf("Text is not stable: %q, then %q", q.Text(), again.Text())
		}
	})
}
