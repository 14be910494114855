package authenticator

import (
	"context"

	"cardea/internal/cbor"
)

// A Feedback is what a Sensor says of one sample (CTAP §6.7.4, Table of
// lastEnrollSampleStatus).
type Feedback uint

// The feedbacks of CTAP §6.7.4.
const (
	FingerGood         Feedback = 0x00
	FingerTooHigh      Feedback = 0x01
	FingerTooLow       Feedback = 0x02
	FingerTooLeft      Feedback = 0x03
	FingerTooRight     Feedback = 0x04
	FingerTooFast      Feedback = 0x05
	FingerTooSlow      Feedback = 0x06
	FingerPoorQuality  Feedback = 0x07
	FingerTooSkewed    Feedback = 0x08
	FingerTooShort     Feedback = 0x09
	FingerMergeFailure Feedback = 0x0a
	FingerExists       Feedback = 0x0b
	FingerNoActivity   Feedback = 0x0d
	FingerNotLifted    Feedback = 0x0e
)

// A Sensor reads fingerprints. What a sample or a template is, it alone knows;
// templates are kept in the vault. It is asked one thing at a time.
type Sensor interface {
	// Samples is how many good samples a template takes.
	Samples() int
	// Capture waits for a finger. It returns the error of ctx if none came.
	Capture(ctx context.Context) (sample []byte, f Feedback, err error)
	// Template makes a template of that many samples, or says that they are not
	// of one finger.
	Template(samples [][]byte) (template []byte, f Feedback, err error)
	// Matches reports whether a sample is of the finger of a template.
	Matches(sample, template []byte) bool
}

// finger is one that is enrolled.
type finger struct {
	ID       []byte `cbor:"1,keyasint"`
	Name     string `cbor:"2,keyasint,omitempty"`
	Template []byte `cbor:"3,keyasint"`
}

func (v *visit) fingers(ctx context.Context) (all []finger, err error) {
	b, err := v.a.keys.Note(ctx, noteFingers)
	if err != nil || len(b) == 0 {
		return nil, err
	}
	return all, cbor.Decode(b, &all)
}

// keepFingers writes them, and how many there are where a locked vault can tell.
func (v *visit) keepFingers(ctx context.Context, all []finger) error {
	if err := v.a.keys.SetNote(ctx, noteFingers, cbor.MustEncode(all)); err != nil {
		return vaultStatus("keeping fingers", err)
	}
	s := v.a.settings()
	s.Fingers = uint(len(all))
	return v.save(ctx, s)
}

// put asks the person. If they are to be verified and have a finger enrolled, it
// may give the answer; a yes without proof then waits for it.
func (v *visit) put(ctx context.Context, p Prompt) (Answer, error) {
	if !p.Verify || v.a.sensor == nil || v.a.vault.Locked() {
		return v.a.person.Ask(ctx, p)
	}
	fingers, err := v.fingers(ctx)
	if err != nil || len(fingers) == 0 {
		return v.a.person.Ask(ctx, p)
	}
	ctx, withdraw := context.WithCancel(ctx)
	defer withdraw()
	type said struct {
		Answer
		err error
	}
	person, sensor := make(chan said, 1), make(chan said, 1)
	go func() {
		a, err := v.a.person.Ask(ctx, p)
		person <- said{a, err}
	}()
	go func() {
		err := v.recognize(ctx, fingers)
		sensor <- said{Answer{Verified: err == nil}, err}
	}()
	select {
	case s := <-sensor:
		withdraw()
		<-person
		return s.Answer, s.err
	case s := <-person:
		if s.err != nil || s.Verified {
			withdraw()
			<-sensor
			return s.Answer, s.err
		}
		f := <-sensor
		f.Choice = s.Choice
		return f.Answer, f.err
	}
}

// recognize waits for one of the fingers.
func (v *visit) recognize(ctx context.Context, fingers []finger) error {
	for {
		sample, feedback, err := v.a.sensor.Capture(ctx)
		switch {
		case err != nil:
			return err
		case feedback != FingerGood:
			continue // not seen well enough to be right or wrong
		}
		for _, f := range fingers {
			if v.a.sensor.Matches(sample, f.Template) {
				return nil
			}
		}
		return ErrNotVerified
	}
}
