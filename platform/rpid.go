package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/net/publicsuffix"

	"cardea/webauthn"
)

// rpIDFits reports whether rp is the domain host or one that host may register
// for: a part of it from a dot on that is not a public suffix (WebAuthn
// §5.1.3 step 8, "is a registrable domain suffix of or is equal to").
//
// Differs from the text: a top-level domain that nobody knows counts as a
// public suffix, as in Chromium, so that corp is not a relying party of
// login.corp.
func rpIDFits(host string, rp webauthn.RPID) bool {
	if !isDomain(string(rp)) {
		return false
	}
	if host == string(rp) {
		return true
	}
	if !strings.HasSuffix(host, "."+string(rp)) {
		return false
	}
	_, err := publicsuffix.EffectiveTLDPlusOne(string(rp))
	return err == nil
}

// A Related fetches the document in which a relying party lists the other
// origins that may use its passkeys: https://<rp>/.well-known/webauthn
// (WebAuthn §5.11). It sends no cookies and no referrer, follows redirects to
// https only, and returns the body of an answer of status 200 and type
// application/json.
type Related func(ctx context.Context, rp webauthn.RPID) ([]byte, error)

// maxRelatedLabels is how many different names a relying party may list, as
// the first label of what it registered (WebAuthn §5.11.1: at least 5).
const maxRelatedLabels = 5

// isRelated runs the algorithm of WebAuthn §5.11.1 over the document.
func isRelated(document []byte, caller webauthn.Origin) (bool, error) {
	var d struct {
		Origins []string `json:"origins"`
	}
	if err := json.Unmarshal(document, &d); err != nil {
		return false, fmt.Errorf("reading related origins: %w", err)
	}
	seen := map[string]bool{}
	for _, o := range d.Origins {
		name, ok := host(webauthn.Origin(o))
		if !ok {
			continue
		}
		registered, err := publicsuffix.EffectiveTLDPlusOne(name)
		if err != nil {
			continue
		}
		label, _, _ := strings.Cut(registered, ".")
		if !seen[label] && len(seen) >= maxRelatedLabels {
			continue
		}
		seen[label] = true
		if o == string(caller) {
			return true, nil
		}
	}
	return false, nil
}

// relyingParty applies the rules of origin and RP ID to a request. It returns
// the RP ID in effect: rp, or the caller's domain if rp is empty.
func (c *Client) relyingParty(ctx context.Context, by Caller, rp webauthn.RPID) (webauthn.RPID, error) {
	name, ok := by.host()
	if !ok {
		return "", &Error{Name: SecurityError, Message: msgOrigin}
	}
	// WebAuthn §5.1.3 step 2, §5.10: only the browser knows what a frame is
	// permitted, and through the proxy it does not say who surrounds it.
	if !by.SameOriginWithAncestors {
		return "", &Error{Name: NotAllowedError, Message: msgNotAllowed, Err: errFramed}
	}
	if rp == "" {
		return webauthn.RPID(name), nil
	}
	if rpIDFits(name, rp) {
		return rp, nil
	}
	if !isDomain(string(rp)) || c.Related == nil || by.Native {
		return "", &Error{Name: SecurityError, Message: msgRPID}
	}
	document, err := c.Related(ctx, rp)
	if err != nil {
		return "", &Error{Name: SecurityError, Message: msgRPID, Err: err}
	}
	if related, err := isRelated(document, by.Origin); err != nil || !related {
		return "", &Error{Name: SecurityError, Message: msgRPID, Err: err}
	}
	return rp, nil
}
