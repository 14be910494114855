//go:build linux

package keyring

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// startBus starts a session bus of its own and returns its address.
func startBus(t testing.TB) string {
	t.Helper()
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("dbus-daemon is not installed (.ci/test-deps installs it)")
	}
	dir, err := os.MkdirTemp("", "bus") // t.TempDir can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	config := filepath.Join(dir, "bus.conf")
	err = os.WriteFile(config, []byte(`<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=`+dir+`/socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(daemon, "--config-file="+config, "--nofork", "--print-address")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("dbus-daemon printed no address: %v", err)
	}
	return strings.TrimSpace(line)
}

func dial(t testing.TB, address string) *dbus.Conn {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func holderOn(address string) *Holder {
	return &Holder{connect: func(ctx context.Context) (*dbus.Conn, error) { return dbus.Connect(address) }}
}

// startKeyring starts a GNOME keyring with a login keyring of a test password,
// open, and waits until it is on the bus.
func startKeyring(t testing.TB, address, home string) {
	t.Helper()
	path, err := exec.LookPath("gnome-keyring-daemon")
	if err != nil {
		t.Skip("gnome-keyring-daemon is not installed (.ci/test-deps installs it)")
	}
	control, err := os.MkdirTemp("", "keyring")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(control) })
	cmd := exec.Command(path, "--foreground", "--unlock", "--components=secrets", "--control-directory="+control)
	cmd.Env = []string{"DBUS_SESSION_BUS_ADDRESS=" + address, "HOME=" + home, "XDG_DATA_HOME=" + home,
		"XDG_RUNTIME_DIR=" + control, "PATH=" + os.Getenv("PATH")}
	cmd.Stdin = strings.NewReader("test password")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
	t.Cleanup(stop)
	conn := dial(t, address)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var collection dbus.ObjectPath
		err := conn.Object(busName, servicePath).Call(serviceInterface+".ReadAlias", 0, "default").Store(&collection)
		if err == nil && collection != noObject {
			return
		}
		if time.Now().After(deadline) {
			stop()
			t.Fatalf("the keyring did not come up: default is %q, %v\n%s", collection, err, &said)
		}
	}
}

// lockKeyring locks the default collection.
func lockKeyring(t *testing.T, address string) {
	t.Helper()
	service := dial(t, address).Object(busName, servicePath)
	var collection, prompt dbus.ObjectPath
	var locked []dbus.ObjectPath
	if err := service.Call(serviceInterface+".ReadAlias", 0, "default").Store(&collection); err != nil {
		t.Fatal(err)
	}
	err := service.Call(serviceInterface+".Lock", 0, []dbus.ObjectPath{collection}).Store(&locked, &prompt)
	if err != nil || len(locked) != 1 {
		t.Fatalf("Lock: %v, %v", locked, err)
	}
}
