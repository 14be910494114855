package app

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/vault"
	"cardea/ctap"
)

func TestFirstStartMakesTheVault(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, kind, secret string
		style              Style
		want               vault.Kind
	}{
		{"passcode on an iPhone", "pin", "246810", IOS, vault.PIN},
		{"an iPhone has no pattern", "pattern", "14789", IOS, vault.PIN},
		{"PIN on Android", "pin", "2468", Android, vault.PIN},
		{"pattern on Android", "pattern", "14789", Android, vault.Pattern},
		{"PIN on a computer", "pin", "open sesame", Computer, vault.PIN},
		{"a computer has no pattern", "pattern", "14789", Computer, vault.PIN},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "vault")
			s := startAt(t, path, func(c *Config) { c.Style = tt.style })
			if resp, _ := s.do(http.MethodGet, "/", nil, nil); resp.Header.Get("Location") != "/setup" {
				t.Errorf("GET / leads to %q, want /setup", resp.Header.Get("Location"))
			}
			says(t, s.page("/setup?kind="+tt.kind), "Set up this "+s.words.Device, "again")
			if status, _, body := s.post("/setup", "kind", tt.kind, "secret", tt.secret, "again", "98765"); status != http.StatusUnprocessableEntity {
				t.Errorf("two different secrets = %d", status)
			} else {
				says(t, body, "The two aren&#39;t the same")
			}
			if status, location, _ := s.post("/setup", "kind", tt.kind, "secret", tt.secret, "again", tt.secret); status != http.StatusSeeOther || location != "/" {
				t.Fatalf("setting up = %d to %q, want 303 to /", status, location)
			}
			if got := s.keeper.Kind(); got != tt.want {
				t.Errorf("Kind = %q, want %q", got, tt.want)
			}
			says(t, s.page("/"), "No passkeys yet")
			if !vault.Exists(path) {
				t.Error("there is no vault on disk")
			}
			// Done once, it is not done again.
			if _, location, _ := s.post("/setup", "kind", "pin", "secret", "111111", "again", "111111"); location != "/" {
				t.Errorf("setting up again leads to %q, want /", location)
			}
			if err := s.keeper.Prove(t.Context(), tt.secret); err != nil {
				t.Errorf("the first secret: %v", err)
			}
		})
	}
}

func TestTooShortASecretIsRefused(t *testing.T) {
	t.Parallel()
	s := startAt(t, filepath.Join(t.TempDir(), "vault"), func(c *Config) { c.Style = Android })
	_, _, body := s.post("/setup", "kind", "pin", "secret", "123", "again", "123")
	says(t, body, "Use 4 characters or more")
	_, _, body = s.post("/setup", "kind", "pattern", "secret", "1221", "again", "1221")
	says(t, body, "Join at least 4 dots")
}

// A request that comes before the first start waits for it.
func TestSettingUpAnswersWhatWaitedForIt(t *testing.T) {
	t.Parallel()
	s := startAt(t, filepath.Join(t.TempDir(), "vault"), nil)
	_, answered := s.ask(t.Context(), authenticator.Prompt{Kind: authenticator.Unlock, RPID: "login.example"})
	says(t, s.page("/prompt"), "Set up this iPhone first", "/setup?bare=1")
	if body := s.page("/setup"); strings.Contains(body, `role="dialog"`) || strings.Contains(body, " inert") {
		t.Errorf("the question covers the page that answers it:\n%s", body)
	}
	says(t, s.page("/setup?bare=1"), `class="bare"`, `name="bare"`)
	if _, location, _ := s.post("/setup", "kind", "pin", "secret", testPIN, "again", testPIN, "bare", "1"); location != "/prompt" {
		t.Errorf("setting up leads to %q, want /prompt", location)
	}
	if got := <-answered; got.err != nil || !got.answer.Verified {
		t.Errorf("answer = %+v, want verified", got)
	}
}

func TestUnlockTellsTheTriesLeft(t *testing.T) {
	t.Parallel()
	s := startWith(t, "14789", vault.Pattern, func(c *Config) { c.Style = Android })
	s.post("/lock")
	says(t, s.page("/"), "Test phone is locked", "Draw your pattern", "Scan a code")
	_, _, body := s.post("/unlock", "secret", "1236")
	says(t, body, "That&#39;s not the pattern. 7 tries are left.")
	_, _, body = s.post("/unlock", "secret", "12") // cannot be right, so it costs nothing
	says(t, body, "Join at least 4 dots")
	_, _, body = s.post("/unlock", "secret", "1236")
	says(t, body, "6 tries are left")
	if _, location, _ := s.post("/unlock", "secret", "14789"); location != "/" || s.keeper.Locked() {
		t.Errorf("the right pattern leads to %q, locked: %v", location, s.keeper.Locked())
	}
}

func TestPasskeyIsNamedAndDeleted(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	k := passkey(1, "ana@example")
	s.save(k, passkey(2, "desk@example"))
	href := hrefOf(k)
	says(t, s.page("/"), "Example · login.example", "ana@example", "desk@example")
	says(t, s.page(href), "login.example", "ana@example", "Never")

	_, _, body := s.post(href+"/name", "name", strings.Repeat("x", 31))
	says(t, body, "longer than 30 characters")
	_, location, _ := s.post(href+"/name", "name", "  Work   key ")
	says(t, s.page(location), "Work key", "Saved.")
	says(t, s.page("/"), "Work key")

	says(t, s.page(href+"/delete"), "Delete this passkey?", "login.example still lists it")
	for _, secret := range []string{"", "111111"} { // there is no way back
		if status, _, _ := s.post(href+"/delete", "secret", secret); status != http.StatusUnprocessableEntity {
			t.Errorf("deleting by %q = %d, want 422", secret, status)
		}
	}
	if all, err := s.keeper.Passkeys(t.Context(), ""); err != nil || len(all) != 2 {
		t.Fatalf("%d passkeys without the secret, %v; want both still", len(all), err)
	}
	_, location, _ = s.post(href+"/delete", "secret", testPIN)
	body = s.page(location)
	says(t, body, "Delete it in your account on the site too", "desk@example")
	if strings.Contains(body, "ana@example") {
		t.Error("the deleted passkey is still listed")
	}
	if resp, _ := s.do(http.MethodGet, href, nil, nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("its page = %s, want 404", resp.Status)
	}
}

func TestSecretIsChanged(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *Config) { c.Style = Android })
	says(t, s.page("/settings"), "Change PIN", "Android 17.4", "Simulated sensor", "8c61b9d4-02f7-4e53-8a9e-6b1d4e7c3f52", "0 passkeys")
	says(t, s.page("/settings/secret?kind=pattern"), "Current PIN", "New pattern", "New pattern again")
	change := func(current, secret, again string) string {
		_, location, body := s.post("/settings/secret", "kind", "pattern", "current", current, "secret", secret, "again", again)
		return location + body
	}
	says(t, change(testPIN, "14789", "1478"), "aren&#39;t the same")
	says(t, change(testPIN, "121", "121"), "Join at least 4 dots")
	says(t, change("111111", "14789", "14789"), "That&#39;s not the PIN. 7 tries are left.")
	if got := change(testPIN, "14789", "14789"); got != "/settings?changed=1" {
		t.Errorf("changing leads to %q", got)
	}
	says(t, s.page("/settings?changed=1"), "Use the new pattern from now on", "Change pattern")
	s.keeper.Lock()
	if err := s.keeper.Prove(t.Context(), "14789"); err != nil {
		t.Errorf("the new pattern: %v", err)
	}
}

func TestSystemBelowTheMinimum(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		style   Style
		version string
		want    bool
	}{
		{IOS, "16.7", true}, {IOS, "17", false}, {IOS, "17.0.1", false}, {IOS, "26.1", false}, {IOS, "9", true}, {IOS, "", true},
		{IOS, "beta", true}, {IOS, "-17", true}, {Android, "13", true}, {Android, "14", false}, {Android, "14.1", false}, {Android, " 15", false},
		{Computer, "", false}, {Computer, "6.1", false},
	} {
		if got := tooOld(tt.style, tt.version); got != tt.want {
			t.Errorf("tooOld(%s, %q) = %v, want %v", tt.style, tt.version, got, tt.want)
		}
	}
}

func TestOldSystemNeitherScansNorAnswers(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *Config) { c.OSVersion = "16.7" })
	for _, path := range []string{"/", "/scan", "/prompt", "/setup", "/settings", "/activity", "/scan/progress"} {
		says(t, s.page(path), "This iPhone needs iOS 17", "It runs iOS 16.7", "Software Update")
	}
	for pattern := range s.routes() {
		if path, ok := strings.CutPrefix(pattern, "POST "); ok {
			path = strings.ReplaceAll(path, "{ref}", "0011223344556677")
			if status, _, _ := s.post(path, "sure", "yes"); status != http.StatusForbidden {
				t.Errorf("%s = %d, want 403", pattern, status)
			}
		}
	}
	if err := s.Scan(t.Context(), "FIDO:/1"); err != ErrTooOld {
		t.Errorf("Scan = %v, want %v", err, ErrTooOld)
	}
	device := s.Authenticator().Device(authenticator.Caller{Via: "local"})
	_, err := ctap.GetAssertion(t.Context(), device, ctap.GetAssertionRequest{
		RPID: "login.example", ClientDataHash: make([]byte, 32), Options: map[string]bool{"uv": true}})
	if status, _ := err.(interface{ Unwrap() error }); status == nil || status.Unwrap() != ctap.OperationDenied {
		t.Errorf("GetAssertion = %v, want %v", err, ctap.OperationDenied)
	}
	events := s.activity.list()
	if len(events) != 1 || events[0].Outcome != outcomeTooOld {
		t.Errorf("activity = %+v, want one request refused for the system's age", events)
	}
}

// A person at a desk must never read that their whole computer is locked or
// erased, nor be sent to a camera.
func TestComputerSpeaksOfItsPasskeysOnly(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *Config) { c.Style, c.OSVersion, c.DeviceName = Computer, "", "" })
	home, settings := s.page("/"), s.page("/settings")
	says(t, home, "No passkeys yet", "This computer")
	says(t, settings, "<dd>Linux</dd>", "b5a2c9e0-7d34-4f68-91c2-2f8e0d6a4b93", "your finger")
	s.post("/lock")
	lock := s.page("/")
	says(t, lock, "Your passkeys are locked")
	for range 8 {
		_, _, lock = s.post("/unlock", "secret", "99999999")
	}
	says(t, lock, "The passkeys here are blocked", "nothing else is touched")
	for _, body := range []string{home, settings, lock} {
		for _, not := range []string{"phone", "/scan", "stat-bar", "computer is blocked", "Erase this computer"} {
			if strings.Contains(strings.ReplaceAll(body, "/assets/phone.css", ""), not) {
				t.Errorf("a computer's page has %q:\n%s", not, body)
			}
		}
	}
}

func TestComputerAnswersNoCodes(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *Config) { c.Style = Computer })
	for _, path := range []string{"/scan", "/scan/progress"} {
		says(t, s.page(path), "Codes are for phones", `href="/"`)
	}
	for _, path := range []string{"/scan/frame", "/scan/start", "/scan/cancel", "/scan/done"} {
		if status, _, _ := s.post(path); status != http.StatusForbidden {
			t.Errorf("POST %s = %d, want 403", path, status)
		}
	}
	if err := s.Scan(t.Context(), "FIDO:/1"); err != ErrNoCamera {
		t.Errorf("Scan = %v, want %v", err, ErrNoCamera)
	}
	if got := s.Info().Transports; !slices.Equal(got, []string{"internal"}) {
		t.Errorf("transports %q, want internal alone", got)
	}
}

func TestActivityForgetsTheOldest(t *testing.T) {
	t.Parallel()
	var a activity
	for i := range keptEvents + 3 {
		a.add(Event{Account: strings.Repeat("x", i)})
	}
	list := a.list()
	if len(list) != keptEvents || len(list[0].Account) != keptEvents+2 {
		t.Errorf("%d events, newest %d; want %d, newest %d", len(list), len(list[0].Account), keptEvents, keptEvents+2)
	}
}
