package tunnel

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cardea/hybrid"
)

func TestRelayIsReachedWhereItIs(t *testing.T) {
	t.Parallel()
	d, err := Relays{At: map[string]string{"Cable.QZ2ekwmnd332c.info": "wss://relay.example.org:8443"}}.Dialer()
	if err != nil {
		t.Fatal(err)
	}
	for domain, want := range map[string]string{
		"cable.qz2ekwmnd332c.info": "wss://relay.example.org:8443",
		"cable.ua5v.com":           "wss://cable.ua5v.com",
	} {
		if got := d.Base(domain); got != want {
			t.Errorf("%s is reached at %s, want %s", domain, got, want)
		}
	}
}

func TestRelaysThatWillNotDo(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]Relays{
		"no host":        {At: map[string]string{"a": "ws:"}},
		"another scheme": {At: map[string]string{"a": "https://relay.example.org"}},
		"not a URL":      {At: map[string]string{"a": "wss://%"}},
		"no file":        {CA: empty + ".none"},
		"no certificate": {CA: empty},
	} {
		if _, err := r.Dialer(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// A service behind a certificate that the system does not know is reached with
// its own file, and only with it.
func TestPrivateRelayIsTrustedByItsFile(t *testing.T) {
	t.Parallel()
	service := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(service.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: service.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	domain, err := hybrid.DevelopmentService.Domain()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]string{domain: "wss" + strings.TrimPrefix(service.URL, "https")}
	for _, tt := range []struct{ ca, want string }{{ca, "404"}, {"", "certificate"}} {
		d, err := Relays{At: at, CA: tt.ca}.Dialer()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if _, _, err = d.New(ctx, hybrid.DevelopmentService, hybrid.TunnelID{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("with the file %q: %v, want %q", tt.ca, err, tt.want)
		}
	}
}
