package platform

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/cbor"
	"cardea/webauthn"
)

// pinWorld is a client and a security key, and a person who types PINs.
type pinWorld struct {
	*Client
	key    *authenticator.Authenticator
	device ctap.Device
	asked  []PIN
}

// newPINWorld has a person who answers each question for a PIN with the next of
// typed, and gives up after that. A PIN that is not empty is the key's.
func newPINWorld(t *testing.T, pin string, typed ...string) *pinWorld {
	t.Helper()
	key, _, _ := authtest.NewKey(nil)
	w := &pinWorld{key: key, device: key.Device(authenticator.Caller{Via: authenticator.ViaHID})}
	if pin != "" {
		if err := pinuv.SetPIN(t.Context(), w.device, pinuv.Two, pin); err != nil {
			t.Fatal(err)
		}
	}
	dialog := newScripted(func(s Screen) Action {
		if s.Sort != ScreenPIN {
			return Action{Do: map[Sort]Do{ScreenFailed: DoCancel}[s.Sort]}
		}
		w.asked = append(w.asked, *s.PIN)
		if len(typed) == 0 {
			return Action{Do: DoCancel}
		}
		text := typed[0]
		typed = typed[1:]
		return Action{Do: DoPIN, Text: text}
	})
	w.Client = &Client{
		Routes: []Route{&fakeRoute{
			kind: SecurityKey, ready: Readiness{Usable: true}, transport: webauthn.TransportUSB, device: w.device,
		}},
		Open: func(context.Context, Request) (Dialog, error) { return dialog, nil },
	}
	return w
}

func (w *pinWorld) make(t *testing.T, change func(*webauthn.CreationOptions)) (webauthn.AuthenticatorData, error) {
	t.Helper()
	o := creation()
	if change != nil {
		change(&o)
	}
	r, err := w.Create(t.Context(), testCaller, o)
	if err != nil {
		return webauthn.AuthenticatorData{}, err
	}
	data, err := webauthn.ParseAuthenticatorData(r.Response.AuthenticatorData)
	if err != nil {
		t.Fatal(err)
	}
	return data, nil
}

func TestPINOfAKeyIsAskedForAndProves(t *testing.T) {
	t.Parallel()
	w := newPINWorld(t, "1234", "1234", "1234", "1234")
	data, err := w.make(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !data.Flags.Has(webauthn.FlagUserVerified) {
		t.Errorf("flags %v, want the person verified", data.Flags)
	}
	// Found without its ID, and by it among others, which costs a silent
	// question first.
	others := []webauthn.CredentialDescriptor{
		{Type: webauthn.PublicKeyType, ID: []byte("not here")}, {Type: webauthn.PublicKeyType, ID: data.Attested.ID},
	}
	for _, allow := range [][]webauthn.CredentialDescriptor{nil, others} {
		o := request()
		o.AllowCredentials = allow
		r, err := w.Get(t.Context(), testCaller, o)
		if err != nil {
			t.Fatal(err)
		}
		data, err := webauthn.ParseAuthenticatorData(r.Response.AuthenticatorData)
		if err != nil || !data.Flags.Has(webauthn.FlagUserVerified) {
			t.Errorf("flags %v, %v", data.Flags, err)
		}
	}
	if diff := cmp.Diff([]PIN{{Retries: -1}, {Retries: -1}, {Retries: -1}}, w.asked); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
}

func TestWrongPINIsAskedAgainAndCounted(t *testing.T) {
	t.Parallel()
	w := newPINWorld(t, "1234", "", "9999", "1234")
	if _, err := w.make(t, nil); err != nil {
		t.Fatal(err)
	}
	want := []PIN{{Retries: -1}, {Retries: -1}, {Wrong: true, Retries: 7}} // an empty one is not sent
	if diff := cmp.Diff(want, w.asked); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
}

// A key that is locked until it is plugged in again says so, and the person
// learns it.
func TestThreeWrongPINsEndTheTry(t *testing.T) {
	t.Parallel()
	w := newPINWorld(t, "1234", "1111", "2222", "3333", "1234")
	var failed []Reason
	open := w.Open
	w.Open = func(ctx context.Context, r Request) (Dialog, error) {
		d, err := open(ctx, r)
		s := d.(*scripted)
		answer := s.answer
		s.answer = func(x Screen) Action {
			if x.Sort == ScreenFailed {
				failed = append(failed, x.Failed.Reason)
			}
			return answer(x)
		}
		return d, err
	}
	_, err := w.make(t, nil)
	wantName(t, err, NotAllowedError)
	if !slices.Equal(failed, []Reason{ReasonUnplug}) || len(w.asked) != 3 {
		t.Errorf("failed %q after %d questions, want %q after 3", failed, len(w.asked), ReasonUnplug)
	}
}

func TestKeyWithoutAPINGetsOne(t *testing.T) {
	t.Parallel()
	w := newPINWorld(t, "", "1", "4711", "4711")
	data, err := w.make(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !data.Flags.Has(webauthn.FlagUserVerified) || !w.key.Info().Options["clientPin"] {
		t.Errorf("flags %v, options %v", data.Flags, w.key.Info().Options)
	}
	want := []PIN{{New: true, Least: 4, Retries: -1}, {New: true, Least: 4, Wrong: true, Retries: -1}}
	if diff := cmp.Diff(want, w.asked); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
}

func TestNewPINThatTheKeyDemandsIsChosen(t *testing.T) {
	t.Parallel()
	w := newPINWorld(t, "1234", "1234", "471147")
	token, err := pinuv.GetToken(t.Context(), w.device, pinuv.Two, "1234", ctap.PermitConfig, "")
	if err != nil {
		t.Fatal(err)
	}
	r := ctap.ConfigRequest{
		SubCommand: ctap.ConfigMinPINLength, RawParams: cbor.MustEncode(map[int]any{1: 6}), PinUvAuthProtocol: uint(pinuv.Two),
	}
	r.PinUvAuthParam = token.Authenticate(r.Authenticated())
	if err := ctap.Configure(t.Context(), w.device, r); err != nil {
		t.Fatal(err)
	}
	if _, err := w.make(t, nil); err != nil {
		t.Fatal(err)
	}
	want := []PIN{{Retries: -1}, {New: true, Least: 6, Retries: -1}}
	if diff := cmp.Diff(want, w.asked); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
}

// Only where somebody needs it.
func TestPINIsNotAskedForWithoutNeed(t *testing.T) {
	t.Parallel()
	plain := func(o *webauthn.CreationOptions) {
		o.AuthenticatorSelection = &webauthn.AuthenticatorSelection{
			ResidentKey: webauthn.Discouraged, UserVerification: webauthn.Discouraged,
		}
	}
	for name, c := range map[string]struct {
		pin    string
		change func(*webauthn.CreationOptions)
		asked  int
	}{
		"no PIN, nobody wants one":    {"", plain, 0},
		"a PIN, nobody wants it":      {"1234", plain, 0},
		"a PIN, a passkey that shows": {"1234", func(o *webauthn.CreationOptions) { plain(o); o.AuthenticatorSelection.ResidentKey = webauthn.Required }, 1},
		"no PIN, one would be preferred": {"", func(o *webauthn.CreationOptions) {
			plain(o)
			o.AuthenticatorSelection.UserVerification = webauthn.Preferred
		}, 0},
		"a PIN, and it would be preferred": {"1234", func(o *webauthn.CreationOptions) {
			plain(o)
			o.AuthenticatorSelection.UserVerification = webauthn.Preferred
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPINWorld(t, c.pin, "1234")
			if _, err := w.make(t, c.change); err != nil {
				t.Fatal(err)
			}
			if len(w.asked) != c.asked {
				t.Errorf("asked %d times, want %d", len(w.asked), c.asked)
			}
		})
	}
}

func TestPINThatNobodyGivesEndsTheRequest(t *testing.T) {
	t.Parallel()
	w := newPINWorld(t, "1234")
	_, err := w.make(t, nil)
	wantName(t, err, NotAllowedError)
}
