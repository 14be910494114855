package platform

import (
	"context"
	"errors"
	"sync"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/webauthn"
)

const (
	testOrigin webauthn.Origin = "https://login.example.org"
	testRP     webauthn.RPID   = "example.org"
)

var testCaller = Caller{Origin: testOrigin, SameOriginWithAncestors: true}

// fakeRoute reaches an authenticator in this process, or fails.
type fakeRoute struct {
	kind      Kind
	ready     Readiness
	transport string
	info      func(*ctap.Info)
	device    ctap.Device
	err       func() error // of Open, if not nil
	wrap      func(command ctap.Command, response []byte) []byte

	mu     sync.Mutex
	opened int
}

func (r *fakeRoute) Kind() Kind { return r.kind }

func (r *fakeRoute) Ready(context.Context, webauthn.RPID) Readiness { return r.ready }

func (r *fakeRoute) Open(ctx context.Context, _ Purpose, show func(Progress)) (Connection, error) {
	r.mu.Lock()
	r.opened++
	r.mu.Unlock()
	show(Progress{Stage: StageAskHere})
	if r.err != nil {
		if err := r.err(); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	info, err := ctap.GetInfo(ctx, r.device)
	if err != nil {
		return nil, err
	}
	if r.info != nil {
		r.info(&info)
	}
	return &fakeConnection{r, info}, nil
}

type fakeConnection struct {
	*fakeRoute
	info ctap.Info
}

func (c *fakeConnection) Info() ctap.Info   { return c.info }
func (c *fakeConnection) Transport() string { return c.transport }
func (c *fakeConnection) Close() error      { return nil }

func (c *fakeConnection) Send(ctx context.Context, request []byte) ([]byte, error) {
	response, err := c.device.Send(ctx, request)
	if err == nil && c.wrap != nil {
		response = c.wrap(ctap.Command(request[0]), response)
	}
	return response, err
}

// scripted is a Dialog whose person answers each new screen by a function.
// What it returns is what the person does; a zero Action is nothing.
type scripted struct {
	answer func(Screen) Action

	mu      sync.Mutex
	shown   []Screen
	actions chan Action
	closed  bool
}

func newScripted(answer func(Screen) Action) *scripted {
	return &scripted{answer: answer, actions: make(chan Action, 64)}
}

func (d *scripted) Show(s Screen) {
	d.mu.Lock()
	d.shown = append(d.shown, s)
	d.mu.Unlock()
	if a := d.answer(s); a.Do != "" {
		d.actions <- a
	}
}

const doClose Do = "close the window"

func (d *scripted) Act(ctx context.Context) (Action, error) {
	select {
	case a := <-d.actions:
		if a.Do == doClose {
			return Action{}, ErrDialogClosed
		}
		return a, nil
	case <-ctx.Done():
		return Action{}, context.Cause(ctx)
	}
}

func (d *scripted) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
}

func (d *scripted) sorts() []Sort {
	d.mu.Lock()
	defer d.mu.Unlock()
	var s []Sort
	for _, x := range d.shown {
		s = append(s, x.Sort)
	}
	return s
}

// take chooses a way when asked, and does nothing else.
func take(k Kind) func(Screen) Action {
	return func(s Screen) Action {
		if s.Sort == ScreenChoose {
			return Action{Do: DoChoose, Kind: k}
		}
		if s.Sort == ScreenFailed {
			return Action{Do: DoCancel}
		}
		return Action{}
	}
}

// world is a client with an authenticator on this device.
type world struct {
	*Client
	local  *fakeRoute
	person *authtest.Person
	dialog *scripted
}

func newWorld(t *testing.T, answer func(Screen) Action, script ...authtest.Reply) *world {
	t.Helper()
	a, _, person := authtest.New(script...)
	w := &world{person: person, dialog: newScripted(answer)}
	w.local = &fakeRoute{
		kind: ThisDevice, ready: Readiness{Usable: true}, transport: webauthn.TransportInternal,
		device: a.Device(authenticator.Caller{Via: "local", Name: "test"}),
	}
	w.Client = &Client{
		Routes: []Route{w.local, &fakeRoute{kind: Phone, ready: Readiness{Usable: true}, err: func() error {
			return &Failure{Leg: LegAdvert, Err: errors.New("nobody heard")}
		}}},
		Open: func(context.Context, Request) (Dialog, error) { return w.dialog, nil },
	}
	return w
}

func creation() webauthn.CreationOptions {
	return webauthn.CreationOptions{
		RP:               webauthn.RPEntity{ID: testRP, Name: "Example"},
		User:             webauthn.UserEntity{ID: []byte{1, 2, 3}, Name: "ana", DisplayName: "Ana"},
		Challenge:        []byte("0123456789abcdef"),
		PubKeyCredParams: []webauthn.CredentialParameters{{Type: webauthn.PublicKeyType, Alg: webauthn.ES256}},
		AuthenticatorSelection: &webauthn.AuthenticatorSelection{
			ResidentKey: webauthn.Required, UserVerification: webauthn.Required,
		},
	}
}

func request() webauthn.RequestOptions {
	return webauthn.RequestOptions{
		Challenge: []byte("fedcba9876543210"), RPID: testRP, UserVerification: webauthn.Required,
	}
}

// wantName checks what a page sees of err.
func wantName(t *testing.T, err error, name Name) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Name != name {
		t.Fatalf("err = %v, want %s", err, name)
	}
	return e
}
