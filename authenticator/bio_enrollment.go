package authenticator

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/secret"
)

const (
	maxFingers    = 10
	maxFingerName = 64
	fingerIDSize  = 8
	// touchSensor is the fingerprintKind of one that is touched, not swiped.
	touchSensor = 1
)

// enrollment is a finger of which not all samples have been taken.
type enrollment struct {
	caller  Caller
	id      []byte
	samples [][]byte
}

// bioEnrollment is authenticatorBioEnrollment (CTAP §6.7).
func (v *visit) bioEnrollment(ctx context.Context, r ctap.BioRequest, e *enrollment) (any, error) {
	if r.GetModality {
		return ctap.BioResponse{Modality: ctap.BioFingerprint}, nil
	}
	if r.Modality != ctap.BioFingerprint {
		return nil, ctap.InvalidParameter
	}
	switch r.SubCommand { // the two that need no proof
	case ctap.BioSensorInfo:
		return ctap.BioResponse{
			Modality: ctap.BioFingerprint, Kind: touchSensor,
			MaxSamples: uint(v.a.sensor.Samples()), MaxName: maxFingerName,
		}, nil
	case ctap.BioCancel:
		return nil, nil // it has ended by now
	case ctap.BioEnrollBegin, ctap.BioCaptureNext, ctap.BioEnumerate, ctap.BioSetName, ctap.BioRemove:
	default:
		return nil, ctap.InvalidSubcommand
	}
	if err := v.mayEnroll(ctx, r); err != nil {
		return nil, err
	}
	fingers, err := v.fingers(ctx)
	if err != nil {
		return nil, vaultStatus("reading fingers", err)
	}
	switch r.SubCommand {
	case ctap.BioEnrollBegin:
		if len(fingers) >= maxFingers {
			return nil, ctap.FPDatabaseFull
		}
		return v.capture(ctx, r, &enrollment{caller: v.caller, id: secret.Random(fingerIDSize).Expose()}, fingers)
	case ctap.BioCaptureNext:
		switch {
		case r.Params.TemplateID == nil:
			return nil, ctap.MissingParameter
		case e == nil, e.caller != v.caller, !bytes.Equal(e.id, r.Params.TemplateID):
			return nil, ctap.InvalidParameter
		}
		return v.capture(ctx, r, e, fingers)
	case ctap.BioEnumerate:
		return listFingers(fingers)
	}
	return nil, v.changeFinger(ctx, r, fingers)
}

func (v *visit) mayEnroll(ctx context.Context, r ctap.BioRequest) error {
	switch {
	case r.PinUvAuthParam == nil:
		return ctap.PUATRequired
	case r.PinUvAuthProtocol == 0:
		return ctap.MissingParameter
	case !pinuv.Protocol(r.PinUvAuthProtocol).Known():
		return ctap.InvalidParameter
	}
	if err := v.prove(proof{
		param: r.PinUvAuthParam, protocol: r.PinUvAuthProtocol, message: r.Authenticated(),
		permission: ctap.PermitBioEnrollment,
	}); err != nil {
		return err
	}
	return v.unlock(ctx, "")
}

// capture takes one sample, and after the last one keeps the finger
// (CTAP §6.7.4).
func (v *visit) capture(ctx context.Context, r ctap.BioRequest, e *enrollment, fingers []finger) (any, error) {
	sample, feedback, err := v.sample(ctx, r.Params.Timeout)
	if err != nil {
		return nil, err
	}
	if feedback == FingerGood && slices.ContainsFunc(fingers, func(f finger) bool { return v.a.sensor.Matches(sample, f.Template) }) {
		feedback = FingerExists
	}
	if feedback == FingerGood {
		e.samples = append(e.samples, sample)
		if feedback, err = v.finish(ctx, e, fingers); err != nil {
			return nil, err
		}
	}
	last, left := uint(feedback), uint(v.a.sensor.Samples()-len(e.samples))
	if left != 0 {
		v.a.enroll = e
	}
	return ctap.BioResponse{TemplateID: e.id, LastSample: &last, Remaining: &left}, nil
}

// finish keeps the finger if there are samples enough.
func (v *visit) finish(ctx context.Context, e *enrollment, fingers []finger) (Feedback, error) {
	if len(e.samples) < v.a.sensor.Samples() {
		return FingerGood, nil
	}
	template, feedback, err := v.a.sensor.Template(e.samples)
	if err != nil {
		return 0, err
	}
	if feedback != FingerGood {
		e.samples = nil // from the beginning
		return feedback, nil
	}
	return FingerGood, v.keepFingers(ctx, append(fingers, finger{ID: e.id, Template: template}))
}

// sample waits for a finger as long as the client wants, or a person may take.
func (v *visit) sample(ctx context.Context, timeout uint) ([]byte, Feedback, error) {
	patience := v.a.promptTimeout
	if t := time.Duration(timeout) * time.Millisecond; timeout != 0 && timeout < 1<<30 && t < patience {
		patience = t
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	sample, feedback, err := v.a.sensor.Capture(waiting)
	switch {
	case ctx.Err() != nil:
		return nil, 0, ctap.KeepaliveCancel
	case errors.Is(err, context.DeadlineExceeded):
		return nil, FingerNoActivity, nil
	}
	return sample, feedback, err
}

func listFingers(fingers []finger) (any, error) {
	if len(fingers) == 0 {
		return nil, ctap.InvalidOption // CTAP §6.7.6
	}
	var r ctap.BioResponse
	for _, f := range fingers {
		r.Templates = append(r.Templates, ctap.BioTemplate{ID: f.ID, Name: f.Name})
	}
	return r, nil
}

// changeFinger renames or removes one (CTAP §6.7.7 and §6.7.8).
func (v *visit) changeFinger(ctx context.Context, r ctap.BioRequest, fingers []finger) error {
	if r.Params.TemplateID == nil || r.SubCommand == ctap.BioSetName && r.Params.Name == "" {
		return ctap.MissingParameter
	}
	i := slices.IndexFunc(fingers, func(f finger) bool { return bytes.Equal(f.ID, r.Params.TemplateID) })
	switch {
	case i < 0:
		return ctap.InvalidOption
	case r.SubCommand == ctap.BioRemove:
		return v.keepFingers(ctx, slices.Delete(fingers, i, i+1))
	case len(r.Params.Name) > maxFingerName:
		return ctap.InvalidLength
	}
	fingers[i].Name = r.Params.Name
	return v.keepFingers(ctx, fingers)
}
