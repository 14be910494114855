package ceremony

import (
	"context"
	"errors"
	"fmt"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/session"
)

// BeginSetup begins the registration of the first administrator, who holds a
// setup code. n.Admin need not be set. It writes nothing. A no is a *Refusal.
func (v *Service) BeginSetup(ctx context.Context, b Browser, code string, n directory.NewUser) (Begun, error) {
	if err := v.mayBegin(b); err != nil {
		return Begun{}, err
	}
	if err := v.directory.CheckSetupCode(ctx, code); err != nil {
		refusal, err := afterStore(err, refuse)
		if refusal != nil {
			return Begun{}, refusal
		}
		return Begun{}, err
	}
	n.Admin = true
	u, err := n.Make(v.now())
	switch {
	case errors.Is(err, directory.ErrUsername):
		return Begun{}, refuse(ReasonUsername, err)
	case errors.Is(err, directory.ErrDisplayName):
		return Begun{}, refuse(ReasonDisplayName, err)
	case err != nil:
		return Begun{}, fmt.Errorf("making the first administrator: %w", err)
	}
	options, lib, err := v.verifier.creationOptions(person{user: u}, b.Origin)
	if err != nil {
		return Begun{}, err
	}
	hash := directory.HashSetupCode(code)
	return v.begun(setUp, b, options, lib, state{NewUser: &u, Code: &hash})
}

// FinishSetup verifies response as FinishRegistration does, and in one
// transaction spends the setup code and makes the person, their passkey and
// their session. A no is a *Refusal, recorded.
func (v *Service) FinishSetup(ctx context.Context, b Browser, sealed string, response []byte, name string) (SignedIn, error) {
	if refusal := nameable(name); refusal != nil {
		return SignedIn{}, refusal
	}
	st, c, refusal := v.resumed(setUp, b, sealed, refuse)
	if refusal == nil && (st.NewUser == nil || st.Code == nil) {
		refusal = refuse(ReasonNoCeremony, errors.New("sealed state has no person or code"))
	}
	var k directory.Passkey
	if refusal == nil {
		k, refusal = v.newPasskey(person{user: *st.NewUser}, st, response, name, c.Now)
	}
	if refusal != nil {
		return SignedIn{}, v.refused(ctx, b, audit.SetUp, c, directory.Passkey{}, refusal)
	}
	u := *st.NewUser
	s, token := session.Begin(c.Now, u.ID, k.ID, b.from())
	e := v.event(b, audit.SetUp, c.Now, k)
	e.Detail = u.Username
	err := v.store.SetUp(ctx, SetUp{Challenge: *c, Code: *st.Code, User: u, Passkey: k,
		Session: s, Token: session.HashToken(token), Event: e})
	if err != nil {
		refusal, err := afterStore(err, refuse)
		if refusal != nil {
			return SignedIn{}, v.refused(ctx, b, audit.SetUp, c, directory.Passkey{}, refusal)
		}
		return SignedIn{}, err
	}
	return SignedIn{Session: s, Token: token, User: u}, nil
}
