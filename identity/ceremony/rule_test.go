package ceremony_test

import (
	"slices"
	"testing"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/webauthn"
)

var (
	goodKind = webauthn.MustParseAAGUID("cb69481e-8ff7-4039-93ec-0a2729a154a8")
	badKind  = webauthn.MustParseAAGUID("53414d53-554e-4700-0000-000000000000")
)

// of is newSoft of a kind.
func of(t testing.TB, kind webauthn.AAGUID, flags webauthn.Flags) *soft {
	s := newSoft(t)
	s.aaguid, s.flags = kind, flags
	return s
}

// A new passkey of the wrong kind is refused with a reason that the page may
// know, is recorded, and leaves nothing.
func TestPasskeyOfAKindThatIsNotTakenIsNotAdded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		rule policy.Passkeys
		key  *soft
		want ceremony.Reason
	}{
		{"not accepted", policy.Passkeys{Accept: []webauthn.AAGUID{goodKind}}, of(t, badKind, deviceBound), ceremony.ReasonPasskeyKind},
		{"of no kind", policy.Passkeys{Accept: []webauthn.AAGUID{goodKind}}, of(t, webauthn.AAGUID{}, deviceBound), ceremony.ReasonPasskeyKind},
		{"refused", policy.Passkeys{Refuse: []webauthn.AAGUID{badKind}}, of(t, badKind, deviceBound), ceremony.ReasonPasskeyKind},
		{"may leave", policy.Passkeys{DeviceBoundOnly: true}, of(t, goodKind, synced), ceremony.ReasonPasskeyLeaves},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouseWith(t, tt.rule)
			maia := h.setUp(of(t, goodKind, deviceBound))
			tt.key.t = t
			_, err := h.register(browser("b"), maia, tt.key)
			refusedFor(t, err, tt.want)
			if r := err.(*ceremony.Refusal); r.Outward != tt.want {
				t.Errorf("told the page %q, want %q", r.Outward, tt.want)
			}
			if e := h.lastEvent(); e.Kind != audit.PasskeyAdded || e.Outcome != audit.Refused || e.Reason != string(tt.want) || e.UserID != maia.ID {
				t.Errorf("event = %+v", e)
			}
			_, err = h.signIn(browser("b"), tt.key)
			refusedFor(t, err, ceremony.ReasonUnknownPasskey)
			if _, err := h.register(browser("b"), maia, of(t, goodKind, deviceBound)); err != nil {
				t.Errorf("a kind that is taken: %v", err)
			}
		})
	}
}

// Who is known is led to a passkey that is taken. If there is none, any may be
// tried, and its person is told.
func TestListHasOnlyPasskeysThatAreTaken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rule policy.Passkeys
		want int
	}{
		"one is taken": {policy.Passkeys{Refuse: []webauthn.AAGUID{badKind}}, 1}, "none is": {policy.Passkeys{Accept: []webauthn.AAGUID{{9}}}, 2},
	} {
		h := newHouse(t)
		good := of(t, goodKind, deviceBound)
		maia := h.setUp(good)
		if _, err := h.register(browser("b"), maia, of(t, badKind, deviceBound)); err != nil {
			t.Fatal(err)
		}
		h.rule(tt.rule)
		o := parse[webauthn.RequestOptions](t, h.beginAs(browser("b"), ceremony.Chosen{User: maia.ID}).Options)
		listed := slices.ContainsFunc(o.AllowCredentials, func(d webauthn.CredentialDescriptor) bool { return slices.Equal(d.ID, good.id) })
		if len(o.AllowCredentials) != tt.want || !listed {
			t.Errorf("%s: the list is %+v, want %d", name, o.AllowCredentials, tt.want)
		}
	}
}

// The first administrator must be able to come back: their passkey obeys the
// rule, and one that does not costs them nothing.
func TestFirstPasskeyObeysTheRuleAndTheLinkLives(t *testing.T) {
	t.Parallel()
	h := newHouseWith(t, policy.Passkeys{Accept: []webauthn.AAGUID{goodKind}})
	code, _, err := h.directory.FirstAdministratorCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	finish := func(key *soft) error {
		begun, err := h.ceremony.BeginSetup(t.Context(), browser("b"), code, directory.NewUser{Username: "maia", DisplayName: "Maia"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.ceremony.FinishSetup(t.Context(), browser("b"), begun.Sealed, key.create(begun.Options), "")
		return err
	}
	refusedFor(t, finish(of(t, badKind, deviceBound)), ceremony.ReasonPasskeyKind)
	if err := finish(of(t, goodKind, synced)); err != nil {
		t.Errorf("with a kind that is taken, by the same link: %v", err)
	}
}

// A passkey whose kind is taken off the list signs nobody in any more, in a page
// or a program; its holder is told why, and who only claims to hold it is not.
func TestKindTakenOffTheListSignsNobodyIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(of(t, badKind, synced))
	for name, rule := range map[string]policy.Passkeys{
		"off the list": {Accept: []webauthn.AAGUID{goodKind}}, "refused": {Refuse: []webauthn.AAGUID{badKind}}, "may leave": {DeviceBoundOnly: true},
	} {
		h.rule(rule)
		_, err := h.signIn(browser("b"), maia.key)
		refusedFor(t, err, ceremony.ReasonKindRefused)
		if r := err.(*ceremony.Refusal); r.Outward != ceremony.ReasonKindRefused {
			t.Errorf("%s: the page is told %q", name, r.Outward)
		}
		if e := h.lastEvent(); e.Kind != audit.SignIn || e.Outcome != audit.Refused || e.Reason != string(ceremony.ReasonKindRefused) || e.UserID != maia.ID {
			t.Errorf("%s: event = %+v", name, e)
		}
		_, err = h.signIn(browser("b"), maia.key, edit{get: func(r *webauthn.AuthenticationResponse) { r.Response.Signature[8] ^= 1 }})
		if r, ok := err.(*ceremony.Refusal); !ok || r.Outward != ceremony.ReasonRefused {
			t.Errorf("%s, with a wrong signature: %v tells more than it may", name, err)
		}
		p := program("cardea-cli")
		begun := h.beginNative(p, `{}`)
		_, _, err = h.ceremony.FinishNative(t.Context(), p, begun.Sealed, maia.key.at(cliOrigin).get(begun.Options))
		maia.key.at(testOrigin)
		refusedFor(t, err, ceremony.ReasonKindRefused)
	}
	h.rule(policy.Passkeys{})
	if _, err := h.signIn(browser("b"), maia.key); err != nil {
		t.Errorf("back on the list: %v", err)
	}
}

func TestWhoMayAddAPasskeyUnderTheRule(t *testing.T) {
	t.Parallel()
	h := newHouseWith(t, policy.Passkeys{NoSelfService: true, Max: 1})
	maia := h.setUp(newSoft(t))
	_, err := h.register(browser("b"), maia, newSoft(t))
	refusedFor(t, err, ceremony.ReasonNoSelfService)
	h.rule(policy.Passkeys{Max: 2})
	b := browser("b")
	early, err := h.ceremony.BeginRegistration(t.Context(), b, maia.ID, maia.in.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.register(b, maia, newSoft(t)); err != nil {
		t.Errorf("the second of two: %v", err)
	}
	_, err = h.register(b, maia, newSoft(t))
	refusedFor(t, err, ceremony.ReasonTooManyPasskeys)
	_, err = h.ceremony.FinishRegistration(t.Context(), b, early.Sealed, newSoft(t).create(early.Options), "")
	refusedFor(t, err, ceremony.ReasonTooManyPasskeys) // begun while there was room
}
