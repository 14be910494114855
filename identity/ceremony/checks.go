package ceremony

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	library "github.com/go-webauthn/webauthn/webauthn"

	"cardea/identity/directory"
	"cardea/webauthn"
)

// refuser makes the refusal of one kind of ceremony.
type refuser func(Reason, error) *Refusal

// checkCreation walks through the steps of WebAuthn §7.1 that need no
// cryptography but a hash, in their order.
func (v *verifier) checkCreation(s *library.SessionData, c *protocol.ParsedCredentialCreationData) *Refusal {
	// Steps 7 to 11.
	if r := v.checkClientData(s, v.page(s), &c.Response.CollectedClientData, protocol.CreateCeremony, refuse); r != nil {
		return r
	}
	// Steps 14 to 17.
	data := &c.Response.AttestationObject.AuthData
	if r := v.checkAuthenticatorData(data, refuse); r != nil {
		return r
	}
	// Step 20. The key says itself what it is.
	alg, err := webauthn.Algorithm(data.AttData.CredentialPublicKey)
	if err != nil || !slices.Contains(algorithms, alg) {
		return refuse(ReasonAlgorithm, err)
	}
	// Step 21. SafetyNet was switched off by its maker; nothing honest sends it.
	if c.Response.AttestationObject.Format == string(protocol.AttestationFormatAndroidSafetyNet) {
		return refuse(ReasonAttestation, nil)
	}
	// Step 27: credential.id and the attested one are one and the same.
	if !bytes.Equal(c.RawID, data.AttData.CredentialID) {
		return refuse(ReasonMalformed, nil)
	}
	return nil
}

// checkAssertion walks through the steps of WebAuthn §7.2 that need no
// cryptography but a hash, in their order.
func (v *verifier) checkAssertion(s *library.SessionData, want webauthn.Origin, a *protocol.ParsedCredentialAssertionData, u directory.User, k directory.Passkey) *Refusal {
	// Step 6. The passkey was found by its ID; without a user name to begin
	// with, the user handle must be there and be its person's.
	switch handle := a.Response.UserHandle; {
	case len(handle) == 0:
		return refuseSignIn(ReasonNoUserHandle, nil)
	case subtle.ConstantTimeCompare(handle, u.Handle) != 1:
		return refuseSignIn(ReasonWrongUser, nil)
	}
	// Steps 10 to 14.
	if r := v.checkClientData(s, want, &a.Response.CollectedClientData, protocol.AssertCeremony, refuseSignIn); r != nil {
		return r
	}
	// Steps 15 to 18.
	if r := v.checkAuthenticatorData(&a.Response.AuthenticatorData, refuseSignIn); r != nil {
		return r
	}
	// Step 19. A passkey that could not be copied yesterday and can be today
	// is not the one that was registered.
	if a.Response.AuthenticatorData.Flags.HasBackupEligible() != k.Flags.Has(webauthn.FlagBackupEligible) {
		return refuseSignIn(ReasonBackupChanged, nil)
	}
	return nil
}

// page returns the origin that a ceremony of a page began at, or nothing if
// there is none that may hold one.
func (v *verifier) page(s *library.SessionData) webauthn.Origin {
	if o := webauthn.Origin(s.Origin); slices.Contains(v.origins, o) {
		return o
	}
	return ""
}

func (v *verifier) checkClientData(s *library.SessionData, origin webauthn.Origin, c *protocol.CollectedClientData, want protocol.CeremonyType, refuse refuser) *Refusal {
	if c.Type != want {
		return refuse(ReasonWrongType, nil)
	}
	if s.Challenge == "" || subtle.ConstantTimeCompare([]byte(c.Challenge), []byte(s.Challenge)) != 1 {
		return refuse(ReasonWrongChallenge, nil)
	}
	// The one origin that the ceremony began at, character by character. The
	// library folds case; browsers have done so already (RFC 6454 §6.2).
	if origin == "" || c.Origin != string(origin) {
		return refuse(ReasonWrongOrigin, nil)
	}
	// Our pages are never framed, so neither is a ceremony.
	if c.CrossOrigin || c.TopOrigin != "" {
		return refuse(ReasonCrossOrigin, nil)
	}
	return nil
}

func (v *verifier) checkAuthenticatorData(d *protocol.AuthenticatorData, refuse refuser) *Refusal {
	hash := sha256.Sum256([]byte(v.rpID))
	switch {
	case !bytes.Equal(d.RPIDHash, hash[:]):
		return refuse(ReasonWrongRP, nil)
	case !d.Flags.HasUserPresent():
		return refuse(ReasonNotPresent, nil)
	case !d.Flags.HasUserVerified():
		return refuse(ReasonNotVerified, nil)
	case !d.Flags.HasBackupEligible() && d.Flags.HasBackupState():
		return refuse(ReasonBackupFlags, nil)
	}
	return nil
}
