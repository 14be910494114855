package hybrid

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/internal/cbor"
	"cardea/internal/secret"
)

func newLink(t testing.TB) Link {
	t.Helper()
	offer, client, hash := newOffer(t), newKey(t), []byte("hash")
	l, err := offer.Sign(client.PublicKey(), hash)
	if err != nil {
		t.Fatal(err)
	}
	return l.Link(DevelopmentService)
}

func TestLinkIsKept(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	got, err := ParseLink(l.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Encode(), l.Encode()) || !got.Secret.Equal(l.Secret) || !got.SamePhone(l) || got.Name != "Ada's phone" {
		t.Errorf("ParseLink = %+v, want %+v", got, l)
	}
	for n := range l.Encode() {
		if _, err := ParseLink(l.Encode()[:n]); err == nil {
			t.Errorf("%d bytes of a link were taken", n)
		}
	}
	if l.SamePhone(newLink(t)) {
		t.Error("two phones are one")
	}
}

func TestLinksThatCannotBeUsedAreRefused(t *testing.T) {
	t.Parallel()
	good := linkMap{
		ContactID: []byte{1}, LinkID: make([]byte, 8), Secret: make([]byte, 32),
		Identity: newKey(t).PublicKey().Bytes(), Service: DevelopmentService,
	}
	for name, spoil := range map[string]func(*linkMap){
		"no contact":           func(m *linkMap) { m.ContactID = nil },
		"short link ID":        func(m *linkMap) { m.LinkID = m.LinkID[1:] },
		"short secret":         func(m *linkMap) { m.Secret = m.Secret[1:] },
		"no point":             func(m *linkMap) { m.Identity = make([]byte, 65) },
		"service of no number": func(m *linkMap) { m.Service = 17 },
	} {
		m := good
		if _, err := ParseLink(cbor.MustEncode(m)); err != nil {
			t.Fatalf("%s: before: %v", name, err)
		}
		spoil(&m)
		if l, err := ParseLink(cbor.MustEncode(m)); err == nil {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

func TestCallTravels(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	c := NewCall(l, HintMakeCredential)
	if c.Nonce == NewCall(l, HintMakeCredential).Nonce {
		t.Error("two calls have one nonce")
	}
	got, err := ParseCall(c.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, got); diff != "" {
		t.Errorf("ParseCall (-want +got):\n%s", diff)
	}
	for n := range c.Encode() {
		if _, err := ParseCall(c.Encode()[:n]); err == nil {
			t.Errorf("%d bytes of a call were taken", n)
		}
	}
	// One of a later version.
	later := cbor.MustEncode(map[uint]any{1: c.LinkID[:], 2: c.Nonce[:], 3: "xy", 9: true})
	if got, err := ParseCall(later); err != nil || got.Hint != "xy" {
		t.Errorf("a later call: %+v, %v", got, err)
	}
	for name, m := range map[string]callMap{
		"link ID": {LinkID: make([]byte, 7), Nonce: make([]byte, 16)},
		"nonce":   {LinkID: make([]byte, 8), Nonce: make([]byte, 17)},
	} {
		if _, err := ParseCall(cbor.MustEncode(m)); err == nil {
			t.Errorf("%s of a wrong size was taken", name)
		}
	}
}

// Chromium's client looks at the number of the service though it does not need
// it, and drops an advertisement in which there is none.
func TestAdvertisementOfACallOpens(t *testing.T) {
	t.Parallel()
	seen := map[EID]bool{}
	key := EIDKeyFor(secret.Random(32), make([]byte, 16))
	for range 4096 { // a number that is not assigned is drawn once in 258 times
		e := NewCallEID()
		sealed := key.Seal(e)
		if got, _, ok := key.Open(sealed[:]); !ok || got != e {
			t.Fatalf("%x does not open", e)
		}
		if e[0] != 0 || seen[e] {
			t.Fatalf("%x", e)
		}
		seen[e] = true
	}
}

func TestPhoneDerivesItsLinks(t *testing.T) {
	t.Parallel()
	root, contact := secret.Random(32), []byte("contact")
	a := LinkSecret(root, contact, [8]byte{1})
	if !a.Equal(LinkSecret(root, contact, [8]byte{1})) || a.Len() != 32 {
		t.Error("the secret of a link changes")
	}
	for name, other := range map[string]secret.Key{
		"link":    LinkSecret(root, contact, [8]byte{2}),
		"contact": LinkSecret(root, []byte("other"), [8]byte{1}),
		"phone":   LinkSecret(secret.Random(32), contact, [8]byte{1}),
	} {
		if a.Equal(other) {
			t.Errorf("another %s has the same secret", name)
		}
	}
	if !IdentityKey(root).Equal(IdentityKey(root)) || IdentityKey(root).Equal(IdentityKey(secret.Random(32))) {
		t.Error("identity keys")
	}
}

func FuzzParseCall(f *testing.F) {
	f.Add(Call{Hint: HintGetAssertion}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCall(b)
		if err != nil {
			return
		}
		if got, err := ParseCall(c.Encode()); err != nil || got != c {
			t.Errorf("%+v became %+v, %v", c, got, err)
		}
	})
}

func FuzzParseLink(f *testing.F) {
	f.Add(newLink(f).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ParseLink(b)
		if err != nil {
			return
		}
		if got, err := ParseLink(l.Encode()); err != nil || !bytes.Equal(got.Encode(), l.Encode()) {
			t.Errorf("%+v became %+v, %v", l, got, err)
		}
	})
}
