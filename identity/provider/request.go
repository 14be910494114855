package provider

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cardea/identity/directory"
	"cardea/identity/grant"
	"cardea/identity/policy"
)

// Scope values and prompts that mean something here.
const (
	scopeOpenID  = "openid"
	scopeProfile = "profile"

	promptNone          = "none"
	promptLogin         = "login"
	promptSelectAccount = "select_account"
)

// Limits of an authorization request.
const (
	// maxRequest bounds the request as a query: it must fit into the parameter
	// continue of the sign-in page and into what servers take as a URL.
	maxRequest = 7 << 10
	maxMaxAge  = 10 * 365 * 24 * 60 * 60 // seconds; more is the same as not asking
)

// An authorizationRequest is what a client asks for, checked.
type authorizationRequest struct {
	client      directory.Client
	redirectURI string
	state       string
	nonce       string
	scope       grant.Scope
	challenge   grant.Challenge

	silent  bool           // prompt=none
	again   bool           // prompt=login or select_account
	maxAge  *time.Duration // nil if not asked for
	subject directory.UserID
	marker  string // our own; see marker.go
}

// checkRedirect says whether uri may be redirected to for c. Comparison is
// character by character (RFC 9700 §2.1): every cleverer rule has been a hole.
// What was registered is looked at once more, for registration may have been
// done by hand.
func checkRedirect(c directory.Client, uri string) error {
	if uri == "" {
		return errors.New("redirect_uri is missing") // Core §3.1.2.1: also when only one is registered
	}
	if !c.Redirects(uri) {
		return errors.New("redirect_uri is not registered")
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil || !u.IsAbs() || strings.Contains(uri, "#"): // RFC 6749 §3.1.2
		return errors.New("registered redirect URI: want an absolute URI without a fragment")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return errors.New("registered redirect URI: want https, except on this machine")
	case u.Scheme == "javascript" || u.Scheme == "data":
		return errors.New("registered redirect URI: not an address")
	}
	return nil
}

// read fills r from p. The client and the redirect URI are trusted by now, so
// every error goes there.
func (r *authorizationRequest) read(p params, verifyHint func(hint string) (directory.UserID, error)) *Error {
	for _, refused := range []struct{ param, code string }{ // Core §3.1.2.6, §6, §7.2.1
		{"request", requestNotSupported},
		{"request_uri", requestURINotSupported},
		{"registration", registrationUnsupported},
	} {
		if p[refused.param] != "" {
			return &Error{Code: refused.code}
		}
	}
	switch p["response_type"] {
	case "code":
	case "":
		return &Error{Code: invalidRequest, Description: "response_type is missing"}
	default:
		return &Error{Code: unsupportedResponseType, Description: "only code is supported"}
	}
	if mode := p["response_mode"]; mode != "" && mode != "query" {
		return &Error{Code: invalidRequest, Description: "only the response mode query is supported"}
	}
	if oerr := r.readChallenge(p); oerr != nil {
		return oerr
	}
	if oerr := r.readScope(p); oerr != nil {
		return oerr
	}
	r.nonce, r.marker = p["nonce"], p[paramMarker]
	return r.readPrompt(p, verifyHint)
}

// readChallenge asks every client for PKCE: all of them are public, and a code
// without a challenge can be used by whoever sees it (RFC 9700 §2.1.1).
func (r *authorizationRequest) readChallenge(p params) *Error {
	if p["code_challenge"] == "" {
		return &Error{Code: invalidRequest, Description: "code challenge required"} // RFC 7636 §4.4.1
	}
	// A missing method means "plain" (RFC 7636 §4.3).
	if p["code_challenge_method"] != "S256" {
		return &Error{Code: invalidRequest, Description: "transform algorithm not supported"}
	}
	c, err := grant.ParseChallenge(p["code_challenge"])
	if err != nil {
		return &Error{Code: invalidRequest, Description: "code_challenge is not one of S256"}
	}
	r.challenge = c
	return nil
}

// readScope keeps what we know and drops the rest, as Core §3.1.2.1 and RFC 6749
// §3.3 allow; the token answer says what is left. Nothing left is an error.
func (r *authorizationRequest) readScope(p params) *Error {
	for _, v := range grant.ParseScope(p["scope"]) {
		stays := v == grant.ScopeOffline && policy.MayStaySignedIn(r.client)
		if v == scopeOpenID || v == scopeProfile || stays {
			r.scope = append(r.scope, v)
		}
	}
	if len(r.scope) == 0 || len(r.scope) == 1 && r.scope.Has(grant.ScopeOffline) {
		return &Error{Code: invalidScope, Description: "ask for openid"}
	}
	return nil
}

// readPrompt reads what says whom and how to ask. Hints that only help are left
// to the sign-in page, and the rest of Core §3.1.2.1 (display, ui_locales,
// acr_values and so on) must do no harm (Core §15.1).
func (r *authorizationRequest) readPrompt(p params, verifyHint func(string) (directory.UserID, error)) *Error {
	// RFC 8252 §8.6: another program on the same machine may say that it is this
	// client. A person who is signed in already must not be taken along without
	// a word, so each request of a program asks for a new sign-in.
	r.again = r.client.Native
	prompts := strings.Fields(p["prompt"])
	for _, v := range prompts {
		switch v {
		case promptNone:
			r.silent = true
		// The sign-in page shows the accounts that the browser knows; whichever
		// is picked is a new sign-in.
		case promptLogin, promptSelectAccount:
			r.again = true
		default:
			return &Error{Code: invalidRequest, Description: "prompt: only none, login and select_account are supported"}
		}
	}
	if r.silent && slices.ContainsFunc(prompts, func(v string) bool { return v != promptNone }) {
		return &Error{Code: invalidRequest, Description: "prompt: none goes with no other"}
	}
	if s := p["max_age"]; s != "" {
		n, err := strconv.ParseUint(s, 10, 63)
		if err != nil {
			return &Error{Code: invalidRequest, Description: "max_age: want a number of seconds"}
		}
		age := time.Duration(min(n, maxMaxAge)) * time.Second
		r.maxAge = &age
	}
	if hint := p["id_token_hint"]; hint != "" {
		sub, err := verifyHint(hint)
		if err != nil {
			return &Error{Code: invalidRequest, Description: "id_token_hint is not an ID token of this provider", Err: err}
		}
		r.subject = sub
	}
	return nil
}
