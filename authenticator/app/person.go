package app

import (
	"context"
	"errors"

	"cardea/authenticator"
)

// person is whoever looks at the pages.
type person struct{ *App }

var (
	_ authenticator.Person   = person{}
	_ authenticator.Verifier = person{}
)

// CanVerify implements authenticator.Verifier: there is a secret to give.
func (a person) CanVerify() bool { return !a.old && a.keeper.Exists() && !a.keeper.Blocked() }

// Ask shows p on every open page and waits for the answer. A phone whose
// system is too old declines without asking.
func (a person) Ask(ctx context.Context, p authenticator.Prompt) (authenticator.Answer, error) {
	if a.old {
		a.note(p, outcomeTooOld)
		return authenticator.Answer{}, authenticator.ErrDeclined
	}
	ctx, cancel := a.until(ctx)
	defer cancel()
	first := func() question {
		finger := a.fingerReady(ctx, p)
		return question{step: a.firstStep(p, finger), finger: finger}
	}
	answer, err := a.desk.ask(ctx, p, first, a.elsewhere)
	a.note(p, outcomeOf(p.Kind, err))
	return answer, err
}

// firstStep is where a question begins. Never at the sensor: a finger that was
// meant for another program, or for the lock of the screen, is no answer. A press
// that only who sees the question can make comes before it.
func (a *App) firstStep(p authenticator.Prompt, finger bool) step {
	switch p.Kind {
	case authenticator.Unlock:
		switch {
		case !a.keeper.Exists():
			return stepSetUp
		case finger:
			return stepConfirm
		}
		return stepSecret
	case authenticator.AlreadyHere, authenticator.NoPasskey:
		if p.Verify {
			return stepConfirm
		}
		return stepTold
	case authenticator.Reset:
		return stepHold
	default:
		return stepConfirm
	}
}

// afterConfirm is where a yes leads: to the sensor, to the secret, or out.
func (a *App) afterConfirm(q *question) (next step, done bool) {
	switch {
	case !q.prompt.Verify && q.prompt.Kind != authenticator.Unlock:
		return "", true
	case q.finger || a.sensorWorks():
		return stepVerify, false
	default:
		return stepSecret, false
	}
}

// sensorWorks: a sensor can only say that this is the person who has typed
// their secret before, so it needs a vault that is open already.
func (a *App) sensorWorks() bool { return a.cfg.Sensor && !a.keeper.Locked() }

func outcomeOf(k authenticator.Kind, err error) outcome {
	switch {
	case err == nil && (k == authenticator.AlreadyHere || k == authenticator.NoPasskey):
		return outcomeTold
	case err == nil:
		return outcomeAllowed
	case errors.Is(err, authenticator.ErrDeclined):
		return outcomeDeclined
	case errors.Is(err, authenticator.ErrNoAnswer):
		return outcomeNoAnswer
	default:
		return outcomeWithdrawn
	}
}

// note keeps the request for the activity page. Unlocking is only a part of
// the request that follows it, unless it ends there.
func (a *App) note(p authenticator.Prompt, o outcome) {
	if p.Kind == authenticator.Unlock && o == outcomeAllowed {
		return
	}
	account := p.Account.Name
	if account == "" && len(p.Passkeys) == 1 {
		account = p.Passkeys[0].Account.Name
	}
	a.activity.add(Event{
		At: a.cfg.Now(), Kind: p.Kind, Site: string(p.RPID), Account: account, Caller: p.Caller, Outcome: o,
	})
	a.news.tell()
}
