package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/grant"
	"cardea/identity/policy"
	"cardea/identity/session"
	"cardea/internal/httpd"
)

// How often one address may come to the challenge endpoint: as often as to the
// sign-in page.
const (
	challengeInterval  = 200 * time.Millisecond
	challengeBurst     = 100
	challengeAddresses = 10_000
)

// maxNonce bounds what a client may have us keep sealed, in bytes.
const maxNonce = 256

// The error codes of the first-party applications draft (§5.2.2).
const (
	insufficientAuthorization = "insufficient_authorization"
	invalidSession            = "invalid_session"
	unauthorizedClient        = "unauthorized_client"
)

// nativeRequest is what is sealed into an auth_session: what the code will be
// for. What the second request says of it is not looked at.
type nativeRequest struct {
	Challenge grant.Challenge `json:"c"`
	Scope     string          `json:"s"`
	Nonce     string          `json:"n,omitempty"`
}

// challenge is the authorization challenge endpoint (draft-ietf-oauth-first-
// party-apps §5): a program of ours signs its person in without a page.
//
//	POST client_id, response_type, scope, code_challenge  -> 400 insufficient_authorization,
//	                                                         auth_session, webauthn
//	POST client_id, auth_session, webauthn_response       -> 200 authorization_code
//
// An auth_session is good for one answer, right or wrong.
func (p *Provider) challenge(r *http.Request) (any, *Error) {
	if oerr := notFromPage(r); oerr != nil {
		return nil, oerr
	}
	f, oerr := form(r)
	if oerr != nil {
		return nil, oerr
	}
	client, oerr := p.authenticate(r, f)
	if oerr != nil {
		return nil, oerr
	}
	if err := policy.MaySignInNatively(client); err != nil {
		return nil, &Error{Code: unauthorizedClient, Description: "this client signs people in with a browser", Err: err}
	}
	if f["auth_session"] == "" {
		return p.beginNative(r, client, f)
	}
	return p.finishNative(r, client, f)
}

// notFromPage refuses what a browser sends for a page. Browsers say so, and
// pages cannot keep them from it (Fetch, "Origin header"; Fetch Metadata). The
// draft wants no browsers here (§9.8).
func notFromPage(r *http.Request) *Error {
	for _, name := range []string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode"} {
		if r.Header.Get(name) != "" {
			return &Error{Code: invalidRequest, Description: "this endpoint is not for pages", status: http.StatusForbidden}
		}
	}
	return nil
}

// limited counts the requests of each address.
func limited(l *httpd.Limiter, next endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := l.Take(w, r)
		api(func(r *http.Request) (any, *Error) {
			if err != nil {
				return nil, &Error{Code: temporarilyUnavailable, Description: "too many requests", Err: err, status: http.StatusTooManyRequests}
			}
			return next(r)
		})(w, r)
	}
}

// program is the client of r as the ceremony sees it.
func program(r *http.Request, c directory.Client) ceremony.Program {
	known := requestOf(r)
	return ceremony.Program{Client: c, UserAgent: known.UserAgent, Address: known.Address, Reference: known.Reference}
}

func (p *Provider) beginNative(r *http.Request, c directory.Client, f params) (any, *Error) {
	if f["webauthn_response"] != "" {
		return nil, &Error{Code: invalidSession, Description: "auth_session is missing"}
	}
	if f["id_token_hint"] != "" || f["max_age"] != "" {
		return nil, &Error{Code: invalidRequest, Description: "id_token_hint and max_age mean nothing here: every sign-in is a new one"}
	}
	req := authorizationRequest{client: c}
	if oerr := req.read(f, p.hinted); oerr != nil {
		return nil, oerr
	}
	switch {
	case req.silent: // Core §3.1.2.6
		return nil, &Error{Code: loginRequired}
	case len(req.nonce) > maxNonce:
		return nil, &Error{Code: invalidRequest, Description: "nonce is too long"}
	}
	keep, err := json.Marshal(nativeRequest{Challenge: req.challenge, Scope: req.scope.String(), Nonce: req.nonce})
	if err != nil {
		return nil, unavailable(err)
	}
	begun, err := p.cfg.Ceremony.BeginNative(r.Context(), program(r, c), keep)
	if err != nil {
		return nil, nativeError(err)
	}
	return nil, &Error{
		Code: insufficientAuthorization,
		more: map[string]any{
			"auth_session": begun.Sealed,
			"webauthn":     begun.Options,
			"expires_in":   int64(begun.Expires.Sub(p.cfg.Now()) / time.Second),
		},
	}
}

// nativeAnswer is the answer of the draft's §5.2.1.
type nativeAnswer struct {
	Code string `json:"authorization_code"`
}

func (p *Provider) finishNative(r *http.Request, c directory.Client, f params) (any, *Error) {
	if f["webauthn_response"] == "" {
		return nil, &Error{Code: invalidRequest, Description: "webauthn_response is missing"}
	}
	in, keep, err := p.cfg.Ceremony.FinishNative(r.Context(), program(r, c), f["auth_session"], []byte(f["webauthn_response"]))
	if err != nil {
		return nil, nativeError(err)
	}
	var req nativeRequest
	if err := json.Unmarshal(keep, &req); err != nil {
		return nil, unavailable(fmt.Errorf("reading auth_session: %w", err))
	}
	s := in.Session
	code, err := p.cfg.Grants.Issue(r.Context(), grant.Authorization{
		ClientID: c.ID, Challenge: req.Challenge, Scope: grant.ParseScope(req.Scope), Nonce: req.Nonce,
		UserID: s.UserID, SID: string(s.ID), AuthTime: s.AuthTime, ACR: s.ACR, AMR: s.AMR,
	})
	if err != nil {
		return nil, unavailable(err)
	}
	return nativeAnswer{Code: code}, nil
}

// nativeError puts a no of the ceremony into the draft's words. Why an answer
// was refused stands in the log and in the record; the program learns whether to
// begin again, and whether the passkey is one that nobody knows or that is of a
// kind that is not taken.
func nativeError(err error) *Error {
	var no *ceremony.Refusal
	switch {
	case errors.Is(err, policy.ErrNotNative):
		return &Error{Code: unauthorizedClient, Err: err}
	case !errors.As(err, &no):
		return unavailable(fmt.Errorf("signing in a program: %w", err))
	}
	switch no.Reason {
	case ceremony.ReasonNoCeremony, ceremony.ReasonChallengeExpired, ceremony.ReasonChallengeSpent, ceremony.ReasonOtherClient:
		return &Error{Code: invalidSession, Description: "begin again", Err: err}
	case ceremony.ReasonUnknownPasskey:
		return &Error{Code: accessDenied, Description: "this passkey is not known here", Err: err}
	case ceremony.ReasonKindRefused:
		return &Error{Code: accessDenied, Description: "passkeys of this kind are not accepted here any more; use another passkey", Err: err}
	}
	return &Error{Code: accessDenied, Description: "that passkey did not sign anybody in", Err: err}
}

// requestOf is what events are to say of r.
func requestOf(r *http.Request) audit.Request {
	known := audit.Request{Reference: string(httpd.ReferenceOf(r.Context())), UserAgent: r.UserAgent()}
	if addr := httpd.Proxies(nil).ClientAddress(r); addr.IsValid() {
		known.Address = addr.String()
	}
	return known
}

// acrValues are the acr values that people can have here.
func acrValues(native bool) []string {
	if native {
		return []string{session.ACRPasskey, session.ACRNative}
	}
	return []string{session.ACRPasskey}
}
