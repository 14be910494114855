package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"cardea/authenticator"
	"cardea/authenticator/desktop"
	"cardea/authenticator/vault"
)

// A Notifier shows a question outside the pages. *desktop.Notifier is one.
type Notifier interface {
	// Notify shows n until an action is chosen, whose key it returns, or ctx
	// ends. desktop.ErrReadOnly says that it cannot be answered there.
	Notify(ctx context.Context, n desktop.Notice) (action string, err error)
}

// A Finger is a fingerprint reader. *desktop.Reader is one.
type Finger interface {
	// Ready reports whether it knows a finger of this person.
	Ready(ctx context.Context) bool
	// Verify returns nil once it has felt a finger that it knows.
	Verify(ctx context.Context, tell func(desktop.Try)) error
}

// besides are the places where a question stands besides the pages, and what
// else a desktop lends. The zero besides is none of them.
type besides struct {
	watching int // pages in sight
	misses   int // wrong fingers since the person was last known
	mu       sync.Mutex
	others   []authenticator.Person
}

// AlsoAsk has p asked each question too, as at a terminal. The first answer, from
// there or from a page, counts; the others are withdrawn.
func (a *App) AlsoAsk(p authenticator.Person) {
	a.besides.mu.Lock()
	defer a.besides.mu.Unlock()
	a.besides.others = append(a.besides.others, p)
}

// inSight counts a page that is in sight until the function it returns is called.
func (a *App) inSight() (gone func()) {
	count := func(n int) {
		a.besides.mu.Lock()
		defer a.besides.mu.Unlock()
		a.besides.watching += n
	}
	count(1)
	return func() { count(-1) }
}

// elsewhere shows the question called id in every other place until it has
// ended. It returns when it is gone from all of them, so that the next question
// never stands beside it.
func (a *App) elsewhere(ctx context.Context, q question) {
	a.besides.mu.Lock()
	others, seen := a.besides.others, a.besides.watching > 0
	a.besides.mu.Unlock()
	var places sync.WaitGroup
	for _, p := range others {
		places.Go(func() { a.askOther(ctx, p, q) })
	}
	if a.cfg.Notifier != nil && a.cabinet.get().Notify && !seen {
		places.Go(func() { a.notify(ctx, q.id) })
	}
	if q.finger {
		places.Go(func() { a.feel(ctx, q.id) })
	}
	places.Wait()
}

func (a *App) askOther(ctx context.Context, p authenticator.Person, q question) {
	answer, err := p.Ask(ctx, q.prompt)
	switch {
	case err == nil:
		a.desk.end(q.id, outcomeOf(q.prompt.Kind, nil), reply{answer: answer})
		a.news.tell() // it may have opened the vault
	case errors.Is(err, authenticator.ErrDeclined):
		a.desk.decline(q.id)
	case ctx.Err() == nil && !errors.Is(err, authenticator.ErrNoAnswer):
		a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "asking beside the pages", slog.Any("error", err))
	}
}

// fingerReady reports whether a finger could answer p: it can say that this is
// the person who has typed the secret before, so it needs a vault that is open
// already, or a key for it that this computer keeps.
func (a *App) fingerReady(ctx context.Context, p authenticator.Prompt) bool {
	if a.cfg.Finger == nil || !a.cabinet.get().Finger || !p.Verify && p.Kind != authenticator.Unlock {
		return false
	}
	if a.keeper.Blocked() || !a.keeper.Exists() || a.keeper.Locked() && a.opener() == nil {
		return false
	}
	return a.besides.mayTryFinger() && a.cfg.Finger.Ready(ctx)
}

// opener is a holder that may open the vault without its secret; nil if none
// was allowed to.
func (a *App) opener() vault.KeyHolder {
	for _, name := range a.keeper.Holders() {
		for _, h := range a.cfg.Holders {
			if h.Name() == name {
				return h
			}
		}
	}
	return nil
}

// openHere opens the vault by the key that this computer keeps, if it may.
func (a *App) openHere(ctx context.Context) error {
	h := a.opener()
	if h == nil {
		return vault.ErrNotEnrolled
	}
	err := a.keeper.UnlockBy(ctx, h)
	a.news.tell()
	return err
}

// tryWords say what came of a touch.
var tryWords = map[desktop.Try]string{
	desktop.NotRecognized: "Finger not recognized. Try again, or another finger.",
	desktop.TooShort:      "That was too short. Swipe a little slower.",
	desktop.NotCentered:   "Put your finger in the middle of the reader.",
	desktop.Again:         "Lift your finger and touch the reader again.",
}

// feel waits for a finger whenever the question is at the step that wants one,
// until it has been answered or the reader gives up.
func (a *App) feel(ctx context.Context, id string) {
	for {
		at, left, ok := a.await(ctx, id, func(q *question) bool { return q.step == stepVerify })
		if !ok {
			return
		}
		err := a.cfg.Finger.Verify(at, func(t desktop.Try) {
			if t == desktop.NotRecognized {
				a.besides.missed()
			}
			a.desk.move(id, stepVerify, func(q *question) { q.problem, q.tries = tryWords[t], q.tries+1 })
		})
		if err == nil {
			err = a.felt(at, id)
		}
		if err == nil {
			left()
			return
		}
		if at.Err() == nil { // the reader has given up, not the question
			a.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "fingerprint", slog.Any("error", err))
			a.desk.move(id, stepVerify, func(q *question) {
				q.step, q.finger, q.problem = stepSecret, false, fingerProblem(err, a.words.secret(a.keeper.Kind()).Noun)
				q.tries++
			})
			left()
			return
		}
		left()
	}
}

// felt takes a finger that is known for the answer, only at its step: one that
// comes late, when the secret is asked for or nobody is there, is none.
func (a *App) felt(ctx context.Context, id string) error {
	a.besides.forgive()
	if !a.desk.at(id, stepVerify) {
		return nil
	}
	opened := a.keeper.Locked()
	if opened {
		if err := a.openHere(ctx); err != nil {
			return err
		}
	}
	if !a.desk.allow(id, true) && opened {
		a.keeper.Lock() // the person went meanwhile
	}
	return nil
}

// maxFingerMisses is how many wrong fingers, over all questions, leave only the
// secret: whoever is at the desk may not try all night.
const maxFingerMisses = 5

func (b *besides) missed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.misses++
}

func (b *besides) forgive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.misses = 0
}

func (b *besides) mayTryFinger() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.misses < maxFingerMisses
}

// secretGiven is what the right secret, given here, sets right.
func (a *App) secretGiven() {
	a.besides.forgive()
	a.key.Forgive()
}

func fingerProblem(err error, noun string) string {
	if errors.Is(err, desktop.ErrNotRecognized) {
		return "Your finger wasn't recognized. Use your " + noun + "."
	}
	return "The fingerprint reader didn't answer. Use your " + noun + "."
}

// await waits until the question called id is at a step that fits, and returns
// a context that ends when it no longer does. It is not ok if the question has
// gone, or ctx has ended.
func (a *App) await(ctx context.Context, id string, fits func(*question) bool) (at context.Context, left context.CancelFunc, ok bool) {
	for {
		_, next := a.news.latest()
		q, _ := a.desk.see()
		if q == nil || q.id != id || ctx.Err() != nil {
			return nil, nil, false
		}
		if fits(q) {
			break
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil, nil, false
		}
	}
	at, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for at.Err() == nil {
			_, next := a.news.latest()
			if q, _ := a.desk.see(); q == nil || q.id != id || !fits(q) {
				cancel()
				return
			}
			select {
			case <-next:
			case <-at.Done():
			}
		}
	}()
	return at, func() { cancel(); <-done }, true
}
