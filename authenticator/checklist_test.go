package authenticator_test

import (
	"bytes"
	"context"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/cbor"
)

// CTAP §6: no empty map.
func TestWhatHasNothingToSayAnswersTheStatusAlone(t *testing.T) {
	t.Parallel()
	r := newBioRig(t)
	id := r.enroll("thumb")
	remove := ctap.BioRequest{Modality: 1, SubCommand: ctap.BioRemove, RawParams: cbor.MustEncode(map[int]any{1: id}), PinUvAuthProtocol: 2}
	remove.PinUvAuthParam = r.token(pinuv.Two, ctap.PermitBioEnrollment, "").Authenticate(remove.Authenticated())
	fresh := newKeyRig(t)
	for name, tt := range map[string]struct {
		r       keyRig
		request []byte
	}{
		"selection": {fresh, []byte{byte(ctap.CmdSelection)}}, "reset": {newKeyRig(t), []byte{byte(ctap.CmdReset)}},
		"config":          {fresh, message(ctap.CmdConfig, ctap.ConfigRequest{SubCommand: ctap.ConfigLongTouch})},
		"blobs":           {fresh, message(ctap.CmdLargeBlobs, map[int]any{2: blobArray(10), 3: 0, 4: len(blobArray(10))})},
		"cancel a finger": {r.keyRig, message(ctap.CmdBioEnrollment, ctap.BioRequest{Modality: 1, SubCommand: ctap.BioCancel})},
		"remove a finger": {r.keyRig, message(ctap.CmdBioEnrollment, remove)},
	} {
		if got := tt.r.a.Handle(t.Context(), authtest.Local, tt.request); !bytes.Equal(got, []byte{0}) {
			t.Errorf("%s: answered %x, want 00", name, got)
		}
	}
}

// Each command that asks can be withdrawn while it does: the prompt goes, nothing
// has changed, and the next command is answered.
func TestEveryPromptCanBeWithdrawn(t *testing.T) {
	t.Parallel()
	locked := func(r keyRig) { r.setPIN().powerCycle() }
	with := func(c ctap.Command, params any) func(keyRig) []byte {
		return func(keyRig) []byte { return message(c, params) }
	}
	for name, tt := range map[string]struct {
		before  func(keyRig)
		request func(keyRig) []byte
		want    authenticator.Kind
	}{
		"makeCredential":        {nil, with(ctap.CmdMakeCredential, makeRequest()), authenticator.MakePasskey},
		"getAssertion":          {func(r keyRig) { r.made("ana", true) }, with(ctap.CmdGetAssertion, getRequest()), authenticator.UsePasskey},
		"getAssertion, nothing": {nil, with(ctap.CmdGetAssertion, getRequest()), authenticator.NoPasskey},
		"selection":             {nil, func(keyRig) []byte { return []byte{byte(ctap.CmdSelection)} }, authenticator.Select},
		"reset":                 {nil, func(keyRig) []byte { return []byte{byte(ctap.CmdReset)} }, authenticator.Reset},
		"a token by UV":         {nil, uvTokenRequest, authenticator.Verify},
		"the same, locked":      {locked, uvTokenRequest, authenticator.Unlock},
		"large blobs, locked":   {locked, with(ctap.CmdLargeBlobs, map[int]any{1: 10, 3: 0}), authenticator.Unlock},
	} {
		r := uvKey(t, nil)
		if tt.before != nil {
			tt.before(r)
		}
		wasLocked, misses := r.vault.Locked(), r.uvRetries()
		asked := len(r.person.Asked())
		ctx, cancel := context.WithCancel(t.Context())
		r.person.Script(func(ctx context.Context, p authenticator.Prompt) (authenticator.Answer, error) {
			cancel()
			return authtest.Leave(ctx, p)
		})
		got := r.a.Handle(ctx, authtest.Local, tt.request(r))
		if !bytes.Equal(got, []byte{byte(ctap.KeepaliveCancel)}) {
			t.Errorf("%s: answered %x, want KEEPALIVE_CANCEL", name, got)
		}
		if kinds := r.person.Kinds()[asked:]; len(kinds) != 1 || kinds[0] != tt.want {
			t.Errorf("%s: asked %v, want %s", name, kinds, tt.want)
		}
		if r.vault.Locked() != wasLocked || r.uvRetries() != misses {
			t.Errorf("%s: something changed", name)
		}
		if err := ctap.Selection(t.Context(), r.device()); err != nil {
			t.Errorf("%s: afterwards: %v", name, err)
		}
	}
}

func uvTokenRequest(r keyRig) []byte {
	_, key, err := pinuv.Agree(r.Context(), r.device(), pinuv.Two)
	r.must(err)
	permissions := ctap.PermitConfig
	return message(ctap.CmdClientPIN, ctap.ClientPINRequest{
		Protocol: 2, SubCommand: ctap.PINGetTokenUsingUV, KeyAgreement: key, Permissions: &permissions,
	})
}

// CTAP §6.5.5.1, §6.6: nothing agreed before counts after.
func TestPowerAndResetChangeTheKeyAgreementKeys(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(keyRig){
		"power": func(r keyRig) { r.powerCycle() },
		"reset": func(r keyRig) { r.must(ctap.Reset(t.Context(), r.device())) },
	} {
		r := newKeyRig(t)
		key := func(p pinuv.Protocol) cbor.Raw {
			got, err := ctap.ClientPIN(t.Context(), r.device(), ctap.ClientPINRequest{Protocol: uint(p), SubCommand: ctap.PINGetKeyAgreement})
			r.must(err)
			return got.KeyAgreement
		}
		one, two := key(pinuv.One), key(pinuv.Two)
		if bytes.Equal(one, two) || !bytes.Equal(one, key(pinuv.One)) {
			t.Error("a key for each protocol, and until it ends the same, was wanted")
		}
		end(r)
		if bytes.Equal(one, key(pinuv.One)) || bytes.Equal(two, key(pinuv.Two)) {
			t.Errorf("%s: the old key is still there", name)
		}
	}
}

// CTAP §6.3: each assertion of a series has the extensions of its own passkey.
func TestASeriesHasTheExtensionsOfEachPasskey(t *testing.T) {
	t.Parallel()
	r := newKeyRig(t)
	for _, user := range []string{"ana", "ben"} {
		_, err := r.make(func(m *ctap.MakeCredentialRequest) {
			m.User.ID, m.Options = []byte(user), map[string]bool{"rk": true}
			m.Extensions = exts(map[string]any{"credBlob": []byte("blob of " + user)})
		})
		r.must(err)
	}
	first, err := r.get(touched(func(g *ctap.GetAssertionRequest) { g.Extensions = exts(map[string]any{"credBlob": true}) }))
	r.must(err)
	second, err := ctap.GetNextAssertion(t.Context(), r.device())
	r.must(err)
	for _, got := range []ctap.GetAssertionResponse{first, second} {
		want := "blob of " + string(got.User.ID)
		if out := outputs(t, got.AuthData); len(out) != 1 || string(out["credBlob"].([]byte)) != want {
			t.Errorf("%s: %v", got.User.ID, out)
		}
	}
}
