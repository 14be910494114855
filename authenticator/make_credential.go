package authenticator

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
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
	if !slices.ContainsFunc(r.PubKeyCredParams, isES256) { // step 3
		return nil, ctap.UnsupportedAlgorithm
	}
	if up, given := r.Options["up"]; given && !up { // step 5
		return nil, ctap.InvalidOption
	}
	if r.Enterprise != 0 { // step 9: there is no enterprise attestation here
		return nil, ctap.InvalidParameter
	}
	if len(r.ExcludeList) > maxList {
		return nil, ctap.LimitExceeded
	}
	if err := v.unlock(ctx, r.RP.ID); err != nil {
		return nil, err
	}
	if err := v.checkExcluded(ctx, r); err != nil { // step 12
		return nil, err
	}
	// Differs from the text: steps 6 and 7 refuse a request that names no user
	// verification. We verify instead, always.
	if _, err := v.ask(ctx, v.prompt(MakePasskey, r)); err != nil { // steps 11 and 13
		return nil, err
	}
	passkey, key, err := v.a.newPasskey(r)
	if err != nil {
		return nil, err
	}
	response, err := v.attest(r, passkey, key)
	if err != nil {
		return nil, err
	}
	// Last of all, so that nothing is left behind if something before it fails.
	if err := v.a.vault.Save(ctx, passkey); err != nil {
		return nil, vaultStatus("saving the passkey", err)
	}
	return response, nil
}

// isES256 reports whether p is the algorithm we have. Unknown types are for
// other authenticators, and are passed over.
func isES256(p ctap.CredentialParameters) bool {
	return p.Type == webauthn.PublicKeyType && p.Alg == webauthn.ES256
}

func (v *visit) prompt(kind Kind, r ctap.MakeCredentialRequest) Prompt {
	return Prompt{
		Kind: kind, RPID: r.RP.ID, RPName: cut(r.RP.Name), Account: accountOf(r.User),
		Verify: kind == MakePasskey,
	}
}

func accountOf(u ctap.UserEntity) Account {
	return Account{Handle: bytes.Clone(u.ID), Name: cut(u.Name), DisplayName: cut(u.DisplayName)}
}

// checkExcluded refuses if the site already has a passkey here. The person is
// told first, or a page could find out silently what this vault holds.
//
// Differs from the text: if nobody answers, the site does not learn of it
// either.
func (v *visit) checkExcluded(ctx context.Context, r ctap.MakeCredentialRequest) error {
	if len(r.ExcludeList) == 0 {
		return nil
	}
	passkeys, err := v.a.vault.Passkeys(ctx, r.RP.ID)
	if err != nil {
		return vaultStatus("looking for excluded passkeys", err)
	}
	if len(listed(passkeys, r.ExcludeList)) == 0 {
		return nil
	}
	if err := v.acknowledge(ctx, v.prompt(AlreadyHere, r)); err != nil {
		return err
	}
	return ctap.CredentialExcluded
}

// listed returns the passkeys that a list of descriptors names.
func listed(passkeys []Passkey, list []ctap.CredentialDescriptor) []Passkey {
	named := make(map[string]bool, len(list))
	for _, d := range list {
		if d.Type == webauthn.PublicKeyType {
			named[string(d.ID)] = true
		}
	}
	return slices.DeleteFunc(passkeys, func(p Passkey) bool { return !named[string(p.ID)] })
}

func (a *Authenticator) newPasskey(r ctap.MakeCredentialRequest) (Passkey, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Passkey{}, nil, fmt.Errorf("making a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Passkey{}, nil, fmt.Errorf("making a key: %w", err)
	}
	return Passkey{
		ID:   secret.Random(credentialIDSize).Expose(),
		RPID: r.RP.ID, RPName: cut(r.RP.Name), Account: accountOf(r.User),
		Algorithm: webauthn.ES256, PrivateKey: secret.New(der),
		Discoverable: r.Options["rk"], CreatedAt: a.now(),
	}, key, nil
}

// packedStatement is self attestation (WebAuthn §8.2): the passkey's own key
// signs for it.
type packedStatement struct {
	Alg webauthn.COSEAlgorithm `cbor:"alg"`
	Sig []byte                 `cbor:"sig"`
}

func (v *visit) attest(r ctap.MakeCredentialRequest, p Passkey, key *ecdsa.PrivateKey) (ctap.MakeCredentialResponse, error) {
	public, err := webauthn.EncodePublicKey(&key.PublicKey)
	if err != nil {
		return ctap.MakeCredentialResponse{}, err
	}
	authData := webauthn.AuthenticatorData{
		RPIDHash: sha256.Sum256([]byte(p.RPID)),
		Flags:    v.flags(),
		Attested: &webauthn.AttestedCredential{AAGUID: v.a.aaguid, ID: p.ID, PublicKey: public},
	}.Encode()
	if preferredFormat(r.AttestationFormats) == formatNone {
		return ctap.MakeCredentialResponse{
			Format: formatNone, AuthData: authData, Statement: cbor.MustEncode(struct{}{}),
		}, nil
	}
	signature, err := sign(key, authData, r.ClientDataHash)
	if err != nil {
		return ctap.MakeCredentialResponse{}, err
	}
	return ctap.MakeCredentialResponse{
		Format: formatPacked, AuthData: authData,
		Statement: cbor.MustEncode(packedStatement{Alg: webauthn.ES256, Sig: signature}),
	}, nil
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

// sign signs authData ‖ clientDataHash (WebAuthn §6.3.3 step 11).
func sign(key *ecdsa.PrivateKey, authData, clientDataHash []byte) ([]byte, error) {
	h := sha256.New()
	h.Write(authData)
	h.Write(clientDataHash)
	signature, err := ecdsa.SignASN1(rand.Reader, key, h.Sum(nil))
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return signature, nil
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
