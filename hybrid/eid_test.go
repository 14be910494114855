package hybrid

import (
	"bytes"
	"testing"

	"cardea/internal/secret"
)

func TestDerivationVectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors[struct {
		Purpose   string
		Info      hexBytes
		Secret    hexBytes
		Salt      hexBytes
		Length    int
		OKM       hexBytes
		OKMPrefix hexBytes `json:"okm_prefix"`
	}](t, "hkdf.json") {
		got := derive(secret.New(v.Secret), v.Salt, purpose(v.Info[0]), v.Length)
		want := append(v.OKM, v.OKMPrefix...)
		if len(want) == 0 || !bytes.HasPrefix(got, want) || len(got) != v.Length {
			t.Errorf("%s of %x = %x, want %x", v.Purpose, []byte(v.Secret), got, []byte(want))
		}
		switch purpose(v.Info[0]) {
		case purposeTunnelID:
			if id := TunnelIDFor(secret.New(v.Secret)); !bytes.Equal(id[:], want) {
				t.Errorf("TunnelIDFor(%x) = %x, want %x", []byte(v.Secret), id, []byte(want))
			}
		case purposeEIDKey:
			if key := EIDKeyFor(secret.New(v.Secret), v.Salt); !bytes.HasPrefix(key.k.Expose(), want) {
				t.Errorf("EIDKeyFor(%x, %x) differs", []byte(v.Secret), []byte(v.Salt))
			}
		}
	}
}

type eidVector struct {
	Kind      string
	Secret    hexBytes
	Advert    hexBytes
	Plaintext hexBytes
	Nonce     hexBytes
	RoutingID hexBytes `json:"routing_id"`
	DomainID  Service  `json:"domain_id"`
	Why       string
}

func TestAdvertisementVectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors[eidVector](t, "eid.json") {
		switch v.Kind {
		case "decrypt":
			checkAdvert(t, v)
		case "decrypt_must_fail":
			if e, _, ok := EIDKeyFor(secret.New(v.Secret), nil).Open(v.Advert); ok {
				t.Errorf("%s: Open = %x", v.Why, e)
			}
		case "parse_plaintext":
			checkEID(t, v, EID(v.Plaintext))
		case "parse_must_fail":
			key := EIDKeyFor(secret.Random(16), nil)
			sealed := key.Seal(EID(v.Plaintext))
			if e, _, ok := key.Open(sealed[:]); ok {
				t.Errorf("%s: Open = %x", v.Why, e)
			}
		}
	}
}

func checkAdvert(t *testing.T, v eidVector) {
	t.Helper()
	key := EIDKeyFor(secret.New(v.Secret), nil)
	e, suffix, ok := key.Open(v.Advert)
	if !ok || len(suffix) != 0 {
		t.Errorf("Open(%x) = %x, %x, %v", []byte(v.Advert), e, suffix, ok)
		return
	}
	if len(v.Plaintext) != 0 && !bytes.Equal(e[:], v.Plaintext) {
		t.Errorf("Open(%x) = %x, want %x", []byte(v.Advert), e, []byte(v.Plaintext))
	}
	checkEID(t, v, e)
	if sealed := key.Seal(e); !bytes.Equal(sealed[:], v.Advert) {
		t.Errorf("Seal(%x) = %x, want %x", e, sealed, []byte(v.Advert))
	}
}

func checkEID(t *testing.T, v eidVector, e EID) {
	t.Helper()
	r := e.RoutingID()
	if !e.valid() || !bytes.Equal(e[1:11], v.Nonce) || !bytes.Equal(r[:], v.RoutingID) || e.Service() != v.DomainID {
		t.Errorf("%x: valid %v, nonce %x, routing ID %x, service %d", e, e.valid(), e[1:11], r, e.Service())
	}
}

func TestAdvertisementWithOneWrongBitIsNotForUs(t *testing.T) {
	t.Parallel()
	key := EIDKeyFor(secret.Random(16), nil)
	sealed := key.Seal(NewEID(RoutingID{1, 2, 3}, ServiceApple))
	for bit := range 8 * AdvertSize {
		damaged := sealed
		damaged[bit/8] ^= 1 << (bit % 8)
		if _, _, ok := key.Open(damaged[:]); ok {
			t.Errorf("bit %d changed: Open took it", bit)
		}
	}
	for n := range AdvertSize {
		if _, _, ok := key.Open(sealed[:n]); ok {
			t.Errorf("Open took %d bytes", n)
		}
	}
}

func TestEIDsAreFresh(t *testing.T) {
	t.Parallel()
	one, two := NewEID(RoutingID{}, ServiceApple), NewEID(RoutingID{}, ServiceApple)
	if one == two {
		t.Error("two EIDs are the same")
	}
	s := secret.Random(16)
	if PSKFor(s, one).Equal(PSKFor(s, two)) {
		t.Error("two EIDs lead to one PSK")
	}
}

func TestSuffixVectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors[struct {
		Kind string
		Hex  hexBytes
		PSM  *PSM
		Map  map[string]any
	}](t, "suffix.json") {
		in := []byte(v.Hex)
		switch v.Kind {
		case "suffix_semantics":
			in = encodeMap(t, v.Map)
		case "suffix_length":
			continue // a length without bytes
		}
		psm, ok := ParseSuffix(in)
		if ok != (v.PSM != nil) || ok && psm != *v.PSM {
			t.Errorf("ParseSuffix(%x) = %#x, %v, want %v", in, psm, ok, v.PSM)
		}
	}
}

func TestSuffixComesAfterTheEID(t *testing.T) {
	t.Parallel()
	key := EIDKeyFor(secret.Random(16), nil)
	want := NewEID(RoutingID{1, 2, 3}, 300)
	sealed := key.Seal(want)
	e, suffix, ok := key.Open(append(sealed[:], 0xa1, 0x01, 0x18, 0x82))
	if !ok || e != want {
		t.Fatalf("Open = %x, %v", e, ok)
	}
	if got := Suffix(0x82); !bytes.Equal(got, suffix) {
		t.Errorf("Suffix = %x, want %x as the phone sent it", got, suffix)
	}
	if psm, ok := ParseSuffix(suffix); !ok || psm != 0x82 {
		t.Errorf("ParseSuffix = %#x, %v", psm, ok)
	}
}

func FuzzOpen(f *testing.F) {
	key := EIDKeyFor(secret.New(make([]byte, 16)), nil)
	for _, v := range readVectors[eidVector](f, "eid.json") {
		f.Add([]byte(v.Advert))
	}
	sealed := key.Seal(NewEID(RoutingID{}, ServiceApple))
	f.Add(sealed[:])
	f.Fuzz(func(t *testing.T, serviceData []byte) {
		e, suffix, ok := key.Open(serviceData)
		if !ok {
			return
		}
		sealed := key.Seal(e)
		if again := append(sealed[:], suffix...); !bytes.Equal(again, serviceData) {
			t.Errorf("Seal(Open(%x)) = %x", serviceData, again)
		}
	})
}

func FuzzParseSuffix(f *testing.F) {
	f.Add([]byte{0xa1, 0x01, 0x18, 0x82})
	f.Add([]byte{0xa1, 0x00, 0x00})
	f.Fuzz(func(t *testing.T, suffix []byte) { ParseSuffix(suffix) })
}

// A client opens every advertisement in the room.
func BenchmarkOpenForeignAdvertisement(b *testing.B) {
	key := EIDKeyFor(secret.Random(16), nil)
	foreign := EIDKeyFor(secret.Random(16), nil).Seal(NewEID(RoutingID{}, ServiceApple))
	for b.Loop() {
		key.Open(foreign[:])
	}
}
