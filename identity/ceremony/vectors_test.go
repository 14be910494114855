package ceremony

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	library "github.com/go-webauthn/webauthn/webauthn"

	"cardea/identity/directory"
	"cardea/webauthn"
)

// vector is one entry of WebAuthn Level 3 §16: a registration and a sign-in
// with the same passkey. The file is the text's own, see its provenance lines.
type vector struct {
	Name         string
	Registration *struct {
		Challenge         string `json:"challenge"`
		CredentialID      string `json:"credential_id"`
		ClientDataJSON    string `json:"clientDataJSON"`
		AttestationObject string `json:"attestationObject"`
	}
	Authentication struct {
		Challenge         string `json:"challenge"`
		ClientDataJSON    string `json:"clientDataJSON"`
		AuthenticatorData string `json:"authenticatorData"`
		Signature         string `json:"signature"`
	}
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	b, err := os.ReadFile("testdata/webauthn_l3_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	var list []vector
	for _, v := range file.Vectors {
		if v.Registration != nil { // the first entry is the root certificate
			list = append(list, v)
		}
	}
	if len(list) != 15 {
		t.Fatalf("%d vectors, want 15", len(list))
	}
	return list
}

func unhex(t *testing.T, s string) webauthn.Bytes {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (v vector) creation(t *testing.T) []byte {
	t.Helper()
	r := v.Registration
	id := unhex(t, r.CredentialID)
	return encode(t, webauthn.RegistrationResponse{
		ID: id.String(), RawID: id, Type: webauthn.PublicKeyType,
		Response: webauthn.AttestationResponse{
			ClientDataJSON:    unhex(t, r.ClientDataJSON),
			AttestationObject: unhex(t, r.AttestationObject), Transports: []string{},
		},
		ClientExtensionResults: map[string]json.RawMessage{},
	})
}

func (v vector) assertion(t *testing.T, handle webauthn.UserHandle) []byte {
	t.Helper()
	a := v.Authentication
	id := unhex(t, v.Registration.CredentialID)
	return encode(t, webauthn.AuthenticationResponse{
		ID: id.String(), RawID: id, Type: webauthn.PublicKeyType,
		Response: webauthn.AssertionResponse{
			ClientDataJSON:    unhex(t, a.ClientDataJSON),
			AuthenticatorData: unhex(t, a.AuthenticatorData), Signature: unhex(t, a.Signature), UserHandle: handle,
		},
		ClientExtensionResults: map[string]json.RawMessage{},
	})
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var vectorHouse = Config{RPID: "example.org", RPName: "Vectors", Origins: []webauthn.Origin{"https://example.org"}}

// librarySession is the session of a ceremony with that challenge, as the
// library would have sealed it.
func librarySession(t *testing.T, challenge string, s library.SessionData) json.RawMessage {
	t.Helper()
	s.Challenge = base64.RawURLEncoding.EncodeToString(unhex(t, challenge))
	s.RelyingPartyID, s.Origin = "example.org", "https://example.org"
	return encode(t, s)
}

func params(algs ...webauthn.COSEAlgorithm) []protocol.CredentialParameter {
	var list []protocol.CredentialParameter
	for _, a := range algs {
		list = append(list, protocol.CredentialParameter{
			Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.COSEAlgorithmIdentifier(a),
		})
	}
	return list
}

// Many of the vectors were made without the person being verified, in frames or
// with algorithms that we do not offer. This is what our rules make of them.
func TestVectorsUnderOurRules(t *testing.T) {
	t.Parallel()
	want := map[string][2]Reason{ // registration, sign-in; "" is a yes
		"ES256 Credential with No Attestation":                        {ReasonNotVerified, ReasonNotVerified},
		"ES256 Credential with Self Attestation":                      {"", ReasonNotVerified},
		`ES256 Credential with "crossOrigin": true in clientDataJSON`: {ReasonCrossOrigin, ReasonCrossOrigin},
		`ES256 Credential with "topOrigin" in clientDataJSON`:         {ReasonCrossOrigin, ReasonCrossOrigin},
		"ES256 Credential with very long credential ID":               {ReasonNotVerified, ""},
		"Packed Attestation with ES256 Credential":                    {"", ""},
		"Packed Attestation with ES384 Credential":                    {ReasonNotVerified, ""},
		"Packed Attestation with ES512 Credential":                    {ReasonAlgorithm, ReasonNotVerified},
		"Packed Attestation with RS256 Credential":                    {"", ReasonNotVerified},
		"Packed Attestation with Ed25519 Credential":                  {ReasonNotVerified, ReasonNotVerified},
		"Packed Attestation with Ed448 Credential":                    {ReasonNotVerified, ReasonBadSignature},
		"TPM Attestation with ES256 Credential":                       {ReasonAttestation, ""},
		"Android Key Attestation with ES256 Credential":               {ReasonAttestation, ReasonNotVerified},
		"Apple Anonymous Attestation with ES256 Credential":           {ReasonNotVerified, ReasonNotVerified},
		"FIDO U2F Attestation with ES256 Credential":                  {ReasonNotVerified, ReasonNotVerified},
	}
	v, err := newVerifier(vectorHouse)
	if err != nil {
		t.Fatal(err)
	}
	u := directory.User{ID: "u", Handle: webauthn.UserHandle("handle of the vectors")}
	for _, vec := range readVectors(t) {
		t.Run(vec.Name, func(t *testing.T) {
			lib := librarySession(t, vec.Registration.Challenge, library.SessionData{
				UserID: u.Handle, UserVerification: protocol.VerificationRequired, CredParams: params(algorithms...),
			})
			_, refusal := v.verifyCreation(person{user: u}, lib, vec.creation(t))
			if got := reasonOf(refusal); got != want[vec.Name][0] {
				t.Errorf("registration: %q (%v), want %q", got, refusal, want[vec.Name][0])
			}
			got := v.signInWith(t, vec, u)
			if got != want[vec.Name][1] {
				t.Errorf("sign-in: %q, want %q", got, want[vec.Name][1])
			}
		})
	}
}

func reasonOf(r *Refusal) Reason {
	if r == nil {
		return ""
	}
	return r.Reason
}

// signInWith verifies the sign-in of a vector as if its passkey had been
// registered, whatever our rules said.
func (v *verifier) signInWith(t *testing.T, vec vector, u directory.User) Reason {
	t.Helper()
	o, err := protocol.ParseCredentialCreationResponseBytes(vec.creation(t))
	if err != nil {
		t.Fatal(err)
	}
	data := o.Response.AttestationObject.AuthData
	k := directory.Passkey{
		CredentialID: data.AttData.CredentialID, PublicKey: data.AttData.CredentialPublicKey, Flags: webauthn.Flags(data.Flags),
	}
	_, parsed, err := claimed(vec.assertion(t, u.Handle))
	if err != nil {
		t.Fatal(err)
	}
	lib := librarySession(t, vec.Authentication.Challenge, library.SessionData{UserVerification: protocol.VerificationRequired})
	_, refusal := v.verifyAssertion(lib, expected{}, parsed, u, k)
	return reasonOf(refusal)
}

// The library that we rest on, with our rules out of the way, must go on
// saying of each vector what it says today. TPM: the manufacturer is made up.
// Android and Apple: their own roots did not sign the vectors.
func TestVectorsUnderTheLibrary(t *testing.T) {
	t.Parallel()
	refused := map[string]string{
		"Packed Attestation with Ed448 Credential":          "invalid_attestation",
		"TPM Attestation with ES256 Credential":             "invalid_attestation",
		"Android Key Attestation with ES256 Credential":     "invalid_attestation",
		"Apple Anonymous Attestation with ES256 Credential": "invalid_attestation",
	}
	lib, err := library.New(&library.Config{
		RPID: "example.org", RPDisplayName: "Vectors", RPOrigins: []string{"https://example.org"},
		RPAllowCrossOrigin: true, RPTopOrigins: []string{"https://example.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	u := person{user: directory.User{Handle: webauthn.UserHandle("handle of the vectors")}}
	all := params(webauthn.ES256, webauthn.EdDSA, webauthn.ES384, webauthn.RS256, -36)
	for _, vec := range readVectors(t) {
		t.Run(vec.Name, func(t *testing.T) {
			var s library.SessionData
			if err := json.Unmarshal(librarySession(t, vec.Registration.Challenge,
				library.SessionData{UserID: u.user.Handle, CredParams: all}), &s); err != nil {
				t.Fatal(err)
			}
			parsed, err := protocol.ParseCredentialCreationResponseBytes(vec.creation(t))
			if err != nil {
				t.Fatal(err)
			}
			_, err = lib.CreateCredential(u, s, parsed)
			want, no := refused[vec.Name]
			if (err != nil) != no {
				t.Fatalf("CreateCredential() = %v, want refused: %v", err, no)
			}
			if no && !strings.HasPrefix(describe(err).Error(), want) {
				t.Errorf("refused as %v, want %s", describe(err), want)
			}
		})
	}
}
