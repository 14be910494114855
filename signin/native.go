package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"cardea/webauthn"
)

// A Getter has an authenticator sign: get() of WebAuthn, for a program that
// states origin.
type Getter func(ctx context.Context, origin webauthn.Origin, o webauthn.RequestOptions) (webauthn.AuthenticationResponse, error)

// ErrNoNative says that this provider signs people in on its page only.
var ErrNoNative = errors.New("this identity provider signs people in with a browser only")

// begun is what the challenge endpoint says first.
type begun struct {
	AuthSession string          `json:"auth_session"`
	Options     json.RawMessage `json:"webauthn"`
}

// Native signs the person in with a passkey, without a page.
func (c *Client) Native(ctx context.Context, get Getter) (Tokens, error) {
	if c.endpoints.Challenge == "" {
		return Tokens{}, ErrNoNative
	}
	// Never an origin or a client that the provider names: a provider that lies
	// would have us sign for another.
	origin, ok := webauthn.NativeOrigin(webauthn.Origin(c.issuer), c.cfg.ClientID)
	if !ok {
		return Tokens{}, fmt.Errorf("client %q: not a name that a program can state", c.cfg.ClientID)
	}
	verifier, nonce := random(), random()
	var b begun
	err := c.post(ctx, c.endpoints.Challenge, url.Values{
		"response_type": {"code"}, "scope": {scopes}, "nonce": {nonce},
		"code_challenge": {s256(verifier)}, "code_challenge_method": {"S256"},
	}, new(struct{}), &b)
	var no *Error
	switch {
	case errors.As(err, &no) && no.Code == "unauthorized_client":
		return Tokens{}, fmt.Errorf("%w (%w)", ErrNoNative, err)
	case err == nil || !errors.As(err, &no) || no.Code != "insufficient_authorization":
		return Tokens{}, errors.Join(errors.New("asking for a challenge"), err)
	case b.AuthSession == "":
		return Tokens{}, errors.New("asking for a challenge: there is none in the answer")
	}
	var options webauthn.RequestOptions
	if err := json.Unmarshal(b.Options, &options); err != nil {
		return Tokens{}, errors.New("asking for a challenge: the options cannot be read")
	}
	assertion, err := get(ctx, origin, options)
	if err != nil {
		return Tokens{}, err
	}
	response, err := json.Marshal(assertion)
	if err != nil {
		return Tokens{}, fmt.Errorf("writing the assertion: %w", err)
	}
	var granted struct {
		Code string `json:"authorization_code"`
	}
	err = c.post(ctx, c.endpoints.Challenge, url.Values{"auth_session": {b.AuthSession}, "webauthn_response": {string(response)}}, &granted, nil)
	if err != nil {
		return Tokens{}, fmt.Errorf("signing in: %w", err)
	}
	return c.redeem(ctx, granted.Code, verifier, "", nonce)
}
