package authtest

import (
	"bytes"
	"context"

	"cardea/authenticator"
)

// A Sensor is a fingerprint sensor without fingers: what is put on it stands in
// a queue until it is captured. The zero Sensor is not usable.
type Sensor struct{ queue chan touch }

type touch struct {
	finger   string
	feedback authenticator.Feedback
}

// sensorSamples is how many good samples it wants.
const sensorSamples = 3

var _ authenticator.Sensor = (*Sensor)(nil)

// NewSensor returns a Sensor with nothing on it.
func NewSensor() *Sensor { return &Sensor{queue: make(chan touch, 256)} }

// Touch puts fingers on the sensor, one after the other; a finger is its name.
func (s *Sensor) Touch(fingers ...string) {
	for _, f := range fingers {
		s.queue <- touch{finger: f}
	}
}

// Smudge puts a finger on it that is not seen well.
func (s *Sensor) Smudge(f authenticator.Feedback) { s.queue <- touch{feedback: f} }

// Samples implements authenticator.Sensor.
func (s *Sensor) Samples() int { return sensorSamples }

// Capture implements authenticator.Sensor.
func (s *Sensor) Capture(ctx context.Context) ([]byte, authenticator.Feedback, error) {
	select {
	case t := <-s.queue:
		return []byte(t.finger), t.feedback, nil
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
}

// Template implements authenticator.Sensor.
func (s *Sensor) Template(samples [][]byte) ([]byte, authenticator.Feedback, error) {
	for _, sample := range samples[1:] {
		if !bytes.Equal(sample, samples[0]) {
			return nil, authenticator.FingerMergeFailure, nil
		}
	}
	return bytes.Clone(samples[0]), authenticator.FingerGood, nil
}

// Matches implements authenticator.Sensor.
func (s *Sensor) Matches(sample, template []byte) bool { return bytes.Equal(sample, template) }
