package authenticator_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/authenticator/vault"
	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/webauthn"
)

// keyRig is a security key on a clock that stands still.
type keyRig struct {
	rig
	now *time.Time
}

const pin = "12 水水" // five code points, nine bytes

func newKeyRig(t *testing.T, script ...authtest.Reply) keyRig {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	a, vault, person := authtest.NewKey(func() time.Time { return now }, script...)
	return keyRig{rig{t, a, vault, person}, &now}
}

// withPIN is a key that has been given its PIN.
func withPIN(t *testing.T, script ...authtest.Reply) keyRig {
	r := newKeyRig(t, script...)
	r.must(pinuv.SetPIN(t.Context(), r.device(), pinuv.Two, pin))
	return r
}

func (r keyRig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r keyRig) powerCycle() {
	r.Helper()
	r.must(r.a.PowerCycle(r.Context()))
	if r.vault.PINSet() {
		r.vault.Lock()
	}
}

func (r keyRig) token(p pinuv.Protocol, permissions ctap.Permission, rp webauthn.RPID) pinuv.Token {
	r.Helper()
	token, err := pinuv.GetToken(r.Context(), r.device(), p, pin, permissions, rp)
	r.must(err)
	return token
}

// A key that is built into a computer cannot be taken out and put in again. Its
// person can show another way that they are there.
func TestThePersonForgivesWrongPINs(t *testing.T) {
	t.Parallel()
	r := withPIN(t)
	for _, want := range []ctap.Status{ctap.PINInvalid, ctap.PINInvalid, ctap.PINAuthBlocked} {
		wantStatus(t, r.tryPIN("000000"), want)
	}
	wantStatus(t, r.tryPIN(pin), ctap.PINAuthBlocked)
	r.a.Forgive()
	r.must(r.tryPIN(pin))
	// It holds for what was, not for what comes.
	for _, want := range []ctap.Status{ctap.PINInvalid, ctap.PINInvalid, ctap.PINAuthBlocked} {
		wantStatus(t, r.tryPIN("000000"), want)
	}
}

func (r keyRig) tryPIN(pin string) error {
	_, err := pinuv.GetToken(r.Context(), r.device(), pinuv.Two, pin, 0, "")
	return err
}

// proveMake and proveGet put the proof of a token into a request.
func proveMake(token pinuv.Token, p pinuv.Protocol) func(*ctap.MakeCredentialRequest) {
	return func(m *ctap.MakeCredentialRequest) {
		delete(m.Options, "uv")
		m.PinUvAuthParam, m.PinUvAuthProtocol = token.Authenticate(m.ClientDataHash), uint(p)
	}
}

func proveGet(token pinuv.Token, p pinuv.Protocol) func(*ctap.GetAssertionRequest) {
	return func(g *ctap.GetAssertionRequest) {
		delete(g.Options, "uv")
		g.PinUvAuthParam, g.PinUvAuthProtocol = token.Authenticate(g.ClientDataHash), uint(p)
	}
}

// makeWithPIN makes a passkey, the PIN given anew.
func (r keyRig) makeWithPIN(change func(*ctap.MakeCredentialRequest)) (ctap.MakeCredentialResponse, error) {
	r.Helper()
	request := makeRequest()
	if change != nil {
		change(&request)
	}
	proveMake(r.token(pinuv.Two, ctap.PermitMakeCredential, request.RP.ID), pinuv.Two)(&request)
	return ctap.MakeCredential(r.Context(), r.device(), request)
}

func (r keyRig) getWithPIN(change func(*ctap.GetAssertionRequest)) (ctap.GetAssertionResponse, error) {
	r.Helper()
	request := getRequest()
	if change != nil {
		change(&request)
	}
	proveGet(r.token(pinuv.Two, ctap.PermitGetAssertion, request.RPID), pinuv.Two)(&request)
	return ctap.GetAssertion(r.Context(), r.device(), request)
}

// touched is a request without the wish to be verified.
func touched(change func(*ctap.GetAssertionRequest)) func(*ctap.GetAssertionRequest) {
	return func(g *ctap.GetAssertionRequest) {
		g.Options = nil
		if change != nil {
			change(g)
		}
	}
}

func (r keyRig) retries() (left uint, cycle bool) {
	r.Helper()
	got, err := ctap.ClientPIN(r.Context(), r.device(), ctap.ClientPINRequest{SubCommand: ctap.PINGetRetries})
	r.must(err)
	return *got.PINRetries, *got.PowerCycleState
}

func (r keyRig) wantRetries(left uint, cycle bool) {
	r.Helper()
	if l, c := r.retries(); l != left || c != cycle {
		r.Errorf("%d retries, power cycle %v; want %d, %v", l, c, left, cycle)
	}
}

func TestBothProtocolsSetChangeAndProveAPIN(t *testing.T) {
	t.Parallel()
	for _, p := range []pinuv.Protocol{pinuv.One, pinuv.Two} {
		r := newKeyRig(t)
		wantStatus(t, r.tryPIN(pin), ctap.PINNotSet)
		wantStatus(t, pinuv.ChangePIN(t.Context(), r.device(), p, pin, "54321"), ctap.PINNotSet)
		r.must(pinuv.SetPIN(t.Context(), r.device(), p, pin))
		wantStatus(t, pinuv.SetPIN(t.Context(), r.device(), p, pin), ctap.PINAuthInvalid)
		r.powerCycle()
		for _, user := range []string{"ana", "ben"} {
			made, err := r.make(func(m *ctap.MakeCredentialRequest) {
				m.User.ID = []byte(user)
				proveMake(r.token(p, 0, ""), p)(m)
			})
			r.must(err)
			if f := authData(t, made.AuthData).Flags; !f.Has(webauthn.FlagUserVerified | webauthn.FlagUserPresent) {
				t.Errorf("flags %v", f)
			}
		}
		r.must(pinuv.ChangePIN(t.Context(), r.device(), p, pin, "54321"))
		wantStatus(t, r.tryPIN(pin), ctap.PINInvalid)
		r.must(r.tryPIN("54321"))
		if n := len(r.stored()); n != 2 {
			t.Errorf("%d passkeys after the change, want 2", n)
		}
	}
}

func TestPINsThatWillNotDo(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]string{
		"empty": "", "three characters in nine bytes": "水水水", "not UTF-8": "1234\xff",
		"a full block and no zero": strings.Repeat("1", 64),
	} {
		r := newKeyRig(t)
		wantStatus(t, pinuv.SetPIN(t.Context(), r.device(), pinuv.Two, bad), ctap.PINPolicyViolation)
		if r.vault.PINSet() {
			t.Errorf("%s: was taken", name)
		}
	}
}

func TestWrongPINsBlock(t *testing.T) {
	t.Parallel()
	r := withPIN(t)
	r.wantRetries(8, false)
	wantStatus(t, r.tryPIN("wrong"), ctap.PINInvalid)
	r.must(r.tryPIN(pin))
	r.wantRetries(8, false)
	left := uint(8)
	for left > 0 {
		for miss := 1; miss <= 3 && left > 0; miss++ {
			left--
			want := ctap.PINInvalid
			if miss == 3 {
				want = ctap.PINAuthBlocked // the third says so itself
			}
			if left == 0 {
				want = ctap.PINBlocked
			}
			wantStatus(t, r.tryPIN("wrong"), want)
		}
		r.wantRetries(left, left != 0)
		if left != 0 {
			// Not even the right one, and it costs nothing.
			wantStatus(t, r.tryPIN(pin), ctap.PINAuthBlocked)
			r.wantRetries(left, true)
			r.powerCycle()
		}
	}
	r.powerCycle()
	wantStatus(t, r.tryPIN(pin), ctap.PINBlocked)
	wantStatus(t, pinuv.ChangePIN(t.Context(), r.device(), pinuv.Two, pin, "54321"), ctap.PINBlocked)
	r.wantRetries(0, false)
}

// On the disk, and not only in memory.
func TestRetriesAndThePINSurviveARestart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "vault")
	v, err := vault.Create(path, "", vault.WithKind(vault.NoPIN), vault.WithCost(vault.TestCost))
	for _, want := range []uint{7, 6} {
		if err != nil {
			t.Fatal(err)
		}
		a := authenticator.New(authenticator.Config{Profile: authenticator.SecurityKey, Vault: v, Person: authtest.NewPerson()})
		r := keyRig{rig{T: t, a: a}, nil}
		if want == 7 {
			r.must(pinuv.SetPIN(t.Context(), r.device(), pinuv.Two, pin))
		}
		wantStatus(t, r.tryPIN("wrong"), ctap.PINInvalid)
		r.wantRetries(want, false)
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		v, err = vault.Open(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if err := v.Unlock(t.Context(), pin); err != nil {
		t.Errorf("the PIN that the client has set does not open the vault: %v", err)
	}
}

func TestAWrongPINChangesTheKeyAgreementKey(t *testing.T) {
	t.Parallel()
	r := withPIN(t)
	key := func(p pinuv.Protocol) []byte {
		got, err := ctap.ClientPIN(t.Context(), r.device(), ctap.ClientPINRequest{Protocol: uint(p), SubCommand: ctap.PINGetKeyAgreement})
		r.must(err)
		return got.KeyAgreement
	}
	one, two := key(pinuv.One), key(pinuv.Two)
	if bytes.Equal(one, two) {
		t.Error("both protocols have the same key")
	}
	if !bytes.Equal(two, key(pinuv.Two)) {
		t.Error("the key changed by itself")
	}
	wantStatus(t, r.tryPIN("wrong"), ctap.PINInvalid)
	if bytes.Equal(two, key(pinuv.Two)) {
		t.Error("the key did not change")
	}
	before := key(pinuv.Two)
	r.powerCycle()
	if bytes.Equal(before, key(pinuv.Two)) {
		t.Error("the key outlived a power cycle")
	}
}

func TestClientPINRefusals(t *testing.T) {
	t.Parallel()
	r := withPIN(t)
	shared, key, err := pinuv.Agree(t.Context(), r.device(), pinuv.Two)
	r.must(err)
	hash, _ := shared.Encrypt(pinuv.HashPIN(pin))
	some := func(p ctap.Permission) *ctap.Permission { return &p }
	for _, tt := range []struct {
		name string
		r    ctap.ClientPINRequest
		want ctap.Status
	}{
		{"no protocol", ctap.ClientPINRequest{SubCommand: 2}, ctap.MissingParameter},
		{"protocol 3", ctap.ClientPINRequest{SubCommand: 2, Protocol: 3}, ctap.InvalidParameter},
		{"subcommand 0x20", ctap.ClientPINRequest{SubCommand: 0x20, Protocol: 2}, ctap.InvalidSubcommand},
		{"built-in verification", ctap.ClientPINRequest{SubCommand: 6, Protocol: 2}, ctap.InvalidSubcommand},
		{"its retries", ctap.ClientPINRequest{SubCommand: 7}, ctap.InvalidSubcommand},
		{"set without PIN", ctap.ClientPINRequest{SubCommand: 3, Protocol: 2, KeyAgreement: key}, ctap.MissingParameter},
		{"change without hash", ctap.ClientPINRequest{SubCommand: 4, Protocol: 2, KeyAgreement: key,
			NewPINEnc: hash, PinUvAuthParam: hash}, ctap.MissingParameter},
		{"change with a wrong tag", ctap.ClientPINRequest{SubCommand: 4, Protocol: 2, KeyAgreement: key,
			NewPINEnc: hash, PINHashEnc: hash, PinUvAuthParam: hash}, ctap.PINAuthInvalid},
		{"token without hash", ctap.ClientPINRequest{SubCommand: 5, Protocol: 2, KeyAgreement: key}, ctap.MissingParameter},
		{"key off the curve", ctap.ClientPINRequest{SubCommand: 5, Protocol: 2, KeyAgreement: []byte{0xa0}, PINHashEnc: hash}, ctap.InvalidParameter},
		{"old way with permissions", ctap.ClientPINRequest{SubCommand: 5, Protocol: 2, KeyAgreement: key,
			PINHashEnc: hash, Permissions: some(1)}, ctap.InvalidParameter},
		{"old way with a site", ctap.ClientPINRequest{SubCommand: 5, Protocol: 2, KeyAgreement: key,
			PINHashEnc: hash, RPID: rpID}, ctap.InvalidParameter},
		{"new way without permissions", ctap.ClientPINRequest{SubCommand: 9, Protocol: 2, KeyAgreement: key, PINHashEnc: hash}, ctap.MissingParameter},
		{"no permission", ctap.ClientPINRequest{SubCommand: 9, Protocol: 2, KeyAgreement: key,
			PINHashEnc: hash, Permissions: some(0)}, ctap.InvalidParameter},
		{"bio enrollment", ctap.ClientPINRequest{SubCommand: 9, Protocol: 2, KeyAgreement: key,
			PINHashEnc: hash, Permissions: some(8)}, ctap.UnauthorizedPermission},
		{"persistent and more", ctap.ClientPINRequest{SubCommand: 9, Protocol: 2, KeyAgreement: key,
			PINHashEnc: hash, Permissions: some(0x44)}, ctap.UnauthorizedPermission},
		{"to make without a site", ctap.ClientPINRequest{SubCommand: 9, Protocol: 2, KeyAgreement: key,
			PINHashEnc: hash, Permissions: some(1)}, ctap.InvalidParameter},
	} {
		_, err := ctap.ClientPIN(t.Context(), r.device(), tt.r)
		if wantStatus(t, err, tt.want); t.Failed() {
			t.Fatal(tt.name)
		}
	}
	r.wantRetries(8, false)
}

// Each way in which a proof can be wrong, beside the one that is right.
func TestTokensThatProveNothing(t *testing.T) {
	t.Parallel()
	const both = ctap.PermitMakeCredential | ctap.PermitGetAssertion
	for _, tt := range []struct {
		name string
		make func(r keyRig) func(*ctap.MakeCredentialRequest)
		ok   bool
	}{
		{"right", func(r keyRig) func(*ctap.MakeCredentialRequest) {
			return proveMake(r.token(pinuv.Two, both, rpID), pinuv.Two)
		}, true},
		{"used after 29 s", func(r keyRig) func(*ctap.MakeCredentialRequest) {
			token := r.token(pinuv.Two, both, rpID)
			*r.now = r.now.Add(29 * time.Second)
			return proveMake(token, pinuv.Two)
		}, true},
		{"not used for 30 s", func(r keyRig) func(*ctap.MakeCredentialRequest) {
			token := r.token(pinuv.Two, both, rpID)
			*r.now = r.now.Add(30 * time.Second)
			return proveMake(token, pinuv.Two)
		}, false},
		{"of another permission", func(r keyRig) func(*ctap.MakeCredentialRequest) {
			return proveMake(r.token(pinuv.Two, ctap.PermitGetAssertion, rpID), pinuv.Two)
		}, false},
		{"for another site", func(r keyRig) func(*ctap.MakeCredentialRequest) {
			return proveMake(r.token(pinuv.Two, both, "other.example"), pinuv.Two)
		}, false},
		{"under the other protocol", func(r keyRig) func(*ctap.MakeCredentialRequest) {
			return proveMake(r.token(pinuv.Two, both, rpID), pinuv.One)
		}, false},
		{"after a newer one", func(r keyRig) func(*ctap.MakeCredentialRequest) {
			token := r.token(pinuv.Two, both, rpID)
			r.token(pinuv.One, both, rpID)
			return proveMake(token, pinuv.Two)
		}, false},
		{"after a power cycle", func(r keyRig) func(*ctap.MakeCredentialRequest) {
			token := r.token(pinuv.Two, both, rpID)
			r.must(r.a.PowerCycle(r.Context()))
			return proveMake(token, pinuv.Two)
		}, false},
		{"after a change of PIN", func(r keyRig) func(*ctap.MakeCredentialRequest) {
			token := r.token(pinuv.Two, both, rpID)
			r.must(pinuv.ChangePIN(r.Context(), r.device(), pinuv.Two, pin, pin))
			return proveMake(token, pinuv.Two)
		}, false},
		{"spent", func(r keyRig) func(*ctap.MakeCredentialRequest) {
			token := r.token(pinuv.Two, both, rpID)
			_, err := r.make(proveMake(token, pinuv.Two))
			r.must(err)
			return proveMake(token, pinuv.Two)
		}, false},
		{"of another message", func(r keyRig) func(*ctap.MakeCredentialRequest) {
			token := r.token(pinuv.Two, both, rpID)
			return func(m *ctap.MakeCredentialRequest) {
				proveMake(token, pinuv.Two)(m)
				m.ClientDataHash = bytes.Repeat([]byte{1}, 32)
			}
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := withPIN(t)
			change := tt.make(r)
			kept := len(r.stored())
			_, err := r.make(change)
			if tt.ok {
				r.must(err)
				return
			}
			wantStatus(t, err, ctap.PINAuthInvalid)
			r.wantRetries(8, false) // a wrong proof is no wrong PIN
			if len(r.stored()) != kept {
				t.Error("a passkey was kept")
			}
		})
	}
}

func TestATokenLivesTenMinutes(t *testing.T) {
	t.Parallel()
	r := withPIN(t)
	_, err := r.makeWithPIN(nil)
	r.must(err)
	token := r.token(pinuv.Two, ctap.PermitGetAssertion, rpID)
	silent := func(g *ctap.GetAssertionRequest) {
		proveGet(token, pinuv.Two)(g)
		g.Options = map[string]bool{"up": false}
	}
	for _, after := range []time.Duration{20 * time.Second, 9 * time.Minute, 39 * time.Second} {
		*r.now = r.now.Add(after)
		// A request without a touch uses the token and does not spend it.
		got, err := r.get(silent)
		r.must(err)
		if f := authData(t, got.AuthData).Flags; f != webauthn.FlagUserVerified {
			t.Errorf("flags %v, want UV alone", f)
		}
	}
	*r.now = r.now.Add(time.Second)
	_, err = r.get(silent)
	wantStatus(t, err, ctap.PINAuthInvalid)
}

func TestATokenOfTheOldWayIsBoundByItsFirstUse(t *testing.T) {
	t.Parallel()
	r := withPIN(t)
	token := r.token(pinuv.One, 0, "")
	silent := func(rp webauthn.RPID) error {
		_, err := r.get(func(g *ctap.GetAssertionRequest) {
			g.RPID = rp
			proveGet(token, pinuv.One)(g)
			g.Options = map[string]bool{"up": false}
		})
		return err
	}
	wantStatus(t, silent(rpID), ctap.NoCredentials)
	wantStatus(t, silent("other.example"), ctap.PINAuthInvalid)
	wantStatus(t, silent(rpID), ctap.NoCredentials)
}

func TestWhatAProtectedKeyWantsAPINFor(t *testing.T) {
	t.Parallel()
	noUV := func(rk bool) func(*ctap.MakeCredentialRequest) {
		return func(m *ctap.MakeCredentialRequest) { m.Options = map[string]bool{"rk": rk} }
	}
	open, protected := newKeyRig(t), withPIN(t)
	for _, rk := range []bool{false, true} {
		made, err := open.make(noUV(rk))
		open.must(err)
		if f := authData(t, made.AuthData).Flags; f.Has(webauthn.FlagUserVerified) || !f.Has(webauthn.FlagUserPresent) {
			t.Errorf("flags %v", f)
		}
	}
	_, err := protected.make(noUV(false)) // makeCredUvNotRqd
	protected.must(err)
	_, err = protected.make(noUV(true))
	wantStatus(t, err, ctap.PUATRequired)
	_, err = protected.make(nil) // uv, which it cannot do by itself
	wantStatus(t, err, ctap.InvalidOption)
	_, err = protected.get(nil)
	wantStatus(t, err, ctap.InvalidOption)
	for _, request := range []func(*ctap.MakeCredentialRequest){
		func(m *ctap.MakeCredentialRequest) { m.PinUvAuthParam = []byte{1} },
		func(m *ctap.MakeCredentialRequest) { m.PinUvAuthParam, m.PinUvAuthProtocol = []byte{1}, 3 },
		func(m *ctap.MakeCredentialRequest) { m.PinUvAuthParam, m.PinUvAuthProtocol = []byte{1}, 2 },
	} {
		_, err := protected.make(request)
		if err == nil {
			t.Error("a bad proof was taken")
		}
	}
}

func TestAnEmptyProofSelectsAndTellsWhetherThereIsAPIN(t *testing.T) {
	t.Parallel()
	params := map[int]any{1: rpID, 2: make([]byte, 32), 6: []byte{}}
	for want, r := range map[ctap.Status]keyRig{ctap.PINNotSet: newKeyRig(t), ctap.PINInvalid: withPIN(t)} {
		got := r.a.Handle(t.Context(), authtest.Local, message(ctap.CmdGetAssertion, params))
		if !bytes.Equal(got, []byte{byte(want)}) {
			t.Errorf("answered %x, want %v", got, want)
		}
		r.wantAsked(authenticator.Select)
	}
}

// The vault is locked after power-up; the PIN of the client opens it.
func TestALockedKey(t *testing.T) {
	t.Parallel()
	r := withPIN(t)
	_, err := r.makeWithPIN(nil)
	r.must(err)
	r.powerCycle()
	_, err = r.get(touched(func(g *ctap.GetAssertionRequest) { g.Options = map[string]bool{"up": false} }))
	wantStatus(t, err, ctap.PUATRequired)
	if info := r.a.Info(); !info.Options["clientPin"] || info.MinPINLength != 4 {
		t.Errorf("getInfo while locked: %+v", info)
	}
	_, err = r.getWithPIN(nil)
	r.must(err)
	if r.vault.Locked() {
		t.Error("still locked")
	}
}

func TestASeriesOfAKeyKeepsItsFlagsAndNamesItsUsers(t *testing.T) {
	t.Parallel()
	r := withPIN(t)
	for _, user := range []string{"ana", "ben"} {
		_, err := r.makeWithPIN(func(m *ctap.MakeCredentialRequest) { m.User.ID, m.User.Name = []byte(user), user+"@" })
		r.must(err)
	}
	first, err := r.getWithPIN(nil)
	r.must(err)
	next, err := ctap.GetNextAssertion(t.Context(), r.device())
	r.must(err)
	for got, want := range map[*ctap.GetAssertionResponse]string{&first: "ben@", &next: "ana@"} {
		f := authData(t, got.AuthData).Flags
		if got.User.Name != want || f != webauthn.FlagUserPresent|webauthn.FlagUserVerified || got.UserSelected {
			t.Errorf("user %+v, flags %v; want %s", got.User, f, want)
		}
	}
	if first.NumberOfCredentials != 2 || next.NumberOfCredentials != 0 {
		t.Errorf("%d and %d credentials", first.NumberOfCredentials, next.NumberOfCredentials)
	}
	_, err = ctap.GetNextAssertion(t.Context(), r.device())
	wantStatus(t, err, ctap.NotAllowed)
	unverified, err := r.get(touched(nil))
	r.must(err)
	if unverified.User.Name != "" || unverified.NumberOfCredentials != 2 {
		t.Errorf("unverified: %+v", unverified.User)
	}
}
