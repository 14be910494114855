package authenticator

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
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
	verify := r.Options["uv"]
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
	response, err := v.assert(ctx, passkey, r.ClientDataHash, flags, v.a.now())
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
	passkeys, err := v.applicable(ctx, r)
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
// so.
func (v *visit) applicable(ctx context.Context, r ctap.GetAssertionRequest) ([]Passkey, error) {
	passkeys, err := v.a.vault.Passkeys(ctx, r.RPID)
	if err != nil {
		return nil, vaultStatus("looking for passkeys", err)
	}
	if len(r.AllowList) != 0 {
		return listed(passkeys, r.AllowList), nil
	}
	return slices.DeleteFunc(passkeys, func(p Passkey) bool { return !p.Discoverable }), nil
}

// withoutKeys returns what a Person may see of passkeys.
func withoutKeys(passkeys []Passkey) []Passkey {
	seen := slices.Clone(passkeys)
	for i := range seen {
		seen[i].PrivateKey = secret.Key{}
	}
	return seen
}

// assert counts and signs. The count is on disk before the signature leaves:
// after a crash none is given twice.
func (v *visit) assert(ctx context.Context, p Passkey, clientDataHash []byte, flags webauthn.Flags, at time.Time) (ctap.GetAssertionResponse, error) {
	var none ctap.GetAssertionResponse
	parsed, err := x509.ParsePKCS8PrivateKey(p.PrivateKey.Expose())
	if err != nil {
		return none, errors.New("reading the passkey's key") // the cause might quote it
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return none, fmt.Errorf("passkey has a key of type %T", parsed)
	}
	count, err := v.a.vault.Use(ctx, p.ID, at)
	if err != nil {
		return none, vaultStatus("counting the signature", err)
	}
	authData := webauthn.AuthenticatorData{
		RPIDHash: sha256.Sum256([]byte(p.RPID)), Flags: flags, SignCount: count,
	}.Encode()
	signature, err := sign(key, authData, clientDataHash)
	if err != nil {
		return none, err
	}
	response := ctap.GetAssertionResponse{
		Credential: &ctap.CredentialDescriptor{ID: p.ID, Type: webauthn.PublicKeyType},
		AuthData:   authData,
		Signature:  signature,
	}
	if p.Discoverable {
		// The handle alone: the person has chosen already, so the client has
		// no need of the names (CTAP §6.2.2 step 13).
		response.User = &ctap.UserEntity{ID: p.Account.Handle}
	}
	return response, nil
}
