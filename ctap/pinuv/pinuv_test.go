package pinuv

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"cardea/ctap"
	"cardea/internal/cbor"
	"cardea/internal/secret"
)

// pair returns what both ends have after a key agreement.
func pair(t *testing.T, p Protocol) (client, authenticator Shared) {
	t.Helper()
	key, err := NewKeyAgreement()
	if err != nil {
		t.Fatal(err)
	}
	client, public, err := Encapsulate(p, key.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	authenticator, err = key.Decapsulate(p, public)
	if err != nil {
		t.Fatal(err)
	}
	return client, authenticator
}

func TestBothEndsMeet(t *testing.T) {
	t.Parallel()
	for _, p := range []Protocol{One, Two} {
		client, authenticator := pair(t, p)
		token, err := NewToken(p)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := authenticator.Encrypt(token.Key().Expose())
		if err != nil {
			t.Fatal(err)
		}
		plain, err := client.Decrypt(sealed)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := TokenOf(p, secret.New(plain))
		if err != nil {
			t.Fatal(err)
		}
		if !token.Verify([]byte("m"), theirs.Authenticate([]byte("m"))) {
			t.Errorf("protocol %d: the client's token does not verify", p)
		}
		if !authenticator.Verify([]byte("m"), client.Authenticate([]byte("m"))) {
			t.Errorf("protocol %d: the client's tag does not verify", p)
		}
	}
}

func TestATokenIsGoodForItsProtocolOnly(t *testing.T) {
	t.Parallel()
	key := secret.Random(TokenSize)
	one, err1 := TokenOf(One, key)
	two, err2 := TokenOf(Two, key)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	m := []byte("m")
	if one.Verify(m, two.Authenticate(m)) || two.Verify(m, one.Authenticate(m)) {
		t.Error("a tag of one protocol verifies under the other")
	}
	if (Token{}).Verify(m, (Token{}).Authenticate(m)) {
		t.Error("the zero token verifies")
	}
	if _, err := TokenOf(Two, secret.Random(16)); err == nil {
		t.Error("protocol two took a token of 16 bytes")
	}
	if _, err := TokenOf(3, key); err == nil {
		t.Error("a third protocol took a token")
	}
}

func TestProtocolTwoNeverRepeatsACiphertext(t *testing.T) {
	t.Parallel()
	s, _ := pair(t, Two)
	a, err1 := s.Encrypt(make([]byte, 32))
	b, err2 := s.Encrypt(make([]byte, 32))
	if err := errors.Join(err1, err2); err != nil || bytes.Equal(a, b) || len(a) != 16+32 {
		t.Errorf("Encrypt = %x and %x, %v", a, b, err)
	}
}

func TestPartsOfBlocksAreRefused(t *testing.T) {
	t.Parallel()
	for _, p := range []Protocol{One, Two} {
		s, _ := pair(t, p)
		for n := range 64 {
			_, errEnc := s.Encrypt(make([]byte, n))
			if whole := n%16 == 0; whole != (errEnc == nil) {
				t.Errorf("protocol %d: Encrypt of %d bytes: %v", p, n, errEnc)
			}
			_, errDec := s.Decrypt(make([]byte, n))
			if whole := n%16 == 0 && (p == One || n >= 16); whole != (errDec == nil) {
				t.Errorf("protocol %d: Decrypt of %d bytes: %v", p, n, errDec)
			}
		}
	}
}

func TestKeyAgreementKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	key, err := NewKeyAgreement()
	if err != nil {
		t.Fatal(err)
	}
	point := key.key.PublicKey().Bytes()
	x, y := point[1:33], point[33:]
	change := func(f func(map[int]any)) cbor.Raw {
		m := map[int]any{1: 2, 3: -25, -1: 1, -2: x, -3: y}
		f(m)
		return cbor.MustEncode(m)
	}
	if _, err := ParsePublicKey(change(func(map[int]any) {})); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		raw  cbor.Raw
	}{
		{"another key type", change(func(m map[int]any) { m[1] = 1 })},
		{"a signing algorithm", change(func(m map[int]any) { m[3] = -7 })},
		{"another curve", change(func(m map[int]any) { m[-1] = 2 })},
		{"one member more", change(func(m map[int]any) { m[4] = 1 })},
		{"one member less", change(func(m map[int]any) { delete(m, 3) })},
		{"X cut short", change(func(m map[int]any) { m[-2] = x[:31] })},
		{"not on the curve", change(func(m map[int]any) { m[-3] = x })},
		{"a list", cbor.MustEncode([]int{2, -25})},
		{"nothing", nil},
	} {
		if pub, err := ParsePublicKey(tt.raw); err == nil {
			t.Errorf("%s: %v, want an error", tt.name, pub)
		}
		if _, err := key.Decapsulate(Two, tt.raw); err == nil {
			t.Errorf("%s: Decapsulate took it", tt.name)
		}
		if _, _, err := Encapsulate(Two, tt.raw); err == nil {
			t.Errorf("%s: Encapsulate took it", tt.name)
		}
	}
	if _, err := key.Decapsulate(3, key.PublicKey()); err == nil {
		t.Error("Decapsulate took a third protocol")
	}
}

func TestPINPolicy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		pin  string
		min  int
		ok   bool
	}{
		{"four digits", "1234", 0, true},
		{"three digits", "123", 0, false},
		{"nothing", "", 0, false},
		{"four letters of three bytes", "水火木金", 0, true},
		{"three letters of three bytes", "水火木", 0, false},
		{"63 bytes", strings.Repeat("x", 63), 0, true},
		{"64 bytes", strings.Repeat("x", 64), 0, false},
		{"fewer than this authenticator wants", "12345", 6, false},
		{"as many as this authenticator wants", "123456", 6, true},
		{"not UTF-8", "123\xff", 0, false},
		{"a zero at the end", "1234\x00", 0, false},
	} {
		padded, err := PadPIN(tt.pin, tt.min)
		if tt.ok != (err == nil) || !tt.ok && err != ctap.PINPolicyViolation {
			t.Errorf("%s: PadPIN = %v, want ok %v", tt.name, err, tt.ok)
		}
		if !tt.ok {
			continue
		}
		if got, err := UnpadPIN(padded, tt.min); got != tt.pin || err != nil {
			t.Errorf("%s: UnpadPIN = %q, %v", tt.name, got, err)
		}
	}
}

func TestPaddedPINsThatAreRefused(t *testing.T) {
	t.Parallel()
	full := bytes.Repeat([]byte("x"), 64)
	for _, tt := range []struct {
		name string
		in   []byte
		want ctap.Status
	}{
		{"63 bytes", full[:63], ctap.InvalidParameter},
		{"80 bytes", make([]byte, 80), ctap.InvalidParameter},
		{"no zero at the end", full, ctap.PINPolicyViolation},
		{"only zeros", make([]byte, 64), ctap.PINPolicyViolation},
	} {
		if _, err := UnpadPIN(tt.in, 0); err != tt.want {
			t.Errorf("%s: UnpadPIN = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func FuzzParsePublicKey(f *testing.F) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(EncodePublicKey(key.PublicKey())))
	f.Fuzz(func(t *testing.T, in []byte) {
		pub, err := ParsePublicKey(in)
		if err != nil {
			return
		}
		if out := EncodePublicKey(pub); !bytes.Equal(out, in) {
			t.Fatalf("Encode(Parse(%x)) = %x", in, out)
		}
	})
}
