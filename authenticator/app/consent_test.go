package app

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/desktop"
	"cardea/authenticator/vault"
	"cardea/authenticator/vault/vaulttest"
	"cardea/ctap"
	"cardea/ctap/pinuv"
)

// trusted is a computer with a reader whose security chip may open the vault,
// which is locked.
func trusted(t *testing.T) (*site, fakeFinger) {
	t.Helper()
	holder := &vaulttest.Holder{Called: "tpm"}
	var f fakeFinger
	s := start(t, func(c *Config) { f = withFinger(c); c.Holders = []vault.KeyHolder{holder} })
	if err := s.keeper.Enroll(t.Context(), testPIN, holder); err != nil {
		t.Fatal(err)
	}
	s.keeper.Lock()
	return s, f
}

// token asks for a token by user verification, as a program does that speaks to
// security keys, and returns the question that comes of it.
func (s *site) token(ctx context.Context, permissions ctap.Permission) (*question, <-chan error) {
	done := make(chan error, 1)
	_, changed := s.news.latest()
	go func() {
		_, err := pinuv.GetTokenUsingUV(ctx, s.Key().Device(wire), pinuv.Two, permissions, "")
		done <- err
	}()
	return waitFor(s, changed), done
}

// waitForKind waits until a question of a kind is on the screen.
func (s *site) waitForKind(k authenticator.Kind) *question {
	for {
		_, changed := s.news.latest()
		if q, _ := s.desk.see(); q != nil && q.prompt.Kind == k {
			return q
		}
		<-changed
	}
}

// A finger that is meant for another program, or for the lock of the screen, is
// no answer: the reader waits for a press. And what opens the vault has agreed to
// nothing.
func TestAFingerAtALockedVaultAgreesToNothing(t *testing.T) {
	t.Parallel()
	s, f := trusted(t)
	q, done := s.token(t.Context(), ctap.PermitManagement|ctap.PermitConfig)
	if q.step != stepConfirm || q.prompt.Kind != authenticator.Unlock {
		t.Fatalf("%s at step %s, want a press before the finger", q.prompt.Kind, q.step)
	}
	says(t, s.page("/prompt"), "Open your passkeys?")
	s.post("/prompt", "id", q.id, "do", "continue")
	f.touches <- ""
	q = s.waitForKind(authenticator.Verify)
	says(t, s.page("/prompt"), "Let a program in?", "See, rename and delete your passkeys", "Change the rules of this security key")
	s.post("/prompt", "id", q.id, "do", "cancel")
	if err := <-done; !errors.Is(err, ctap.OperationDenied) {
		t.Errorf("token = %v, want none", err)
	}
}

func TestTheLockScreenAgreesToNothing(t *testing.T) {
	t.Parallel()
	s := start(t, onComputer)
	s.keeper.Lock()
	_, done := s.token(t.Context(), ctap.PermitManagement|ctap.PermitConfig)
	s.post("/unlock", "secret", testPIN) // for reasons of their own
	q := s.waitForKind(authenticator.Verify)
	if q.step != stepConfirm || q.prompt.Verify {
		t.Errorf("step %s, verify %v: want no second PIN", q.step, q.prompt.Verify)
	}
	s.post("/prompt", "id", q.id, "do", "continue")
	if err := <-done; err != nil {
		t.Errorf("token = %v", err)
	}
	if e := s.activity.list(); len(e) != 1 || e[0].Kind != authenticator.Verify || e[0].Outcome != outcomeAllowed {
		t.Errorf("activity = %+v, want what was agreed to", e)
	}
}

// A press is no proof where none was asked for: a vault opens by its secret.
func TestAPressAloneOpensNothing(t *testing.T) {
	t.Parallel()
	s, f := trusted(t)
	id, answered := s.ask(t.Context(), authenticator.Prompt{Kind: authenticator.Unlock})
	s.post("/prompt", "id", id, "do", "continue")
	if !s.desk.at(id, stepVerify) || !s.keeper.Locked() {
		t.Fatal("a press opened the vault")
	}
	f.touches <- ""
	if got := <-answered; got.err != nil || !got.answer.Verified {
		t.Errorf("answer = %+v", got)
	}
}

// The finger that opens the lock of the screen must not answer what nobody sees.
func TestWhoGoesAnswersNothing(t *testing.T) {
	t.Parallel()
	s, _ := trusted(t)
	if err := s.keeper.Prove(t.Context(), testPIN); err != nil {
		t.Fatal(err)
	}
	p := tap(authenticator.UsePasskey)
	p.Verify = true
	id, answered := s.ask(t.Context(), p)
	s.post("/prompt", "id", id, "do", "continue")
	s.personGone()
	if got := <-answered; !errors.Is(got.err, authenticator.ErrNoAnswer) {
		t.Errorf("answer = %+v, want none", got)
	}
	if err := s.felt(t.Context(), id); err != nil || !s.keeper.Locked() { // a finger that comes late
		t.Errorf("felt = %v, locked %v", err, s.keeper.Locked())
	}
	// What comes meanwhile waits for a press, which the locked screen prevents.
	ctx, cancel := context.WithCancel(t.Context())
	id, answered = s.ask(ctx, authenticator.Prompt{Kind: authenticator.Unlock, Verify: true})
	if !s.desk.at(id, stepConfirm) {
		t.Error("the reader is live though nobody is there")
	}
	cancel()
	<-answered
}

func TestWrongFingersEndAcrossQuestions(t *testing.T) {
	t.Parallel()
	var f fakeFinger
	s := start(t, func(c *Config) { f = withFinger(c) })
	p := tap(authenticator.UsePasskey)
	p.Verify = true
	offered := func(touches int) bool {
		ctx, cancel := context.WithCancel(t.Context())
		id, answered := s.ask(ctx, p)
		q, _ := s.desk.see()
		if q.finger {
			s.post("/prompt", "id", id, "do", "continue")
			for range touches {
				_, changed := s.news.latest()
				f.touches <- desktop.NotRecognized
				<-changed
			}
		}
		cancel()
		<-answered
		return q.finger
	}
	for _, touches := range []int{2, 2, 1} {
		if !offered(touches) {
			t.Fatal("the finger is refused too soon")
		}
	}
	if offered(0) {
		t.Errorf("the finger is still offered after %d wrong ones", maxFingerMisses)
	}
	if err := s.keeper.Prove(t.Context(), testPIN); err != nil {
		t.Fatal(err)
	}
	if !offered(0) {
		t.Error("the PIN did not bring the finger back")
	}
}

// Nobody can take this key out and put it in again.
func TestThePINOnAPageForgivesWrongOnesOfClients(t *testing.T) {
	t.Parallel()
	s := start(t, onComputer)
	d := s.Key().Device(wire)
	for range 3 {
		if _, err := pinuv.GetToken(t.Context(), d, pinuv.Two, "000000", ctap.PermitManagement, ""); err == nil {
			t.Fatal("a wrong PIN is right")
		}
	}
	if _, err := pinuv.GetToken(t.Context(), d, pinuv.Two, testPIN, ctap.PermitManagement, ""); !errors.Is(err, ctap.PINAuthBlocked) {
		t.Fatalf("fourth try = %v, want %v", err, ctap.PINAuthBlocked)
	}
	if status, _, _ := s.post("/unlock", "secret", testPIN); status != 303 {
		t.Fatalf("unlocking = %d", status)
	}
	if _, err := pinuv.GetToken(t.Context(), d, pinuv.Two, testPIN, ctap.PermitManagement, ""); err != nil {
		t.Errorf("after the PIN on a page: %v", err)
	}
}

// However a vault comes to be, it locks itself as the preferences say.
func TestEveryVaultLocksItself(t *testing.T) {
	t.Parallel()
	for name, create := range map[string]func(context.Context, *App) error{
		"a client's PIN": func(ctx context.Context, a *App) error {
			return pinuv.SetPIN(ctx, a.Key().Device(wire), pinuv.Two, testPIN)
		},
		"a command": func(ctx context.Context, a *App) error { return a.manager().SetSecret(ctx, "", testPIN) },
		"a command, after the first was erased": func(ctx context.Context, a *App) error {
			if err := a.manager().SetSecret(ctx, "", testPIN); err != nil {
				return err
			}
			if err := a.keeper.Erase(); err != nil {
				return err
			}
			return a.manager().SetSecret(ctx, "", testPIN)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, err := New(Config{Style: Computer, VaultPath: filepath.Join(t.TempDir(), "vault"), URL: "http://127.0.0.1:1"})
			if err != nil {
				t.Fatal(err)
			}
			if err := create(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			if a.keeper.Locked() {
				t.Errorf("%s: locked at once", name)
			}
			time.Sleep(16 * time.Minute)
			synctest.Wait()
			if !a.keeper.Locked() {
				t.Errorf("%s: open for ever", name)
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A program that looks at the key now and then must not keep the vault open.
func TestGetInfoDoesNotKeepTheVaultOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, err := New(Config{Style: Computer, VaultPath: filepath.Join(t.TempDir(), "vault"), URL: "http://127.0.0.1:1"})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.manager().SetSecret(t.Context(), "", testPIN); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			time.Sleep(time.Minute)
			a.Key().Handle(t.Context(), wire, []byte{byte(ctap.CmdGetInfo)})
			a.Authenticator().HasPasskey(t.Context(), "login.example")
		}
		if !a.keeper.Locked() {
			t.Error("getInfo keeps the vault open")
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
}
