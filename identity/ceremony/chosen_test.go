package ceremony_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/session"
	"cardea/webauthn"
)

// secondPerson makes a person with a passkey, who came in by an access pass.
func (h *house) secondPerson(admin someone, name string) someone {
	h.t.Helper()
	u, code := h.newcomer(admin, name)
	b := browser("of " + name)
	in, err := h.ceremony.RedeemAccessPass(h.t.Context(), b, name, code)
	if err != nil {
		h.t.Fatal(err)
	}
	who := someone{User: u, key: newSoft(h.t), in: in}
	done, err := h.register(b, who, who.key)
	if err != nil {
		h.t.Fatal(err)
	}
	who.in = *done.SignedIn
	return who
}

func (h *house) beginAs(b ceremony.Browser, who ceremony.Chosen) ceremony.Begun {
	h.t.Helper()
	begun, err := h.ceremony.BeginSignInAs(h.t.Context(), b, who, "")
	if err != nil {
		h.t.Fatal(err)
	}
	return begun
}

func TestOnlyABrowserThatKnowsThePersonLearnsTheirPasskeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	for name, who := range map[string]ceremony.Chosen{
		"a name that somebody has": {Username: "maia"}, "a name that nobody has": {Username: "nobody"}, "nobody": {},
	} {
		o := parse[webauthn.RequestOptions](t, h.beginAs(browser("b"), who).Options)
		if len(o.AllowCredentials) != 0 {
			t.Errorf("%s: %d passkeys in the list, want none", name, len(o.AllowCredentials))
		}
	}
	o := parse[webauthn.RequestOptions](t, h.beginAs(browser("b"), ceremony.Chosen{User: maia.ID}).Options)
	if len(o.AllowCredentials) != 1 || !slices.Equal(o.AllowCredentials[0].ID, maia.key.id) ||
		!slices.Equal(o.AllowCredentials[0].Transports, []string{webauthn.TransportHybrid, webauthn.TransportInternal}) {
		t.Errorf("list of a known person = %+v, want their passkey with its transports", o.AllowCredentials)
	}
}

// F28: Safari fails with more than three.
func TestLongListsAreLeftOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	for want := 2; want <= 5; want++ {
		if _, err := h.register(browser("b"), maia, newSoft(t)); err != nil {
			t.Fatal(err)
		}
		listed := want
		if want > 3 {
			listed = 0
		}
		begun := h.beginAs(browser("b"), ceremony.Chosen{User: maia.ID})
		if o := parse[webauthn.RequestOptions](t, begun.Options); len(o.AllowCredentials) != listed {
			t.Errorf("of %d passkeys %d are listed, want %d", want, len(o.AllowCredentials), listed)
		}
		if _, err := h.ceremony.FinishSignIn(t.Context(), browser("b"), begun.Sealed, maia.key.get(begun.Options)); err != nil {
			t.Errorf("signing in with one of %d passkeys: %v", want, err)
		}
	}
}

func TestPasskeyOfSomebodyElseSignsNobodyIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	jo := h.secondPerson(maia, "jo")
	b := browser("b")
	for name, who := range map[string]ceremony.Chosen{"typed": {Username: " MAIA "}, "picked": {User: maia.ID}, "typed, and nobody has it": {Username: "eve"}} {
		begun := h.beginAs(b, who)
		in, err := h.ceremony.FinishSignIn(t.Context(), b, begun.Sealed, jo.key.get(begun.Options))
		var other *ceremony.OtherAccount
		if !errors.As(err, &other) || in.Token != "" || other.Owner.ID != jo.ID {
			t.Fatalf("%s: signed in to %q, %v; want nobody, and to hear of jo", name, in.Token, err)
		}
		if want := map[bool]string{true: "eve", false: "maia"}[who.Username == "eve"]; other.Chosen != want {
			t.Errorf("%s: chosen is %q, want %q", name, other.Chosen, want)
		}
		if e := h.lastEvent(); e.Outcome != audit.Refused || e.Reason != "wrong_account" || e.UserID != jo.ID {
			t.Errorf("%s: recorded %+v", name, e)
		}
	}
	// Who is meant may come in, whichever way they said so.
	for name, who := range map[string]ceremony.Chosen{"typed": {Username: " Jo"}, "picked": {User: jo.ID}} {
		begun := h.beginAs(b, who)
		if in, err := h.ceremony.FinishSignIn(t.Context(), b, begun.Sealed, jo.key.get(begun.Options)); err != nil || in.User.ID != jo.ID || in.Passkey.UserID != jo.ID {
			t.Errorf("%s: %+v, %v", name, in.User, err)
		}
	}
}

// stopped is a sign-in that was stopped in b: maia was chosen, and it was the
// passkey of who.
func (h *house) stopped(b ceremony.Browser, who someone) *ceremony.OtherAccount {
	h.t.Helper()
	begun := h.beginAs(b, ceremony.Chosen{Username: "maia"})
	_, err := h.ceremony.FinishSignIn(h.t.Context(), b, begun.Sealed, who.key.get(begun.Options))
	var other *ceremony.OtherAccount
	if !errors.As(err, &other) {
		h.t.Fatalf("FinishSignIn() = %v, want to be stopped", err)
	}
	return other
}

func TestStoppedSignInGoesOnOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	jo := h.secondPerson(maia, "jo")
	b := browser("b")
	begun := h.beginAs(b, ceremony.Chosen{Username: "maia"})
	response := jo.key.get(begun.Options)
	stop := func() (other *ceremony.OtherAccount) {
		if _, err := h.ceremony.FinishSignIn(t.Context(), b, begun.Sealed, response); !errors.As(err, &other) {
			t.Fatalf("FinishSignIn() = %v, want to be stopped", err)
		}
		return other
	}
	other := stop()
	in, err := h.ceremony.GoOn(t.Context(), b, other.GoOn.Sealed)
	if err != nil || in.User.ID != jo.ID {
		t.Fatalf("GoOn() = %v, %v, want jo", in.User, err)
	}
	if _, err := h.sessions.ByToken(t.Context(), in.Token); err != nil {
		t.Errorf("the session: %v", err)
	}
	if e := h.lastEvent(); e.Kind != audit.SignIn || e.Outcome != audit.Done || e.PasskeyID == "" {
		t.Errorf("recorded %+v", e)
	}
	for name, again := range map[string]*ceremony.OtherAccount{"the same": other, "the same response brought again": stop()} {
		if _, err := h.ceremony.GoOn(t.Context(), b, again.GoOn.Sealed); reason(t, err) != ceremony.ReasonChallengeSpent {
			t.Errorf("going on twice, %s: %v", name, err)
		}
	}
}

func TestStoppedSignInGoesOnOnlyWhereAndWhileItMay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	jo := h.secondPerson(maia, "jo")
	b := browser("b")

	_, err := h.ceremony.GoOn(t.Context(), browser("another"), h.stopped(b, jo).GoOn.Sealed)
	refusedFor(t, err, ceremony.ReasonOtherBrowser)

	_, err = h.ceremony.GoOn(t.Context(), b, h.begin(b).Sealed)
	refusedFor(t, err, ceremony.ReasonNoCeremony) // the text of a sign-in that was not stopped
	_, err = h.ceremony.FinishSignIn(t.Context(), b, h.stopped(b, jo).GoOn.Sealed, jo.key.get(h.begin(b).Options))
	refusedFor(t, err, ceremony.ReasonNoCeremony) // and the other way around

	late := h.stopped(b, jo)
	h.wait(ceremony.Lifetime + time.Minute)
	_, err = h.ceremony.GoOn(t.Context(), b, late.GoOn.Sealed)
	refusedFor(t, err, ceremony.ReasonChallengeExpired)

	shut := h.stopped(b, jo)
	if err := h.directory.SetDisabled(t.Context(), maia.ID, jo.ID, true); err != nil {
		t.Fatal(err)
	}
	_, err = h.ceremony.GoOn(t.Context(), b, shut.GoOn.Sealed)
	refusedFor(t, err, ceremony.ReasonDisabled)

	// Somebody shut out is not named either.
	begun := h.beginAs(b, ceremony.Chosen{Username: "maia"})
	_, err = h.ceremony.FinishSignIn(t.Context(), b, begun.Sealed, jo.key.get(begun.Options))
	refusedFor(t, err, ceremony.ReasonDisabled)
}

func TestPasskeyDeletedMeanwhileDoesNotGoOn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	jo := h.secondPerson(maia, "jo")
	if _, err := h.register(browser("of jo"), jo, newSoft(t)); err != nil {
		t.Fatal(err)
	}
	b := browser("b")
	other := h.stopped(b, jo)
	keys, err := h.directory.Passkeys(t.Context(), jo.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if slices.Equal(k.CredentialID, jo.key.id) {
			if err := h.directory.DeletePasskey(t.Context(), jo.ID, k.ID, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err = h.ceremony.GoOn(t.Context(), b, other.GoOn.Sealed)
	refusedFor(t, err, ceremony.ReasonUnknownPasskey)
}

// WebAuthn §7.2 step 6: with a list, an authenticator may leave the handle out.
func TestHandleMayBeMissingOnlyWhenThePersonIsKnown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	jo := h.secondPerson(maia, "jo")
	b := browser("b")
	bare := edit{get: func(r *webauthn.AuthenticationResponse) { r.Response.UserHandle = nil }}
	finish := func(who ceremony.Chosen, key *soft) error {
		begun := h.beginAs(b, who)
		_, err := h.ceremony.FinishSignIn(t.Context(), b, begun.Sealed, key.get(begun.Options, bare))
		return err
	}
	if err := finish(ceremony.Chosen{User: maia.ID}, maia.key); err != nil {
		t.Errorf("the person whose list it was: %v", err)
	}
	refusedFor(t, finish(ceremony.Chosen{User: maia.ID}, jo.key), ceremony.ReasonNoUserHandle)
	refusedFor(t, finish(ceremony.Chosen{Username: "maia"}, maia.key), ceremony.ReasonNoUserHandle)
}

func TestWhoCannotSignInIsToldBeforeTheyAreAsked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	begin := func(id directory.UserID) error {
		_, err := h.ceremony.BeginSignInAs(t.Context(), browser("b"), ceremony.Chosen{User: id}, "")
		return err
	}
	if err := begin("gone"); !errors.Is(err, directory.ErrNoUser) {
		t.Errorf("somebody who is gone: %v", err)
	}
	jo, _ := h.newcomer(maia, "jo")
	if err := begin(jo.ID); !errors.Is(err, directory.ErrNoPasskey) {
		t.Errorf("somebody without a passkey: %v", err)
	}
	sam := h.secondPerson(maia, "sam")
	if err := h.directory.SetDisabled(t.Context(), maia.ID, sam.ID, true); err != nil {
		t.Fatal(err)
	}
	refusedFor(t, begin(sam.ID), ceremony.ReasonDisabled)
}

func TestWhoStaysSignedIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	jo := h.secondPerson(maia, "jo")
	signIn := func(b ceremony.Browser, who someone) ceremony.SignedIn {
		t.Helper()
		in, err := h.signIn(b, who.key)
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	b := browser("b")
	first := signIn(b, maia)
	if first.Session.Kept || first.Again {
		t.Errorf("a first sign-in: %+v", first)
	}
	if _, err := h.sessions.Keep(t.Context(), first.Session); err != nil {
		t.Fatal(err)
	}
	b.Token = first.Token
	again := signIn(b, maia)
	if !again.Session.Kept || !again.Again || !again.Session.Expires.Equal(h.clock().Add(session.KeptAbsolute)) {
		t.Errorf("once more, after yes: again %t, %+v", again.Again, again.Session)
	}
	b.Token = again.Token
	if in := signIn(b, jo); in.Session.Kept || in.Again {
		t.Errorf("somebody else in the same browser: again %t, kept %t", in.Again, in.Session.Kept)
	}
	c := browser("c")
	no := signIn(c, maia)
	c.Token, c.Keep = no.Token, []directory.UserID{maia.ID}
	if in := signIn(c, maia); in.Session.Kept || !in.Again {
		t.Errorf("once more, after no: again %t, kept %t", in.Again, in.Session.Kept)
	}
	c.Token = ""
	if in := signIn(c, maia); !in.Session.Kept || in.Again {
		t.Errorf("always yes: again %t, kept %t", in.Again, in.Session.Kept)
	}
	if in := signIn(c, jo); in.Session.Kept {
		t.Error("somebody stays signed in because somebody else wants to")
	}
}
