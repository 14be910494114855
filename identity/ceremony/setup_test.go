package ceremony_test

import (
	"testing"
	"time"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/session"
	"cardea/webauthn"
)

var firstPerson = directory.NewUser{Username: "maia", DisplayName: "Maia Dell"}

func TestSetupMakesTheFirstAdministratorAndSignsThemIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	if !maia.Admin || maia.Username != "maia" {
		t.Errorf("first person = %+v, want an administrator", maia.User)
	}
	s, err := h.sessions.ByToken(t.Context(), maia.in.Token)
	if err != nil || s.UserID != maia.ID || s.ACR != session.ACRPasskey {
		t.Errorf("session = %+v, %v", s, err)
	}
	if e := h.lastEvent(); e.Kind != audit.SetUp || e.Outcome != audit.Done || e.UserID != maia.ID {
		t.Errorf("event = %+v, want the setup", e)
	}
	if _, err := h.signIn(browser("b"), maia.key); err != nil {
		t.Errorf("signing in afterwards: %v", err)
	}
	if _, ok, err := h.directory.FirstAdministratorCode(t.Context()); ok || err != nil {
		t.Errorf("FirstAdministratorCode() afterwards = %v, %v, want none", ok, err)
	}
}

func TestSetupCodes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, b := t.Context(), browser("b")
	old, _, err := h.directory.FirstAdministratorCode(ctx)
	if err != nil {
		t.Fatal(err)
	}
	code, _, err := h.directory.FirstAdministratorCode(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.ceremony.BeginSetup(ctx, b, old, firstPerson)
	refusedFor(t, err, ceremony.ReasonSetupCode)
	_, err = h.ceremony.BeginSetup(ctx, b, "", firstPerson)
	refusedFor(t, err, ceremony.ReasonSetupCode)
	if _, err := h.ceremony.BeginSetup(ctx, b, code, firstPerson); err != nil {
		t.Errorf("the newest code: %v", err)
	}
	h.wait(24 * time.Hour)
	_, err = h.ceremony.BeginSetup(ctx, b, code, firstPerson)
	refusedFor(t, err, ceremony.ReasonSetupCode)
}

func TestSetupWantsNamesThatCanBeShown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, _, err := h.directory.FirstAdministratorCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.ceremony.BeginSetup(t.Context(), browser("b"), code, directory.NewUser{Username: "no spaces", DisplayName: "x"})
	refusedFor(t, err, ceremony.ReasonUsername)
	_, err = h.ceremony.BeginSetup(t.Context(), browser("b"), code, directory.NewUser{Username: "maia"})
	refusedFor(t, err, ceremony.ReasonDisplayName)
}

func TestFailedSetupLeavesNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, b := t.Context(), browser("b")
	code, _, err := h.directory.FirstAdministratorCode(ctx)
	if err != nil {
		t.Fatal(err)
	}
	begun, err := h.ceremony.BeginSetup(ctx, b, code, firstPerson)
	if err != nil {
		t.Fatal(err)
	}
	key := newSoft(t)
	_, err = h.ceremony.FinishSetup(ctx, b, begun.Sealed, key.create(begun.Options, edit{
		data: func(d *webauthn.AuthenticatorData) { d.Flags &^= webauthn.FlagUserVerified },
	}), "")
	refusedFor(t, err, ceremony.ReasonNotVerified)
	if users, err := h.directory.Users(ctx); err != nil || len(users) != 0 {
		t.Errorf("Users() = %v, %v, want nobody", users, err)
	}
	// The code is good still.
	if begun, err = h.ceremony.BeginSetup(ctx, b, code, firstPerson); err != nil {
		t.Fatal(err)
	}
	if _, err := h.ceremony.FinishSetup(ctx, b, begun.Sealed, key.create(begun.Options), ""); err != nil {
		t.Error(err)
	}
}

func TestSetupCodeIsSpentByTheSetup(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, b := t.Context(), browser("b")
	code, _, err := h.directory.FirstAdministratorCode(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var begun [2]ceremony.Begun
	for i := range begun {
		if begun[i], err = h.ceremony.BeginSetup(ctx, b, code, firstPerson); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.ceremony.FinishSetup(ctx, b, begun[0].Sealed, newSoft(t).create(begun[0].Options), ""); err != nil {
		t.Fatal(err)
	}
	_, err = h.ceremony.FinishSetup(ctx, b, begun[1].Sealed, newSoft(t).create(begun[1].Options), "")
	refusedFor(t, err, ceremony.ReasonSetUp)
	_, err = h.ceremony.BeginSetup(ctx, b, code, firstPerson)
	refusedFor(t, err, ceremony.ReasonSetUp)
}

func TestSetupWithAReplacedCodeFailsAtTheEndToo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, b := t.Context(), browser("b")
	code, _, err := h.directory.FirstAdministratorCode(ctx)
	if err != nil {
		t.Fatal(err)
	}
	begun, err := h.ceremony.BeginSetup(ctx, b, code, firstPerson)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.directory.FirstAdministratorCode(ctx); err != nil {
		t.Fatal(err)
	}
	_, err = h.ceremony.FinishSetup(ctx, b, begun.Sealed, newSoft(t).create(begun.Options), "")
	refusedFor(t, err, ceremony.ReasonSetupCode)
}
