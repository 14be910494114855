package webauthn_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/webauthn"
)

func TestBytesAreBase64URLWithoutPadding(t *testing.T) {
	t.Parallel()
	in := webauthn.Bytes{0xfb, 0xff, 0xfe, 0x01}
	out, err := json.Marshal(in)
	if err != nil || string(out) != `"-__-AQ"` {
		t.Fatalf("Marshal = %s, %v", out, err)
	}
	for _, tt := range []struct{ name, in string }{
		{"padded", `"-__-AQ=="`},
		{"plain base64", `"+//+AQ"`},
		{"bits left over", `"-__-AR"`},
		{"a line break", `"-__-\nAQ"`},
		{"one character", `"A"`},
		{"a number", `7`},
		{"a list", `[1]`},
	} {
		var b webauthn.Bytes
		if err := json.Unmarshal([]byte(tt.in), &b); err == nil {
			t.Errorf("%s: Unmarshal(%s) = %x, want an error", tt.name, tt.in, b)
		}
	}
}

func TestCreationOptionsOfABrowser(t *testing.T) {
	t.Parallel()
	// As Chromium 156 hands them to a webAuthenticationProxy.
	const in = `{"attestation":"none","authenticatorSelection":{"residentKey":"required","userVerification":"required"},` +
		`"challenge":"AQEB","excludeCredentials":[{"id":"CQ","transports":["hybrid","internal"],"type":"public-key"}],` +
		`"extensions":{"credProps":true,"remoteDesktopClientOverride":{"origin":"http://login.cardea.localhost:44679","sameOriginWithAncestors":true}},` +
		`"hints":["hybrid"],"pubKeyCredParams":[{"alg":-7,"type":"public-key"}],"rp":{"id":"cardea.localhost","name":"Cardea"},` +
		`"timeout":180000,"user":{"displayName":"Ana","id":"CQkJ","name":"ana"}}`
	var got webauthn.CreationOptions
	if err := json.Unmarshal([]byte(in), &got); err != nil {
		t.Fatal(err)
	}
	want := webauthn.CreationOptions{
		RP:               webauthn.RPEntity{ID: "cardea.localhost", Name: "Cardea"},
		User:             webauthn.UserEntity{ID: []byte{9, 9, 9}, Name: "ana", DisplayName: "Ana"},
		Challenge:        []byte{1, 1, 1},
		PubKeyCredParams: []webauthn.CredentialParameters{{Type: webauthn.PublicKeyType, Alg: webauthn.ES256}},
		Timeout:          180000,
		ExcludeCredentials: []webauthn.CredentialDescriptor{{
			Type: webauthn.PublicKeyType, ID: []byte{9}, Transports: []string{webauthn.TransportHybrid, webauthn.TransportInternal},
		}},
		AuthenticatorSelection: &webauthn.AuthenticatorSelection{
			ResidentKey: webauthn.Required, UserVerification: webauthn.Required,
		},
		Hints:       []string{"hybrid"},
		Attestation: webauthn.AttestationNone,
		Extensions: map[string]json.RawMessage{
			"credProps":                   json.RawMessage("true"),
			"remoteDesktopClientOverride": json.RawMessage(`{"origin":"http://login.cardea.localhost:44679","sameOriginWithAncestors":true}`),
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	roundTrip(t, got)
}

func TestRequestOptionsOfABrowser(t *testing.T) {
	t.Parallel()
	const in = `{"allowCredentials":[],"challenge":"AQEB","rpId":"cardea.localhost","userVerification":"required"}`
	var got webauthn.RequestOptions
	if err := json.Unmarshal([]byte(in), &got); err != nil {
		t.Fatal(err)
	}
	want := webauthn.RequestOptions{
		Challenge: []byte{1, 1, 1}, RPID: "cardea.localhost",
		AllowCredentials: []webauthn.CredentialDescriptor{}, UserVerification: webauthn.Required,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestRegistrationResponseJSON(t *testing.T) {
	t.Parallel()
	id := webauthn.CredentialID{0xfb, 1}
	r := webauthn.RegistrationResponse{
		ID: id.String(), RawID: id, Type: webauthn.PublicKeyType,
		AuthenticatorAttachment: webauthn.AttachmentPlatform,
		Response: webauthn.AttestationResponse{
			ClientDataJSON: []byte("{}"), AuthenticatorData: []byte{1}, Transports: []string{"internal"},
			PublicKey: []byte{2}, PublicKeyAlgorithm: webauthn.ES256, AttestationObject: []byte{3},
		},
		ClientExtensionResults: map[string]json.RawMessage{},
	}
	const want = `{"id":"-wE","rawId":"-wE","type":"public-key","authenticatorAttachment":"platform",` +
		`"response":{"clientDataJSON":"e30","authenticatorData":"AQ","transports":["internal"],"publicKey":"Ag",` +
		`"publicKeyAlgorithm":-7,"attestationObject":"Aw"},"clientExtensionResults":{}}`
	if got := marshal(t, r); got != want {
		t.Errorf("Marshal =\n %s, want\n %s", got, want)
	}
	roundTrip(t, r)
}

func TestAuthenticationResponseJSON(t *testing.T) {
	t.Parallel()
	id := webauthn.CredentialID{0xfb, 1}
	r := webauthn.AuthenticationResponse{
		ID: id.String(), RawID: id, Type: webauthn.PublicKeyType,
		Response: webauthn.AssertionResponse{
			ClientDataJSON: []byte("{}"), AuthenticatorData: []byte{1}, Signature: []byte{2}, UserHandle: []byte{3},
		},
		ClientExtensionResults: map[string]json.RawMessage{},
	}
	const want = `{"id":"-wE","rawId":"-wE","type":"public-key","response":{"clientDataJSON":"e30",` +
		`"authenticatorData":"AQ","signature":"Ag","userHandle":"Aw"},"clientExtensionResults":{}}`
	if got := marshal(t, r); got != want {
		t.Errorf("Marshal =\n %s, want\n %s", got, want)
	}
	roundTrip(t, r)
	// Browsers refuse a null here (§5.1.8: absent).
	r.Response.UserHandle = nil
	if got := marshal(t, r); strings.Contains(got, "userHandle") || strings.Contains(got, "null") {
		t.Errorf("Marshal = %s, want no userHandle", got)
	}
}

func TestAAGUID(t *testing.T) {
	t.Parallel()
	const text = "3fd0e7a2-5c1b-4b0e-9d57-0c4f5a2e17a1"
	a, err := webauthn.ParseAAGUID(text)
	if err != nil || a.String() != text || a.IsZero() {
		t.Fatalf("ParseAAGUID = %v, %v", a, err)
	}
	if !(webauthn.AAGUID{}).IsZero() {
		t.Error("the zero AAGUID is not zero")
	}
	for _, bad := range []string{
		"", "3fd0e7a25c1b4b0e9d570c4f5a2e17a1", text + "0", text[:35], "3fd0e7a2-5c1b-4b0e-9d57-0c4f5a2e17ag",
		"3fd0e7a-25c1b-4b0e-9d57-0c4f5a2e17a1", "--------------------------------3fd0",
	} {
		if a, err := webauthn.ParseAAGUID(bad); err == nil {
			t.Errorf("ParseAAGUID(%q) = %v, want an error", bad, a)
		}
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func roundTrip[T any](t *testing.T, v T) {
	t.Helper()
	var back T
	if err := json.Unmarshal([]byte(marshal(t, v)), &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(v, back); d != "" {
		t.Errorf("does not come back the same: %s", d)
	}
}

func FuzzBytesJSON(f *testing.F) {
	for _, s := range []string{`""`, `"AQ"`, `"-__-AQ"`, `"AQ=="`, `"AR"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var b, again webauthn.Bytes
		if json.Unmarshal(in, &b) != nil {
			return
		}
		out, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &again); err != nil || string(again) != string(b) {
			t.Fatalf("%s reads as %x and comes back as %x, %v", in, b, again, err)
		}
	})
}
