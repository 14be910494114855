package ceremony

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/session"
	"cardea/webauthn"
)

// BeginSignIn begins a sign-in with whichever passkey the person chooses. It
// writes nothing.
func (v *Service) BeginSignIn(ctx context.Context, b Browser, hint Hint) (Begun, error) {
	return v.BeginSignInAs(ctx, b, Chosen{}, hint)
}

// FinishSignIn verifies response, the JSON form of what get() gave the page,
// and begins a session in place of the one that b.Token opens. A no is a
// *Refusal, recorded, or an *OtherAccount; any other error is trouble of our own.
func (v *Service) FinishSignIn(ctx context.Context, b Browser, sealed string, response []byte) (SignedIn, error) {
	st, c, refusal := v.resumed(signIn, b, sealed, refuseSignIn)
	if refusal != nil {
		return SignedIn{}, v.refused(ctx, b, audit.SignIn, c, directory.Passkey{}, refusal)
	}
	id, parsed, err := claimed(response)
	if err != nil {
		return SignedIn{}, v.refused(ctx, b, audit.SignIn, c, directory.Passkey{}, refuseSignIn(ReasonMalformed, err))
	}
	k, u, refusal, err := v.known(ctx, id)
	if err != nil {
		return SignedIn{}, err
	}
	var proof asserted
	if refusal == nil {
		proof, refusal = v.verifier.verifyAssertion(st.Library, expected{user: st.User}, parsed, u, k)
	}
	if refusal == nil && !st.isChosen(u) {
		err := policy.MaySignIn(u, k, v.rule)
		if err == nil {
			return SignedIn{}, v.hold(ctx, b, st, c, u, k, proof)
		}
		refusal = refuseSignIn(atTheDoor(err), err)
	}
	if refusal != nil {
		return SignedIn{}, v.refused(ctx, b, audit.SignIn, c, k, refusal)
	}
	return v.enter(ctx, b, c, u, k, proof)
}

// enter lets a person in whose passkey was verified, and who is the one that
// they said they are.
func (v *Service) enter(ctx context.Context, b Browser, c *Challenge, u directory.User, k directory.Passkey, proof asserted) (SignedIn, error) {
	before, err := v.sessions.ByToken(ctx, b.Token)
	if err != nil && !errors.Is(err, session.ErrNone) {
		return SignedIn{}, fmt.Errorf("looking up the session before: %w", err)
	}
	in, refusal, err := v.admit(ctx, u, k, func(u directory.User, k directory.Passkey) (SignIn, SignedIn) {
		return v.signInChange(b, *c, u, k, proof, before)
	})
	if refusal != nil {
		return SignedIn{}, v.refused(ctx, b, audit.SignIn, c, k, refusal)
	}
	return in, err
}

// known returns the passkey of that credential ID and its person.
func (v *Service) known(ctx context.Context, id webauthn.CredentialID) (directory.Passkey, directory.User, *Refusal, error) {
	k, u, err := v.store.Credential(ctx, id)
	if errors.Is(err, directory.ErrNoPasskey) {
		return k, u, refuseSignIn(ReasonUnknownPasskey, nil), nil
	}
	if err != nil {
		return k, u, nil, fmt.Errorf("looking up a passkey: %w", err)
	}
	return k, u, nil, nil
}

// maxRaces is how many times a sign-in is tried again because another sign-in
// with the same passkey came between. The verification is not repeated: what
// it rested on, the public key, never changes.
const maxRaces = 20

// admit makes the change that a verified sign-in is, anew for each state that
// the passkey is found in.
func (v *Service) admit(ctx context.Context, u directory.User, k directory.Passkey, change func(directory.User, directory.Passkey) (SignIn, SignedIn)) (SignedIn, *Refusal, error) {
	for range maxRaces {
		if err := policy.MaySignIn(u, k, v.rule); err != nil {
			return SignedIn{}, refuseSignIn(atTheDoor(err), err), nil
		}
		change, in := change(u, k)
		err := v.store.SignIn(ctx, change)
		if err == nil {
			return in, nil, nil
		}
		if !errors.Is(err, ErrPasskeyChanged) {
			refusal, err := afterStore(err, refuseSignIn)
			return SignedIn{}, refusal, err
		}
		var refusal *Refusal
		if k, u, refusal, err = v.known(ctx, k.CredentialID); refusal != nil || err != nil {
			return SignedIn{}, refusal, err
		}
	}
	return SignedIn{}, refuseSignIn(ReasonBusy, nil), nil
}

// atTheDoor gives the no of package policy to a verified sign-in its reason.
func atTheDoor(err error) Reason {
	if errors.Is(err, policy.ErrDisabled) {
		return ReasonDisabled
	}
	return ReasonKindRefused
}

// signInChange is what is written when the passkey is as it is in k. before is
// the session that the browser has had until now, if any: a person who signs in
// anew stays signed in as they chose.
func (v *Service) signInChange(b Browser, c Challenge, u directory.User, k directory.Passkey, proof asserted, before session.Session) (SignIn, SignedIn) {
	// WebAuthn §7.2 step 22.
	count, back := policy.NextSignCount(k.SignCount, proof.count, k.Flags.Has(webauthn.FlagBackupEligible))
	s, token := session.Begin(c.Now, u.ID, k.ID, b.from())
	again := before.UserID == u.ID && !before.ByPass()
	if again && before.Kept || !again && slices.Contains(b.Keep, u.ID) {
		s.Keep()
	}
	change := SignIn{
		Challenge: c, Was: k, SignCount: count, Flags: proof.flags,
		From: b.from(), Session: s, Token: session.HashToken(token),
		Events: []audit.Event{v.event(b, audit.SignIn, c.Now, k)},
	}
	if b.Token != "" {
		change.Ends = session.HashToken(b.Token)
	}
	if back {
		e := v.event(b, audit.SignCountBack, c.Now, k)
		e.Detail = fmt.Sprintf("count %d after %d", proof.count, k.SignCount)
		change.Events = append(change.Events, e)
	}
	return change, SignedIn{Session: s, Token: token, User: u, Again: again, Passkey: k, Attachment: proof.attachment}
}
