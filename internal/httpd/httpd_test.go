package httpd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func get(h http.Handler, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w
}

func TestErrorsShowTheirSentenceAndHideTheirCause(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		err    error
		status int
		public string
	}{
		{"an error with a status", Errorf(http.StatusTeapot, "Short and stout.", "the secret cause"), http.StatusTeapot, "Short and stout."},
		{"one that was wrapped", fmt.Errorf("doing: %w", Errorf(http.StatusGone, "Gone.", "the secret cause")), http.StatusGone, "Gone."},
		{"any other error", errors.New("the secret cause"), http.StatusInternalServerError, "Something went wrong on our side"},
		{"a body that is too big", &http.MaxBytesError{Limit: 1}, http.StatusRequestEntityTooLarge, "more than we can take"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			h := Log(slog.New(slog.NewTextHandler(&log, nil)), Wrap(func(http.ResponseWriter, *http.Request) error {
				return tt.err
			}, PlainError))
			w := get(h, "/")
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.public) {
				t.Errorf("answer = %d %q, want %d with %q", w.Code, w.Body, tt.status, tt.public)
			}
			if strings.Contains(w.Body.String(), "secret cause") {
				t.Errorf("answer tells the cause: %q", w.Body)
			}
			if !strings.Contains(log.String(), tt.err.Error()) {
				t.Errorf("log does not tell the cause: %s", log.String())
			}
		})
	}
}

var referencePattern = regexp.MustCompile(`[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}`)

func TestPageAndLogShareAReference(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := Log(slog.New(slog.NewTextHandler(&log, nil)), Wrap(func(http.ResponseWriter, *http.Request) error {
		return errors.New("no")
	}, PlainError))
	page := referencePattern.FindString(get(h, "/").Body.String())
	if page == "" || page != referencePattern.FindString(log.String()) {
		t.Errorf("page has reference %q, log is %s", page, log.String())
	}
	if other := referencePattern.FindString(get(h, "/").Body.String()); other == page {
		t.Errorf("two requests have the reference %q", page)
	}
}

func TestQueryIsNotLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := Log(slog.New(slog.NewTextHandler(&log, nil)), http.NotFoundHandler())
	get(h, "/callback?code=SECRET")
	if !strings.Contains(log.String(), "path=/callback") || strings.Contains(log.String(), "SECRET") {
		t.Errorf("log = %s, want the path without the query", log.String())
	}
}

func TestPanicIsAnAnswerAndARecord(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := Log(slog.New(slog.NewTextHandler(&log, nil)), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic("broken invariant")
	}))
	w := get(h, "/")
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "invariant") {
		t.Errorf("answer = %d %q, want a 500 that does not say why", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "broken invariant") {
		t.Errorf("log = %s, want an error with the panic", log.String())
	}
}

func TestAbortedHandlerStaysAborted(t *testing.T) {
	t.Parallel()
	h := Log(slog.New(slog.DiscardHandler), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	}))
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recover() = %v, want http.ErrAbortHandler", p)
		}
	}()
	get(h, "/")
}

func TestHandlersAddToTheRecord(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := Log(slog.New(slog.NewTextHandler(&log, nil)), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := RecordOf(r.Context())
		rec.Attrs = append(rec.Attrs, slog.String("outcome", "signed_in"))
		w.WriteHeader(http.StatusCreated)
	}))
	get(h, "/")
	for _, want := range []string{"outcome=signed_in", "status=201"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log = %s, want %s in it", log.String(), want)
		}
	}
	if RecordOf(context.Background()).Reference == "" {
		t.Error("RecordOf() outside of a request has no reference")
	}
}

func TestPagesHaveSecurityHeaders(t *testing.T) {
	t.Parallel()
	h := get(Headers(PageCSP, http.NotFoundHandler()), "/").Header()
	for name, want := range map[string]string{
		"Content-Security-Policy": PageCSP,
		"Referrer-Policy":         "no-referrer",
		"X-Frame-Options":         "DENY",
		"X-Content-Type-Options":  "nosniff",
		"Cache-Control":           "no-store",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if strings.Contains(PageCSP, "unsafe") || !strings.Contains(PageCSP, "frame-ancestors 'none'") {
		t.Errorf("PageCSP = %q", PageCSP)
	}
}

func TestBodyOverTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	h := LimitBody(4, Wrap(func(_ http.ResponseWriter, r *http.Request) error {
		_, err := io.ReadAll(r.Body)
		return err
	}, PlainError))
	for body, want := range map[string]int{"1234": http.StatusOK, "12345": http.StatusRequestEntityTooLarge} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
		if w.Code != want {
			t.Errorf("body of %d bytes: status %d, want %d", len(body), w.Code, want)
		}
	}
}

// pipes is a listener in memory, so that time can be a test's own.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

func TestBodyThatTricklesIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		read := make(chan error, 1)
		h := LimitBody(1000, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			read <- err
		}))
		l := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- Serve(ctx, l, Log(slog.New(slog.DiscardHandler), h), slog.New(slog.DiscardHandler)) }()

		conn := l.dial()
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		began := time.Now()
		if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		gone := make(chan struct{})
		go func() { // a byte each second, for a quarter of an hour
			defer close(gone)
			for range 900 {
				if _, err := conn.Write([]byte("a")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("reading the body: %v after %v, want it given up", err, time.Since(began))
		}
		if took := time.Since(began); took != bodyTimeout {
			t.Errorf("given up after %v, want %v", took, bodyTimeout)
		}
		conn.Close()
		<-gone
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve() = %v", err)
		}
	})
}

func TestLongHeaderIsRefused(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, l, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), slog.New(slog.DiscardHandler))
	}()
	for size, want := range map[int]int{32 << 10: http.StatusOK, 128 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User-Agent", strings.Repeat("x", size))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil || res.StatusCode != want {
			t.Errorf("header of %d bytes: %d, want %d", size, res.StatusCode, want)
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Errorf("Serve() = %v", err)
	}
}

func TestServeLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	inside, stopping := make(chan struct{}), make(chan struct{})
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(inside)
			<-stopping
			_, _ = io.WriteString(w, "whole")
		}), slog.New(slog.DiscardHandler))
	}()
	answer := make(chan string, 1)
	go func() {
		res, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		answer <- string(b)
	}()
	<-inside
	cancel()
	close(stopping)
	if got := <-answer; got != "whole" {
		t.Errorf("answer = %q, want it whole", got)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve() = %v, want nil after an orderly end", err)
	}
}

func TestServeEndsWithItsListener(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Serve(t.Context(), l, http.NotFoundHandler(), slog.New(slog.DiscardHandler)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve() = %v, want net.ErrClosed", err)
	}
}
