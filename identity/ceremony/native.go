package ceremony

import (
	"context"
	"encoding/json"
	"fmt"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/session"
	"cardea/webauthn"
)

// A Program is a client of ours that signs its person in without a page. It
// states its own origin (webauthn.NativeOrigin); what it got for that is good
// here and nowhere else, and what a page got is no good here.
type Program struct {
	Client directory.Client

	UserAgent string
	Address   string
	Reference string // of the request, see audit.Event
}

// browser is p as the other ceremonies see who they talk to. The client is the
// binding: the sealed text of one client is of no use to another. It is no
// secret, so a stolen text with its answer could be finished by a thief; what
// they get is a code that only the verifier of the request redeems, and that
// never left the program (RFC 7636).
func (p Program) browser() Browser {
	return Browser{
		Binding:   "native client\x00" + string(p.Client.ID),
		UserAgent: p.UserAgent, Address: p.Address, Reference: p.Reference,
	}
}

// BeginNative begins a sign-in in a program. keep is JSON that FinishNative
// gives back, sealed until then. It writes nothing. A client that may not do
// this is policy.ErrNotNative.
func (v *Service) BeginNative(_ context.Context, p Program, keep json.RawMessage) (Begun, error) {
	if _, err := v.programOrigin(p); err != nil {
		return Begun{}, err
	}
	options, lib, err := v.verifier.nativeOptions()
	if err != nil {
		return Begun{}, err
	}
	return v.begun(native, p.browser(), options, lib, state{Keep: keep})
}

// programOrigin returns the origin that p has to state.
func (v *Service) programOrigin(p Program) (webauthn.Origin, error) {
	if err := policy.MaySignInNatively(p.Client); err != nil {
		return "", err
	}
	o, ok := webauthn.NativeOrigin(v.login, string(p.Client.ID))
	if !ok {
		return "", policy.ErrNotNative
	}
	return o, nil
}

// FinishNative verifies response, the JSON form of an assertion, and begins a
// session whose ACR is session.ACRNative and whose token nobody gets. keep is
// what BeginNative was given. A no is a *Refusal, recorded, or
// policy.ErrNotNative; any other error is trouble of our own.
func (v *Service) FinishNative(ctx context.Context, p Program, sealed string, response []byte) (in SignedIn, keep json.RawMessage, err error) {
	origin, err := v.programOrigin(p)
	if err != nil {
		return SignedIn{}, nil, err
	}
	st, c, refusal := v.resumed(native, p.browser(), sealed, refuseSignIn)
	var k directory.Passkey
	if refusal == nil {
		in, k, refusal, err = v.finishNative(ctx, p, origin, st, *c, response)
	}
	if refusal != nil && refusal.Reason == ReasonOtherBrowser {
		refusal.Reason = ReasonOtherClient
	}
	if refusal != nil {
		return SignedIn{}, nil, v.refusedProgram(ctx, p, c, k, refusal)
	}
	return in, st.Keep, err
}

// finishNative is FinishNative once the sealed text was opened.
func (v *Service) finishNative(ctx context.Context, p Program, origin webauthn.Origin, st state, c Challenge, response []byte) (in SignedIn, k directory.Passkey, refusal *Refusal, err error) {
	id, parsed, err := claimed(response)
	if err != nil {
		return in, k, refuseSignIn(ReasonMalformed, err), nil
	}
	k, u, refusal, err := v.known(ctx, id)
	if refusal != nil || err != nil {
		return in, k, refusal, err
	}
	proof, refusal := v.verifier.verifyAssertion(st.Library, expected{program: origin}, parsed, u, k)
	if refusal != nil {
		return in, k, refusal, nil
	}
	in, refusal, err = v.admit(ctx, u, k, func(u directory.User, k directory.Passkey) (SignIn, SignedIn) {
		change, in := v.signInChange(p.browser(), c, u, k, proof, session.Session{})
		s, token := session.BeginNative(c.Now, u.ID, k.ID, p.browser().from())
		change.Session, change.Token, in = s, token, SignedIn{Session: s, User: u}
		change.Events[0].Kind, change.Events[0].Client = audit.NativeSignIn, p.Client.ID
		return change, in
	})
	return in, k, refusal, err
}

// refusedProgram is refused, with the client in the record.
func (v *Service) refusedProgram(ctx context.Context, p Program, c *Challenge, k directory.Passkey, r *Refusal) error {
	if c == nil {
		return r
	}
	e := v.event(p.browser(), audit.NativeSignIn, c.Now, k)
	e.Outcome, e.Reason, e.Client = audit.Refused, string(r.Reason), p.Client.ID
	if err := v.store.Refuse(context.WithoutCancel(ctx), *c, e); err != nil {
		return fmt.Errorf("recording a refusal (%s): %w", r.Reason, err)
	}
	return r
}
