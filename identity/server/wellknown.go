package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"cardea/identity/web"
)

// The documents that browsers, passkey managers and people who look for faults
// ask for at an address that they know without being told (RFC 8615).
const (
	pathOrigins   = "/.well-known/webauthn"          // WebAuthn §5.11.1
	pathEndpoints = "/.well-known/passkey-endpoints" // W3C passkey-endpoints §3
	pathSecurity  = "/.well-known/security.txt"      // RFC 9116 §3
	pathChange    = "/.well-known/change-password"   // W3C change-password-url §3
	pathWellKnown = "/.well-known/"
	pathRobots    = "/robots.txt" // RFC 9309 §2.3
)

// securityLifetime is how long security.txt says that it holds. It is counted
// anew from each request's day, so that the document never runs out while the
// server runs (RFC 9116 §2.5.5 asks for less than a year).
const securityLifetime = 180 * 24 * time.Hour

// documents answers what every host has. atRP says that the host is the RP ID,
// where the documents of passkeys stand and nowhere else.
func (s *Server) documents(host string, atRP bool, rest http.Handler) http.Handler {
	mux := http.NewServeMux()
	if atRP {
		mux.Handle("GET "+pathOrigins, document(map[string][]string{"origins": s.cfg.origins()}))
		// No prfUsageDetails: nothing here is encrypted with a passkey.
		mux.Handle("GET "+pathEndpoints, document(map[string]string{
			"enroll": s.cfg.AccountURL + "/security/add", "manage": s.cfg.AccountURL + "/security",
		}))
	}
	if s.cfg.SecurityContact != "" {
		mux.HandleFunc("GET "+pathSecurity, s.securityTxt(host))
	}
	// There are no passwords; what comes closest is where passkeys are changed.
	// The text asks for 302, 303 or 307.
	mux.Handle("GET "+pathChange, http.RedirectHandler(s.cfg.AccountURL+"/security", http.StatusSeeOther))
	mux.HandleFunc("GET "+pathRobots, robots)
	mux.Handle("GET "+web.BrandPrefix, s.brand)
	mux.Handle("GET "+web.ProviderPrefix, s.providers)
	mux.Handle("/", rest)
	return mux
}

// nameless is the RP ID's host if it is neither of the others. Its pages are
// those of My Account. Below /.well-known/ it redirects nothing: who asks for
// change-password tries an address that must not be there first, and takes a
// site that leads it to a page for one whose answers mean nothing (W3C
// change-password-url §4).
func (s *Server) nameless() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(pathWellKnown, http.NotFoundHandler())
	mux.Handle("/", http.RedirectHandler(s.cfg.AccountURL+"/", http.StatusSeeOther))
	return mux
}

// securityTxt says where faults are reported. Expires moves once a day, so that
// the document can be kept for as long.
func (s *Server) securityTxt(host string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		until := s.now().UTC().Truncate(24 * time.Hour).Add(securityLifetime)
		var b strings.Builder
		b.WriteString("Contact: " + s.cfg.SecurityContact + "\n")
		b.WriteString("Expires: " + until.Format(time.RFC3339) + "\n")
		b.WriteString("Preferred-Languages: " + strings.Join(s.cfg.securityLanguages(), ", ") + "\n")
		b.WriteString("Canonical: " + s.scheme + "://" + host + pathSecurity + "\n")
		if s.cfg.SecurityPolicyURL != "" {
			b.WriteString("Policy: " + s.cfg.SecurityPolicyURL + "\n")
		}
		public(w, "text/plain; charset=utf-8") // RFC 9116 §3
		_, _ = w.Write([]byte(b.String()))     // who asked has gone
	}
}

// robots keeps search engines off: a sign-in page that is found by its words is
// what a forged one would like to be next to. The support page is for finding.
func robots(w http.ResponseWriter, _ *http.Request) {
	public(w, "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("User-agent: *\nAllow: /support$\nAllow: /assets/\nDisallow: /\n")) // who asked has gone
}

func document(v any) http.Handler {
	b, err := json.Marshal(v)
	if err != nil {
		panic("server: internal error: " + err.Error())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		public(w, "application/json")
		_, _ = w.Write(b) // who asked has gone
	})
}

// public sets the headers of a document that anyone may read and keep for a
// few minutes.
func public(w http.ResponseWriter, contentType string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=300")
}
