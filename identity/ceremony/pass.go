package ceremony

import (
	"context"
	"errors"
	"fmt"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/session"
)

// RedeemAccessPass lets the person of that user name in with the code of their
// access pass, to register a passkey. The pass is spent by it. The session
// takes the place of the one that b.Token opens. A no is a *Refusal, recorded.
//
// Ten wrong codes for one user name from one network within an hour end the
// guessing there, and ten thousand everywhere, whether there is such a person
// or not.
func (v *Service) RedeemAccessPass(ctx context.Context, b Browser, username, code string) (SignedIn, error) {
	now := v.now()
	// A person who does not exist has an empty ID and goes the same way.
	u, err := v.directory.UserByName(ctx, username)
	if err != nil && !errors.Is(err, directory.ErrNoUser) {
		return SignedIn{}, fmt.Errorf("looking up a person: %w", err)
	}
	s, token := session.Begin(now, u.ID, "", b.from())
	r := Redemption{
		Now: now, User: u.ID,
		Code:    v.directory.HashPass(u.ID, code),
		Session: s, Token: session.HashToken(token),
		Event: v.event(b, audit.PassSignIn, now, directory.Passkey{UserID: u.ID}),
	}
	r.Tries, r.NameTries = directory.MaxPassTries, directory.MaxNameTries
	r.Guesser, r.Name = v.directory.HashGuesser(username, b.Address)
	if b.Token != "" {
		r.Ends = session.HashToken(b.Token)
	}
	result, err := v.store.Redeem(ctx, r)
	if err != nil {
		return SignedIn{}, fmt.Errorf("redeeming an access pass: %w", err)
	}
	if result != PassAccepted {
		return SignedIn{}, refusePass(Reason(result))
	}
	return SignedIn{Session: s, Token: token, User: u}, nil
}
