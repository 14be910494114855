package authenticator_test

import (
	"slices"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/authenticator/vault/vaulttest"
	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/webauthn"
)

// able is a person who can be verified, or cannot for now.
type able struct {
	*authtest.Person
	yes bool
}

func (p *able) CanVerify() bool { return p.yes }

// uvKey is a security key whose person is verified by itself.
func uvKey(t *testing.T, change func(*authenticator.Config)) keyRig {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	r := keyRig{rig{t, nil, new(vaulttest.Memory), authtest.NewPerson()}, &now}
	c := authenticator.Config{
		AAGUID: authenticator.AAGUIDComputer, Profile: authenticator.SecurityKey, Vault: r.vault, Person: r.person,
		Now: func() time.Time { return now }, U2F: true, BuiltInUV: true,
	}
	if change != nil {
		change(&c)
	}
	r.a = authenticator.New(c)
	return r
}

func (r keyRig) setPIN() keyRig {
	r.Helper()
	r.must(pinuv.SetPIN(r.Context(), r.device(), pinuv.Two, pin))
	return r
}

func (r keyRig) uvToken(permissions ctap.Permission, rp webauthn.RPID) (pinuv.Token, error) {
	return pinuv.GetTokenUsingUV(r.Context(), r.device(), pinuv.Two, permissions, rp)
}

func (r keyRig) uvRetries() uint {
	r.Helper()
	got, err := ctap.ClientPIN(r.Context(), r.device(), ctap.ClientPINRequest{SubCommand: ctap.PINGetUVRetries})
	r.must(err)
	return *got.UVRetries
}

const verifiedAndPresent = webauthn.FlagUserPresent | webauthn.FlagUserVerified

func (r keyRig) wantVerified(b []byte) {
	r.Helper()
	if f := authData(r.T, b).Flags; !f.Has(verifiedAndPresent) {
		r.Errorf("flags %v, want UP and UV", f)
	}
}

func TestInfoTellsOfBuiltInUV(t *testing.T) {
	t.Parallel()
	person := &able{Person: authtest.NewPerson()}
	r := uvKey(t, func(c *authenticator.Config) {
		c.Person, c.UVModality, c.PINManagesOnly = person, authenticator.UVFingerprint, true
	})
	for _, person.yes = range []bool{false, true} {
		i := r.a.Info()
		if uv, given := i.Options["uv"]; !given || uv != person.yes || !i.Options["uvAcfg"] || !i.Options["noMcGaPermissionsWithClientPin"] {
			t.Errorf("able %v: options %v", person.yes, i.Options)
		}
		if i.UVModality != authenticator.UVFingerprint || i.PreferredUVAttempts == 0 {
			t.Errorf("modality %#x, %d attempts", i.UVModality, i.PreferredUVAttempts)
		}
	}
	if got := uvKey(t, nil).a.Info(); got.UVModality != authenticator.UVPasscode || got.Options["noMcGaPermissionsWithClientPin"] {
		t.Errorf("by default: %+v", got)
	}
	if _, given := newKeyRig(t).a.Info().Options["uv"]; given {
		t.Error("a key without it tells of uv")
	}
}

func TestATokenByUVIsAlsoTheTouch(t *testing.T) {
	t.Parallel()
	r := uvKey(t, nil)
	token, err := r.uvToken(ctap.PermitMakeCredential, rpID)
	r.must(err)
	made, err := r.make(proveMake(token, pinuv.Two))
	r.must(err)
	r.wantVerified(made.AuthData)
	token, err = r.uvToken(ctap.PermitGetAssertion, rpID)
	r.must(err)
	got, err := r.get(proveGet(token, pinuv.Two))
	r.must(err)
	r.wantVerified(got.AuthData)
	wantSigned(t, made, got, getRequest().ClientDataHash)
	r.wantAsked(authenticator.Verify, authenticator.Verify)
	first := r.person.Asked()[0]
	if first.RPID != rpID || first.Permissions != ctap.PermitMakeCredential || first.Caller != authtest.Local || !first.Verify {
		t.Errorf("the person saw %+v", first)
	}
	_, err = r.get(proveGet(token, pinuv.Two))
	wantStatus(t, err, ctap.PINAuthInvalid) // spent
}

// Half a minute later the person no longer knows what they had agreed to.
func TestAnOldTokenByUVCostsATouch(t *testing.T) {
	t.Parallel()
	r := uvKey(t, nil)
	r.made("ana", true)
	token, err := r.uvToken(ctap.PermitGetAssertion|ctap.PermitLargeBlobWrite, rpID)
	r.must(err)
	// A silent use keeps it alive.
	_, err = r.get(func(g *ctap.GetAssertionRequest) {
		proveGet(token, pinuv.Two)(g)
		g.Options = map[string]bool{"up": false}
	})
	r.must(err)
	*r.now = r.now.Add(31 * time.Second)
	got, err := r.get(proveGet(token, pinuv.Two))
	r.must(err)
	r.wantVerified(got.AuthData)
	r.wantAsked(authenticator.MakePasskey, authenticator.Verify, authenticator.UsePasskey)
}

func TestWhatAskingForATokenByUVAnswers(t *testing.T) {
	t.Parallel()
	const get = ctap.PermitGetAssertion
	person := &able{Person: authtest.NewPerson()}
	disabled := uvKey(t, func(c *authenticator.Config) { c.Person = person })
	for _, tt := range []struct {
		name        string
		r           keyRig
		reply       authtest.Reply
		permissions ctap.Permission
		rp          webauthn.RPID
		want        ctap.Status
	}{
		{"of a key that cannot", newKeyRig(t), authtest.Approve, get, rpID, ctap.InvalidSubcommand},
		{"of a person who cannot now", disabled, authtest.Approve, get, rpID, ctap.NotAllowed},
		{"for nothing", uvKey(t, nil), authtest.Approve, 0, rpID, ctap.InvalidParameter},
		{"for a site that is not named", uvKey(t, nil), authtest.Approve, get, "", ctap.InvalidParameter},
		{"for what is not here", uvKey(t, nil), authtest.Approve, ctap.PermitBioEnrollment, "", ctap.UnauthorizedPermission},
		{"declined", uvKey(t, nil), authtest.Decline, get, rpID, ctap.OperationDenied},
		{"not recognized", uvKey(t, nil), authtest.Fail, get, rpID, ctap.UVInvalid},
		{"touched only", uvKey(t, nil), authtest.Tap, get, rpID, ctap.UVInvalid},
	} {
		tt.r.person.Script(tt.reply)
		_, err := tt.r.uvToken(tt.permissions, tt.rp)
		if wantStatus(t, err, tt.want); t.Failed() {
			t.Fatal(tt.name)
		}
	}
	_, err := ctap.ClientPIN(t.Context(), newKeyRig(t).device(), ctap.ClientPINRequest{SubCommand: ctap.PINGetUVRetries})
	wantStatus(t, err, ctap.InvalidSubcommand)
	_, err = ctap.ClientPIN(t.Context(), uvKey(t, nil).device(), ctap.ClientPINRequest{SubCommand: ctap.PINGetTokenUsingUV, Protocol: 2})
	wantStatus(t, err, ctap.MissingParameter)
}

func TestMissesBlockUVUntilThePIN(t *testing.T) {
	t.Parallel()
	r := uvKey(t, nil).setPIN()
	left := r.uvRetries()
	if left < 1 || left > 25 {
		t.Fatalf("%d retries, want 1 to 25", left)
	}
	all := left
	for ; left > 1; left-- {
		r.person.Script(authtest.Fail)
		_, err := r.uvToken(ctap.PermitGetAssertion, rpID)
		wantStatus(t, err, ctap.UVInvalid)
		r.powerCycle() // does not help
		r.vault.Unlock()
		if got := r.uvRetries(); got != left-1 {
			t.Fatalf("%d retries, want %d", got, left-1)
		}
	}
	r.person.Script(authtest.Fail)
	_, err := r.uvToken(ctap.PermitGetAssertion, rpID)
	wantStatus(t, err, ctap.UVBlocked)
	asked := len(r.person.Asked())
	_, err = r.uvToken(ctap.PermitGetAssertion, rpID)
	wantStatus(t, err, ctap.UVBlocked)
	_, err = r.make(nil)
	wantStatus(t, err, ctap.PUATRequired)
	if n := len(r.person.Asked()); n != asked {
		t.Error("a blocked person was asked")
	}
	r.must(r.tryPIN(pin))
	if got := r.uvRetries(); got != all {
		t.Errorf("%d retries after the PIN, want %d", got, all)
	}
}

func TestBeingRecognizedForgivesMisses(t *testing.T) {
	t.Parallel()
	r := uvKey(t, nil)
	all := r.uvRetries()
	r.person.Script(authtest.Fail, authtest.Approve)
	for _, want := range []uint{all - 1, all} {
		_, _ = r.uvToken(ctap.PermitGetAssertion, rpID)
		if got := r.uvRetries(); got != want {
			t.Errorf("%d retries, want %d", got, want)
		}
	}
}

func TestOptionUVIsOneQuestion(t *testing.T) {
	t.Parallel()
	r := uvKey(t, nil)
	made, err := r.make(nil)
	r.must(err)
	r.wantVerified(made.AuthData)
	got, err := r.get(nil)
	r.must(err)
	r.wantVerified(got.AuthData)
	r.wantAsked(authenticator.MakePasskey, authenticator.UsePasskey)
	for _, p := range r.person.Asked() {
		if !p.Verify {
			t.Errorf("%s does not verify", p.Kind)
		}
	}
	touch, err := r.get(touched(nil))
	r.must(err)
	if f := authData(t, touch.AuthData).Flags; f != webauthn.FlagUserPresent {
		t.Errorf("flags %v, want UP alone", f)
	}
	quiet, err := r.get(func(g *ctap.GetAssertionRequest) { g.Options["up"] = false })
	r.must(err)
	if f := authData(t, quiet.AuthData).Flags; f != webauthn.FlagUserVerified {
		t.Errorf("flags %v, want UV alone", f)
	}
}

// CTAP §6.1.2 step 11: who is not recognized is sent to the PIN, if there is one.
func TestNotRecognizedFallsBackToThePIN(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		r    keyRig
		want ctap.Status
	}{
		{uvKey(t, nil), ctap.OperationDenied},
		{uvKey(t, nil).setPIN(), ctap.PUATRequired},
		{uvKey(t, func(c *authenticator.Config) { c.PINManagesOnly = true }).setPIN(), ctap.OperationDenied},
	} {
		tt.r.made("ana", true)
		tt.r.person.Script(authtest.Fail, authtest.Tap)
		_, err := tt.r.make(nil)
		wantStatus(t, err, tt.want)
		_, err = tt.r.get(nil)
		wantStatus(t, err, tt.want)
		_, err = tt.r.make(func(m *ctap.MakeCredentialRequest) { delete(m.Options, "uv") })
		wantStatus(t, err, tt.want) // protected, discoverable, and no proof at all
	}
}

func TestUVUnlocksTheVault(t *testing.T) {
	t.Parallel()
	r := uvKey(t, nil).setPIN()
	r.made("ana", true)
	open := authtest.UnlockWith(1, func(int) error { r.vault.Unlock(); return nil })
	r.powerCycle()
	r.person.Script(open)
	token, err := r.uvToken(ctap.PermitGetAssertion, rpID)
	r.must(err)
	_, err = r.get(proveGet(token, pinuv.Two))
	r.must(err)
	r.wantAsked(authenticator.MakePasskey, authenticator.Unlock, authenticator.Verify)
	if p := r.person.Asked()[1]; p.Permissions != 0 || p.RPID != rpID || !p.Verify {
		t.Errorf("to unlock, the person saw %+v", p)
	}
	if p := r.person.Asked()[2]; p.Permissions != ctap.PermitGetAssertion || p.RPID != rpID || p.Verify {
		t.Errorf("after that, the person saw %+v", p)
	}
	r.powerCycle()
	_, err = r.uvToken(ctap.PermitGetAssertion, rpID) // says yes, and opens nothing
	wantStatus(t, err, ctap.OperationDenied)
}

// Who opens the vault has agreed to nothing yet: no token without a yes to what
// it is for.
func TestUnlockingIsNoConsentToAToken(t *testing.T) {
	t.Parallel()
	r := uvKey(t, nil).setPIN()
	r.powerCycle()
	r.person.Script(authtest.UnlockWith(1, func(int) error { r.vault.Unlock(); return nil }), authtest.Decline)
	_, err := r.uvToken(ctap.PermitManagement|ctap.PermitConfig, "")
	wantStatus(t, err, ctap.OperationDenied)
	r.wantAsked(authenticator.Unlock, authenticator.Verify)
}

func TestAlwaysUVWithBuiltInUV(t *testing.T) {
	t.Parallel()
	person := &able{Person: authtest.NewPerson(), yes: true}
	r := uvKey(t, func(c *authenticator.Config) { c.Person = person })
	r.person = person.Person
	token, err := r.uvToken(ctap.PermitConfig, "")
	r.must(err)
	r.must(r.configure(&token, ctap.ConfigAlwaysUV, nil))
	made, err := r.make(func(m *ctap.MakeCredentialRequest) { m.Options = nil })
	r.must(err)
	r.wantVerified(made.AuthData)
	got, err := r.get(func(g *ctap.GetAssertionRequest) {
		g.Options, g.AllowList = nil, []ctap.CredentialDescriptor{descriptor(authData(t, made.AuthData).Attested.ID)}
	})
	r.must(err)
	r.wantVerified(got.AuthData)
	person.yes = false
	_, err = r.get(touched(nil))
	wantStatus(t, err, ctap.PUATRequired)
	_, err = r.get(nil)
	wantStatus(t, err, ctap.InvalidOption)
}

func TestAPINThatManagesOnly(t *testing.T) {
	t.Parallel()
	r := uvKey(t, func(c *authenticator.Config) { c.PINManagesOnly = true }).setPIN()
	for _, permissions := range []ctap.Permission{0, ctap.PermitMakeCredential, ctap.PermitGetAssertion | ctap.PermitManagement} {
		rp := webauthn.RPID(rpID)
		if permissions == 0 {
			rp = ""
		}
		_, err := pinuv.GetToken(t.Context(), r.device(), pinuv.Two, pin, permissions, rp)
		wantStatus(t, err, ctap.UnauthorizedPermission)
	}
	r.token(pinuv.Two, ctap.PermitManagement, "")
	_, err := r.uvToken(ctap.PermitMakeCredential, rpID)
	r.must(err)
}

// A passkey that credProtect keeps for a verified person is used, and excluded,
// only after that.
func TestProtectedPasskeysWaitForUV(t *testing.T) {
	t.Parallel()
	r := uvKey(t, nil)
	made, err := r.make(func(m *ctap.MakeCredentialRequest) { m.Extensions = exts(map[string]any{"credProtect": 3}) })
	r.must(err)
	exclude := func(m *ctap.MakeCredentialRequest) {
		m.ExcludeList = []ctap.CredentialDescriptor{descriptor(authData(t, made.AuthData).Attested.ID)}
	}
	r.person.Script(authtest.Decline, authtest.Fail, authtest.Approve)
	for _, want := range []ctap.Status{ctap.OperationDenied, ctap.OperationDenied, ctap.CredentialExcluded} {
		_, err = r.make(exclude)
		wantStatus(t, err, want)
	}
	if kinds := r.person.Kinds()[1:]; slices.ContainsFunc(kinds, func(k authenticator.Kind) bool { return k != authenticator.AlreadyHere }) {
		t.Errorf("asked %v", kinds)
	}
	_, err = r.get(nil)
	r.must(err)
	_, err = r.get(touched(nil))
	wantStatus(t, err, ctap.NoCredentials)
}
