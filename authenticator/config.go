package authenticator

import (
	"context"
	"slices"

	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/cbor"
	"cardea/webauthn"
)

// maxMinPINSites is how many sites may be told the PIN's length.
const maxMinPINSites = 8

// configure is authenticatorConfig (CTAP §6.11).
func (v *visit) configure(ctx context.Context, r ctap.ConfigRequest) error {
	if !slices.Contains(v.a.configCommands(), r.SubCommand) {
		return ctap.InvalidParameter
	}
	if err := v.mayConfigure(r); err != nil {
		return err
	}
	if err := v.unlock(ctx, ""); err != nil {
		return err
	}
	s := v.a.settings()
	switch r.SubCommand {
	case ctap.ConfigEnterprise:
		s.Enterprise = true
	case ctap.ConfigAlwaysUV:
		s.AlwaysUV = !s.AlwaysUV
	case ctap.ConfigLongTouch:
		s.LongTouch = true
	case ctap.ConfigMinPINLength:
		return v.setMinPINLength(ctx, r.Params, s)
	}
	return v.save(ctx, s)
}

// mayConfigure is CTAP §6.11 steps 3 to 7: proof is needed as soon as there is
// a PIN, or a promise that everything needs one. Turning that promise off where
// no PIN was ever set is the one way out of it.
func (v *visit) mayConfigure(r ctap.ConfigRequest) error {
	if !v.protected() && (!v.a.settings().AlwaysUV || r.SubCommand == ctap.ConfigAlwaysUV) {
		return nil
	}
	switch {
	case r.PinUvAuthParam == nil:
		return ctap.PUATRequired
	case r.PinUvAuthProtocol == 0:
		return ctap.MissingParameter
	case !pinuv.Protocol(r.PinUvAuthProtocol).Known():
		return ctap.InvalidParameter
	}
	return v.prove(proof{
		param: r.PinUvAuthParam, protocol: r.PinUvAuthProtocol, message: r.Authenticated(),
		permission: ctap.PermitConfig,
	})
}

// setMinPINLength is CTAP §6.11.4. Nothing is changed unless all of it is.
func (v *visit) setMinPINLength(ctx context.Context, p ctap.MinPINLengthParams, s settings) error {
	if p.NewMin != nil {
		switch {
		case *p.NewMin < s.MinPIN: // also zero
			return ctap.PINPolicyViolation
		case *p.NewMin > pinuv.MaxPIN:
			return ctap.PINPolicyViolation
		}
		s.MinPIN = *p.NewMin
	}
	if len(p.RPIDs) > maxMinPINSites {
		return ctap.KeyStoreFull
	}
	length, err := v.a.keys.PINLength(ctx)
	if err != nil {
		return vaultStatus("reading the PIN's length", err)
	}
	if p.Force && !v.a.keys.PINSet() {
		return ctap.PINNotSet
	}
	if v.a.keys.PINSet() && (p.Force || uint(length) < s.MinPIN || p.Complexity && !s.Complexity) {
		s.ForceChange = true
	}
	s.Complexity = s.Complexity || p.Complexity
	if p.RPIDs != nil {
		sites := make([]webauthn.RPID, len(p.RPIDs))
		for i, id := range p.RPIDs {
			sites[i] = webauthn.RPID(id)
		}
		if err := v.a.keys.SetNote(ctx, noteMinPINSites, cbor.MustEncode(sites)); err != nil {
			return vaultStatus("changing who may know the PIN's length", err)
		}
	}
	if s.ForceChange {
		// What was issued for the old PIN ends with it (CTAP §6.11.4).
		v.a.pin.token = token{}
		if err := v.dropPersistentToken(ctx); err != nil {
			return err
		}
	}
	return v.save(ctx, s)
}
