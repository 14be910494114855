package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"cardea/platform"
	"cardea/webauthn"
)

// maxRequests is how many requests may be open at once. Each has a window;
// nobody has use for so many.
const maxRequests = 16

// readyWithin bounds how long this device's authenticator may take to say that
// it is there.
const readyWithin = 2 * time.Second

// errSuperseded ends a request whose page has asked anew: nobody waits for its
// answer any more.
var errSuperseded = errors.New("the page has asked anew")

// A Host is the program behind the extension. Its zero value is not usable.
type Host struct {
	// Client answers the requests. Run gives each its window: Client.Open must
	// be nil.
	Client platform.Client
	// Log gets what goes wrong; nil discards it. It must not be stdout.
	Log *slog.Logger
}

// Run serves one browser on in and out until in ends or ctx does. It returns
// nil when the browser has closed in between two messages. All requests have
// ended when it returns.
func (h *Host) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	log := h.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &serving{client: h.Client, log: log, out: out, cancel: cancel, open: map[ID]*request{}}
	// Requests end before Run does, and before out is nobody's any more.
	defer s.all.Wait()
	defer cancel()

	s.status(ctx)
	messages := make(chan []byte)
	ended := make(chan error, 1)
	// The read cannot be interrupted. If ctx ends first, the goroutine stays
	// until the browser closes the pipe or the process ends.
	go func() { ended <- readAll(ctx, bufio.NewReader(in), messages) }()
	for {
		select {
		case b := <-messages:
			s.receive(ctx, b)
		case err := <-ended:
			return err
		case <-ctx.Done():
			return s.lost()
		}
	}
}

func readAll(ctx context.Context, r io.Reader, messages chan<- []byte) error {
	for {
		b, err := readMessage(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case messages <- b:
		case <-ctx.Done():
			return nil
		}
	}
}

// serving is one run of a Host.
type serving struct {
	client platform.Client
	log    *slog.Logger
	cancel context.CancelFunc
	all    sync.WaitGroup // of the requests, and of status

	mu   sync.Mutex
	out  io.Writer
	open map[ID]*request
	err  error // of the first write that did not work

	asking atomic.Bool // whether this device is ready
}

// A request is one that has no answer yet.
type request struct {
	id     ID
	origin webauthn.Origin
	window *window
	end    context.CancelCauseFunc
}

func (s *serving) receive(ctx context.Context, b []byte) {
	m, err := parseIncoming(b)
	if err != nil {
		s.log.Error("message from the extension", "error", err)
		return
	}
	switch m.Type {
	case typeCreate, typeGet:
		s.begin(ctx, m)
	case typeCancel:
		s.end(m.ID, context.Canceled)
	case typeAct:
		s.act(m)
	case typeClosed:
		if r := s.find(m.ID); r != nil {
			r.window.closed()
		}
	case typeStatus:
		s.status(ctx)
	default:
		s.log.Error("message from the extension", "type", m.Type)
	}
}

// begin starts a request. What cannot be read is answered at once: it has no
// person to ask.
func (s *serving) begin(ctx context.Context, m incoming) {
	by, do, err := s.prepare(m)
	if err != nil {
		s.log.Error("request from the extension", "error", err)
		s.done(m.ID, "", err)
		return
	}
	ctx, end := context.WithCancelCause(ctx)
	r := &request{id: m.ID, origin: by.Origin, end: end}
	r.window = newWindow(func(v view) { s.write(outgoing{Type: typeShow, ID: m.ID, View: &v}) })
	if err := s.add(r); err != nil {
		end(err)
		s.log.Error("request from the extension", "error", err)
		s.done(m.ID, "", err)
		return
	}
	s.all.Go(func() {
		defer end(nil)
		response, err := do(ctx, r.window)
		s.remove(r)
		s.done(m.ID, response, err)
	})
}

// prepare reads a request and returns what answers it with JSON text.
func (s *serving) prepare(m incoming) (by platform.Caller, do func(context.Context, *window) (string, error), err error) {
	if m.Type == typeCreate {
		by, o, err := parseCreate(m.Details)
		return by, func(ctx context.Context, w *window) (string, error) {
			r, err := s.with(w).Create(ctx, by, o)
			return text(r, err)
		}, err
	}
	by, o, err := parseGet(m.Details)
	return by, func(ctx context.Context, w *window) (string, error) {
		r, err := s.with(w).Get(ctx, by, o)
		return text(r, err)
	}, err
}

func text(response any, err error) (string, error) {
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(response)
	if err != nil {
		return "", fmt.Errorf("writing the answer: %w", err)
	}
	return string(b), nil
}

// with returns the client for one request, whose window is w.
func (s *serving) with(w *window) *platform.Client {
	c := s.client
	c.Open = func(_ context.Context, r platform.Request) (platform.Dialog, error) {
		w.request, w.form = r, c.Form
		return w, nil
	}
	return &c
}

// add notes a request. Another one of the same origin is ended.
func (s *serving) add(r *request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[r.id] != nil {
		return fmt.Errorf("request %d is open already", r.id)
	}
	if len(s.open) >= maxRequests {
		return fmt.Errorf("%d requests are open already", len(s.open))
	}
	for _, old := range s.open {
		if old.origin == r.origin {
			old.end(errSuperseded)
		}
	}
	s.open[r.id] = r
	return nil
}

func (s *serving) find(id ID) *request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[id]
}

func (s *serving) remove(r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, r.id)
}

func (s *serving) end(id ID, cause error) {
	if r := s.find(id); r != nil {
		r.end(cause)
	}
}

func (s *serving) act(m incoming) {
	if r := s.find(m.ID); r != nil {
		r.window.pressed(platform.Action{
			Do: platform.Do(m.Action.Do), Kind: platform.Kind(m.Action.Kind), ID: m.Action.ID, Index: m.Action.Index,
			Text: m.Action.Text,
		})
	}
}

// status has ready said, on the side: an authenticator that hangs must not keep
// the requests from being heard. Who asks meanwhile gets the same answer.
func (s *serving) status(ctx context.Context) {
	if s.asking.Swap(true) {
		return
	}
	s.all.Go(func() {
		defer s.asking.Store(false)
		s.ready(ctx)
	})
}

// ready says that the Host is here, and whether this device can verify its
// person.
func (s *serving) ready(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	uvpaa := false
	for _, r := range s.client.Routes {
		if r.Kind() == platform.ThisDevice {
			uvpaa = r.Ready(ctx, "localhost").Usable
		}
	}
	s.write(outgoing{Type: typeReady, Version: version, UVPAA: uvpaa})
}

// done answers a request. The page sees the name and the message of a
// *platform.Error and of no other.
func (s *serving) done(id ID, response string, err error) {
	m := outgoing{Type: typeDone, ID: id, Response: response}
	if err != nil {
		e := platform.ErrorOf(err)
		m.Error = &pageError{Name: string(e.Name), Message: e.Message}
	}
	s.write(m)
}

// write sends a message. A browser that does not listen any more ends the run.
func (s *serving) write(m outgoing) {
	b, err := json.Marshal(m)
	if err != nil {
		panic("browser: internal error: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	if s.err = writeMessage(s.out, b); s.err != nil {
		s.cancel()
	}
}

func (s *serving) lost() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
