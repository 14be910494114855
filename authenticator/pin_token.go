package authenticator

import (
	"context"
	"time"

	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// A token that nobody uses ends soon, and every token in time (CTAP §6.5.2.1).
const (
	tokenUnusedFor = 30 * time.Second
	tokenLife      = 10 * time.Minute
)

// token is the pinUvAuthToken in use, and what it may be used for. The zero
// token proves nothing.
type token struct {
	key         pinuv.Token
	protocol    pinuv.Protocol
	permissions ctap.Permission
	rp          webauthn.RPID // empty until bound
	issued      time.Time
	used        bool
	present     bool // by an answer at issue, which may be the touch of the use
}

func (t *token) live(now time.Time) bool {
	age := now.Sub(t.issued)
	return t.protocol.Known() && age < tokenLife && (t.used || age < tokenUnusedFor)
}

// allPermissions are those that can be had here, in one way or another.
func (a *Authenticator) allPermissions() ctap.Permission {
	all := knownPermissions
	if a.largeBlobExtension {
		all &^= ctap.PermitLargeBlobWrite
	}
	if a.sensor == nil {
		all &^= ctap.PermitBioEnrollment
	}
	return all
}

const knownPermissions = ctap.PermitMakeCredential | ctap.PermitGetAssertion | ctap.PermitManagement |
	ctap.PermitBioEnrollment | ctap.PermitLargeBlobWrite | ctap.PermitConfig | ctap.PermitReadOnly

// getPINToken is getPinToken and getPinUvAuthTokenUsingPinWithPermissions
// (CTAP §6.5.5.7.1 and §6.5.5.7.2).
func (v *visit) getPINToken(ctx context.Context, p pinuv.Protocol, r ctap.ClientPINRequest) (any, error) {
	if r.KeyAgreement == nil || r.PINHashEnc == nil {
		return nil, ctap.MissingParameter
	}
	permissions, err := wantedPermissions(r, v.a.pinPermissions())
	if err != nil {
		return nil, err
	}
	if err := v.mayTryPIN(); err != nil {
		return nil, err
	}
	shared, err := v.share(p, r)
	if err != nil {
		return nil, err
	}
	if _, err := v.tryPIN(ctx, p, shared, r.PINHashEnc); err != nil {
		return nil, err
	}
	if v.a.settings().ForceChange {
		if r.SubCommand == ctap.PINGetToken {
			return nil, ctap.PINInvalid
		}
		return nil, ctap.PINPolicyViolation
	}
	key, err := v.issue(ctx, p, permissions, r.RPID)
	if err != nil {
		return nil, err
	}
	sealed, err := shared.Encrypt(key.Expose())
	if err != nil {
		return nil, err
	}
	return ctap.ClientPINResponse{PinUvAuthToken: sealed}, nil
}

// pinPermissions are those that a token can have for the PIN.
func (a *Authenticator) pinPermissions() ctap.Permission {
	if a.pinManagesOnly {
		return a.allPermissions() &^ makeAndGet
	}
	return a.allPermissions()
}

const makeAndGet = ctap.PermitMakeCredential | ctap.PermitGetAssertion

// wantedPermissions reads what a client asks for, which may be of allowed.
func wantedPermissions(r ctap.ClientPINRequest, allowed ctap.Permission) (ctap.Permission, error) {
	if r.SubCommand == ctap.PINGetToken {
		switch {
		case r.Permissions != nil || r.RPID != "":
			return 0, ctap.InvalidParameter
		case allowed&makeAndGet == 0:
			return 0, ctap.UnauthorizedPermission
		}
		return makeAndGet, nil
	}
	if r.Permissions == nil {
		return 0, ctap.MissingParameter
	}
	want := *r.Permissions
	switch {
	case want == 0:
		return 0, ctap.InvalidParameter
	case want&^allowed != 0,
		want&ctap.PermitReadOnly != 0 && want != ctap.PermitReadOnly: // it stands alone
		return 0, ctap.UnauthorizedPermission
	case want&makeAndGet != 0 && r.RPID == "":
		return 0, ctap.InvalidParameter // the table of §6.5.5.7 wants an RP ID
	}
	return want, nil
}

// issue makes the one token in use; those before it are worth nothing. The
// persistent token is another matter.
func (v *visit) issue(ctx context.Context, p pinuv.Protocol, permissions ctap.Permission, rp webauthn.RPID) (secret.Key, error) {
	if permissions == ctap.PermitReadOnly {
		return v.persistentToken(ctx)
	}
	key, err := pinuv.NewToken(p)
	if err != nil {
		return secret.Key{}, err
	}
	v.a.pin.token = token{
		key: key, protocol: p, permissions: permissions, rp: rp, issued: v.a.now(),
	}
	return key.Key(), nil
}

// proof is a pinUvAuthParam and what it is about.
type proof struct {
	param      []byte
	protocol   uint
	message    []byte
	permission ctap.Permission
	// rp is the site that is acted on; empty if the command is not about one.
	rp webauthn.RPID
}

// prove checks a proof against the token in use. Whatever is wrong with it, the
// answer is the same, and no attempt at the PIN is lost.
func (v *visit) prove(p proof) error {
	t := &v.a.pin.token
	if !t.live(v.a.now()) || uint(t.protocol) != p.protocol || !t.key.Verify(p.message, p.param) {
		return ctap.PINAuthInvalid
	}
	if t.permissions&p.permission == 0 {
		return ctap.PINAuthInvalid
	}
	if p.rp != "" && t.rp != "" && t.rp != p.rp {
		return ctap.PINAuthInvalid
	}
	if p.permission&makeAndGet != 0 {
		t.rp = p.rp // CTAP §6.1.2 step 11: bound by its first use
		v.verified = true
		v.agreed = t.present && v.a.now().Sub(t.issued) < presentFor
	}
	t.used = true
	return nil
}

// spendToken is what a touch in makeCredential or getAssertion does to the
// token (CTAP §6.1.2 step 14).
func (v *visit) spendToken() {
	// Its flags userVerified and present need no clearing: the permissions that
	// look at it go with it.
	v.a.pin.token.permissions &= ctap.PermitLargeBlobWrite
}
