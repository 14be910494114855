package terminal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cardea/authenticator"
)

// A Gate is what the person proves themself at.
type Gate interface {
	// Ready reports whether a secret was chosen; if not, SetUp chooses one.
	Ready() bool
	// Noun is what the secret is called, such as "PIN".
	Noun() string
	// SetUp chooses the secret; Prove tries it, and opens the vault if that is
	// locked. What is wrong with it comes back in words for the person; final
	// says that no other try will help.
	SetUp(ctx context.Context, secret string) (problem string, err error)
	Prove(ctx context.Context, secret string) (problem string, final bool, err error)
}

// A Person is asked at a terminal. One question is asked at a time.
type Person struct {
	gate Gate
	keys *keyboard
	now  func() time.Time
}

var _ authenticator.Person = (*Person)(nil)

// errOver ends a question whose person has gone, with the terminal.
var errOver = errors.New("the terminal has ended")

// Ask implements authenticator.Person.
func (p *Person) Ask(ctx context.Context, q authenticator.Prompt) (authenticator.Answer, error) {
	restore, err := p.keys.take()
	if err != nil {
		return authenticator.Answer{}, fmt.Errorf("taking the terminal: %w", err)
	}
	defer restore()
	if !q.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, q.Deadline, authenticator.ErrNoAnswer)
		defer cancel()
	}
	s := session{p, q}
	answer, err := s.ask(ctx)
	s.conclude(ctx, err)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = authenticator.ErrNoAnswer
		}
	}
	return answer, err
}

// A session is one question on the screen.
type session struct {
	*Person
	q authenticator.Prompt
}

func (s session) ask(ctx context.Context) (a authenticator.Answer, err error) {
	s.print("\a\r\nPasskey request from %s\r\n", Asker(s.q.Caller))
	switch s.q.Kind {
	case authenticator.AlreadyHere, authenticator.NoPasskey:
		// What is told is told first, and the secret, if it is wanted, asked
		// for after it: else the client would hear that a proof failed.
		s.print("%s\r\nPress Enter: ", Question(s.q))
		if _, err := s.keys.line(ctx, true); err != nil {
			return a, err
		}
	case authenticator.Unlock:
		if !s.gate.Ready() {
			return s.setUp(ctx)
		}
		s.print("%s\r\n", Question(s.q))
	case authenticator.Reset:
		s.print("%s\r\n", Question(s.q))
		if err := s.confirm(ctx, "erase"); err != nil {
			return a, err
		}
	default:
		if a.Choice, err = s.choose(ctx); err != nil {
			return a, err
		}
	}
	if s.q.Verify || s.q.Kind == authenticator.Unlock {
		err = s.prove(ctx)
		a.Verified = err == nil
	}
	return a, err
}

// confirm wants the whole word: one key is too close to a slip.
func (s session) confirm(ctx context.Context, word string) error {
	s.print("Type %s to do it%s: ", word, s.left())
	line, err := s.keys.line(ctx, true)
	if err == nil && strings.TrimSpace(line) != word {
		err = authenticator.ErrDeclined
	}
	return err
}

// choose asks which passkey, where there are several, or else whether.
func (s session) choose(ctx context.Context) (int, error) {
	s.print("%s\r\n", Question(s.q))
	if len(s.q.Passkeys) > 1 {
		for i, k := range s.q.Passkeys {
			s.print("  %d  %s\r\n", i+1, clean(account(k.Account)))
		}
		s.print("Which one? [1-%d, or Enter for none%s] ", len(s.q.Passkeys), s.left())
		line, err := s.keys.line(ctx, true)
		if err != nil {
			return 0, err
		}
		n := 0
		if _, err := fmt.Sscanf(strings.TrimSpace(line), "%d", &n); err != nil || n < 1 || n > len(s.q.Passkeys) {
			return 0, authenticator.ErrDeclined
		}
		return n - 1, nil
	}
	s.print("Allow? [y/N%s] ", s.left())
	line, err := s.keys.line(ctx, true)
	if err != nil {
		return 0, err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return 0, nil
	}
	return 0, authenticator.ErrDeclined
}

// prove asks for the secret until it is right, or no more tries help.
func (s session) prove(ctx context.Context) error {
	for {
		s.print("%s (not shown): ", s.gate.Noun())
		secret, err := s.keys.line(ctx, false)
		if err != nil {
			return err
		}
		if secret == "" {
			return authenticator.ErrDeclined
		}
		problem, final, err := s.gate.Prove(ctx, secret)
		switch {
		case err != nil:
			return err
		case problem == "":
			return nil
		}
		s.print("%s\r\n", problem)
		if final {
			return authenticator.ErrDeclined
		}
	}
}

// setUp chooses the secret at the first start, which shows who one is as much
// as giving it again would.
func (s session) setUp(ctx context.Context) (a authenticator.Answer, err error) {
	noun := s.gate.Noun()
	s.print("This is the first passkey here. Choose a %s for all of them, or press Enter to say no.\r\n", noun)
	for {
		s.print("New %s (not shown): ", noun)
		first, err := s.keys.line(ctx, false)
		if err != nil {
			return a, err
		}
		if first == "" {
			return a, authenticator.ErrDeclined
		}
		s.print("The same again: ")
		again, err := s.keys.line(ctx, false)
		if err != nil {
			return a, err
		}
		problem := "The two aren't the same. Try once more."
		if first == again {
			if problem, err = s.gate.SetUp(ctx, first); err != nil {
				return a, err
			}
		}
		if problem == "" {
			return authenticator.Answer{Verified: true}, nil
		}
		s.print("%s\r\n", problem)
	}
}

// conclude says how the question ended.
func (s session) conclude(ctx context.Context, err error) {
	switch {
	case err == nil:
		s.print("Done.\r\n")
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled):
		s.print("\r\nIt was answered elsewhere, or taken back.\r\n")
	case ctx.Err() != nil:
		s.print("\r\nNobody answered in time. The request has ended.\r\n")
	case errors.Is(err, authenticator.ErrDeclined):
		s.print("You said no. Nothing was shared.\r\n")
	default:
		s.print("\r\nThat didn't work.\r\n")
	}
}

// left is how long there is, for the end of a question.
func (s session) left() string {
	if s.q.Deadline.IsZero() {
		return ""
	}
	d := max(0, s.q.Deadline.Sub(s.now())).Round(time.Second)
	return fmt.Sprintf(", %d:%02d left", int(d.Minutes()), int(d.Seconds())%60)
}

func (s session) print(format string, args ...any) { s.keys.print(fmt.Sprintf(format, args...)) }
