package provider

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"

	"cardea/internal/httpd"
)

// The error codes of RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1 and Core
// §3.1.2.6 that are used here.
const (
	invalidRequest          = "invalid_request"
	invalidClient           = "invalid_client"
	invalidGrant            = "invalid_grant"
	invalidScope            = "invalid_scope"
	invalidToken            = "invalid_token"
	insufficientScope       = "insufficient_scope"
	accessDenied            = "access_denied"
	unsupportedResponseType = "unsupported_response_type"
	unsupportedGrantType    = "unsupported_grant_type"
	loginRequired           = "login_required"
	requestNotSupported     = "request_not_supported"
	requestURINotSupported  = "request_uri_not_supported"
	registrationUnsupported = "registration_not_supported"
	temporarilyUnavailable  = "temporarily_unavailable"
)

// An Error is an answer in the protocol's own words. Description is for the
// client's developer: a constant, never what was sent, in the characters that
// RFC 6749 §5.2 allows. Err is for our log.
type Error struct {
	Code        string
	Description string
	Err         error

	status    int // 0 is 400
	more      map[string]any
	challenge string // WWW-Authenticate, if any
}

// Error returns the code and the cause, for the log.
func (e *Error) Error() string {
	s := e.Code
	if e.Description != "" {
		s += ": " + e.Description
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// unavailable says that it is our fault. Never invalid_grant for that: clients
// throw their sessions away on it.
func unavailable(err error) *Error {
	return &Error{Code: temporarilyUnavailable, Err: err, status: http.StatusServiceUnavailable}
}

// An endpoint for programs answers with a value that is written as JSON.
type endpoint func(r *http.Request) (any, *Error)

// api answers with what e returns, or with its error (RFC 6749 §5.1, §5.2).
func api(e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, oerr := e(r)
		status := http.StatusOK
		h := w.Header()
		if oerr != nil {
			noteError(r, oerr)
			if status = oerr.status; status == 0 {
				status = http.StatusBadRequest
			}
			if status == http.StatusServiceUnavailable {
				h.Set("Retry-After", "5")
			}
			if oerr.challenge != "" {
				h.Set("WWW-Authenticate", oerr.challenge)
			}
			body = oerr.body()
		}
		b, err := json.Marshal(body)
		if err != nil {
			panic("provider: internal error: " + err.Error())
		}
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(b) // the client has gone
	}
}

// body is what the client gets to read. An error without a code has none
// (RFC 6750 §3.1: who brought no token is told only that one is needed).
func (e *Error) body() any {
	body := map[string]any{}
	maps.Copy(body, e.more)
	if e.Code != "" {
		body["error"] = e.Code
	}
	if e.Description != "" {
		body["error_description"] = e.Description
	}
	return body
}

func noteError(r *http.Request, e *Error) {
	rec := httpd.RecordOf(r.Context())
	rec.Attrs = append(rec.Attrs, slog.String("oauth_error", e.Error()))
}
