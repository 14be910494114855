package webauthn_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"testing"

	"cardea/internal/cbor"
	"cardea/webauthn"
)

func newPublicKey(t testing.TB, curve elliptic.Curve) *ecdsa.PublicKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &key.PublicKey
}

func TestPublicKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	point, _ := newPublicKey(t, elliptic.P256()).Bytes()
	x, y := point[1:33], point[33:]
	key := func(change func(map[int]any)) cbor.Raw {
		m := map[int]any{1: 2, 3: -7, -1: 1, -2: x, -3: y}
		change(m)
		return cbor.MustEncode(m)
	}
	if _, err := webauthn.ParsePublicKey(key(func(map[int]any) {})); err != nil {
		t.Fatal(err) // or all the refusals below prove nothing
	}
	for _, tt := range []struct {
		name string
		raw  cbor.Raw
	}{
		{"no key type", key(func(m map[int]any) { delete(m, 1) })},
		{"no algorithm", key(func(m map[int]any) { delete(m, 3) })},
		{"another algorithm", key(func(m map[int]any) { m[3] = -35 })},
		{"another curve", key(func(m map[int]any) { m[-1] = 2 })},
		{"no Y", key(func(m map[int]any) { delete(m, -3) })},
		{"Y as a sign", key(func(m map[int]any) { m[-3] = true })},
		{"X cut short", key(func(m map[int]any) { m[-2] = x[1:] })},
		{"X with a zero before", key(func(m map[int]any) { m[-2] = append([]byte{0}, x...) })},
		{"not on the curve", key(func(m map[int]any) { m[-3] = x })},
		{"the point at infinity", key(func(m map[int]any) { m[-2], m[-3] = make([]byte, 32), make([]byte, 32) })},
		{"not a map", cbor.MustEncode([]int{1})},
		{"nothing", nil},
		{"a byte too many", append(key(func(map[int]any) {}), 0)},
	} {
		if pub, err := webauthn.ParsePublicKey(tt.raw); err == nil {
			t.Errorf("%s: %v, want an error", tt.name, pub)
		}
	}
	if _, err := webauthn.EncodePublicKey(newPublicKey(t, elliptic.P384())); err == nil {
		t.Error("EncodePublicKey took a P-384 key")
	}
	if _, err := webauthn.Algorithm(key(func(m map[int]any) { delete(m, 3) })); err == nil {
		t.Error("Algorithm made one up")
	}
}

func TestSubjectPublicKeyInfoIsWhatX509Reads(t *testing.T) {
	t.Parallel()
	pub := newPublicKey(t, elliptic.P256())
	raw, err := webauthn.EncodePublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	der, err := webauthn.SubjectPublicKeyInfo(raw)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := x509.ParsePKIXPublicKey(der); err != nil || !pub.Equal(got) {
		t.Errorf("ParsePKIXPublicKey = %v, %v", got, err)
	}
}

func FuzzParsePublicKey(f *testing.F) {
	raw, err := webauthn.EncodePublicKey(newPublicKey(f, elliptic.P256()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(raw))
	f.Fuzz(func(t *testing.T, in []byte) {
		pub, err := webauthn.ParsePublicKey(in)
		if err != nil {
			return
		}
		out, err := webauthn.EncodePublicKey(pub)
		if err != nil {
			t.Fatal(err)
		}
		// Members that are not known are read over, so only the key is held to
		// come back.
		if again, err := webauthn.ParsePublicKey(out); err != nil || !again.Equal(pub) {
			t.Fatalf("Parse(Encode(%x)) = %v, %v", in, again, err)
		}
		if len(out) == len(in) && !bytes.Equal(out, in) {
			t.Fatalf("Encode(Parse(%x)) = %x", in, out)
		}
	})
}
