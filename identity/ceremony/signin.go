package ceremony

import (
	"context"
	"errors"
	"fmt"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/session"
	"cardea/webauthn"
)

// BeginSignIn begins a sign-in with whichever passkey the person chooses. It
// writes nothing.
func (v *Service) BeginSignIn(_ context.Context, b Browser, hint Hint) (Begun, error) {
	if err := v.mayBegin(b); err != nil {
		return Begun{}, err
	}
	options, lib, err := v.verifier.requestOptions(b.Origin, hint)
	if err != nil {
		return Begun{}, err
	}
	return v.begun(signIn, b, options, lib, state{})
}

// FinishSignIn verifies response, the JSON form of what get() gave the page,
// and begins a session in place of the one that b.Token opens. A no is a
// *Refusal, recorded; any other error is trouble of our own.
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
		proof, refusal = v.verifier.verifyAssertion(st.Library, "", parsed, u, k)
	}
	var in SignedIn
	if refusal == nil {
		in, refusal, err = v.admit(ctx, u, k, func(u directory.User, k directory.Passkey) (SignIn, SignedIn) {
			return v.signInChange(b, *c, u, k, proof)
		})
	}
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

// signInChange is what is written when the passkey is as it is in k.
func (v *Service) signInChange(b Browser, c Challenge, u directory.User, k directory.Passkey, proof asserted) (SignIn, SignedIn) {
	// WebAuthn §7.2 step 22.
	count, back := policy.NextSignCount(k.SignCount, proof.count, k.Flags.Has(webauthn.FlagBackupEligible))
	s, token := session.Begin(c.Now, u.ID, k.ID, b.from())
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
	return change, SignedIn{Session: s, Token: token, User: u}
}
