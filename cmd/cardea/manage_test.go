package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/agent"
	"cardea/authenticator/exchange"
	"cardea/authenticator/vault"
	"cardea/authenticator/vault/vaulttest"
)

// beEnv makes this test binary the program.
const beEnv = "CARDEA_TEST_BE_CARDEA"

func TestMain(m *testing.M) {
	if os.Getenv(beEnv) != "" {
		main()
	}
	os.Exit(m.Run())
}

// program is cardea as a process of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), beEnv+"=1", "TZ=UTC")
	return cmd
}

// A home is where a person's vault is.
type home struct {
	t   *testing.T
	dir string
}

func newHome(t *testing.T) home {
	t.Helper()
	dir, err := os.MkdirTemp("", "home") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return home{t, dir}
}

func (h home) vault() string           { return filepath.Join(h.dir, "vault") }
func (h home) file(name string) string { return filepath.Join(h.dir, name) }
func (h home) args(args []string) []string {
	return append(append([]string{"authenticator"}, args...), "--vault", h.vault())
}

// does runs a command of the authenticator with the lines of standard input,
// and fails the test unless it ends with status.
func (h home) does(status int, in string, args ...string) (out, errOut string) {
	h.t.Helper()
	cmd := program(h.t, h.args(args)...)
	var o, e bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &o, &e
	if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != status {
		h.t.Fatalf("cardea %q: %v, want status %d\n%s\n%s", args, err, status, &o, &e)
	}
	return o.String(), e.String()
}

// told runs a command with --json and reads its answer.
func (h home) told(in string, v any, args ...string) {
	h.t.Helper()
	out, _ := h.does(exitDone, in, append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		h.t.Fatalf("cardea %q printed %s: %v", args, out, err)
	}
}

const (
	testPIN = "726911"
	pinLine = testPIN + "\n"
	phrase  = "correct horse battery staple"
)

func (h home) make(pin string) {
	h.t.Helper()
	v, err := vault.Create(h.vault(), pin, vault.WithCost(vault.TestCost))
	if err == nil {
		err = v.Close()
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// otherApp is a document of another app, with two passkeys to take.
var otherApp = filepath.Join("..", "..", "authenticator", "exchange", "testdata", "other-app.json")

// fill makes the vault, with two passkeys in it. An attempt at its PIN is cheap.
func (h home) fill() {
	h.t.Helper()
	h.make(testPIN)
	h.does(exitDone, pinLine, "import", otherApp, "--pin-file", "-")
}

type listed struct{ Passkeys []told }

func TestAPersonLooksAfterTheirPasskeys(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	if _, errOut := h.does(exitNotFound, pinLine, "passkeys", "list", "--pin-file", "-"); !strings.Contains(errOut, "pin set") {
		t.Errorf("without a vault it says %s, want what makes one", errOut)
	}
	h.does(exitWrong, "123\n", "pin", "set", "--new-pin-file", "-")
	h.does(exitDone, "first\n", "pin", "set", "--new-pin-file", "-")
	h.does(exitDone, "first\n", "passkeys", "list", "--pin-file", "-")
	h.does(exitDone, "", "reset", "--yes")
	h.fill()
	if _, errOut := h.does(exitFailed, pinLine, "pin", "set", "--new-pin-file", "-"); !strings.Contains(errOut, "pin change") {
		t.Errorf("a second PIN: %s", errOut)
	}
	out, _ := h.does(exitDone, pinLine, "passkeys", "list", "--pin-file", "-")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 3 || !strings.Contains(lines[1], "example.com  ana@example.org") || !strings.Contains(lines[1], "never") {
		t.Errorf("the list:\n%s", out)
	}
	var all listed
	h.told(pinLine, &all, "passkeys", "list", "example.net", "--pin-file", "-")
	if len(all.Passkeys) != 1 || all.Passkeys[0].Algorithm != "ES384" || all.Passkeys[0].LastUsed != nil {
		t.Fatalf("passkeys for example.net: %+v", all)
	}
	id := all.Passkeys[0].ID
	h.does(exitDone, pinLine, "passkeys", "rename", id[:8], "the  net", "--pin-file", "-")
	var one told
	h.told(pinLine, &one, "passkeys", "show", "the net", "--pin-file", "-")
	if one.ID != id || one.Name != "the net" {
		t.Errorf("the renamed: %+v", one)
	}
	if _, errOut := h.does(exitNotFound, pinLine, "passkeys", "show", "ana@example.org", "--pin-file", "-"); !strings.Contains(errOut, "fits 2 passkeys") || !strings.Contains(errOut, id[:8]) {
		t.Errorf("words that fit two: %s", errOut)
	}
	h.does(exitNotFound, pinLine, "passkeys", "show", "nowhere.example", "--pin-file", "-")
	if _, errOut := h.does(exitFailed, pinLine, "passkeys", "delete", id, "--pin-file", "-"); !strings.Contains(errOut, "--yes") {
		t.Errorf("deleting where nobody can be asked: %s", errOut)
	}
	h.does(exitDone, pinLine, "passkeys", "delete", "example.net/ana@example.org", "--yes", "--pin-file", "-")
	h.does(exitNotFound, pinLine, "passkeys", "delete", id, "--yes", "--pin-file", "-")
	if _, errOut := h.does(exitFailed, "", "passkeys", "list"); !strings.Contains(errOut, "--pin-file") {
		t.Errorf("without a terminal: %s", errOut)
	}
}

func TestSecretsGoByFilesAndWrongOnesAreCounted(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.fill()
	old, new := h.file("old"), h.file("new")
	for name, text := range map[string]string{old: pinLine, new: "another PIN\r\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.does(exitDone, "", "pin", "change", "--pin-file", old, "--new-pin-file", new)
	h.does(exitDone, "another PIN\n"+pinLine, "pin", "change", "--pin-file", "-", "--new-pin-file", "-")
	h.does(exitWrong, pinLine+"1\n", "pin", "change", "--pin-file", "-", "--new-pin-file", "-")
	for left := vault.MaxRetries - 1; left > 0; left-- {
		_, errOut := h.does(exitWrong, "0000\n", "passkeys", "list", "--pin-file", "-")
		if !strings.Contains(errOut, fmt.Sprint(left, " attempt")) {
			t.Errorf("with %d tries left: %s", left, errOut)
		}
	}
	h.does(exitBlocked, "0000\n", "passkeys", "list", "--pin-file", "-")
	if _, errOut := h.does(exitBlocked, pinLine, "passkeys", "list", "--pin-file", "-"); !strings.Contains(errOut, "reset") {
		t.Errorf("of a blocked vault: %s", errOut)
	}
	h.does(exitFailed, "", "reset")
	h.does(exitDone, "", "reset", "--yes")
	if vault.Exists(h.vault()) {
		t.Error("after a reset there is a vault")
	}
}

func TestPasskeysLeaveAndArrive(t *testing.T) {
	t.Parallel()
	h, other := newHome(t), newHome(t)
	h.fill()
	doc, backup := h.file("doc.json"), h.file("backup")
	if _, errOut := h.does(exitFailed, pinLine, "export", doc, "--pin-file", "-"); !strings.Contains(errOut, "--unencrypted") || exists(doc) {
		t.Errorf("an export that was not confirmed: %s", errOut)
	}
	h.does(exitDone, pinLine, "export", doc, "--unencrypted", "--pin-file", "-")
	h.does(exitDone, pinLine+phrase+"\n", "backup", backup, "--pin-file", "-", "--passphrase-file", "-")
	for _, name := range []string{doc, backup} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", name, info.Mode(), err)
		}
	}
	if _, errOut := h.does(exitFailed, pinLine, "export", doc, "--unencrypted", "--pin-file", "-"); !strings.Contains(errOut, "--force") {
		t.Errorf("over a file that is there: %s", errOut)
	}
	h.does(exitWrong, pinLine+"short\n", "backup", h.file("weak"), "--pin-file", "-", "--passphrase-file", "-")
	if exists(h.file("weak")) {
		t.Error("a backup that was refused left a file")
	}

	other.make("9999")
	other.does(exitWrong, "wrong horse battery staple\n", "restore", backup, "--pin-file", "-", "--passphrase-file", "-")
	restore := []string{"restore", backup, "--pin-file", "-", "--passphrase-file", "-"}
	var c struct{ Added, Replaced, Kept int }
	other.told(phrase+"\n9999\n", &c, restore...)
	if c.Added != 2 || c.Replaced+c.Kept != 0 {
		t.Errorf("restored: %+v, want 2 added", c)
	}
	other.told(phrase+"\n9999\n", &c, restore...)
	if c.Kept != 2 || c.Added != 0 {
		t.Errorf("restored once more: %+v, want 2 kept", c)
	}
	var in imported
	other.told("9999\n", &in, "import", doc, "--pin-file", "-")
	if in.Kept != 2 || in.Exporter != "Cardea" || len(in.Left) != 0 {
		t.Errorf("imported what is there: %+v", in)
	}
	if _, errOut := other.does(exitFailed, "9999\n", "import", backup, "--pin-file", "-"); !strings.Contains(errOut, "restore") {
		t.Errorf("a backup imported: %s", errOut)
	}
	out, _ := other.does(exitDone, "9999\n", "import", otherApp, "--pin-file", "-")
	for _, want := range []string{"Other Passwords", "basic-auth (2)", "Not taken: 5 passkeys", "p521.example", "more than once", "large blob", "destroy"} {
		if !strings.Contains(out, want) {
			t.Errorf("import says %s\nwithout %q", out, want)
		}
	}
}

// With the app running, the vault is its; the commands ask it.
func TestCommandsWhileTheAppRuns(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.fill()
	if _, errOut := h.does(exitFailed, pinLine, "unlock", "--pin-file", "-"); !strings.Contains(errOut, "cardea authenticator") {
		t.Errorf("unlock without the app: %s", errOut)
	}
	cmd := exec.Command(os.Args[0], h.args([]string{"run", "--listen", "127.0.0.1:0"})...)
	cmd.Env = program(t).Env
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the app: %v: %s", err, &complaints)
		}
	})
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if _, err := agent.Dial(t.Context(), h.file("agent.sock")); err == nil {
			break
		} else if time.Since(began) > 30*time.Second {
			t.Fatal(err)
		}
	}
	locked := func() bool {
		var st struct{ Locked bool }
		h.told("", &st, "lock")
		return st.Locked
	}
	if !locked() {
		t.Error("a vault that was locked is not")
	}
	var all listed
	h.told(pinLine, &all, "passkeys", "list", "--pin-file", "-")
	if len(all.Passkeys) != 2 {
		t.Errorf("listed %d passkeys, want 2", len(all.Passkeys))
	}
	h.does(exitDone, pinLine, "unlock", "--pin-file", "-")
	h.does(exitWrong, "0000\n", "passkeys", "list", "--pin-file", "-") // unlocked or not
	h.does(exitDone, pinLine, "passkeys", "delete", all.Passkeys[0].ID, "--yes", "--pin-file", "-")
	h.does(exitDone, pinLine+phrase+"\n", "backup", h.file("backup"), "--pin-file", "-", "--passphrase-file", "-")
	h.does(exitWrong, "0000\n", "reset", "--yes", "--pin-file", "-")
	h.does(exitDone, pinLine, "reset", "--yes", "--pin-file", "-")
	h.does(exitNotFound, pinLine, "passkeys", "list", "--pin-file", "-")
	h.does(exitDone, "4321\n", "pin", "set", "--new-pin-file", "-")
	h.does(exitDone, phrase+"\n4321\n", "restore", h.file("backup"), "--pin-file", "-", "--passphrase-file", "-")
	h.told("4321\n", &all, "passkeys", "list", "--pin-file", "-")
	if len(all.Passkeys) != 1 {
		t.Errorf("after all that %d passkeys, want 1", len(all.Passkeys))
	}
}

func TestVaultThatAnotherProgramHasOpen(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	v, err := vault.Create(h.vault(), testPIN, vault.WithCost(vault.TestCost))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, errOut := h.does(exitInUse, pinLine, "passkeys", "list", "--pin-file", "-"); !strings.Contains(errOut, "--agent") {
		t.Errorf("of a vault in use: %s", errOut)
	}
}

// A restore that is killed has brought in all passkeys or none, and is done
// again.
func TestKilledRestoreBringsInAllOrNone(t *testing.T) {
	t.Parallel()
	const many = 300
	to := newHome(t)
	var passkeys []authenticator.Passkey
	for n := range many {
		p := vaulttest.NewPasskey(1, "example.org", fmt.Sprint(n))
		p.ID = fmt.Appendf(nil, "credential %d", n)
		passkeys = append(passkeys, p)
	}
	var sealed bytes.Buffer
	if err := exchange.WriteBackup(&sealed, phrase, exchange.TestCost, time.Now(), passkeys); err != nil {
		t.Fatal(err)
	}
	backup := to.file("backup")
	if err := os.WriteFile(backup, sealed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	args := to.args([]string{"restore", backup, "--pin-file", "-", "--passphrase-file", "-"})
	aside := filepath.Join(to.vault(), "passkeys.tmp")
	inside := 0
	for round := range 12 {
		if err := os.RemoveAll(to.vault()); err != nil {
			t.Fatal(err)
		}
		to.make(testPIN)
		cmd := program(t, args...)
		cmd.Stdin = strings.NewReader(phrase + "\n" + pinLine)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = cmd.Wait()
		}()
		// Killed when it has begun to write, or something later.
		for ended := false; !ended && !exists(aside); {
			select {
			case <-done:
				ended = true // too quick for us, this time
			case <-time.After(100 * time.Microsecond):
			}
		}
		time.Sleep(time.Duration(round/2) * time.Millisecond)
		_ = cmd.Process.Kill()
		<-done
		if exists(aside) {
			inside++
		}
		var all listed
		to.told(pinLine, &all, "passkeys", "list", "--pin-file", "-")
		if n := len(all.Passkeys); n != 0 && n != many {
			t.Fatalf("round %d: %d passkeys, want %d or none", round, n, many)
		}
	}
	if inside == 0 {
		t.Error("it was never killed in the middle")
	}
	var c struct{ Added, Replaced, Kept int }
	to.told(phrase+"\n"+pinLine, &c, "restore", backup, "--pin-file", "-", "--passphrase-file", "-")
	if c.Added+c.Kept != many || c.Replaced != 0 {
		t.Errorf("at last: %+v, want %d", c, many)
	}
}
