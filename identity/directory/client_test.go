package directory_test

import (
	"net/url"
	"slices"
	"testing"

	"cardea/identity/directory"
)

// Whatever a native client redirects to is one of its URIs, but for the port of
// this machine.
func FuzzRedirects(f *testing.F) {
	for _, s := range []string{
		"http://127.0.0.1/callback", "http://127.0.0.1:49152/callback", "http://[::1]:1/callback", "http://127.0.0.1:1@evil.example/callback",
		"http://127.0.0.1:/callback", "http://127.0.0.1:00080/callback", "http://127.0.0.1:99999/callback", "https://app.example/callback", "",
	} {
		f.Add(s)
	}
	web := directory.Client{RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback", "https://app.example/callback"}}
	native := web
	native.Native = true
	f.Fuzz(func(t *testing.T, uri string) {
		if web.Redirects(uri) != slices.Contains(web.RedirectURIs, uri) {
			t.Errorf("%q: a page's URI is compared to the letter", uri)
		}
		if web.Redirects(uri) && !native.Redirects(uri) {
			t.Errorf("%q: a program may less than a page", uri)
		}
		if !native.Redirects(uri) || web.Redirects(uri) {
			return
		}
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatalf("%q redirects and cannot be parsed: %v", uri, err)
		}
		loopback := u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"
		if !loopback || u.Scheme != "http" || u.User != nil || u.Port() == "" || u.Path != "/callback" || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("%q redirects", uri)
		}
	})
}
