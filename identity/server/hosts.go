package server

import (
	"context"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cardea/identity/provider"
	"cardea/identity/web"
	"cardea/internal/httpd"
)

// How often one address may post to the login host, where nobody is signed in
// yet. An office behind one address signs in at nine o'clock; a program that
// tries passes gets nowhere.
const (
	postInterval  = 200 * time.Millisecond
	postBurst     = 100
	postAddresses = 10_000
)

// pathHealth tells who looks after the machine that the server works.
const pathHealth = "/healthz"

// byHost answers a request with the handler of its host (see the package
// comment).
func (s *Server) byHost(hosts map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == pathHealth {
			s.health(w, r)
			return
		}
		h, ok := hosts[hostOf(r.Host, s.scheme)]
		if !ok {
			// RFC 9110 §15.5.20. The name is not repeated: it may be anything.
			http.Error(w, "There is nothing here under this name.", http.StatusMisdirectedRequest)
			return
		}
		if s.scheme == "https" {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		h.ServeHTTP(w, r)
	})
}

// hostOf returns host in the one form it is compared in: lower case, no dot at
// the end, and without the port that its scheme has by itself.
func hostOf(host, scheme string) string {
	host = strings.ToLower(host)
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		return strings.TrimSuffix(host, ".")
	}
	name = strings.TrimSuffix(name, ".")
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return name
	}
	return net.JoinHostPort(name, port)
}

// loginHost is the sign-in pages and the provider.
func (s *Server) loginHost(p *provider.Provider) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{
		provider.PathConfiguration, provider.PathMetadata, provider.PathAuthorize,
		provider.PathToken, provider.PathUserInfo, provider.PathJWKS,
		provider.PathRevoke, provider.PathChallenge,
	} {
		mux.Handle(path, p)
	}
	mux.Handle("/", s.limitPosts(s.signin.Surface, s.signin))
	return mux
}

// limitPosts counts the posts of each address. A script is told in its own way.
func (s *Server) limitPosts(pages web.Surface, next http.Handler) http.Handler {
	limiter := httpd.NewLimiter(postInterval, postBurst, postAddresses, s.now)
	limited := func(w http.ResponseWriter, r *http.Request) error {
		if err := limiter.Take(w, r); err != nil {
			return err
		}
		next.ServeHTTP(w, r)
		return nil
	}
	page := httpd.Headers(httpd.PageCSP, pages.Page(limited))
	script := httpd.Headers(httpd.PageCSP, pages.JSON(limited))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); {
		case r.Method != http.MethodPost:
			next.ServeHTTP(w, r)
		case err == nil && t == "application/json":
			script.ServeHTTP(w, r)
		default:
			page.ServeHTTP(w, r)
		}
	})
}

// accountHost is My Account and the administration.
func (s *Server) accountHost() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/admin", s.admin)
	mux.Handle("/admin/", s.admin)
	mux.Handle("/", s.account)
	return mux
}

// hosts returns what each host answers with.
func (s *Server) hosts(p *provider.Provider) map[string]http.Handler {
	login, account := mustHost(s.cfg.LoginURL), mustHost(s.cfg.AccountURL)
	rp := string(s.cfg.RPID)
	if port := login.Port(); port != "" {
		rp = net.JoinHostPort(rp, port)
	}
	rp = hostOf(rp, s.scheme)
	hosts := map[string]http.Handler{
		hostOf(login.Host, s.scheme):   s.loginHost(p),
		hostOf(account.Host, s.scheme): s.accountHost(),
	}
	if hosts[rp] == nil {
		hosts[rp] = s.nameless()
	}
	for host, rest := range hosts {
		hosts[host] = s.documents(host, host == rp, rest)
	}
	return hosts
}

// mustHost parses an origin that Check has accepted.
func mustHost(origin string) *url.URL {
	u, err := url.Parse(origin)
	if err != nil {
		panic("server: internal error: " + err.Error())
	}
	return u
}

// health reads something from the database.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	w.Header().Set("Cache-Control", "no-store")
	if _, err := s.db.SigningKeys(ctx); err != nil {
		s.log.ErrorContext(ctx, "health", "error", err)
		http.Error(w, "database", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n")) // who asked has gone
}
