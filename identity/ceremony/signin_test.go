package ceremony_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/session"
	"cardea/webauthn"
)

func TestPasskeySignsIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	h.wait(time.Hour)
	b := browser("Firefox")
	in, err := h.signIn(b, maia.key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := h.sessions.ByToken(t.Context(), in.Token)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := h.directory.Passkeys(t.Context(), maia.ID)
	if err != nil {
		t.Fatal(err)
	}
	now := h.clock()
	want := session.Session{
		ID: in.Session.ID, UserID: maia.ID, Created: now, AuthTime: now, LastSeen: now, Expires: now.Add(7 * 24 * time.Hour),
		AMR: []string{"pop", "user", "mfa"}, ACR: "phr", PasskeyID: keys[0].ID,
		UserAgent: b.UserAgent, Address: b.Address,
	}
	if d := cmp.Diff(want, s); d != "" {
		t.Errorf("session (-want +got):\n%s", d)
	}
	if !keys[0].LastUsed.Equal(now) || keys[0].LastUsedFrom != (directory.From{UserAgent: b.UserAgent, Address: b.Address}) {
		t.Errorf("last used %v from %v, want now and from %v", keys[0].LastUsed, keys[0].LastUsedFrom, b)
	}
	e := h.lastEvent()
	wantEvent := audit.Event{ID: e.ID, Time: now, Kind: audit.SignIn, UserID: maia.ID, Username: maia.Username, Outcome: audit.Done,
		Reference: b.Reference, Address: b.Address, UserAgent: b.UserAgent, PasskeyID: keys[0].ID}
	if d := cmp.Diff(wantEvent, e); d != "" {
		t.Errorf("event (-want +got):\n%s", d)
	}
}

func TestRequestOptionsNameNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.setUp(newSoft(t))
	begun, err := h.ceremony.BeginSignIn(t.Context(), browser("b"), "hybrid")
	if err != nil {
		t.Fatal(err)
	}
	o := parse[webauthn.RequestOptions](t, begun.Options)
	if len(o.Challenge) != 32 {
		t.Errorf("challenge of %d bytes, want 32", len(o.Challenge))
	}
	o.Challenge = nil
	want := webauthn.RequestOptions{Timeout: 300_000, RPID: testRPID, UserVerification: "required", Hints: []string{"hybrid"}}
	if d := cmp.Diff(want, o); d != "" {
		t.Errorf("options (-want +got):\n%s", d)
	}
	if len(begun.Sealed) > 1024 {
		t.Errorf("sealed text of %d bytes, want one that fits any cookie", len(begun.Sealed))
	}
}

func TestUnknownHintIsDropped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	begun, err := h.ceremony.BeginSignIn(t.Context(), browser("b"), "telepathy")
	if err != nil {
		t.Fatal(err)
	}
	if o := parse[webauthn.RequestOptions](t, begun.Options); len(o.Hints) != 0 {
		t.Errorf("hints = %v, want none", o.Hints)
	}
}

// Each row spoils one thing. The signature is good unless the row says
// otherwise, so it is the row's own check that refuses.
var signInRefusals = []struct {
	name  string // of the check that fails
	steps string // of WebAuthn §7.2
	edit  edit
	want  ceremony.Reason
}{
	{"not JSON", "1", edit{raw: func(b []byte) []byte { return b[:len(b)-1] }}, ceremony.ReasonMalformed},
	{"something after the JSON", "1", edit{raw: func(b []byte) []byte { return append(b, "{}"...) }}, ceremony.ReasonMalformed},
	{"empty", "1", edit{raw: func([]byte) []byte { return nil }}, ceremony.ReasonMalformed},
	{"larger than any response", "1", edit{raw: func(b []byte) []byte {
		return append(b, bytes.Repeat([]byte(" "), 128<<10)...)
	}}, ceremony.ReasonMalformed},
	{"another type of credential", "3", edit{get: func(r *webauthn.AuthenticationResponse) { r.Type = "password" }}, ceremony.ReasonMalformed},
	{"id is not rawId", "3", edit{get: func(r *webauthn.AuthenticationResponse) { r.ID = "AAAA" }}, ceremony.ReasonMalformed},
	{"padded id", "3", edit{get: func(r *webauthn.AuthenticationResponse) { r.ID += "=" }}, ceremony.ReasonMalformed},
	{"passkey that nobody has", "6", edit{get: func(r *webauthn.AuthenticationResponse) {
		r.RawID = append(webauthn.CredentialID(nil), r.RawID...)
		r.RawID[0] ^= 1
		r.ID = r.RawID.String()
	}}, ceremony.ReasonUnknownPasskey},
	{"no user handle", "6", edit{get: func(r *webauthn.AuthenticationResponse) { r.Response.UserHandle = nil }}, ceremony.ReasonNoUserHandle},
	{"user handle of somebody else", "6", edit{get: func(r *webauthn.AuthenticationResponse) {
		r.Response.UserHandle = append(webauthn.UserHandle(nil), r.Response.UserHandle...)
		r.Response.UserHandle[63] ^= 1
	}}, ceremony.ReasonWrongUser},
	{"client data cut short", "9", edit{get: func(r *webauthn.AuthenticationResponse) {
		r.Response.ClientDataJSON = r.Response.ClientDataJSON[:20]
	}}, ceremony.ReasonMalformed},
	{"client data of a registration", "10", edit{client: func(c *webauthn.ClientData) { c.Type = webauthn.TypeCreate }}, ceremony.ReasonWrongType},
	{"one bit of the challenge", "11", edit{client: func(c *webauthn.ClientData) { c.Challenge[31] ^= 1 }}, ceremony.ReasonWrongChallenge},
	{"empty challenge", "11", edit{client: func(c *webauthn.ClientData) { c.Challenge = nil }}, ceremony.ReasonWrongChallenge},
	{"another site", "12", edit{client: func(c *webauthn.ClientData) { c.Origin = "https://evil.example" }}, ceremony.ReasonWrongOrigin},
	{"http instead of https", "12", edit{client: func(c *webauthn.ClientData) { c.Origin = "http://login.cardea.localhost" }}, ceremony.ReasonWrongOrigin},
	{"another port", "12", edit{client: func(c *webauthn.ClientData) { c.Origin = testOrigin + ":8443" }}, ceremony.ReasonWrongOrigin},
	{"a sub-domain of ours", "12", edit{client: func(c *webauthn.ClientData) { c.Origin = "https://x.login.cardea.localhost" }}, ceremony.ReasonWrongOrigin},
	{"our name at the front of theirs", "12", edit{client: func(c *webauthn.ClientData) { c.Origin = testOrigin + ".evil.example" }}, ceremony.ReasonWrongOrigin},
	{"another page of ours", "12", edit{client: func(c *webauthn.ClientData) { c.Origin = acctOrigin }}, ceremony.ReasonWrongOrigin},
	{"origin in upper case", "12", edit{client: func(c *webauthn.ClientData) { c.Origin = "HTTPS://login.cardea.localhost" }}, ceremony.ReasonWrongOrigin},
	{"in a frame", "13", edit{client: func(c *webauthn.ClientData) { c.CrossOrigin = true }}, ceremony.ReasonCrossOrigin},
	{"in a frame of a named page", "14", edit{client: func(c *webauthn.ClientData) {
		c.CrossOrigin, c.TopOrigin = true, "https://evil.example"
	}}, ceremony.ReasonCrossOrigin},
	{"for another RP ID", "15", edit{data: func(d *webauthn.AuthenticatorData) {
		d.RPIDHash = sha256.Sum256([]byte("localhost"))
	}}, ceremony.ReasonWrongRP},
	{"nobody there", "16", edit{data: func(d *webauthn.AuthenticatorData) { d.Flags &^= webauthn.FlagUserPresent }}, ceremony.ReasonNotPresent},
	{"person not verified", "17", edit{data: func(d *webauthn.AuthenticatorData) { d.Flags &^= webauthn.FlagUserVerified }}, ceremony.ReasonNotVerified},
	{"copied but not to be copied", "18", edit{data: func(d *webauthn.AuthenticatorData) { d.Flags &^= webauthn.FlagBackupEligible }}, ceremony.ReasonBackupFlags},
	{"not to be copied any more", "19", edit{data: func(d *webauthn.AuthenticatorData) {
		d.Flags &^= webauthn.FlagBackupEligible | webauthn.FlagBackupState
	}}, ceremony.ReasonBackupChanged},
	{"one bit of the signature", "21", edit{get: func(r *webauthn.AuthenticationResponse) {
		r.Response.Signature[len(r.Response.Signature)-1] ^= 1
	}}, ceremony.ReasonBadSignature},
	{"signature as r and s", "21", edit{get: func(r *webauthn.AuthenticationResponse) { r.Response.Signature = make([]byte, 64) }}, ceremony.ReasonBadSignature},
	{"client data written anew", "21", edit{get: func(r *webauthn.AuthenticationResponse) {
		r.Response.ClientDataJSON = append(r.Response.ClientDataJSON, ' ')
	}}, ceremony.ReasonBadSignature},
	{"authenticator data changed after signing", "21", edit{get: func(r *webauthn.AuthenticationResponse) {
		r.Response.AuthenticatorData[36]++ // the count
	}}, ceremony.ReasonBadSignature},
	{"authenticator data with a byte too many", "21", edit{get: func(r *webauthn.AuthenticationResponse) {
		r.Response.AuthenticatorData = append(r.Response.AuthenticatorData, 0)
	}}, ceremony.ReasonMalformed},
}

func TestEachCheckOfASignInRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	for _, tt := range signInRefusals {
		t.Run(tt.name, func(t *testing.T) {
			b := browser("b")
			begun := h.begin(b)
			_, err := h.ceremony.FinishSignIn(t.Context(), b, begun.Sealed, maia.key.get(begun.Options, tt.edit))
			refusedFor(t, err, tt.want)
			if e := h.lastEvent(); e.Outcome != audit.Refused || e.Reason != string(tt.want) || e.Kind != audit.SignIn {
				t.Errorf("event = %+v, want the refusal", e)
			}
			// The failure has spent the challenge: a good answer is too late.
			_, err = h.ceremony.FinishSignIn(t.Context(), b, begun.Sealed, maia.key.get(begun.Options))
			refusedFor(t, err, ceremony.ReasonChallengeSpent)
		})
	}
	if _, err := h.signIn(browser("b"), maia.key); err != nil {
		t.Errorf("after all that, a good sign-in: %v", err)
	}
}

func TestKeyOfSomebodyElseIsABadSignature(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	thief := newSoft(t)
	thief.id, thief.handle = maia.key.id, maia.key.handle
	_, err := h.signIn(browser("b"), thief)
	refusedFor(t, err, ceremony.ReasonBadSignature)
}

func TestEveryPrefixOfASignInIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	b := browser("b")
	begun := h.begin(b)
	whole := maia.key.get(begun.Options)
	for n := 0; n < len(whole); n += 7 {
		_, err := h.ceremony.FinishSignIn(t.Context(), b, begun.Sealed, whole[:n])
		refusedFor(t, err, ceremony.ReasonMalformed)
	}
}

func TestSpentChallengeIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	b := browser("b")
	begun := h.begin(b)
	response := maia.key.get(begun.Options)
	if _, err := h.ceremony.FinishSignIn(t.Context(), b, begun.Sealed, response); err != nil {
		t.Fatal(err)
	}
	_, err := h.ceremony.FinishSignIn(t.Context(), b, begun.Sealed, response)
	refusedFor(t, err, ceremony.ReasonChallengeSpent)
	// Still, when the ceremony is about to end and others have swept.
	h.wait(ceremony.Lifetime + 29*time.Second)
	if _, err := h.signIn(browser("c"), maia.key); err != nil {
		t.Fatal(err)
	}
	_, err = h.ceremony.FinishSignIn(t.Context(), b, begun.Sealed, response)
	refusedFor(t, err, ceremony.ReasonChallengeSpent)
}

func TestLateAnswerIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	b := browser("b")
	begun := h.begin(b)
	h.wait(begun.Expires.Sub(h.clock()))
	_, err := h.ceremony.FinishSignIn(t.Context(), b, begun.Sealed, maia.key.get(begun.Options))
	refusedFor(t, err, ceremony.ReasonChallengeExpired)
}

func TestChallengeOfAnotherBrowserIsRefusedAndSpent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	b := browser("victim")
	begun := h.begin(b)
	response := maia.key.get(begun.Options)
	_, err := h.ceremony.FinishSignIn(t.Context(), browser("thief"), begun.Sealed, response)
	refusedFor(t, err, ceremony.ReasonOtherBrowser)
	_, err = h.ceremony.FinishSignIn(t.Context(), b, begun.Sealed, response)
	refusedFor(t, err, ceremony.ReasonChallengeSpent)
}

func TestHangingUpDoesNotSaveAChallenge(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	begun := h.begin(browser("b"))
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	response := maia.key.get(begun.Options)
	_, err := h.ceremony.FinishSignIn(gone, browser("thief"), begun.Sealed, response)
	refusedFor(t, err, ceremony.ReasonOtherBrowser)
	if e := h.lastEvent(); e.Outcome != audit.Refused || e.Reason != string(ceremony.ReasonOtherBrowser) {
		t.Errorf("event = %+v, want the refusal", e)
	}
	_, err = h.ceremony.FinishSignIn(t.Context(), browser("b"), begun.Sealed, response)
	refusedFor(t, err, ceremony.ReasonChallengeSpent)
}

func TestSealedTextIsGoodForItsKindOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	b := browser("b")
	reg, err := h.ceremony.BeginRegistration(t.Context(), b, maia.ID, maia.in.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	in := h.begin(b)
	for name, finish := range map[string]func() error{
		"registration given to sign-in": func() error {
			_, err := h.ceremony.FinishSignIn(t.Context(), b, reg.Sealed, maia.key.get(in.Options))
			return err
		},
		"sign-in given to registration": func() error {
			_, err := h.ceremony.FinishRegistration(t.Context(), b, in.Sealed, newSoft(t).create(reg.Options), "")
			return err
		},
		"registration given to setup": func() error {
			_, err := h.ceremony.FinishSetup(t.Context(), b, reg.Sealed, newSoft(t).create(reg.Options), "")
			return err
		},
		"nothing": func() error {
			_, err := h.ceremony.FinishSignIn(t.Context(), b, "", maia.key.get(in.Options))
			return err
		},
		"one character changed": func() error {
			_, err := h.ceremony.FinishSignIn(t.Context(), b, "A"+in.Sealed[1:], maia.key.get(in.Options))
			return err
		},
		"cut short": func() error {
			_, err := h.ceremony.FinishSignIn(t.Context(), b, in.Sealed[:len(in.Sealed)-4], maia.key.get(in.Options))
			return err
		},
	} {
		if in.Sealed[0] == 'A' && name == "one character changed" {
			continue
		}
		t.Run(name, func(t *testing.T) { refusedFor(t, finish(), ceremony.ReasonNoCeremony) })
	}
}

func TestBrowserMustBringItsBindingAndAKnownOrigin(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := browser("b")
	b.Binding = "short"
	if _, err := h.ceremony.BeginSignIn(t.Context(), b, ""); err == nil {
		t.Error("BeginSignIn without a binding: no error")
	}
	b = browser("b")
	b.Origin = "https://evil.example"
	_, err := h.ceremony.BeginSignIn(t.Context(), b, "")
	refusedFor(t, err, ceremony.ReasonPageOrigin)
}

// All failed sign-ins look alike from the outside, but for one code.
func TestFailedSignInsLookAlike(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	type outside struct {
		public  string
		outward ceremony.Reason
	}
	seen := map[outside][]string{}
	note := func(name string, err error) {
		var r *ceremony.Refusal
		if r, _ = err.(*ceremony.Refusal); r == nil {
			t.Fatalf("%s: %v is not a refusal", name, err)
		}
		o := outside{r.Public, r.Outward}
		seen[o] = append(seen[o], name)
	}
	for _, tt := range signInRefusals {
		_, err := h.signIn(browser("b"), maia.key, tt.edit)
		note(tt.name, err)
	}
	late := h.begin(browser("b"))
	h.wait(time.Hour)
	_, err := h.ceremony.FinishSignIn(t.Context(), browser("b"), late.Sealed, maia.key.get(late.Options))
	note("late", err)
	_, err = h.ceremony.FinishSignIn(t.Context(), browser("b"), "not sealed", maia.key.get(late.Options))
	note("not sealed", err)
	h.shutOut(maia)
	_, err = h.signIn(browser("b"), maia.key)
	refusedFor(t, err, ceremony.ReasonDisabled)
	note("disabled", err)

	if len(seen) != 2 {
		t.Errorf("failures look %d ways, want 2: %v", len(seen), seen)
	}
	for o, names := range seen {
		if o.outward == ceremony.ReasonUnknownPasskey && len(names) != 1 {
			t.Errorf("unknown_passkey is said of %v", names)
		}
	}
}

// shutOut disables who, who may be the only administrator so far.
func (h *house) shutOut(who someone) {
	h.t.Helper()
	ctx := h.t.Context()
	other, err := h.directory.AddUser(ctx, who.ID, directory.NewUser{Username: "spare", DisplayName: "Spare", Admin: true})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.directory.SetDisabled(ctx, other.ID, who.ID, true); err != nil {
		h.t.Fatal(err)
	}
}

func TestDisablingEndsSessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	h.shutOut(maia)
	if _, err := h.sessions.ByToken(t.Context(), maia.in.Token); err != session.ErrNone {
		t.Errorf("ByToken() of a disabled person = %v, want %v", err, session.ErrNone)
	}
}

func TestSignInEndsTheSessionThatTheBrowserHad(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	b := browser("b")
	b.Token = maia.in.Token
	in, err := h.signIn(b, maia.key)
	if err != nil {
		t.Fatal(err)
	}
	if in.Token == maia.in.Token || in.Session.ID == maia.in.Session.ID {
		t.Error("the new session has the old one's token or ID")
	}
	if _, err := h.sessions.ByToken(t.Context(), maia.in.Token); err != session.ErrNone {
		t.Errorf("the old token opens a session: %v", err)
	}
}

func TestSignCounts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		flags       webauthn.Flags
		first, next uint32
		want        uint32
		warned      bool
	}{
		{"grows", deviceBound, 5, 6, 6, false},
		{"never counts", deviceBound, 0, 0, 0, false},
		{"stands still", deviceBound, 5, 5, 5, true},
		{"starts over", deviceBound, 5, 0, 5, true},
		{"of a synced passkey means nothing", synced, 5, 3, 5, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			key := newSoft(t)
			key.flags, key.count = tt.flags, tt.first
			maia := h.setUp(key)
			key.count = tt.next
			if _, err := h.signIn(browser("b"), key); err != nil {
				t.Fatal(err)
			}
			keys, err := h.directory.Passkeys(t.Context(), maia.ID)
			if err != nil {
				t.Fatal(err)
			}
			if keys[0].SignCount != tt.want {
				t.Errorf("stored count = %d, want %d", keys[0].SignCount, tt.want)
			}
			if e := h.eventOf(audit.SignCountBack); (e != nil) != tt.warned {
				t.Errorf("warning = %v, want one: %v", e, tt.warned)
			}
		})
	}
}

func (h *house) eventOf(kind audit.Kind) *audit.Event {
	h.t.Helper()
	list, err := h.log.Recent(h.t.Context(), audit.MaxEvents)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range list {
		if e.Kind == kind {
			return &e
		}
	}
	return nil
}

func TestBackupStateFollowsThePasskey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key := newSoft(t)
	key.flags = deviceBound | webauthn.FlagBackupEligible
	maia := h.setUp(key)
	key.flags = synced
	if _, err := h.signIn(browser("b"), key); err != nil {
		t.Fatal(err)
	}
	keys, err := h.directory.Passkeys(t.Context(), maia.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !keys[0].Synced() || keys[0].Flags != synced {
		t.Errorf("flags = %v, want %v", keys[0].Flags, synced)
	}
}

// Passkey managers that answer what nobody asked must not lock people out.
func TestUnaskedExtensionIsPassedOverAtSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	_, err := h.signIn(browser("b"), maia.key, edit{get: func(r *webauthn.AuthenticationResponse) {
		r.ClientExtensionResults = map[string]json.RawMessage{"credProps": json.RawMessage(`{"rk":true}`)}
	}})
	if err != nil {
		t.Error(err)
	}
}

func TestLongUserAgentIsCut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	b := browser(strings.Repeat("x", 5000))
	b.Binding = "binding cookie of a talker"
	in, err := h.signIn(b, maia.key)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(in.Session.UserAgent); n != 512 {
		t.Errorf("user agent of %d bytes is kept, want 512", n)
	}
}
