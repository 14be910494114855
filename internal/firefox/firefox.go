// Package firefox drives a real Firefox over WebDriver BiDi
// (https://w3c.github.io/webdriver-bidi/), as far as tests of pages need: one
// tab, what its console says, and keys. It has a passkey authenticator in
// software, which agrees to everything.
package firefox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// ErrNotInstalled says that there is no Firefox to drive.
var ErrNotInstalled = errors.New("no Firefox found; install the package firefox-esr, or set CARDEA_FIREFOX to its path")

// Find returns the path of a Firefox.
func Find() (string, error) {
	if p := os.Getenv("CARDEA_FIREFOX"); p != "" {
		return p, nil
	}
	for _, name := range []string{"firefox-esr", "firefox"} {
		if p, err := exec.LookPath(name); err == nil {
			return p, nil
		}
	}
	return "", ErrNotInstalled
}

// prefs are for a browser that nobody sits at: no first-run pages, names below
// localhost reach this machine, and passkeys from the authenticator in software.
const prefs = `user_pref("security.webauth.webauthn_enable_softtoken", true);
user_pref("security.webauth.webauthn_enable_usbtoken", false);
user_pref("marionette.port", 0);
user_pref("network.dns.native-is-localhost", true);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("app.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("accessibility.tabfocus", 7);
`

// A Browser is a running Firefox with one tab.
type Browser struct {
	cmd  *exec.Cmd
	side *marionette
	conn *websocket.Conn
	tab  string
	stop context.CancelFunc

	mu       sync.Mutex
	next     int
	waiting  map[int]chan answer
	problems []string
	broken   error
}

type answer struct {
	ID      int             `json:"id"`
	Type    string          `json:"type"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
}

// Start starts a headless Firefox with its profile in the empty folder profile.
// It ends with ctx or by Close.
func Start(ctx context.Context, profile string) (*Browser, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(prefs), 0o600); err != nil {
		return nil, fmt.Errorf("preparing the profile: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	b := &Browser{stop: stop, waiting: map[int]chan answer{}}
	b.cmd = exec.CommandContext(ctx, path, "--headless", "--no-remote", "--profile", profile, "--marionette", "--remote-debugging-port", "0")
	b.cmd.Env = append(os.Environ(), "MOZ_HEADLESS=1", "HOME="+profile)
	b.cmd.WaitDelay = 5 * time.Second
	if err := b.cmd.Start(); err != nil {
		stop()
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	if err := b.connect(ctx, profile); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func (b *Browser) connect(ctx context.Context, profile string) (err error) {
	if b.side, err = meet(ctx, profile); err != nil {
		return err
	}
	address, err := b.side.session()
	if err != nil {
		return err
	}
	if err := b.side.device(); err != nil {
		return err
	}
	conn, _, err := websocket.Dial(ctx, address, nil)
	if err != nil {
		return fmt.Errorf("reaching Firefox: %w", err)
	}
	conn.SetReadLimit(16 << 20)
	b.conn = conn
	go b.read(ctx)
	if err := b.call(ctx, "session.subscribe", map[string]any{"events": []string{"log.entryAdded"}}, nil); err != nil {
		return err
	}
	var tree struct {
		Contexts []struct {
			Context string `json:"context"`
		} `json:"contexts"`
	}
	if err := b.call(ctx, "browsingContext.getTree", map[string]any{}, &tree); err != nil {
		return err
	}
	if len(tree.Contexts) == 0 {
		return errors.New("firefox has no tab")
	}
	b.tab = tree.Contexts[0].Context
	return nil
}

// Close ends the browser and waits until it is gone.
func (b *Browser) Close() {
	if b.conn != nil {
		_ = b.conn.CloseNow() // it is going away
	}
	if b.side != nil {
		_ = b.side.conn.Close() // it is going away, too
	}
	b.stop()
	_ = b.cmd.Wait() // killed, so there is always an error
}

func (b *Browser) read(ctx context.Context) {
	for {
		_, data, err := b.conn.Read(ctx)
		b.mu.Lock()
		if err != nil {
			b.broken = fmt.Errorf("listening to Firefox: %w", err)
			for _, c := range b.waiting {
				close(c)
			}
			b.waiting = map[int]chan answer{}
			b.mu.Unlock()
			return
		}
		var a answer
		if json.Unmarshal(data, &a) == nil {
			b.take(a)
		}
		b.mu.Unlock()
	}
}

// take gives an answer to who waits for it and keeps what is a problem.
func (b *Browser) take(a answer) {
	if a.Type == "event" {
		var entry struct {
			Level string `json:"level"`
			Text  string `json:"text"`
		}
		if json.Unmarshal(a.Params, &entry) == nil && entry.Level == "error" {
			b.problems = append(b.problems, entry.Text)
		}
		return
	}
	if c := b.waiting[a.ID]; c != nil {
		delete(b.waiting, a.ID)
		c <- a
	}
}

// Problems returns the errors that the console has told of.
func (b *Browser) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.problems...)
}

func (b *Browser) call(ctx context.Context, method string, params, result any) error {
	c := make(chan answer, 1)
	b.mu.Lock()
	if b.broken != nil {
		defer b.mu.Unlock()
		return b.broken
	}
	b.next++
	id := b.next
	b.waiting[id] = c
	b.mu.Unlock()
	data, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params})
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	if err := b.conn.Write(ctx, websocket.MessageText, data); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	case a, ok := <-c:
		if !ok {
			return fmt.Errorf("%s: firefox has gone", method)
		}
		if a.Type == "error" {
			return fmt.Errorf("%s: %s: %s", method, a.Error, a.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(a.Result, result)
	}
}
