package app

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/vault"
)

var nearby = authenticator.Caller{Via: "hybrid"}

func useOf(keys ...authenticator.Passkey) authenticator.Prompt {
	return authenticator.Prompt{Kind: authenticator.UsePasskey, RPID: "login.example", Passkeys: keys, Caller: nearby, Verify: true}
}

func TestChosenPasskeyIsTheAnswer(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	id, answered := s.ask(t.Context(), useOf(passkey(1, "ana@example"), passkey(2, "desk@example")))
	says(t, s.page("/"), "Sign in to Example?", "ana@example", "desk@example", "A device next to this iPhone", "login.example", "inert")
	s.post("/prompt", "id", id, "do", "continue", "choice", "1")
	says(t, s.page("/prompt"), "Verify it&#39;s you", "Signing in as desk@example", "Use Face ID", "Use Touch ID", "Enter passcode", "Simulated sensor")
	s.post("/prompt", "id", id, "do", "sensor-face")
	if got := <-answered; got.err != nil || got.answer.Choice != 1 || !got.answer.Verified {
		t.Errorf("answer = %+v, want choice 1, verified", got)
	}
	says(t, s.page("/prompt"), `data-state="done"`, "Sent")
	says(t, s.page("/activity"), "Sign in to login.example", "You allowed it")
}

func TestChoiceOutOfRangeIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	id, answered := s.ask(ctx, useOf(passkey(1, "a"), passkey(2, "b")))
	for _, choice := range []string{"2", "-1", "x", ""} {
		if status, _, _ := s.post("/prompt", "id", id, "do", "continue", "choice", choice); status != http.StatusBadRequest {
			t.Errorf("choice %q = %d, want 400", choice, status)
		}
	}
	cancel()
	<-answered
}

// The steps are kept by the phone, not by the page: a page cannot leave out
// the one that verifies.
func TestStepsCannotBeSkipped(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *Config) { c.Sensor = false })
	ctx, cancel := context.WithCancel(t.Context())
	id, answered := s.ask(ctx, useOf(passkey(1, "a")))
	for _, do := range []string{"sensor-face", "secret", "other", "", "allow"} {
		s.post("/prompt", "id", id, "do", do, "secret", testPIN)
		if q, _ := s.desk.see(); q == nil || q.step != stepConfirm {
			t.Fatalf("%q before the first step moved the question to %+v", do, q)
		}
	}
	s.post("/prompt", "id", id, "do", "continue")
	for _, do := range []string{"continue", "sensor-face", "sensor-finger"} {
		s.post("/prompt", "id", id, "do", do)
		if q, _ := s.desk.see(); q == nil || q.step != stepSecret {
			t.Fatalf("%q on a phone without a sensor moved the question to %+v", do, q)
		}
	}
	cancel()
	<-answered
}

func TestWrongSecretTellsTheTriesLeft(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	id, answered := s.ask(t.Context(), useOf(passkey(1, "a")))
	s.post("/prompt", "id", id, "do", "continue")
	s.post("/prompt", "id", id, "do", "other")
	s.post("/prompt", "id", id, "do", "secret", "secret", "111111")
	says(t, s.page("/prompt"), "That&#39;s not the passcode. 7 tries are left.", "Enter your passcode")
	s.post("/prompt", "id", id, "do", "secret", "secret", testPIN)
	if got := <-answered; got.err != nil || !got.answer.Verified {
		t.Errorf("answer = %+v, want verified", got)
	}
	if strings.Contains(s.log.String(), testPIN) || strings.Contains(s.log.String(), "111111") {
		t.Error("the log has a passcode")
	}
}

func TestBlockedVaultSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.keeper.Lock()
	id, answered := s.ask(t.Context(), authenticator.Prompt{Kind: authenticator.Unlock, RPID: "login.example", Caller: nearby})
	if status, _, _ := s.post("/erase", "sure", "yes"); status != http.StatusConflict {
		t.Errorf("erasing a vault that can be opened = %d, want 409", status)
	}
	for range vault.MaxRetries {
		s.post("/prompt", "id", id, "do", "secret", "secret", "111111")
	}
	says(t, s.page("/prompt"), "This iPhone is blocked", "tried too often", "Close")
	s.post("/prompt", "id", id, "do", "cancel")
	if got := <-answered; !errors.Is(got.err, authenticator.ErrDeclined) {
		t.Errorf("answer = %+v, want declined", got)
	}
	says(t, s.page("/"), "This iPhone is blocked", "Sign in another way", "Erase")
	if status, _, _ := s.post("/erase"); status != http.StatusConflict {
		t.Errorf("erasing without a yes = %d, want 409", status)
	}
	if status, location, _ := s.post("/erase", "sure", "yes"); status != http.StatusSeeOther || location != "/setup" {
		t.Errorf("erasing = %d to %q, want 303 to /setup", status, location)
	}
	says(t, s.page("/setup"), "Set up this iPhone")
}

func TestUnlockingTheScreenAnswersWhatWaitedForIt(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.keeper.Lock()
	_, answered := s.ask(t.Context(), authenticator.Prompt{Kind: authenticator.Unlock, RPID: "login.example", Caller: nearby})
	says(t, s.page("/"), "Enter your passcode", "To open your passkeys for")
	if status, location, _ := s.post("/unlock", "secret", testPIN); status != http.StatusSeeOther || location != "/" {
		t.Errorf("unlocking = %d to %q, want 303 to /", status, location)
	}
	if got := <-answered; got.err != nil || !got.answer.Verified {
		t.Errorf("answer = %+v, want verified", got)
	}
}

func TestDeclinedIsToldApart(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	id, answered := s.ask(t.Context(), useOf(passkey(1, "a")))
	s.post("/prompt", "id", id, "do", "cancel")
	if got := <-answered; !errors.Is(got.err, authenticator.ErrDeclined) {
		t.Errorf("answer = %+v, want declined", got)
	}
	says(t, s.page("/prompt"), "You said no")
	says(t, s.page("/activity"), "You said no")
}

func TestWithdrawnQuestionLeavesTheScreen(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	id, answered := s.ask(ctx, useOf(passkey(1, "a")))
	cancel()
	if got := <-answered; !errors.Is(got.err, context.Canceled) {
		t.Errorf("answer = %+v, want canceled", got)
	}
	if body := s.page("/"); strings.Contains(body, "role=\"dialog\"") {
		t.Errorf("the question is still on the page:\n%s", body)
	}
	says(t, s.page("/prompt"), "The request is gone")
	// A tap that comes too late does nothing, and is no error.
	if status, _, _ := s.post("/prompt", "id", id, "do", "continue"); status != http.StatusSeeOther {
		t.Errorf("late tap = %d, want 303", status)
	}
}

func TestNobodyAnswersInTime(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	_, err := person{s.App}.Ask(ctx, useOf(passkey(1, "a")))
	if !errors.Is(err, authenticator.ErrNoAnswer) {
		t.Errorf("Ask = %v, want %v", err, authenticator.ErrNoAnswer)
	}
	says(t, s.page("/activity"), "Nobody answered in time")
}

// Two pages show the same step, and what one does the other sees.
func TestTwoTabsStayInStep(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	one, two := s.listen(t), s.listen(t)
	if c := one(); c.Sheet != "" {
		t.Fatalf("first change = %+v, want no sheet", c)
	}
	two()
	id, answered := s.ask(t.Context(), useOf(passkey(1, "a")))
	confirm := until(one, func(c change) bool { return c.Sheet != "" })
	if c := until(two, func(c change) bool { return c.Sheet != "" }); c.Sheet != confirm.Sheet {
		t.Errorf("tabs show %q and %q", confirm.Sheet, c.Sheet)
	}
	s.post("/prompt", "id", id, "do", "continue") // in the first
	verify := until(two, func(c change) bool { return c.Sheet != confirm.Sheet })
	if verify.Sheet == "" || !strings.Contains(verify.Sheet, string(stepVerify)) {
		t.Errorf("second tab shows %q, want the verify step", verify.Sheet)
	}
	s.post("/prompt", "id", id, "do", "sensor-finger") // in the second
	if c := until(one, func(c change) bool { return c.Sheet != confirm.Sheet && c.Sheet != verify.Sheet }); c.Sheet != "" {
		t.Errorf("first tab shows %q, want nothing", c.Sheet)
	}
	<-answered
}

func TestSheetIsGivenAloneToAScript(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	id, answered := s.ask(t.Context(), useOf(passkey(1, "a")))
	resp, body := s.do(http.MethodPost, "/prompt", map[string][]string{"id": {id}, "do": {"continue"}},
		func(r *http.Request) { r.Header.Set("Accept", sheetOnly) })
	if resp.Header.Get("X-Sheet-Key") != id+"-verify-0" || strings.Contains(body, "<html") {
		t.Errorf("sheet %q:\n%s", resp.Header.Get("X-Sheet-Key"), body)
	}
	says(t, body, "Use Face ID")
	s.post("/prompt", "id", id, "do", "cancel")
	<-answered
}

func TestAcknowledgementIsNoPermission(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for kind, text := range map[authenticator.Kind]string{
		authenticator.NoPasskey: "No passkey here", authenticator.AlreadyHere: "You have a passkey here already",
	} {
		id, answered := s.ask(t.Context(), authenticator.Prompt{Kind: kind, RPID: "login.example", Caller: nearby})
		says(t, s.page("/"), text, "OK")
		s.post("/prompt", "id", id, "do", "continue")
		if got := <-answered; got.err != nil || got.answer.Verified {
			t.Errorf("%s: answer = %+v, want one that verifies nobody", kind, got)
		}
	}
}

// What a site or a person calls things must stay text.
func TestNamesAreEscaped(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	evil := `<img src=x onerror=alert(1)>"'`
	k := passkey(1, evil)
	k.RPName, k.Nickname, k.Account.DisplayName = evil, evil, evil
	s.save(k)
	p := useOf(k)
	p.RPID, p.Caller.Via, p.Caller.Name = "login.example", "local", evil
	id, answered := s.ask(t.Context(), p)
	for _, path := range []string{"/", hrefOf(k), hrefOf(k) + "/delete", "/prompt", "/prompt/sheet"} {
		if body := s.page(path); strings.Contains(body, "<img") {
			t.Errorf("%s lets a name be markup", path)
		}
	}
	s.post("/prompt", "id", id, "do", "cancel")
	<-answered
	if body := s.page("/activity"); strings.Contains(body, "<img") {
		t.Error("/activity lets a name be markup")
	}
}

func TestClosingWithdrawsTheQuestion(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	_, answered := s.ask(t.Context(), useOf(passkey(1, "a")))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-answered; !errors.Is(got.err, context.Canceled) {
		t.Errorf("answer = %+v, want canceled", got)
	}
}
