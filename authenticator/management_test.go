package authenticator_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/cbor"
	"cardea/webauthn"
)

// manage sends a subcommand, authenticated with a token of protocol two.
func (r keyRig) manage(token pinuv.Token, sub uint, params any) (ctap.ManagementResponse, error) {
	request := ctap.ManagementRequest{SubCommand: sub, PinUvAuthProtocol: 2}
	if params != nil {
		request.RawParams = cbor.MustEncode(params)
	}
	request.PinUvAuthParam = token.Authenticate(request.Authenticated())
	return ctap.Manage(r.Context(), r.device(), request)
}

func (r keyRig) manageNext(sub uint) (ctap.ManagementResponse, error) {
	return ctap.Manage(r.Context(), r.device(), ctap.ManagementRequest{SubCommand: sub})
}

// twoSites has two passkeys at rpID and one at another site.
func twoSites(t *testing.T) keyRig {
	r := withPIN(t)
	for _, at := range [][2]string{{rpID, "ana"}, {rpID, "ben"}, {"other.example", "ana"}} {
		_, err := r.makeWithPIN(func(m *ctap.MakeCredentialRequest) {
			m.RP.ID, m.User.ID, m.User.Name = webauthn.RPID(at[0]), []byte(at[1]), at[1]
			m.Extensions = exts(map[string]any{"credProtect": 3, "largeBlobKey": true})
		})
		r.must(err)
	}
	_, err := r.make(func(m *ctap.MakeCredentialRequest) { m.Options = nil }) // not discoverable
	r.must(err)
	return r
}

func hashOf(rp string) []byte {
	sum := sha256.Sum256([]byte(rp))
	return sum[:]
}

func TestPasskeysAreListed(t *testing.T) {
	t.Parallel()
	r := twoSites(t)
	token := r.token(pinuv.Two, ctap.PermitManagement, "")
	meta, err := r.manage(token, ctap.ManageMetadata, nil)
	r.must(err)
	if *meta.Existing != 3 || *meta.MaxRemaining == 0 {
		t.Errorf("%d existing, %d remaining", *meta.Existing, *meta.MaxRemaining)
	}
	first, err := r.manage(token, ctap.ManageRPsBegin, nil)
	r.must(err)
	second, err := r.manageNext(ctap.ManageRPsNext)
	r.must(err)
	if *first.TotalRPs != 2 || second.TotalRPs != nil || first.RP.ID == second.RP.ID || !bytes.Equal(first.RPIDHash, hashOf(string(first.RP.ID))) {
		t.Errorf("sites %+v and %+v", first, second)
	}
	_, err = r.manageNext(ctap.ManageRPsNext)
	wantStatus(t, err, ctap.NotAllowed)

	ben, err := r.manage(token, ctap.ManageCredentialBegin, map[int]any{1: hashOf(rpID)})
	r.must(err)
	ana, err := r.manageNext(ctap.ManageCredentialNext)
	r.must(err)
	if *ben.TotalCredentials != 2 || ben.User.Name != "ben" || ana.User.Name != "ana" || ana.TotalCredentials != nil {
		t.Errorf("passkeys %+v and %+v", ben.User, ana.User)
	}
	if ben.CredProtect != 3 || len(ben.LargeBlobKey) != 32 || *ben.ThirdPartyPayment {
		t.Errorf("details %+v", ben)
	}
	if _, err := webauthn.ParsePublicKey(ben.PublicKey); err != nil {
		t.Error(err)
	}
	_, err = r.manageNext(ctap.ManageCredentialNext)
	wantStatus(t, err, ctap.NotAllowed)
	_, err = r.manage(token, ctap.ManageCredentialBegin, map[int]any{1: hashOf("none.example")})
	wantStatus(t, err, ctap.NoCredentials)
	// A listing ends with any other command, and belongs to its caller.
	for _, between := range []func(){
		func() { _ = ctap.Selection(t.Context(), r.device()) },
		func() {
			other := authtest.Local
			other.Channel = 2
			_, err := ctap.Manage(t.Context(), r.a.Device(other), ctap.ManagementRequest{SubCommand: ctap.ManageRPsNext})
			wantStatus(t, err, ctap.NotAllowed)
		},
	} {
		_, err = r.manage(token, ctap.ManageRPsBegin, nil)
		r.must(err)
		between()
		_, err = r.manageNext(ctap.ManageRPsNext)
		wantStatus(t, err, ctap.NotAllowed)
	}
}

func TestPasskeysAreDeletedAndRenamed(t *testing.T) {
	t.Parallel()
	r := twoSites(t)
	token := r.token(pinuv.Two, ctap.PermitManagement, "")
	ben := r.stored()[slices.IndexFunc(r.stored(), func(p authenticator.Passkey) bool { return p.Account.Name == "ben" })]
	id := map[string]any{"id": []byte(ben.ID), "type": "public-key"}
	rename := func(user map[string]any) error {
		_, err := r.manage(token, ctap.ManageUpdateUser, map[int]any{2: id, 3: user})
		return err
	}
	wantStatus(t, rename(map[string]any{"id": []byte("ana"), "name": "x"}), ctap.InvalidParameter)
	r.must(rename(map[string]any{"id": []byte("ben"), "name": "Benno"}))
	p, err := r.vault.Find(t.Context(), ben.ID)
	r.must(err)
	if p.Account.Name != "Benno" || p.Account.DisplayName != "" || !p.PrivateKey.Equal(ben.PrivateKey) || p.CredProtect != 3 {
		t.Errorf("after the change: %+v", p)
	}
	_, err = r.manage(token, ctap.ManageDelete, map[int]any{2: id})
	r.must(err)
	if _, err := r.vault.Find(t.Context(), ben.ID); err == nil {
		t.Error("still there")
	}
	for _, sub := range []uint{ctap.ManageDelete, ctap.ManageUpdateUser} {
		_, err = r.manage(token, sub, map[int]any{2: id, 3: map[string]any{"id": []byte("ben")}})
		wantStatus(t, err, ctap.NoCredentials)
	}
}

func TestManagementRefusals(t *testing.T) {
	t.Parallel()
	r := twoSites(t)
	token := r.token(pinuv.Two, ctap.PermitManagement, "")
	good := ctap.ManagementRequest{SubCommand: 1, PinUvAuthProtocol: 2, PinUvAuthParam: token.Authenticate([]byte{1})}
	for _, tt := range []struct {
		name   string
		change func(*ctap.ManagementRequest)
		want   ctap.Status
	}{
		{"no proof", func(m *ctap.ManagementRequest) { m.PinUvAuthParam = nil }, ctap.PUATRequired},
		{"no protocol", func(m *ctap.ManagementRequest) { m.PinUvAuthProtocol = 0 }, ctap.MissingParameter},
		{"protocol 3", func(m *ctap.ManagementRequest) { m.PinUvAuthProtocol = 3 }, ctap.InvalidParameter},
		{"the other protocol", func(m *ctap.ManagementRequest) { m.PinUvAuthProtocol = 1 }, ctap.PINAuthInvalid},
		{"proof of another subcommand", func(m *ctap.ManagementRequest) { m.SubCommand = 2 }, ctap.PINAuthInvalid},
		{"no hash", func(m *ctap.ManagementRequest) { m.SubCommand = 4 }, ctap.MissingParameter},
		{"short hash", func(m *ctap.ManagementRequest) {
			m.SubCommand, m.RawParams = 4, cbor.MustEncode(map[int]any{1: []byte{1}})
		}, ctap.InvalidParameter},
		{"nothing to delete", func(m *ctap.ManagementRequest) { m.SubCommand = 6 }, ctap.MissingParameter},
		{"unknown", func(m *ctap.ManagementRequest) { m.SubCommand = 8 }, ctap.InvalidSubcommand},
		{"next of nothing", func(m *ctap.ManagementRequest) { m.SubCommand = 3 }, ctap.NotAllowed},
	} {
		request := good
		tt.change(&request)
		_, err := ctap.Manage(t.Context(), r.device(), request)
		if wantStatus(t, err, tt.want); t.Failed() {
			t.Fatal(tt.name)
		}
	}
	_, err := ctap.Manage(t.Context(), r.device(), good)
	r.must(err)
	r.wantRetries(8, false)
	_, err = r.manage(r.token(pinuv.Two, ctap.PermitConfig, ""), ctap.ManageMetadata, nil)
	wantStatus(t, err, ctap.PINAuthInvalid)
	empty := withPIN(t)
	_, err = empty.manage(empty.token(pinuv.Two, ctap.PermitManagement, ""), ctap.ManageRPsBegin, nil)
	wantStatus(t, err, ctap.NoCredentials)
}

func TestATokenBoundToASiteManagesThatSiteAlone(t *testing.T) {
	t.Parallel()
	r := twoSites(t)
	token := r.token(pinuv.Two, ctap.PermitManagement, rpID)
	for _, sub := range []uint{ctap.ManageMetadata, ctap.ManageRPsBegin} {
		_, err := r.manage(token, sub, nil)
		wantStatus(t, err, ctap.PINAuthInvalid)
	}
	for site, want := range map[string]bool{rpID: true, "other.example": false} {
		_, err := r.manage(token, ctap.ManageCredentialBegin, map[int]any{1: hashOf(site)})
		if (err == nil) != want {
			t.Errorf("%s: %v", site, err)
		}
		p, err := r.vault.Passkeys(t.Context(), webauthn.RPID(site))
		r.must(err)
		last := p[len(p)-1] // the others of rpID are not discoverable
		_, err = r.manage(token, ctap.ManageDelete, map[int]any{2: map[string]any{"id": []byte(last.ID), "type": "public-key"}})
		if (err == nil) != want {
			t.Errorf("delete at %s: %v", site, err)
		}
	}
}

// The persistent token lists, outlives power cycles and other tokens, and ends
// with the PIN.
func TestThePersistentTokenOnlyReads(t *testing.T) {
	t.Parallel()
	r := twoSites(t)
	if i := r.a.Info(); i.EncIdentifier != nil || i.EncCredStoreState != nil {
		t.Error("recognizable before anybody may recognize it")
	}
	token := r.token(pinuv.Two, ctap.PermitReadOnly, "")
	r.powerCycle()
	if i := r.a.Info(); i.EncIdentifier != nil {
		t.Error("recognizable while locked")
	}
	ordinary := r.token(pinuv.Two, ctap.PermitManagement, "")
	for _, sub := range []uint{ctap.ManageMetadata, ctap.ManageRPsBegin} {
		_, err := r.manage(token, sub, nil)
		r.must(err)
	}
	_, err := r.manage(token, ctap.ManageCredentialBegin, map[int]any{1: hashOf(rpID)})
	r.must(err)
	id, state := r.identity(token)
	stored := r.stored()
	last := stored[len(stored)-1]
	params := map[int]any{
		2: map[string]any{"id": []byte(last.ID), "type": "public-key"}, 3: map[string]any{"id": []byte(last.Account.Handle)},
	}
	for _, sub := range []uint{ctap.ManageDelete, ctap.ManageUpdateUser} {
		_, err := r.manage(token, sub, params)
		wantStatus(t, err, ctap.PINAuthInvalid)
	}
	if i, s := r.identity(token); i != id || s != state {
		t.Error("identifier or state changed by themselves")
	}
	if a, b := r.a.Info().EncIdentifier, r.a.Info().EncIdentifier; bytes.Equal(a, b) {
		t.Error("the same IV twice")
	}
	_, err = r.manage(ordinary, ctap.ManageDelete, params)
	r.must(err)
	if i, s := r.identity(token); i != id || s == state {
		t.Error("the state did not change, or the identifier did")
	}
	again := r.token(pinuv.One, ctap.PermitReadOnly, "")
	if !again.Key().Equal(token.Key()) {
		t.Error("asked for again, the persistent token is another")
	}
	r.must(pinuv.ChangePIN(t.Context(), r.device(), pinuv.Two, pin, "54321"))
	_, err = r.manage(token, ctap.ManageMetadata, nil)
	wantStatus(t, err, ctap.PINAuthInvalid)
}

// identity opens encIdentifier and encCredStoreState as a client does.
func (r keyRig) identity(token pinuv.Token) (identifier, state [16]byte) {
	r.Helper()
	open := func(info string, sealed []byte) (out [16]byte) {
		key, err := hkdf.Key(sha256.New, token.Key().Expose(), make([]byte, 32), info, 16)
		r.must(err)
		block, err := aes.NewCipher(key)
		r.must(err)
		if len(sealed) != 32 {
			r.Fatalf("%s of %d bytes", info, len(sealed))
		}
		cipher.NewCBCDecrypter(block, sealed[:16]).CryptBlocks(out[:], sealed[16:])
		return out
	}
	i := r.a.Info()
	return open("encIdentifier", i.EncIdentifier), open("encCredStoreState", i.EncCredStoreState)
}

func (r keyRig) configure(token *pinuv.Token, sub uint, params any) error {
	request := ctap.ConfigRequest{SubCommand: sub}
	if params != nil {
		request.RawParams = cbor.MustEncode(params)
	}
	if token != nil {
		request.PinUvAuthProtocol, request.PinUvAuthParam = 2, token.Authenticate(request.Authenticated())
	}
	return ctap.Configure(r.Context(), r.device(), request)
}

// configureWithPIN proves the PIN first.
func (r keyRig) configureWithPIN(sub uint, params any) error {
	token := r.token(pinuv.Two, ctap.PermitConfig, "")
	return r.configure(&token, sub, params)
}

func TestAlwaysUV(t *testing.T) {
	t.Parallel()
	r := newKeyRig(t)
	r.must(r.configure(nil, ctap.ConfigAlwaysUV, nil))
	i := r.a.Info()
	if !i.Options["alwaysUv"] || i.Options["makeCredUvNotRqd"] || slices.Contains(i.Versions, "U2F_V2") {
		t.Errorf("getInfo %+v", i)
	}
	make := func() error {
		_, err := r.make(func(m *ctap.MakeCredentialRequest) { m.Options = nil })
		return err
	}
	wantStatus(t, make(), ctap.PUATRequired)
	_, err := r.get(touched(nil))
	wantStatus(t, err, ctap.PUATRequired)
	_, err = r.get(touched(func(g *ctap.GetAssertionRequest) { g.Options = map[string]bool{"up": false} }))
	wantStatus(t, err, ctap.NoCredentials) // a silent one may be
	wantStatus(t, r.configure(nil, ctap.ConfigLongTouch, nil), ctap.PUATRequired)
	r.must(r.configure(nil, ctap.ConfigAlwaysUV, nil)) // the way out without a PIN
	r.must(make())
	r.must(pinuv.SetPIN(t.Context(), r.device(), pinuv.Two, pin))
	wantStatus(t, r.configure(nil, ctap.ConfigAlwaysUV, nil), ctap.PUATRequired)
	r.must(r.configureWithPIN(ctap.ConfigAlwaysUV, nil))
	wantStatus(t, make(), ctap.PUATRequired)
	_, err = r.makeWithPIN(nil)
	r.must(err)
}

func TestConfigRefusals(t *testing.T) {
	t.Parallel()
	r := withPIN(t)
	wantStatus(t, r.configureWithPIN(ctap.ConfigEnterprise, nil), ctap.InvalidParameter) // there is none here
	wantStatus(t, r.configureWithPIN(0x77, nil), ctap.InvalidParameter)
	token := r.token(pinuv.Two, ctap.PermitManagement, "")
	wantStatus(t, r.configure(&token, ctap.ConfigAlwaysUV, nil), ctap.PINAuthInvalid)
	token = r.token(pinuv.Two, ctap.PermitConfig, "")
	for want, change := range map[ctap.Status]func(*ctap.ConfigRequest){
		ctap.MissingParameter: func(c *ctap.ConfigRequest) { c.PinUvAuthProtocol = 0 },
		ctap.InvalidParameter: func(c *ctap.ConfigRequest) { c.PinUvAuthProtocol = 3 },
		ctap.PINAuthInvalid:   func(c *ctap.ConfigRequest) { c.PinUvAuthParam[0] ^= 1 },
	} {
		request := ctap.ConfigRequest{SubCommand: ctap.ConfigAlwaysUV, PinUvAuthProtocol: 2}
		request.PinUvAuthParam = token.Authenticate(request.Authenticated())
		change(&request)
		wantStatus(t, ctap.Configure(t.Context(), r.device(), request), want)
	}
	if r.a.Info().Options["alwaysUv"] {
		t.Error("it was changed all the same")
	}
}

func TestMinPINLength(t *testing.T) {
	t.Parallel()
	r := withPIN(t)
	set := func(params map[int]any) error { return r.configureWithPIN(ctap.ConfigMinPINLength, params) }
	r.must(set(map[int]any{1: 5, 2: []string{rpID}}))
	if i := r.a.Info(); i.MinPINLength != 5 || i.ForcePINChange {
		t.Errorf("getInfo: %d, force %v; the PIN has five", i.MinPINLength, i.ForcePINChange)
	}
	made, err := r.makeWithPIN(func(m *ctap.MakeCredentialRequest) {
		m.Extensions = exts(map[string]any{"minPinLength": true, "pinComplexityPolicy": true})
	})
	r.must(err)
	if out := outputs(t, made.AuthData); out["minPinLength"] != int64(5) || out["pinComplexityPolicy"] != false {
		t.Errorf("outputs %v", out)
	}
	for _, bad := range []map[int]any{{1: 4}, {1: 0}, {1: 64}} {
		wantStatus(t, set(bad), ctap.PINPolicyViolation)
	}
	wantStatus(t, set(map[int]any{1: 9, 2: slices.Repeat([]string{"x"}, 9)}), ctap.KeyStoreFull)
	if got := r.a.Info().MinPINLength; got != 5 {
		t.Errorf("%d after refusals, want 5", got)
	}
	token := r.token(pinuv.Two, ctap.PermitGetAssertion, rpID)
	persistent := r.token(pinuv.Two, ctap.PermitReadOnly, "")
	r.must(set(map[int]any{1: 6}))
	if !r.a.Info().ForcePINChange {
		t.Error("the PIN is too short now and need not be changed")
	}
	_, err = r.get(proveGet(token, pinuv.Two))
	wantStatus(t, err, ctap.PINAuthInvalid)
	_, err = r.manage(persistent, ctap.ManageMetadata, nil)
	wantStatus(t, err, ctap.PINAuthInvalid)
	wantStatus(t, r.tryPIN(pin), ctap.PINInvalid)
	_, err = pinuv.GetToken(t.Context(), r.device(), pinuv.Two, pin, ctap.PermitConfig, "")
	wantStatus(t, err, ctap.PINPolicyViolation)
	wantStatus(t, pinuv.ChangePIN(t.Context(), r.device(), pinuv.Two, pin, "12345"), ctap.PINPolicyViolation)
	r.must(pinuv.ChangePIN(t.Context(), r.device(), pinuv.Two, pin, "abcdef"))
	r.must(r.tryPIN("abcdef"))
	if r.a.Info().ForcePINChange {
		t.Error("still to be changed")
	}
}

func TestAForcedChangeIsOne(t *testing.T) {
	t.Parallel()
	open := newKeyRig(t)
	wantStatus(t, open.configure(nil, ctap.ConfigMinPINLength, map[int]any{3: true}), ctap.PINNotSet)
	r := withPIN(t)
	r.must(r.configureWithPIN(ctap.ConfigMinPINLength, map[int]any{3: true}))
	r.powerCycle()
	if !r.a.Info().ForcePINChange {
		t.Error("forgotten with the power")
	}
	wantStatus(t, pinuv.ChangePIN(t.Context(), r.device(), pinuv.Two, pin, pin), ctap.PINPolicyViolation)
	r.must(pinuv.ChangePIN(t.Context(), r.device(), pinuv.Two, pin, "54321"))
}

func TestComplexityPolicy(t *testing.T) {
	t.Parallel()
	r := newKeyRig(t)
	r.must(r.configure(nil, ctap.ConfigMinPINLength, map[int]any{4: true}))
	if !*r.a.Info().PINComplexityPolicy {
		t.Error("getInfo does not say so")
	}
	for _, simple := range []string{"1111", "1234", "9876", "水水水水"} {
		wantStatus(t, pinuv.SetPIN(t.Context(), r.device(), pinuv.Two, simple), ctap.PINPolicyViolation)
	}
	r.must(pinuv.SetPIN(t.Context(), r.device(), pinuv.Two, "1357"))
}

func TestReset(t *testing.T) {
	t.Parallel()
	r := twoSites(t)
	r.must(r.configureWithPIN(ctap.ConfigLongTouch, nil))
	r.must(r.configureWithPIN(ctap.ConfigAlwaysUV, nil))
	r.token(pinuv.Two, ctap.PermitReadOnly, "")
	*r.now = r.now.Add(11 * time.Second)
	wantStatus(t, ctap.Reset(t.Context(), r.device()), ctap.NotAllowed)
	r.powerCycle()
	r.person.Script(authtest.Decline)
	wantStatus(t, ctap.Reset(t.Context(), r.device()), ctap.OperationDenied)
	if !r.vault.PINSet() {
		t.Fatal("a reset that was declined has reset")
	}
	*r.now = r.now.Add(10 * time.Second)
	r.must(ctap.Reset(t.Context(), r.device())) // locked, and nobody gave the PIN
	asked := r.person.Asked()
	if p := asked[len(asked)-1]; p.Kind != authenticator.Reset || p.Hold != 5*time.Second {
		t.Errorf("asked %+v", p)
	}
	i := r.a.Info()
	if i.Options["clientPin"] || i.Options["alwaysUv"] || *i.LongTouchForReset || i.EncIdentifier != nil || len(r.stored()) != 0 {
		t.Errorf("after reset: %+v", i)
	}
	r.wantRetries(8, false)
	r.powerCycle()
	r.must(ctap.Reset(t.Context(), r.device()))
	asked = r.person.Asked()
	if p := asked[len(asked)-1]; p.Hold != 0 {
		t.Errorf("a new key wants a touch of %v", p.Hold)
	}
}
