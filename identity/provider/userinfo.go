package provider

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"cardea/identity/grant"
)

// userInfoAnswer is the answer of Core §5.3.2. Names are absent without the
// scope profile.
type userInfoAnswer struct {
	Subject           string `json:"sub"`
	Name              string `json:"name,omitempty"`
	PreferredUsername string `json:"preferred_username,omitempty"`
	// Locale is absent for who leaves the language to their browser.
	Locale string `json:"locale,omitempty"`
}

// userInfo is the UserInfo endpoint (Core §5.3).
func (p *Provider) userInfo(r *http.Request) (any, *Error) {
	text, oerr := bearer(r)
	if oerr != nil {
		return nil, oerr
	}
	t, err := p.cfg.Grants.ByToken(r.Context(), text)
	switch {
	case errors.Is(err, grant.ErrNoToken):
		return nil, tokenError(err)
	case err != nil:
		return nil, unavailable(fmt.Errorf("finding access token: %w", err))
	}
	u, err := p.person(r.Context(), t.SID, t.UserID)
	switch {
	case errors.Is(err, errOver):
		return nil, tokenError(err)
	case err != nil:
		return nil, unavailable(err)
	}
	if !t.Scope.Has(scopeOpenID) {
		return nil, &Error{
			Code: insufficientScope, Description: "the access token is not for openid",
			status: http.StatusForbidden, challenge: `Bearer error="insufficient_scope", scope="openid"`,
		}
	}
	answer := userInfoAnswer{Subject: string(u.ID)}
	if t.Scope.Has(scopeProfile) {
		answer.Name, answer.PreferredUsername, answer.Locale = u.DisplayName, u.Username, u.Language
	}
	return answer, nil
}

// bearer returns the access token of a request: from the header or from the
// body (RFC 6750 §2.1, §2.2). Never from the query, where it would be logged
// along the way (OAuth 2.1 §5.1).
func bearer(r *http.Request) (string, *Error) {
	var tokens []string
	for _, v := range r.Header.Values("Authorization") {
		scheme, token, ok := strings.Cut(v, " ")
		if !ok || !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) == "" {
			return "", &Error{
				Code: invalidRequest, Description: "the Authorization header is not a bearer token",
				challenge: `Bearer error="invalid_request"`,
			}
		}
		tokens = append(tokens, strings.TrimSpace(token))
	}
	// A POST may have no body at all, or one of another kind.
	if r.Method == http.MethodPost && r.Header.Get("Content-Type") != "" {
		f, oerr := form(r)
		if oerr != nil {
			oerr.challenge = `Bearer error="invalid_request"`
			return "", oerr
		}
		if f["access_token"] != "" {
			tokens = append(tokens, f["access_token"])
		}
	}
	switch len(tokens) {
	case 0: // RFC 6750 §3.1: no error code for who did not know
		return "", &Error{status: http.StatusUnauthorized, challenge: "Bearer"}
	case 1:
		return tokens[0], nil
	}
	return "", &Error{
		Code: invalidRequest, Description: "send one access token in one way",
		challenge: `Bearer error="invalid_request"`,
	}
}

func tokenError(err error) *Error {
	return &Error{
		Code: invalidToken, Description: "the access token is not good any more", Err: err,
		status: http.StatusUnauthorized, challenge: `Bearer error="invalid_token"`,
	}
}
