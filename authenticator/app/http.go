package app

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"cardea/internal/httpd"
)

// Limits of a request's body in bytes.
const (
	maxForm    = 64 << 10
	maxPicture = 8 << 20
)

// csp lets the page show what its own camera sees; all else is as on every
// page of ours.
const csp = httpd.MarkupCSP + "; media-src 'self' blob:"

// allowedHosts returns the values of the Host header that the phone answers
// to: that of its own URL, and the machine's own names with the same port. A
// page of another site whose name has been made to lead to this machine
// arrives with a Host that is not among them.
func allowedHosts(base string) (map[string]bool, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("reading the URL of the pages: %w", err)
	}
	name := u.Hostname()
	ip := net.ParseIP(name)
	local := name == "localhost" || strings.HasSuffix(name, ".localhost") || ip != nil && ip.IsLoopback()
	if u.Scheme != "http" || !local || u.Path != "" || u.RawQuery != "" {
		return nil, fmt.Errorf("URL of the pages is %q; it must be http, name this machine only, and have no path", base)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	hosts := map[string]bool{u.Host: true}
	for _, h := range []string{name, "localhost", "127.0.0.1", "::1"} {
		hosts[net.JoinHostPort(h, port)] = true
	}
	return hosts, nil
}

// Handler returns the pages. They need no more than Handler; the agent and an
// orderly end need Run or Serve.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", Assets())
	for pattern, h := range a.routes() {
		limit := int64(maxForm)
		if pattern == "POST /scan/frame" {
			limit = maxPicture
		}
		mux.Handle(pattern, httpd.LimitBody(limit, httpd.Wrap(a.guard(pattern, h), a.errorPage)))
	}
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(httpd.Wrap(refuseCrossOrigin, a.errorPage))
	h := a.ownUser(a.ownHost(cross.Handler(mux)))
	return httpd.Log(a.cfg.Log, httpd.Headers(csp, permissions(h)))
}

// routes are the pages and what their forms do. Those that need an open vault
// say so by open, and all but the first four by known.
func (a *App) routes() map[string]httpd.Handler {
	return map[string]httpd.Handler{
		"GET /{$}":          a.current(a.home),
		"GET /events":       a.events,
		"GET /prompt":       a.current(a.promptPage),
		"GET /prompt/sheet": a.promptSheet,
		"POST /prompt":      a.current(a.answerPrompt),

		"GET /setup":   a.current(a.setupPage),
		"POST /setup":  a.current(a.setUp),
		"POST /unlock": a.current(a.unlock),
		"POST /lock":   a.current(a.lock),
		"POST /erase":  a.current(a.erase),

		"GET /passkeys/{ref}":         a.open(a.passkeyPage),
		"POST /passkeys/{ref}/name":   a.open(a.renamePasskey),
		"GET /passkeys/{ref}/delete":  a.open(a.deletePage),
		"POST /passkeys/{ref}/delete": a.open(a.deletePasskey),
		"GET /activity":               a.open(a.activityPage),
		"GET /settings":               a.open(a.settingsPage),
		"GET /settings/secret":        a.open(a.secretPage),
		"POST /settings/secret":       a.open(a.changeSecret),

		"POST /settings/preferences":   a.open(a.setPreferences),
		"GET /settings/opener/{name}":  a.open(a.openerPage),
		"POST /settings/opener/{name}": a.open(a.setOpener),

		"GET /settings/computers":               a.linked(a.computersPage),
		"GET /settings/computers/{ref}":         a.linked(a.computerPage),
		"POST /settings/computers/{ref}/name":   a.linked(a.renameComputer),
		"POST /settings/computers/{ref}/forget": a.linked(a.forgetComputer),
		"GET /settings/forget-computers":        a.linked(a.forgetComputersPage),
		"POST /settings/forget-computers":       a.linked(a.forgetComputers),

		"GET /scan":          a.camera(a.scanPage),
		"POST /scan/frame":   a.camera(a.scanFrame),
		"POST /scan/start":   a.camera(a.scanStart),
		"GET /scan/progress": a.camera(a.progressPage),
		"POST /scan/cancel":  a.camera(a.scanCancel),
		"POST /scan/done":    a.camera(a.scanDone),
	}
}

// current lets h answer if the phone's system is new enough. If not, every
// page says so, and every act is refused.
func (a *App) current(h httpd.Handler) httpd.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		switch {
		case !a.old:
			return h(w, r)
		case r.Method == http.MethodGet:
			return a.render(w, http.StatusOK, "old", oldPage{Frame: a.frame("Update this "+a.words.Device, ""), Version: a.cfg.OSVersion})
		default:
			return &httpd.Error{Status: http.StatusForbidden, Code: "too_old", Err: ErrTooOld,
				Public: fmt.Sprintf("This %s needs %s %d.", a.words.Device, a.words.System, a.words.Minimum)}
		}
	}
}

// open lets h answer while the vault is open, and sends people to the lock
// screen otherwise.
func (a *App) open(h httpd.Handler) httpd.Handler {
	return a.current(func(w http.ResponseWriter, r *http.Request) error {
		if a.keeper.Locked() {
			return see(w, r, "/")
		}
		return h(w, r)
	})
}

// camera lets h answer on a device that reads codes. Elsewhere a page says what
// codes are for, and every act is refused.
func (a *App) camera(h httpd.Handler) httpd.Handler {
	return a.current(func(w http.ResponseWriter, r *http.Request) error {
		switch {
		case a.words.Camera:
			return h(w, r)
		case r.Method == http.MethodGet:
			return a.render(w, http.StatusOK, "no_camera", noCameraPage{Frame: a.frame("Codes are for phones", "")})
		default:
			return &httpd.Error{Status: http.StatusForbidden, Code: "no_camera", Err: ErrNoCamera,
				Public: "Codes are for phones. This " + a.words.Device + " doesn't answer them."}
		}
	})
}

// linked lets h answer on an open phone that computers may be linked with.
func (a *App) linked(h httpd.Handler) httpd.Handler {
	return a.open(func(w http.ResponseWriter, r *http.Request) error {
		if a.links == nil {
			return httpd.Errorf(http.StatusNotFound, "This "+a.words.Device+" doesn't link computers.", "no links on %s", a.cfg.Style)
		}
		return h(w, r)
	})
}

func (a *App) ownHost(next http.Handler) http.Handler {
	refuse := httpd.Wrap(func(http.ResponseWriter, *http.Request) error {
		return httpd.Errorf(http.StatusMisdirectedRequest, "This "+a.words.Device+" isn't reached by that name.", "foreign host")
	}, httpd.PlainError)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.hosts[strings.ToLower(r.Host)] {
			refuse.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func refuseCrossOrigin(http.ResponseWriter, *http.Request) error {
	return httpd.Errorf(http.StatusForbidden, "That came from another site, so nothing was done.", "cross-origin request")
}

// permissions keeps the camera and the screen for the pages themselves.
func permissions(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Permissions-Policy", "camera=(self), display-capture=(self), microphone=(), geolocation=()")
		next.ServeHTTP(w, r)
	})
}

// see sends the browser to another page after an act. The path is ours, never
// the request's.
func see(w http.ResponseWriter, r *http.Request, path string) error {
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}

func (a *App) errorPage(w http.ResponseWriter, r *http.Request, e *httpd.Error) {
	if wantsJSON(r) {
		writeJSON(w, e.Status, scanAnswer{Problem: e.Public})
		return
	}
	p := errorPage{Frame: a.frame("That didn't work", ""), Heading: "That didn't work", Says: e.Public,
		Reference: string(httpd.ReferenceOf(r.Context()))}
	if !a.sessions.knows(r) {
		p.Frame.Alone, p.Frame.Sheet = true, sheet{}
	}
	if err := a.render(w, e.Status, "error", p); err != nil {
		httpd.PlainError(w, r, httpd.AsError(errors.Join(e, err)))
	}
}
