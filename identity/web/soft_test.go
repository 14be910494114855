package web_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"testing"

	"cardea/internal/cbor"
	"cardea/webauthn"
)

// soft is an authenticator and the browser in front of it, without a person.
type soft struct {
	t      testing.TB
	key    *ecdsa.PrivateKey
	id     webauthn.CredentialID
	handle webauthn.UserHandle
	aaguid webauthn.AAGUID
	flags  webauthn.Flags
	// attachment is what the browser says at sign-in of where it is.
	attachment string
}

func newSoft(t testing.TB) *soft {
	t.Helper()
	id := make([]byte, 32)
	rand.Read(id)
	return &soft{
		t: t, id: id, key: must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
		aaguid: webauthn.MustParseAAGUID("8c61b9d4-02f7-4e53-8a9e-6b1d4e7c3f52"),
		flags:  webauthn.FlagUserPresent | webauthn.FlagUserVerified,
	}
}

func (s *soft) data() webauthn.AuthenticatorData {
	return webauthn.AuthenticatorData{
		RPIDHash: sha256.Sum256([]byte(testRPID)), Flags: s.flags,
	}
}

// create answers creation options on a page of origin.
func (s *soft) create(options json.RawMessage, origin string) webauthn.RegistrationResponse {
	s.t.Helper()
	var o webauthn.CreationOptions
	if err := json.Unmarshal(options, &o); err != nil {
		s.t.Fatal(err)
	}
	s.handle = o.User.ID
	client := webauthn.ClientData{Type: webauthn.TypeCreate, Challenge: o.Challenge, Origin: webauthn.Origin(origin)}
	data := s.data()
	data.Attested = &webauthn.AttestedCredential{
		AAGUID: s.aaguid, ID: s.id, PublicKey: must[cbor.Raw](s.t)(webauthn.EncodePublicKey(&s.key.PublicKey)),
	}
	object := webauthn.AttestationObject{Format: "none", Statement: cbor.MustEncode(map[string]any{}), AuthData: data.Encode()}
	return webauthn.RegistrationResponse{
		ID: s.id.String(), RawID: s.id, Type: webauthn.PublicKeyType,
		Response: webauthn.AttestationResponse{
			ClientDataJSON: client.JSON(), AuthenticatorData: data.Encode(), Transports: []string{webauthn.TransportInternal},
			PublicKeyAlgorithm: webauthn.ES256, AttestationObject: object.Encode(),
		},
		ClientExtensionResults: map[string]json.RawMessage{"credProps": json.RawMessage(`{"rk":true}`)},
	}
}

// get answers request options on a page of origin.
func (s *soft) get(options json.RawMessage, origin string) webauthn.AuthenticationResponse {
	s.t.Helper()
	var o webauthn.RequestOptions
	if err := json.Unmarshal(options, &o); err != nil {
		s.t.Fatal(err)
	}
	client := webauthn.ClientData{Type: webauthn.TypeGet, Challenge: o.Challenge, Origin: webauthn.Origin(origin)}
	data, hash := s.data().Encode(), client.Hash()
	sum := sha256.Sum256(append(data[:len(data):len(data)], hash[:]...))
	return webauthn.AuthenticationResponse{
		ID: s.id.String(), RawID: s.id, Type: webauthn.PublicKeyType, AuthenticatorAttachment: s.attachment,
		Response: webauthn.AssertionResponse{
			ClientDataJSON: client.JSON(), AuthenticatorData: data,
			Signature: must[[]byte](s.t)(ecdsa.SignASN1(rand.Reader, s.key, sum[:])), UserHandle: s.handle,
		},
		ClientExtensionResults: map[string]json.RawMessage{},
	}
}
