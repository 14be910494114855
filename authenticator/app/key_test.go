package app

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/vault"
	"cardea/ctap"
	"cardea/ctap/pinuv"
)

var (
	program = authenticator.Caller{Via: authenticator.ViaLocal, Name: "Browser"}
	wire    = authenticator.Caller{Via: authenticator.ViaHID}
)

// onComputer is a computer without a sensor.
func onComputer(c *Config) { c.Style, c.Sensor = Computer, false }

// A counter is a place beside the pages that counts the questions on the screen
// at the same time, and says yes.
type counter struct {
	mu        sync.Mutex
	now, most int
	asked     []authenticator.Prompt
}

func (c *counter) Ask(_ context.Context, p authenticator.Prompt) (authenticator.Answer, error) {
	c.mu.Lock()
	c.now++
	c.most = max(c.most, c.now)
	c.asked = append(c.asked, p)
	c.mu.Unlock()
	time.Sleep(time.Millisecond) // room for another to come in between
	c.mu.Lock()
	c.now--
	c.mu.Unlock()
	return authenticator.Answer{Verified: true}, nil
}

// Whichever face they see and whatever they ask, programs wait for each other.
func TestTwoFacesAskOneQuestionAtATime(t *testing.T) {
	t.Parallel()
	s := start(t, onComputer)
	c := &counter{}
	s.AlsoAsk(c)
	var work sync.WaitGroup
	for range 5 {
		for _, d := range []ctap.Device{s.Authenticator().Device(program), s.Key().Device(wire)} {
			work.Go(func() {
				if _, err := d.Send(t.Context(), []byte{byte(ctap.CmdSelection)}); err != nil {
					t.Error(err)
				}
			})
		}
	}
	work.Wait()
	if c.most != 1 || len(c.asked) != 10 {
		t.Errorf("%d questions, at most %d at once; want 10, one at a time", len(c.asked), c.most)
	}
}

// A passkey that a browser saved through the agent is there for ssh, and the
// other way round.
func TestBothFacesHaveTheSamePasskeys(t *testing.T) {
	t.Parallel()
	s := start(t, onComputer)
	s.AlsoAsk(&counter{})
	if _, err := ctap.MakeCredential(t.Context(), s.Authenticator().Device(program), makeRequest("ana@example")); err != nil {
		t.Fatal(err)
	}
	got, err := ctap.GetAssertion(t.Context(), s.Key().Device(wire), ctap.GetAssertionRequest{
		RPID: "login.example", ClientDataHash: make([]byte, 32), Options: map[string]bool{"uv": true}})
	if err != nil || got.Credential == nil {
		t.Fatalf("GetAssertion = %+v, %v", got, err)
	}
}

func TestKeyOffersBothWaysToVerify(t *testing.T) {
	t.Parallel()
	s := start(t, onComputer)
	info := s.Key().Info()
	for option, want := range map[string]bool{"uv": true, "clientPin": true, "rk": true, "plat": false} {
		if info.Options[option] != want {
			t.Errorf("option %s = %v, want %v", option, info.Options[option], want)
		}
	}
	if info := s.Authenticator().Info(); info.Options["clientPin"] {
		t.Error("the other face offers a client PIN")
	}
	token, err := pinuv.GetToken(t.Context(), s.Key().Device(wire), pinuv.Two, testPIN, ctap.PermitManagement, "")
	if err != nil {
		t.Errorf("token by the app's PIN = %v, %v", token, err)
	}
}

// Old clients of the HID key speak U2F.
func TestKeySpeaksU2F(t *testing.T) {
	t.Parallel()
	s := start(t, onComputer)
	c := &counter{}
	s.AlsoAsk(c)
	if v := s.Key().Info().Versions; !slices.Contains(v, "U2F_V2") {
		t.Errorf("versions %q", v)
	}
	register := append([]byte{0, 1, 3, 0, 0, 0, 64}, make([]byte, 64)...)
	answer := s.Key().HandleU2F(t.Context(), wire, register)
	if n := len(answer); n < 100 || !bytes.Equal(answer[n-2:], []byte{0x90, 0}) {
		t.Fatalf("register = %x", answer)
	}
	if len(c.asked) != 1 || c.asked[0].Kind != authenticator.MakePasskey {
		t.Errorf("asked %+v", c.asked)
	}
	if page := s.page("/"); !strings.Contains(page, "a site that gave no name (00000000)") {
		t.Errorf("the page shows %s", page)
	}
}

func TestTokenByUserVerificationNamesWhatItIsFor(t *testing.T) {
	t.Parallel()
	s := start(t, onComputer)
	done := make(chan error, 1)
	edition, changed := s.news.latest()
	_ = edition
	go func() {
		_, err := pinuv.GetTokenUsingUV(t.Context(), s.Key().Device(wire), pinuv.Two, ctap.PermitManagement|ctap.PermitConfig, "")
		done <- err
	}()
	q := waitFor(s, changed)
	says(t, s.page("/prompt"), "Let a program in?", "A program on this computer", "See, rename and delete your passkeys", "Change the rules of this security key")
	s.post("/prompt", "id", q.id, "do", "continue")
	s.post("/prompt", "id", q.id, "do", "secret", "secret", testPIN)
	if err := <-done; err != nil {
		t.Errorf("GetTokenUsingUV = %v", err)
	}
}

// waitFor waits for a question on the screen.
func waitFor(s *site, changed <-chan struct{}) *question {
	for {
		if q, _ := s.desk.see(); q != nil {
			return q
		}
		<-changed
		_, changed = s.news.latest()
	}
}

func TestClientThatSetsTheFirstPINMakesTheVault(t *testing.T) {
	t.Parallel()
	s := startAt(t, filepath.Join(t.TempDir(), "vault"), onComputer)
	if info := s.Key().Info(); info.Options["clientPin"] || info.Options["uv"] {
		t.Errorf("options before the first start = %v", info.Options)
	}
	if err := pinuv.SetPIN(t.Context(), s.Key().Device(wire), pinuv.Two, testPIN); err != nil {
		t.Fatal(err)
	}
	if !s.keeper.Exists() {
		t.Fatal("there is no vault")
	}
	s.keeper.Lock()
	if err := s.keeper.Prove(t.Context(), testPIN); err != nil {
		t.Errorf("the pages do not take the PIN: %v", err)
	}
}

// Making the first passkey leads through the first start.
func TestFirstPasskeyOfTheKeySetsUp(t *testing.T) {
	t.Parallel()
	s := startAt(t, filepath.Join(t.TempDir(), "vault"), onComputer)
	done := make(chan error, 1)
	_, changed := s.news.latest()
	request := makeRequest("ana@example")
	request.Options = map[string]bool{"rk": true} // getInfo says that there is no uv yet
	go func() {
		_, err := ctap.MakeCredential(t.Context(), s.Key().Device(wire), request)
		done <- err
	}()
	q := waitFor(s, changed)
	if q.step != stepSetUp {
		t.Errorf("first step = %s, want %s", q.step, stepSetUp)
	}
	_, changed = s.news.latest()
	s.post("/setup", "secret", testPIN, "again", testPIN)
	select {
	case err := <-done:
		t.Fatalf("MakeCredential = %v, before its question", err)
	case <-changed:
	}
	_, changed = s.news.latest()
	q = waitFor(s, changed)
	s.post("/prompt", "id", q.id, "do", "continue")
	if err := <-done; err != nil {
		t.Errorf("MakeCredential = %v", err)
	}
}

// A client cannot send a pattern, and must not take it away by setting a PIN.
func TestPatternIsNoClientPIN(t *testing.T) {
	t.Parallel()
	s := startWith(t, "14789", vault.Pattern, func(c *Config) { c.Style, c.OSVersion = Android, "15" })
	if info := s.Key().Info(); info.Options["clientPin"] || !info.Options["uv"] {
		t.Errorf("options = %v, want uv and no clientPin", info.Options)
	}
	if err := pinuv.SetPIN(t.Context(), s.Key().Device(wire), pinuv.Two, testPIN); !errors.Is(err, ctap.NotAllowed) {
		t.Errorf("SetPIN = %v, want NOT_ALLOWED", err)
	}
	if err := s.keeper.Prove(t.Context(), "14789"); err != nil {
		t.Errorf("the pattern no longer opens: %v", err)
	}
}

func TestResetIsHeldAndNamesWhatIsLost(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Unix(1_790_000_000, 0)
	later := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
	s := start(t, func(c *Config) {
		onComputer(c)
		c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	s.save(passkey(1, "ana@example"), passkey(2, "desk@example"))
	done := make(chan []byte, 1)
	_, changed := s.news.latest()
	go func() { done <- s.Key().Handle(t.Context(), wire, []byte{byte(ctap.CmdReset)}) }()
	q := waitFor(s, changed)
	says(t, s.page("/prompt"), "Erase all your passkeys?", "There is no way back", "login.example: 2 passkeys", "Hold to erase")
	for _, do := range []string{"continue", "held", "press", "held"} { // at once
		s.post("/prompt", "id", q.id, "do", do)
	}
	later(2 * time.Second)
	s.post("/prompt", "id", q.id, "do", "release")
	later(2 * time.Second)
	s.post("/prompt", "id", q.id, "do", "held") // nobody holds it
	if !s.desk.at(q.id, stepHold) {
		t.Fatal("it was erased without being held")
	}
	s.post("/prompt", "id", q.id, "do", "press")
	later(4 * time.Second)
	s.post("/prompt", "id", q.id, "do", "held")
	if r := <-done; len(r) != 1 || r[0] != 0 {
		t.Fatalf("reset = %x", r)
	}
	if s.keeper.Exists() {
		t.Error("there is still a secret")
	}
	if _, location, _ := s.post("/unlock", "secret", testPIN); location != "/setup" {
		t.Errorf("unlocking leads to %q, want the first start", location)
	}
	if status, _, _ := s.post("/setup", "secret", "135790", "again", "135790"); status != 303 || !s.keeper.Exists() {
		t.Errorf("setting up anew = %d", status)
	}
}
