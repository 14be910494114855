//go:build linux

package terminal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"cardea/authenticator"
	"cardea/ctap"
)

// A desk is a person at the other end of a terminal.
type desk struct {
	t      *testing.T
	keys   *os.File // what they type goes in here
	tty    *os.File
	person *Person
	gate   *fakeGate

	mu   sync.Mutex
	seen bytes.Buffer
	more chan struct{}
}

type fakeGate struct {
	ready bool
	pin   string
	tries []string
	left  int
}

func (g *fakeGate) Ready() bool  { return g.ready }
func (g *fakeGate) Noun() string { return "PIN" }

func (g *fakeGate) SetUp(_ context.Context, secret string) (string, error) {
	if len(secret) < 4 {
		return "That's too short.", nil
	}
	g.pin, g.ready = secret, true
	return "", nil
}

func (g *fakeGate) Prove(_ context.Context, secret string) (string, bool, error) {
	g.tries = append(g.tries, secret)
	if secret == g.pin {
		return "", false, nil
	}
	g.left--
	return "That's not the PIN.", g.left == 0, nil
}

func sit(t *testing.T) *desk {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudoterminals here: ", err)
	}
	if err := unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, keys: keys, tty: tty, gate: &fakeGate{ready: true, pin: "246810", left: 3}, more: make(chan struct{}, 1)}
	if d.person, err = New(tty, d.gate); err != nil {
		t.Fatal(err)
	}
	go d.watch()
	t.Cleanup(func() { keys.Close() }) // which ends the terminal, and its readers
	return d
}

func (d *desk) watch() {
	b := make([]byte, 1024)
	for {
		n, err := d.keys.Read(b)
		if err != nil {
			return
		}
		d.mu.Lock()
		d.seen.Write(b[:n])
		d.mu.Unlock()
		select {
		case d.more <- struct{}{}:
		default:
		}
	}
}

func (d *desk) screen() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen.String()
}

// sees waits until text is on the screen and wipes the screen up to its end.
func (d *desk) sees(text string) (before string) {
	d.t.Helper()
	late := time.After(20 * time.Second)
	for {
		d.mu.Lock()
		s := d.seen.String()
		if i := strings.Index(s, text); i >= 0 {
			d.seen.Reset()
			d.seen.WriteString(s[i+len(text):])
			d.mu.Unlock()
			return s[:i]
		}
		d.mu.Unlock()
		select {
		case <-d.more:
		case <-late:
			d.t.Fatalf("never saw %q; the screen is %q", text, s)
		}
	}
}

func (d *desk) types(text string) {
	d.t.Helper()
	if _, err := d.keys.WriteString(text); err != nil {
		d.t.Fatal(err)
	}
}

type answered struct {
	authenticator.Answer
	err error
}

func (d *desk) ask(ctx context.Context, q authenticator.Prompt) <-chan answered {
	done := make(chan answered, 1)
	go func() {
		a, err := d.person.Ask(ctx, q)
		done <- answered{a, err}
	}()
	return done
}

func key(name string) authenticator.Passkey {
	return authenticator.Passkey{RPID: "example.org", Account: authenticator.Account{Name: name}}
}

var use = authenticator.Prompt{Kind: authenticator.UsePasskey, RPID: "example.org", Passkeys: []authenticator.Passkey{key("ana")},
	Caller: authenticator.Caller{Via: "local", Name: "OpenSSH", Program: "ssh-sk-helper"}}

func TestYesIsAnAnswer(t *testing.T) {
	t.Parallel()
	d := sit(t)
	done := d.ask(t.Context(), use)
	d.sees("the program ssh-sk-helper on this computer, which calls itself OpenSSH")
	d.sees("Sign in to example.org as ana")
	d.sees("Allow? [y/N] ")
	d.types("y\r")
	if got := <-done; got.err != nil || got.Verified {
		t.Errorf("answer = %+v, want a yes that verified nobody", got)
	}
}

func TestAnythingElseIsANo(t *testing.T) {
	t.Parallel()
	d := sit(t)
	for _, typed := range []string{"\r", "n\r", "yep\r", "yno\r", "\x03", "\x04", "y\x03"} {
		done := d.ask(t.Context(), use)
		d.sees("Allow? [y/N] ")
		d.types(typed)
		if got := <-done; !errors.Is(got.err, authenticator.ErrDeclined) {
			t.Errorf("%q = %+v, want declined", typed, got)
		}
		d.sees("You said no")
	}
}

func TestPINIsNotShown(t *testing.T) {
	t.Parallel()
	d := sit(t)
	q := use
	q.Verify = true
	done := d.ask(t.Context(), q)
	d.sees("Allow? [y/N] ")
	d.types("yes\r")
	d.sees("PIN (not shown): ")
	d.types("111111\r")
	d.sees("That's not the PIN.")
	d.sees("PIN (not shown): ")
	d.types("24681X\x7f0\r")
	if got := <-done; got.err != nil || !got.Verified {
		t.Errorf("answer = %+v, want verified", got)
	}
	if before := d.sees("Done."); strings.ContainsAny(before, "0123456789*") {
		t.Errorf("the screen showed %q", before)
	}
	if got := strings.Join(d.gate.tries, " "); got != "111111 246810" {
		t.Errorf("tried %q", got)
	}
}

// A client is told that a passkey is here already only for a verified person;
// Enter alone would count as a proof that failed.
func TestWhatIsToldToAVerifiedPersonAsksForThePIN(t *testing.T) {
	t.Parallel()
	d := sit(t)
	for _, kind := range []authenticator.Kind{authenticator.AlreadyHere, authenticator.NoPasskey} {
		done := d.ask(t.Context(), authenticator.Prompt{Kind: kind, RPID: "example.org", Verify: true})
		d.sees("Press Enter: ")
		d.types("\r")
		d.sees("PIN (not shown): ")
		d.types("246810\r")
		if got := <-done; got.err != nil || !got.Verified {
			t.Errorf("%s: answer = %+v, want verified", kind, got)
		}
		done = d.ask(t.Context(), authenticator.Prompt{Kind: kind, RPID: "example.org"})
		d.sees("Press Enter: ")
		d.types("\r")
		if got := <-done; got.err != nil || got.Verified {
			t.Errorf("%s: answer = %+v, want an acknowledgement that verified nobody", kind, got)
		}
	}
}

func TestLastWrongPINEndsTheQuestion(t *testing.T) {
	t.Parallel()
	d := sit(t)
	d.gate.left = 1
	done := d.ask(t.Context(), authenticator.Prompt{Kind: authenticator.Unlock, RPID: "example.org"})
	d.sees("PIN (not shown): ")
	d.types("1\r")
	if got := <-done; !errors.Is(got.err, authenticator.ErrDeclined) {
		t.Errorf("answer = %+v, want declined", got)
	}
}

// What was typed into the shell, or before the question came, must not answer
// it.
func TestTypeAheadAnswersNothing(t *testing.T) {
	t.Parallel()
	d := sit(t)
	d.types("y\ry\ry")
	done := d.ask(t.Context(), use)
	d.sees("Allow? [y/N] ")
	d.types("n\r")
	if got := <-done; !errors.Is(got.err, authenticator.ErrDeclined) {
		t.Errorf("answer = %+v, want that of the key after the question", got)
	}
}

func TestOneOfSeveralIsChosen(t *testing.T) {
	t.Parallel()
	d := sit(t)
	q := use
	q.Passkeys = []authenticator.Passkey{key("ana"), key("desk\x1b[2J\u202e")}
	for typed, want := range map[string]int{"2\r": 1, "1\r": 0} {
		done := d.ask(t.Context(), q)
		if before := d.sees("Which one? [1-2, or Enter for none] "); !strings.Contains(before, "2  desk[2J\r\n") {
			t.Errorf("the screen showed %q, want names without control characters", before)
		}
		d.types(typed)
		if got := <-done; got.err != nil || got.Choice != want {
			t.Errorf("%q = %+v, want choice %d", typed, got, want)
		}
	}
	for _, typed := range []string{"0\r", "3\r", "x\r", "\r"} {
		done := d.ask(t.Context(), q)
		d.sees("Which one?")
		d.types(typed)
		if got := <-done; !errors.Is(got.err, authenticator.ErrDeclined) {
			t.Errorf("%q = %+v, want declined", typed, got)
		}
	}
}

func TestQuestionEndsInTime(t *testing.T) {
	t.Parallel()
	d := sit(t)
	q := use
	q.Deadline = time.Now().Add(50 * time.Millisecond)
	if got := <-d.ask(t.Context(), q); !errors.Is(got.err, authenticator.ErrNoAnswer) {
		t.Errorf("answer = %+v, want ErrNoAnswer", got)
	}
	d.sees("0:00 left] ")
	d.sees("Nobody answered in time.")
}

func TestWithdrawnQuestionLeavesTheTerminalAsItWas(t *testing.T) {
	t.Parallel()
	d := sit(t)
	before, err := term.GetState(int(d.tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := d.ask(ctx, use)
	d.sees("Allow? [y/N] ")
	cancel()
	if got := <-done; !errors.Is(got.err, context.Canceled) {
		t.Errorf("answer = %+v, want context.Canceled", got)
	}
	d.sees("answered elsewhere, or taken back")
	after, err := term.GetState(int(d.tty.Fd()))
	if err != nil || *after != *before {
		t.Errorf("state of the terminal = %v, %v; want %v", after, err, before)
	}
}

func TestResetWantsTheWholeWord(t *testing.T) {
	t.Parallel()
	d := sit(t)
	for typed, want := range map[string]error{"y\r": authenticator.ErrDeclined, "erase\r": nil} {
		done := d.ask(t.Context(), authenticator.Prompt{Kind: authenticator.Reset})
		d.sees("Erase every passkey here and the PIN. There is no way back")
		d.sees("Type erase to do it: ")
		d.types(typed)
		if got := <-done; !errors.Is(got.err, want) {
			t.Errorf("%q = %+v, want %v", typed, got, want)
		}
	}
}

func TestFirstStartChoosesAPIN(t *testing.T) {
	t.Parallel()
	d := sit(t)
	d.gate.ready = false
	done := d.ask(t.Context(), authenticator.Prompt{Kind: authenticator.Unlock, RPID: "example.org"})
	for _, pair := range [][2]string{{"1357\r", "1358\r"}, {"1\r", "1\r"}, {"1357\r", "1357\r"}} {
		d.sees("New PIN (not shown): ")
		d.types(pair[0])
		d.sees("The same again: ")
		d.types(pair[1])
	}
	if got := <-done; got.err != nil || !got.Verified || d.gate.pin != "1357" {
		t.Errorf("answer = %+v, PIN %q", got, d.gate.pin)
	}
}

func TestPermissionsAreNamed(t *testing.T) {
	t.Parallel()
	for p, want := range map[ctap.Permission]string{
		0:                         "Check that it's you",
		ctap.PermitMakeCredential: "Save a passkey",
		ctap.PermitMakeCredential | ctap.PermitGetAssertion:                         "Save a passkey and use a passkey",
		ctap.PermitGetAssertion | ctap.PermitManagement | ctap.PermitLargeBlobWrite: "Use a passkey, see, rename and delete passkeys and change what sites keep with your passkeys",
	} {
		if got := Permitted(p); got != want {
			t.Errorf("Permitted(%d) = %q, want %q", p, got, want)
		}
	}
}

func TestFileIsNoTerminal(t *testing.T) {
	t.Parallel()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := New(f, &fakeGate{}); !errors.Is(err, ErrNoTerminal) {
		t.Errorf("New = %v, want ErrNoTerminal", err)
	}
}
