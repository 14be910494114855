// Package httpd holds what every HTTP surface of Cardea shares: handlers that
// return errors, one log record per request, security headers, body limits and
// an orderly shutdown.
//
// A handler returns nil or an error. An *Error says which status and which
// sentence the person gets; its cause goes to the log only. Any other error is
// a fault of ours: status 500 and a sentence that gives nothing away. Each
// request has a Reference, shown on error pages and written to the log and to
// sign-in events, so that a help desk can find what happened.
package httpd

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// A Handler answers a request or says why it cannot.
type Handler func(w http.ResponseWriter, r *http.Request) error

// An Error is an answer that is not a success. Public is shown to the person
// or client; Err is for the log and never leaves the house.
type Error struct {
	Status int
	Code   string // machine-readable, for pages' scripts and APIs; may be empty
	Public string
	Err    error
}

// Errorf returns an Error whose cause is formatted as by fmt.Errorf.
func Errorf(status int, public, format string, args ...any) *Error {
	return &Error{Status: status, Public: public, Err: fmt.Errorf(format, args...)}
}

// Error returns the cause's text, or the public one if there is no cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return e.Public
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// AsError returns the *Error in err's chain, or one with status 500.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return &Error{Status: http.StatusRequestEntityTooLarge, Public: "That is more than we can take.", Err: err}
	}
	return &Error{
		Status: http.StatusInternalServerError,
		Public: "Something went wrong on our side. Try again in a moment.",
		Err:    err,
	}
}

// A Reference names one request to people: "7F3C-91DA-20B8".
type Reference string

func newReference() Reference {
	var b [6]byte
	rand.Read(b[:])
	return Reference(fmt.Sprintf("%02X%02X-%02X%02X-%02X%02X", b[0], b[1], b[2], b[3], b[4], b[5]))
}

type contextKey int

const recordKey contextKey = 0

// A Record is what the log says of a request. Handlers may add to it.
type Record struct {
	Reference Reference
	// Path is logged instead of the request's own, unless it is empty: some
	// paths are secrets.
	Path  string
	Attrs []slog.Attr
}

// RecordOf returns the record of the request that ctx belongs to. Outside of
// one it returns a record that nobody reads.
func RecordOf(ctx context.Context) *Record {
	if r, ok := ctx.Value(recordKey).(*Record); ok {
		return r
	}
	return &Record{Reference: newReference()}
}

// ReferenceOf returns the reference of the request that ctx belongs to.
func ReferenceOf(ctx context.Context) Reference { return RecordOf(ctx).Reference }

// An ErrorPage writes e to the client in the surface's own form.
type ErrorPage func(w http.ResponseWriter, r *http.Request, e *Error)

// PlainError writes the public sentence and the reference as text.
func PlainError(w http.ResponseWriter, r *http.Request, e *Error) {
	http.Error(w, fmt.Sprintf("%s\nReference %s", e.Public, ReferenceOf(r.Context())), e.Status)
}

// Wrap makes an http.Handler of h. Errors go to page.
func Wrap(h Handler, page ErrorPage) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			e := AsError(err)
			rec := RecordOf(r.Context())
			rec.Attrs = append(rec.Attrs, slog.String("error", err.Error())) // the whole chain
			page(w, r, e)
		}
	})
}

// Log gives each request a Reference and writes one record when it ends. The
// path is logged, the query never: codes travel there.
func Log(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &Record{Reference: newReference()}
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		began := time.Now()
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				sw.status = http.StatusInternalServerError
				rec.Attrs = append(rec.Attrs, slog.Any("panic", p))
				if !sw.wrote {
					http.Error(w, "Something went wrong on our side.\nReference "+string(rec.Reference), sw.status)
				}
			}
			level := slog.LevelInfo
			if sw.status >= 500 {
				level = slog.LevelError
			}
			attrs := append([]slog.Attr{
				slog.String("reference", string(rec.Reference)),
				slog.String("method", r.Method),
				slog.String("host", r.Host),
				slog.String("path", cmp.Or(rec.Path, r.URL.Path)),
				slog.Int("status", sw.status),
				slog.Duration("took", time.Since(began)),
			}, rec.Attrs...)
			log.LogAttrs(r.Context(), level, "request", attrs...)
		}()
		next.ServeHTTP(sw, r.WithContext(context.WithValue(r.Context(), recordKey, rec)))
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (w *statusWriter) WriteHeader(status int) {
	if !w.wrote {
		w.status, w.wrote = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController and hijacking reach the real writer.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Headers sets the security headers of pages. csp is the whole
// Content-Security-Policy.
func Headers(csp string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// PageCSP is the policy for pages whose scripts and styles are files of their
// own origin, and whose scripts never make markup of text (Trusted Types).
const PageCSP = MarkupCSP + "; require-trusted-types-for 'script'; trusted-types 'none'"

// MarkupCSP is PageCSP for pages whose scripts put in markup that their own
// server rendered.
const MarkupCSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// bodyTimeout is how long a request body may take to arrive.
const bodyTimeout = 30 * time.Second

// LimitBody refuses bodies of more than n bytes and those that take more than
// half a minute: reading them fails.
func LimitBody(n int64, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// Where there is no connection, as in a test, nothing can trickle.
			// The server takes the deadline back before the next request.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		r.Body = http.MaxBytesReader(w, r.Body, n)
		next.ServeHTTP(w, r)
	})
}

// maxHeader is the most that a request's header may have, in bytes. A browser
// brings some cookies of up to 4 KB.
const maxHeader = 64 << 10

// Timeouts and drains of Serve.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	drainTimeout      = 10 * time.Second
)

// Serve answers on l until ctx ends, then lets requests finish for up to ten
// seconds. It returns nil after an orderly end.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		err := srv.Shutdown(drain)
		if err != nil {
			err = errors.Join(fmt.Errorf("draining: %w", err), srv.Close())
		}
		stopped <- err
	}()
	err := srv.Serve(l)
	cancel() // it ended by itself: the listener is gone
	drained := <-stopped
	if !errors.Is(err, http.ErrServerClosed) {
		return errors.Join(fmt.Errorf("serving: %w", err), drained)
	}
	return drained
}
