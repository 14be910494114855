package link_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cardea/hybrid/tunnel"
)

// inBubble runs a test of patience where time passes only when everybody waits:
// a machine that is slow makes nobody late. The network is in memory there,
// where synctest can see who waits.
func inBubble(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(t, worldOf(t, serveWired)) })
}

// serveWired is serve over connections in memory.
func serveWired(t testing.TB, h http.Handler) *tunnel.Dialer {
	t.Helper()
	l := &wires{arriving: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: h}
	served := make(chan struct{})
	go func() {
		defer close(served)
		srv.Serve(l)
	}()
	transport := &http.Transport{DialContext: l.dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.Close()
		<-served
	})
	d := dialerTo("http://relay")
	d.Client = &http.Client{Transport: transport}
	return d
}

// wires is a listener whose connections are in memory.
type wires struct {
	arriving chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func (l *wires) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	out, back := newWire(), newWire()
	select {
	case l.arriving <- &wired{in: out, out: back}:
		return &wired{in: back, out: out}, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *wires) Accept() (net.Conn, error) {
	select {
	case c := <-l.arriving:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *wires) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *wires) Addr() net.Addr { return &net.UnixAddr{Name: "wires"} }

// A wire is one direction of a connection. It takes whatever is written, as the
// kernel does with messages of this size; net.Pipe would make who writes wait
// for who reads.
type wire struct {
	mu      sync.Mutex
	data    []byte
	ended   bool          // the writer has closed
	gone    bool          // the reader has closed
	due     time.Time     // the reader's deadline
	changed chan struct{} // closed and replaced whenever the above changes
}

func newWire() *wire { return &wire{changed: make(chan struct{})} }

func (w *wire) change(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *wire) read(p []byte) (int, error) {
	for {
		w.mu.Lock()
		n := copy(p, w.data)
		w.data = w.data[n:]
		gone, ended, due, changed := w.gone, w.ended, w.due, w.changed
		w.mu.Unlock()
		switch {
		case gone:
			return 0, net.ErrClosed
		case n > 0:
			return n, nil
		case ended:
			return 0, io.EOF
		}
		var late <-chan time.Time
		if !due.IsZero() {
			if !time.Now().Before(due) {
				return 0, os.ErrDeadlineExceeded
			}
			late = time.After(time.Until(due))
		}
		select {
		case <-changed:
		case <-late:
		}
	}
}

func (w *wire) write(p []byte) (n int, err error) {
	w.change(func() {
		switch {
		case w.ended:
			err = net.ErrClosed
		case w.gone:
			err = syscall.EPIPE
		default:
			n, w.data = len(p), append(w.data, p...)
		}
	})
	return n, err
}

// A wired is one end of a connection of two wires.
type wired struct{ in, out *wire }

func (c *wired) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *wired) Write(p []byte) (int, error) { return c.out.write(p) }

func (c *wired) Close() error {
	c.in.change(func() { c.in.gone = true })
	c.out.change(func() { c.out.ended = true })
	return nil
}

func (c *wired) SetReadDeadline(t time.Time) error {
	c.in.change(func() { c.in.due = t })
	return nil
}

func (c *wired) SetWriteDeadline(time.Time) error { return nil } // nobody waits to write
func (c *wired) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *wired) LocalAddr() net.Addr              { return &net.UnixAddr{Name: "wire"} }
func (c *wired) RemoteAddr() net.Addr             { return &net.UnixAddr{Name: "wire"} }
