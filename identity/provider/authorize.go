package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/grant"
	"cardea/identity/policy"
	"cardea/identity/session"
	"cardea/internal/httpd"
)

// authorize is the authorization endpoint (RFC 6749 §3.1, Core §3.1.2).
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodPost {
		return p.authorizePost(w, r)
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return stopped(badRequest, "reading authorization request: %w", err)
	}
	q, twice := parse(values)
	req := authorizationRequest{redirectURI: q["redirect_uri"], state: q["state"]}
	if req.client, err = p.trusted(r.Context(), q); err != nil {
		return err
	}
	if len(twice) > 0 {
		return p.refuse(w, r, req, &Error{Code: invalidRequest, Description: "a parameter was sent twice"})
	}
	if len(values.Encode()) > maxRequest {
		return p.refuse(w, r, req, &Error{Code: invalidRequest, Description: "the request is too long"})
	}
	if oerr := req.read(q, p.hinted); oerr != nil {
		return p.refuse(w, r, req, oerr)
	}
	s, err := p.cfg.Sessions.ByToken(r.Context(), p.cfg.SessionToken(r))
	switch {
	case errors.Is(err, session.ErrNone):
		return p.signIn(w, r, req, values)
	case err != nil:
		return fmt.Errorf("finding session: %w", err)
	}
	return p.answer(w, r, req, values, s)
}

// authorizePost turns a request that came as a form into one that comes as a
// query (Core §3.1.2.1 wants both). A form posted by another site brings no
// SameSite=Lax cookies; the browser that follows to our own address does.
func (p *Provider) authorizePost(w http.ResponseWriter, r *http.Request) error {
	values, oerr := formValues(r)
	if oerr != nil {
		return stopped(badRequest, "reading authorization request: %w", oerr)
	}
	query := values.Encode()
	if len(query) > maxRequest {
		return stopped(badRequest, "authorization request of %d bytes", len(query))
	}
	http.Redirect(w, r, PathAuthorize+"?"+query, http.StatusSeeOther) // never 307: RFC 9700 §4.12
	return nil
}

// An unanswerable is why a person is stopped here whom an application has sent
// in a way that we cannot answer to the application: the code of what the pages
// say of it, in the reader's language.
type unanswerable string

const (
	badRequest    unanswerable = "client_request"
	unknownClient unanswerable = "unknown_client"
	badRedirect   unanswerable = "client_redirect"
)

// inEnglish is for where there are no pages.
var inEnglish = map[unanswerable]string{
	badRequest: "The application that sent you here did it in a way we don't understand. " +
		"Go back and try again, or tell the people who look after it.",
	unknownClient: "The application that sent you here isn't known to us. Tell the people who look after it.",
	badRedirect: "The application that sent you here wants you back at an address that isn't its own, " +
		"so we stopped. Tell the people who look after it.",
}

// stopped returns the error for why, with its cause as by fmt.Errorf.
func stopped(why unanswerable, format string, args ...any) error {
	return &httpd.Error{Status: http.StatusBadRequest, Code: string(why), Public: inEnglish[why], Err: fmt.Errorf(format, args...)}
}

// trusted returns the client of a request if its redirect URI may be used. Its
// error is a page: nobody is ever redirected to where we do not know
// (RFC 6749 §4.1.2.1, RFC 9700 §4.11.2).
func (p *Provider) trusted(ctx context.Context, q params) (directory.Client, error) {
	id := directory.ClientID(q["client_id"])
	c, err := p.cfg.Directory.Client(ctx, id)
	switch {
	case id == "" || errors.Is(err, directory.ErrNoClient):
		return directory.Client{}, stopped(unknownClient, "authorization request: client %q is not registered", id)
	case err != nil:
		return directory.Client{}, fmt.Errorf("finding client: %w", err)
	}
	if err := checkRedirect(c, q["redirect_uri"]); err != nil {
		return directory.Client{}, stopped(badRedirect, "authorization request: client %q: %w", id, err)
	}
	return c, nil
}

// answer decides what a person who is signed in as s has to do for req.
func (p *Provider) answer(w http.ResponseWriter, r *http.Request, req authorizationRequest, values url.Values, s session.Session) error {
	asked, waited := markerTime(p.cfg.MarkerKey, values, req.marker, p.cfg.Now())
	answered := waited && !s.AuthTime.Before(asked)
	switch {
	case !req.satisfied(s, answered, p.cfg.Now()):
		return p.signIn(w, r, req, values)
	case req.subject != "" && req.subject != s.UserID:
		if req.silent || answered {
			// Core §3.1.2.1: never somebody else without a word.
			return p.refuse(w, r, req, &Error{Code: loginRequired, Description: "somebody else is signed in"})
		}
		return p.signIn(w, r, req, values)
	}
	if err := p.mayEnter(r.Context(), req.client, s); err != nil {
		return p.shutOut(w, r, req, s, err)
	}
	return p.grant(w, r, req, s)
}

// satisfied reports whether the sign-in of s is new enough (Core §3.1.2.1,
// prompt and max_age). One that answers the request's own marker always is.
func (req authorizationRequest) satisfied(s session.Session, answered bool, now time.Time) bool {
	if answered {
		return true
	}
	return !req.again && (req.maxAge == nil || now.Sub(s.AuthTime) < *req.maxAge)
}

// mayEnter asks policy whether the person of s may enter c.
func (p *Provider) mayEnter(ctx context.Context, c directory.Client, s session.Session) error {
	u, err := p.cfg.Directory.User(ctx, s.UserID)
	if err != nil {
		return fmt.Errorf("finding person: %w", err)
	}
	return policy.MayEnter(u, policy.Proof{At: s.AuthTime, ByPass: s.ByPass()}, c)
}

// shutOut tells the client that this person may not enter, and the record why.
func (p *Provider) shutOut(w http.ResponseWriter, r *http.Request, req authorizationRequest, s session.Session, why error) error {
	var reason, description string
	switch {
	case errors.Is(why, policy.ErrPassOnlyRegisters):
		reason, description = "pass_only_registers", "an access pass is only good for registering a passkey"
	case errors.Is(why, policy.ErrDisabled):
		reason, description = "disabled", "this person may not sign in"
	default:
		return why // a fault of ours, not a decision
	}
	err := p.cfg.Audit.Add(r.Context(), audit.Event{
		Time: p.cfg.Now(), Kind: audit.ClientSignIn, UserID: s.UserID, Client: req.client.ID,
		Outcome: audit.Refused, Reason: reason,
	})
	if err != nil {
		return fmt.Errorf("recording refusal: %w", err)
	}
	return p.refuse(w, r, req, &Error{Code: accessDenied, Description: description})
}

// signIn sends the browser to the sign-in page, from where it comes back with
// the same request and a marker. A request that must not show a page ends here.
func (p *Provider) signIn(w http.ResponseWriter, r *http.Request, req authorizationRequest, values url.Values) error {
	if req.silent {
		return p.refuse(w, r, req, &Error{Code: loginRequired}) // Core §3.1.2.6
	}
	values.Set(paramMarker, newMarker(p.cfg.MarkerKey, values, p.cfg.Now()))
	back := url.Values{"continue": {PathAuthorize + "?" + values.Encode()}}
	http.Redirect(w, r, pathSignIn+"?"+back.Encode(), http.StatusSeeOther)
	return nil
}

// grant answers with a code.
func (p *Provider) grant(w http.ResponseWriter, r *http.Request, req authorizationRequest, s session.Session) error {
	a := grant.Authorization{
		ClientID: req.client.ID, RedirectURI: req.redirectURI, Challenge: req.challenge,
		Scope: req.scope, Nonce: req.nonce,
		UserID: s.UserID, SID: string(s.ID), AuthTime: s.AuthTime, ACR: s.ACR, AMR: s.AMR,
	}
	code, err := p.cfg.Grants.Issue(r.Context(), a)
	if err != nil {
		return err
	}
	p.redirect(w, r, req, url.Values{"code": {code}})
	return nil
}

// refuse answers with an error (RFC 6749 §4.1.2.1).
func (p *Provider) refuse(w http.ResponseWriter, r *http.Request, req authorizationRequest, oerr *Error) error {
	noteError(r, oerr)
	answer := url.Values{"error": {oerr.Code}}
	if oerr.Description != "" {
		answer.Set("error_description", oerr.Description)
	}
	p.redirect(w, r, req, answer)
	return nil
}

// redirect sends the answer to the client: with its state, if it sent one, and
// with iss, always (RFC 9207 §2).
func (p *Provider) redirect(w http.ResponseWriter, r *http.Request, req authorizationRequest, answer url.Values) {
	if req.state != "" {
		answer.Set("state", req.state)
	}
	answer.Set("iss", p.cfg.Issuer)
	// The registered URI stays as it is to the letter; it may have a query of
	// its own (RFC 6749 §3.1.2).
	separator := "?"
	if strings.Contains(req.redirectURI, "?") {
		separator = "&"
	}
	// Not http.Redirect: it would write a body with the address, code and all.
	w.Header().Set("Location", req.redirectURI+separator+answer.Encode())
	w.WriteHeader(http.StatusSeeOther)
}

// hinted returns the person that an ID token of ours is about. It may have
// expired long ago (Core §3.1.2.1).
func (p *Provider) hinted(hint string) (directory.UserID, error) {
	payload, err := p.cfg.Keys.verify(hint)
	if err != nil {
		return "", err
	}
	var claims struct {
		Issuer  string           `json:"iss"`
		Subject directory.UserID `json:"sub"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return "", err
	}
	if claims.Issuer != p.cfg.Issuer || claims.Subject == "" {
		return "", errNotOurs
	}
	return claims.Subject, nil
}
