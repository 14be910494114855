package authenticator

import (
	"cardea/ctap"
	"cardea/internal/cbor"
)

// prf on a phone is hmac-secret without the envelope: what carries it is
// encrypted already, and the client has hashed the inputs (WebAuthn §10.1.4).
// Its outputs are not signed. In evalByCredential the keys are credential IDs as
// bytes, not the text that pages write; a passkey that is not in it gets eval.

// prfValues are the inputs or the outputs of one evaluation, 32 bytes each.
type prfValues struct {
	First  []byte `cbor:"first"`
	Second []byte `cbor:"second,omitempty"`
}

type prfInput struct {
	eval *prfValues // nil asks for nothing
	byID map[string]prfValues
}

// of returns the inputs for a passkey, or nil.
func (in *prfInput) of(p Passkey) *prfValues {
	if v, given := in.byID[string(p.ID)]; given {
		return &v
	}
	return in.eval
}

// readPRF reads the input of prf, or returns nil if there is none.
func readPRF(inputs map[string]cbor.Raw) (*prfInput, error) {
	members, given, err := input[map[string]cbor.Raw](inputs, extPRF)
	if err != nil || !given {
		return nil, err
	}
	in := &prfInput{}
	if raw, given := members["eval"]; given {
		v, err := readPRFValues(raw)
		if err != nil {
			return nil, err
		}
		in.eval = &v
	}
	byID, given, err := input[map[cbor.ByteString]cbor.Raw](members, "evalByCredential")
	if err != nil || !given {
		return in, err
	}
	in.byID = make(map[string]prfValues, len(byID))
	for id, raw := range byID {
		if in.byID[string(id)], err = readPRFValues(raw); err != nil {
			return nil, err
		}
	}
	return in, nil
}

func readPRFValues(raw cbor.Raw) (v prfValues, err error) {
	var members map[string]cbor.Raw
	if cbor.Decode(raw, &members) != nil {
		return v, ctap.CBORUnexpectedType
	}
	first, given, err := input[[]byte](members, "first")
	if err != nil {
		return v, err
	}
	if !given {
		return v, ctap.MissingParameter
	}
	second, two, err := input[[]byte](members, "second")
	if err != nil {
		return v, err
	}
	if len(first) != saltSize || two && len(second) != saltSize {
		return v, ctap.InvalidLength
	}
	return prfValues{First: first, Second: second}, nil
}

func (v prfValues) salts() *salts {
	return &salts{salt: append(append([]byte{}, v.First...), v.Second...)}
}

// evaluate returns the results for p, or nil if it has no secrets.
func (v prfValues) evaluate(p Passkey, verified bool) *prfValues {
	out, err := v.salts().output(p, verified)
	if err != nil || out == nil {
		return nil
	}
	results := &prfValues{First: out[:saltSize]}
	if len(out) > saltSize {
		results.Second = out[saltSize:]
	}
	return results
}

type prfOutput struct {
	Enabled bool       `cbor:"enabled,omitempty"`
	Results *prfValues `cbor:"results,omitempty"`
}

func (o prfOutput) unsigned() map[string]cbor.Raw {
	return map[string]cbor.Raw{extPRF: cbor.MustEncode(o)}
}

// makePRF reads the inputs of a makeCredential to a phone.
func (v *visit) makePRF(r ctap.MakeCredentialRequest) (in makeInputs, err error) {
	prf, err := readPRF(r.Extensions)
	if err != nil || prf == nil {
		return in, err
	}
	in.prf = true
	if prf.eval != nil {
		in.salts = prf.eval.salts()
	}
	return in, nil
}

// prfMade is the unsigned output for a new passkey, or nil.
func (in makeInputs) prfMade(p Passkey, verified bool) map[string]cbor.Raw {
	if !in.prf {
		return nil
	}
	out := prfOutput{Enabled: true}
	if in.salts != nil {
		v := prfValues{First: in.salts.salt[:saltSize], Second: in.salts.salt[saltSize:]}
		out.Results = v.evaluate(p, verified)
	}
	return out.unsigned()
}

// prfResults is the unsigned output for an assertion by p, or nil.
func (in getInputs) prfResults(p Passkey, verified bool) map[string]cbor.Raw {
	if in.prf == nil {
		return nil
	}
	values := in.prf.of(p)
	if values == nil {
		return nil
	}
	results := values.evaluate(p, verified)
	if results == nil {
		return nil
	}
	return prfOutput{Results: results}.unsigned()
}
