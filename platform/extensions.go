package platform

import (
	"encoding/base64"
	"encoding/json"
	"slices"

	"cardea/ctap"
	"cardea/internal/cbor"
	"cardea/webauthn"
)

// The extensions whose rules the client knows. All others are dropped, which
// WebAuthn §9.3 allows: an extension is a wish.
const (
	extCredProps  = "credProps"
	extPRF        = "prf"
	extLargeBlob  = "largeBlob"
	extProtection = "credentialProtectionPolicy"
	extEnforce    = "enforceCredentialProtectionPolicy"

	ctapProtection = "credProtect" // CTAP §12.1
)

type prfInput struct {
	Eval             json.RawMessage            `json:"eval"`
	EvalByCredential map[string]json.RawMessage `json:"evalByCredential"`
}

type largeBlobInput struct {
	Support string          `json:"support"`
	Read    bool            `json:"read"`
	Write   json.RawMessage `json:"write"`
}

func extensionError(name Name, message string) error {
	return &Error{Name: name, Message: message}
}

// read decodes the input of one extension into v and reports whether the page
// gave it in the right shape. One in a wrong shape counts as not given; the
// browser has checked it before.
func read(in map[string]json.RawMessage, id string, v any) bool {
	raw, ok := in[id]
	return ok && json.Unmarshal(raw, v) == nil
}

// checkCreationExtensions refuses inputs that their texts forbid at create().
func checkCreationExtensions(in map[string]json.RawMessage, w wants) error {
	var prf prfInput
	if read(in, extPRF, &prf) && prf.EvalByCredential != nil { // WebAuthn §10.1.4
		return extensionError(NotSupportedError, msgExtension)
	}
	var blob largeBlobInput
	if read(in, extLargeBlob, &blob) { // WebAuthn §10.1.5
		// Required support is refused at once: no way that we have offers it,
		// so the answer says nothing of the person.
		if blob.Read || blob.Write != nil || blob.Support == webauthn.Required {
			return extensionError(NotSupportedError, msgExtension)
		}
	}
	level, asked := protectionAsked(in)
	var enforce bool
	read(in, extEnforce, &enforce)
	switch {
	case enforce && (!asked || level == 1):
		return extensionError(NotSupportedError, msgExtension)
	case level == 3 && w.userVerification != webauthn.Required:
		return extensionError(NotSupportedError, msgExtension)
	}
	return nil
}

// checkRequestExtensions refuses inputs that their texts forbid at get().
func checkRequestExtensions(o webauthn.RequestOptions) error {
	var prf prfInput
	if read(o.Extensions, extPRF, &prf) && len(prf.EvalByCredential) > 0 { // WebAuthn §10.1.4
		if len(o.AllowCredentials) == 0 {
			return extensionError(NotSupportedError, msgExtension)
		}
		for key := range prf.EvalByCredential {
			id, err := base64.RawURLEncoding.Strict().DecodeString(key)
			if err != nil || !slices.ContainsFunc(o.AllowCredentials, func(d webauthn.CredentialDescriptor) bool {
				return string(d.ID) == string(id)
			}) {
				return extensionError(SyntaxError, msgPRFKey)
			}
		}
	}
	var blob largeBlobInput
	if read(o.Extensions, extLargeBlob, &blob) { // WebAuthn §10.1.5
		if blob.Support != "" || blob.Read && blob.Write != nil || blob.Write != nil && len(o.AllowCredentials) != 1 {
			return extensionError(NotSupportedError, msgExtension)
		}
	}
	return nil
}

// protectionAsked returns the level that the page asked for (CTAP §12.1).
func protectionAsked(in map[string]json.RawMessage) (level uint, asked bool) {
	var policy string
	read(in, extProtection, &policy)
	switch policy {
	case "userVerificationOptional":
		return 1, true
	case "userVerificationOptionalWithCredentialIDList":
		return 2, true
	case "userVerificationRequired":
		return 3, true
	}
	return 0, false
}

// protection returns the credProtect input for an authenticator, or nothing,
// and whether the authenticator can do what is enforced. A page that says
// nothing gets what Chromium asks for in its place: a passkey that can be found
// without its ID must not be found without its person.
func protection(in map[string]json.RawMessage, w wants, rk bool, i ctap.Info) (map[string]cbor.Raw, bool) {
	level, asked := protectionAsked(in)
	var enforce bool
	read(in, extEnforce, &enforce)
	if !slices.Contains(i.Extensions, ctapProtection) {
		return nil, !enforce
	}
	if !asked {
		switch {
		case w.residentKey == webauthn.Required && w.userVerification == webauthn.Preferred:
			level = 3
		case rk:
			level = 2
		default:
			return nil, true
		}
	}
	return map[string]cbor.Raw{ctapProtection: cbor.MustEncode(level)}, true
}

// creationResults returns the outputs for a page: only of what it asked for,
// since relying parties refuse what they did not ask.
func creationResults(in map[string]json.RawMessage, rk bool) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	var asked bool
	if read(in, extCredProps, &asked) && asked { // WebAuthn §10.1.3
		out[extCredProps] = json.RawMessage(`{"rk":false}`)
		if rk {
			out[extCredProps] = json.RawMessage(`{"rk":true}`)
		}
	}
	return out
}
