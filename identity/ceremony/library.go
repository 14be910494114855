package ceremony

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	library "github.com/go-webauthn/webauthn/webauthn"

	"cardea/identity/directory"
	"cardea/webauthn"
)

// A verifier makes options and verifies responses with the library. Nothing
// of the library leaves this file and checks.go.
type verifier struct {
	rpID    webauthn.RPID
	origins []webauthn.Origin
	create  *library.WebAuthn
	get     *library.WebAuthn
}

// algorithms are offered in this order (WebAuthn §5.4). ES256 first: it is
// what most authenticators do best. RS256 is for old Windows TPMs.
var algorithms = []webauthn.COSEAlgorithm{webauthn.ES256, webauthn.EdDSA, webauthn.RS256}

func newVerifier(cfg Config) (*verifier, error) {
	v := &verifier{rpID: cfg.RPID, origins: cfg.Origins}
	var err error
	// An extension output that was not asked for ends a registration. At
	// sign-in it is passed over: some passkey managers answer what nobody
	// asked, and their people have no other way in.
	if v.create, err = newLibrary(cfg, protocol.UnsolicitedOutputPolicyReject); err != nil {
		return nil, err
	}
	if v.get, err = newLibrary(cfg, protocol.UnsolicitedOutputPolicyIgnore); err != nil {
		return nil, err
	}
	return v, nil
}

// newLibrary leaves the library's own deadline off: the state that we seal has
// one, by our own clock.
func newLibrary(cfg Config, unsolicited protocol.UnsolicitedOutputPolicy) (*library.WebAuthn, error) {
	var origins []string
	for _, o := range cfg.Origins {
		origins = append(origins, string(o))
	}
	timeout := library.TimeoutConfig{Timeout: Lifetime, TimeoutUVD: Lifetime}
	lib, err := library.New(&library.Config{
		RPID:                  string(cfg.RPID),
		RPDisplayName:         cfg.RPName,
		RPOrigins:             origins,
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts:                          library.TimeoutsConfig{Login: timeout, Registration: timeout},
		ExtensionsUnsolicitedOutputPolicy: unsolicited,
	})
	if err != nil {
		return nil, fmt.Errorf("configuring WebAuthn: %w", err)
	}
	return lib, nil
}

// person is a directory.User and their passkeys as the library wants them.
type person struct {
	user     directory.User
	passkeys []directory.Passkey
}

func (p person) WebAuthnID() []byte          { return p.user.Handle }
func (p person) WebAuthnName() string        { return p.user.Username }
func (p person) WebAuthnDisplayName() string { return p.user.DisplayName }

func (p person) WebAuthnCredentials() []library.Credential {
	var list []library.Credential
	for _, k := range p.passkeys {
		list = append(list, library.Credential{
			ID: k.CredentialID, PublicKey: k.PublicKey,
			AttestationType: k.AttestationType, AttestationFormat: k.AttestationFormat,
			Transport:     transports(k.Transports),
			Flags:         library.NewCredentialFlags(protocol.AuthenticatorFlags(k.Flags)),
			Authenticator: library.Authenticator{AAGUID: k.AAGUID[:], SignCount: k.SignCount},
		})
	}
	return list
}

func transports(list []string) []protocol.AuthenticatorTransport {
	var t []protocol.AuthenticatorTransport
	for _, s := range list {
		t = append(t, protocol.AuthenticatorTransport(s))
	}
	return t
}

// creationOptions returns the publicKey member for create() and the library's
// session. No hints: the library would turn them into an
// authenticatorAttachment, which hides the other devices from older browsers.
func (v *verifier) creationOptions(p person, origin webauthn.Origin) (options, lib json.RawMessage, err error) {
	var params []protocol.CredentialParameter
	for _, alg := range algorithms {
		params = append(params, protocol.CredentialParameter{
			Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.COSEAlgorithmIdentifier(alg),
		})
	}
	creation, session, err := v.create.BeginRegistration(p,
		library.WithCredentialParameters(params),
		library.WithResidentKeyRequirement(protocol.ResidentKeyRequirementRequired),
		library.WithExclusions(library.Credentials(p.WebAuthnCredentials()).CredentialDescriptors()),
		library.WithExtensions(library.WithExtensionCredProps()),
		library.WithRegistrationOrigin(string(origin)),
	)
	if err != nil {
		return nil, nil, fmt.Errorf("making creation options: %w", err)
	}
	return marshal(creation.Response, session)
}

// requestOptions returns the publicKey member for get() and the library's
// session. list is the passkeys of a person whom the browser knows. For
// everybody else it is empty: whoever is there shows themselves, and there is no
// user name to try.
//
// The session does not hold the list, which might not fit a cookie. Whose
// passkey it was is checked by its owner, which is as good and takes one
// registered meanwhile.
func (v *verifier) requestOptions(origin webauthn.Origin, hint Hint, list []directory.Passkey) (options, lib json.RawMessage, err error) {
	opts := []library.LoginOption{library.WithLoginOrigin(string(origin))}
	if slices.Contains([]Hint{"client-device", "hybrid", "security-key"}, hint) {
		opts = append(opts, library.WithAssertionPublicKeyCredentialHints(
			[]protocol.PublicKeyCredentialHints{protocol.PublicKeyCredentialHints(hint)}))
	}
	assertion, session, err := v.get.BeginDiscoverableLogin(opts...)
	if err != nil {
		return nil, nil, fmt.Errorf("making request options: %w", err)
	}
	assertion.Response.AllowedCredentials = library.Credentials(person{passkeys: list}.WebAuthnCredentials()).CredentialDescriptors()
	return marshal(assertion.Response, session)
}

// nativeOptions is requestOptions for a program. The library's session says no
// origin: it binds only those of pages. verifyAssertion says it.
func (v *verifier) nativeOptions() (options, lib json.RawMessage, err error) {
	assertion, session, err := v.get.BeginDiscoverableLogin()
	if err != nil {
		return nil, nil, fmt.Errorf("making request options: %w", err)
	}
	return marshal(assertion.Response, session)
}

func marshal(response any, session *library.SessionData) (options, lib json.RawMessage, err error) {
	if options, err = json.Marshal(response); err != nil {
		return nil, nil, fmt.Errorf("encoding options: %w", err)
	}
	if lib, err = json.Marshal(session); err != nil {
		return nil, nil, fmt.Errorf("encoding ceremony: %w", err)
	}
	return options, lib, nil
}

// maxResponse is the longest response that is read. A credential ID of 1023
// bytes and an attestation with its certificates stay far below.
const maxResponse = 128 << 10

// An attested is a verified registration.
type attested struct {
	passkey directory.Passkey // without ID, owner, name and dates
}

// verifyCreation verifies a registration response (WebAuthn §7.1). refusal is
// nil if all is well.
func (v *verifier) verifyCreation(p person, lib json.RawMessage, response []byte) (*attested, *Refusal) {
	session, parsed, err := readCreation(lib, response)
	if err != nil {
		return nil, refuse(ReasonMalformed, err)
	}
	if r := v.checkCreation(session, parsed); r != nil {
		return nil, r
	}
	credential, err := v.create.CreateCredential(p, *session, parsed)
	if err != nil {
		return nil, refuse(afterChecks(err), describe(err))
	}
	if rk := credential.Extensions.RK; rk != nil && !*rk {
		// Without a name to begin with, a passkey that cannot be found by
		// itself cannot sign in.
		return nil, refuse(ReasonNotStored, nil)
	}
	k := directory.Passkey{
		UserID: p.user.ID, CredentialID: credential.ID, PublicKey: credential.PublicKey,
		SignCount: credential.Authenticator.SignCount, Flags: webauthn.Flags(credential.Flags.ProtocolValue()),
		Attachment:        string(credential.Authenticator.Attachment),
		AttestationFormat: credential.AttestationFormat, AttestationType: credential.AttestationType,
		AttestationObject: credential.Attestation.Object,
		ClientDataJSON:    credential.Attestation.ClientDataJSON,
		ClientDataHash:    credential.Attestation.ClientDataHash,
		Transports:        cleanTransports(credential.Transport),
	}
	copy(k.AAGUID[:], credential.Authenticator.AAGUID)
	return &attested{passkey: k}, nil
}

func readCreation(lib json.RawMessage, response []byte) (*library.SessionData, *protocol.ParsedCredentialCreationData, error) {
	var session library.SessionData
	if err := json.Unmarshal(lib, &session); err != nil {
		return nil, nil, fmt.Errorf("ceremony: %w", err)
	}
	if len(response) > maxResponse {
		return nil, nil, fmt.Errorf("response of %d bytes", len(response))
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return nil, nil, describe(err)
	}
	return &session, parsed, nil
}

// cleanTransports keeps what a browser may say and no more of it than there
// can be. Names that we do not know are kept: they are only ever said back
// (WebAuthn §5.8.4).
func cleanTransports(list []protocol.AuthenticatorTransport) []string {
	const maxTransports, maxLength = 8, 32
	var out []string
	for _, t := range list {
		if len(out) < maxTransports && t != "" && len(t) <= maxLength && !slices.Contains(out, string(t)) {
			out = append(out, string(t))
		}
	}
	return out
}

// An asserted is a verified sign-in.
type asserted struct {
	count      uint32
	flags      webauthn.Flags
	attachment string
}

// An expected is what is known of a sign-in before its answer comes.
type expected struct {
	// program is the native origin of the program that signs its person in;
	// empty for a page.
	program webauthn.Origin
	// user is set if the browser was given a list of this person's passkeys.
	user directory.UserID
}

// claimed reads which passkey a sign-in response claims to be from.
func claimed(response []byte) (webauthn.CredentialID, *protocol.ParsedCredentialAssertionData, error) {
	if len(response) > maxResponse {
		return nil, nil, fmt.Errorf("response of %d bytes", len(response))
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return nil, nil, describe(err)
	}
	return webauthn.CredentialID(parsed.RawID), parsed, nil
}

// verifyAssertion verifies a sign-in response (WebAuthn §7.2) against the
// passkey that it claims to be from. refusal is nil if all is well.
func (v *verifier) verifyAssertion(lib json.RawMessage, e expected, parsed *protocol.ParsedCredentialAssertionData, u directory.User, k directory.Passkey) (asserted, *Refusal) {
	var session library.SessionData
	if err := json.Unmarshal(lib, &session); err != nil {
		return asserted{}, refuseSignIn(ReasonNoCeremony, fmt.Errorf("ceremony: %w", err))
	}
	want := v.page(&session)
	if e.program != "" {
		want, session.Origin = e.program, string(e.program)
	}
	if len(parsed.Response.UserHandle) == 0 && e.user != "" && e.user == u.ID {
		// WebAuthn §7.2 step 6: with a list, authenticators may leave the
		// handle out. The library wants one.
		parsed.Response.UserHandle = protocol.URLEncodedBase64(u.Handle)
	}
	if r := v.checkAssertion(&session, want, parsed, u, k); r != nil {
		return asserted{}, r
	}
	p := person{u, []directory.Passkey{k}}
	find := func(_, _ []byte) (library.User, error) { return p, nil }
	if _, _, err := v.get.ValidatePasskeyLogin(find, session, parsed); err != nil {
		return asserted{}, refuseSignIn(afterChecks(err), describe(err))
	}
	data := parsed.Response.AuthenticatorData
	return asserted{count: data.Counter, flags: webauthn.Flags(data.Flags), attachment: attachment(parsed)}, nil
}

// attachment returns what the browser says of where the passkey is. Nothing
// rests on it.
func attachment(parsed *protocol.ParsedCredentialAssertionData) string {
	a := string(parsed.AuthenticatorAttachment)
	if a != webauthn.AttachmentPlatform && a != webauthn.AttachmentCrossPlatform {
		return ""
	}
	return a
}

// afterChecks names a refusal of the library after our own checks have passed:
// what is left are signatures, attestation statements and extensions.
func afterChecks(err error) Reason {
	var e *protocol.Error
	if !errors.As(err, &e) {
		return ReasonMalformed
	}
	switch e.Type {
	case protocol.ErrAssertionSignature.Type:
		return ReasonBadSignature
	case protocol.ErrInvalidAttestation.Type, protocol.ErrAttestation.Type, protocol.ErrAttestationCertificate.Type,
		protocol.ErrUnsupportedKey.Type, protocol.ErrUnsupportedAlgorithm.Type, protocol.ErrMetadata.Type:
		return ReasonAttestation
	case protocol.ErrBadRequest.Type:
		return ReasonExtensions // all else that bears this type has been checked
	}
	return ReasonMalformed
}

// describe keeps of a library error the sentence and leaves out its DevInfo,
// which quotes challenges.
func describe(err error) error {
	var e *protocol.Error
	if errors.As(err, &e) {
		return fmt.Errorf("%s: %s", e.Type, e.Details)
	}
	return errors.New("response could not be read")
}
