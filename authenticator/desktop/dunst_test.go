package desktop

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// dunst is a notification server that others wrote. It wants a screen, which
// Xvfb stands in for, and takes orders from dunstctl.
func startDunst(t *testing.T) (Bus, func(args ...string) string) {
	t.Helper()
	for _, program := range []string{"Xvfb", "dunst", "dunstctl", "dbus-send"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not installed: this test is with a notification server that others wrote")
		}
	}
	screen := exec.Command("Xvfb", "-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp")
	display, err := screen.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := screen.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Process.Kill(); screen.Wait() })
	number := make([]byte, 8)
	n, err := display.Read(number)
	if err != nil {
		t.Skip("Xvfb has no screen here: ", err)
	}
	address := busAddress(t)
	env := append(os.Environ(), "DBUS_SESSION_BUS_ADDRESS="+address, "DISPLAY=:"+strings.TrimSpace(string(number[:n])), "WAYLAND_DISPLAY=")
	dunst := exec.Command("dunst", "-config", os.DevNull)
	dunst.Env = env
	var said bytes.Buffer
	dunst.Stderr = &said
	if err := dunst.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dunst.Process.Kill(); dunst.Wait() })
	ctl := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "dunstctl", args...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	bus := busAt(address)
	until(t, "dunst is there", func() bool {
		_, err := (&Notifier{Bus: bus}).Server(t.Context())
		return err == nil
	})
	return bus, ctl
}

// until waits for another program, which does not tell when it is ready.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain until " + what)
		}
	}
}

func TestDunstShowsAndAnswers(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a screen")
	}
	bus, ctl := startDunst(t)
	server, err := (&Notifier{Bus: bus}).Server(t.Context())
	if err != nil || server.Name != "dunst" || !server.Answers() {
		t.Fatalf("Server = %+v, %v", server, err)
	}
	done := notify(t.Context(), bus, Notice{Title: "Use your passkey?", Body: "login.example", Actions: []Action{{DefaultAction, "Open"}, {"allow", "Allow"}}})
	until(t, "the notice is on the screen", func() bool { return ctl("count", "displayed") == "1" })
	ctl("action", "0")
	if got := <-done; got.err != nil || got.action != DefaultAction {
		t.Errorf("pressed = %+v, want the default action", got)
	}
	until(t, "the notice has gone", func() bool { return ctl("count", "displayed") == "0" })

	ctx, cancel := context.WithCancel(t.Context())
	done = notify(ctx, bus, question)
	until(t, "the notice is on the screen", func() bool { return ctl("count", "displayed") == "1" })
	cancel()
	if got := <-done; !errors.Is(got.err, context.Canceled) {
		t.Errorf("withdrawn = %+v", got)
	}
	until(t, "the notice has gone", func() bool { return ctl("count", "displayed") == "0" })

	done = notify(t.Context(), bus, question)
	until(t, "the notice is on the screen", func() bool { return ctl("count", "displayed") == "1" })
	ctl("close-all")
	if got := <-done; got != (chosen{}) {
		t.Errorf("put away = %+v, want no answer", got)
	}
}
