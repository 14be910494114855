package authenticator

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cardea/ctap"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// getAssertion is authenticatorGetAssertion; the steps are those of CTAP
// §6.2.2.
func (v *visit) getAssertion(ctx context.Context, r ctap.GetAssertionRequest) (any, error) {
	if err := v.checkPinUvAuth(ctx, r.PinUvAuthParam, r.PinUvAuthProtocol); err != nil { // steps 1 and 2
		return nil, err
	}
	if _, given := r.Options["rk"]; given { // step 4
		return nil, ctap.UnsupportedOption
	}
	if len(r.AllowList) > maxList {
		return nil, ctap.LimitExceeded
	}
	present, given := r.Options["up"]
	present = present || !given
	in, err := v.getInputs(r, present)
	if err != nil {
		return nil, err
	}
	if v.a.keys != nil {
		return v.keyAssertion(ctx, r, in, present)
	}
	verify := r.Options["uv"]
	if in.prf != nil && present {
		// WebAuthn §10.1.4: there is one PRF, that of a verified person.
		verify = true
	}
	if !present && !verify {
		// A client on this device looks quietly where a passkey may be. A computer
		// that showed a QR code must not: by one code it could go through the
		// sites its person has passkeys for, and nothing would appear here.
		if v.caller.Via == ViaHybrid {
			return nil, ctap.InvalidOption
		}
		return v.silentAssertion(ctx, r)
	}
	passkey, err := v.choose(ctx, r, verify)
	if err != nil {
		return nil, err
	}
	flags := v.flags()
	if !present {
		flags &^= webauthn.FlagUserPresent // asked not to say so
	}
	response, err := v.assert(ctx, passkey, asked{r.ClientDataHash, flags, v.a.now(), in})
	if err != nil {
		return nil, err
	}
	response.UserSelected = len(r.AllowList) == 0
	return response, nil
}

// choose has the person choose one of the passkeys that fit. If none does, they
// are told before the client is.
func (v *visit) choose(ctx context.Context, r ctap.GetAssertionRequest, verify bool) (Passkey, error) {
	if err := v.unlock(ctx, r.RPID); err != nil {
		return Passkey{}, err
	}
	passkeys, err := v.applicable(ctx, r, verify)
	if err != nil {
		return Passkey{}, err
	}
	if len(passkeys) == 0 { // step 7
		if err := v.acknowledge(ctx, Prompt{Kind: NoPasskey, RPID: r.RPID}); err != nil {
			return Passkey{}, err
		}
		return Passkey{}, ctap.NoCredentials
	}
	answer, err := v.ask(ctx, Prompt{
		Kind: UsePasskey, RPID: r.RPID, RPName: passkeys[0].RPName,
		Passkeys: withoutKeys(passkeys), Verify: verify,
	})
	if err != nil {
		return Passkey{}, err
	}
	if answer.Choice < 0 || answer.Choice >= len(passkeys) {
		return Passkey{}, fmt.Errorf("person chose passkey %d of %d", answer.Choice, len(passkeys))
	}
	return passkeys[answer.Choice], nil
}

// applicable returns the passkeys that may answer r, newest first. Without an
// allow list only discoverable ones may. An empty list is none: clients send it
// so. What credProtect keeps for a verified person is among them if they are to
// be verified.
func (v *visit) applicable(ctx context.Context, r ctap.GetAssertionRequest, verify bool) ([]Passkey, error) {
	if len(r.AllowList) != 0 {
		passkeys, err := v.named(ctx, r.RPID, r.AllowList, verify)
		return passkeys, vaultStatus("looking for passkeys", err)
	}
	passkeys, err := v.a.vault.Passkeys(ctx, r.RPID)
	if err != nil {
		return nil, vaultStatus("looking for passkeys", err)
	}
	return slices.DeleteFunc(passkeys, func(p Passkey) bool {
		return !p.Discoverable || hidden(p, v.verified || verify, false)
	}), nil
}

// withoutKeys returns what a Person may see of passkeys.
func withoutKeys(passkeys []Passkey) []Passkey {
	seen := slices.Clone(passkeys)
	for i := range seen {
		seen[i].PrivateKey = secret.Key{}
		seen[i].HMACSecrets, seen[i].CredBlob, seen[i].LargeBlobKey = secret.Key{}, secret.Key{}, secret.Key{}
	}
	return seen
}

// asked is what an assertion is to say.
type asked struct {
	clientDataHash []byte
	flags          webauthn.Flags
	at             time.Time // zero if nobody was there
	in             getInputs
}

// assert counts and signs. The count is on disk before the signature leaves:
// after a crash none is given twice.
func (v *visit) assert(ctx context.Context, p Passkey, want asked) (ctap.GetAssertionResponse, error) {
	var none ctap.GetAssertionResponse
	key, err := parseKey(p.PrivateKey)
	if err != nil {
		return none, err
	}
	verified := want.flags.Has(webauthn.FlagUserVerified)
	outputs, err := want.in.outputs(p, verified)
	if err != nil {
		return none, err
	}
	count, err := v.a.vault.Use(ctx, p.ID, want.at)
	if err != nil {
		return none, vaultStatus("counting the signature", err)
	}
	authData := webauthn.AuthenticatorData{
		RPIDHash: p.rpIDHash(), Flags: want.flags | p.backupFlags(), SignCount: count, Extensions: outputs,
	}.Encode()
	signature, err := sign(key, authData, want.clientDataHash)
	if err != nil {
		return none, err
	}
	blob, err := v.blobOutput(ctx, want.in.largeBlob, p)
	if err != nil {
		return none, err
	}
	response := ctap.GetAssertionResponse{
		Credential: &ctap.CredentialDescriptor{ID: p.ID, Type: webauthn.PublicKeyType},
		AuthData:   authData,
		Signature:  signature,

		UnsignedExtension: withBlob(want.in.prfResults(p, verified), blob),
	}
	if want.in.blobKey {
		response.LargeBlobKey = p.LargeBlobKey.Expose()
	}
	if p.Discoverable {
		// The handle alone: the person has chosen already, so the client has
		// no need of the names (CTAP §6.2.2 step 13).
		response.User = &ctap.UserEntity{ID: p.Account.Handle}
	}
	return response, nil
}

// backupFlags are BE and BS, which a site has been told once and for all when
// the passkey was made (WebAuthn §6.1.3).
func (p Passkey) backupFlags() webauthn.Flags {
	if p.Shared {
		return webauthn.FlagBackupEligible | webauthn.FlagBackupState
	}
	return 0
}

// keyAssertion is getAssertion of a security key, which leaves the choice among
// several passkeys to the client.
func (v *visit) keyAssertion(ctx context.Context, r ctap.GetAssertionRequest, in getInputs, present bool) (any, error) {
	if err := v.mayGet(r, present); err != nil {
		return nil, err
	}
	verify := v.wantsUV(r.Options, r.PinUvAuthParam, present)
	if !present && !verify && v.a.vault.Locked() {
		// Nobody may be asked to unlock it. This tells the client how to.
		return nil, ctap.PUATRequired
	}
	if err := v.unlockFor(ctx, r.RPID, in.salts, verify); err != nil {
		return nil, err
	}
	passkeys, err := v.applicable(ctx, r, verify)
	if err != nil {
		return nil, err
	}
	want := asked{clientDataHash: r.ClientDataHash, in: in}
	if present || verify {
		if err := v.touch(ctx, r, passkeys, verify); err != nil {
			return nil, err
		}
		v.spendToken()
		want.at = v.a.now()
	}
	if len(passkeys) == 0 { // step 7
		return nil, ctap.NoCredentials
	}
	if want.flags = v.flags(); !present {
		want.flags &^= webauthn.FlagUserPresent
	}
	if len(r.AllowList) != 0 { // step 12: one is enough
		passkeys = passkeys[:1]
	}
	return v.firstOf(ctx, passkeys, want)
}

// mayGet decides whether the client has proved enough (CTAP §6.2.2 steps 4 to
// 6).
func (v *visit) mayGet(r ctap.GetAssertionRequest, present bool) error {
	switch {
	case r.PinUvAuthParam != nil:
		return v.prove(proof{
			param: r.PinUvAuthParam, protocol: r.PinUvAuthProtocol, message: r.ClientDataHash,
			permission: ctap.PermitGetAssertion, rp: r.RPID,
		})
	case r.Options["uv"], v.wantsUV(r.Options, nil, present):
		return v.mayVerify()
	case present && v.a.settings().AlwaysUV:
		return v.missingProof()
	}
	return nil
}

// touch asks for the touch, also where there is no passkey: or a page could
// find that out silently.
func (v *visit) touch(ctx context.Context, r ctap.GetAssertionRequest, passkeys []Passkey, verify bool) error {
	if len(passkeys) == 0 {
		return v.acknowledge(ctx, Prompt{Kind: NoPasskey, RPID: r.RPID})
	}
	return v.consent(ctx, Prompt{
		Kind: UsePasskey, RPID: r.RPID, RPName: passkeys[0].RPName, Passkeys: withoutKeys(passkeys), Verify: verify,
	})
}
