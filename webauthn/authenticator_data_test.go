package webauthn_test

import (
	"bytes"
	"testing"

	"cardea/internal/cbor"
	"cardea/webauthn"
)

func TestFlagsFollowFromWhatIsPresent(t *testing.T) {
	t.Parallel()
	const lies = webauthn.FlagAttestedCredential | webauthn.FlagExtensionData
	plain := webauthn.AuthenticatorData{Flags: webauthn.FlagUserPresent | lies}.Encode()
	if got := webauthn.Flags(plain[32]); got != webauthn.FlagUserPresent {
		t.Errorf("flags %v, want UP", got)
	}
	full := webauthn.AuthenticatorData{
		Attested:   &webauthn.AttestedCredential{ID: []byte{1}, PublicKey: cbor.MustEncode(map[int]int{1: 2})},
		Extensions: cbor.MustEncode(map[string]int{"credProtect": 2}),
	}
	b := full.Encode()
	if got := webauthn.Flags(b[32]); got != lies {
		t.Errorf("flags %v, want AT ED", got)
	}
	back, err := webauthn.ParseAuthenticatorData(b)
	if err != nil || !bytes.Equal(back.Extensions, full.Extensions) || !bytes.Equal(back.Attested.PublicKey, full.Attested.PublicKey) {
		t.Errorf("Parse = %+v, %v", back, err)
	}
}

func TestEveryPrefixOfAuthenticatorDataIsRefused(t *testing.T) {
	t.Parallel()
	for _, v := range l3(t) {
		o, err := webauthn.ParseAttestationObject(unhex(t, v.Registration["attestationObject"]))
		if err != nil {
			t.Fatal(err)
		}
		for _, whole := range [][]byte{o.AuthData, unhex(t, v.Authentication["authenticatorData"])} {
			for n := range whole {
				if _, err := webauthn.ParseAuthenticatorData(whole[:n]); err == nil {
					t.Fatalf("%s: %d of %d bytes were taken", v.Name, n, len(whole))
				}
			}
			if _, err := webauthn.ParseAuthenticatorData(append(bytes.Clone(whole), 0)); err == nil {
				t.Fatalf("%s: a byte too many was taken", v.Name)
			}
		}
		object := unhex(t, v.Registration["attestationObject"])
		for n := range object {
			if _, err := webauthn.ParseAttestationObject(object[:n]); err == nil {
				t.Fatalf("%s: %d of %d bytes of the object were taken", v.Name, n, len(object))
			}
		}
	}
}

func TestMalformedAuthenticatorData(t *testing.T) {
	t.Parallel()
	header := func(flags webauthn.Flags) []byte {
		b := make([]byte, 37)
		b[32] = byte(flags)
		return b
	}
	attested := func(idLength ...byte) []byte {
		return append(append(header(webauthn.FlagAttestedCredential), make([]byte, 16)...), idLength...)
	}
	for _, tt := range []struct {
		name string
		in   []byte
	}{
		{"extensions promised and absent", header(webauthn.FlagExtensionData)},
		{"extensions are a list", append(header(webauthn.FlagExtensionData), 0x80)},
		{"extensions not promised", append(header(0), 0xa0)},
		{"credential promised and absent", header(webauthn.FlagAttestedCredential)},
		{"credential ID of 1024 bytes", append(attested(4, 0), append(make([]byte, 1024), 0xa0)...)},
		{"credential ID cut short", append(attested(0, 4), 1, 2)},
		{"public key missing", attested(0, 0)},
		{"public key with a repeated member", append(attested(0, 0), 0xa2, 1, 2, 1, 2)},
	} {
		if d, err := webauthn.ParseAuthenticatorData(tt.in); err == nil {
			t.Errorf("%s: %+v, want an error", tt.name, d)
		}
	}
	longest := append(attested(3, 0xff), append(make([]byte, webauthn.MaxCredentialID), 0xa0)...)
	if _, err := webauthn.ParseAuthenticatorData(longest); err != nil {
		t.Errorf("credential ID of 1023 bytes: %v", err)
	}
}

func TestFlagsString(t *testing.T) {
	t.Parallel()
	if got := webauthn.Flags(0xff).String(); got != "UP RFU1 UV BE BS RFU2 AT ED" {
		t.Errorf("String = %q", got)
	}
	if got := (webauthn.FlagUserPresent | webauthn.FlagUserVerified).String(); got != "UP UV" {
		t.Errorf("String = %q", got)
	}
}

func FuzzParseAuthenticatorData(f *testing.F) {
	for _, v := range l3(f) {
		o, err := webauthn.ParseAttestationObject(unhex(f, v.Registration["attestationObject"]))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(o.AuthData)
		f.Add(unhex(f, v.Authentication["authenticatorData"]))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		d, err := webauthn.ParseAuthenticatorData(in)
		if err != nil {
			return
		}
		if out := d.Encode(); !bytes.Equal(out, in) {
			t.Fatalf("Encode(Parse(%x)) = %x", in, out)
		}
	})
}

func FuzzParseAttestationObject(f *testing.F) {
	for _, v := range l3(f) {
		f.Add(unhex(f, v.Registration["attestationObject"]))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		o, err := webauthn.ParseAttestationObject(in)
		if err != nil {
			return
		}
		again, err := webauthn.ParseAttestationObject(o.Encode())
		if err != nil || again.Format != o.Format || !bytes.Equal(again.Statement, o.Statement) || !bytes.Equal(again.AuthData, o.AuthData) {
			t.Fatalf("Parse(Encode(%+v)) = %+v, %v", o, again, err)
		}
	})
}
