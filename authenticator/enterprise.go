package authenticator

import (
	"crypto"
	"slices"

	"cardea/ctap"
	"cardea/webauthn"
)

// Enterprise is what a security key needs to say to a site of its owner's which
// one of all keys it is (CTAP §7.1). It is off until authenticatorConfig turns
// it on.
type Enterprise struct {
	// Signer is the ES256 key that the first certificate of Chain is for.
	Signer crypto.Signer
	Chain  [][]byte // X.509, DER, leaf first
	// RPIDs are the sites that may ask by themselves. Others need a client that
	// its administrator has told so.
	RPIDs []webauthn.RPID
}

// Values of enterpriseAttestation (CTAP §7.1.2).
const (
	enterpriseVendor   = 1
	enterprisePlatform = 2
)

// enterpriseFor decides whether r gets enterprise attestation (CTAP §6.1.2
// step 9). A site that is not on the list gets the ordinary one, and no error.
func (v *visit) enterpriseFor(r ctap.MakeCredentialRequest) (bool, error) {
	if r.Enterprise == 0 {
		return false, nil
	}
	if v.a.keys == nil || v.a.enterprise == nil || !v.a.settings().Enterprise {
		return false, ctap.InvalidParameter
	}
	switch r.Enterprise {
	case enterpriseVendor:
		return slices.Contains(v.a.enterprise.RPIDs, r.RP.ID), nil
	case enterprisePlatform:
		return true, nil
	}
	return false, ctap.InvalidOption
}

func (e *Enterprise) attestation() Attestation { return Attestation{Signer: e.Signer, Chain: e.Chain} }
