package authenticator_test

import (
	"testing"

	"cardea/authenticator"
	"cardea/ctap"
	"cardea/ctap/pinuv"
)

// Every touch spends the token, also one for nothing.
func TestEveryTouchSpendsTheToken(t *testing.T) {
	t.Parallel()
	r := withPIN(t)
	made, err := r.makeWithPIN(nil)
	r.must(err)
	const both = ctap.PermitMakeCredential | ctap.PermitGetAssertion
	token := r.token(pinuv.Two, both, rpID)
	exclude := func(m *ctap.MakeCredentialRequest) {
		proveMake(token, pinuv.Two)(m)
		m.ExcludeList = []ctap.CredentialDescriptor{descriptor(authData(t, made.AuthData).Attested.ID)}
	}
	_, err = r.make(exclude)
	wantStatus(t, err, ctap.CredentialExcluded)
	_, err = r.make(exclude)
	wantStatus(t, err, ctap.PINAuthInvalid)
	token = r.token(pinuv.Two, both, rpID)
	_, err = r.get(proveGet(token, pinuv.Two))
	r.must(err)
	_, err = r.get(proveGet(token, pinuv.Two))
	wantStatus(t, err, ctap.PINAuthInvalid)
}

func TestWhatEndsATokenThatWasNotSpent(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(keyRig, *pinuv.Token){
		"a forced change": func(r keyRig, token *pinuv.Token) {
			r.must(r.configure(token, ctap.ConfigMinPINLength, map[int]any{3: true}))
		},
		"a stricter policy": func(r keyRig, token *pinuv.Token) {
			r.must(r.configure(token, ctap.ConfigMinPINLength, map[int]any{4: true}))
		},
		"a reset": func(r keyRig, _ *pinuv.Token) { r.must(ctap.Reset(t.Context(), r.device())) },
	} {
		r := withPIN(t)
		token := r.token(pinuv.Two, ctap.PermitConfig|ctap.PermitManagement, "")
		_, err := r.manage(token, ctap.ManageMetadata, nil)
		r.must(err)
		end(r, &token)
		if _, err = r.manage(token, ctap.ManageMetadata, nil); err == nil {
			t.Errorf("%s: the token still proves something", name)
		}
	}
}

func TestAListingIsForItsCallerAlone(t *testing.T) {
	t.Parallel()
	r := twoSites(t)
	_, err := r.manage(r.token(pinuv.Two, ctap.PermitManagement, ""), ctap.ManageRPsBegin, nil)
	r.must(err)
	other := r.a.Device(authenticator.Caller{Via: "other"})
	_, err = ctap.Manage(t.Context(), other, ctap.ManagementRequest{SubCommand: ctap.ManageRPsNext})
	wantStatus(t, err, ctap.NotAllowed)
}
