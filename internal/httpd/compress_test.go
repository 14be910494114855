package httpd

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAcceptsGzipReadsWeights(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"": false, "gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "*": true, "*;q=0": false, "gzip;q=0, *": false,
		"identity": false, "GZIP": true, "gzip; q=0.0": false, "gzip;q=x": false, "gzipped": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Encoding", accept)
		if got := AcceptsGzip(r); got != want {
			t.Errorf("AcceptsGzip(%q) = %t, want %t", accept, got, want)
		}
	}
}

func TestOnlyPagesThatHoldNoSecretAreCompressed(t *testing.T) {
	t.Parallel()
	long := []byte(strings.Repeat("<p>Words of a page.</p>", 200))
	for _, tt := range []struct {
		name, method, accept, contentType string
		body                              []byte
		want, varies                      bool
	}{
		{"a page", http.MethodGet, "gzip", "text/html; charset=utf-8", long, true, true},
		{"a page for a client that cannot", http.MethodGet, "", "text/html", long, false, true},
		{"the answer to a form, which may show a secret", http.MethodPost, "gzip", "text/html", long, false, false},
		{"what is not a page", http.MethodGet, "gzip", "application/json", long, false, false},
		{"a few words", http.MethodGet, "gzip", "text/html", []byte("<p>Short.</p>"), false, true},
		{"nothing", http.MethodGet, "gzip", "", nil, false, false},
	} {
		r := httptest.NewRequest(tt.method, "/", nil)
		r.Header.Set("Accept-Encoding", tt.accept)
		w := httptest.NewRecorder()
		CompressPages(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if tt.contentType != "" {
				w.Header().Set("Content-Type", tt.contentType)
			}
			w.WriteHeader(http.StatusTeapot)
			if tt.body != nil {
				_, _ = w.Write(tt.body)
			}
		})).ServeHTTP(w, r)
		got := w.Body.Bytes()
		if compressed := w.Header().Get("Content-Encoding") == "gzip"; compressed != tt.want {
			t.Errorf("%s: compressed %t, want %t", tt.name, compressed, tt.want)
		} else if compressed {
			if len(got) > len(tt.body)/10 {
				t.Errorf("%s: %d bytes of %d", tt.name, len(got), len(tt.body))
			}
			got = unzip(t, got)
		}
		if !bytes.Equal(got, tt.body) || w.Code != http.StatusTeapot {
			t.Errorf("%s: %d, other bytes", tt.name, w.Code)
		}
		if varies := w.Header().Get("Vary") == "Accept-Encoding"; varies != tt.varies {
			t.Errorf("%s: Vary %q", tt.name, w.Header().Get("Vary"))
		}
	}
	if got := unzip(t, Gzip(long)); !bytes.Equal(got, long) {
		t.Error("Gzip() does not come back")
	}
}

func unzip(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
