package authenticator

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/secret"
)

// maxMisses is how many wrong PINs in a row end all tries until the power is
// cut (CTAP §6.5.5.6).
const maxMisses = 3

// pinState is what power-up forgets. The zero pinState is that of power-up.
type pinState struct {
	agreements map[pinuv.Protocol]pinuv.KeyAgreement
	token      token
	misses     int
}

// agreement returns the key of a protocol, made when it is first wanted.
func (s *pinState) agreement(p pinuv.Protocol) (pinuv.KeyAgreement, error) {
	if k, ok := s.agreements[p]; ok {
		return k, nil
	}
	k, err := pinuv.NewKeyAgreement()
	if err != nil {
		return k, err
	}
	if s.agreements == nil {
		s.agreements = map[pinuv.Protocol]pinuv.KeyAgreement{}
	}
	s.agreements[p] = k
	return k, nil
}

// clientPIN is authenticatorClientPIN (CTAP §6.5).
func (v *visit) clientPIN(ctx context.Context, r ctap.ClientPINRequest) (any, error) {
	if r.SubCommand == ctap.PINGetRetries { // takes no protocol
		retries, cycle := uint(v.a.keys.Retries()), v.a.pinMisses() >= maxMisses
		return ctap.ClientPINResponse{PINRetries: &retries, PowerCycleState: &cycle}, nil
	}
	if r.SubCommand == ctap.PINGetUVRetries && v.a.builtInUV { // nor does this
		retries := v.a.uvRetries()
		return ctap.ClientPINResponse{UVRetries: &retries}, nil
	}
	switch r.SubCommand {
	case ctap.PINGetTokenUsingUV:
		if !v.a.builtInUV {
			return nil, ctap.InvalidSubcommand
		}
	case ctap.PINGetKeyAgreement, ctap.PINSet, ctap.PINChange, ctap.PINGetToken, ctap.PINGetTokenWithPermission:
	default:
		return nil, ctap.InvalidSubcommand
	}
	if r.Protocol == 0 {
		return nil, ctap.MissingParameter
	}
	p := pinuv.Protocol(r.Protocol)
	if !p.Known() {
		return nil, ctap.InvalidParameter
	}
	switch r.SubCommand {
	case ctap.PINGetKeyAgreement:
		k, err := v.a.pin.agreement(p)
		if err != nil {
			return nil, err
		}
		return ctap.ClientPINResponse{KeyAgreement: k.PublicKey()}, nil
	case ctap.PINSet:
		return nil, v.setPIN(ctx, p, r)
	case ctap.PINChange:
		return nil, v.changePIN(ctx, p, r)
	case ctap.PINGetTokenUsingUV:
		return v.getUVToken(ctx, p, r)
	}
	return v.getPINToken(ctx, p, r)
}

// share makes the secret shared with the client.
func (v *visit) share(p pinuv.Protocol, r ctap.ClientPINRequest) (pinuv.Shared, error) {
	k, err := v.a.pin.agreement(p)
	if err != nil {
		return pinuv.Shared{}, err
	}
	shared, err := k.Decapsulate(p, r.KeyAgreement)
	if err != nil {
		return pinuv.Shared{}, fmt.Errorf("%w: %w", ctap.InvalidParameter, err)
	}
	return shared, nil
}

// setPIN is CTAP §6.5.5.5.
func (v *visit) setPIN(ctx context.Context, p pinuv.Protocol, r ctap.ClientPINRequest) error {
	if r.KeyAgreement == nil || r.NewPINEnc == nil || r.PinUvAuthParam == nil {
		return ctap.MissingParameter
	}
	if v.a.keys.PINSet() {
		return ctap.PINAuthInvalid
	}
	shared, err := v.share(p, r)
	if err != nil {
		return err
	}
	if !shared.Verify(r.NewPINEnc, r.PinUvAuthParam) {
		return ctap.PINAuthInvalid
	}
	return v.putPIN(ctx, shared, r.NewPINEnc, nil)
}

// changePIN is CTAP §6.5.5.6.
func (v *visit) changePIN(ctx context.Context, p pinuv.Protocol, r ctap.ClientPINRequest) error {
	if r.KeyAgreement == nil || r.NewPINEnc == nil || r.PINHashEnc == nil || r.PinUvAuthParam == nil {
		return ctap.MissingParameter
	}
	if err := v.mayTryPIN(); err != nil {
		return err
	}
	shared, err := v.share(p, r)
	if err != nil {
		return err
	}
	message := append(append([]byte{}, r.NewPINEnc...), r.PINHashEnc...)
	if !shared.Verify(message, r.PinUvAuthParam) {
		return ctap.PINAuthInvalid
	}
	old, err := v.tryPIN(ctx, p, shared, r.PINHashEnc)
	if err != nil {
		return err
	}
	return v.putPIN(ctx, shared, r.NewPINEnc, old)
}

// putPIN takes a new PIN. The old hash is nil if there was no PIN.
func (v *visit) putPIN(ctx context.Context, shared pinuv.Shared, sealed, old []byte) error {
	padded, err := shared.Decrypt(sealed)
	if err != nil {
		return fmt.Errorf("%w: %w", ctap.PINAuthInvalid, err)
	}
	defer clear(padded)
	s := v.a.settings()
	pin, err := pinuv.UnpadPIN(padded, int(s.MinPIN))
	if err != nil {
		return err
	}
	if s.Complexity && tooSimple(pin) {
		return ctap.PINPolicyViolation
	}
	hash := pinuv.HashPIN(pin)
	if s.ForceChange && secret.New(hash).Equal(secret.New(old)) {
		return ctap.PINPolicyViolation // no change at all
	}
	s.ForceChange = false
	if err := v.dropPersistentToken(ctx); err != nil {
		return err
	}
	if err := v.a.keys.SetPINHash(ctx, hash, utf8.RuneCountInString(pin), s.encode()); err != nil {
		return vaultStatus("setting the PIN", err)
	}
	v.a.pin.token = token{}
	return nil
}

// tooSimple reports whether a PIN is one character over and over, or a run of
// neighbors: what people try first.
func tooSimple(pin string) bool {
	runes := []rune(pin)
	step := runes[1] - runes[0]
	for i := 1; i < len(runes); i++ {
		if runes[i]-runes[i-1] != step {
			return false
		}
	}
	return step >= -1 && step <= 1
}

// mayTryPIN refuses where no PIN can be right.
func (v *visit) mayTryPIN() error {
	switch {
	case !v.a.keys.PINSet():
		return ctap.PINNotSet
	case v.a.keys.Retries() == 0:
		return ctap.PINBlocked
	case v.a.pinMisses() >= maxMisses:
		return ctap.PINAuthBlocked
	}
	return nil
}

// tryPIN opens the vault with the PIN hash that a client has sent, and returns
// the hash. The vault counts the attempt before it looks at it.
func (v *visit) tryPIN(ctx context.Context, p pinuv.Protocol, shared pinuv.Shared, sealed []byte) ([]byte, error) {
	// A hash that cannot be decrypted is a wrong one: any other answer would
	// be a free attempt. No hash is empty.
	hash, err := shared.Decrypt(sealed)
	if err != nil {
		hash = nil
	}
	err = v.a.keys.UnlockHash(ctx, hash)
	if err == nil {
		v.a.pin.misses = 0
		return hash, v.countUV(ctx, true)
	}
	wrong, blocked := errors.Is(err, ErrWrongPIN), errors.Is(err, ErrPINBlocked)
	if !wrong && !blocked {
		return nil, vaultStatus("trying the PIN", err)
	}
	delete(v.a.pin.agreements, p) // CTAP §6.5.5.6: made anew
	v.a.pin.misses++
	switch {
	case blocked:
		return nil, ctap.PINBlocked
	case v.a.pin.misses >= maxMisses:
		return nil, ctap.PINAuthBlocked
	}
	return nil, ctap.PINInvalid
}
