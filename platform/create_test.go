package platform

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/internal/cbor"
	"cardea/webauthn"
)

func TestCreateAnswersEverythingARelyingPartyMayWant(t *testing.T) {
	t.Parallel()
	w := newWorld(t, take(ThisDevice))
	o := creation()
	o.Extensions = map[string]json.RawMessage{"credProps": json.RawMessage("true"), "prf": json.RawMessage("{}")}
	r, err := w.Create(t.Context(), testCaller, o)
	if err != nil {
		t.Fatal(err)
	}
	const wantData = `{"type":"webauthn.create","challenge":"MDEyMzQ1Njc4OWFiY2RlZg","origin":"https://login.example.org","crossOrigin":false}`
	if got := string(r.Response.ClientDataJSON); got != wantData {
		t.Errorf("clientDataJSON = %s\nwant             %s", got, wantData)
	}
	object, err := webauthn.ParseAttestationObject(r.Response.AttestationObject)
	if err != nil {
		t.Fatal(err)
	}
	if object.Format != "none" || !slices.Equal(object.AuthData, r.Response.AuthenticatorData) {
		t.Errorf("attestation %q, authenticatorData equal: %t", object.Format, slices.Equal(object.AuthData, r.Response.AuthenticatorData))
	}
	data, err := webauthn.ParseAuthenticatorData(object.AuthData)
	if err != nil {
		t.Fatal(err)
	}
	if data.RPIDHash != sha256.Sum256([]byte(testRP)) || !data.Flags.Has(webauthn.FlagUserPresent|webauthn.FlagUserVerified) {
		t.Errorf("authenticator data %+v", data)
	}
	if _, err := x509.ParsePKIXPublicKey(r.Response.PublicKey); err != nil {
		t.Errorf("publicKey: %v", err)
	}
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, got, "authenticatorAttachment", "clientExtensionResults", "id", "rawId", "response", "type")
	if r.ID != r.RawID.String() || r.ID != data.Attested.ID.String() || r.AuthenticatorAttachment != "platform" {
		t.Errorf("id %q, rawId %q, attachment %q", r.ID, r.RawID, r.AuthenticatorAttachment)
	}
	if diff := cmp.Diff([]string{"hybrid", "internal"}, r.Response.Transports); diff != "" {
		t.Errorf("transports (-want +got)\n%s", diff)
	}
	wantExtensions := map[string]json.RawMessage{"credProps": json.RawMessage(`{"rk":true}`)}
	if diff := cmp.Diff(wantExtensions, r.ClientExtensionResults); diff != "" {
		t.Errorf("clientExtensionResults (-want +got)\n%s", diff)
	}
}

func checkMembers(t *testing.T, object []byte, want ...string) {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal(object, &m); err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, value := range m {
		got = append(got, name)
		if string(value) == "null" {
			t.Errorf("%s is null, want it absent", name)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members (-want +got)\n%s", diff)
	}
}

func TestOutputsOnlyOfWhatWasAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, take(ThisDevice))
	r, err := w.Create(t.Context(), testCaller, creation())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.ClientExtensionResults) != 0 || r.ClientExtensionResults == nil {
		t.Errorf("clientExtensionResults = %v, want an empty object", r.ClientExtensionResults)
	}
}

func TestOptionsThatNoAuthenticatorShouldSee(t *testing.T) {
	t.Parallel()
	ext := func(id, input string) func(*webauthn.CreationOptions) {
		return func(o *webauthn.CreationOptions) {
			o.Extensions = map[string]json.RawMessage{id: json.RawMessage(input)}
		}
	}
	for name, tt := range map[string]struct {
		change func(*webauthn.CreationOptions)
		want   Name
	}{
		"no user ID":          {func(o *webauthn.CreationOptions) { o.User.ID = nil }, TypeError},
		"a user ID of 65":     {func(o *webauthn.CreationOptions) { o.User.ID = make([]byte, 65) }, TypeError},
		"no challenge":        {func(o *webauthn.CreationOptions) { o.Challenge = nil }, TypeError},
		"65 excluded":         {func(o *webauthn.CreationOptions) { o.ExcludeCredentials = make([]webauthn.CredentialDescriptor, 65) }, NotSupportedError},
		"unknown algorithms":  {func(o *webauthn.CreationOptions) { o.PubKeyCredParams[0].Alg = -48 }, NotSupportedError},
		"unknown types":       {func(o *webauthn.CreationOptions) { o.PubKeyCredParams[0].Type = "secret-key" }, NotSupportedError},
		"prf by passkey":      {ext("prf", `{"evalByCredential":{}}`), NotSupportedError},
		"large blob read":     {ext("largeBlob", `{"read":true}`), NotSupportedError},
		"large blob required": {ext("largeBlob", `{"support":"required"}`), NotSupportedError},
		"enforce nothing":     {ext("enforceCredentialProtectionPolicy", `true`), NotSupportedError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, take(ThisDevice))
			o := creation()
			tt.change(&o)
			_, err := w.Create(t.Context(), testCaller, o)
			wantName(t, err, tt.want)
			if w.dialog.sorts() != nil || w.person.Asked() != nil {
				t.Errorf("somebody was asked: %q, %v", w.dialog.sorts(), w.person.Asked())
			}
		})
	}
}

func TestEmptyParametersMeanES256AndRS256(t *testing.T) {
	t.Parallel()
	got, ok := algorithms(nil)
	want := []ctap.CredentialParameters{{Alg: webauthn.ES256, Type: "public-key"}, {Alg: webauthn.RS256, Type: "public-key"}}
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("algorithms(nil) (-want +got)\n%s", diff)
	}
}

func TestExcludedPasskeyIsInvalidStateAfterItsPersonWasAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, take(ThisDevice))
	first, err := w.Create(t.Context(), testCaller, creation())
	if err != nil {
		t.Fatal(err)
	}
	asked := len(w.person.Asked())
	o := creation()
	o.ExcludeCredentials = []webauthn.CredentialDescriptor{{Type: "public-key", ID: first.RawID, Transports: []string{"usb"}}}
	_, err = w.Create(t.Context(), testCaller, o)
	wantName(t, err, InvalidStateError)
	if len(w.person.Asked()) == asked {
		t.Error("nobody was asked before the page was told")
	}
}

// changed makes a world whose authenticator's answers are changed on the way.
func changed(t *testing.T, o webauthn.CreationOptions, change func(*ctap.MakeCredentialResponse)) (webauthn.RegistrationResponse, error, *world) {
	t.Helper()
	w := newWorld(t, func(s Screen) Action {
		if s.Sort == ScreenConsent {
			return Action{Do: DoAllow}
		}
		return take(ThisDevice)(s)
	})
	w.local.wrap = func(c ctap.Command, b []byte) []byte {
		if c != ctap.CmdMakeCredential {
			return b
		}
		var r ctap.MakeCredentialResponse
		if err := ctap.DecodeResponse(b, &r); err != nil {
			t.Error(err)
		}
		change(&r)
		return ctap.EncodeResponse(r, nil)
	}
	r, err := w.Create(t.Context(), testCaller, o)
	return r, err, w
}

// withData changes the authenticator data of an answer.
func withData(t *testing.T, b []byte, change func(*webauthn.AuthenticatorData)) []byte {
	t.Helper()
	d, err := webauthn.ParseAuthenticatorData(b)
	if err != nil {
		t.Fatal(err)
	}
	change(&d)
	return d.Encode()
}

func TestAnswersThatAPageMustNotGet(t *testing.T) {
	t.Parallel()
	key, err := cbor.Encode(map[int]int{1: 2, 3: -35})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*webauthn.AuthenticatorData)
		reason Reason
	}{
		"another relying party": {func(d *webauthn.AuthenticatorData) { d.RPIDHash[0]++ }, ReasonUnexpected},
		"nobody was present":    {func(d *webauthn.AuthenticatorData) { d.Flags &^= webauthn.FlagUserPresent }, ReasonUnexpected},
		"nobody was verified":   {func(d *webauthn.AuthenticatorData) { d.Flags &^= webauthn.FlagUserVerified }, ReasonNotUnlock},
		"backed up, not eligible": {func(d *webauthn.AuthenticatorData) {
			d.Flags |= webauthn.FlagBackupState
			d.Flags &^= webauthn.FlagBackupEligible
		}, ReasonUnexpected},
		"no passkey":                 {func(d *webauthn.AuthenticatorData) { d.Attested = nil }, ReasonUnexpected},
		"an empty ID":                {func(d *webauthn.AuthenticatorData) { d.Attested.ID = nil }, ReasonUnexpected},
		"an algorithm not offered":   {func(d *webauthn.AuthenticatorData) { d.Attested.PublicKey = key }, ReasonUnexpected},
		"one of those that excluded": {func(d *webauthn.AuthenticatorData) { d.Attested.ID = []byte("excluded") }, ReasonUnexpected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := creation()
			o.ExcludeCredentials = []webauthn.CredentialDescriptor{{Type: "public-key", ID: []byte("excluded")}}
			_, err, w := changed(t, o, func(r *ctap.MakeCredentialResponse) { r.AuthData = withData(t, r.AuthData, tt.change) })
			e := wantName(t, err, NotAllowedError)
			if e.Message != msgNotAllowed {
				t.Errorf("message %q tells more than it may", e.Message)
			}
			last := w.dialog.shown[len(w.dialog.shown)-1]
			if last.Failed == nil || last.Failed.Reason != tt.reason {
				t.Errorf("the person saw %+v, want the reason %s", last, tt.reason)
			}
		})
	}
}

func TestUserVerificationThatIsOnlyPreferredMayBeMissing(t *testing.T) {
	t.Parallel()
	o := creation()
	o.AuthenticatorSelection.UserVerification = webauthn.Preferred
	_, err, _ := changed(t, o, func(r *ctap.MakeCredentialResponse) {
		r.AuthData = withData(t, r.AuthData, func(d *webauthn.AuthenticatorData) { d.Flags &^= webauthn.FlagUserVerified })
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAttestationIsStrippedUnlessAskedAndAllowed(t *testing.T) {
	t.Parallel()
	chain := cbor.MustEncode(map[string]any{"alg": -7, "sig": []byte{1}, "x5c": [][]byte{{2}}})
	self := cbor.MustEncode(map[string]any{"alg": -7, "sig": []byte{1}})
	for name, tt := range map[string]struct {
		conveyance string
		statement  cbor.Raw
		zeroAAGUID bool
		answer     Do
		want       string
		asked      bool
	}{
		"none, with a chain":               {"none", chain, false, DoAllow, "none", false},
		"absent, with a chain":             {"", chain, false, DoAllow, "none", false},
		"unknown word, with a chain":       {"everything", chain, false, DoAllow, "none", false},
		"indirect, with a chain":           {"indirect", chain, false, DoAllow, "none", false},
		"none, self with a model":          {"none", self, false, DoAllow, "none", false},
		"none, self without a model":       {"none", self, true, DoAllow, "packed", false},
		"direct, allowed":                  {"direct", chain, false, DoAllow, "packed", true},
		"direct, not allowed":              {"direct", chain, false, DoDeny, "none", true},
		"enterprise is direct, to be sure": {"enterprise", chain, false, DoDeny, "none", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(s Screen) Action {
				if s.Sort == ScreenConsent {
					return Action{Do: tt.answer}
				}
				return take(ThisDevice)(s)
			})
			var aaguid webauthn.AAGUID
			w.local.wrap = func(c ctap.Command, b []byte) []byte {
				if c != ctap.CmdMakeCredential {
					return b
				}
				var r ctap.MakeCredentialResponse
				if err := ctap.DecodeResponse(b, &r); err != nil {
					t.Error(err)
				}
				r.Format, r.Statement = "packed", tt.statement
				r.AuthData = withData(t, r.AuthData, func(d *webauthn.AuthenticatorData) {
					if tt.zeroAAGUID {
						d.Attested.AAGUID = webauthn.AAGUID{}
					}
					aaguid = d.Attested.AAGUID
				})
				return ctap.EncodeResponse(r, nil)
			}
			o := creation()
			o.Attestation = tt.conveyance
			r, err := w.Create(t.Context(), testCaller, o)
			if err != nil {
				t.Fatal(err)
			}
			object, err := webauthn.ParseAttestationObject(r.Response.AttestationObject)
			if err != nil {
				t.Fatal(err)
			}
			data, err := webauthn.ParseAuthenticatorData(object.AuthData)
			if err != nil {
				t.Fatal(err)
			}
			if object.Format != tt.want || object.Format == "none" && string(object.Statement) != "\xa0" {
				t.Errorf("fmt %q, attStmt %x; want fmt %q", object.Format, object.Statement, tt.want)
			}
			if data.Attested.AAGUID != aaguid {
				t.Errorf("AAGUID %v, want %v untouched", data.Attested.AAGUID, aaguid)
			}
			if asked := slices.Contains(w.dialog.sorts(), ScreenConsent); asked != tt.asked {
				t.Errorf("person was asked: %t, want %t", asked, tt.asked)
			}
		})
	}
}

func TestEffectiveOptionsFollowTheAuthenticator(t *testing.T) {
	t.Parallel()
	can := ctap.Info{Options: map[string]bool{"rk": true, "uv": true}}
	cannot := ctap.Info{}
	for _, tt := range []struct {
		rk, uv       string
		info         ctap.Info
		want         map[string]bool
		wantPossible bool
	}{
		{"required", "required", can, map[string]bool{"rk": true, "uv": true}, true},
		{"preferred", "preferred", can, map[string]bool{"rk": true, "uv": true}, true},
		{"preferred", "preferred", cannot, map[string]bool{}, true},
		{"discouraged", "discouraged", can, map[string]bool{}, true},
		{"", "", can, map[string]bool{"uv": true}, true},
		{"nonsense", "nonsense", cannot, map[string]bool{}, true},
		{"required", "discouraged", cannot, nil, false},
		{"discouraged", "required", cannot, nil, false},
	} {
		o := creation()
		o.AuthenticatorSelection = &webauthn.AuthenticatorSelection{ResidentKey: tt.rk, UserVerification: tt.uv}
		m := making{by: testCaller, options: o, wants: creationWants(o), rp: testRP}
		r, _, _, err := m.request(tt.info)
		if (err == nil) != tt.wantPossible {
			t.Errorf("rk %q, uv %q with %v: %v, want possible: %t", tt.rk, tt.uv, tt.info.Options, err, tt.wantPossible)
		}
		if diff := cmp.Diff(tt.want, r.Options); diff != "" {
			t.Errorf("rk %q, uv %q with %v (-want +got)\n%s", tt.rk, tt.uv, tt.info.Options, diff)
		}
	}
}

func TestOldPagesRequireAResidentKeyTheirWay(t *testing.T) {
	t.Parallel()
	o := creation()
	o.AuthenticatorSelection = &webauthn.AuthenticatorSelection{RequireResidentKey: true}
	if got := creationWants(o).residentKey; got != webauthn.Required {
		t.Errorf("residentKey = %q, want required", got)
	}
}

func TestPhoneThatCameByACodeIsReachedBothWays(t *testing.T) {
	t.Parallel()
	c := &fakeConnection{&fakeRoute{transport: "hybrid"}, ctap.Info{Transports: []string{"internal", "cable", "hybrid"}}}
	if diff := cmp.Diff([]string{"hybrid", "internal"}, transports(c)); diff != "" {
		t.Errorf("transports (-want +got)\n%s", diff)
	}
}

func TestCredProtectFollowsThePage(t *testing.T) {
	t.Parallel()
	with := ctap.Info{Extensions: []string{"credProtect"}, Options: map[string]bool{"rk": true, "uv": true}}
	without := ctap.Info{Options: map[string]bool{"rk": true, "uv": true}}
	policy := func(p string, enforce bool) map[string]json.RawMessage {
		return map[string]json.RawMessage{
			"credentialProtectionPolicy":        jsonOf(p),
			"enforceCredentialProtectionPolicy": jsonOf(enforce),
		}
	}
	for name, tt := range map[string]struct {
		in       map[string]json.RawMessage
		w        wants
		rk       bool
		info     ctap.Info
		want     byte // 0 for none
		possible bool
	}{
		"nothing said, discoverable":     {nil, wants{residentKey: "preferred"}, true, with, 2, true},
		"nothing said, required":         {nil, wants{residentKey: "required", userVerification: "preferred"}, true, with, 3, true},
		"nothing said, not discoverable": {nil, wants{}, false, with, 0, true},
		"optional":                       {policy("userVerificationOptional", false), wants{}, true, with, 1, true},
		"required":                       {policy("userVerificationRequired", true), wants{userVerification: "required"}, true, with, 3, true},
		"not supported":                  {policy("userVerificationRequired", false), wants{userVerification: "required"}, true, without, 0, true},
		"not supported, enforced":        {policy("userVerificationRequired", true), wants{userVerification: "required"}, true, without, 0, false},
	} {
		got, possible := protection(tt.in, tt.w, tt.rk, tt.info)
		var want map[string]cbor.Raw
		if tt.want != 0 {
			want = map[string]cbor.Raw{"credProtect": {tt.want}}
		}
		if diff := cmp.Diff(want, got); diff != "" || possible != tt.possible {
			t.Errorf("%s: possible %t, want %t (-want +got)\n%s", name, possible, tt.possible, diff)
		}
	}
}

func jsonOf(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func TestDeclinedPersonGetsNotAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, take(ThisDevice), authtest.Decline)
	_, err := w.Create(t.Context(), testCaller, creation())
	wantName(t, err, NotAllowedError)
	if got := w.person.Kinds(); !slices.Equal(got, []authenticator.Kind{authenticator.MakePasskey}) {
		t.Errorf("asked %q", got)
	}
}
