package authenticator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/webauthn"
)

// Ways of user verification for Config.UVModality and getInfo member 0x12 (FIDO
// Registry of Predefined Values §3.1). They can be joined.
const (
	UVFingerprint uint = 0x02
	UVPasscode    uint = 0x04
	UVFace        uint = 0x10
	UVPattern     uint = 0x80
)

const (
	// maxUVMisses is how many times in a row the person may be not recognized;
	// then only the PIN helps (CTAP §6.5.3).
	maxUVMisses = 5
	// uvAttempts is how often a client should try before it asks for the PIN
	// (CTAP §6.4, preferredPlatformUvAttempts).
	uvAttempts = 3
	// presentFor is how long an answer counts as the touch of what the token
	// is then used for (CTAP §6.5.2.1, user present time limit).
	presentFor = 30 * time.Second
)

// uvReady reports whether the person of a security key can be verified here,
// without a PIN from the client: option uv of getInfo is true.
func (a *Authenticator) uvReady() bool {
	if a.sensor != nil && a.settings().Fingers != 0 {
		return true
	}
	if !a.personUV {
		return false
	}
	v, ok := a.person.(Verifier)
	return !ok || v.CanVerify()
}

// uvRetries is how many misses are left.
func (a *Authenticator) uvRetries() uint {
	return maxUVMisses - min(maxUVMisses, a.settings().UVMisses)
}

// countUV keeps the count of misses after the person was tried.
func (v *visit) countUV(ctx context.Context, recognized bool) error {
	s := v.a.settings()
	switch {
	case !recognized:
		s.UVMisses = min(maxUVMisses, s.UVMisses+1)
	case s.UVMisses == 0:
		return nil
	default:
		s.UVMisses = 0
	}
	// A vault that is still locked counts what is tried against it itself.
	if err := v.save(ctx, s); !errors.Is(err, ErrLocked) {
		return err
	}
	return nil
}

// notVerified is the answer when the person had to be verified and was not. A
// security key whose client can ask for the PIN instead says so (CTAP §6.1.2
// step 11).
func (v *visit) notVerified(ctx context.Context) error {
	if v.a.builtInUV {
		if err := v.countUV(ctx, false); err != nil {
			return err
		}
		if v.pinHelps() {
			return fmt.Errorf("%w: %w", ctap.PUATRequired, ErrNotVerified)
		}
	}
	return fmt.Errorf("%w: %w", ctap.OperationDenied, ErrNotVerified)
}

// pinHelps reports whether a client can prove by the PIN that it may make and
// use passkeys.
func (v *visit) pinHelps() bool { return v.a.keys.PINSet() && !v.a.pinManagesOnly }

// missingProof is the answer to a client that has proved too little.
func (v *visit) missingProof() error {
	if v.pinHelps() || !v.a.uvReady() {
		return ctap.PUATRequired
	}
	return ctap.OperationDenied
}

// wantsUV reports whether the person is to be verified here, for makeCredential
// or getAssertion with these options: as the client asks, or because of
// alwaysUv (CTAP §6.1.2 step 6, §6.2.2 step 5).
func (v *visit) wantsUV(options map[string]bool, proof []byte, present bool) bool {
	if v.a.keys == nil || proof != nil || !v.a.uvReady() {
		return false // a proof takes precedence over the option
	}
	return options["uv"] || present && v.a.settings().AlwaysUV
}

// mayVerify refuses where user verification is asked for that cannot be had.
func (v *visit) mayVerify() error {
	switch {
	case !v.a.uvReady():
		return ctap.InvalidOption // CTAP §6.1.2 step 5
	case v.a.uvRetries() > 0:
		return nil
	case v.pinHelps():
		return ctap.PUATRequired
	}
	return ctap.OperationDenied
}

// getUVToken is getPinUvAuthTokenUsingUvWithPermissions (CTAP §6.5.5.7.3). The
// person sees one question, which names the site and what it is about; the
// answer is also the touch for what the token is used for at once.
func (v *visit) getUVToken(ctx context.Context, p pinuv.Protocol, r ctap.ClientPINRequest) (any, error) {
	if r.KeyAgreement == nil {
		return nil, ctap.MissingParameter
	}
	permissions, err := wantedPermissions(r, v.a.allPermissions())
	if err != nil {
		return nil, err
	}
	shared, err := v.share(p, r)
	if err != nil {
		return nil, err
	}
	switch {
	case !v.a.uvReady():
		return nil, ctap.NotAllowed
	case v.a.uvRetries() == 0:
		return nil, ctap.UVBlocked
	}
	if err := v.verify(ctx, permissions, r.RPID); err != nil {
		return nil, err
	}
	key, err := v.issue(ctx, p, permissions, r.RPID)
	if err != nil {
		return nil, err
	}
	if permissions != ctap.PermitReadOnly {
		v.a.pin.token.present = true
	}
	sealed, err := shared.Encrypt(key.Expose())
	if err != nil {
		return nil, err
	}
	return ctap.ClientPINResponse{PinUvAuthToken: sealed}, nil
}

// verify verifies the person and asks whether the token may be had. A locked
// vault is unlocked first, by a question of its own: a finger that opens it, or
// a PIN that was typed for other reasons, agrees to nothing. Who has just been
// verified so is only asked.
func (v *visit) verify(ctx context.Context, permissions ctap.Permission, rp webauthn.RPID) error {
	err := v.unlock(ctx, rp)
	if err == nil {
		_, err = v.ask(ctx, Prompt{Kind: Verify, RPID: rp, Permissions: permissions, Verify: true})
	}
	if errors.Is(err, ErrNotVerified) {
		if v.a.uvRetries() == 0 {
			return ctap.UVBlocked
		}
		return ctap.UVInvalid
	}
	return err
}
