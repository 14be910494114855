package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cardea/internal/look"
)

func branded(t *testing.T) Brand {
	t.Helper()
	logo, err := look.ParseLogo([]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><path d="M0 0h40v20z" fill="#5b2a86"/></svg>`))
	if err != nil {
		t.Fatal(err)
	}
	return NewBrand(look.Brand{Accent: "#5b2a86", Logo: logo})
}

func TestBrandIsServedSoThatItCanDoNothing(t *testing.T) {
	t.Parallel()
	b := branded(t)
	for path, kind := range map[string]string{b.Stylesheet: "text/css; charset=utf-8", b.LogoURL: "image/svg+xml"} {
		w := httptest.NewRecorder()
		b.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		h := w.Header()
		if w.Code != http.StatusOK || h.Get("Content-Type") != kind || !strings.Contains(h.Get("Cache-Control"), "immutable") ||
			h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, w.Code, h)
		}
		if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "sandbox") || strings.Contains(csp, "script-src") {
			t.Errorf("%s has the policy %q", path, csp)
		}
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, httptest.NewRequest(http.MethodGet, BrandPrefix+"0000000000000000.css", nil))
	if w.Code != http.StatusNotFound || strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("another version: %d %v, want 404", w.Code, w.Header())
	}
}

func TestPagesShowTheBrand(t *testing.T) {
	t.Parallel()
	b := branded(t)
	ui := New(Site{Name: "Alder", Brand: b, Contact: "mailto:help@alder.example", PrivacyURL: "https://alder.example/privacy"}, nil)
	for _, p := range []Page{Support{}, Home{}, People{}} {
		html, err := ui.HTML(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{b.Stylesheet, b.LogoURL, `width="60"`} {
			if !strings.Contains(string(html), want) {
				t.Errorf("%T lacks %s", p, want)
			}
		}
	}
	html, err := ui.HTML(Support{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"mailto:help@alder.example", "https://alder.example/privacy"} {
		if !strings.Contains(string(html), want) {
			t.Errorf("the footer lacks %s", want)
		}
	}
}
