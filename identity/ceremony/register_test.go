package ceremony_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/session"
	"cardea/internal/cbor"
	"cardea/internal/secret"
	"cardea/webauthn"
)

func TestCreationOptions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	begun, err := h.ceremony.BeginRegistration(t.Context(), browser("b"), maia.ID, maia.in.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	o := parse[webauthn.CreationOptions](t, begun.Options)
	if len(o.Challenge) != 32 || len(o.User.ID) != 64 {
		t.Errorf("challenge of %d and user handle of %d bytes, want 32 and 64", len(o.Challenge), len(o.User.ID))
	}
	want := webauthn.CreationOptions{
		RP:        webauthn.RPEntity{ID: testRPID, Name: "Cardea"},
		User:      webauthn.UserEntity{ID: maia.Handle, Name: "maia", DisplayName: "Maia Dell"},
		Challenge: o.Challenge,
		PubKeyCredParams: []webauthn.CredentialParameters{
			{Type: "public-key", Alg: webauthn.ES256}, {Type: "public-key", Alg: webauthn.EdDSA}, {Type: "public-key", Alg: webauthn.RS256},
		},
		Timeout: 300_000,
		ExcludeCredentials: []webauthn.CredentialDescriptor{
			{Type: "public-key", ID: maia.key.id, Transports: []string{"hybrid", "internal"}},
		},
		AuthenticatorSelection: &webauthn.AuthenticatorSelection{
			ResidentKey: "required", RequireResidentKey: true, UserVerification: "required",
		},
		Attestation: "none",
		Extensions:  map[string]json.RawMessage{"credProps": json.RawMessage("true")},
	}
	if d := cmp.Diff(want, o); d != "" {
		t.Errorf("options (-want +got):\n%s", d)
	}
	if len(begun.Sealed) > 2048 {
		t.Errorf("sealed text of %d bytes, want one that fits any cookie", len(begun.Sealed))
	}
}

// Nothing of it can be asked for again.
func TestAllThatWasSaidOfAPasskeyIsKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	key := newSoft(t)
	key.format, key.flags, key.count = "packed", deviceBound, 3
	key.aaguid = webauthn.MustParseAAGUID("3fd0e7a2-5c1b-4b0e-9d57-0c4f5a2e17a1")
	var sent webauthn.RegistrationResponse
	got, err := h.register(browser("b"), maia, key, edit{create: func(r *webauthn.RegistrationResponse) { sent = *r }})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := h.directory.Passkeys(t.Context(), maia.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != 2 {
		t.Fatalf("%d passkeys, want 2", len(keys))
	}
	pub := key.publicKey()
	hash := sha256.Sum256(sent.Response.ClientDataJSON)
	stored := keys[0]
	if stored.ID != got.ID {
		stored = keys[1] // registered in the same millisecond
	}
	want := directory.Passkey{
		ID: got.ID, UserID: maia.ID, CredentialID: key.id, Name: "Cardea Authenticator on iPhone",
		PublicKey: pub, AAGUID: key.aaguid, SignCount: 3, Flags: deviceBound | webauthn.FlagAttestedCredential,
		Transports: []string{"hybrid", "internal"}, Attachment: "platform",
		AttestationFormat: "packed", AttestationType: "basic_surrogate",
		AttestationObject: sent.Response.AttestationObject, ClientDataJSON: sent.Response.ClientDataJSON,
		ClientDataHash: hash[:], Created: h.clock(),
	}
	if d := cmp.Diff(want, stored); d != "" {
		t.Errorf("stored passkey (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want, got.Passkey); d != "" {
		t.Errorf("returned passkey (-want +got):\n%s", d)
	}
	if got.SignedIn != nil {
		t.Error("a person with a passkey was signed in again")
	}
	if _, err := h.signIn(browser("c"), key); err != nil {
		t.Errorf("signing in with the new passkey: %v", err)
	}
}

var registrationRefusals = []struct {
	name  string
	steps string // of WebAuthn §7.1
	edit  edit
	want  ceremony.Reason
}{
	{"not JSON", "3", edit{raw: func(b []byte) []byte { return b[:len(b)-1] }}, ceremony.ReasonMalformed},
	{"larger than any response", "3", edit{raw: func(b []byte) []byte {
		return append(b, bytes.Repeat([]byte(" "), 128<<10)...)
	}}, ceremony.ReasonMalformed},
	{"another type of credential", "3", edit{create: func(r *webauthn.RegistrationResponse) { r.Type = "password" }}, ceremony.ReasonMalformed},
	{"padded id", "3", edit{create: func(r *webauthn.RegistrationResponse) { r.ID += "=" }}, ceremony.ReasonMalformed},
	{"extension that nobody asked for", "4", edit{create: func(r *webauthn.RegistrationResponse) {
		r.ClientExtensionResults["prf"] = json.RawMessage(`{"enabled":true}`)
	}}, ceremony.ReasonExtensions},
	{"client data of a sign-in", "7", edit{client: func(c *webauthn.ClientData) { c.Type = webauthn.TypeGet }}, ceremony.ReasonWrongType},
	{"one bit of the challenge", "8", edit{client: func(c *webauthn.ClientData) { c.Challenge[0] ^= 1 }}, ceremony.ReasonWrongChallenge},
	{"another site", "9", edit{client: func(c *webauthn.ClientData) { c.Origin = "https://evil.example" }}, ceremony.ReasonWrongOrigin},
	{"another page of ours", "9", edit{client: func(c *webauthn.ClientData) { c.Origin = acctOrigin }}, ceremony.ReasonWrongOrigin},
	{"in a frame", "10", edit{client: func(c *webauthn.ClientData) { c.CrossOrigin = true }}, ceremony.ReasonCrossOrigin},
	{"byte after the attestation object", "13", edit{create: func(r *webauthn.RegistrationResponse) {
		r.Response.AttestationObject = append(r.Response.AttestationObject, 0)
	}}, ceremony.ReasonMalformed},
	{"no attested passkey", "13", edit{data: func(d *webauthn.AuthenticatorData) { d.Attested = nil }}, ceremony.ReasonMalformed},
	{"for another RP ID", "14", edit{data: func(d *webauthn.AuthenticatorData) {
		d.RPIDHash = sha256.Sum256([]byte("localhost"))
	}}, ceremony.ReasonWrongRP},
	{"nobody there", "15", edit{data: func(d *webauthn.AuthenticatorData) { d.Flags &^= webauthn.FlagUserPresent }}, ceremony.ReasonNotPresent},
	{"person not verified", "16", edit{data: func(d *webauthn.AuthenticatorData) { d.Flags &^= webauthn.FlagUserVerified }}, ceremony.ReasonNotVerified},
	{"copied but not to be copied", "17", edit{data: func(d *webauthn.AuthenticatorData) { d.Flags &^= webauthn.FlagBackupEligible }}, ceremony.ReasonBackupFlags},
	{"algorithm that was not offered", "20", edit{data: func(d *webauthn.AuthenticatorData) {
		d.Attested.PublicKey = cbor.MustEncode(map[int]any{1: 2, 3: int(webauthn.ES384), -1: 2, -2: make([]byte, 48), -3: make([]byte, 48)})
	}}, ceremony.ReasonAlgorithm},
	{"format that nobody knows", "21", edit{create: reformat("Packed")}, ceremony.ReasonAttestation},
	{"format that is dead", "21", edit{create: reformat("android-safetynet")}, ceremony.ReasonAttestation},
	{"one bit of the statement's signature", "22", edit{create: func(r *webauthn.RegistrationResponse) {
		reattest(r, func(o *webauthn.AttestationObject) {
			var st struct {
				Alg int64  `cbor:"alg"`
				Sig []byte `cbor:"sig"`
			}
			if err := cbor.Decode(o.Statement, &st); err != nil {
				panic(err)
			}
			st.Sig[len(st.Sig)-1] ^= 1
			o.Statement = cbor.MustEncode(st)
		})
	}}, ceremony.ReasonAttestation},
	{"none with a statement", "22", edit{create: reformat("none")}, ceremony.ReasonAttestation},
	{"credential ID of 1024 bytes", "25", edit{data: func(d *webauthn.AuthenticatorData) {
		d.Attested.ID = make([]byte, 1024)
	}}, ceremony.ReasonMalformed},
	{"reported ID is not the attested one", "27", edit{create: func(r *webauthn.RegistrationResponse) {
		r.RawID = append(webauthn.CredentialID(nil), r.RawID...)
		r.RawID[0] ^= 1
		r.ID = r.RawID.String()
	}}, ceremony.ReasonMalformed},
	{"cannot be found by itself", "28", edit{create: func(r *webauthn.RegistrationResponse) {
		r.ClientExtensionResults["credProps"] = json.RawMessage(`{"rk":false}`)
	}}, ceremony.ReasonNotStored},
}

func reattest(r *webauthn.RegistrationResponse, change func(*webauthn.AttestationObject)) {
	o, err := webauthn.ParseAttestationObject(r.Response.AttestationObject)
	if err != nil {
		panic(err)
	}
	change(&o)
	r.Response.AttestationObject = o.Encode()
}

func reformat(format string) func(*webauthn.RegistrationResponse) {
	return func(r *webauthn.RegistrationResponse) {
		reattest(r, func(o *webauthn.AttestationObject) { o.Format = format })
	}
}

func TestEachCheckOfARegistrationRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	for _, tt := range registrationRefusals {
		t.Run(tt.name, func(t *testing.T) {
			b, key := browser("b"), newSoft(t)
			key.format = "packed"
			begun, err := h.ceremony.BeginRegistration(t.Context(), b, maia.ID, maia.in.Session.ID)
			if err != nil {
				t.Fatal(err)
			}
			_, err = h.ceremony.FinishRegistration(t.Context(), b, begun.Sealed, key.create(begun.Options, tt.edit), "")
			refusedFor(t, err, tt.want)
			e := h.lastEvent()
			if e.Kind != audit.PasskeyAdded || e.Outcome != audit.Refused || e.Reason != string(tt.want) || e.UserID != maia.ID {
				t.Errorf("event = %+v, want the refusal", e)
			}
			_, err = h.ceremony.FinishRegistration(t.Context(), b, begun.Sealed, key.create(begun.Options), "")
			refusedFor(t, err, ceremony.ReasonChallengeSpent)
		})
	}
	keys, err := h.directory.Passkeys(t.Context(), maia.ID)
	if err != nil || len(keys) != 1 {
		t.Errorf("after all that %d passkeys (%v), want the one of the setup", len(keys), err)
	}
}

func TestPasskeyThatCannotSayIfItIsDiscoverableIsKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	_, err := h.register(browser("b"), maia, newSoft(t), edit{create: func(r *webauthn.RegistrationResponse) {
		r.ClientExtensionResults = map[string]json.RawMessage{}
	}})
	if err != nil {
		t.Error(err)
	}
}

// WebAuthn §7.1 step 26: the victim's credential ID, and even their public
// key, cannot be taken over by registering them once more.
func TestPasskeyOfAnotherPersonCannotBeRegistered(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	eve, code := h.newcomer(maia, "eve")
	b := browser("eve's")
	in, err := h.ceremony.RedeemAccessPass(t.Context(), b, "eve", code)
	if err != nil {
		t.Fatal(err)
	}
	stolen := *maia.key
	_, err = h.register(b, someone{User: eve, in: in}, &stolen)
	refusedFor(t, err, ceremony.ReasonPasskeyExists)
	if _, err := h.signIn(browser("b"), maia.key); err != nil {
		t.Errorf("the owner, afterwards: %v", err)
	}
}

func TestTwentyPasskeysAreEnough(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	b := browser("b")
	// Begun while there was room.
	early, err := h.ceremony.BeginRegistration(t.Context(), b, maia.ID, maia.in.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	for range directory.MaxPasskeys - 1 {
		if _, err := h.register(b, maia, newSoft(t)); err != nil {
			t.Fatal(err)
		}
	}
	_, err = h.ceremony.BeginRegistration(t.Context(), b, maia.ID, maia.in.Session.ID)
	refusedFor(t, err, ceremony.ReasonTooManyPasskeys)
	_, err = h.ceremony.FinishRegistration(t.Context(), b, early.Sealed, newSoft(t).create(early.Options), "")
	refusedFor(t, err, ceremony.ReasonTooManyPasskeys)
}

func TestRegistrationNeedsAFreshSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	h.wait(5 * time.Minute)
	if _, err := h.register(browser("b"), maia, newSoft(t)); err != nil {
		t.Errorf("after exactly five minutes: %v", err)
	}
	h.wait(time.Second)
	_, err := h.register(browser("b"), maia, newSoft(t))
	refusedFor(t, err, ceremony.ReasonNotFresh)
}

func TestRegistrationIsBoundToPersonAndSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	eve, _ := h.newcomer(maia, "eve")
	b := browser("b")

	_, err := h.ceremony.BeginRegistration(t.Context(), b, eve.ID, maia.in.Session.ID)
	refusedFor(t, err, ceremony.ReasonSessionEnded)
	_, err = h.ceremony.BeginRegistration(t.Context(), b, maia.ID, "no such session")
	refusedFor(t, err, ceremony.ReasonSessionEnded)

	begun, err := h.ceremony.BeginRegistration(t.Context(), b, maia.ID, maia.in.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	response := newSoft(t).create(begun.Options)
	_, err = h.ceremony.FinishRegistration(t.Context(), browser("another"), begun.Sealed, response, "")
	refusedFor(t, err, ceremony.ReasonOtherBrowser)

	begun, err = h.ceremony.BeginRegistration(t.Context(), b, maia.ID, maia.in.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.sessions.End(t.Context(), maia.in.Session.ID); err != nil {
		t.Fatal(err)
	}
	_, err = h.ceremony.FinishRegistration(t.Context(), b, begun.Sealed, newSoft(t).create(begun.Options), "")
	refusedFor(t, err, ceremony.ReasonSessionEnded)
}

// The passkey exists in the authenticator by then; refusing it for its name
// would leave an orphan.
func TestBadNameDoesNotCostThePasskey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	b := browser("b")
	begun, err := h.ceremony.BeginRegistration(t.Context(), b, maia.ID, maia.in.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	response := newSoft(t).create(begun.Options)
	for _, bad := range []string{strings.Repeat("x", 65), "a\nb", "\u202egnp"} {
		_, err = h.ceremony.FinishRegistration(t.Context(), b, begun.Sealed, response, bad)
		refusedFor(t, err, ceremony.ReasonName)
	}
	got, err := h.ceremony.FinishRegistration(t.Context(), b, begun.Sealed, response, "  "+strings.Repeat("é", 64)+" ")
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != strings.Repeat("é", 64) {
		t.Errorf("name = %q", got.Name)
	}
}

func TestUnnamedPasskeyOfUnknownMakeIsCalledPasskey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	got, err := h.register(browser("b"), maia, newSoft(t))
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "Passkey (2)" { // the first has the name already
		t.Errorf("name = %q, want Passkey (2)", got.Name)
	}
}

func TestTransportsOfATalkativeBrowserAreCut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	got, err := h.register(browser("b"), maia, newSoft(t), edit{create: func(r *webauthn.RegistrationResponse) {
		r.Response.Transports = []string{"usb", "usb", "", strings.Repeat("x", 33), "carrier-pigeon"}
		for i := range 20 {
			r.Response.Transports = append(r.Response.Transports, fmt.Sprint("t", i))
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"usb", "carrier-pigeon", "t0", "t1", "t2", "t3", "t4", "t5"}
	if d := cmp.Diff(want, got.Transports); d != "" {
		t.Errorf("transports (-want +got):\n%s", d)
	}
}

// From the access pass to My Account without a second prompt.
func TestPassThenPasskeyThenSignedIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	theo, code := h.newcomer(maia, "theo")
	b := browser("theo's")
	in, err := h.ceremony.RedeemAccessPass(t.Context(), b, " Theo ", strings.ToLower(strings.ReplaceAll(code, "-", " ")))
	if err != nil {
		t.Fatal(err)
	}
	s, err := h.sessions.ByToken(t.Context(), in.Token)
	if err != nil {
		t.Fatal(err)
	}
	if !s.ByPass() || s.ACR != session.ACRPass || s.PasskeyID != "" || s.Expires.Sub(h.clock()) != session.PassLifetime {
		t.Errorf("session of a pass = %+v", s)
	}
	h.wait(20 * time.Minute) // fetching the phone; no freshness is asked of a pass
	key := newSoft(t)
	got, err := h.register(b, someone{User: theo, in: in}, key)
	if err != nil {
		t.Fatal(err)
	}
	if got.SignedIn == nil {
		t.Fatal("not signed in after the registration")
	}
	if _, err := h.sessions.ByToken(t.Context(), in.Token); err != session.ErrNone {
		t.Errorf("the pass's session, afterwards: %v, want %v", err, session.ErrNone)
	}
	s, err = h.sessions.ByToken(t.Context(), got.SignedIn.Token)
	if err != nil {
		t.Fatal(err)
	}
	if s.ACR != session.ACRPasskey || s.PasskeyID != got.ID || s.UserID != theo.ID {
		t.Errorf("session of the new passkey = %+v", s)
	}
	if _, err := h.signIn(browser("another"), key); err != nil {
		t.Errorf("signing in with the new passkey: %v", err)
	}
}

func TestPassSessionEndsByItself(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	theo, code := h.newcomer(maia, "theo")
	in, err := h.ceremony.RedeemAccessPass(t.Context(), browser("b"), "theo", code)
	if err != nil {
		t.Fatal(err)
	}
	h.wait(session.PassLifetime)
	_, err = h.register(browser("b"), someone{User: theo, in: in}, newSoft(t))
	refusedFor(t, err, ceremony.ReasonSessionEnded)
}

func TestAccessPasses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		try  func(h *house, maia someone, theo directory.User, code string) error
		want ceremony.Reason // empty: accepted
	}{
		{"once", func(h *house, _ someone, _ directory.User, code string) error {
			return h.redeem("theo", code)
		}, ""},
		{"twice", func(h *house, _ someone, _ directory.User, code string) error {
			return errors.Join(h.redeem("theo", code), h.redeem("theo", code))
		}, ceremony.ReasonPassSpent},
		{"a minute before the end", func(h *house, _ someone, _ directory.User, code string) error {
			h.wait(59 * time.Minute)
			return h.redeem("theo", code)
		}, ""},
		{"too late", func(h *house, _ someone, _ directory.User, code string) error {
			h.wait(time.Hour)
			return h.redeem("theo", code)
		}, ceremony.ReasonPassExpired},
		{"wrong code", func(h *house, _ someone, _ directory.User, code string) error {
			return h.redeem("theo", "00000-00000")
		}, ceremony.ReasonPassWrong},
		{"code of somebody else", func(h *house, maia someone, _ directory.User, code string) error {
			h.newcomer(maia, "eve")
			return h.redeem("eve", code)
		}, ceremony.ReasonPassWrong},
		{"of nobody", func(h *house, _ someone, _ directory.User, code string) error {
			return h.redeem("nobody", code)
		}, ceremony.ReasonPassWrong},
		{"replaced by a new one", func(h *house, maia someone, theo directory.User, code string) error {
			h.reissue(maia, theo)
			return h.redeem("theo", code)
		}, ceremony.ReasonPassWrong},
		{"the new one", func(h *house, maia someone, theo directory.User, _ string) error {
			return h.redeem("theo", h.reissue(maia, theo))
		}, ""},
		{"of a disabled person", func(h *house, maia someone, theo directory.User, code string) error {
			if err := h.directory.SetDisabled(h.t.Context(), maia.ID, theo.ID, true); err != nil {
				return err
			}
			return h.redeem("theo", code)
		}, ceremony.ReasonDisabled},
		{"after ten wrong ones", func(h *house, _ someone, _ directory.User, code string) error {
			h.guess("theo", 10)
			return h.redeem("theo", code)
		}, ceremony.ReasonPassLocked},
		{"after ten wrong ones from elsewhere", func(h *house, _ someone, _ directory.User, code string) error {
			h.guess("theo", 10)
			elsewhere := browser("theo's")
			elsewhere.Address = "198.51.100.9"
			_, err := h.ceremony.RedeemAccessPass(h.t.Context(), elsewhere, "theo", code)
			return err
		}, ""},
		{"after nine wrong ones", func(h *house, _ someone, _ directory.User, code string) error {
			h.guess("theo", 9)
			return h.redeem("theo", code)
		}, ""},
		{"of nobody, after ten wrong ones", func(h *house, _ someone, _ directory.User, code string) error {
			h.guess("nobody", 10)
			return h.redeem("nobody", code)
		}, ceremony.ReasonPassLocked},
		{"new one after ten wrong ones", func(h *house, maia someone, theo directory.User, _ string) error {
			h.guess("theo", 10)
			return h.redeem("theo", h.reissue(maia, theo))
		}, ""},
		{"an hour after ten wrong ones", func(h *house, maia someone, theo directory.User, _ string) error {
			code := h.reissue(maia, theo)
			h.guess("theo", 10)
			h.wait(59 * time.Minute)
			if r := reason(h.t, h.redeem("theo", code)); r != ceremony.ReasonPassLocked {
				return fmt.Errorf("after 59 minutes: %s", r)
			}
			h.wait(time.Minute)
			return h.redeem("theo", "00000-00000")
		}, ceremony.ReasonPassWrong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			maia := h.setUp(newSoft(t))
			theo, code := h.newcomer(maia, "theo")
			err := tt.try(h, maia, theo, code)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refusedFor(t, err, tt.want)
			e := h.lastEvent()
			if e.Kind != audit.PassSignIn || e.Outcome != audit.Refused || e.Reason != string(tt.want) {
				t.Errorf("event = %+v, want the refusal", e)
			}
		})
	}
}

func (h *house) redeem(name, code string) error {
	_, err := h.ceremony.RedeemAccessPass(h.t.Context(), browser("theo's"), name, code)
	return err
}

func (h *house) reissue(maia someone, theo directory.User) string {
	h.t.Helper()
	code, _, err := h.directory.IssueAccessPass(h.t.Context(), maia.ID, theo.ID, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

func (h *house) guess(name string, times int) {
	h.t.Helper()
	for range times {
		refusedFor(h.t, h.redeem(name, "00000-00000"), ceremony.ReasonPassWrong)
	}
}

// limits is a Store that notes the limits on guessing that it is given.
type limits struct {
	ceremony.Store
	tries, nameTries int
}

func (l *limits) Redeem(_ context.Context, r ceremony.Redemption) (ceremony.PassResult, error) {
	l.tries, l.nameTries = r.Tries, r.NameTries
	return ceremony.PassLocked, nil
}

func TestGuessingHasBothLimits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	store := &limits{Store: h.db}
	c, err := ceremony.New(ceremony.Config{
		RPID: testRPID, RPName: "Cardea", Origins: []webauthn.Origin{testOrigin},
		SealKey: secret.Random(32), Store: store, Directory: h.directory, Sessions: h.sessions, Now: h.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.RedeemAccessPass(t.Context(), browser("b"), "theo", "x")
	refusedFor(t, err, ceremony.ReasonPassLocked)
	if store.tries != 10 || store.nameTries != 10_000 {
		t.Errorf("limits = %d for a network, %d for a name; want 10 and 10000", store.tries, store.nameTries)
	}
}

func TestNobodyLearnsWhoExistsFromAPass(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	theo, code := h.newcomer(maia, "theo")
	if err := h.directory.SetDisabled(t.Context(), maia.ID, theo.ID, true); err != nil {
		t.Fatal(err)
	}
	var first *ceremony.Refusal
	for name, err := range map[string]error{
		"nobody":   h.redeem("nobody", "00000-00000"),
		"somebody": h.redeem("maia", "00000-00000"),
		"disabled": h.redeem("theo", code),
	} {
		var r *ceremony.Refusal
		if !errors.As(err, &r) {
			t.Fatalf("%s: %v", name, err)
		}
		if first == nil {
			first = r
		}
		if r.Public != first.Public || r.Outward != first.Outward {
			t.Errorf("%s: %q %q differs from %q %q", name, r.Public, r.Outward, first.Public, first.Outward)
		}
	}
}
