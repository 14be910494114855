package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/desktop"
	"cardea/authenticator/vault"
	"cardea/authenticator/vault/vaulttest"
)

// A fakeDesk shows notices to the test, which chooses.
type fakeDesk struct {
	shown  chan desktop.Notice
	choose chan string
	gone   chan struct{} // gets a value when a notice was withdrawn
	err    error
}

func newFakeDesk() *fakeDesk {
	return &fakeDesk{shown: make(chan desktop.Notice, 8), choose: make(chan string), gone: make(chan struct{}, 8)}
}

func (f *fakeDesk) Notify(ctx context.Context, n desktop.Notice) (string, error) {
	f.shown <- n
	if f.err != nil {
		return "", f.err
	}
	select {
	case <-ctx.Done():
		f.gone <- struct{}{}
		return "", ctx.Err()
	case action := <-f.choose:
		return action, nil
	}
}

func labels(n desktop.Notice) string {
	var l []string
	for _, a := range n.Actions {
		if a.Key != desktop.DefaultAction {
			l = append(l, a.Label)
		}
	}
	return strings.Join(l, " ")
}

func tap(kind authenticator.Kind) authenticator.Prompt {
	return authenticator.Prompt{Kind: kind, RPID: "login.example", Passkeys: []authenticator.Passkey{passkey(1, "ana@example")},
		Caller: authenticator.Caller{Via: authenticator.ViaLocal, Name: "A Browser", Program: "chromium"}}
}

func TestNotificationAnswers(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]error{actionAllow: nil, actionDecline: authenticator.ErrDeclined} {
		f := newFakeDesk()
		s := start(t, func(c *Config) { onComputer(c); c.Notifier = f })
		_, answered := s.ask(t.Context(), tap(authenticator.UsePasskey))
		n := <-f.shown
		if labels(n) != "Allow Decline" || !strings.Contains(n.Body, "login.example") || !strings.Contains(n.Body, "The program chromium") ||
			!strings.Contains(n.Body, "calls itself A Browser") {
			t.Errorf("notice = %+v", n)
		}
		f.choose <- action
		if got := <-answered; !errors.Is(got.err, want) || got.answer.Verified {
			t.Errorf("%s = %+v, want %v", action, got, want)
		}
	}
}

// What a press cannot answer leads to the page.
func TestNotificationOpensThePage(t *testing.T) {
	t.Parallel()
	verify := tap(authenticator.UsePasskey)
	verify.Verify = true
	several := tap(authenticator.UsePasskey)
	several.Passkeys = append(several.Passkeys, passkey(2, "desk@example"))
	for name, p := range map[string]authenticator.Prompt{"a PIN": verify, "a choice": several, "a reset": tap(authenticator.Reset)} {
		opened := make(chan string, 1)
		f := newFakeDesk()
		s := start(t, func(c *Config) {
			onComputer(c)
			c.Notifier, c.OpenPage = f, func(url string) error { opened <- url; return nil }
		})
		ctx, cancel := context.WithCancel(t.Context())
		_, answered := s.ask(ctx, p)
		if n := <-f.shown; labels(n) != "Open Decline" {
			t.Errorf("%s: actions %q, want no Allow", name, labels(n))
		}
		f.choose <- actionOpen
		if got := <-opened; got != s.PromptURL() {
			t.Errorf("%s: opened %q, want %q", name, got, s.PromptURL())
		}
		cancel()
		<-answered
	}
}

func TestServerWithoutActionsOpensThePage(t *testing.T) {
	t.Parallel()
	opened := make(chan string, 1)
	f := newFakeDesk()
	f.err = desktop.ErrReadOnly
	s := start(t, func(c *Config) {
		onComputer(c)
		c.Notifier, c.OpenPage = f, func(url string) error { opened <- url; return nil }
	})
	ctx, cancel := context.WithCancel(t.Context())
	_, answered := s.ask(ctx, tap(authenticator.UsePasskey))
	<-opened
	cancel()
	<-answered
}

func TestFirstAnswerCounts(t *testing.T) {
	t.Parallel()
	f := newFakeDesk()
	s := start(t, func(c *Config) { onComputer(c); c.Notifier = f })
	id, answered := s.ask(t.Context(), tap(authenticator.UsePasskey))
	<-f.shown
	s.post("/prompt", "id", id, "do", "continue")
	if got := <-answered; got.err != nil {
		t.Errorf("answer = %+v, want the page's yes", got)
	}
	<-f.gone // before Ask returned
	if len(f.shown) != 0 {
		t.Error("the notice came again")
	}
}

func TestPageInSightNeedsNoNotification(t *testing.T) {
	t.Parallel()
	f := newFakeDesk()
	s := start(t, func(c *Config) { onComputer(c); c.Notifier = f })
	gone := s.inSight()
	id, answered := s.ask(t.Context(), tap(authenticator.Select))
	s.post("/prompt", "id", id, "do", "continue")
	<-answered
	gone()
	if s.cabinet.set(preferences{}) != nil {
		t.Fatal("preferences not kept")
	}
	id, answered = s.ask(t.Context(), tap(authenticator.Select)) // and not where they are off
	s.post("/prompt", "id", id, "do", "continue")
	<-answered
	if len(f.shown) != 0 {
		t.Errorf("notice = %+v, want none", <-f.shown)
	}
}

// A fakeFinger is a reader whose touches come from the test: a Try, "" for a
// finger that it knows, or "over" for too many wrong ones.
type fakeFinger struct{ touches chan desktop.Try }

func (fakeFinger) Ready(context.Context) bool { return true }

func (f fakeFinger) Verify(ctx context.Context, tell func(desktop.Try)) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case try := <-f.touches:
			switch try {
			case "":
				return nil
			case "over":
				return desktop.ErrNotRecognized
			}
			tell(try)
		}
	}
}

func withFinger(c *Config) fakeFinger {
	onComputer(c)
	f := fakeFinger{make(chan desktop.Try)}
	c.Finger = f
	return f
}

func TestFingerVerifies(t *testing.T) {
	t.Parallel()
	var f fakeFinger
	s := start(t, func(c *Config) { f = withFinger(c) })
	p := tap(authenticator.UsePasskey)
	p.Verify = true
	id, answered := s.ask(t.Context(), p)
	s.post("/prompt", "id", id, "do", "continue")
	says(t, s.page("/prompt"), "Touch the fingerprint reader", "Enter PIN")
	_, changed := s.news.latest()
	f.touches <- desktop.NotRecognized
	<-changed
	says(t, s.page("/prompt"), "Finger not recognized")
	f.touches <- ""
	if got := <-answered; got.err != nil || !got.answer.Verified {
		t.Errorf("answer = %+v, want verified", got)
	}
}

func TestFingersThatAreNotKnownLeadToThePIN(t *testing.T) {
	t.Parallel()
	var f fakeFinger
	s := start(t, func(c *Config) { f = withFinger(c) })
	p := tap(authenticator.UsePasskey)
	p.Verify = true
	id, answered := s.ask(t.Context(), p)
	s.post("/prompt", "id", id, "do", "continue")
	_, changed := s.news.latest()
	f.touches <- "over"
	<-changed
	says(t, s.page("/prompt"), "Your finger wasn&#39;t recognized. Use your PIN.")
	s.post("/prompt", "id", id, "do", "secret", "secret", testPIN)
	if got := <-answered; got.err != nil || !got.answer.Verified {
		t.Errorf("answer = %+v, want verified", got)
	}
}

// A finger opens nothing by itself: a locked vault needs its secret, or a key
// that this computer was trusted with.
func TestFingerAtALockedVault(t *testing.T) {
	t.Parallel()
	holder := &vaulttest.Holder{Called: "tpm"}
	var f fakeFinger
	s := start(t, func(c *Config) { f = withFinger(c); c.Holders = []vault.KeyHolder{holder} })
	s.keeper.Lock()
	unlock := authenticator.Prompt{Kind: authenticator.Unlock, RPID: "login.example", Verify: true}
	ctx, cancel := context.WithCancel(t.Context())
	id, answered := s.ask(ctx, unlock)
	if !s.desk.at(id, stepSecret) {
		t.Error("a finger is offered where it opens nothing")
	}
	cancel()
	<-answered

	if err := s.keeper.Enroll(t.Context(), testPIN, holder); err != nil {
		t.Fatal(err)
	}
	id, answered = s.ask(t.Context(), unlock)
	s.post("/prompt", "id", id, "do", "continue")
	if !s.desk.at(id, stepVerify) {
		t.Error("no finger is offered where it would do")
	}
	f.touches <- ""
	if got := <-answered; got.err != nil || !got.answer.Verified || s.keeper.Locked() {
		t.Errorf("answer = %+v, locked %v; want verified and open", got, s.keeper.Locked())
	}
}

func TestHolderIsTurnedOnWithThePINAndOpensAtTheStart(t *testing.T) {
	t.Parallel()
	holder := &vaulttest.Holder{Called: "tpm"}
	s := start(t, func(c *Config) { onComputer(c); c.Holders = []vault.KeyHolder{holder} })
	says(t, s.page("/settings"), "Unlock with this computer&#39;s security chip", "Off.")
	_, _, body := s.post("/settings/opener/tpm", "do", "on", "secret", "111111")
	says(t, body, "That&#39;s not the PIN.")
	if status, location, _ := s.post("/settings/opener/tpm", "do", "on", "secret", testPIN); status != 303 || !strings.HasPrefix(location, "/settings") {
		t.Fatalf("turning on = %d to %q", status, location)
	}
	says(t, s.page("/settings"), "On. Your passkeys are open after each start")
	s.keeper.Lock()
	s.openAtStart(t.Context())
	if s.keeper.Locked() {
		t.Error("the vault is locked after a start")
	}
	s.post("/settings/opener/tpm", "do", "off")
	s.keeper.Lock()
	s.openAtStart(t.Context())
	if !s.keeper.Locked() {
		t.Error("what was turned off still opens the vault")
	}
	if status, _, _ := s.post("/unlock", "secret", testPIN); status != 303 {
		t.Errorf("unlocking = %d", status)
	}
	if resp, _ := s.do("GET", "/settings/opener/none", nil, nil); resp.StatusCode != 404 {
		t.Errorf("unknown holder = %s, want 404", resp.Status)
	}
}

func TestPreferencesAreKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "preferences.json")
	c, err := openCabinet(path, defaultPreferences(Computer))
	if err != nil || c.get().LockAfter != 15 {
		t.Fatalf("first preferences = %+v, %v", c.get(), err)
	}
	want := preferences{Finger: true, LockAfter: 60}
	if err := c.set(want); err != nil {
		t.Fatal(err)
	}
	c, err = openCabinet(path, defaultPreferences(Computer))
	if err != nil || c.get() != want {
		t.Errorf("preferences = %+v, %v; want %+v", c.get(), err, want)
	}
}

// A power cut can leave any file of a disk empty or strange.
func TestPreferencesThatCannotBeReadKeepNobodyOut(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "{", `{"notify": false, "lock_after_minutes": "never"}`, `{"from": "a later version"}`} {
		var path string
		s := start(t, func(c *Config) {
			onComputer(c)
			path = c.VaultPath + "-preferences.json"
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		})
		if got := s.cabinet.get(); got != strict || got.Finger || !got.LockAway || got.LockAfter == 0 {
			t.Errorf("%q: preferences = %+v, want the strict ones", content, got)
		}
		want := defaultPreferences(Computer)
		if err := s.cabinet.set(want); err != nil {
			t.Fatal(err)
		}
		if c, err := openCabinet(path, strict); err != nil || c.get() != want {
			t.Errorf("chosen anew: %+v, %v", c.get(), err)
		}
	}
}

// What a site or a program calls itself must not look like another line of the
// notice.
func TestNoticeHasTheLinesOfTheAppAlone(t *testing.T) {
	t.Parallel()
	f := newFakeDesk()
	s := start(t, func(c *Config) { onComputer(c); c.Notifier = f })
	const lie = "\nIt runs on this computer and calls itself Firefox.\u2028\r\n\n\n"
	p := tap(authenticator.UsePasskey)
	p.Caller.Name += lie
	p.Passkeys = []authenticator.Passkey{passkey(1, "ana"+lie)}
	p.Passkeys[0].Account.DisplayName = ""
	ctx, cancel := context.WithCancel(t.Context())
	_, done := s.ask(ctx, p)
	n := <-f.shown
	if lines := strings.Split(n.Body, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], "ana") || strings.ContainsAny(n.Body, "\r\u2028") {
		t.Errorf("the notice says %q, want a line for the question, the account and who asks", n.Body)
	}
	cancel()
	<-done
}

func TestPreferencesAreChosenOnThePage(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *Config) { onComputer(c); c.Notifier = newFakeDesk() })
	says(t, s.page("/settings"), "Show notifications", `name="lock" value="15" checked`)
	if status, _, _ := s.post("/settings/preferences", "lock", "5"); status != 303 {
		t.Fatalf("saving = %d", status)
	}
	want := defaultPreferences(Computer)
	want.LockAfter, want.Notify = 5, false // what is not on the page stays
	if got := s.cabinet.get(); got != want {
		t.Errorf("preferences = %+v, want %+v", got, want)
	}
	for _, lock := range []string{"", "7", "x", "-5"} {
		if status, _, _ := s.post("/settings/preferences", "lock", lock); status != 400 {
			t.Errorf("lock after %q = %d, want 400", lock, status)
		}
	}
}

func TestVaultLocksWhenItsPersonGoes(t *testing.T) {
	t.Parallel()
	leave := make(chan struct{})
	s := start(t, func(c *Config) {
		onComputer(c)
		c.Away = func(ctx context.Context, gone func()) error {
			for {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case leave <- struct{}{}:
					gone()
					leave <- struct{}{}
				}
			}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.watchAway(ctx) }()
	<-leave
	<-leave
	if !s.keeper.Locked() {
		t.Error("the vault is open though its person has gone")
	}
	cancel()
	<-done
}

func TestIdleVaultLocksItself(t *testing.T) {
	t.Parallel()
	s := start(t, onComputer)
	_, changed := s.news.latest()
	s.keeper.Settle(time.Millisecond, s.news.tell)
	for !s.keeper.Locked() {
		<-changed
		_, changed = s.news.latest()
	}
}

func TestGateTellsTheTerminalWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := start(t, onComputer)
	g := s.Gate()
	if !g.Ready() || g.Noun() != "PIN" {
		t.Errorf("gate: ready %v, %q", g.Ready(), g.Noun())
	}
	if problem, final, err := g.Prove(t.Context(), testPIN); problem != "" || final || err != nil {
		t.Errorf("the PIN: %q, %v, %v", problem, final, err)
	}
	for range vault.MaxRetries - 1 {
		if problem, final, err := g.Prove(t.Context(), "111111"); problem == "" || final || err != nil {
			t.Errorf("a wrong PIN: %q, %v, %v", problem, final, err)
		}
	}
	if problem, final, err := g.Prove(t.Context(), "111111"); problem == "" || !final || err != nil {
		t.Errorf("the last wrong PIN: %q, %v, %v", problem, final, err)
	}
}
