package authenticator_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/authenticator/vault/vaulttest"
	"cardea/ctap"
	"cardea/webauthn"
)

func makeRequest() ctap.MakeCredentialRequest {
	return ctap.MakeCredentialRequest{
		ClientDataHash:   bytes.Repeat([]byte{7}, 32),
		RP:               ctap.RPEntity{ID: rpID, Name: "Example"},
		User:             ctap.UserEntity{ID: []byte("ana"), Name: "ana@example.org", DisplayName: "Ana"},
		PubKeyCredParams: []ctap.CredentialParameters{{Alg: webauthn.ES256, Type: webauthn.PublicKeyType}},
		Options:          map[string]bool{"rk": true, "uv": true},
	}
}

func getRequest() ctap.GetAssertionRequest {
	return ctap.GetAssertionRequest{
		RPID: rpID, ClientDataHash: bytes.Repeat([]byte{8}, 32), Options: map[string]bool{"uv": true},
	}
}

// rig is an authenticator and what a test looks at.
type rig struct {
	*testing.T
	a      *authenticator.Authenticator
	vault  *vaulttest.Memory
	person *authtest.Person
}

func newRig(t *testing.T, script ...authtest.Reply) rig {
	a, vault, person := authtest.New(script...)
	return rig{t, a, vault, person}
}

func (r rig) device() ctap.Device { return r.a.Device(authtest.Local) }

func (r rig) make(change func(*ctap.MakeCredentialRequest)) (ctap.MakeCredentialResponse, error) {
	request := makeRequest()
	if change != nil {
		change(&request)
	}
	return ctap.MakeCredential(r.Context(), r.device(), request)
}

func (r rig) get(change func(*ctap.GetAssertionRequest)) (ctap.GetAssertionResponse, error) {
	request := getRequest()
	if change != nil {
		change(&request)
	}
	return ctap.GetAssertion(r.Context(), r.device(), request)
}

// made makes a passkey for a user and returns its ID.
func (r rig) made(user string, discoverable bool) webauthn.CredentialID {
	r.Helper()
	response, err := r.make(func(m *ctap.MakeCredentialRequest) {
		m.User.ID, m.Options["rk"] = []byte(user), discoverable
	})
	if err != nil {
		r.Fatal(err)
	}
	return authData(r.T, response.AuthData).Attested.ID
}

func (r rig) stored() []authenticator.Passkey {
	r.Helper()
	passkeys, err := r.vault.Passkeys(r.Context(), "")
	if err != nil {
		r.Fatal(err)
	}
	return passkeys
}

func (r rig) wantAsked(want ...authenticator.Kind) {
	r.Helper()
	if got := r.person.Kinds(); !slices.Equal(got, want) {
		r.Errorf("the person was asked %v, want %v", got, want)
	}
}

func wantStatus(t *testing.T, err error, want ctap.Status) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func descriptor(id []byte) ctap.CredentialDescriptor {
	return ctap.CredentialDescriptor{ID: id, Type: webauthn.PublicKeyType}
}

func wantSigned(t *testing.T, made ctap.MakeCredentialResponse, got ctap.GetAssertionResponse, hash []byte) {
	t.Helper()
	pub, err := webauthn.ParsePublicKey(authData(t, made.AuthData).Attested.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(append(bytes.Clone(got.AuthData), hash...))
	if !ecdsa.VerifyASN1(pub, digest[:], got.Signature) {
		t.Error("the signature does not verify")
	}
}

// brokenVault fails where it is told to.
type brokenVault struct {
	authenticator.Vault
	save, find error
}

func (v brokenVault) Save(ctx context.Context, p authenticator.Passkey) error {
	if v.save != nil {
		return v.save
	}
	return v.Vault.Save(ctx, p)
}

func (v brokenVault) Passkeys(ctx context.Context, rp webauthn.RPID) ([]authenticator.Passkey, error) {
	if v.find != nil {
		return nil, v.find
	}
	return v.Vault.Passkeys(ctx, rp)
}

func (v brokenVault) Find(ctx context.Context, id webauthn.CredentialID) (authenticator.Passkey, error) {
	if v.find != nil {
		return authenticator.Passkey{}, v.find
	}
	return v.Vault.Find(ctx, id)
}
