package authenticator

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"

	"cardea/ctap"
	"cardea/webauthn"
)

// maxPasskeys is what a vault stays fast with. There is no hard limit.
const maxPasskeys = 100_000

// listing is an enumeration that has not been fetched to its end. It names and
// does not hold.
type listing struct {
	caller Caller
	rps    []ctap.ManagementResponse
	ids    []webauthn.CredentialID
}

// manage is authenticatorCredentialManagement (CTAP §6.8).
func (v *visit) manage(ctx context.Context, r ctap.ManagementRequest, l *listing) (any, error) {
	switch r.SubCommand {
	case ctap.ManageRPsNext, ctap.ManageCredentialNext: // not authenticated: they follow what was
		return v.listNext(ctx, r.SubCommand, l)
	case ctap.ManageMetadata, ctap.ManageRPsBegin, ctap.ManageCredentialBegin, ctap.ManageDelete, ctap.ManageUpdateUser:
	default:
		return nil, ctap.InvalidSubcommand
	}
	if err := checkManaged(r); err != nil {
		return nil, err
	}
	passkeys, err := v.mayManage(ctx, r)
	if err != nil {
		return nil, err
	}
	switch r.SubCommand {
	case ctap.ManageMetadata:
		existing := uint(len(passkeys))
		left := uint(max(0, maxPasskeys-len(passkeys)))
		return ctap.ManagementResponse{Existing: &existing, MaxRemaining: &left}, nil
	case ctap.ManageRPsBegin:
		return v.listRPs(ctx, passkeys)
	case ctap.ManageCredentialBegin:
		return v.listCredentials(ctx, passkeys)
	case ctap.ManageDelete:
		if len(passkeys) == 0 {
			return nil, ctap.NoCredentials
		}
		return nil, v.deletePasskey(ctx, passkeys[0].ID)
	}
	return nil, v.updateUser(ctx, r, passkeys)
}

func (v *visit) deletePasskey(ctx context.Context, id webauthn.CredentialID) error {
	err := v.a.vault.Delete(ctx, id)
	if err == nil && v.a.largeBlobExtension {
		err = v.dropBlob(ctx, id)
	}
	return vaultStatus("deleting the passkey", err)
}

// checkManaged checks that the parameters are there (CTAP §6.8).
func checkManaged(r ctap.ManagementRequest) error {
	p, missing := r.Params, false
	switch r.SubCommand {
	case ctap.ManageCredentialBegin:
		missing = p.RPIDHash == nil
	case ctap.ManageDelete:
		missing = p.Credential == nil
	case ctap.ManageUpdateUser:
		missing = p.Credential == nil || p.User == nil
	}
	switch {
	case r.PinUvAuthParam == nil:
		return ctap.PUATRequired
	case missing, r.PinUvAuthProtocol == 0:
		return ctap.MissingParameter
	case r.PinUvAuthProtocol > 2, p.RPIDHash != nil && len(p.RPIDHash) != sha256.Size:
		return ctap.InvalidParameter
	}
	return nil
}

// mayManage checks the proof and returns the discoverable passkeys that the
// request is about.
func (v *visit) mayManage(ctx context.Context, r ctap.ManagementRequest) ([]Passkey, error) {
	p := proof{
		param: r.PinUvAuthParam, protocol: r.PinUvAuthProtocol, message: r.Authenticated(),
		permission: ctap.PermitManagement,
	}
	readOnly := r.SubCommand != ctap.ManageDelete && r.SubCommand != ctap.ManageUpdateUser && v.proveReadOnly(ctx, p)
	if !readOnly {
		if err := v.prove(p); err != nil {
			return nil, err
		}
	}
	// The person was verified when the token was issued; a vault that was
	// locked since then is theirs to unlock.
	if err := v.unlock(ctx, ""); err != nil {
		return nil, err
	}
	passkeys, err := v.managed(ctx, r)
	if err != nil {
		return nil, vaultStatus("listing passkeys", err)
	}
	if bound := v.a.pin.token.rp; !readOnly && bound != "" {
		// CTAP §6.8: a token that is bound to a site is for its passkeys alone.
		whole := r.SubCommand == ctap.ManageMetadata || r.SubCommand == ctap.ManageRPsBegin
		hash := sha256.Sum256([]byte(bound))
		other := r.Params.RPIDHash != nil && !bytes.Equal(r.Params.RPIDHash, hash[:])
		if whole || other || slices.ContainsFunc(passkeys, func(p Passkey) bool { return p.RPID != bound }) {
			return nil, ctap.PINAuthInvalid
		}
	}
	return passkeys, nil
}

func (v *visit) managed(ctx context.Context, r ctap.ManagementRequest) ([]Passkey, error) {
	if c := r.Params.Credential; c != nil && r.SubCommand != ctap.ManageCredentialBegin {
		p, err := v.a.keys.Find(ctx, c.ID)
		if errors.Is(err, ErrNoPasskey) || err == nil && !p.Discoverable {
			return nil, nil
		}
		return []Passkey{p}, err
	}
	passkeys, err := v.a.vault.Passkeys(ctx, "")
	return slices.DeleteFunc(passkeys, func(p Passkey) bool {
		if !p.Discoverable {
			return true
		}
		hash := p.rpIDHash()
		return r.SubCommand == ctap.ManageCredentialBegin && !bytes.Equal(hash[:], r.Params.RPIDHash)
	}), err
}

func (v *visit) listRPs(ctx context.Context, passkeys []Passkey) (any, error) {
	l := &listing{caller: v.caller}
	seen := map[webauthn.RPID]bool{}
	for _, p := range passkeys {
		if !seen[p.RPID] {
			seen[p.RPID] = true
			hash := p.rpIDHash()
			l.rps = append(l.rps, ctap.ManagementResponse{
				RP: &ctap.RPEntity{ID: p.RPID, Name: p.RPName}, RPIDHash: hash[:],
			})
		}
	}
	if len(l.rps) == 0 {
		return nil, ctap.NoCredentials
	}
	total := uint(len(l.rps))
	l.rps[0].TotalRPs = &total
	return v.listNext(ctx, ctap.ManageRPsNext, l)
}

func (v *visit) listCredentials(ctx context.Context, passkeys []Passkey) (any, error) {
	if len(passkeys) == 0 {
		return nil, ctap.NoCredentials
	}
	l := &listing{caller: v.caller}
	for _, p := range passkeys {
		l.ids = append(l.ids, p.ID)
	}
	total := uint(len(passkeys))
	response, err := v.listNext(ctx, ctap.ManageCredentialNext, l)
	if err != nil {
		return nil, err
	}
	first := response.(ctap.ManagementResponse)
	first.TotalCredentials = &total
	return first, nil
}

// listNext answers with the next one of a listing (CTAP §6.8.3 and §6.8.4).
func (v *visit) listNext(ctx context.Context, sub uint, l *listing) (any, error) {
	if l == nil || l.caller != v.caller {
		return nil, ctap.NotAllowed
	}
	if sub == ctap.ManageRPsNext {
		if len(l.rps) == 0 {
			return nil, ctap.NotAllowed
		}
		next := l.rps[0]
		l.rps = l.rps[1:]
		v.a.listing = l
		return next, nil
	}
	if len(l.ids) == 0 {
		return nil, ctap.NotAllowed
	}
	p, err := v.a.keys.Find(ctx, l.ids[0])
	if err != nil {
		return nil, vaultStatus("listing passkeys", err)
	}
	l.ids = l.ids[1:]
	v.a.listing = l
	return describe(p)
}

func describe(p Passkey) (any, error) {
	key, err := parseKey(p.PrivateKey)
	if err != nil {
		return nil, err
	}
	public, err := publicKey(key)
	if err != nil {
		return nil, err
	}
	return ctap.ManagementResponse{
		User:       &ctap.UserEntity{ID: p.Account.Handle, Name: p.Account.Name, DisplayName: p.Account.DisplayName},
		Credential: &ctap.CredentialDescriptor{ID: p.ID, Type: webauthn.PublicKeyType},
		PublicKey:  public, CredProtect: uint(max(p.CredProtect, protectOptional)),
		LargeBlobKey: p.LargeBlobKey.Expose(), ThirdPartyPayment: &p.ThirdPartyPayment,
	}, nil
}

// updateUser is CTAP §6.8.6: the names are replaced, and an empty one deleted;
// the handle must be the same.
func (v *visit) updateUser(ctx context.Context, r ctap.ManagementRequest, passkeys []Passkey) error {
	if len(passkeys) == 0 {
		return ctap.NoCredentials
	}
	p, user := passkeys[0], accountOf(*r.Params.User)
	if !bytes.Equal(p.Account.Handle, user.Handle) {
		return ctap.InvalidParameter
	}
	p.Account = user
	return vaultStatus("changing the user", v.a.vault.Save(ctx, p))
}
