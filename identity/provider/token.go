package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"cardea/identity/directory"
	"cardea/identity/grant"
	"cardea/identity/session"
)

// tokenAnswer is the answer of RFC 6749 §5.1 and Core §3.1.3.3.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
	Scope       string `json:"scope"`
	IDToken     string `json:"id_token,omitempty"` // only with the scope openid
	Refresh     string `json:"refresh_token,omitempty"`
}

// token is the token endpoint (RFC 6749 §3.2). The order matters: a request
// that fails an earlier step has changed nothing by a later one.
func (p *Provider) token(r *http.Request) (any, *Error) {
	f, oerr := form(r)
	if oerr != nil {
		return nil, oerr
	}
	client, oerr := p.authenticate(r, f)
	if oerr != nil {
		return nil, oerr
	}
	switch f["grant_type"] {
	case "authorization_code":
		return p.redeem(r.Context(), client, f)
	case "refresh_token":
		return p.refresh(r.Context(), client, f)
	case "":
		return nil, &Error{Code: invalidRequest, Description: "grant_type is missing"}
	default:
		return nil, &Error{Code: unsupportedGrantType, Description: "only authorization_code and refresh_token are supported"}
	}
}

// authenticate returns the client of a request. All clients are public: they
// name themselves in the body, and prove with the code verifier that the code is
// for them. Who brings a secret has one that we did not give, or takes this
// client for another (RFC 6749 §2.3, OAuth 2.1 §2.4).
//
// Some client libraries try the header first and, when that fails, the body
// with the same code; so nothing may be spent before this is passed.
func (p *Provider) authenticate(r *http.Request, f params) (directory.Client, *Error) {
	if r.Header.Get("Authorization") != "" {
		return directory.Client{}, &Error{
			Code: invalidClient, Description: "this client has no secret: send client_id in the body",
			status: http.StatusUnauthorized, challenge: `Basic realm="token"`, // RFC 6749 §5.2
		}
	}
	refused := &Error{Code: invalidClient, status: http.StatusUnauthorized}
	if f["client_secret"] != "" || f["client_assertion"] != "" || f["client_assertion_type"] != "" {
		refused.Description = "this client has no secret"
		return directory.Client{}, refused
	}
	if f["client_id"] == "" {
		refused.Description = "client_id is missing"
		return directory.Client{}, refused
	}
	c, err := p.cfg.Directory.Client(r.Context(), directory.ClientID(f["client_id"]))
	switch {
	case errors.Is(err, directory.ErrNoClient):
		refused.Description = "client is not registered"
		return directory.Client{}, refused
	case err != nil:
		return directory.Client{}, unavailable(fmt.Errorf("finding client: %w", err))
	case !c.Public:
		refused.Description = "client must authenticate"
		return directory.Client{}, refused
	}
	return c, nil
}

// redeem exchanges a code (RFC 6749 §4.1.3, RFC 7636 §4.5).
func (p *Provider) redeem(ctx context.Context, c directory.Client, f params) (any, *Error) {
	if f["code"] == "" {
		return nil, &Error{Code: invalidRequest, Description: "code is missing"}
	}
	g, err := p.cfg.Grants.Redeem(ctx, grant.Presentation{
		Code: f["code"], ClientID: c.ID, RedirectURI: f["redirect_uri"], Verifier: f["code_verifier"],
	}, p.alive)
	if err != nil {
		return nil, redeemError(err)
	}
	return p.tokens(g.Code.Authorization, g.AccessToken, g.Token, g.Refresh)
}

// tokens is the answer that holds what was granted.
func (p *Provider) tokens(a grant.Authorization, t grant.AccessToken, access, refresh string) (any, *Error) {
	now := p.cfg.Now()
	answer := tokenAnswer{
		AccessToken: access,
		TokenType:   "Bearer",
		ExpiresIn:   int64(t.Expires.Sub(now) / time.Second),
		Scope:       t.Scope.String(),
		Refresh:     refresh,
	}
	if t.Scope.Has(scopeOpenID) {
		var err error
		if answer.IDToken, err = p.idToken(a, access, now); err != nil {
			return nil, unavailable(err)
		}
	}
	return answer, nil
}

// errOver says that what a code or token stood on is no more.
var errOver = errors.New("session is over")

// alive reports whether the session of a code still lives and its person may
// still sign in.
func (p *Provider) alive(ctx context.Context, c grant.Code) error {
	_, err := p.person(ctx, c.SID, c.UserID)
	return err
}

// person returns who has the session sid, or errOver.
func (p *Provider) person(ctx context.Context, sid string, id directory.UserID) (directory.User, error) {
	s, err := p.cfg.Sessions.ByID(ctx, session.ID(sid))
	if errors.Is(err, session.ErrNone) || err == nil && s.UserID != id {
		return directory.User{}, errOver
	}
	if err != nil {
		return directory.User{}, fmt.Errorf("finding session: %w", err)
	}
	u, err := p.cfg.Directory.User(ctx, id)
	if errors.Is(err, directory.ErrNoUser) || err == nil && u.Disabled {
		return directory.User{}, errOver
	}
	if err != nil {
		return directory.User{}, fmt.Errorf("finding person: %w", err)
	}
	return u, nil
}

// redeemError tells all that can be wrong with a code apart in the log and in
// no other place.
func redeemError(err error) *Error {
	for _, known := range []error{
		grant.ErrNoCode, grant.ErrOtherClient, grant.ErrOtherRedirect, grant.ErrVerifier,
		grant.ErrCodeExpired, grant.ErrCodeSpent, errOver,
	} {
		if errors.Is(err, known) {
			return &Error{Code: invalidGrant, Description: "the code cannot be redeemed", Err: err}
		}
	}
	return unavailable(fmt.Errorf("redeeming code: %w", err))
}
