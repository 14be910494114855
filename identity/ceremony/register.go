package ceremony

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/session"
)

// BeginRegistration begins the registration of a passkey for the person who
// is signed in by session sid. It writes nothing. A no is a *Refusal.
func (v *Service) BeginRegistration(ctx context.Context, b Browser, user directory.UserID, sid session.ID) (Begun, error) {
	if err := v.mayBegin(b); err != nil {
		return Begun{}, err
	}
	p, s, err := v.registrant(ctx, user, sid)
	if err != nil {
		return Begun{}, err
	}
	proof := policy.Proof{At: s.AuthTime, ByPass: s.ByPass()}
	if err := policy.MayRegister(p.user, proof, v.rule, len(p.passkeys), v.now()); err != nil {
		return Begun{}, refusePolicy(err)
	}
	options, lib, err := v.verifier.creationOptions(p, b.Origin)
	if err != nil {
		return Begun{}, err
	}
	return v.begun(register, b, options, lib, state{User: user, Session: sid})
}

// registrant returns who is signed in by session sid, if that is user.
func (v *Service) registrant(ctx context.Context, user directory.UserID, sid session.ID) (person, session.Session, error) {
	s, err := v.sessions.ByID(ctx, sid)
	if errors.Is(err, session.ErrNone) || err == nil && s.UserID != user {
		return person{}, s, refuse(ReasonSessionEnded, err)
	}
	if err != nil {
		return person{}, s, fmt.Errorf("looking up a session: %w", err)
	}
	u, err := v.directory.User(ctx, user)
	if err != nil {
		return person{}, s, fmt.Errorf("looking up a person: %w", err)
	}
	keys, err := v.directory.Passkeys(ctx, user)
	if err != nil {
		return person{}, s, fmt.Errorf("listing passkeys: %w", err)
	}
	return person{u, keys}, s, nil
}

// refusePolicy gives the no of package policy its reason.
func refusePolicy(err error) *Refusal {
	switch {
	case errors.Is(err, policy.ErrDisabled):
		return refuse(ReasonDisabled, err)
	case errors.Is(err, policy.ErrTooManyPasskeys):
		return refuse(ReasonTooManyPasskeys, err)
	case errors.Is(err, policy.ErrNoSelfService):
		return refuse(ReasonNoSelfService, err)
	case errors.Is(err, policy.ErrKind):
		return refuse(ReasonPasskeyKind, err)
	case errors.Is(err, policy.ErrLeaves):
		return refuse(ReasonPasskeyLeaves, err)
	}
	return refuse(ReasonNotFresh, err)
}

// FinishRegistration verifies response, the JSON form of what create() gave
// the page, and stores the passkey under name; an empty name gets the one that
// directory.OfferName offers. A no is a *Refusal, recorded; any other error is
// trouble of our own.
//
// Whatever the error: if create() succeeded in the browser, the authenticator
// now holds a passkey that we do not know. The page tells the browser so, with
// signalUnknownCredential, unless the Reason is ReasonName: then it can come
// again with a better name.
func (v *Service) FinishRegistration(ctx context.Context, b Browser, sealed string, response []byte, name string) (Registered, error) {
	if refusal := nameable(name); refusal != nil {
		return Registered{}, refusal
	}
	st, c, refusal := v.resumed(register, b, sealed, refuse)
	of := directory.Passkey{UserID: st.User}
	if refusal != nil {
		return Registered{}, v.refused(ctx, b, audit.PasskeyAdded, c, of, refusal)
	}
	p, s, err := v.registrant(ctx, st.User, st.Session)
	if errors.As(err, &refusal) {
		return Registered{}, v.refused(ctx, b, audit.PasskeyAdded, c, of, refusal)
	}
	if err != nil {
		return Registered{}, err
	}
	k, refusal := v.newPasskey(p, st, response, name, c.Now)
	if refusal != nil {
		return Registered{}, v.refused(ctx, b, audit.PasskeyAdded, c, of, refusal)
	}
	out, refusal, err := v.keep(ctx, b, *c, p.user, s, k)
	if refusal != nil {
		return Registered{}, v.refused(ctx, b, audit.PasskeyAdded, c, of, refusal)
	}
	return out, err
}

// newPasskey verifies a registration, asks whether passkeys of its kind are
// taken, and returns the passkey to store.
func (v *Service) newPasskey(p person, st state, response []byte, name string, now time.Time) (directory.Passkey, *Refusal) {
	a, refusal := v.verifier.verifyCreation(p, st.Library, response)
	if refusal != nil {
		return directory.Passkey{}, refusal
	}
	k := a.passkey
	if err := v.rule.MayUse(k); err != nil {
		return directory.Passkey{}, refusePolicy(err)
	}
	k.ID, k.Name, k.Created = directory.NewPasskeyID(), strings.TrimSpace(name), now
	if k.Name == "" {
		k.Name = directory.NumberName(directory.OfferName(k.AAGUID), p.passkeys)
	}
	return k, nil
}

// nameable refuses a name before anything else is looked at. The challenge is
// not spent by it: the passkey exists by now, and the page can come again with
// a better name.
func nameable(name string) *Refusal {
	if strings.TrimSpace(name) == "" {
		return nil
	}
	if _, err := directory.CleanPasskeyName(name); err != nil {
		return refuse(ReasonName, err)
	}
	return nil
}

// keep stores a new passkey. If s was begun with an access pass, a session with
// the passkey takes its place; see the package comment for why.
func (v *Service) keep(ctx context.Context, b Browser, c Challenge, u directory.User, s session.Session, k directory.Passkey) (Registered, *Refusal, error) {
	e := v.event(b, audit.PasskeyAdded, c.Now, k)
	e.Detail = k.Name
	proof := policy.Proof{At: s.AuthTime, ByPass: s.ByPass()}
	r := Registration{Challenge: c, Passkey: k, Most: v.rule.Limit(proof), In: s.ID, Event: e}
	out := Registered{Passkey: k}
	if s.ByPass() {
		next, token := session.Begin(c.Now, u.ID, k.ID, b.from())
		r.Session, r.Token = &next, session.HashToken(token)
		out.SignedIn = &SignedIn{Session: next, Token: token, User: u}
	}
	if err := v.store.Register(ctx, r); err != nil {
		refusal, err := afterStore(err, refuse)
		return Registered{}, refusal, err
	}
	return out, nil, nil
}
