package provider

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/grant"
	"cardea/identity/session"
	"cardea/internal/httpd"
	"cardea/internal/secret"
)

// Where the endpoints are, below the issuer.
const (
	PathConfiguration = "/.well-known/openid-configuration"       // Discovery §4
	PathMetadata      = "/.well-known/oauth-authorization-server" // RFC 8414 §3
	PathAuthorize     = "/oauth2/authorize"
	PathToken         = "/oauth2/token"
	PathUserInfo      = "/oauth2/userinfo"
	PathJWKS          = "/oauth2/jwks"
	PathRevoke        = "/oauth2/revoke"              // RFC 7009
	PathChallenge     = "/oauth2/authorize-challenge" // first-party applications draft §5

	pathSignIn = "/signin" // the sign-in page, on the same host
)

// Config is what a Provider needs.
type Config struct {
	// Issuer is the origin of the login host: no path and no slash at the end.
	// It is written into metadata, tokens and answers exactly as it stands
	// here; what a request says of its host is never used.
	Issuer    string
	Directory *directory.Directory
	Sessions  *session.Service
	Grants    *grant.Service
	Audit     *audit.Log
	Keys      *Keys
	// Ceremony signs people in for programs of ours, without a page. Nil: the
	// challenge endpoint is not there.
	Ceremony *ceremony.Service
	// MarkerKey authenticates markers (see the package comment). If it
	// changes, people under way are asked once more.
	MarkerKey secret.Key
	// SessionToken returns the session token that the browser presents, or "".
	SessionToken func(*http.Request) string
	// ErrorPage shows an error that must not go to a client. Nil is
	// httpd.PlainError.
	ErrorPage httpd.ErrorPage
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// A Provider answers the endpoints. It is an http.Handler for the paths above
// and safe for concurrent use.
type Provider struct {
	cfg      Config
	mux      *http.ServeMux
	metadata document
	jwks     document
}

// New returns a Provider. The error names the part of cfg that will not do.
func New(cfg Config) (*Provider, error) {
	if err := checkIssuer(cfg.Issuer); err != nil {
		return nil, fmt.Errorf("provider: Issuer: %w", err)
	}
	for _, part := range []struct {
		name string
		ok   bool
	}{
		{"Directory", cfg.Directory != nil}, {"Sessions", cfg.Sessions != nil}, {"Grants", cfg.Grants != nil},
		{"Audit", cfg.Audit != nil}, {"Keys", cfg.Keys != nil}, {"SessionToken", cfg.SessionToken != nil},
		{"MarkerKey", cfg.MarkerKey.Len() == 32},
	} {
		if !part.ok {
			return nil, fmt.Errorf("provider: %s is missing", part.name)
		}
	}
	if cfg.ErrorPage == nil {
		cfg.ErrorPage = httpd.PlainError
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &Provider{cfg: cfg, metadata: newMetadata(cfg.Issuer, cfg.Ceremony != nil), jwks: newDocument(cfg.Keys.JWKS(), jwksMaxAge)}
	p.routes()
	return p, nil
}

// ServeHTTP answers the paths of this package.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// maxForm is the longest body that is read, in bytes.
const maxForm = 64 << 10

func (p *Provider) routes() {
	p.mux = http.NewServeMux()
	// The authorization endpoint is a page: it is not for scripts of others.
	authorize := httpd.Headers(httpd.PageCSP, audited(httpd.Wrap(p.authorize, p.cfg.ErrorPage)))
	p.handle(PathAuthorize, authorize, http.MethodGet, http.MethodPost)
	// The rest is for programs, from any origin and without cookies.
	p.handle(PathConfiguration, open(p.metadata.serve), http.MethodGet, http.MethodHead, http.MethodOptions)
	p.handle(PathMetadata, open(p.metadata.serve), http.MethodGet, http.MethodHead, http.MethodOptions)
	p.handle(PathJWKS, open(p.jwks.serve), http.MethodGet, http.MethodHead, http.MethodOptions)
	p.handle(PathToken, open(noted(api(p.token))), http.MethodPost, http.MethodOptions)
	p.handle(PathRevoke, open(noted(api(p.revoke))), http.MethodPost, http.MethodOptions)
	if p.cfg.Ceremony != nil { // not for scripts of any origin
		limiter := httpd.NewLimiter(challengeInterval, challengeBurst, challengeAddresses, p.cfg.Now)
		p.handle(PathChallenge, noted(limited(limiter, p.challenge)), http.MethodPost)
	}
	p.handle(PathUserInfo, open(api(p.userInfo)), http.MethodGet, http.MethodPost, http.MethodOptions)
}

// handle answers path with h for the methods given, and with 405 for others.
// HEAD is not GET here: to look at an authorization request is to answer it.
func (p *Provider) handle(path string, h http.Handler, methods ...string) {
	allow := strings.Join(methods, ", ")
	h = httpd.LimitBody(maxForm, h)
	p.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		for _, m := range methods {
			if r.Method == m {
				h.ServeHTTP(w, r)
				return
			}
		}
		w.Header().Set("Allow", allow)
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	})
}

// audited puts into the context what events are to say of the request.
func audited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(audit.With(r.Context(), requestOf(r))))
	})
}

// open lets scripts of any origin read the answer (RFC 9700 §2.6). That is safe
// because these endpoints look at no cookie.
func open(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodOptions {
			header.Set("Access-Control-Expose-Headers", "WWW-Authenticate")
			h(w, r)
			return
		}
		header.Set("Access-Control-Allow-Methods", "GET, POST")
		header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		header.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	})
}

func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme+"://"+u.Host != issuer || u.Host == "" {
		return errors.New("want the origin of the login host, like https://login.example.com")
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return errors.New("want https, except on this machine")
	}
	return nil
}

// loopback reports whether host can only be this machine. Browsers resolve
// every name below localhost themselves (RFC 6761 §6.3).
func loopback(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
