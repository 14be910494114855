package ceremony_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"testing"

	"cardea/internal/cbor"
	"cardea/webauthn"
)

// soft is an authenticator and client in one that does what it is told, right
// or wrong. Its signatures are real.
type soft struct {
	t      testing.TB
	rpID   webauthn.RPID
	origin webauthn.Origin
	aaguid webauthn.AAGUID
	flags  webauthn.Flags
	format string // "none" or "packed" (self attestation)

	key    *ecdsa.PrivateKey
	id     webauthn.CredentialID
	handle webauthn.UserHandle
	count  uint32
}

const (
	testRPID   webauthn.RPID   = "cardea.localhost"
	testOrigin webauthn.Origin = "https://login.cardea.localhost"
	acctOrigin webauthn.Origin = "https://myaccount.cardea.localhost"
)

const (
	synced      = webauthn.FlagUserPresent | webauthn.FlagUserVerified | webauthn.FlagBackupEligible | webauthn.FlagBackupState
	deviceBound = webauthn.FlagUserPresent | webauthn.FlagUserVerified
)

func newSoft(t testing.TB) *soft {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	rand.Read(id)
	return &soft{t: t, rpID: testRPID, origin: testOrigin, flags: synced, format: "none", key: key, id: id}
}

// An edit spoils a response: before it is signed (client, data), after
// (create, get), or as text (raw).
type edit struct {
	client func(*webauthn.ClientData)
	data   func(*webauthn.AuthenticatorData)
	create func(*webauthn.RegistrationResponse)
	get    func(*webauthn.AuthenticationResponse)
	raw    func([]byte) []byte
}

func (s *soft) encode(v any) []byte {
	s.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// parse reads the options as a browser does, knowing nothing of the server.
func parse[T any](t testing.TB, options json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(options, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (s *soft) sign(message []byte) []byte {
	s.t.Helper()
	sum := sha256.Sum256(message)
	sig, err := ecdsa.SignASN1(rand.Reader, s.key, sum[:])
	if err != nil {
		s.t.Fatal(err)
	}
	return sig
}

func (s *soft) publicKey() cbor.Raw {
	s.t.Helper()
	pub, err := webauthn.EncodePublicKey(&s.key.PublicKey)
	if err != nil {
		s.t.Fatal(err)
	}
	return pub
}

// create answers creation options.
func (s *soft) create(options json.RawMessage, edits ...edit) []byte {
	s.t.Helper()
	o := parse[webauthn.CreationOptions](s.t, options)
	s.handle = o.User.ID
	client := webauthn.ClientData{Type: webauthn.TypeCreate, Challenge: o.Challenge, Origin: s.origin}
	data := webauthn.AuthenticatorData{
		RPIDHash: sha256.Sum256([]byte(s.rpID)), Flags: s.flags, SignCount: s.count,
		Attested: &webauthn.AttestedCredential{AAGUID: s.aaguid, ID: slices.Clone(s.id), PublicKey: s.publicKey()},
	}
	for _, e := range edits {
		if e.client != nil {
			e.client(&client)
		}
		if e.data != nil {
			e.data(&data)
		}
	}
	hash := client.Hash()
	statement := cbor.MustEncode(map[string]any{})
	if s.format == "packed" {
		statement = cbor.MustEncode(map[string]any{
			"alg": int64(webauthn.ES256), "sig": s.sign(append(data.Encode(), hash[:]...)),
		})
	}
	object := webauthn.AttestationObject{Format: s.format, Statement: statement, AuthData: data.Encode()}
	r := webauthn.RegistrationResponse{
		ID: s.id.String(), RawID: s.id, Type: webauthn.PublicKeyType,
		AuthenticatorAttachment: webauthn.AttachmentPlatform,
		Response: webauthn.AttestationResponse{
			ClientDataJSON: client.JSON(), AuthenticatorData: data.Encode(),
			Transports:         []string{webauthn.TransportHybrid, webauthn.TransportInternal},
			PublicKeyAlgorithm: webauthn.ES256, AttestationObject: object.Encode(),
		},
		ClientExtensionResults: map[string]json.RawMessage{"credProps": json.RawMessage(`{"rk":true}`)},
	}
	for _, e := range edits {
		if e.create != nil {
			e.create(&r)
		}
	}
	return finish(s.encode(r), edits)
}

// get answers request options, counting the signature.
func (s *soft) get(options json.RawMessage, edits ...edit) []byte {
	s.t.Helper()
	o := parse[webauthn.RequestOptions](s.t, options)
	client := webauthn.ClientData{Type: webauthn.TypeGet, Challenge: o.Challenge, Origin: s.origin}
	data := webauthn.AuthenticatorData{RPIDHash: sha256.Sum256([]byte(s.rpID)), Flags: s.flags, SignCount: s.count}
	for _, e := range edits {
		if e.client != nil {
			e.client(&client)
		}
		if e.data != nil {
			e.data(&data)
		}
	}
	hash := client.Hash()
	r := webauthn.AuthenticationResponse{
		ID: s.id.String(), RawID: s.id, Type: webauthn.PublicKeyType,
		Response: webauthn.AssertionResponse{
			ClientDataJSON: client.JSON(), AuthenticatorData: data.Encode(),
			Signature: s.sign(append(data.Encode(), hash[:]...)), UserHandle: s.handle,
		},
		ClientExtensionResults: map[string]json.RawMessage{},
	}
	for _, e := range edits {
		if e.get != nil {
			e.get(&r)
		}
	}
	return finish(s.encode(r), edits)
}

func finish(b []byte, edits []edit) []byte {
	for _, e := range edits {
		if e.raw != nil {
			b = e.raw(b)
		}
	}
	return b
}
