package app

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"cardea/authenticator"
)

// A step is how far a question has come. Every page shows the same step, so
// that two open tabs stay together.
//
//	MakePasskey, UsePasskey, Select, Verify
//	                                 confirm ──► verify ──► secret ──► answered
//	                                    │           └────────────────► answered
//	                                    └── if nobody must be verified ► answered
//	Unlock                           secret (or setUp, if there is no vault yet) ► answered
//	                                 as MakePasskey, if a finger can open the vault
//	Reset                            hold ► answered
//	AlreadyHere, NoPasskey           told ► answered, or as MakePasskey if the
//	                                 answer is for a verified person alone
//
// Cancel leads from each of them to declined, and the end of the asking
// context to withdrawn.
type step string

const (
	stepConfirm step = "confirm" // may it? which passkey?
	stepHold    step = "hold"    // may it, and for good? a button has to be held
	stepVerify  step = "verify"  // a sensor, or the way to the secret
	stepSecret  step = "secret"  // passcode, PIN or pattern
	stepSetUp   step = "setup"   // there is no vault to unlock yet
	stepTold    step = "told"    // nothing to decide, only to be read
)

// An outcome is how a question ended.
type outcome string

const (
	outcomeAllowed   outcome = "allowed"
	outcomeDeclined  outcome = "declined"
	outcomeNoAnswer  outcome = "no-answer"
	outcomeWithdrawn outcome = "withdrawn"
	outcomeTold      outcome = "told"
	outcomeTooOld    outcome = "too-old"

	// Of computers, which are no answers to questions.
	outcomeLinked    outcome = "linked"
	outcomeForgotten outcome = "forgotten"
	outcomeCallRadio outcome = "call-radio"
	outcomeCallFar   outcome = "call-far"
	outcomeCallLost  outcome = "call-lost"
)

// A question is one Prompt and what the pages know of it so far.
type question struct {
	id      string
	prompt  authenticator.Prompt
	step    step
	choice  int
	finger  bool      // a fingerprint reader may be used for it
	pressed time.Time // since when a button is held; zero if it is not
	problem string    // what was wrong with the last try; shown until the next
	tries   int       // counts tries, so that pages see that something happened
	reply   chan reply
}

type reply struct {
	answer authenticator.Answer
	err    error
}

// A desk has room for one question. A second one waits until the first is
// answered or withdrawn.
type desk struct {
	changed func()        // told after each change, without the lock
	turn    chan struct{} // holds a token while a question is on the screen

	mu   sync.Mutex
	now  *question // nil if nothing is asked
	last outcome   // of the question before; empty if there was none
}

func newDesk(changed func()) *desk {
	return &desk{changed: changed, turn: make(chan struct{}, 1)}
}

// ask shows a question that begins as first says and waits for its end. When
// ctx runs out of time, nobody has answered; the Authenticator sees to it that
// this is at the prompt's deadline. Elsewhere shows the question in other places
// than the pages until its context ends; the next question waits for it.
func (d *desk) ask(ctx context.Context, p authenticator.Prompt, first func() question, elsewhere func(context.Context, question)) (authenticator.Answer, error) {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return authenticator.Answer{}, endOf(ctx)
	}
	begun := first()
	begun.id, begun.prompt, begun.reply = rand.Text(), p, make(chan reply, 1)
	q := &begun
	showing, gone := context.WithCancel(ctx)
	var places sync.WaitGroup
	defer places.Wait()
	defer gone()
	copied := *q
	d.put(q)
	places.Go(func() { elsewhere(showing, copied) })
	select {
	case r := <-q.reply:
		return r.answer, r.err
	case <-ctx.Done():
		return d.withdraw(ctx, q)
	}
}

func (d *desk) put(q *question) {
	d.mu.Lock()
	d.now = q
	d.mu.Unlock()
	d.changed()
}

// withdraw takes q off the screen. If the person's answer came first, the
// answer counts.
func (d *desk) withdraw(ctx context.Context, q *question) (authenticator.Answer, error) {
	err := endOf(ctx)
	d.end(q.id, outcomeOf(q.prompt.Kind, err), reply{err: err})
	r := <-q.reply
	return r.answer, r.err
}

func endOf(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return authenticator.ErrNoAnswer
	}
	return ctx.Err()
}

// end takes the question called id off the screen with r as its reply. It
// reports whether the question was still there.
func (d *desk) end(id string, o outcome, r reply) bool {
	d.mu.Lock()
	q := d.now
	if q == nil || q.id != id {
		d.mu.Unlock()
		return false
	}
	d.now, d.last = nil, o
	q.reply <- r // has room: a question is ended once
	d.mu.Unlock()
	d.changed()
	return true
}

// allow ends the question called id with a yes.
func (d *desk) allow(id string, verified bool) bool {
	d.mu.Lock()
	var a authenticator.Answer
	o := outcomeAllowed
	if d.now != nil && d.now.id == id {
		a = authenticator.Answer{Choice: d.now.choice, Verified: verified}
		if d.now.step == stepTold {
			o = outcomeTold
		}
	}
	d.mu.Unlock()
	return d.end(id, o, reply{answer: a})
}

// decline ends the question called id with a no.
func (d *desk) decline(id string) bool {
	return d.end(id, outcomeDeclined, reply{err: authenticator.ErrDeclined})
}

// move changes the question called id by f, if it is still there and at from.
func (d *desk) move(id string, from step, f func(*question)) bool {
	d.mu.Lock()
	ok := d.now != nil && d.now.id == id && d.now.step == from
	if ok {
		f(d.now)
	}
	d.mu.Unlock()
	if ok {
		d.changed()
	}
	return ok
}

// at reports whether the question called id is on the screen, at a step.
func (d *desk) at(id string, s step) bool {
	q, _ := d.see()
	return q != nil && q.id == id && q.step == s
}

// see returns a copy of the question on the screen, or nil, and how the one
// before it ended.
func (d *desk) see() (*question, outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now == nil {
		return nil, d.last
	}
	q := *d.now
	return &q, d.last
}

// unlocked answers a question that only waited for the vault to be opened.
func (d *desk) unlocked() {
	if q, _ := d.see(); q != nil && q.prompt.Kind == authenticator.Unlock {
		d.allow(q.id, true)
	}
}
