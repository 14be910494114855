package ceremony_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/session"
	"cardea/webauthn"
)

// cli is a program of ours, and cliOrigin what it has to state.
const cliOrigin webauthn.Origin = "cardea-native://login.cardea.localhost/cardea-cli"

func program(id directory.ClientID) ceremony.Program {
	return ceremony.Program{
		Client:    directory.Client{ID: id, Name: "Cardea in a terminal", Public: true, FirstParty: true, Native: true},
		UserAgent: "cardea (linux)", Address: "192.0.2.7", Reference: "7F3C-91DA-20B8",
	}
}

// at returns the person's key as a program holds it that states origin.
func (s *soft) at(origin webauthn.Origin) *soft {
	other := *s
	other.origin = origin
	return &other
}

func (h *house) beginNative(p ceremony.Program, keep string) ceremony.Begun {
	h.t.Helper()
	begun, err := h.ceremony.BeginNative(h.t.Context(), p, json.RawMessage(keep))
	if err != nil {
		h.t.Fatal(err)
	}
	return begun
}

func TestProgramSignsIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	p := program("cardea-cli")
	begun := h.beginNative(p, `{"scope":"openid"}`)
	in, keep, err := h.ceremony.FinishNative(t.Context(), p, begun.Sealed, maia.key.at(cliOrigin).get(begun.Options))
	if err != nil {
		t.Fatal(err)
	}
	if string(keep) != `{"scope":"openid"}` || in.User.ID != maia.ID || in.Token != "" {
		t.Errorf("signed in %+v, keeping %s; want maia, no token", in, keep)
	}
	s, err := h.sessions.ByID(t.Context(), in.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	if s.ACR != session.ACRNative || s.ACR == session.ACRPasskey || cmp.Diff(session.AMRPasskey(), s.AMR) != "" || s.PasskeyID == "" {
		t.Errorf("session = %+v, want an acr of its own and the methods of a passkey", s)
	}
	e := h.lastEvent()
	want := audit.Event{ID: e.ID, Time: h.clock(), Kind: audit.NativeSignIn, UserID: maia.ID, Username: maia.Username, Client: "cardea-cli", Outcome: audit.Done,
		Reference: p.Reference, Address: p.Address, UserAgent: p.UserAgent, PasskeyID: s.PasskeyID}
	if d := cmp.Diff(want, e); d != "" {
		t.Errorf("event (-want +got):\n%s", d)
	}
	// It is no idle browser: it lives for a week whether it is seen or not.
	h.wait(session.Absolute - 1)
	if _, err := h.sessions.ByID(t.Context(), in.Session.ID); err != nil {
		t.Errorf("session at the end of its week: %v", err)
	}
	h.wait(1)
	if _, err := h.sessions.ByID(t.Context(), in.Session.ID); !errors.Is(err, session.ErrNone) {
		t.Errorf("session after its week: %v, want ErrNone", err)
	}
}

func TestEachCheckOfAProgramRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	rows := append(signInRefusals[:len(signInRefusals):len(signInRefusals)], []struct {
		name  string
		steps string
		edit  edit
		want  ceremony.Reason
	}{
		{"a page of ours", "12", edit{client: func(c *webauthn.ClientData) { c.Origin = testOrigin }}, ceremony.ReasonWrongOrigin},
		{"another program", "12", edit{client: func(c *webauthn.ClientData) {
			c.Origin = "cardea-native://login.cardea.localhost/other"
		}}, ceremony.ReasonWrongOrigin},
		{"no program", "12", edit{client: func(c *webauthn.ClientData) { c.Origin = "cardea-native://login.cardea.localhost" }}, ceremony.ReasonWrongOrigin},
		{"another site's program", "12", edit{client: func(c *webauthn.ClientData) { c.Origin = "cardea-native://evil.example/cardea-cli" }}, ceremony.ReasonWrongOrigin},
		{"no origin", "12", edit{client: func(c *webauthn.ClientData) { c.Origin = "" }}, ceremony.ReasonWrongOrigin},
	}...)
	p := program("cardea-cli")
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			begun := h.beginNative(p, `{}`)
			_, _, err := h.ceremony.FinishNative(t.Context(), p, begun.Sealed, maia.key.at(cliOrigin).get(begun.Options, tt.edit))
			refusedFor(t, err, tt.want)
			if e := h.lastEvent(); e.Outcome != audit.Refused || e.Reason != string(tt.want) || e.Kind != audit.NativeSignIn || e.Client != "cardea-cli" {
				t.Errorf("event = %+v, want the refusal", e)
			}
			_, _, err = h.ceremony.FinishNative(t.Context(), p, begun.Sealed, maia.key.at(cliOrigin).get(begun.Options))
			refusedFor(t, err, ceremony.ReasonChallengeSpent)
		})
	}
}

// What a page was given cannot be brought by a program, and the other way
// round, not even when everything else was made to fit.
func TestPagesAndProgramsDoNotMeet(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	p, b := program("cardea-cli"), browser("b")

	page := h.begin(b)
	_, _, err := h.ceremony.FinishNative(t.Context(), p, page.Sealed, maia.key.get(page.Options))
	refusedFor(t, err, ceremony.ReasonNoCeremony)
	native := h.beginNative(p, `{}`)
	_, err = h.ceremony.FinishSignIn(t.Context(), b, native.Sealed, maia.key.at(cliOrigin).get(native.Options))
	refusedFor(t, err, ceremony.ReasonNoCeremony)

	// A site that got hold of a program's challenge has its visitor's browser
	// sign it: the browser says which page it was.
	_, _, err = h.ceremony.FinishNative(t.Context(), p, native.Sealed, maia.key.get(native.Options))
	refusedFor(t, err, ceremony.ReasonWrongOrigin)
	// A program that was given a page's challenge to sign says what it is.
	page = h.begin(b)
	_, err = h.ceremony.FinishSignIn(t.Context(), b, page.Sealed, maia.key.at(cliOrigin).get(page.Options))
	refusedFor(t, err, ceremony.ReasonWrongOrigin)
}

func TestProgramsCeremonyIsItsOwnAndOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	p, other := program("cardea-cli"), program("other")
	begun := h.beginNative(p, `{}`)
	good := maia.key.at(cliOrigin).get(begun.Options)
	_, _, err := h.ceremony.FinishNative(t.Context(), other, begun.Sealed, good)
	refusedFor(t, err, ceremony.ReasonOtherClient)
	_, _, err = h.ceremony.FinishNative(t.Context(), p, begun.Sealed, good)
	refusedFor(t, err, ceremony.ReasonChallengeSpent)

	begun = h.beginNative(p, `{}`)
	good = maia.key.at(cliOrigin).get(begun.Options)
	if _, _, err := h.ceremony.FinishNative(t.Context(), p, begun.Sealed, good); err != nil {
		t.Fatal(err)
	}
	_, _, err = h.ceremony.FinishNative(t.Context(), p, begun.Sealed, good)
	refusedFor(t, err, ceremony.ReasonChallengeSpent)

	begun = h.beginNative(p, `{}`)
	h.wait(begun.Expires.Sub(h.clock()))
	_, _, err = h.ceremony.FinishNative(t.Context(), p, begun.Sealed, maia.key.at(cliOrigin).get(begun.Options))
	refusedFor(t, err, ceremony.ReasonChallengeExpired)
}

func TestProgramCannotSignInWhomAPageCannot(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	p := program("cardea-cli")
	ben, code := h.newcomer(maia, "ben")
	in, err := h.ceremony.RedeemAccessPass(t.Context(), browser("ben"), "ben", code)
	if err != nil {
		t.Fatal(err)
	}
	key := newSoft(t)
	if _, err := h.register(browser("ben"), someone{User: ben, in: in}, key); err != nil {
		t.Fatal(err)
	}
	try := func() error {
		begun := h.beginNative(p, `{}`)
		_, _, err := h.ceremony.FinishNative(t.Context(), p, begun.Sealed, key.at(cliOrigin).get(begun.Options))
		return err
	}
	if err := try(); err != nil {
		t.Fatal(err)
	}
	if err := h.directory.SetDisabled(t.Context(), maia.ID, ben.ID, true); err != nil {
		t.Fatal(err)
	}
	refusedFor(t, try(), ceremony.ReasonDisabled)
	stranger := newSoft(t)
	stranger.handle = ben.Handle
	key = stranger
	refusedFor(t, try(), ceremony.ReasonUnknownPasskey)
}

func TestOnlyOurProgramsSignInWithoutAPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	good := program("cardea-cli")
	begun := h.beginNative(good, `{}`)
	for name, edit := range map[string]func(*directory.Client){
		"not ours":             func(c *directory.Client) { c.FirstParty = false },
		"a web application":    func(c *directory.Client) { c.Native = false },
		"one with a secret":    func(c *directory.Client) { c.Public = false },
		"a name with a slash":  func(c *directory.Client) { c.ID = "a/b" },
		"one without any name": func(c *directory.Client) { c.ID = "" },
	} {
		p := good
		edit(&p.Client)
		if _, err := h.ceremony.BeginNative(t.Context(), p, nil); !errors.Is(err, policy.ErrNotNative) {
			t.Errorf("%s: BeginNative() = %v, want ErrNotNative", name, err)
		}
		if _, _, err := h.ceremony.FinishNative(t.Context(), p, begun.Sealed, maia.key.at(cliOrigin).get(begun.Options)); !errors.Is(err, policy.ErrNotNative) {
			t.Errorf("%s: FinishNative() = %v, want ErrNotNative", name, err)
		}
	}
}
