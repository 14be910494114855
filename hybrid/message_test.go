package hybrid

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/internal/cbor"
	"cardea/internal/secret"
)

func TestMessageVectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors[struct {
		Hex     hexBytes
		Meaning string
	}](t, "messages.json") {
		m, err := ParseMessage(v.Hex)
		if strings.HasPrefix(v.Meaning, "unknown") {
			if err == nil {
				t.Errorf("%s: ParseMessage = %v", v.Meaning, m)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", v.Meaning, err)
			continue
		}
		want := map[string]MessageType{"shutdown": MessageShutdown, "update": MessageUpdate, "CTAP": MessageCTAP}
		first, _, _ := strings.Cut(v.Meaning, " ")
		if m.Type != want[strings.TrimSuffix(first, ",")] || !bytes.Equal(m.Body, v.Hex[1:]) {
			t.Errorf("%s: ParseMessage = %v", v.Meaning, m)
		}
		if !bytes.Equal(m.Encode(), v.Hex) {
			t.Errorf("%s: Encode = %x", v.Meaning, m.Encode())
		}
	}
}

func TestMessagesThatSayNothingAreRefused(t *testing.T) {
	t.Parallel()
	for _, in := range [][]byte{nil, {}, {4}, {255}, {0, 0}} {
		if m, err := ParseMessage(in); err == nil {
			t.Errorf("ParseMessage(%x) = %v", in, m)
		}
	}
}

type postHandshakeVector struct {
	Origin   string
	Map      hexBytes `json:"map_cbor"`
	GetInfo  hexBytes `json:"getinfo_cbor"`
	Features []string
}

func TestPostHandshakeVectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors[postHandshakeVector](t, "post_handshake.json") {
		p, l, err := ParsePostHandshake(v.Map)
		if err != nil {
			t.Errorf("%s: %v", v.Origin, err)
			continue
		}
		if l != nil {
			t.Errorf("%s: there is a link", v.Origin)
		}
		if len(v.GetInfo) != 0 && !bytes.Equal(p.Info, v.GetInfo) {
			t.Errorf("%s: Info = %x, want %x", v.Origin, p.Info, []byte(v.GetInfo))
		}
		var info struct {
			Versions []string `cbor:"1,keyasint"`
		}
		if err := cbor.Decode(p.Info, &info); err != nil || !slices.Contains(info.Versions, "FIDO_2_0") {
			t.Errorf("%s: versions %v, %v", v.Origin, info.Versions, err)
		}
		want := v.Features
		if want == nil {
			want = []string{FeatureCTAP}
		} else if !bytes.Equal(p.Encode(), v.Map) {
			t.Errorf("%s: Encode = %x, want %x", v.Origin, p.Encode(), []byte(v.Map))
		}
		if diff := cmp.Diff(want, p.Features); diff != "" {
			t.Errorf("%s: Features (-want +got):\n%s", v.Origin, diff)
		}
		for n := range len(v.Map) {
			if _, _, err := ParsePostHandshake(v.Map[:n]); err == nil {
				t.Errorf("%s: %d of %d bytes were taken", v.Origin, n, len(v.Map))
			}
		}
	}
}

func TestFeaturesAndInfoBelongTogether(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		m    postHandshakeMap
		ok   bool
	}{
		{"credentials only", postHandshakeMap{Features: []string{"dc"}}, true},
		{"credentials only, with getInfo", postHandshakeMap{Info: []byte{0xa0}, Features: []string{"dc"}}, false},
		{"CTAP without getInfo", postHandshakeMap{Features: []string{"ctap"}}, false},
		{"nothing", postHandshakeMap{}, false},
		{"padded", postHandshakeMap{Padding: make([]byte, 9), Info: []byte{0xa0}}, true},
	} {
		if _, _, err := ParsePostHandshake(cbor.MustEncode(tt.m)); (err == nil) != tt.ok {
			t.Errorf("%s: %v, want ok %v", tt.name, err, tt.ok)
		}
	}
}

func newKey(t testing.TB) *ecdh.PrivateKey {
	t.Helper()
	k, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newOffer(t testing.TB) LinkOffer {
	return LinkOffer{
		ContactID: []byte("contact"),
		LinkID:    [8]byte{1, 2, 3, 4, 5, 6, 7, 8},
		Secret:    secret.Random(32),
		Identity:  newKey(t),
		Name:      "Ada's phone",
	}
}

func TestLinkTravelsInAnUpdate(t *testing.T) {
	t.Parallel()
	offer, client, hash := newOffer(t), newKey(t), []byte("hash of the handshake")
	l, err := offer.Sign(client.PublicKey(), hash)
	if err != nil {
		t.Fatal(err)
	}
	body, err := Update{Linking: &l}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	u, err := ParseUpdate(body)
	if err != nil {
		t.Fatal(err)
	}
	got := u.Linking
	if got == nil || !got.Identity.Equal(offer.Identity.PublicKey()) || !got.Secret.Equal(offer.Secret) ||
		got.LinkID != offer.LinkID || string(got.ContactID) != "contact" || got.Name != "Ada's phone" {
		t.Fatalf("got %+v", got)
	}
	if err := got.Verify(client, hash); err != nil {
		t.Errorf("Verify: %v", err)
	}
	if err := got.Verify(client, []byte("another handshake")); err == nil {
		t.Error("Verify with another handshake succeeded")
	}
	if err := got.Verify(newKey(t), hash); err == nil {
		t.Error("Verify by another client succeeded")
	}
	other := *got
	other.Identity = newKey(t).PublicKey()
	if err := other.Verify(client, hash); err == nil {
		t.Error("Verify of another phone's key succeeded")
	}
}

// An onlooker must not see from the size who links.
func TestUpdatesAreOfOneSize(t *testing.T) {
	t.Parallel()
	sizes := map[int]bool{}
	padded := func(u Update) {
		body, err := u.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseUpdate(body); err != nil || (again.Linking == nil) != (u.Linking == nil) {
			t.Fatalf("ParseUpdate = %v, %v", again, err)
		}
		sizes[(len(body)+1)/32] = true // with its type byte, and a byte of padding at least
	}
	padded(Update{})
	for n := range 2 * maxPhoneName {
		offer := newOffer(t)
		offer.Name = strings.Repeat("n", n)
		offer.ContactID = make([]byte, 1+n)
		l, err := offer.Sign(newKey(t).PublicKey(), nil)
		if err != nil {
			t.Fatal(err)
		}
		padded(Update{Linking: &l})
	}
	if diff := cmp.Diff(map[int]bool{512/32 - 1: true}, sizes); diff != "" {
		t.Errorf("sizes in units of 32 bytes (-want +got):\n%s", diff)
	}
}

func TestBadOffersAreNotSigned(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(o *LinkOffer)
	}{
		{"no contact ID", func(o *LinkOffer) { o.ContactID = nil }},
		{"huge contact ID", func(o *LinkOffer) { o.ContactID = make([]byte, maxContactID+1) }},
		{"short secret", func(o *LinkOffer) { o.Secret = secret.Random(31) }},
	} {
		o := newOffer(t)
		tt.change(&o)
		if _, err := o.Sign(newKey(t).PublicKey(), nil); err == nil {
			t.Errorf("%s: Sign succeeded", tt.name)
		}
	}
}

func TestLongNamesAreCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                     "",
		strings.Repeat("a", 64):                strings.Repeat("a", 64),
		strings.Repeat("a", 65):                strings.Repeat("a", 64),
		strings.Repeat("a", 63) + "ä":          strings.Repeat("a", 63),
		strings.Repeat("世", 22):                strings.Repeat("世", 21),
		"x" + strings.Repeat("\U0001f600", 16): "x" + strings.Repeat("\U0001f600", 15),
	} {
		if got := cutName(in); got != want {
			t.Errorf("cutName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestBrokenLinksAreRefused(t *testing.T) {
	t.Parallel()
	l, err := newOffer(t).Sign(newKey(t).PublicKey(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(m *linkingMap)
	}{
		{"no contact ID", func(m *linkingMap) { m.ContactID = nil }},
		{"link ID", func(m *linkingMap) { m.LinkID = m.LinkID[1:] }},
		{"secret", func(m *linkingMap) { m.Secret = append(m.Secret, 0) }},
		{"compressed identity", func(m *linkingMap) { m.Identity = m.Identity[:33] }},
		{"identity off the curve", func(m *linkingMap) { m.Identity[64] ^= 1 }},
		{"signature", func(m *linkingMap) { m.Signature = m.Signature[:31] }},
	} {
		var m linkingMap
		if err := cbor.Decode(l.encode(), &m); err != nil {
			t.Fatal(err)
		}
		tt.change(&m)
		if _, err := ParseUpdate(cbor.MustEncode(updateMap{Linking: cbor.MustEncode(m)})); err == nil {
			t.Errorf("%s: ParseUpdate succeeded", tt.name)
		}
	}
}

func TestEveryPrefixOfAnUpdateIsRefused(t *testing.T) {
	t.Parallel()
	l, err := newOffer(t).Sign(newKey(t).PublicKey(), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := Update{Linking: &l}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(body) {
		if _, err := ParseUpdate(body[:n]); err == nil {
			t.Errorf("ParseUpdate took %d of %d bytes", n, len(body))
		}
	}
}

func TestUnknownKeysOfAnUpdateAreIgnored(t *testing.T) {
	t.Parallel()
	u, err := ParseUpdate(cbor.MustEncode(map[uint64]any{0: []byte{1, 2}, 7: "later"}))
	if err != nil || u.Linking != nil {
		t.Errorf("ParseUpdate = %v, %v", u, err)
	}
}

func FuzzParseMessage(f *testing.F) {
	for _, b := range [][]byte{{}, {0}, {0, 0}, {1, 4}, {2, 0xa0}, {3, '{', '}'}, {4}} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMessage(b)
		if err == nil && !bytes.Equal(m.Encode(), b) {
			t.Errorf("Encode(ParseMessage(%x)) = %x", b, m.Encode())
		}
	})
}

func FuzzParsePostHandshake(f *testing.F) {
	for _, v := range readVectors[postHandshakeVector](f, "post_handshake.json") {
		f.Add([]byte(v.Map))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, _, err := ParsePostHandshake(b)
		if err != nil {
			return
		}
		again, _, err := ParsePostHandshake(p.Encode())
		if err != nil || !cmp.Equal(again, p) {
			t.Errorf("ParsePostHandshake(Encode(%v)) = %v, %v", p, again, err)
		}
	})
}

func FuzzParseUpdate(f *testing.F) {
	// The same seed in every process, so that fuzzing workers agree on it.
	identity, err := ecdh.P256().NewPrivateKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	offer := LinkOffer{ContactID: []byte("contact"), Secret: secret.New(make([]byte, 32)), Identity: identity, Name: "Ada's phone"}
	l, err := offer.Sign(identity.PublicKey(), nil)
	if err != nil {
		f.Fatal(err)
	}
	body, err := Update{Linking: &l}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := ParseUpdate(b)
		if err != nil || u.Linking == nil {
			return
		}
		if again, err := parseLinking(u.Linking.encode()); err != nil || !bytes.Equal(again.encode(), u.Linking.encode()) {
			t.Errorf("a link changed on its way: %v", err)
		}
	})
}
