package authtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"cardea/authenticator"
	"cardea/ctap"
	"cardea/webauthn"
)

// A Browser is a page at Origin and the browser it is in: it answers what a site
// asks of navigator.credentials, with the passkeys of one authenticator. It is
// as simple as a test may be. What a browser refuses, a site that is not the
// page's for one, the authenticator is asked nevertheless; for rules, see package
// platform.
type Browser struct {
	Origin webauthn.Origin
	Device ctap.Device
}

// NewBrowser returns a browser with a new phone, and the person who holds it:
// who follows a script and then approves everything.
func NewBrowser(origin webauthn.Origin, script ...Reply) (Browser, *Person) {
	a, _, person := New(script...)
	return Browser{origin, a.Device(authenticator.Caller{Via: authenticator.ViaLocal, Name: "test"})}, person
}

// Create answers navigator.credentials.create(): options is the JSON that a site
// sends to its page, with publicKey around it or without, and response the JSON
// that the page sends back.
func (b Browser) Create(ctx context.Context, options []byte) (response []byte, err error) {
	var o webauthn.CreationOptions
	if err := unwrap(options, &o); err != nil {
		return nil, fmt.Errorf("creation options: %w", err)
	}
	data := webauthn.ClientData{Type: webauthn.TypeCreate, Challenge: o.Challenge, Origin: b.Origin}
	hash := data.Hash()
	r := ctap.MakeCredentialRequest{
		ClientDataHash: hash[:],
		RP:             ctap.RPEntity{ID: b.site(o.RP.ID), Name: o.RP.Name},
		User:           ctap.UserEntity{ID: o.User.ID, Name: o.User.Name, DisplayName: o.User.DisplayName},
		ExcludeList:    descriptors(o.ExcludeCredentials),
		Options:        map[string]bool{"rk": true},
	}
	for _, p := range o.PubKeyCredParams {
		r.PubKeyCredParams = append(r.PubKeyCredParams, ctap.CredentialParameters{Alg: p.Alg, Type: p.Type})
	}
	if o.AuthenticatorSelection != nil && o.AuthenticatorSelection.UserVerification == webauthn.Required {
		r.Options["uv"] = true
	}
	made, err := ctap.MakeCredential(ctx, b.Device, r)
	if err != nil {
		return nil, err
	}
	parsed, err := webauthn.ParseAuthenticatorData(made.AuthData)
	if err != nil {
		return nil, err
	}
	object := webauthn.AttestationObject{Format: made.Format, Statement: made.Statement, AuthData: made.AuthData}
	alg, err := webauthn.Algorithm(parsed.Attested.PublicKey)
	if err != nil {
		return nil, err
	}
	return json.Marshal(webauthn.RegistrationResponse{
		ID: parsed.Attested.ID.String(), RawID: parsed.Attested.ID, Type: webauthn.PublicKeyType,
		Response: webauthn.AttestationResponse{
			ClientDataJSON: data.JSON(), AuthenticatorData: made.AuthData, PublicKeyAlgorithm: alg,
			AttestationObject: object.Encode(), Transports: []string{webauthn.TransportInternal},
		},
		ClientExtensionResults: map[string]json.RawMessage{},
	})
}

// Get answers navigator.credentials.get(), as Create does its own.
func (b Browser) Get(ctx context.Context, options []byte) (response []byte, err error) {
	var o webauthn.RequestOptions
	if err := unwrap(options, &o); err != nil {
		return nil, fmt.Errorf("request options: %w", err)
	}
	data := webauthn.ClientData{Type: webauthn.TypeGet, Challenge: o.Challenge, Origin: b.Origin}
	hash := data.Hash()
	r := ctap.GetAssertionRequest{
		RPID: b.site(o.RPID), ClientDataHash: hash[:], AllowList: descriptors(o.AllowCredentials),
	}
	if o.UserVerification == webauthn.Required {
		r.Options = map[string]bool{"uv": true}
	}
	got, err := ctap.GetAssertion(ctx, b.Device, r)
	if err != nil {
		return nil, err
	}
	answer := webauthn.AuthenticationResponse{
		Type: webauthn.PublicKeyType,
		Response: webauthn.AssertionResponse{
			ClientDataJSON: data.JSON(), AuthenticatorData: got.AuthData, Signature: got.Signature,
		},
		ClientExtensionResults: map[string]json.RawMessage{},
	}
	switch {
	case got.Credential != nil && len(got.Credential.ID) != 0:
		answer.RawID = webauthn.CredentialID(got.Credential.ID)
	case len(o.AllowCredentials) == 1: // CTAP §6.2.2: then it may be left out
		answer.RawID = o.AllowCredentials[0].ID
	}
	answer.ID = answer.RawID.String()
	if got.User != nil {
		answer.Response.UserHandle = got.User.ID
	}
	return json.Marshal(answer)
}

// site is the relying party ID, by default the page's host (WebAuthn §5.1.3).
func (b Browser) site(id webauthn.RPID) webauthn.RPID {
	if id == "" {
		if u, err := url.Parse(string(b.Origin)); err == nil {
			id = webauthn.RPID(u.Hostname())
		}
	}
	return id
}

func descriptors(in []webauthn.CredentialDescriptor) (out []ctap.CredentialDescriptor) {
	for _, d := range in {
		out = append(out, ctap.CredentialDescriptor{ID: d.ID, Type: d.Type, Transports: d.Transports})
	}
	return out
}

// unwrap decodes options, which most sites put into a publicKey.
func unwrap(options []byte, into any) error {
	var wrapped struct {
		PublicKey json.RawMessage `json:"publicKey"`
	}
	if err := json.Unmarshal(options, &wrapped); err != nil {
		return err
	}
	if wrapped.PublicKey != nil {
		options = wrapped.PublicKey
	}
	return json.Unmarshal(options, into)
}
