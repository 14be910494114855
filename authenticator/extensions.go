package authenticator

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"

	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/cbor"
	"cardea/internal/secret"
)

// Names of extensions (CTAP §12, WebAuthn §10).
const (
	extCredProtect  = "credProtect"
	extHMACSecret   = "hmac-secret"
	extHMACSecretMC = "hmac-secret-mc"
	extCredBlob     = "credBlob"
	extLargeBlobKey = "largeBlobKey"
	extLargeBlob    = "largeBlob"
	extMinPIN       = "minPinLength"
	extComplexity   = "pinComplexityPolicy"
	extPayment      = "thirdPartyPayment"
	extPRF          = "prf"
)

const (
	maxCredBlob    = 64
	largeBlobKey   = 32
	hmacSecretSize = 32 // of each of a passkey's two
	saltSize       = 32
)

// Levels of credProtect (CTAP §12.1).
const (
	protectOptional = 1
	protectWithList = 2 // without user verification, only if named in a list
	protectRequired = 3 // only with user verification
)

// hidden reports whether credProtect keeps p from a request.
func hidden(p Passkey, verified, named bool) bool {
	switch p.CredProtect {
	case protectWithList:
		return !verified && !named
	case protectRequired:
		return !verified
	}
	return false
}

// input reads one extension input as a T; ok reports whether it is there.
func input[T any](inputs map[string]cbor.Raw, name string) (v T, ok bool, err error) {
	raw, given := inputs[name]
	if !given {
		return v, false, nil
	}
	if _, bytes := any(v).([]byte); bytes && raw[0]>>5 != 2 {
		return v, false, ctap.CBORUnexpectedType // not to be taken from an array
	}
	if err := cbor.Decode(raw, &v); err != nil {
		return v, false, ctap.CBORUnexpectedType
	}
	return v, true, nil
}

// flag reads an extension input that is true or absent in effect.
func flag(inputs map[string]cbor.Raw, name string, err *error) bool {
	v, _, e := input[bool](inputs, name)
	if *err == nil {
		*err = e
	}
	return v
}

// hmacInput is the input of hmac-secret (CTAP §12.5).
type hmacInput struct {
	KeyAgreement cbor.Raw `cbor:"1,keyasint"`
	SaltEnc      []byte   `cbor:"2,keyasint"`
	SaltAuth     []byte   `cbor:"3,keyasint"`
	Protocol     uint     `cbor:"4,keyasint,omitempty"`
}

// salts are one or two, and where to send what is made of them: encrypted for
// the client, or, to a client that is trusted with them, as they are.
type salts struct {
	salt   []byte
	shared *pinuv.Shared
}

func (v *visit) openSalts(in hmacInput) (*salts, error) {
	if in.KeyAgreement == nil || in.SaltEnc == nil || in.SaltAuth == nil {
		return nil, ctap.MissingParameter
	}
	p := pinuv.Protocol(in.Protocol)
	if in.Protocol == 0 {
		p = pinuv.One
	}
	if !p.Known() {
		return nil, ctap.InvalidParameter
	}
	shared, err := v.share(p, ctap.ClientPINRequest{KeyAgreement: in.KeyAgreement})
	if err != nil {
		return nil, err
	}
	if !shared.Verify(in.SaltEnc, in.SaltAuth) {
		return nil, ctap.PINAuthInvalid
	}
	salt, err := shared.Decrypt(in.SaltEnc)
	if err != nil || len(salt) != saltSize && len(salt) != 2*saltSize {
		return nil, ctap.InvalidLength
	}
	return &salts{salt: salt, shared: &shared}, nil
}

// output is HMAC-SHA-256 of each salt under the secret for a verified person,
// or the one for others. It is nil if p has none.
func (s *salts) output(p Passkey, verified bool) ([]byte, error) {
	if p.HMACSecrets.Len() != 2*hmacSecretSize {
		return nil, nil
	}
	key := p.HMACSecrets.Expose()[hmacSecretSize:]
	if verified {
		key = p.HMACSecrets.Expose()[:hmacSecretSize]
	}
	var out []byte
	for salt := s.salt; len(salt) != 0; salt = salt[saltSize:] {
		m := hmac.New(sha256.New, key)
		m.Write(salt[:saltSize])
		out = m.Sum(out)
	}
	if s.shared == nil {
		return out, nil
	}
	return s.shared.Encrypt(out)
}

// makeInputs are the extension inputs of a makeCredential.
type makeInputs struct {
	protect                        uint8
	hmac, blobKey, minPIN, complex bool
	payment, hasBlob, largeBlob    bool
	blob                           []byte
	salts                          *salts
	prf                            bool
}

func (v *visit) makeInputs(r ctap.MakeCredentialRequest) (in makeInputs, err error) {
	if v.a.keys == nil {
		return v.makePRF(r)
	}
	x := r.Extensions
	protect, given, err := input[uint](x, extCredProtect)
	if err != nil {
		return in, err
	}
	if given && (protect < protectOptional || protect > protectRequired) {
		return in, ctap.InvalidOption
	}
	in.protect = uint8(protect)
	if in.blob, in.hasBlob, err = input[[]byte](x, extCredBlob); err != nil {
		return in, err
	}
	in.hmac, in.minPIN = flag(x, extHMACSecret, &err), flag(x, extMinPIN, &err)
	in.complex, in.payment = flag(x, extComplexity, &err), flag(x, extPayment, &err)
	if err != nil {
		return in, err
	}
	if err := v.makeBlob(r, &in); err != nil {
		return in, err
	}
	with, given, err := input[hmacInput](x, extHMACSecretMC)
	if err != nil || !given {
		return in, err
	}
	if !in.hmac { // CTAP §12.6
		return in, ctap.MissingParameter
	}
	in.salts, err = v.openSalts(with)
	return in, err
}

// makeBlob reads the input of whichever of the two ways to large blobs there is.
func (v *visit) makeBlob(r ctap.MakeCredentialRequest, in *makeInputs) (err error) {
	if v.a.largeBlobExtension {
		in.largeBlob, err = makesBlob(r.Extensions)
		return err
	}
	in.blobKey = flag(r.Extensions, extLargeBlobKey, &err)
	if _, given := r.Extensions[extLargeBlobKey]; err == nil && given && (!in.blobKey || !r.Options["rk"]) { // CTAP §12.3
		return ctap.InvalidOption
	}
	return err
}

// unsigned are the unsigned outputs for a new passkey, or nil.
func (in makeInputs) unsigned(p Passkey, verified bool) map[string]cbor.Raw {
	if in.largeBlob {
		return withBlob(nil, map[string]bool{"supported": true})
	}
	return in.prfMade(p, verified)
}

// give puts into a new passkey what its extensions ask for.
func (in makeInputs) give(p *Passkey) {
	p.CredProtect, p.ThirdPartyPayment = in.protect, in.payment
	// Also where nobody asked (CTAP §12.5): a site may come to want it later.
	p.HMACSecrets = secret.Random(2 * hmacSecretSize)
	if in.blobKey {
		p.LargeBlobKey = secret.Random(largeBlobKey)
	}
	if in.keepsBlob(p) {
		p.CredBlob = secret.New(in.blob)
	}
}

func (in makeInputs) keepsBlob(p *Passkey) bool {
	return in.hasBlob && p.Discoverable && len(in.blob) <= maxCredBlob
}

// outputs are the signed outputs, or nil if there are none.
func (v *visit) makeOutputs(ctx context.Context, in makeInputs, p Passkey) (cbor.Raw, error) {
	out := map[string]any{}
	if in.protect != 0 {
		out[extCredProtect] = in.protect
	}
	if in.hmac {
		out[extHMACSecret] = true
	}
	if in.hasBlob {
		out[extCredBlob] = in.keepsBlob(&p)
	}
	if in.salts != nil && in.salts.shared != nil {
		secrets, err := in.salts.output(p, v.verified)
		if err != nil {
			return nil, err
		}
		out[extHMACSecretMC] = secrets
	}
	if in.minPIN || in.complex {
		tell, err := v.a.tellsMinPIN(ctx, p.RPID)
		if err != nil {
			return nil, vaultStatus("reading who may know the PIN's length", err)
		}
		if s := v.a.settings(); tell {
			if in.minPIN {
				out[extMinPIN] = s.MinPIN
			}
			if in.complex {
				out[extComplexity] = s.Complexity
			}
		}
	}
	return encodeOutputs(out)
}

func encodeOutputs(out map[string]any) (cbor.Raw, error) {
	if len(out) == 0 {
		return nil, nil
	}
	return cbor.Encode(out)
}

// getInputs are the extension inputs of a getAssertion.
type getInputs struct {
	salts                  *salts
	blob, blobKey, payment bool
	prf                    *prfInput
	largeBlob              *blobInput
}

func (v *visit) getInputs(r ctap.GetAssertionRequest, present bool) (in getInputs, err error) {
	if v.a.keys == nil {
		in.prf, err = readPRF(r.Extensions)
		return in, err
	}
	x := r.Extensions
	in.blob, in.payment = flag(x, extCredBlob, &err), flag(x, extPayment, &err)
	if v.a.largeBlobExtension && err == nil {
		in.largeBlob, err = readsBlob(r, present)
	} else {
		in.blobKey = flag(x, extLargeBlobKey, &err)
	}
	if err != nil {
		return in, err
	}
	if _, given := x[extLargeBlobKey]; given && !in.blobKey && !v.a.largeBlobExtension {
		return in, ctap.InvalidOption
	}
	with, given, err := input[hmacInput](x, extHMACSecret)
	if err != nil || !given {
		return in, err
	}
	if !present { // CTAP §12.5: no secret without a touch
		return in, ctap.UnsupportedOption
	}
	in.salts, err = v.openSalts(with)
	return in, err
}

// outputs are the signed outputs for p.
func (in getInputs) outputs(p Passkey, verified bool) (cbor.Raw, error) {
	out := map[string]any{}
	if in.blob {
		out[extCredBlob] = append([]byte{}, p.CredBlob.Expose()...)
	}
	if in.payment {
		out[extPayment] = p.ThirdPartyPayment
	}
	if in.salts != nil {
		secrets, err := in.salts.output(p, verified)
		if err != nil {
			return nil, err
		}
		if secrets != nil {
			out[extHMACSecret] = secrets
		}
	}
	return encodeOutputs(out)
}
