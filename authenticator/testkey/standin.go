package testkey

import (
	"context"
	"sync"

	"cardea/authenticator"
)

// A standIn answers for the person. While touch is on it approves; while it is
// off a question waits for a change.
type standIn struct {
	mu      sync.Mutex
	touch   bool
	denials int           // questions to come that get a no
	waiting bool          // a question is on the table
	changed chan struct{} // closed and replaced at each change
}

var _ authenticator.Person = (*standIn)(nil)

func newStandIn() *standIn { return &standIn{touch: true, changed: make(chan struct{})} }

// Ask implements authenticator.Person.
func (s *standIn) Ask(ctx context.Context, p authenticator.Prompt) (authenticator.Answer, error) {
	defer s.change(func() { s.waiting = false })
	for {
		answered, err, next := s.try()
		switch {
		case answered && err != nil:
			return authenticator.Answer{}, err
		case answered:
			return authenticator.Answer{Verified: p.Verify}, nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return authenticator.Answer{}, ctx.Err()
		}
	}
}

// try answers now if it can; if not, something must change first.
func (s *standIn) try() (answered bool, err error, next <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.denials > 0:
		s.denials--
		return true, authenticator.ErrDeclined, nil
	case s.touch:
		return true, nil, nil
	}
	if !s.waiting {
		s.waiting = true
		s.tell()
	}
	return false, nil, s.changed
}

func (s *standIn) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.tell()
}

// tell is called with the lock held.
func (s *standIn) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *standIn) setTouch(on bool) { s.change(func() { s.touch = on }) }
func (s *standIn) deny()            { s.change(func() { s.denials = 1 }) }

func (s *standIn) state() (touch, waiting bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.touch, s.waiting
}
