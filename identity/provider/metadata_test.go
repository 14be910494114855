package provider_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/identity/provider"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMetadata(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := h.get(provider.PathConfiguration)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("metadata = %d %q", w.Code, w.Header().Get("Content-Type"))
	}
	var got bytes.Buffer
	if err := json.Indent(&got, w.Body.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	golden := filepath.Join("testdata", "metadata.json")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if other := h.get(provider.PathMetadata); !bytes.Equal(other.Body.Bytes(), w.Body.Bytes()) {
		t.Error("the two documents differ")
	}
}

func TestMetadataDoesNotDependOnTheHost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := httptest.NewRequest(http.MethodGet, provider.PathConfiguration, nil)
	r.Host = "evil.example"
	r.Header.Set("X-Forwarded-Host", "evil.example")
	if w := h.serve(r); strings.Contains(w.Body.String(), "evil") {
		t.Errorf("metadata = %s", w.Body)
	}
}

func TestDocumentsMayBeKeptForAWhile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for path, want := range map[string]string{
		provider.PathConfiguration: "public, max-age=300",
		provider.PathJWKS:          "public, max-age=900",
	} {
		w := h.get(path)
		if got := w.Header().Get("Cache-Control"); got != want {
			t.Errorf("%s: Cache-Control = %q, want %q", path, got, want)
		}
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("If-None-Match", w.Header().Get("ETag"))
		if again := h.serve(r); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("%s: asked again with its ETag: %d", path, again.Code)
		}
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, c := h.signIn()
	allowed := map[string]string{
		provider.PathConfiguration: "GET, HEAD, OPTIONS",
		provider.PathMetadata:      "GET, HEAD, OPTIONS",
		provider.PathJWKS:          "GET, HEAD, OPTIONS",
		provider.PathAuthorize:     "GET, POST",
		provider.PathToken:         "POST, OPTIONS",
		provider.PathUserInfo:      "GET, POST, OPTIONS",
	}
	for path, allow := range allowed {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
			w := h.serve(httptest.NewRequest(method, path, nil), c)
			if strings.Contains(allow, method) {
				if w.Code == http.StatusMethodNotAllowed {
					t.Errorf("%s %s: 405", method, path)
				}
				continue
			}
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != allow {
				t.Errorf("%s %s: %d, Allow %q; want 405, %q", method, path, w.Code, w.Header().Get("Allow"), allow)
			}
		}
	}
}

// RFC 9700 §2.6: scripts of any origin may use what looks at no cookie, and
// nothing else.
func TestScriptsOfOtherOriginsMayUse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for path, want := range map[string]string{
		provider.PathConfiguration: "*", provider.PathMetadata: "*", provider.PathJWKS: "*",
		provider.PathToken: "*", provider.PathUserInfo: "*", provider.PathAuthorize: "",
	} {
		r := httptest.NewRequest(http.MethodOptions, path, nil)
		r.Header.Set("Origin", "https://spa.example")
		r.Header.Set("Access-Control-Request-Method", "POST")
		w := h.serve(r)
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s: Access-Control-Allow-Origin = %q, want %q", path, got, want)
		}
		if w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: cookies are allowed", path)
		}
	}
}

func TestIssuerMustBeAnOrigin(t *testing.T) {
	t.Parallel()
	for issuer, ok := range map[string]bool{
		"https://login.example":                   true,
		"https://login.example:8443":              true,
		"http://login.cardea.localhost:8480":      true,
		"http://127.0.0.1:8480":                   true,
		"":                                        false,
		"login.example":                           false,
		"https://login.example/":                  false,
		"https://login.example/tenant":            false,
		"https://login.example?x":                 false,
		"https://login.example#x":                 false,
		"http://login.example":                    false,
		"ftp://login.example":                     false,
		"https://user@login.example":              false,
		"http://login.cardea.localhost.evil.com/": false,
	} {
		_, err := provider.New(provider.Config{Issuer: issuer})
		if refused := err != nil && strings.Contains(err.Error(), "Issuer"); refused == ok {
			t.Errorf("New(issuer %q) = %v, want it accepted: %v", issuer, err, ok)
		}
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := provider.New(provider.Config{Issuer: issuer})
	if err == nil || !strings.Contains(err.Error(), "Directory is missing") {
		t.Errorf("New() = %v, want it to name Directory", err)
	}
}
