package authenticator

import (
	"context"
	"time"

	"cardea/ctap"
)

const (
	// resetWindow is how long after power-up a reset is allowed: so that a
	// program cannot wait for a touch that is meant for something else
	// (CTAP §6.6).
	resetWindow = 10 * time.Second
	longTouch   = 5 * time.Second
)

// reset is authenticatorReset (CTAP §6.6). Until the person has agreed nothing
// is changed.
func (v *visit) reset(ctx context.Context) error {
	if v.a.now().Sub(v.a.powered) > resetWindow {
		return ctap.NotAllowed
	}
	p := Prompt{Kind: Reset}
	if v.a.settings().LongTouch {
		p.Hold = longTouch
	}
	if _, err := v.ask(ctx, p); err != nil {
		return err
	}
	if err := v.a.keys.Reset(ctx); err != nil {
		return vaultStatus("forgetting everything", err)
	}
	v.a.pin = pinState{}
	return nil
}
