package platform

import (
	"net/netip"
	"net/url"
	"strings"

	"cardea/webauthn"
)

// A Caller is the page that asks, as the browser vouches for it, or a program
// that asks for itself (see Program).
type Caller struct {
	Origin webauthn.Origin
	// Native says that a program asks and that Origin is one that it states,
	// made by webauthn.NativeOrigin. Never set it for a page.
	Native bool
	// SameOriginWithAncestors is false for a page in a frame of another
	// origin.
	SameOriginWithAncestors bool
}

// Program returns the Caller that a program is which signs in at a site by
// itself. Its relying party must be one that a page of that site could name.
func Program(o webauthn.Origin) Caller {
	return Caller{Origin: o, Native: true, SameOriginWithAncestors: true}
}

// host returns the domain of a caller that may use passkeys.
func (c Caller) host() (string, bool) {
	if !c.Native {
		return host(c.Origin)
	}
	name, ok := c.Origin.NativeHost()
	return name, ok && isDomain(name)
}

// host returns the domain of a serialised origin that may use passkeys
// (WebAuthn §5.1.3 steps 6 and 7): https, or http on a name that never leaves
// this device. An address is not a domain.
func host(o webauthn.Origin) (string, bool) {
	u, err := url.Parse(string(o))
	if err != nil || u.Opaque != "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", false
	}
	name := u.Hostname()
	// A serialised origin is canonical. One that is not came from somewhere
	// else than a browser.
	if u.Scheme+"://"+u.Host != string(o) || strings.ToLower(u.Host) != u.Host || !isDomain(name) {
		return "", false
	}
	switch u.Scheme {
	case "https":
		return name, u.Port() != "443"
	case "http":
		return name, isLocalhost(name) && u.Port() != "80"
	}
	return "", false
}

func isLocalhost(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// isDomain reports whether s is a domain in the form that a browser makes:
// lower case, punycode, no dot at the end, no address.
func isDomain(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return false
	}
	if last := s[strings.LastIndexByte(s, '.')+1:]; strings.Trim(last, "0123456789") == "" {
		return false // an address in one of its shorter forms, or no name at all
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
