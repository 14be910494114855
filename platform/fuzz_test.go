package platform

import (
	"net/netip"
	"strings"
	"testing"

	"cardea/webauthn"
)

// Whatever a caller calls itself, what is accepted is a domain over https or
// this device, and only its own domain or a part of it may be a relying party.
func FuzzOriginAndRPID(f *testing.F) {
	f.Add("https://login.example.org", "example.org")
	f.Add("http://login.cardea.localhost:4000", "cardea.localhost")
	f.Add("http://127.0.0.1:8080", "localhost")
	f.Add("https://[::1]", "::1")
	f.Add("https://example.org.", "org")
	f.Add("https://a.github.io", "github.io")
	f.Add("https://user:password@example.org:443/path?q#f", "")
	f.Fuzz(func(t *testing.T, origin, rp string) {
		name, ok := host(webauthn.Origin(origin))
		if !ok {
			return
		}
		if !strings.HasPrefix(origin, "https://"+name) && !(strings.HasPrefix(origin, "http://"+name) && isLocalhost(name)) {
			t.Errorf("host(%q) = %q", origin, name)
		}
		if _, err := netip.ParseAddr(name); err == nil || name != strings.ToLower(name) || strings.HasSuffix(name, ".") {
			t.Errorf("host(%q) = %q, which is no domain", origin, name)
		}
		if rpIDFits(name, webauthn.RPID(rp)) && rp != name && (!strings.HasSuffix(name, "."+rp) || !strings.Contains(rp, ".")) {
			t.Errorf("%q may be the relying party of %q", rp, name)
		}
	})
}

// A list of related origins never lets in an origin that it does not contain.
func FuzzRelatedOrigins(f *testing.F) {
	f.Add([]byte(`{"origins":["https://shop.de","https://shop.fr"]}`), "https://shop.fr")
	f.Add([]byte(`{"origins":null}`), "https://shop.fr")
	f.Add([]byte(`{"origins":["null",""]}`), "null")
	f.Fuzz(func(t *testing.T, document []byte, caller string) {
		ok, err := isRelated(document, webauthn.Origin(caller))
		if !ok {
			return
		}
		if _, valid := host(webauthn.Origin(caller)); err != nil || !valid {
			t.Errorf("isRelated(%q, %q) = true, %v", document, caller, err)
		}
	})
}
