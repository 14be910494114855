package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cardea/platform/browser"
	"cardea/relay"
)

// A said collects what a command prints while it runs.
type said struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// cardea runs a command to its end.
func cardea(t *testing.T, args ...string) (status int, out, errOut string) {
	t.Helper()
	var o, e said
	status = run(t.Context(), args, &o, &e)
	return status, o.String(), e.String()
}

// up runs a command until the test ends, and waits until it has said want.
func up(t *testing.T, want string, args ...string) *said {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	o, e := new(said), new(said)
	done := make(chan int, 1)
	go func() { done <- run(ctx, args, o, e) }()
	t.Cleanup(func() {
		cancel()
		if status := <-done; status != 0 {
			t.Errorf("cardea %v ended with %d: %s", args, status, e)
		}
	})
	for !strings.Contains(o.String(), want) {
		select {
		case status := <-done:
			done <- status
			t.Fatalf("cardea %v ended with %d before it said %q: %s", args, status, want, e)
		case <-t.Context().Done():
			t.Fatal("test ended")
		case <-time.After(5 * time.Millisecond):
		}
	}
	return o
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		out    string // that must be printed
		errOut string // that must be complained
	}{
		{"nothing shows help", nil, 0, "Passkey sign-in", ""},
		{"help", []string{"--help"}, 0, "identity provider", ""},
		{"version", []string{"version"}, 0, "cardea ", ""},
		{"unknown command", []string{"sing"}, 2, "", "sing"},
		{"serve without configuration", []string{"serve"}, 1, "", "database: missing"},
		{"serve with plain HTTP in the world", []string{"serve", "--database", "x", "--login-url", "http://login.example.org",
			"--account-url", "https://my.example.org", "--rp-id", "example.org", "--check-config"}, 1, "", "login_url: want https"},
		{"serve with a good configuration", []string{"serve", "--database", "x", "--login-url", "https://login.example.org",
			"--account-url", "https://my.example.org", "--rp-id", "example.org", "--check-config"}, 0, "fine", ""},
		{"relay with half a certificate", []string{"relay", "--cert", "main.go"}, 1, "", "--cert and --key go together"},
		{"host without configuration", []string{"browser-host"}, 1, "", "--install"},
		{"sign-in nowhere", []string{"signin"}, 2, "", "--issuer"},
		{"sign-in in plain HTTP", []string{"signin", "--issuer", "http://login.example.org"}, 1, "", "want https"},
		{"sign-in at a page", []string{"signin", "--issuer", "https://login.example.org/signin"}, 1, "", "want an origin"},
		{"sign-in with a device nobody has", []string{"signin", "--issuer", "https://x.example", "--device", "fax"}, 2, "", "--device"},
		{"a code in a jpeg", []string{"signin", "--issuer", "https://x.example", "--qr", "jpeg", "x"}, 2, "", "want terminal, or png and a file"},
		{"a code in no file", []string{"signin", "--issuer", "https://x.example", "--qr", "png"}, 2, "", "file"},
		{"sign-out of nobody", []string{"signout", "--issuer", "https://x.example", "--store", "file", "--folder", t.TempDir()}, 0, "Nobody was signed in", ""},
		{"git without a host", []string{"signin", "git-credential", "--issuer", "https://x.example", "get"}, 2, "", "--host"},
		{"kubectl that would ask each time", []string{"signin", "kubectl", "--issuer", "https://x.example", "--store", "none"}, 1, "", "have to be kept"},
		{"app for a relay that cannot be", []string{"authenticator", "--service", "7"}, 1, "", "stands for no relay"},
		{"phone without a relay", []string{"authenticator", "--manner", "ios"}, 1, "", "--relay cable."},
		{"app for the whole network", []string{"authenticator", "--listen", "0.0.0.0:0", "--vault", filepath.Join(t.TempDir(), "v")}, 1, "", "loopback"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, out, errOut := cardea(t, tt.args...)
			if status != tt.status || !strings.Contains(out, tt.out) || !strings.Contains(errOut, tt.errOut) {
				t.Errorf("cardea %v = %d\n%s\n%s\nwant %d, %q, %q", tt.args, status, out, errOut, tt.status, tt.out, tt.errOut)
			}
		})
	}
}

func TestServePrintsTheFirstLinkAndServes(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "cardea.db")
	out := up(t, "/setup#", "serve", "--listen", "127.0.0.1:0", "--database", db, "--login-url", "http://login.t.localhost:8480",
		"--account-url", "http://my.t.localhost:8480", "--rp-id", "t.localhost").String()
	_, address, _ := strings.Cut(out, "Cardea on ")
	address, _, _ = strings.Cut(address, ";")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/.well-known/openid-configuration", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "login.t.localhost:8480"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(b), `"issuer":"http://login.t.localhost:8480"`) {
		t.Errorf("discovery: %d, %s, %v", resp.StatusCode, b, err)
	}
}

func TestRelayIsUp(t *testing.T) {
	t.Parallel()
	out := up(t, "Relay on ", "relay", "--listen", "127.0.0.1:0").String()
	resp, err := http.Get("http://" + strings.TrimSpace(strings.TrimPrefix(out, "Relay on ")) + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("/healthz answers %d", resp.StatusCode)
	}
}

// Behind a proxy on this machine, the limits count people, not the proxy.
func TestRelayBehindAProxyTellsPeopleApart(t *testing.T) {
	t.Parallel()
	out := up(t, "Relay on ", "relay", "--listen", "127.0.0.1:0").String()
	base := "http://" + strings.TrimSpace(strings.TrimPrefix(out, "Relay on "))
	for n := range 2 * relay.DefaultLimits.Burst {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/cable/new/00112233445566778899AABBCCDDEEFF", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.2.%d", n%200+1))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusTooManyRequests {
			t.Fatalf("person %d is refused for what others did", n)
		}
	}
}

func TestBrowserHostInstallsAndUninstalls(t *testing.T) {
	t.Parallel()
	profile, folder := t.TempDir(), filepath.Join(t.TempDir(), "browser")
	if status, _, errOut := cardea(t, "browser-host", "--install", "--profile", profile, "--folder", folder); status != 0 {
		t.Fatal(errOut)
	}
	manifest := filepath.Join(profile, "NativeMessagingHosts", "org.cardea.platform.json")
	b, err := os.ReadFile(manifest)
	if err != nil || !strings.Contains(string(b), browser.ExtensionID) {
		t.Errorf("host manifest: %s, %v", b, err)
	}
	cfg, err := browser.ReadConfig(filepath.Join(folder, "host.json"))
	if err != nil || cfg.Authenticator == "" {
		t.Errorf("the host's first configuration: %+v, %v; want one with this device's authenticator", cfg, err)
	}
	if status, _, errOut := cardea(t, "browser-host", "--uninstall", "--profile", profile, "--folder", folder); status != 0 {
		t.Fatal(errOut)
	}
	if _, err := os.Stat(manifest); !os.IsNotExist(err) {
		t.Errorf("after uninstalling, the manifest: %v", err)
	}
}

func TestDemoIsOneAtATime(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "demo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	args := []string{"demo", "--no-open", "--state", dir, "--port", "28480"}
	out := up(t, "Android", args...).String()
	if !strings.Contains(out, "Begin here") || !strings.Contains(out, "/setup#") {
		t.Errorf("demo says %s, want where to begin", out)
	}
	if status, _, errOut := cardea(t, args...); status != 1 || !strings.Contains(errOut, "--port") {
		t.Errorf("a second demo = %d, %s; want a word about --port", status, errOut)
	}
	if conn, err := net.Dial("unix", filepath.Join(dir, "air.sock")); err != nil {
		t.Errorf("after a second demo the air of the first: %v", err)
	} else {
		_ = conn.Close()
	}
}
