package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Tokens are what a sign-in gave, and whom for.
type Tokens struct {
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id"`
	Subject  string `json:"sub"`
	Username string `json:"username,omitempty"`
	Name     string `json:"name,omitempty"`
	// ACR says how the person signed in: "phr" on a page,
	// "urn:cardea:acr:native" without one.
	ACR      string    `json:"acr,omitempty"`
	SignedIn time.Time `json:"signed_in"`

	AccessToken   string    `json:"access_token"`
	AccessExpires time.Time `json:"access_expires"`
	IDToken       string    `json:"id_token"`
	IDExpires     time.Time `json:"id_expires"`
	RefreshToken  string    `json:"refresh_token,omitempty"`
}

// String tells whose tokens they are, and none of them.
func (t Tokens) String() string { return fmt.Sprintf("tokens of %s at %s", t.Subject, t.Issuer) }

// GoString is String: no way of printing shows a token.
func (t Tokens) GoString() string { return t.String() }

// Who is what a person would call themselves.
func (t Tokens) Who() string {
	if t.Username != "" {
		return t.Username
	}
	return t.Subject
}

// A Need is which of the tokens somebody is going to use.
type Need string

// The needs.
const (
	NeedAccess Need = "access"
	NeedID     Need = "id"
)

// leeway is how much longer a token must live to be handed out.
const leeway = time.Minute

// Good reports whether the token that is needed can be used at now.
func (t Tokens) Good(n Need, now time.Time) bool {
	until := t.AccessExpires
	if n == NeedID {
		until = t.IDExpires
	}
	return now.Add(leeway).Before(until)
}

// ErrSignedOut says that the provider takes the refresh token no longer.
var ErrSignedOut = errors.New("you have been signed out; sign in again")

// answer is that of the token endpoint.
type answer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	IDToken      string `json:"id_token"`
	RefreshToken string `json:"refresh_token"`
}

// random returns 256 random bits as text.
func random() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// s256 is the code challenge of a verifier (RFC 7636 §4.2).
func s256(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// redeem exchanges a code. redirect is empty for one that came without a page.
func (c *Client) redeem(ctx context.Context, code, verifier, redirect, nonce string) (Tokens, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}}
	if redirect != "" {
		form.Set("redirect_uri", redirect)
	}
	var a answer
	if err := c.post(ctx, c.endpoints.Token, form, &a, nil); err != nil {
		return Tokens{}, fmt.Errorf("exchanging the code: %w", err)
	}
	t, claims, err := c.checked(ctx, a)
	if err != nil {
		return Tokens{}, err
	}
	if claims.Nonce != nonce {
		return Tokens{}, errors.New("the ID token is not for this request")
	}
	info, err := c.provider.UserInfo(c.context(ctx), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: t.AccessToken}))
	if err != nil {
		return Tokens{}, fmt.Errorf("asking who signed in: %w", err)
	}
	var names struct {
		Name     string `json:"name"`
		Username string `json:"preferred_username"`
	}
	if err := info.Claims(&names); err != nil || info.Subject != t.Subject {
		return Tokens{}, errors.Join(errors.New("what the provider says of who signed in does not fit"), err)
	}
	t.Name, t.Username = names.Name, names.Username
	return t, nil
}

// checked verifies what the token endpoint gave (OpenID Connect Core §3.1.3.7).
func (c *Client) checked(ctx context.Context, a answer) (Tokens, *oidc.IDToken, error) {
	if a.AccessToken == "" || a.IDToken == "" || a.ExpiresIn <= 0 {
		return Tokens{}, nil, errors.New("the identity provider gave no tokens")
	}
	claims, err := c.provider.Verifier(&oidc.Config{
		ClientID: c.cfg.ClientID, SupportedSigningAlgs: c.endpoints.Algorithms, Now: c.cfg.Now,
	}).Verify(c.context(ctx), a.IDToken)
	if err != nil {
		return Tokens{}, nil, fmt.Errorf("checking the ID token: %w", err)
	}
	if err := claims.VerifyAccessToken(a.AccessToken); err != nil {
		return Tokens{}, nil, fmt.Errorf("checking the access token: %w", err)
	}
	var more struct {
		ACR      string `json:"acr"`
		AuthTime int64  `json:"auth_time"`
	}
	if err := claims.Claims(&more); err != nil {
		return Tokens{}, nil, fmt.Errorf("reading the ID token: %w", err)
	}
	return Tokens{
		Issuer: c.issuer, ClientID: c.cfg.ClientID, Subject: claims.Subject, ACR: more.ACR, SignedIn: time.Unix(more.AuthTime, 0).UTC(),
		AccessToken: a.AccessToken, AccessExpires: c.cfg.Now().Add(time.Duration(a.ExpiresIn) * time.Second).UTC().Truncate(time.Second),
		IDToken: a.IDToken, IDExpires: claims.Expiry.UTC(), RefreshToken: a.RefreshToken,
	}, claims, nil
}

// Refresh returns new tokens for t, whose refresh token is of no use any more
// then. ErrSignedOut: the person has to sign in again.
func (c *Client) Refresh(ctx context.Context, t Tokens) (Tokens, error) {
	if t.RefreshToken == "" {
		return Tokens{}, ErrSignedOut
	}
	var a answer
	err := c.post(ctx, c.endpoints.Token, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {t.RefreshToken}}, &a, nil)
	var no *Error
	switch {
	case errors.As(err, &no) && no.Code == "invalid_grant":
		return Tokens{}, fmt.Errorf("%w (%w)", ErrSignedOut, err)
	case err != nil:
		return Tokens{}, fmt.Errorf("refreshing: %w", err)
	}
	next, claims, err := c.checked(ctx, a)
	if err != nil {
		return Tokens{}, err
	}
	if claims.Subject != t.Subject { // Core §12.2
		return Tokens{}, errors.New("the refreshed tokens are somebody else's")
	}
	next.Username, next.Name = t.Username, t.Name
	if next.RefreshToken == "" { // RFC 6749 §6: then the old one stays
		next.RefreshToken = t.RefreshToken
	}
	return next, nil
}

// Revoke gives t back: the provider takes none of it any more (RFC 7009).
func (c *Client) Revoke(ctx context.Context, t Tokens) error {
	if c.endpoints.Revocation == "" {
		return errors.New("this identity provider has no way to give tokens back")
	}
	token := t.RefreshToken
	if token == "" {
		token = t.AccessToken
	}
	if err := c.post(ctx, c.endpoints.Revocation, url.Values{"token": {token}}, new(struct{}), nil); err != nil {
		return fmt.Errorf("giving tokens back: %w", err)
	}
	return nil
}
