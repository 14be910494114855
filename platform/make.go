package platform

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"cardea/ctap"
	"cardea/internal/cbor"
	"cardea/webauthn"
)

// A making is one create().
type making struct {
	by         Caller
	options    webauthn.CreationOptions
	wants      wants
	rp         webauthn.RPID
	algorithms []ctap.CredentialParameters
}

func (m *making) clientData() webauthn.ClientData {
	return webauthn.ClientData{
		Type: webauthn.TypeCreate, Challenge: m.options.Challenge,
		Origin: m.by.Origin, CrossOrigin: !m.by.SameOriginWithAncestors,
	}
}

// command asks one authenticator for a passkey (WebAuthn §5.1.3 steps 22 on).
func (m *making) command(ctx context.Context, s *session, conn Connection) (r webauthn.RegistrationResponse, err error) {
	request, rk, how, err := m.request(conn.Info())
	if err != nil {
		return r, err
	}
	p, err := s.prove(ctx, conn, how, ctap.PermitMakeCredential|ctap.PermitGetAssertion, m.rp)
	if err != nil {
		return r, err
	}
	request.PinUvAuthParam, request.PinUvAuthProtocol = p.of(request.ClientDataHash)
	if request.ExcludeList, err = preflight(ctx, conn, m.rp, descriptors(m.options.ExcludeCredentials), p); err != nil {
		return r, fmt.Errorf("looking for excluded passkeys: %w", err)
	}
	s.touch(conn)
	response, err := ctap.MakeCredential(ctx, conn, request)
	if err != nil {
		return r, err
	}
	data, err := m.check(response)
	if err != nil {
		return r, err
	}
	object, err := m.attestation(ctx, s, response, data)
	if err != nil {
		return r, err
	}
	return m.response(conn, object, data, rk)
}

// request translates the options for an authenticator, or says what it lacks.
func (m *making) request(i ctap.Info) (r ctap.MakeCredentialRequest, rk bool, how verifying, err error) {
	rk, possible := m.wants.discoverable(i)
	if !possible {
		return r, rk, how, &refused{reason: ReasonTooOld, err: errors.New("it keeps no discoverable passkeys")}
	}
	how, possible = m.wants.verificationToMake(i, rk)
	if !possible {
		return r, rk, how, &refused{reason: ReasonCannotVerify}
	}
	extensions, possible := protection(m.options.Extensions, m.wants, rk, i)
	if !possible {
		return r, rk, how, &refused{reason: ReasonTooOld, err: errors.New("it cannot protect passkeys as the page demands")}
	}
	hash := m.clientData().Hash()
	r = ctap.MakeCredentialRequest{
		ClientDataHash: hash[:],
		RP:             ctap.RPEntity{ID: m.rp, Name: m.options.RP.Name},
		User: ctap.UserEntity{
			ID: m.options.User.ID, Name: m.options.User.Name, DisplayName: m.options.User.DisplayName,
		},
		PubKeyCredParams: m.algorithms,
		Extensions:       extensions,
		Options:          options(rk, how == verifyingSelf),
	}
	if m.conveyance() == webauthn.AttestationNone && len(i.AttestationFormats) > 0 {
		r.AttestationFormats = []string{webauthn.AttestationNone}
	}
	return r, rk, how, nil
}

// options names only what is wanted: an authenticator that lacks an option
// refuses to hear of it.
func options(rk, uv bool) map[string]bool {
	o := map[string]bool{}
	if rk {
		o["rk"] = true
	}
	if uv {
		o["uv"] = true
	}
	return o
}

// check refuses an answer that a page must not get.
func (m *making) check(r ctap.MakeCredentialResponse) (data webauthn.AuthenticatorData, err error) {
	if data, err = checkData(r.AuthData, m.rp, m.wants); err != nil {
		return data, err
	}
	if data.Attested == nil || len(data.Attested.ID) == 0 {
		return data, unexpected(errors.New("no passkey in the answer"))
	}
	alg, err := webauthn.Algorithm(data.Attested.PublicKey)
	if err != nil {
		return data, unexpected(err)
	}
	offered := func(p ctap.CredentialParameters) bool { return p.Alg == alg }
	if !slices.ContainsFunc(m.algorithms, offered) {
		return data, unexpected(fmt.Errorf("algorithm %d was not offered", alg))
	}
	for _, d := range m.options.ExcludeCredentials {
		if bytes.Equal(d.ID, data.Attested.ID) {
			return data, unexpected(errors.New("the passkey is an excluded one"))
		}
	}
	return data, nil
}

// checkData reads authenticator data and checks what both ceremonies have in
// common.
func checkData(b []byte, rp webauthn.RPID, w wants) (webauthn.AuthenticatorData, error) {
	data, err := webauthn.ParseAuthenticatorData(b)
	if err != nil {
		return data, unexpected(err)
	}
	switch f := data.Flags; {
	case data.RPIDHash != sha256.Sum256([]byte(rp)):
		return data, unexpected(errors.New("the answer is for another relying party"))
	case !f.Has(webauthn.FlagUserPresent):
		return data, unexpected(errors.New("nobody was present"))
	case f.Has(webauthn.FlagBackupState) && !f.Has(webauthn.FlagBackupEligible):
		return data, unexpected(errors.New("backed up without being eligible"))
	case w.userVerification == webauthn.Required && !f.Has(webauthn.FlagUserVerified):
		return data, &refused{reason: ReasonNotUnlock}
	}
	return data, nil
}

func unexpected(err error) error { return &refused{reason: ReasonUnexpected, err: err} }

// conveyance is the attestation preference; what nobody knows is none
// (WebAuthn §5.4.7). There is no list of relying parties that may have
// enterprise attestation, so for us it is the same as direct.
func (m *making) conveyance() string {
	switch m.options.Attestation {
	case webauthn.AttestationDirect, webauthn.AttestationEnterprise:
		return webauthn.AttestationDirect
	}
	return webauthn.AttestationNone
}

// attestation makes the attestation object that the page may have. A statement
// that names the make of an authenticator leaves this device only if the page
// asked for it and the person agrees (WebAuthn §5.1.3, §14.4.1). Chromium
// passes on what a proxy gives it, so that is ours to do. The authenticator
// data stays as it is: Level 3 does not blank the AAGUID.
func (m *making) attestation(ctx context.Context, s *session, r ctap.MakeCredentialResponse, data webauthn.AuthenticatorData) (webauthn.AttestationObject, error) {
	o := webauthn.AttestationObject{Format: r.Format, Statement: r.Statement, AuthData: r.AuthData}
	none := webauthn.AttestationObject{Format: "none", Statement: cbor.MustEncode(map[string]int{}), AuthData: r.AuthData}
	if o.Format == "" || o.Format == none.Format || len(o.Statement) == 0 {
		return none, nil
	}
	var statement map[string]cbor.Raw
	if err := cbor.Decode(o.Statement, &statement); err != nil {
		return o, unexpected(fmt.Errorf("attestation statement: %w", err))
	}
	self := o.Format == "packed" && statement["x5c"] == nil
	if self && data.Attested.AAGUID.IsZero() {
		return o, nil
	}
	if m.conveyance() == webauthn.AttestationNone {
		return none, nil
	}
	a, err := s.ask(ctx, Screen{Sort: ScreenConsent}, DoAllow, DoDeny)
	if err != nil {
		return o, err
	}
	if a.Do == DoDeny {
		return none, nil
	}
	return o, nil
}

// response is RegistrationResponseJSON, with each member that a relying party
// may insist on (WebAuthn §5.1.8). What is absent is left out, never null.
func (m *making) response(conn Connection, o webauthn.AttestationObject, data webauthn.AuthenticatorData, rk bool) (r webauthn.RegistrationResponse, err error) {
	alg, err := webauthn.Algorithm(data.Attested.PublicKey)
	if err != nil {
		return r, unexpected(err)
	}
	der, err := publicKeyDER(data.Attested.PublicKey, alg)
	if err != nil {
		return r, unexpected(err)
	}
	return webauthn.RegistrationResponse{
		ID: data.Attested.ID.String(), RawID: data.Attested.ID, Type: webauthn.PublicKeyType,
		AuthenticatorAttachment: attachment(conn.Transport()),
		Response: webauthn.AttestationResponse{
			ClientDataJSON:     m.clientData().JSON(),
			AuthenticatorData:  o.AuthData,
			Transports:         transports(conn),
			PublicKey:          der,
			PublicKeyAlgorithm: alg,
			AttestationObject:  o.Encode(),
		},
		ClientExtensionResults: creationResults(m.options.Extensions, rk),
	}, nil
}

// transports lists how the passkey can be reached again (WebAuthn §5.2.1.1):
// what the authenticator says and how it was reached now, unique and in
// lexicographic order.
func transports(conn Connection) []string {
	known := []string{webauthn.TransportBLE, webauthn.TransportHybrid, webauthn.TransportInternal,
		webauthn.TransportNFC, webauthn.TransportSmartCard, webauthn.TransportUSB}
	said := append(slices.Clone(conn.Info().Transports), conn.Transport())
	if conn.Transport() == webauthn.TransportHybrid {
		// A phone that came by a code is also an authenticator to itself.
		said = append(said, webauthn.TransportInternal)
	}
	out := []string{}
	for _, t := range known {
		if slices.Contains(said, t) {
			out = append(out, t)
		}
	}
	return out
}
