package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/web/words"
	"cardea/internal/httpd"
	"cardea/webauthn"
)

// SessionCookie is the cookie of the login host that holds the session's token.
// Its name on the wire is Cookies.Name(SessionCookie).
const SessionCookie = "cardea-session"

// maxBody is the most that a request to a page may carry. An attestation with
// its certificates is a few kilobytes.
const maxBody = 64 << 10

// A Surface is what the handlers of one host share.
type Surface struct {
	UI      *UI
	Cookies Cookies
	Origin  webauthn.Origin
	// Failing is the title of pages that say what went wrong; Home is where
	// such a page leads back to.
	Failing string
	Home    Link
	// Speak is called when somebody chooses a language at the foot of a page,
	// before the browser is told to remember it; nil if there is nothing more to do.
	Speak func(r *http.Request, l words.Language) error
}

// NewSurface returns the Surface of the host at origin, such as
// "https://login.example".
func NewSurface(ui *UI, origin, failing string, home Link) Surface {
	return Surface{
		UI: ui, Cookies: Cookies{Secure: strings.HasPrefix(origin, "https:")},
		Origin: webauthn.Origin(origin), Failing: failing, Home: home,
	}
}

// Browser returns who is on the other side of r, for a ceremony.
func (s Surface) Browser(w http.ResponseWriter, r *http.Request) ceremony.Browser {
	return ceremony.Browser{
		Binding:   s.Cookies.Browser(w, r),
		Origin:    s.Origin,
		Token:     s.Cookies.Get(r, SessionCookie),
		UserAgent: r.UserAgent(),
		Address:   address(r),
		Reference: string(httpd.ReferenceOf(r.Context())),
	}
}

// address returns the host that r came from, without the port.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Protect wraps a host's pages: security headers, a limit on bodies, refusal of
// posts from other origins, and what the audit log should know of each request.
func (s Surface) Protect(pages http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Fail(w, r, Fault(http.StatusForbidden, "other_site", "cross-origin request"))
	}))
	known := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := audit.With(r.Context(), audit.Request{
			Reference: string(httpd.ReferenceOf(r.Context())), Address: address(r), UserAgent: r.UserAgent(),
		})
		pages.ServeHTTP(w, r.WithContext(ctx))
	})
	return httpd.Headers(httpd.PageCSP, httpd.LimitBody(maxBody, cross.Handler(s.languages(pages, httpd.CompressPages(known)))))
}

// Page makes an http.Handler of h whose errors are shown as a page.
func (s Surface) Page(h httpd.Handler) http.Handler { return httpd.Wrap(refusals(h), s.Fail) }

// JSON makes an http.Handler of h whose errors are told to the page's script.
func (s Surface) JSON(h httpd.Handler) http.Handler { return httpd.Wrap(refusals(h), s.failJSON) }

// refusals gives a ceremony's no the status that all of them have: what was
// wrong is in the code, for those who may know it (WebAuthn §14.6.2).
func refusals(h httpd.Handler) httpd.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := h(w, r)
		var no *ceremony.Refusal
		var e *httpd.Error
		if errors.As(err, &no) && !errors.As(err, &e) {
			return &httpd.Error{Status: http.StatusForbidden, Code: string(no.Outward), Public: no.Public, Err: err}
		}
		return err
	}
}

// NotFound is the answer to an address that has no page.
func (s Surface) NotFound(http.ResponseWriter, *http.Request) error {
	return Fault(http.StatusNotFound, "not_found", "no such page")
}

// failure puts e into words, for the request r.
func (s Surface) failure(r *http.Request, e *httpd.Error) Failure {
	f := Failure{Reference: string(httpd.ReferenceOf(r.Context())), Time: s.UI.Now()}
	var no *ceremony.Refusal
	if errors.As(e, &no) {
		f.Words = s.In(r).WordsForRefusal(s.Failing, no)
		return f
	}
	title, code := s.Failing, e.Code
	switch {
	case e.Status == http.StatusNotFound:
		title = titleNothingHere
	case e.Status >= 500:
		title = titleWentWrong
	}
	if code == "" {
		code = codeOf(e.Status)
	}
	f.Words = s.In(r).WordsFor(title, code, e.Public)
	f.Reason = e.Code
	return f
}

// codeOf returns the code of an error that has none of its own.
func codeOf(status int) string {
	switch {
	case status == http.StatusTooManyRequests:
		return "too_many"
	case status == http.StatusRequestEntityTooLarge:
		return "too_large"
	case status >= 500:
		return "our_fault"
	}
	return ""
}

// Fail shows e as a page.
func (s Surface) Fail(w http.ResponseWriter, r *http.Request, e *httpd.Error) {
	p := Stopped{Failure: s.failure(r, e), Primary: s.Home}
	if err := s.Render(w, r, e.Status, p); err != nil {
		httpd.PlainError(w, r, e)
	}
}

// said is what a script is told of a failure.
type said struct {
	Reason    string `json:"reason"`
	Title     string `json:"title"`
	What      string `json:"what"`
	Do        string `json:"do"`
	Reference string `json:"reference"`
	Time      string `json:"time"`
}

func (s Surface) failJSON(w http.ResponseWriter, r *http.Request, e *httpd.Error) {
	f := s.failure(r, e)
	if f.Reason == "" {
		f.Reason = "our_fault"
	}
	// The page is gone if nobody reads this; there is nobody else to tell.
	_ = WriteJSON(w, e.Status, said{f.Reason, f.Title, f.What, f.Do, f.Reference, s.In(r).Stamp(f.Time)})
}

// WriteJSON writes v with status.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

// ReadJSON reads the body of r into v: one JSON value, sent as such, and
// nothing that v has no place for.
func ReadJSON(r *http.Request, v any) error {
	const code = "unreadable"
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return Fault(http.StatusUnsupportedMediaType, code, "content type %q", r.Header.Get("Content-Type"))
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		var tooBig *http.MaxBytesError
		if errors.As(err, &tooBig) {
			return err
		}
		return Fault(http.StatusBadRequest, code, "reading the request: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Fault(http.StatusBadRequest, code, "something follows the request")
	}
	return nil
}

// Begun is the answer to a script that begins a ceremony.
type Begun struct {
	ID       string          `json:"id"`
	Options  json.RawMessage `json:"options"`
	Lifetime int             `json:"lifetime"` // seconds
}

// Begin keeps the state of a ceremony that has begun in the browser, and tells
// the script what it needs.
func (s Surface) Begin(w http.ResponseWriter, r *http.Request, b ceremony.Begun) error {
	life := b.Expires.Sub(s.UI.Now())
	s.Cookies.Keep(w, r, KeptCeremony, b.ID, b.Sealed, life)
	return WriteJSON(w, http.StatusOK, Begun{ID: b.ID, Options: b.Options, Lifetime: int(ceremony.Lifetime.Seconds())})
}

// A Finish is what a script sends when the browser has answered.
type Finish struct {
	ID       string          `json:"id"`
	Response json.RawMessage `json:"response"`
	Continue string          `json:"continue"`
}

// End reads a Finish and takes the state of its ceremony out of the browser.
func (s Surface) End(w http.ResponseWriter, r *http.Request) (f Finish, sealed string, err error) {
	if err := ReadJSON(r, &f); err != nil {
		return f, "", err
	}
	return f, s.Cookies.Take(w, r, KeptCeremony, f.ID), nil
}
