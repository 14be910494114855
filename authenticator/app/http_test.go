package app

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestEveryPostIsRefusedFromAnotherSite(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	n := 0
	for pattern := range s.routes() {
		method, path, _ := strings.Cut(pattern, " ")
		if method != http.MethodPost {
			continue
		}
		n++
		path = strings.ReplaceAll(path, "{ref}", "0011223344556677")
		for name, change := range map[string]func(*http.Request){
			"another site":      func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
			"a neighbor's site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
			"an old browser": func(r *http.Request) {
				r.Header.Del("Sec-Fetch-Site")
				r.Header.Set("Origin", "http://login.cardea.localhost:8480")
			},
		} {
			if resp, _ := s.do(method, path, url.Values{}, change); resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s from %s = %s, want 403", pattern, name, resp.Status)
			}
		}
	}
	if n < 10 {
		t.Errorf("tried %d acts, want all of them", n)
	}
}

func TestForeignHostIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"127.0.0.1:" + port:                  http.StatusOK,
		"localhost:" + port:                  http.StatusOK,
		"[::1]:" + port:                      http.StatusOK,
		"attacker.example:" + port:           http.StatusMisdirectedRequest,
		"127.0.0.1.attacker.example:" + port: http.StatusMisdirectedRequest,
		"localhost:1" + port:                 http.StatusMisdirectedRequest,
		"other.localhost:" + port:            http.StatusMisdirectedRequest,
		"127.0.0.1":                          http.StatusMisdirectedRequest,
	} {
		resp, body := s.do(http.MethodGet, "/", nil, func(r *http.Request) { r.Host = host })
		if resp.StatusCode != want {
			t.Errorf("GET / of %s = %s, want %d", host, resp.Status, want)
		}
		if want != http.StatusOK && strings.Contains(body, "Test phone") {
			t.Errorf("page for %s tells the phone's name", host)
		}
	}
}

func TestURLMustNameThisMachine(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "http://phone.example:80", "https://127.0.0.1:1", "http://192.0.2.1:80", "http://127.0.0.1:80/path",
		"http://localhost.example:80", "//127.0.0.1:80", "http://[::2]:80", "http://127.0.0.1:80?x=y"} {
		if hosts, err := allowedHosts(bad); err == nil {
			t.Errorf("allowedHosts(%q) = %v, want an error", bad, hosts)
		}
	}
	for _, good := range []string{"http://127.0.0.1:80", "http://iphone.cardea.localhost:8482", "http://[::1]:9", "http://localhost"} {
		if _, err := allowedHosts(good); err != nil {
			t.Errorf("allowedHosts(%q): %v", good, err)
		}
	}
}

func TestServeRefusesAListenerThatOthersReach(t *testing.T) {
	t.Parallel()
	a, err := New(Config{Style: IOS, OSVersion: "17", VaultPath: filepath.Join(t.TempDir(), "v"), URL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Skip(err)
	}
	if err := a.Serve(t.Context(), l); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("Serve = %v, want %v", err, ErrNotLoopback)
	}
}

func TestPagesCarryTheHeadersThatGuardThem(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	resp, _ := s.do(http.MethodGet, "/scan", nil, nil)
	for header, want := range map[string]string{
		"Content-Security-Policy": "frame-ancestors 'none'",
		"Permissions-Policy":      "camera=(self)",
		"Referrer-Policy":         "no-referrer",
		"X-Frame-Options":         "DENY",
		"Cache-Control":           "no-store",
	} {
		if got := resp.Header.Get(header); !strings.Contains(got, want) {
			t.Errorf("%s = %q, want %q in it", header, got, want)
		}
	}
	if csp := resp.Header.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q allows what is unsafe", csp)
	}
}

func TestPagesBehindTheLockNeedIt(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.save(passkey(1, "ana@example"))
	href := hrefOf(passkey(1, ""))
	s.keeper.Lock()
	for _, path := range []string{href, href + "/delete", "/activity", "/settings", "/settings/secret"} {
		resp, body := s.do(http.MethodGet, path, nil, nil)
		if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/" {
			t.Errorf("GET %s = %s to %q, want the lock screen", path, resp.Status, resp.Header.Get("Location"))
		}
		if strings.Contains(body, "ana@example") {
			t.Errorf("GET %s shows an account", path)
		}
	}
	if status, location, _ := s.post(href + "/delete"); status != http.StatusSeeOther || location != "/" {
		t.Errorf("deleting = %d to %q, want the lock screen", status, location)
	}
	if err := s.keeper.Prove(t.Context(), testPIN); err != nil {
		t.Fatal(err)
	}
	if all, err := s.keeper.Passkeys(t.Context(), ""); err != nil || len(all) != 1 {
		t.Errorf("%d passkeys, %v; want the one still", len(all), err)
	}
}
