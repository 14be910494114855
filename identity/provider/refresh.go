package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"cardea/identity/directory"
	"cardea/identity/grant"
	"cardea/identity/policy"
	"cardea/identity/session"
)

// errNoStay says that a client may not be signed in without its person any
// more.
var errNoStay = errors.New("client may not have refresh tokens")

// refresh answers the grant type refresh_token (RFC 6749 §6, Core §12).
func (p *Provider) refresh(ctx context.Context, c directory.Client, f params) (any, *Error) {
	if f["refresh_token"] == "" {
		return nil, &Error{Code: invalidRequest, Description: "refresh_token is missing"}
	}
	g, err := p.cfg.Grants.Refresh(ctx, grant.Refresh{
		Token: f["refresh_token"], ClientID: c.ID, Scope: grant.ParseScope(f["scope"]),
	}, func(ctx context.Context, fam grant.Family) error {
		if !policy.MayStaySignedIn(c) {
			return errNoStay
		}
		_, err := p.person(ctx, fam.SID, fam.UserID)
		return err
	})
	if err != nil {
		return nil, refreshError(err)
	}
	// Core §12.2: what is said of the sign-in stays as it was, and the nonce is
	// not repeated.
	return p.tokens(grant.Authorization{
		ClientID: c.ID, UserID: g.UserID, SID: g.SID, Scope: g.AccessToken.Scope,
		AuthTime: g.Family.AuthTime, ACR: g.Family.ACR, AMR: g.Family.AMR,
	}, g.AccessToken, g.Token, g.Refresh)
}

// refreshError is redeemError for refresh tokens.
func refreshError(err error) *Error {
	if errors.Is(err, grant.ErrScope) {
		return &Error{Code: invalidScope, Description: "that was never granted", Err: err}
	}
	for _, known := range []error{
		grant.ErrNoRefresh, grant.ErrRefreshExpired, grant.ErrRefreshReused, grant.ErrOtherClient, errNoStay, errOver,
	} {
		if errors.Is(err, known) {
			return &Error{Code: invalidGrant, Description: "the refresh token is not good any more", Err: err}
		}
	}
	return unavailable(fmt.Errorf("refreshing: %w", err))
}

// revoke is the revocation endpoint (RFC 7009). A token that is none, or is
// another client's, is no error and changes nothing (§2.2). With the refresh
// token of a program that signed in without a page goes its session: nobody
// else has a use for it.
func (p *Provider) revoke(r *http.Request) (any, *Error) {
	f, oerr := form(r)
	if oerr != nil {
		return nil, oerr
	}
	client, oerr := p.authenticate(r, f)
	if oerr != nil {
		return nil, oerr
	}
	if f["token"] == "" {
		return nil, &Error{Code: invalidRequest, Description: "token is missing"}
	}
	ended, err := p.cfg.Grants.Revoke(r.Context(), client.ID, f["token"])
	if err != nil && !errors.Is(err, grant.ErrNoRefresh) {
		return nil, unavailable(fmt.Errorf("revoking: %w", err))
	}
	if ended != nil && ended.ACR == session.ACRNative {
		err := p.cfg.Sessions.End(r.Context(), session.ID(ended.SID))
		if err != nil && !errors.Is(err, session.ErrNone) {
			return nil, unavailable(fmt.Errorf("ending the session of a program: %w", err))
		}
	}
	return struct{}{}, nil
}

// noted puts what events are to say of the request into the context of an
// endpoint.
func noted(next http.HandlerFunc) http.HandlerFunc { return audited(next).ServeHTTP }
