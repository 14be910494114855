package app

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cardea/ctap"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/tunnel"
)

func android(r room) func(*Config) {
	return func(c *Config) {
		r.phone(c)
		c.Style, c.OSVersion = Android, "15"
	}
}

// listening lets computers call s until the test ends.
func (s *site) listening() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); s.beCalled(ctx) }()
	s.t.Cleanup(func() { cancel(); <-done })
}

// callable waits until the relay knows s.
func (s *site) callable() {
	s.t.Helper()
	for {
		_, changed := s.news.latest()
		s.mu.Lock()
		err := s.unreachable
		s.mu.Unlock()
		if err == nil {
			return
		}
		<-changed
	}
}

// retired waits until the relay knows that links have ended.
func (s *site) retired() {
	s.t.Helper()
	for {
		if _, retiring, _ := s.links.reach(); len(retiring) == 0 {
			return
		}
		select {
		case <-s.t.Context().Done():
			s.t.Fatal("the relay was not told")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// linkedBy has a computer sign in by code, with "Remember this computer" or
// not, and returns what the computer keeps.
func (r room) linkedBy(t *testing.T, s *site, remember string, buttons ...string) (hybrid.Link, bool) {
	t.Helper()
	inv, err := hybrid.NewLinkingInvitation(hybrid.HintMakeCredential)
	if err != nil {
		t.Fatal(err)
	}
	_, found := s.scan(inv.Text())
	if found.Linking != (s.links != nil) {
		t.Errorf("the page offers to remember: %v", found.Linking)
	}
	s.post("/scan/start", "code", found.Code, "remember", remember)
	client, err := r.dial(t.Context(), inv)
	if err != nil {
		t.Fatal(err)
	}
	pressed := s.pressing(buttons...)
	_, err = ctap.MakeCredential(t.Context(), client, makeRequest("ana@example"))
	<-pressed
	if refused := err != nil; refused != (buttons[0] == "cancel") {
		t.Fatal(err)
	}
	l, given := client.Linking()
	client.Close()
	s.settled()
	return l, given
}

// call asks over l for a passkey.
func (r room) call(t *testing.T, l hybrid.Link) error {
	t.Helper()
	client, err := link.Call(t.Context(), l, hybrid.HintGetAssertion, link.DialConfig{Scanner: r.air, Tunnel: r.dialer,
		Timeouts: link.Timeouts{Find: 10 * time.Second}})
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = ctap.GetAssertion(t.Context(), client, ctap.GetAssertionRequest{
		RPID: "login.example", ClientDataHash: clientDataHash, Options: map[string]bool{"uv": true}})
	return err
}

var approve = []string{"continue", "sensor-finger"}

func TestRememberedComputerAsksWithoutACode(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	s := start(t, android(r))
	s.listening()
	says(t, s.page("/settings/computers"), "No linked computers", "Remember this computer")
	says(t, s.page("/settings"), "Linked computers", "None yet")
	l, given := r.linkedBy(t, s, "yes", approve...)
	if !given || l.Name != "Test phone" {
		t.Fatalf("link %+v, given: %v", l, given)
	}
	all := s.links.list()
	if len(all) != 1 || !all[0].Used.IsZero() || !strings.HasPrefix(all[0].Name, "Computer linked ") {
		t.Fatalf("computers %+v", all)
	}
	says(t, s.page("/scan/progress"), "Sent", "This computer is remembered", all[0].Name)
	says(t, s.page("/settings/computers"), all[0].Name, "Linked today", "Forget all")
	_, location, _ := s.post(all[0].href()+"/name", "name", " My   desk ")
	says(t, s.page(location), "My desk", "Saved.", "Never")
	s.post("/scan/done")

	// The computer calls while the phone is locked.
	s.callable()
	s.post("/lock")
	called := make(chan error, 1)
	go func() { called <- r.call(t, l) }()
	unlocking := s.pressing()
	<-unlocking
	says(t, s.page("/"), "My desk is a computer that you linked", "login.example", "PIN")
	s.press("secret")
	s.press("continue")
	if err := <-called; err != nil {
		t.Fatal(err)
	}
	if got := s.settled(); got.Result != resultSent || got.Computer != "My desk" {
		t.Errorf("transaction = %+v, want sent to My desk", got)
	}
	body := s.page("/scan/progress")
	says(t, body, "Sent")
	if strings.Contains(body, "Scan again") {
		t.Error("a call leads to the camera")
	}
	says(t, s.page("/activity"), "Sign in to login.example", "My desk", "Computer remembered")
	if c, _ := s.links.find(all[0].ID); c.Used.IsZero() {
		t.Error("the call was not noted")
	}
	says(t, s.page("/settings/computers"), "Asked today")
	for _, secret := range []string{"root", "key"} {
		if strings.Contains(s.log.String(), secret+"=") {
			t.Errorf("the log has a %s", secret)
		}
	}
}

// A link is given when the person chose so and then said yes, and never by an
// iPhone.
func TestWhoIsNotRemembered(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		style    Style
		remember string
		buttons  []string
		given    bool
	}{
		"by default":         {Android, "", approve, false},
		"by an iPhone":       {IOS, "yes", []string{"continue", "sensor-face"}, false},
		"who is told no":     {Android, "yes", []string{"cancel"}, true},
		"by an iPhone's way": {IOS, "", []string{"continue", "sensor-face"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			s := start(t, func(c *Config) { android(r)(c); c.Style, c.OSVersion = tt.style, "18" })
			s.listening()
			l, given := r.linkedBy(t, s, tt.remember, tt.buttons...)
			if given != tt.given || len(s.links.list()) != 0 {
				t.Errorf("given: %v, %d computers; want %v and none", given, len(s.links.list()), tt.given)
			}
			if !given {
				return
			}
			s.retired()
			if err := r.call(t, l); !errors.Is(err, tunnel.ErrContactGone) {
				t.Errorf("calling by a link that was not kept: %v, want %v", err, tunnel.ErrContactGone)
			}
		})
	}
}

func TestForgottenComputerHearsSo(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(s *site, href string){
		"alone": func(s *site, href string) { s.post(href + "/forget") },
		"with all": func(s *site, _ string) {
			says(s.t, s.page("/settings/forget-computers"), "Forget all computers?", "2 computers")
			s.post("/settings/forget-computers")
		},
		"with the passkeys": func(s *site, _ string) {
			if err := s.manager().Erase(s.t.Context(), testPIN); err != nil {
				s.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			s := start(t, android(r))
			s.listening()
			l, _ := r.linkedBy(t, s, "yes", approve...)
			inv, err := hybrid.NewLinkingInvitation(hybrid.HintGetAssertion)
			if err != nil {
				t.Fatal(err)
			}
			scanned := make(chan error, 1)
			go func() { scanned <- s.ScanAndRemember(t.Context(), inv.Text()) }()
			client, err := r.dial(t.Context(), inv)
			if err != nil {
				t.Fatal(err)
			}
			pressed := s.pressing(approve...)
			if _, err := ctap.GetAssertion(t.Context(), client, ctap.GetAssertionRequest{RPID: "login.example", ClientDataHash: clientDataHash,
				Options: map[string]bool{"uv": true}}); err != nil {
				t.Fatal(err)
			}
			<-pressed
			other, _ := client.Linking()
			client.Close()
			if err := <-scanned; err != nil {
				t.Fatal(err)
			}
			all := s.links.list()
			if len(all) != 2 || all[0].Name == all[1].Name || !strings.HasSuffix(all[0].Name, " (2)") {
				t.Fatalf("computers %+v, want two that can be told apart", all)
			}
			s.callable()
			forget(s, all[1].href())
			s.retired()
			if err := r.call(t, l); !errors.Is(err, tunnel.ErrContactGone) {
				t.Errorf("calling by a link that has ended: %v, want %v", err, tunnel.ErrContactGone)
			}
			if name != "alone" {
				if err := r.call(t, other); !errors.Is(err, tunnel.ErrContactGone) {
					t.Errorf("calling by the other: %v, want %v", err, tunnel.ErrContactGone)
				}
				return
			}
			s.callable()
			pressed = s.pressing(approve...)
			if err := r.call(t, other); err != nil {
				t.Errorf("calling by the link that is left: %v", err)
			}
			<-pressed
		})
	}
}

// A radio is one that can be switched off for the phone alone.
type radio struct {
	hybrid.Advertiser
	off atomic.Bool
}

func (r *radio) Advertise(ctx context.Context, data []byte) (func() error, error) {
	if r.off.Load() {
		return nil, hybrid.ErrRadioOff
	}
	return r.Advertiser.Advertise(ctx, data)
}

func TestCallsInVain(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	own := &radio{Advertiser: r.air}
	s := start(t, func(c *Config) { android(r)(c); c.Advertiser = own })
	s.listening()
	l, _ := r.linkedBy(t, s, "yes", approve...)
	s.callable()
	// Another transaction runs.
	s.tap(invite(t, hybrid.HintGetAssertion))
	if err := r.call(t, l); err == nil || errors.Is(err, tunnel.ErrContactGone) {
		t.Errorf("calling a busy phone: %v, want an error that leaves the link", err)
	}
	s.post("/scan/cancel")
	s.settled()
	s.post("/scan/done")
	// Bluetooth is off on the phone. It was called twice, and says so once.
	own.off.Store(true)
	for range 2 {
		if err := r.call(t, l); err == nil || errors.Is(err, tunnel.ErrContactGone) {
			t.Errorf("calling a phone without Bluetooth: %v, want an error that leaves the link", err)
		}
	}
	if got := s.transaction(); got != nil {
		t.Errorf("%+v is on the screen for a caller who has proved nothing", got)
	}
	body := s.page("/activity")
	says(t, body, "Call from a computer", "Bluetooth is off here")
	if n := strings.Count(body, "Call from a computer"); n != 1 {
		t.Errorf("%d calls are listed, want 1", n)
	}
	if got := len(s.links.list()); got != 1 {
		t.Errorf("%d computers, want 1", got)
	}
}

func TestLinkBookIsKeptAndRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "computers.json")
	open := func(service hybrid.Service) *linkBook {
		t.Helper()
		b, err := openLinkBook(path, service)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	b, id := open(256), newLink()
	if err := b.erase(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Fatal("there is a file before the first link")
	}
	if name, err := b.keep(id, now); err != nil || name != "Computer linked 22 Nov" {
		t.Fatalf("keep = %q, %v", name, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the file %v, %v; want 0600", info.Mode(), err)
	}
	before, err := b.offer(id, "x")
	if err != nil {
		t.Fatal(err)
	}
	after, err := open(256).offer(id, "x")
	if err != nil || !after.Secret.Equal(before.Secret) || !after.Identity.Equal(before.Identity) {
		t.Errorf("the link differs after a start: %v", err)
	}
	moved := open(257)
	if _, retiring, _ := moved.reach(); len(moved.list()) != 0 || len(retiring) != 1 || retiring[0].service != 256 {
		t.Errorf("at another relay there are %d computers, %d contacts to retire", len(moved.list()), len(retiring))
	}
	for range maxComputers + 3 {
		now = now.Add(time.Minute)
		if _, err := moved.keep(newLink(), now); err != nil {
			t.Fatal(err)
		}
	}
	if all := moved.list(); len(all) != maxComputers || !all[0].Since.Equal(now) {
		t.Errorf("%d computers, the newest of %v", len(all), all[0].Since)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "{}", string(whole[:len(whole)/2]), strings.Replace(string(whole), `"version": 1`, `"version": 2`, 1),
		strings.Replace(string(whole), `"id": "`, `"id": "+`, 1)} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openLinkBook(path, 257); err == nil {
			t.Errorf("%.40q was read", bad)
		}
	}
}

// What cannot be kept has not happened.
func TestLinkBookThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	b, err := openLinkBook(filepath.Join(t.TempDir(), "none", "computers.json"), 256)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.keep(newLink(), time.Now()); err == nil || len(b.list()) != 0 {
		t.Errorf("keep = %v, %d computers; want an error and none", err, len(b.list()))
	}
}

func TestComputersNeedAnAndroidPhone(t *testing.T) {
	t.Parallel()
	for _, style := range []Style{IOS, Computer} {
		s := start(t, func(c *Config) { c.Style = style })
		if resp, _ := s.do(http.MethodGet, "/settings/computers", nil, nil); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s, want 404", style, resp.Status)
		}
		if strings.Contains(s.page("/settings"), "Linked computers") {
			t.Errorf("%s offers to link computers", style)
		}
	}
	s := start(t, func(c *Config) { c.Style, c.OSVersion = Android, "13" })
	if s.links != nil {
		t.Error("a phone that is too old links computers")
	}
}

// A device that asks for a digital ID gets nothing from us, not even that we
// are here.
func TestDigitalIDIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	s := start(t, android(r))
	for _, hint := range []hybrid.Hint{hybrid.HintPresentation, hybrid.HintIssuance} {
		inv := invite(t, hint)
		_, got := s.scan(inv.Text())
		if got.Code != "" || !strings.Contains(got.Problem, "digital ID") || !strings.Contains(got.Problem, "nothing was sent") {
			t.Errorf("%s: %+v", hint, got)
		}
		if err := s.Scan(t.Context(), inv.Text()); !errors.Is(err, ErrDigitalID) {
			t.Errorf("%s: Scan = %v, want %v", hint, err, ErrDigitalID)
		}
		if s.transaction() != nil {
			t.Errorf("%s: a transaction began", hint)
		}
	}
}
