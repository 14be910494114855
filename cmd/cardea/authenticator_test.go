package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"cardea/authenticator/agent"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/ctap/ctaphid"
	"cardea/ctap/ctaphid/socket"
)

// began runs a command until the test ends and returns the lines that it
// prints.
func began(t *testing.T, args ...string) *bufio.Scanner {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	var complaint bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, args, in, &complaint)
		in.Close()
	}()
	t.Cleanup(func() {
		cancel()
		go io.Copy(io.Discard, out)
		if status := <-done; status != 0 {
			t.Errorf("cardea %q ended with %d: %s", args, status, &complaint)
		}
	})
	return bufio.NewScanner(out)
}

// after returns what a line begins with after, of the lines to come.
func after(t *testing.T, lines *bufio.Scanner, prefix string) string {
	t.Helper()
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			return rest
		}
	}
	t.Fatalf("nothing was printed that begins with %q", prefix)
	return ""
}

func TestServedKeyIsOpenToAClientAndItsControl(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			lines := began(t, "authenticator", "serve", "--insecure-test", "--ctaphid", network+":127.0.0.1:0")
			at, err := socket.ParseAddress(after(t, lines, "Test key on "))
			if err != nil {
				t.Fatal(err)
			}
			control, err := net.Dial("tcp", after(t, lines, "Control on tcp:"))
			if err != nil {
				t.Fatal(err)
			}
			defer control.Close()
			rw, err := socket.Dial(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			c, err := ctaphid.Open(t.Context(), rw)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := ctap.Selection(t.Context(), c); err != nil {
				t.Errorf("selection = %v", err)
			}
			if _, err := fmt.Fprintln(control, "deny"); err != nil {
				t.Fatal(err)
			}
			if answer, err := bufio.NewReader(control).ReadString('\n'); answer != "ok\n" {
				t.Errorf("control answered %q, %v", answer, err)
			}
			if err := ctap.Selection(t.Context(), c); err == nil {
				t.Error("a selection that was denied succeeded")
			}
		})
	}
}

func TestServeIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"without saying that it is a test", []string{"--ctaphid", "udp:127.0.0.1:0"}, "--insecure-test"},
		{"for every computer", []string{"--insecure-test", "--ctaphid", "udp:0.0.0.0:0"}, "not a loopback address"},
		{"for another computer", []string{"--insecure-test", "--ctaphid", "tcp:192.0.2.1:8111"}, "not a loopback address"},
		{"with control for every computer", []string{"--insecure-test", "--ctaphid", "udp:127.0.0.1:0", "--control", "[::]:0"}, "not a loopback address"},
		{"on something else", []string{"--insecure-test", "--ctaphid", "serial:1"}, "want udp:"},
		{"in another computer's reader", []string{"--insecure-test", "--vpcd", "192.0.2.1:35963"}, "not a loopback address"},
		{"in a reader for every computer", []string{"--insecure-test", "--vpcd", "0.0.0.0:35963"}, "not a loopback address"},
		{"nowhere", []string{"--insecure-test"}, "--ctaphid"},
		{"in two places", []string{"--insecure-test", "--vpcd", "127.0.0.1:1", "--ctaphid", "uhid"}, "can't be used together"},
		{"as something else", []string{"--insecure-test", "--ctaphid", "uhid", "--profile", "toaster"}, "--profile"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var complaint bytes.Buffer
			status := run(t.Context(), append([]string{"authenticator", "serve"}, tt.args...), io.Discard, &complaint)
			if status == 0 || !strings.Contains(complaint.String(), tt.want) {
				t.Errorf("status %d and %q, want %q", status, &complaint, tt.want)
			}
		})
	}
}

// The app ran as `cardea authenticator`, with its flags, before it had
// subcommands; it still does.
func TestAppRunsWithoutASubcommand(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cardea") // which the app makes, for its person only
	vault, socket := filepath.Join(dir, "vault"), filepath.Join(dir, "agent.sock")
	status := func() (st authenticatorStatus, code int) {
		var out bytes.Buffer
		code = run(t.Context(), []string{"authenticator", "status", "--json", "--vault", vault, "--agent", socket}, &out, io.Discard)
		if err := json.Unmarshal(out.Bytes(), &st); err != nil {
			t.Fatalf("status printed %q: %v", &out, err)
		}
		return st, code
	}
	if st, code := status(); st.Running || st.Made || code != 1 {
		t.Errorf("before: %+v and status %d", st, code)
	}
	lines := began(t, "authenticator", "--manner", "ios", "--os-version", "17", "--relay", "cable.du7eegizectnb.net=ws://127.0.0.1:1", "--listen", "127.0.0.1:0", "--vault", vault, "--agent", socket)
	page := after(t, lines, "Your passkeys: ")
	for began := time.Now(); ; { // the agent's socket comes a moment later
		st, code := status()
		if !st.Running && time.Since(began) < 30*time.Second {
			continue
		}
		if code != 0 || st.Page != page+"/prompt" || st.Locked == nil || !*st.Locked {
			t.Errorf("while it runs: %+v and status %d", st, code)
		}
		break
	}
}

func TestStatusIsReadable(t *testing.T) {
	t.Parallel()
	st := authenticatorStatus{Agent: "/a", Vault: "/v", Trouble: "no /dev/uhid"}
	for _, want := range []string{"does not run; nothing answers on /a", "/v (not made yet)", "none: no /dev/uhid", "udev rule     not installed"} {
		if got := st.String(); !strings.Contains(got, want) {
			t.Errorf("status %q does not say %q", got, want)
		}
	}
	locked := true
	st = authenticatorStatus{Running: true, Locked: &locked, Secret: "pin", Opens: []string{"tpm"}, Computers: 2, Page: "http://127.0.0.1:1/prompt", Vault: "/v", Made: true, Keys: []string{"/dev/hidraw3"}, Unit: true, Rule: true}
	for _, want := range []string{"runs; you are asked on http://127.0.0.1:1/prompt", "/v, locked", "Opened by     pin, tpm", "Computers     2 linked", "/dev/hidraw3", "the unit is installed", "udev rule     installed"} {
		if got := st.String(); !strings.Contains(got, want) {
			t.Errorf("status %q does not say %q", got, want)
		}
	}
}

func TestOurHIDDevicesAreToldFromOthers(t *testing.T) {
	t.Parallel()
	sys := fstest.MapFS{
		"class/hidraw/hidraw0/device/uevent": {Data: []byte("DRIVER=hid-generic\nHID_ID=0003:00001209:00000001\nHID_NAME=Cardea authenticator\n")},
		"class/hidraw/hidraw1/device/uevent": {Data: []byte("HID_NAME=Cardea authenticator of somebody\n")},
		"class/hidraw/hidraw7/device/uevent": {Data: []byte("HID_NAME=A mouse\n")},
	}
	if got := hidDevices(sys, "Cardea authenticator"); len(got) != 1 || got[0] != "/dev/hidraw0" {
		t.Errorf("devices = %q, want /dev/hidraw0", got)
	}
	if got := hidDevices(fstest.MapFS{}, "Cardea authenticator"); got == nil || len(got) != 0 {
		t.Errorf("devices of a system without HID = %v, want none", got)
	}
}

func TestStatusOfAnAgentThatRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "agent.sock")
	l, err := agent.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	a, _, _ := authtest.New()
	go agent.Serve(t.Context(), l, a, "http://127.0.0.1:1/prompt")
	c := authenticatorStatusCommand{Place: authenticatorPlace{Vault: t.TempDir(), Agent: path}}
	st, err := c.look(t.Context())
	if err != nil || !st.Running || !st.Made || st.Page != "http://127.0.0.1:1/prompt" {
		t.Errorf("status = %+v, %v", st, err)
	}
}

// Not parallel: it sets where the settings are.
func TestInstallWritesAUnitThatSystemdTakes(t *testing.T) {
	config := filepath.Join(t.TempDir(), `it's "50%" $HOME`)
	t.Setenv("XDG_CONFIG_HOME", config)
	unit := filepath.Join(config, "systemd", "user", unitName)
	rule := filepath.Join(config, "cardea", ruleName)
	var out, complaint bytes.Buffer
	if status := run(t.Context(), []string{"authenticator", "install"}, &out, &complaint); status != 0 {
		t.Fatalf("install ended with %d: %s", status, &complaint)
	}
	for _, want := range []string{"sudo install -m 644 '", "be a keyboard", "udevadm control --reload", "systemctl --user enable --now " + unitName} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("install said %q, without %q", &out, want)
		}
	}
	b, err := os.ReadFile(rule)
	if err != nil || string(b) != uhidRule || !strings.Contains(uhidRule, "be a keyboard") {
		t.Errorf("rule = %q, %v", b, err)
	}
	verify(t, unit)
	if status := run(t.Context(), []string{"authenticator", "install", "--uninstall"}, &out, &complaint); status != 0 {
		t.Fatalf("uninstall ended with %d: %s", status, &complaint)
	}
	if exists(unit) || exists(rule) {
		t.Error("uninstall left files behind")
	}
	if status := run(t.Context(), []string{"authenticator", "install", "--uninstall"}, &out, &complaint); status != 0 {
		t.Errorf("a second uninstall ended with %d: %s", status, &complaint)
	}
}

// verify has systemd read a unit, where there is one.
func verify(t *testing.T, unit string) {
	t.Helper()
	if !exists(unit) {
		t.Fatal("there is no unit")
	}
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("systemd is not here: the unit was not verified")
		return
	}
	cmd := exec.CommandContext(t.Context(), path, "--user", "verify", unit)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir())
	if said, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(said), unitName) {
		t.Errorf("systemd-analyze verify: %v: %s", err, said)
	}
}

func TestWordsOfOtherProgramsAreQuoted(t *testing.T) {
	t.Parallel()
	if got, want := unitQuote(`/opt/a "b"\100%$X`), `"/opt/a \"b\"\\100%%$$X"`; got != want {
		t.Errorf("unitQuote = %s, want %s", got, want)
	}
	for in, want := range map[string]string{"/home/ana/x": "/home/ana/x", "/home/o'b c": `'/home/o'\''b c'`} {
		if got := shellQuote(in); got != want {
			t.Errorf("shellQuote(%s) = %s, want %s", in, got, want)
		}
	}
}
