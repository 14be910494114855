package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/manage"
)

const (
	// maxConnections bounds the programs that wait at the same time; more of
	// them wait to be accepted.
	maxConnections = 32
	// frameTimeout is how long a program may take to send its question, or to
	// take the answer off our hands.
	frameTimeout = 10 * time.Second
)

// Serve answers programs that connect to l until ctx ends, and then returns
// nil; it closes l. Commands that are under way are cancelled and waited for.
// pageURL is where the person is asked; programs may open it.
//
// l must be a Unix socket, as Listen returns: of no other can be said who is at
// the other end.
func Serve(ctx context.Context, l net.Listener, a *authenticator.Authenticator, pageURL string, opts ...Option) error {
	ctx, cancel := context.WithCancel(ctx)
	var served sync.WaitGroup
	defer served.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	defer l.Close()
	s := &server{a: a, page: func() string { return pageURL }}
	for _, o := range opts {
		o(s)
	}
	free := make(chan struct{}, maxConnections)
	for {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		conn, err := l.Accept()
		if err != nil && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accepting a program: %w", err)
		}
		served.Go(func() {
			defer func() { <-free }()
			s.serve(ctx, conn)
		})
	}
}

// An Option changes what Serve offers.
type Option func(*server)

// WithManager lets programs manage the vault too, by what Remote.Manager
// returns.
func WithManager(m manage.Manager) Option {
	return func(s *server) { s.managing = &managing{m, make(chan struct{}, 1)} }
}

// WithPage has each program told a page of its own, in the place of pageURL: page
// is called for each.
func WithPage(page func() string) Option {
	return func(s *server) { s.page = page }
}

type server struct {
	a        *authenticator.Authenticator
	page     func() string
	managing *managing // nil if the vault is not to be managed
}

// serve answers one question. Whatever is wrong with it, the program learns no
// more than that the connection ended.
func (s *server) serve(ctx context.Context, conn net.Conn) {
	var reading sync.WaitGroup
	defer reading.Wait()
	defer conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Closing, unlike a deadline, also ends the reads that come later.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	program, err := checkPeer(conn)
	if err != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(frameTimeout))
	var q question
	if err := readFrame(conn, &q); err != nil {
		return
	}
	brought, done, err := s.receive(ctx, conn, q)
	if err != nil {
		return
	}
	defer done()
	_ = conn.SetReadDeadline(time.Time{})
	answering, leave := context.WithCancel(ctx)
	defer leave()
	reading.Go(func() {
		// Nothing more is to come: whatever ends this read, be it the end of
		// the connection or a program that talks on, ends the command.
		_, _ = conn.Read(make([]byte, 1))
		leave()
	})
	if q.Order != nil {
		_ = s.managing.carryOut(answering, conn, *q.Order, brought)
		return
	}
	r, err := s.answer(answering, q, program)
	if err != nil {
		return
	}
	_ = conn.SetWriteDeadline(time.Now().Add(frameTimeout))
	_ = writeFrame(conn, r)
}

// receive reads what comes with a question to manage the vault. Any other has
// nothing with it.
func (s *server) receive(ctx context.Context, conn net.Conn, q question) ([]authenticator.Passkey, func(), error) {
	switch {
	case q.Kind == askManage && q.Order != nil && s.managing != nil:
		return s.managing.receive(ctx, conn, *q.Order)
	case q.Kind == askManage || q.Order != nil:
		return nil, nil, errors.New("vault is not to be managed")
	}
	return nil, func() {}, nil
}

func (s *server) answer(ctx context.Context, q question, program string) (reply, error) {
	switch q.Kind {
	case askHello:
		return reply{PageURL: s.page()}, nil
	case askHas:
		switch has, known := s.a.HasPasskey(ctx, q.RPID); {
		case !known:
			return reply{}, nil
		case has:
			return reply{Has: hasSome}, nil
		}
		return reply{Has: hasNone}, nil
	case askCTAP:
		if len(q.Caller) > maxCaller {
			return reply{}, errors.New("caller's name too long")
		}
		caller := authenticator.Caller{Via: authenticator.ViaLocal, Name: q.Caller, Program: program}
		return reply{Response: s.a.Handle(ctx, caller, q.Request)}, nil
	}
	return reply{}, errors.New("unknown question")
}

// checkPeer makes sure that the program at the other end is of our own user, and
// returns its name, if the system tells.
func checkPeer(conn net.Conn) (program string, err error) {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return "", errors.New("not a Unix socket")
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return "", err
	}
	var checked error
	err = raw.Control(func(fd uintptr) {
		if checked = checkPeerUser(int(fd)); checked == nil {
			program = peerProgram(int(fd))
		}
	})
	if err != nil {
		return "", err
	}
	return program, checked
}
