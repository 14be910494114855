package authenticator

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"cardea/ctap"
	"cardea/internal/cbor"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// Attestation statement formats (WebAuthn §8).
const (
	formatPacked = "packed"
	formatNone   = "none"
)

// credentialIDSize is the length of our credential IDs: random, and long enough
// that nobody meets another's.
const credentialIDSize = 32

// errNoSpace is what a vault on a full disk says.
var errNoSpace error = syscall.ENOSPC

// makeCredential is authenticatorMakeCredential; the steps are those of CTAP
// §6.1.2.
func (v *visit) makeCredential(ctx context.Context, r ctap.MakeCredentialRequest) (any, error) {
	if err := v.checkPinUvAuth(ctx, r.PinUvAuthParam, r.PinUvAuthProtocol); err != nil { // steps 1 and 2
		return nil, err
	}
	alg, ok := v.a.algorithm(r.PubKeyCredParams) // step 3
	if !ok {
		return nil, ctap.UnsupportedAlgorithm
	}
	if up, given := r.Options["up"]; given && !up { // step 5
		return nil, ctap.InvalidOption
	}
	in, err := v.makeInputs(r)
	if err != nil {
		return nil, err
	}
	enterprise, err := v.enterpriseFor(r) // step 9
	if err != nil {
		return nil, err
	}
	if err := v.mayMake(r); err != nil { // steps 5 to 11
		return nil, err
	}
	if len(r.ExcludeList) > maxList {
		return nil, ctap.LimitExceeded
	}
	verify := v.a.keys == nil || v.wantsUV(r.Options, r.PinUvAuthParam, true)
	if err := v.unlockFor(ctx, r.RP.ID, in.salts, verify); err != nil {
		return nil, err
	}
	// Differs from the text: of a phone, steps 6 and 7 would refuse a request
	// that names no user verification. We verify instead, always. And step 11,
	// user verification here, is not a question of its own: it is asked for with
	// what step 12 or 13 asks.
	if err := v.checkExcluded(ctx, r, verify); err != nil { // step 12
		return nil, err
	}
	if err := v.consent(ctx, makePrompt(MakePasskey, r, verify)); err != nil { // step 13
		return nil, err
	}
	v.spendToken() // step 14
	passkey, key, err := v.a.newPasskey(r, alg, in)
	if err != nil {
		return nil, err
	}
	response, err := v.attest(ctx, r, in, passkey, key, enterprise)
	if err != nil {
		return nil, err
	}
	// Last of all, so that nothing is left behind if something before it fails.
	if err := v.a.vault.Save(ctx, passkey); err != nil {
		return nil, vaultStatus("saving the passkey", err)
	}
	return response, nil
}

// mayMake decides whether the client has proved enough (CTAP §6.1.2 steps 5 to
// 8 and 11). A phone finds out for itself.
func (v *visit) mayMake(r ctap.MakeCredentialRequest) error {
	if v.a.keys == nil {
		return nil
	}
	if r.PinUvAuthParam != nil {
		return v.prove(proof{
			param: r.PinUvAuthParam, protocol: r.PinUvAuthProtocol, message: r.ClientDataHash,
			permission: ctap.PermitMakeCredential, rp: r.RP.ID,
		})
	}
	switch {
	case r.Options["uv"], v.wantsUV(r.Options, nil, true):
		return v.mayVerify()
	case v.a.settings().AlwaysUV, v.protected() && r.Options["rk"]: // else makeCredUvNotRqd
		return v.missingProof()
	}
	return nil
}

func makePrompt(kind Kind, r ctap.MakeCredentialRequest, verify bool) Prompt {
	return Prompt{
		Kind: kind, RPID: r.RP.ID, RPName: cut(r.RP.Name), Account: accountOf(r.User), Verify: verify,
	}
}

func accountOf(u ctap.UserEntity) Account {
	return Account{Handle: bytes.Clone(u.ID), Name: cut(u.Name), DisplayName: cut(u.DisplayName)}
}

// checkExcluded refuses if the site already has a passkey here. The person is
// told first, or a page could find out silently what this vault holds.
//
// Differs from the text: if nobody answers, the site does not learn of it
// either. A passkey that credProtect keeps for a verified person counts if they
// are to be verified, and then the answer waits for that.
func (v *visit) checkExcluded(ctx context.Context, r ctap.MakeCredentialRequest, verify bool) error {
	if len(r.ExcludeList) == 0 {
		return nil
	}
	passkeys, err := v.named(ctx, r.RP.ID, r.ExcludeList, verify)
	if err != nil {
		return vaultStatus("looking for excluded passkeys", err)
	}
	if len(passkeys) == 0 {
		return nil
	}
	if v.a.keys == nil {
		// A phone just tells, unless all that there is to tell of is for a
		// verified person alone.
		verify = !slices.ContainsFunc(passkeys, func(p Passkey) bool { return !hidden(p, v.verified, true) })
	}
	if err := v.acknowledge(ctx, makePrompt(AlreadyHere, r, verify)); err != nil {
		return err
	}
	v.spendToken()
	return ctap.CredentialExcluded
}

// named returns the passkeys for rp that a list names and that credProtect does
// not hide from a verified person, or from one who is to be verified before the
// answer.
func (v *visit) named(ctx context.Context, rp webauthn.RPID, list []ctap.CredentialDescriptor, verify bool) ([]Passkey, error) {
	passkeys, err := v.find(ctx, rp, list)
	return slices.DeleteFunc(passkeys, func(p Passkey) bool { return hidden(p, v.verified || verify, true) }), err
}

// find returns the passkeys for rp that a list names, newest first.
func (v *visit) find(ctx context.Context, rp webauthn.RPID, list []ctap.CredentialDescriptor) ([]Passkey, error) {
	var found []Passkey
	seen := map[string]bool{}
	for _, d := range list {
		if d.Type != webauthn.PublicKeyType || seen[string(d.ID)] {
			continue
		}
		seen[string(d.ID)] = true
		p, err := v.a.vault.Find(ctx, d.ID)
		if errors.Is(err, ErrNoPasskey) {
			continue
		}
		if err != nil {
			return nil, err
		}
		// By the hash: a passkey made by U2F knows no more of its site.
		if p.rpIDHash() == sha256.Sum256([]byte(rp)) {
			found = append(found, p)
		}
	}
	slices.SortStableFunc(found, func(a, b Passkey) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return found, nil
}

func (a *Authenticator) newPasskey(r ctap.MakeCredentialRequest, alg webauthn.COSEAlgorithm, in makeInputs) (Passkey, crypto.Signer, error) {
	key, err := generateKey(alg)
	if err != nil {
		return Passkey{}, nil, fmt.Errorf("making a key: %w", err)
	}
	der, err := encodeKey(key)
	if err != nil {
		return Passkey{}, nil, fmt.Errorf("making a key: %w", err)
	}
	p := Passkey{
		ID:   secret.Random(credentialIDSize).Expose(),
		RPID: r.RP.ID, RPName: cut(r.RP.Name), Account: accountOf(r.User),
		Algorithm: alg, PrivateKey: secret.New(der),
		Discoverable: r.Options["rk"], CreatedAt: a.now(),
	}
	in.give(&p)
	return p, key, nil
}

func (v *visit) attest(ctx context.Context, r ctap.MakeCredentialRequest, in makeInputs, p Passkey, key crypto.Signer, enterprise bool) (any, error) {
	public, err := publicKey(key)
	if err != nil {
		return nil, err
	}
	outputs, err := v.makeOutputs(ctx, in, p)
	if err != nil {
		return nil, err
	}
	response := ctap.MakeCredentialResponse{
		Format: formatNone, Statement: cbor.MustEncode(struct{}{}),
		LargeBlobKey: p.LargeBlobKey.Expose(), UnsignedExtension: in.unsigned(p, v.verified),
		AuthData: webauthn.AuthenticatorData{
			RPIDHash:   p.rpIDHash(),
			Flags:      v.flags(),
			Attested:   &webauthn.AttestedCredential{AAGUID: v.a.aaguid, ID: p.ID, PublicKey: public},
			Extensions: outputs,
		}.Encode(),
	}
	switch {
	case enterprise:
		response.EpAtt = true
		response.Format, response.Statement, err = v.a.enterprise.attestation().packed(webauthn.ES256, response.AuthData, r.ClientDataHash)
	case preferredFormat(r.AttestationFormats) == formatPacked:
		by, alg := v.a.attestationOf(key, p.Algorithm)
		response.Format, response.Statement, err = by.packed(alg, response.AuthData, r.ClientDataHash)
	}
	return response, err
}

// preferredFormat is the first of the client's formats that we have, or packed
// (CTAP §6.1.2 step 17).
func preferredFormat(preference []string) string {
	for _, f := range preference {
		if f == formatNone || f == formatPacked {
			return f
		}
	}
	return formatPacked
}

// cut shortens a name to maxName bytes without splitting a character.
func cut(name string) string {
	if len(name) <= maxName {
		return name
	}
	end := maxName
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return strings.Clone(name[:end])
}
