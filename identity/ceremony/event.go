package ceremony

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/session"
)

// event returns the record of something done with k, which may be zero.
func (v *Service) event(b Browser, kind audit.Kind, now time.Time, k directory.Passkey) audit.Event {
	from := b.from()
	return audit.Event{
		Time: now, Kind: kind, Outcome: audit.Done, UserID: k.UserID, PasskeyID: k.ID,
		Reference: b.Reference, Address: from.Address, UserAgent: from.UserAgent,
	}
}

// refused spends the challenge and records the refusal, in one transaction. It
// returns r, or what prevented the record. It does both for who has hung up too:
// otherwise a try could be made that leaves no trace and its challenge unspent.
// A text that was not sealed by us leaves no record: anybody could fill the
// database with those.
func (v *Service) refused(ctx context.Context, b Browser, kind audit.Kind, c *Challenge, k directory.Passkey, r *Refusal) error {
	if c == nil {
		return r
	}
	e := v.event(b, kind, c.Now, k)
	e.Outcome, e.Reason = audit.Refused, string(r.Reason)
	if err := v.store.Refuse(context.WithoutCancel(ctx), *c, e); err != nil {
		return fmt.Errorf("recording a refusal (%s): %w", r.Reason, err)
	}
	return r
}

// storeReasons are the refusals that a Store finds.
var storeReasons = []struct {
	err    error
	reason Reason
}{
	{ErrSpent, ReasonChallengeSpent},
	{ErrDisabled, ReasonDisabled},
	{session.ErrNone, ReasonSessionEnded},
	{directory.ErrNoPasskey, ReasonUnknownPasskey},
	{directory.ErrPasskeyExists, ReasonPasskeyExists},
	{directory.ErrTooManyPasskeys, ReasonTooManyPasskeys},
	{directory.ErrSetUp, ReasonSetUp},
	{directory.ErrSetupCode, ReasonSetupCode},
}

// afterStore makes a refusal of what a Store found, and leaves trouble alone.
func afterStore(err error, refuse refuser) (*Refusal, error) {
	for _, s := range storeReasons {
		if errors.Is(err, s.err) {
			return refuse(s.reason, nil), nil
		}
	}
	return nil, fmt.Errorf("finishing a ceremony: %w", err)
}
