package authenticator_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/cbor"
)

// bioRig is a key with a PIN and a sensor, whose person only touches.
type bioRig struct {
	keyRig
	sensor *authtest.Sensor
}

func newBioRig(t *testing.T) bioRig {
	sensor := authtest.NewSensor()
	r := uvKey(t, func(c *authenticator.Config) { c.BuiltInUV, c.Sensor = false, sensor })
	r.person.Then = authtest.Tap
	return bioRig{r.setPIN(), sensor}
}

func (r bioRig) bio(sub uint, params map[int]any) (ctap.BioResponse, error) {
	r.Helper()
	request := ctap.BioRequest{Modality: 1, SubCommand: sub, PinUvAuthProtocol: 2}
	if params != nil {
		request.RawParams = cbor.MustEncode(params)
	}
	request.PinUvAuthParam = r.token(pinuv.Two, ctap.PermitBioEnrollment, "").Authenticate(request.Authenticated())
	return ctap.Bio(r.Context(), r.device(), request)
}

// enrolling begins and continues with one token, as any other command ends it.
func (r bioRig) enrolling(script func(begin func() ctap.BioResponse, next func() ctap.BioResponse)) {
	r.Helper()
	token := r.token(pinuv.Two, ctap.PermitBioEnrollment, "")
	var id []byte
	send := func(sub uint, params any) ctap.BioResponse {
		r.Helper()
		request := ctap.BioRequest{Modality: 1, SubCommand: sub, PinUvAuthProtocol: 2, RawParams: cbor.MustEncode(params)}
		request.PinUvAuthParam = token.Authenticate(request.Authenticated())
		got, err := ctap.Bio(r.Context(), r.device(), request)
		r.must(err)
		id = got.TemplateID
		return got
	}
	script(
		func() ctap.BioResponse { return send(ctap.BioEnrollBegin, map[int]any{3: 1000}) },
		func() ctap.BioResponse { return send(ctap.BioCaptureNext, map[int]any{1: id, 3: 1000}) },
	)
}

func (r bioRig) enroll(finger string) (id []byte) {
	r.Helper()
	r.sensor.Touch(finger, finger, finger)
	r.enrolling(func(begin, next func() ctap.BioResponse) {
		begin()
		next()
		if got := next(); *got.Remaining != 0 || *got.LastSample != 0 {
			r.Fatalf("the last sample: %d left, %d", *got.Remaining, *got.LastSample)
		} else {
			id = got.TemplateID
		}
	})
	return id
}

func TestAFingerIsEnrolledAndVerifies(t *testing.T) {
	t.Parallel()
	r := newBioRig(t)
	before := r.a.Info()
	if uv, given := before.Options["uv"]; uv || !given || before.Options["bioEnroll"] || !before.Options["uvBioEnroll"] ||
		before.UVModality != authenticator.UVFingerprint {
		t.Errorf("before: %+v", before)
	}
	r.enroll("left thumb")
	if i := r.a.Info(); !i.Options["uv"] || !i.Options["bioEnroll"] {
		t.Errorf("after: %v", i.Options)
	}
	r.sensor.Touch("left thumb", "left thumb")
	made, err := r.make(nil)
	r.must(err)
	r.wantVerified(made.AuthData)
	token, err := r.uvToken(ctap.PermitGetAssertion, rpID)
	r.must(err)
	got, err := r.get(proveGet(token, pinuv.Two))
	r.must(err)
	r.wantVerified(got.AuthData)
}

func TestAnotherFingerCostsARetry(t *testing.T) {
	t.Parallel()
	r := newBioRig(t)
	r.enroll("mine")
	all := r.uvRetries()
	r.sensor.Smudge(authenticator.FingerTooFast) // costs nothing
	r.sensor.Touch("another's")
	_, err := r.uvToken(ctap.PermitGetAssertion, rpID)
	wantStatus(t, err, ctap.UVInvalid)
	if got := r.uvRetries(); got != all-1 {
		t.Errorf("%d retries, want %d", got, all-1)
	}
	r.sensor.Touch("another's")
	_, err = r.make(nil)
	wantStatus(t, err, ctap.PUATRequired)
	for r.uvRetries() != 0 {
		r.sensor.Touch("another's")
		_, _ = r.uvToken(ctap.PermitGetAssertion, rpID)
	}
	r.sensor.Touch("mine")
	_, err = r.uvToken(ctap.PermitGetAssertion, rpID)
	wantStatus(t, err, ctap.UVBlocked)
	r.must(r.tryPIN(pin))
	_, err = r.uvToken(ctap.PermitGetAssertion, rpID)
	r.must(err)
}

func TestSamplesThatAreNoGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newBioRig(t)
		r.enroll("old")
		r.enrolling(func(begin, next func() ctap.BioResponse) {
			steps := []struct {
				touch      func()
				last, left uint
			}{
				{func() { r.sensor.Smudge(authenticator.FingerTooLeft) }, 0x03, 3},
				{func() { r.sensor.Touch("new") }, 0x00, 2},
				{func() {}, 0x0d, 2}, // nobody came
				{func() { r.sensor.Touch("old") }, 0x0b, 2},
				{func() { r.sensor.Touch("new") }, 0x00, 1},
				{func() { r.sensor.Touch("other") }, 0x0a, 3},
			}
			for i, s := range steps {
				s.touch()
				do := next
				if i == 0 {
					do = begin
				}
				if got := do(); *got.LastSample != s.last || *got.Remaining != s.left {
					t.Errorf("step %d: %#x, %d left, want %#x, %d", i, *got.LastSample, *got.Remaining, s.last, s.left)
				}
			}
		})
		if n := len(r.fingers()); n != 1 {
			t.Errorf("%d fingers, want the old one", n)
		}
	})
}

func (r bioRig) fingers() []ctap.BioTemplate {
	r.Helper()
	got, err := r.bio(ctap.BioEnumerate, nil)
	r.must(err)
	return got.Templates
}

func TestFingersAreNamedAndRemoved(t *testing.T) {
	t.Parallel()
	r := newBioRig(t)
	_, err := r.bio(ctap.BioEnumerate, nil)
	wantStatus(t, err, ctap.InvalidOption)
	left, right := r.enroll("left"), r.enroll("right")
	_, err = r.bio(ctap.BioSetName, map[int]any{1: right, 2: "Right hand"})
	r.must(err)
	if got := r.fingers(); len(got) != 2 || !bytes.Equal(got[0].ID, left) || got[0].Name != "" || got[1].Name != "Right hand" {
		t.Errorf("fingers %+v", got)
	}
	for name, tt := range map[string]struct {
		sub    uint
		params map[int]any
		want   ctap.Status
	}{
		"a long name":          {ctap.BioSetName, map[int]any{1: right, 2: strings.Repeat("x", 65)}, ctap.InvalidLength},
		"no name":              {ctap.BioSetName, map[int]any{1: right}, ctap.MissingParameter},
		"a name for nobody":    {ctap.BioSetName, map[int]any{1: []byte("x"), 2: "x"}, ctap.InvalidOption},
		"to remove nobody":     {ctap.BioRemove, map[int]any{1: []byte("x")}, ctap.InvalidOption},
		"to remove":            {ctap.BioRemove, nil, ctap.MissingParameter},
		"to go on, not begun":  {ctap.BioCaptureNext, map[int]any{1: right}, ctap.InvalidParameter},
		"to go on with nobody": {ctap.BioCaptureNext, nil, ctap.MissingParameter},
		"something else":       {8, nil, ctap.InvalidSubcommand},
	} {
		_, err := r.bio(tt.sub, tt.params)
		if wantStatus(t, err, tt.want); t.Failed() {
			t.Fatal(name)
		}
	}
	for _, id := range [][]byte{left, right} {
		_, err = r.bio(ctap.BioRemove, map[int]any{1: id})
		r.must(err)
	}
	if r.a.Info().Options["uv"] {
		t.Error("uv, and no finger is left")
	}
}

func TestEnrollingNeedsProof(t *testing.T) {
	t.Parallel()
	r := newBioRig(t)
	token := r.token(pinuv.Two, ctap.PermitManagement, "")
	request := ctap.BioRequest{Modality: 1, SubCommand: ctap.BioEnumerate}
	for _, tt := range []struct {
		change func(*ctap.BioRequest)
		want   ctap.Status
	}{
		{func(*ctap.BioRequest) {}, ctap.PUATRequired},
		{func(b *ctap.BioRequest) { b.Modality = 2 }, ctap.InvalidParameter},
		{func(b *ctap.BioRequest) { b.PinUvAuthParam = []byte{1} }, ctap.MissingParameter},
		{func(b *ctap.BioRequest) { b.PinUvAuthParam, b.PinUvAuthProtocol = []byte{1}, 3 }, ctap.InvalidParameter},
		{func(b *ctap.BioRequest) { b.PinUvAuthParam, b.PinUvAuthProtocol = []byte{1}, 2 }, ctap.PINAuthInvalid},
		{func(b *ctap.BioRequest) {
			b.PinUvAuthParam, b.PinUvAuthProtocol = token.Authenticate(b.Authenticated()), 2 // for another permission
		}, ctap.PINAuthInvalid},
	} {
		b := request
		tt.change(&b)
		_, err := ctap.Bio(t.Context(), r.device(), b)
		wantStatus(t, err, tt.want)
	}
	for name, b := range map[string]ctap.BioRequest{
		"modality": {GetModality: true}, "sensor": {Modality: 1, SubCommand: ctap.BioSensorInfo}, "cancel": {Modality: 1, SubCommand: ctap.BioCancel},
	} {
		got, err := ctap.Bio(t.Context(), r.device(), b)
		r.must(err)
		if name == "sensor" && (got.Kind != 1 || got.MaxSamples != 3 || got.MaxName != 64) || name == "modality" && got.Modality != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	_, err := ctap.Bio(t.Context(), uvKey(t, nil).device(), request)
	wantStatus(t, err, ctap.InvalidCommand)
}

func TestTheSensorIsFullAtLast(t *testing.T) {
	t.Parallel()
	r := newBioRig(t)
	for i := range 10 {
		r.enroll(fmt.Sprint("finger ", i))
	}
	_, err := r.bio(ctap.BioEnrollBegin, nil)
	wantStatus(t, err, ctap.FPDatabaseFull)
}

func TestAnythingElseEndsAnEnrollment(t *testing.T) {
	t.Parallel()
	r := newBioRig(t)
	r.sensor.Touch("x", "x", "x")
	begun, err := r.bio(ctap.BioEnrollBegin, nil)
	r.must(err)
	_, err = r.bio(ctap.BioCaptureNext, map[int]any{1: begun.TemplateID}) // gets a token before it
	wantStatus(t, err, ctap.InvalidParameter)
}

// Whoever answers first, the other is withdrawn, and nothing is left running.
func TestThePersonAndTheFingerAreAskedTogether(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		reply authtest.Reply
		touch string
		want  ctap.Status
	}{
		"the finger, while the person waits": {authtest.Leave, "mine", ctap.OK},
		"declined, and no finger":            {authtest.Decline, "", ctap.OperationDenied},
		"verified otherwise":                 {authtest.Approve, "", ctap.OK},
		"nobody":                             {authtest.Leave, "", ctap.UserActionTimeout},
		"a touch, and no finger":             {authtest.Tap, "", ctap.UserActionTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newBioRig(t)
			r.enroll("mine")
			r.person.Script(tt.reply)
			if tt.touch != "" {
				r.sensor.Touch(tt.touch)
			}
			_, err := r.make(nil)
			if tt.want == ctap.OK {
				r.must(err)
			} else {
				wantStatus(t, err, tt.want)
			}
		})
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestAnEnrollmentCanBeWithdrawn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newBioRig(t)
		token := r.token(pinuv.Two, ctap.PermitBioEnrollment, "")
		request := ctap.BioRequest{Modality: 1, SubCommand: ctap.BioEnrollBegin, PinUvAuthProtocol: 2}
		request.PinUvAuthParam = token.Authenticate(request.Authenticated())
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			synctest.Wait() // until the sensor waits
			cancel()
		}()
		_, err := ctap.Bio(ctx, r.device(), request)
		wantStatus(t, err, ctap.KeepaliveCancel)
	})
}
