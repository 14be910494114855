package authenticator

import (
	"context"
	"errors"
	"time"

	"cardea/ctap"
	"cardea/webauthn"
)

// nextAssertionWindow is how long a client may take to ask for the next one
// (CTAP §6.3).
const nextAssertionWindow = 30 * time.Second

// remaining is a series of assertions that has not been fetched to its end. It names passkeys and does not hold their keys, so a vault that is
// locked meanwhile stays locked.
type remaining struct {
	caller Caller
	want   asked
	ids    []webauthn.CredentialID
	until  time.Time
}

// silentAssertion answers without a person. Clients use it to find out which
// passkeys of a list are here; its signature is worth nothing to a site, as
// neither UP nor UV is set.
func (v *visit) silentAssertion(ctx context.Context, r ctap.GetAssertionRequest) (any, error) {
	if v.a.vault.Locked() {
		// Nobody may be asked to unlock it, and NO_CREDENTIALS would be a lie.
		return nil, ctap.NotAllowed
	}
	passkeys, err := v.applicable(ctx, r, false)
	if err != nil {
		return nil, err
	}
	if len(passkeys) == 0 {
		return nil, ctap.NoCredentials
	}
	// CTAP §6.2.2 step 12: with an allow list one is enough.
	if len(r.AllowList) != 0 {
		passkeys = passkeys[:1]
	}
	return v.firstOf(ctx, passkeys, asked{clientDataHash: r.ClientDataHash})
}

// firstOf answers with the first passkey and keeps the others for
// getNextAssertion.
func (v *visit) firstOf(ctx context.Context, passkeys []Passkey, want asked) (any, error) {
	response, err := v.assert(ctx, passkeys[0], want)
	if err != nil || len(passkeys) == 1 {
		return response, err
	}
	nameUser(&response, passkeys[0], want)
	response.NumberOfCredentials = uint(len(passkeys))
	next := &remaining{
		caller: v.caller, want: want, until: v.a.now().Add(nextAssertionWindow),
	}
	for _, p := range passkeys[1:] {
		next.ids = append(next.ids, p.ID)
	}
	v.a.next = next
	return response, nil
}

// nameUser adds the names, for the client to ask which account: only to a
// verified person (CTAP §6.2.2 step 13).
func nameUser(r *ctap.GetAssertionResponse, p Passkey, want asked) {
	if want.flags.Has(webauthn.FlagUserVerified) && r.User != nil {
		r.User.Name, r.User.DisplayName = p.Account.Name, p.Account.DisplayName
	}
}

// getNextAssertion is authenticatorGetNextAssertion (CTAP §6.3).
func (v *visit) getNextAssertion(ctx context.Context, next *remaining) (any, error) {
	now := v.a.now()
	if next == nil || next.caller != v.caller || now.After(next.until) {
		return nil, ctap.NotAllowed
	}
	p, err := v.a.vault.Find(ctx, next.ids[0])
	if errors.Is(err, ErrNoPasskey) {
		return nil, ctap.NotAllowed // deleted meanwhile
	}
	if err != nil {
		return nil, vaultStatus("looking for passkeys", err)
	}
	response, err := v.assert(ctx, p, next.want)
	if err != nil {
		return nil, err
	}
	nameUser(&response, p, next.want)
	if next.ids = next.ids[1:]; len(next.ids) != 0 {
		next.until = now.Add(nextAssertionWindow)
		v.a.next = next
	}
	return response, nil
}
