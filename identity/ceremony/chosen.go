package ceremony

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/webauthn"
)

// A Chosen is whom a person said they are before they used a passkey. The zero
// Chosen is nobody: any passkey will do.
type Chosen struct {
	// Username is a user name as it was typed. Nobody looks up whether there is
	// such a person; it is compared with the passkey's owner in the end.
	Username string
	// User is set instead if the browser has shown that this person was signed
	// in with it before. Only then does it learn which passkeys they have.
	User directory.UserID
}

// maxListed is the longest list of passkeys that browsers are given. With more,
// Safari has failed where without a list it would have found the right one.
const maxListed = 3

// BeginSignInAs begins a sign-in of a person who was chosen beforehand. It
// writes nothing. directory.ErrNoUser and directory.ErrNoPasskey say that the
// person of who.User is gone, or has no passkey; that they may not sign in is a
// *Refusal, which may be told: the browser knows them.
func (v *Service) BeginSignInAs(ctx context.Context, b Browser, who Chosen, hint Hint) (Begun, error) {
	if err := v.mayBegin(b); err != nil {
		return Begun{}, err
	}
	st := state{Chosen: clip(directory.NormalizeUsername(who.Username), directory.MaxUsername), User: who.User}
	var list []directory.Passkey
	if who.User != "" {
		u, passkeys, err := v.passkeysOf(ctx, who.User)
		if err != nil {
			return Begun{}, err
		}
		if st.Chosen = u.Username; len(passkeys) <= maxListed {
			list = passkeys
		}
	}
	options, lib, err := v.verifier.requestOptions(b.Origin, hint, list)
	if err != nil {
		return Begun{}, err
	}
	return v.begun(signIn, b, options, lib, st)
}

// passkeysOf returns a person who may sign in, and those of their passkeys that
// are taken. If none is, it returns all: who uses one is told why it opens
// nothing, and an empty list would say that any passkey will do.
func (v *Service) passkeysOf(ctx context.Context, id directory.UserID) (directory.User, []directory.Passkey, error) {
	u, err := v.directory.User(ctx, id)
	if err != nil {
		return u, nil, fmt.Errorf("looking up who was chosen: %w", err)
	}
	// Which passkey it will be is not known yet, so neither is its kind.
	if err := policy.MaySignIn(u, directory.Passkey{}, policy.Passkeys{}); err != nil {
		return u, nil, refuse(ReasonDisabled, err)
	}
	passkeys, err := v.directory.Passkeys(ctx, id)
	if err == nil && len(passkeys) == 0 {
		err = directory.ErrNoPasskey
	}
	if err != nil {
		return u, nil, fmt.Errorf("listing the passkeys of who was chosen: %w", err)
	}
	if v.rule.WaysIn(passkeys) > 0 {
		passkeys = slices.DeleteFunc(passkeys, func(k directory.Passkey) bool { return !v.rule.Takes(k) })
	}
	return u, passkeys, nil
}

// isChosen reports whether u is whom the person chose, or nobody was chosen.
func (s state) isChosen(u directory.User) bool {
	if s.User != "" {
		return s.User == u.ID
	}
	return s.Chosen == "" || s.Chosen == u.Username
}

// An OtherAccount is a sign-in that was stopped because the passkey, good as it
// is, belongs to somebody else than was chosen. GoOn signs in as its owner after
// all, if the person wants that.
type OtherAccount struct {
	GoOn   Begun // without options
	Owner  directory.User
	Chosen string // user name
}

// Error is for the log.
func (o *OtherAccount) Error() string {
	return fmt.Sprintf("stopped: the passkey is of %v, and another was chosen", o.Owner)
}

// held is an assertion that was verified and not used yet.
type held struct {
	Credential webauthn.CredentialID `json:"c"`
	Count      uint32                `json:"n"`
	Flags      webauthn.Flags        `json:"f"`
	Attachment string                `json:"a,omitempty"`
}

// hold records that a sign-in was stopped, spends its challenge and seals what
// was verified under one that comes of it. It returns the *OtherAccount, or what went
// wrong.
func (v *Service) hold(ctx context.Context, b Browser, st state, c *Challenge, u directory.User, k directory.Passkey, proof asserted) error {
	err := v.refused(ctx, b, audit.SignIn, c, k, refuseSignIn(ReasonWrongAccount, nil))
	var no *Refusal
	if !errors.As(err, &no) {
		return err
	}
	// The same assertion always leads to the same second challenge, so that it
	// signs somebody in once, however often it is brought.
	lib, err := json.Marshal(map[string]string{"challenge": base64.RawURLEncoding.EncodeToString(c.Hash[:])})
	if err != nil {
		return fmt.Errorf("holding a sign-in: %w", err)
	}
	next := state{User: u.ID, Held: &held{k.CredentialID, proof.count, proof.flags, proof.attachment}}
	begun, err := v.begun(goOn, b, nil, lib, next)
	if err != nil {
		return err
	}
	return &OtherAccount{GoOn: begun, Owner: u, Chosen: st.Chosen}
}

// GoOn finishes the sign-in of an OtherAccount as the passkey's owner: once, in
// the browser that it was stopped in, and as long as a ceremony lasts. A no is a
// *Refusal, recorded.
func (v *Service) GoOn(ctx context.Context, b Browser, sealed string) (SignedIn, error) {
	st, c, refusal := v.resumed(goOn, b, sealed, refuseSignIn)
	if refusal == nil && st.Held == nil {
		refusal = refuseSignIn(ReasonNoCeremony, errors.New("sealed state holds no sign-in"))
	}
	if refusal != nil {
		return SignedIn{}, v.refused(ctx, b, audit.SignIn, c, directory.Passkey{}, refusal)
	}
	k, u, refusal, err := v.known(ctx, st.Held.Credential)
	if err != nil {
		return SignedIn{}, err
	}
	if refusal == nil && u.ID != st.User {
		refusal = refuseSignIn(ReasonWrongUser, nil)
	}
	if refusal != nil {
		return SignedIn{}, v.refused(ctx, b, audit.SignIn, c, k, refusal)
	}
	return v.enter(ctx, b, c, u, k, asserted{st.Held.Count, st.Held.Flags, st.Held.Attachment})
}
