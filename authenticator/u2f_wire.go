package authenticator

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"cardea/ctap"
)

// Times of a U2F.
const (
	// u2fPatience is how long an answer may take, so that a person who is quick,
	// or a mistake, need not wait for the next poll. Clients poll five to ten
	// times a second and some give an answer half a second.
	u2fPatience = 100 * time.Millisecond
	// u2fForgotten is how long after the last poll a question is withdrawn.
	u2fForgotten = 2 * time.Second
	// u2fRemembered is how long an answer waits for the poll that fetches it.
	u2fRemembered = 10 * time.Second
	// u2fBusy is how long a message that needs no touch may wait for its turn.
	u2fBusy = 500 * time.Millisecond
)

// A U2F is the U2F side of one wire, whose clients want every answer at once:
// "touch it" (6985) while the person has not, so that they ask again and again
// (U2F §3.3). It puts the question once, keeps it on the screen as long as the
// same message comes again, and then does what was asked:
//
//	client            U2F                 person
//	register   ───▶   asks         ───▶   …
//	           ◀───   6985
//	register   ───▶                        …
//	           ◀───   6985         ◀───   touches
//	register   ───▶   makes it
//	           ◀───   9000
//
// A passkey is made, or signs, in the message that fetches it and never before:
// a client that has gone leaves nothing behind but a touch, which is forgotten
// after ten seconds and good for no other message. A no is kept as long, and
// answered 6986. Any other message takes the question off the screen.
//
// It is safe for concurrent use. Messages must come one at a time from one wire.
type U2F struct {
	a      *Authenticator
	caller Caller

	mu sync.Mutex
	// asking is the question on the screen, or on its way there; answered the
	// last one to which the person said yes or no, or that could not be asked.
	asking, answered *u2fQuestion
}

// A u2fQuestion is about one message, byte for byte.
type u2fQuestion struct {
	about   [sha256.Size]byte
	cancel  context.CancelFunc
	expires *time.Timer   // withdraws it
	done    chan struct{} // closed after err and until are set
	err     error         // nil for a touch
	until   time.Time     // when the answer is forgotten
}

// U2F returns a new wire for U2F messages. Close it when the wire is gone.
func (a *Authenticator) U2F(caller Caller) *U2F { return &U2F{a: a, caller: caller} }

// SpeaksU2F reports whether U2F messages are for this authenticator.
func (a *Authenticator) SpeaksU2F() bool { return a.u2f }

// Handle answers one message. ctx bounds the answer, not the question.
func (u *U2F) Handle(ctx context.Context, message []byte) []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	c, err := parseAPDU(message)
	if err != nil || !c.wantsTouch() || !u.a.u2f {
		u.withdraw()
		soon, cancel := context.WithTimeout(ctx, u2fBusy)
		defer cancel()
		return u.a.HandleU2F(soon, u.caller, message)
	}
	about := sha256.Sum256(message)
	if !u.remembers(about) {
		u.ask(about, c)
		u.wait(ctx)
	}
	if !u.remembers(about) {
		return binary.BigEndian.AppendUint16(nil, uint16(u2fConditions))
	}
	answered := u.answered
	if !errors.Is(answered.err, ctap.OperationDenied) {
		u.answered = nil // it is good once; a no is good for every poll
	}
	u.withdraw() // the question about another message, if there is one
	return u.a.answerU2F(ctx, u.caller, message, c, answered.err, func(v *visit) ([]byte, error) {
		if v.a.vault.Locked() {
			return nil, u2fConditions // since the touch; the next poll asks again
		}
		v.present = true
		return v.actU2F(ctx, c)
	})
}

// Withdraw takes the question off the screen, if there is one, for a command of
// another kind that has come over the same wire. A client that still waits
// brings it back.
func (u *U2F) Withdraw() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.withdraw()
}

// Close ends it all; the person's screen is free when it returns.
func (u *U2F) Close() { u.Withdraw() }

// remembers reports whether answered is the answer to this message.
func (u *U2F) remembers(about [sha256.Size]byte) bool {
	u.settle()
	return u.answered != nil && u.answered.about == about && u.a.now().Before(u.answered.until)
}

// settle takes note of an answer that has come. Where the person gave none, the
// next poll asks anew.
func (u *U2F) settle() {
	if u.asking == nil {
		return
	}
	select {
	case <-u.asking.done:
		if u2fStatusOf(u.asking.err) != u2fConditions {
			u.answered = u.asking
		}
		u.asking = nil
	default:
	}
}

// ask puts the question, or keeps it on the screen.
func (u *U2F) ask(about [sha256.Size]byte, c apdu) {
	if u.asking != nil && u.asking.about == about {
		u.asking.expires.Reset(u2fForgotten)
		return
	}
	u.withdraw()
	ctx, cancel := context.WithCancel(context.Background())
	q := &u2fQuestion{about: about, cancel: cancel, done: make(chan struct{})}
	q.expires = time.AfterFunc(u2fForgotten, cancel)
	u.asking = q
	go func() {
		defer close(q.done)
		_, q.err = u.a.turnU2F(ctx, &visit{a: u.a, caller: u.caller}, c, func(v *visit) ([]byte, error) {
			return nil, v.askU2F(ctx, c)
		})
		q.expires.Stop()
		cancel()
		q.until = u.a.now().Add(u2fRemembered)
	}()
}

// wait gives the question a moment.
func (u *U2F) wait(ctx context.Context) {
	moment := time.NewTimer(u2fPatience)
	defer moment.Stop()
	select {
	case <-u.asking.done:
	case <-moment.C:
	case <-ctx.Done():
	}
}

// withdraw ends the question and waits for its end. An answer that came first
// is kept.
func (u *U2F) withdraw() {
	if u.asking == nil {
		return
	}
	u.asking.cancel()
	<-u.asking.done
	u.settle()
}
