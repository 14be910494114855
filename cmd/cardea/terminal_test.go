//go:build linux

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// A screen is a terminal with the program in it.
type screen struct {
	t   *testing.T
	cmd *exec.Cmd
	tty *os.File

	mu    sync.Mutex
	shown bytes.Buffer
	ended chan struct{}
}

// at starts a command in a terminal.
func (h home) at(args ...string) *screen {
	h.t.Helper()
	s := &screen{t: h.t, cmd: program(h.t, h.args(args)...), ended: make(chan struct{})}
	var err error
	if s.tty, err = pty.Start(s.cmd); err != nil {
		h.t.Skipf("there is no terminal to be had here: %v", err)
	}
	h.t.Cleanup(func() { s.tty.Close() })
	go func() {
		defer close(s.ended)
		b := make([]byte, 1024)
		for {
			n, err := s.tty.Read(b)
			s.mu.Lock()
			s.shown.Write(b[:n])
			s.mu.Unlock()
			if err != nil {
				return // Linux says EIO when the program has ended
			}
		}
	}()
	return s
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.String()
}

// answers waits for a question and types the answer.
func (s *screen) answers(question, answer string) {
	s.t.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if strings.Contains(s.text(), question) {
			break
		}
		if time.Since(began) > time.Minute {
			s.t.Fatalf("%q was not asked: %s", question, s.text())
		}
	}
	s.mu.Lock()
	s.shown.Reset() // so that the same may be asked again
	s.mu.Unlock()
	if strings.HasSuffix(question, ": ") {
		s.waitSilent()
	}
	if _, err := s.tty.WriteString(answer + "\n"); err != nil {
		s.t.Fatal(err)
	}
}

// waitSilent waits until the terminal shows nothing of what is typed: the
// question comes a moment before.
func (s *screen) waitSilent() {
	s.t.Helper()
	for began := time.Now(); echoes(s.t, s.tty); time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			s.t.Fatal("what is typed would be shown")
		}
	}
}

// ends waits for the program's end, which is to be of status.
func (s *screen) ends(status int) string {
	s.t.Helper()
	err := s.cmd.Wait()
	<-s.ended
	if got := s.cmd.ProcessState.ExitCode(); got != status {
		s.t.Errorf("ended with %d (%v), want %d: %s", got, err, status, s.text())
	}
	return s.text()
}

func TestPINIsNotShownWhileItIsTyped(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.fill()
	s := h.at("passkeys", "list")
	s.answers("PIN: ", "secret-wrong")
	s.answers("tries left.\r\nPIN: ", "") // a line too many is a PIN that is too short
	s.answers("at least 4 characters.\r\nPIN: ", testPIN)
	if out := s.ends(exitDone); strings.Contains(out, "secret-wrong") || strings.Contains(out, testPIN) || !strings.Contains(out, "example.net") {
		t.Errorf("shown: %s", out)
	}
}

func TestWrongThreeTimesIsEnough(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.fill()
	s := h.at("passkeys", "list")
	for range asks {
		s.answers("PIN: ", "0000")
	}
	if out := s.ends(exitWrong); !strings.Contains(out, "5 attempts left") {
		t.Errorf("shown: %s", out)
	}
}

func TestTerminalIsGivenBackWhenTheProgramIsStopped(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.fill()
	s := h.at("passkeys", "list")
	for began := time.Now(); !strings.Contains(s.text(), "PIN: "); time.Sleep(time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal(s.text())
		}
	}
	s.waitSilent()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if out := s.ends(exitFailed); !strings.Contains(out, "stopped") {
		t.Errorf("shown: %s", out)
	}
	if !echoes(t, s.tty) {
		t.Error("the terminal stays silent")
	}
}

func TestResetWantsTheWord(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.fill()
	s := h.at("reset")
	s.answers("Type erase", "yes")
	if out := s.ends(exitFailed); !strings.Contains(out, "Nothing was changed") {
		t.Errorf("shown: %s", out)
	}
	s = h.at("reset")
	s.answers("Type erase", "erase")
	s.ends(exitDone)
	if exists(h.vault() + "/header") {
		t.Error("the vault is there")
	}
}

func TestExportWarnsAndAsks(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.fill()
	for _, tt := range []struct {
		answer string
		status int
	}{{"n", exitFailed}, {"", exitFailed}, {"y", exitDone}} {
		answer, status := tt.answer, tt.status
		s := h.at("export", h.file("doc.json"))
		s.answers("Write it?", answer)
		if status == exitDone {
			s.answers("PIN: ", testPIN)
		}
		out := s.ends(status)
		if _, err := os.Stat(h.file("doc.json")); (err == nil) != (status == exitDone) || err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("answer %q: the file: %v; shown: %s", answer, err, out)
		}
	}
}

func TestPassphraseIsTypedTwice(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.fill()
	s := h.at("backup", h.file("backup"))
	s.answers("PIN: ", testPIN)
	s.answers("New passphrase: ", "too short")
	s.answers("New passphrase: ", phrase)
	s.answers("once more: ", phrase+"x")
	s.answers("New passphrase: ", phrase)
	s.answers("once more: ", phrase)
	if out := s.ends(exitDone); strings.Contains(out, phrase) || !strings.Contains(out, "2 passkeys in") {
		t.Errorf("shown: %s", out)
	}
}

func TestNamesCannotDriveTheTerminal(t *testing.T) {
	t.Parallel()
	if got := printable("a\x1b[2Jb\nc\u202e", false); strings.ContainsAny(got, "\x1b\n\u202e") || !strings.HasPrefix(got, "a\uFFFD[2Jb") {
		t.Errorf("printable = %q", got)
	}
	if got := printable("a\nb", true); got != "a\nb" {
		t.Errorf("printable = %q", got)
	}
}
