package account

import (
	"context"
	"net/url"
	"time"
)

// A RelyingParty is My Account's side of OpenID Connect: the authorization code
// flow with PKCE, state and nonce (OpenID Connect Core §3.1). It keeps nothing:
// what it must remember between the two halves it hands out as Pending, and My
// Account seals that in a cookie of the same browser.
//
// Implementations must be safe for concurrent use.
type RelyingParty interface {
	// Begin returns where to send the browser, and what Finish will need.
	Begin(ctx context.Context, o BeginOptions) (Pending, error)
	// Finish takes the query of the callback. It compares the state in constant
	// time, exchanges the code and verifies the ID token and its nonce. An
	// answer of the provider that is an error is an *AnswerError.
	Finish(ctx context.Context, p Pending, query url.Values) (Identity, error)
}

// BeginOptions says how the person is to be asked.
type BeginOptions struct {
	// MaxAge asks for somebody who used their passkey no longer ago than this
	// (the parameter max_age). Negative asks for nothing; zero asks always.
	MaxAge time.Duration
}

// Pending is one sign-in that has begun. Only the browser that began it may
// finish it.
type Pending struct {
	Location string `json:"-"`        // the provider's authorization endpoint, with the request
	State    string `json:"state"`    // RFC 6749 §10.12
	Nonce    string `json:"nonce"`    // OpenID Connect Core §15.5.2
	Verifier string `json:"verifier"` // RFC 7636 §4.1
	// Oldest is the earliest sign-in that answers BeginOptions.MaxAge; zero if
	// nothing was asked (OpenID Connect Core §3.1.3.7 step 13).
	Oldest time.Time `json:"oldest,omitzero"`
}

// An Identity is what a verified ID token says.
type Identity struct {
	Subject  string    // sub: the user's ID
	SID      string    // sid: the provider's session
	AuthTime time.Time // auth_time
}

// An AnswerError is an error that the provider answered with (RFC 6749
// §4.1.2.1), such as "access_denied".
type AnswerError struct {
	Code        string
	Description string
}

// Error returns the code and the description.
func (e *AnswerError) Error() string {
	if e.Description == "" {
		return "provider answered " + e.Code
	}
	return "provider answered " + e.Code + ": " + e.Description
}
