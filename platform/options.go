package platform

import (
	"slices"
	"time"

	"cardea/ctap"
	"cardea/webauthn"
)

// Limits of a request.
const (
	// WebAuthn §15.1 recommends 300 to 600 seconds. Chromium lets 180 pass, so
	// a page that asked for them gets them.
	defaultTimeout = 5 * time.Minute
	minTimeout     = 3 * time.Minute
	maxTimeout     = 10 * time.Minute

	// maxDescriptors is Chromium's bound of a list of passkeys.
	maxDescriptors = 64
)

// timeout returns how long a request may take. The client has to keep time
// itself: Chromium does not end a request that it has handed over.
func timeout(milliseconds int64) time.Duration {
	if milliseconds <= 0 {
		return defaultTimeout
	}
	if milliseconds > maxTimeout.Milliseconds() {
		return maxTimeout
	}
	return max(minTimeout, time.Duration(milliseconds)*time.Millisecond)
}

// wants is what a request asks of an authenticator, whichever it will be.
type wants struct {
	attachment       string // AttachmentPlatform, AttachmentCrossPlatform, or either
	userVerification string // Required, Preferred, Discouraged
	residentKey      string // Required, Preferred, Discouraged
	hints            []string
	listed           bool // the page names the passkeys that it wants
}

// creationWants reads the authenticator selection (WebAuthn §5.4.4). A word
// that nobody knows counts as absent.
func creationWants(o webauthn.CreationOptions) wants {
	s := o.AuthenticatorSelection
	if s == nil {
		s = new(webauthn.AuthenticatorSelection)
	}
	w := wants{
		userVerification: knownOr(s.UserVerification, webauthn.Preferred, requirements),
		residentKey:      knownOr(s.ResidentKey, webauthn.Discouraged, requirements),
		hints:            o.Hints,
	}
	if s.ResidentKey == "" && s.RequireResidentKey {
		w.residentKey = webauthn.Required
	}
	w.attachment = knownOr(s.AuthenticatorAttachment, "",
		[]string{webauthn.AttachmentPlatform, webauthn.AttachmentCrossPlatform})
	return w
}

var requirements = []string{webauthn.Required, webauthn.Preferred, webauthn.Discouraged}

func knownOr(s, otherwise string, known []string) string {
	if slices.Contains(known, s) {
		return s
	}
	return otherwise
}

// discoverable returns the effective value of rk for an authenticator, and
// whether it can do what is required (WebAuthn §5.1.3 step 22).
func (w wants) discoverable(i ctap.Info) (rk, possible bool) {
	can := i.Options["rk"]
	switch w.residentKey {
	case webauthn.Required:
		return true, can
	case webauthn.Preferred:
		return can, true
	}
	return false, true
}

// allows reports whether the request may go to a kind of authenticator.
func (w wants) allows(k Kind) bool {
	switch w.attachment {
	case webauthn.AttachmentPlatform:
		return k == ThisDevice
	case webauthn.AttachmentCrossPlatform:
		return k != ThisDevice
	}
	return true
}

// hinted returns the place of k among the hints, those without one last
// (WebAuthn §5.8.7). Hints are a preference and never a rule.
func (w wants) hinted(k Kind) int {
	names := map[Kind]string{ThisDevice: "client-device", Phone: "hybrid", SecurityKey: "security-key"}
	if i := slices.Index(w.hints, names[k]); i >= 0 {
		return i
	}
	return len(w.hints)
}

// algorithms returns the parameters that an authenticator may choose from
// (WebAuthn §5.1.3 step 10). Parameters of another type are skipped, and so
// are algorithms for which the client could not hand the page a public key.
func algorithms(params []webauthn.CredentialParameters) ([]ctap.CredentialParameters, bool) {
	if len(params) == 0 {
		params = []webauthn.CredentialParameters{
			{Type: webauthn.PublicKeyType, Alg: webauthn.ES256},
			{Type: webauthn.PublicKeyType, Alg: webauthn.RS256},
		}
	}
	var out []ctap.CredentialParameters
	for _, p := range params {
		if p.Type == webauthn.PublicKeyType && publicKeyKnown(p.Alg) {
			out = append(out, ctap.CredentialParameters{Alg: p.Alg, Type: p.Type})
		}
	}
	return out, len(out) > 0
}

// descriptors translates a list of passkeys. Entries of another type or
// without an ID are skipped; nothing is dropped for its transports, which may
// be stale (WebAuthn §5.8.4).
func descriptors(list []webauthn.CredentialDescriptor) []ctap.CredentialDescriptor {
	var out []ctap.CredentialDescriptor
	for _, d := range list {
		if d.Type == webauthn.PublicKeyType && len(d.ID) > 0 && len(d.ID) <= webauthn.MaxCredentialID {
			out = append(out, ctap.CredentialDescriptor{Type: d.Type, ID: d.ID})
		}
	}
	return out
}

// checkCreation refuses options that no authenticator should see.
func checkCreation(o webauthn.CreationOptions) error {
	switch {
	case len(o.User.ID) == 0 || len(o.User.ID) > webauthn.MaxUserHandle: // WebAuthn §5.1.3 step 5
		return &Error{Name: TypeError, Message: msgUserID}
	case len(o.Challenge) == 0:
		return &Error{Name: TypeError, Message: msgChallenge}
	case len(o.ExcludeCredentials) > maxDescriptors:
		return &Error{Name: NotSupportedError, Message: msgTooMany}
	}
	return checkCreationExtensions(o.Extensions, creationWants(o))
}

// checkRequest is checkCreation for sign-ins.
func checkRequest(o webauthn.RequestOptions) error {
	switch {
	case len(o.Challenge) == 0:
		return &Error{Name: TypeError, Message: msgChallenge}
	case len(o.AllowCredentials) > maxDescriptors:
		return &Error{Name: NotSupportedError, Message: msgTooMany}
	}
	return checkRequestExtensions(o)
}
