package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"cardea/ctap"
	"cardea/webauthn"
)

// A using is one get().
type using struct {
	by      Caller
	options webauthn.RequestOptions
	wants   wants
	rp      webauthn.RPID
}

func (u *using) clientData() webauthn.ClientData {
	return webauthn.ClientData{
		Type: webauthn.TypeGet, Challenge: u.options.Challenge,
		Origin: u.by.Origin, CrossOrigin: !u.by.SameOriginWithAncestors,
	}
}

// command asks one authenticator for a signature (WebAuthn §5.1.4.2).
func (u *using) command(ctx context.Context, s *session, conn Connection) (r webauthn.AuthenticationResponse, err error) {
	how, possible := u.wants.verification(conn.Info())
	if !possible {
		return r, &refused{reason: ReasonCannotVerify}
	}
	hash := u.clientData().Hash()
	request := ctap.GetAssertionRequest{RPID: u.rp, ClientDataHash: hash[:], Options: options(false, how == verifyingSelf)}
	allowed := descriptors(u.options.AllowCredentials)
	if len(u.options.AllowCredentials) > 0 && len(allowed) == 0 {
		// Only passkeys of kinds that nobody knows: no authenticator has one.
		// An empty list would mean any passkey.
		return r, &refused{reason: ReasonNoPasskey}
	}
	p, err := s.prove(ctx, conn, how, ctap.PermitGetAssertion, u.rp)
	if err != nil {
		return r, err
	}
	request.PinUvAuthParam, request.PinUvAuthProtocol = p.of(hash[:])
	if request.AllowList, err = preflight(ctx, conn, u.rp, allowed, p); err != nil {
		return r, fmt.Errorf("looking for allowed passkeys: %w", err)
	}
	if len(allowed) > 0 && len(request.AllowList) == 0 {
		// The key still costs a touch before anybody learns that it has none.
		request.AllowList = allowed[:1]
	}
	s.touch(conn)
	first, err := ctap.GetAssertion(ctx, conn, request)
	if err != nil {
		return r, err
	}
	response, err := u.pick(ctx, s, conn, first)
	if err != nil {
		return r, err
	}
	return u.response(conn, response, request.AllowList)
}

// maxAccounts bounds how many passkeys a key may offer for one site.
const maxAccounts = 64

// pick lets the person choose if the authenticator has several passkeys and no
// screen of its own to choose on (CTAP §6.2.3, userSelected).
func (u *using) pick(ctx context.Context, s *session, conn Connection, first ctap.GetAssertionResponse) (ctap.GetAssertionResponse, error) {
	n := first.NumberOfCredentials
	if n <= 1 || first.UserSelected || len(u.options.AllowCredentials) > 0 {
		return first, nil
	}
	if n > maxAccounts {
		return first, unexpected(fmt.Errorf("%d passkeys for one site", n))
	}
	all := []ctap.GetAssertionResponse{first}
	for uint(len(all)) < n {
		next, err := ctap.GetNextAssertion(ctx, conn)
		if err != nil {
			return first, err
		}
		all = append(all, next)
	}
	screen := Screen{Sort: ScreenAccounts}
	for _, a := range all {
		name := ""
		if a.User != nil {
			name = a.User.Name
		}
		screen.Accounts = append(screen.Accounts, name)
	}
	for {
		a, err := s.ask(ctx, screen, DoAccount)
		if err != nil {
			return first, err
		}
		if a.Index >= 0 && a.Index < len(all) {
			return all[a.Index], nil
		}
	}
}

// check refuses an answer that a page must not get, and returns the ID of the
// passkey that signed.
func (u *using) check(r ctap.GetAssertionResponse, sent []ctap.CredentialDescriptor) (webauthn.CredentialID, error) {
	if _, err := checkData(r.AuthData, u.rp, u.wants); err != nil {
		return nil, err
	}
	if len(r.Signature) == 0 {
		return nil, unexpected(errors.New("no signature"))
	}
	var id webauthn.CredentialID
	switch {
	case r.Credential != nil:
		id = r.Credential.ID
	case len(sent) == 1: // CTAP §6.2.2: then the authenticator may leave it out
		id = sent[0].ID
	}
	if len(id) == 0 || len(id) > webauthn.MaxCredentialID {
		return nil, unexpected(errors.New("the answer does not say which passkey signed"))
	}
	allowed := func(d webauthn.CredentialDescriptor) bool { return bytes.Equal(d.ID, id) }
	if len(u.options.AllowCredentials) > 0 && !slices.ContainsFunc(u.options.AllowCredentials, allowed) {
		return nil, unexpected(errors.New("the passkey is not one that the page allows"))
	}
	return id, nil
}

// response is AuthenticationResponseJSON (WebAuthn §5.1.8).
func (u *using) response(conn Connection, a ctap.GetAssertionResponse, sent []ctap.CredentialDescriptor) (r webauthn.AuthenticationResponse, err error) {
	id, err := u.check(a, sent)
	if err != nil {
		return r, err
	}
	var handle webauthn.UserHandle
	if a.User != nil && len(a.User.ID) <= webauthn.MaxUserHandle {
		handle = a.User.ID
	}
	if len(u.options.AllowCredentials) == 0 && len(handle) == 0 {
		// WebAuthn §5.1.4 step 22: nobody could tell whose passkey it is.
		return r, unexpected(errors.New("a discoverable passkey without a user handle"))
	}
	return webauthn.AuthenticationResponse{
		ID: id.String(), RawID: id, Type: webauthn.PublicKeyType,
		AuthenticatorAttachment: attachment(conn.Transport()),
		Response: webauthn.AssertionResponse{
			ClientDataJSON: u.clientData().JSON(), AuthenticatorData: a.AuthData,
			Signature: a.Signature, UserHandle: handle,
		},
		ClientExtensionResults: map[string]json.RawMessage{},
	}, nil
}
