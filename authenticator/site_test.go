package authenticator_test

import (
	"crypto/sha256"
	"encoding/json"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	gowebauthn "github.com/go-webauthn/webauthn/webauthn"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/webauthn"
)

const (
	rpID   = "example.org"
	origin = "https://example.org"
)

// site is a relying party with one account, built on another implementation.
// Whatever it accepts is right by somebody else's reading of the text.
type site struct {
	t           *testing.T
	rp          *gowebauthn.WebAuthn
	handle      []byte
	credentials []gowebauthn.Credential
	alg         webauthn.COSEAlgorithm // asked for; 0 is ES256
}

func newSite(t *testing.T) *site {
	t.Helper()
	rp, err := gowebauthn.New(&gowebauthn.Config{RPID: rpID, RPDisplayName: "Example", RPOrigins: []string{origin}})
	if err != nil {
		t.Fatal(err)
	}
	return &site{t: t, rp: rp, handle: []byte("handle-of-ana")}
}

func (s *site) WebAuthnID() []byte                           { return s.handle }
func (s *site) WebAuthnName() string                         { return "ana" }
func (s *site) WebAuthnDisplayName() string                  { return "Ana" }
func (s *site) WebAuthnCredentials() []gowebauthn.Credential { return s.credentials }

// register runs a whole registration as a client would and returns what the
// site keeps.
func (s *site) register(d ctap.Device, formats ...string) *gowebauthn.Credential {
	s.t.Helper()
	creation, session, err := s.rp.BeginRegistration(s, gowebauthn.WithConveyancePreference(protocol.PreferDirectAttestation),
		gowebauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		}))
	if err != nil {
		s.t.Fatal(err)
	}
	clientData := webauthn.ClientData{
		Type: webauthn.TypeCreate, Challenge: webauthn.Bytes(creation.Response.Challenge), Origin: origin,
	}
	hash := clientData.Hash()
	request := makeRequest()
	if s.alg != 0 {
		request.PubKeyCredParams[0].Alg = s.alg
	}
	request.ClientDataHash, request.User.ID, request.AttestationFormats = hash[:], s.handle, formats
	made, err := ctap.MakeCredential(s.t.Context(), d, request)
	if err != nil {
		s.t.Fatal(err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(marshal(s.t, registrationResponse(s.t, clientData, made)))
	if err != nil {
		s.t.Fatal(err)
	}
	credential, err := s.rp.CreateCredential(s, *session, parsed)
	if err != nil {
		s.t.Fatalf("the site refused: %v", err)
	}
	s.credentials = append(s.credentials, *credential)
	return credential
}

func registrationResponse(t *testing.T, c webauthn.ClientData, made ctap.MakeCredentialResponse) webauthn.RegistrationResponse {
	t.Helper()
	data := authData(t, made.AuthData)
	object := webauthn.AttestationObject{Format: made.Format, Statement: made.Statement, AuthData: made.AuthData}
	alg, err := webauthn.Algorithm(data.Attested.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	var spki []byte // a client that cannot read the key gives none
	if alg == webauthn.ES256 {
		if spki, err = webauthn.SubjectPublicKeyInfo(data.Attested.PublicKey); err != nil {
			t.Fatal(err)
		}
	}
	return webauthn.RegistrationResponse{
		ID: data.Attested.ID.String(), RawID: data.Attested.ID, Type: webauthn.PublicKeyType,
		Response: webauthn.AttestationResponse{
			ClientDataJSON: c.JSON(), AuthenticatorData: made.AuthData, Transports: []string{"internal"},
			PublicKey: spki, PublicKeyAlgorithm: alg, AttestationObject: object.Encode(),
		},
		ClientExtensionResults: map[string]json.RawMessage{},
	}
}

// signIn runs a whole sign-in without a user name. spoil may change the
// answer on its way to the site.
func (s *site) signIn(d ctap.Device, spoil func(*ctap.GetAssertionResponse)) (*gowebauthn.Credential, error) {
	s.t.Helper()
	assertion, session, err := s.rp.BeginDiscoverableLogin(gowebauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		s.t.Fatal(err)
	}
	clientData := webauthn.ClientData{
		Type: webauthn.TypeGet, Challenge: webauthn.Bytes(assertion.Response.Challenge), Origin: origin,
	}
	hash := clientData.Hash()
	got, err := ctap.GetAssertion(s.t.Context(), d, ctap.GetAssertionRequest{
		RPID: rpID, ClientDataHash: hash[:], Options: map[string]bool{"uv": true},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	spoil(&got)
	id := webauthn.CredentialID(got.Credential.ID)
	parsed, err := protocol.ParseCredentialRequestResponseBytes(marshal(s.t, webauthn.AuthenticationResponse{
		ID: id.String(), RawID: id, Type: webauthn.PublicKeyType,
		Response: webauthn.AssertionResponse{
			ClientDataJSON: clientData.JSON(), AuthenticatorData: got.AuthData,
			Signature: got.Signature, UserHandle: got.User.ID,
		},
		ClientExtensionResults: map[string]json.RawMessage{},
	}))
	if err != nil {
		return nil, err
	}
	return s.rp.ValidateDiscoverableLogin(func(_, _ []byte) (gowebauthn.User, error) { return s, nil }, *session, parsed)
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func authData(t *testing.T, b []byte) webauthn.AuthenticatorData {
	t.Helper()
	d, err := webauthn.ParseAuthenticatorData(b)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestASiteAcceptsOurRegistrations(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		formats []string
		want    string
	}{
		{"no preference", nil, "packed"},
		{"packed", []string{"packed"}, "packed"},
		{"none", []string{"none"}, "none"},
		{"none before packed", []string{"none", "packed"}, "none"},
		{"one we do not have, then none", []string{"tpm", "none"}, "none"},
		{"only what we do not have", []string{"tpm", "apple"}, "packed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, _, _ := authtest.New()
			credential := newSite(t).register(a.Device(authtest.Local), tt.formats...)
			if credential.AttestationFormat != tt.want {
				t.Errorf("format %q, want %q", credential.AttestationFormat, tt.want)
			}
			if f := credential.Flags; !f.UserPresent || !f.UserVerified || f.BackupEligible || f.BackupState {
				t.Errorf("flags %+v, want UP and UV alone", f)
			}
			if got := webauthn.AAGUID(credential.Authenticator.AAGUID); got != authenticator.AAGUIDComputer {
				t.Errorf("AAGUID %v", got)
			}
		})
	}
}

func TestASiteAcceptsOurAssertions(t *testing.T) {
	t.Parallel()
	a, _, _ := authtest.New()
	d, s := a.Device(authtest.Local), newSite(t)
	s.register(d)
	for want := uint32(1); want <= 3; want++ {
		credential, err := s.signIn(d, func(*ctap.GetAssertionResponse) {})
		if err != nil {
			t.Fatal(err)
		}
		if got := credential.Authenticator; got.SignCount != want || got.CloneWarning {
			t.Errorf("count %d, clone warning %v; want %d, false", got.SignCount, got.CloneWarning, want)
		}
		s.credentials[0] = *credential
	}
}

// Without this, the tests above would also pass at a site that accepts all.
func TestASiteRefusesWhatWasSpoiled(t *testing.T) {
	t.Parallel()
	a, _, _ := authtest.New()
	d, s := a.Device(authtest.Local), newSite(t)
	s.register(d)
	for name, spoil := range map[string]func(*ctap.GetAssertionResponse){
		"signature": func(r *ctap.GetAssertionResponse) { r.Signature[len(r.Signature)-1] ^= 1 },
		"counter":   func(r *ctap.GetAssertionResponse) { r.AuthData[36]++ },
		"flags":     func(r *ctap.GetAssertionResponse) { r.AuthData[32] |= byte(webauthn.FlagBackupEligible) },
		"site":      func(r *ctap.GetAssertionResponse) { r.AuthData[0] ^= 1 },
		"user":      func(r *ctap.GetAssertionResponse) { r.User.ID = []byte("somebody") },
	} {
		if _, err := s.signIn(d, spoil); err == nil {
			t.Errorf("%s: the site accepted it", name)
		}
	}
}

func TestOurAssertionIsOverTheDataAndTheHash(t *testing.T) {
	t.Parallel()
	a, _, _ := authtest.New()
	d := a.Device(authtest.Local)
	made, err := ctap.MakeCredential(t.Context(), d, makeRequest())
	if err != nil {
		t.Fatal(err)
	}
	got, err := ctap.GetAssertion(t.Context(), d, getRequest())
	if err != nil {
		t.Fatal(err)
	}
	wantSigned(t, made, got, getRequest().ClientDataHash)
	if data := authData(t, got.AuthData); data.RPIDHash != sha256.Sum256([]byte(rpID)) || data.Attested != nil {
		t.Errorf("authenticator data %+v", data)
	}
}
