package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cardea/hybrid"
	"cardea/hybrid/radio/air"
	"cardea/platform/browser"
	"cardea/platform/doctor"
	"cardea/relay"
)

// patient writes a host configuration with a radio and a relay of the test's.
func patient(t *testing.T, relayURL string) string {
	t.Helper()
	folder := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(folder, "air.sock"))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = air.Serve(t.Context(), l, air.New()) }()
	domain, err := hybrid.DevelopmentService.Domain()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(browser.Config{
		Air: l.Addr().String(), Relays: map[string]string{domain: strings.Replace(relayURL, "http", "ws", 1)},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "host.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	r := relay.New(relay.Config{})
	server := httptest.NewServer(r)
	t.Cleanup(func() { r.Close(); server.Close() })
	service := fmt.Sprint(uint16(hybrid.DevelopmentService))

	status, out, errOut := cardea(t, "doctor", "--config", patient(t, server.URL), "--service", service)
	if status != 0 || !strings.Contains(out, "works    Bluetooth: it listens") || errOut != "" {
		t.Errorf("doctor: %d\n%s%s", status, out, errOut)
	}

	status, out, _ = cardea(t, "doctor", "--json", "--config", patient(t, "http://127.0.0.1:1"), "--service", service)
	var findings []doctor.Finding
	if err := json.Unmarshal([]byte(out), &findings); err != nil || status != 1 {
		t.Fatalf("doctor --json: %d, %v\n%s", status, err, out)
	}
	var relay *doctor.Finding
	for i := range findings {
		if findings[i].Leg == "relay" {
			relay = &findings[i]
		}
	}
	if relay == nil || relay.State != doctor.Broken || relay.Todo == "" {
		t.Errorf("findings %+v", findings)
	}
}

// What is said on the command line goes before the file.
func TestDoctorGoesToPrivateRelays(t *testing.T) {
	t.Parallel()
	r := relay.New(relay.Config{})
	server := httptest.NewTLSServer(r)
	t.Cleanup(func() { r.Close(); server.Close() })
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	domain, err := hybrid.DevelopmentService.Domain()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"doctor", "--config", patient(t, "http://127.0.0.1:1"), "--service", fmt.Sprint(uint16(hybrid.DevelopmentService)),
		"--relay", strings.ToUpper(domain) + "=" + strings.Replace(server.URL, "https", "wss", 1)}
	if status, out, _ := cardea(t, append(args, "--relay-ca", ca)...); status != 0 || !strings.Contains(out, domain+": it answers") {
		t.Errorf("doctor with an authority: %d\n%s", status, out)
	}
	if status, out, _ := cardea(t, args...); status != 1 || !strings.Contains(out, "--relay-ca") {
		t.Errorf("doctor without: %d\n%s", status, out)
	}
}

func TestDoctorRefusesADomainThatNoPhoneCanName(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "host.json")
	if err := os.WriteFile(path, []byte(`{"relays":{"relay.example":"wss://relay.example"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, errOut := cardea(t, "doctor", "--config", path)
	if status != 1 || !strings.Contains(errOut, "no number stands for it") {
		t.Errorf("doctor: %d %s", status, errOut)
	}
}
