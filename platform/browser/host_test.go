package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/platform"
	"cardea/webauthn"
)

// here is an authenticator in this process.
type here struct {
	device ctap.Device
	ready  platform.Readiness
}

func (h here) Kind() platform.Kind                                     { return platform.ThisDevice }
func (h here) Ready(context.Context, webauthn.RPID) platform.Readiness { return h.ready }
func (h here) Info() ctap.Info                                         { return info }
func (h here) Transport() string                                       { return "internal" }
func (h here) Close() error                                            { return nil }
func (h here) Send(ctx context.Context, b []byte) ([]byte, error)      { return h.device.Send(ctx, b) }
func (h here) open(show func(platform.Progress), s platform.Stage) platform.Connection {
	show(platform.Progress{Stage: s})
	return h
}

func (h here) Open(_ context.Context, _ platform.Purpose, show func(platform.Progress)) (platform.Connection, error) {
	return h.open(show, platform.StageAskHere), nil
}

var info = ctap.Info{Versions: []string{"FIDO_2_1"}, AAGUID: make([]byte, 16), Options: map[string]bool{"rk": true, "uv": true}}

// away is a phone that never comes.
type away struct{ here }

func (away) Kind() platform.Kind { return platform.Phone }

func (a away) Open(ctx context.Context, _ platform.Purpose, show func(platform.Progress)) (platform.Connection, error) {
	a.open(show, platform.StageRadioOff)
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// extension is the other side of a Host, in a test.
type extension struct {
	t     *testing.T
	to    *io.PipeWriter
	from  *io.PipeReader
	ended chan error
}

func start(t *testing.T, script ...authtest.Reply) (*extension, *authtest.Person) {
	t.Helper()
	a, _, person := authtest.New(script...)
	local := here{a.Device(authenticator.Caller{Via: "local"}), platform.Readiness{Usable: true}}
	e := run(t, local, away{here{ready: local.ready}})
	if m := e.hear(); m.Type != typeReady || m.Version != version || !m.UVPAA {
		t.Fatalf("first message %+v, want ready", m)
	}
	return e, person
}

// run runs a Host with the routes.
func run(t *testing.T, routes ...platform.Route) *extension {
	t.Helper()
	in, to := io.Pipe()
	from, out := io.Pipe()
	e := &extension{t, to, from, make(chan error, 1)}
	h := &Host{Client: platform.Client{Routes: routes}}
	go func() { e.ended <- h.Run(t.Context(), in, out) }()
	t.Cleanup(func() { _ = to.Close(); _ = from.Close() })
	return e
}

// A hanging route does not say whether it is ready.
type hanging struct {
	here
	until <-chan struct{}
}

func (h hanging) Ready(context.Context, webauthn.RPID) platform.Readiness {
	<-h.until
	return platform.Readiness{Usable: true}
}

func TestAnAuthenticatorThatHangsDoesNotHoldUpRequests(t *testing.T) {
	t.Parallel()
	until := make(chan struct{})
	e := run(t, hanging{until: until})
	limit := time.AfterFunc(20*time.Second, func() { _ = e.from.Close(); _ = e.to.Close(); close(until) })
	e.say(`{"type":"status"}`)
	e.say(`{"type":"create","id":7,"details":"{}"}`)
	if m := e.hear(); m.Type != typeDone || m.ID != 7 {
		t.Errorf("%+v, want the end of request 7", m)
	}
	if !limit.Stop() {
		t.Fatal("waited in vain")
	}
	close(until)
	if m := e.hear(); m.Type != typeReady || !m.UVPAA {
		t.Errorf("%+v, want ready", m)
	}
}

func (e *extension) say(format string, args ...any) {
	e.t.Helper()
	if _, err := e.to.Write(frame(fmt.Sprintf(format, args...))); err != nil {
		e.t.Fatal(err)
	}
}

func (e *extension) hear() outgoing {
	e.t.Helper()
	b, err := readMessage(e.from)
	if err != nil {
		e.t.Fatal(err)
	}
	var m outgoing
	if err := json.Unmarshal(b, &m); err != nil {
		e.t.Fatal(err)
	}
	return m
}

// hearOf skips to the next message of a type about a request.
func (e *extension) hearOf(kind string, id ID) outgoing {
	e.t.Helper()
	for {
		if m := e.hear(); m.Type == kind && m.ID == id {
			return m
		}
	}
}

func details(origin, rest string) string {
	b, err := json.Marshal(`{"challenge":"AQEBAQEBAQEBAQEBAQEBAQ","extensions":{"remoteDesktopClientOverride":{"origin":"` + origin +
		`","sameOriginWithAncestors":true}}` + rest + `}`)
	if err != nil {
		panic(err)
	}
	return string(b)
}

const creating = `,"attestation":"none","excludeCredentials":[],"pubKeyCredParams":[{"alg":-7,"type":"public-key"}],` +
	`"rp":{"id":"cardea.localhost","name":"Cardea"},"user":{"displayName":"Ana","id":"CQkJ","name":"ana"}`

const origin = "http://login.cardea.localhost:8480"

func TestRequestIsLedFromChoiceToAnswer(t *testing.T) {
	t.Parallel()
	e, _ := start(t)
	e.say(`{"type":"create","id":-1403033634,"details":%s}`, details(origin, creating))
	m := e.hear()
	if m.Type != typeShow || m.ID != -1403033634 || m.View.Title != "Make a passkey" || m.View.Site != origin {
		t.Fatalf("first screen %+v %+v", m, m.View)
	}
	e.say(`{"type":"act","id":-1403033634,"action":%s}`, mustJSON(m.View.Options[0].Action))
	m = e.hearOf(typeDone, -1403033634)
	if m.Error != nil {
		t.Fatalf("done with %+v", m.Error)
	}
	var r webauthn.RegistrationResponse
	if err := json.Unmarshal([]byte(m.Response), &r); err != nil || r.ID == "" || len(r.ClientExtensionResults) != 0 {
		t.Errorf("response %s, %v", m.Response, err)
	}
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestRequestsEndByWhatThePersonOrThePageDoes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		message string
		want    string
	}{
		"cancel button":      {`{"type":"act","id":1,"action":{"do":"cancel"}}`, "NotAllowedError"},
		"window closed":      {`{"type":"closed","id":1}`, "NotAllowedError"},
		"page has withdrawn": {`{"type":"cancel","id":1}`, "AbortError"},
		"page asks anew":     {`{"type":"get","id":2,"details":` + details(origin, `,"rpId":"cardea.localhost"`) + `}`, "AbortError"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := start(t)
			e.say(`{"type":"get","id":1,"details":%s}`, details(origin, `,"rpId":"cardea.localhost"`))
			e.hearOf(typeShow, 1)
			e.say(`{"type":"act","id":1,"action":{"do":"choose","kind":"phone"}}`)
			e.hearOf(typeShow, 1)
			e.say("%s", tt.message)
			if m := e.hearOf(typeDone, 1); m.Error == nil || m.Error.Name != tt.want || m.Response != "" {
				t.Errorf("done with %+v, want %s", m.Error, tt.want)
			}
		})
	}
}

func TestSitesHaveRequestsOfTheirOwn(t *testing.T) {
	t.Parallel()
	e, _ := start(t)
	e.say(`{"type":"get","id":1,"details":%s}`, details(origin, `,"rpId":"cardea.localhost"`))
	e.say(`{"type":"get","id":2,"details":%s}`, details("https://example.org", `,"rpId":"example.org"`))
	sites := map[ID]string{}
	for len(sites) < 2 {
		m := e.hear()
		sites[m.ID] = m.View.Site
	}
	if diff := cmp.Diff(map[ID]string{1: origin, 2: "example.org"}, sites); diff != "" {
		t.Errorf("sites (-want +got)\n%s", diff)
	}
	e.say(`{"type":"act","id":2,"action":{"do":"cancel"}}`)
	if m := e.hearOf(typeDone, 2); m.Error.Name != "NotAllowedError" {
		t.Errorf("done with %+v", m.Error)
	}
	e.say(`{"type":"status"}`)
	if m := e.hear(); m.Type != typeReady {
		t.Errorf("%+v, want the other request still open", m)
	}
}

func TestRefusedRequestHasNoWindow(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ kind, details, want string }{
		"a site that is not the caller's": {typeGet, details("http://evil.localhost", `,"rpId":"cardea.localhost"`), "SecurityError"},
		"nobody who asks":                 {typeGet, `"{\"challenge\":\"AQ\",\"rpId\":\"cardea.localhost\"}"`, "UnknownError"},
		"no JSON":                         {typeCreate, `"create a passkey"`, "UnknownError"},
		"no user":                         {typeCreate, details(origin, `,"rp":{"id":"cardea.localhost","name":"C"}`), "TypeError"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := start(t)
			e.say(`{"type":%q,"id":5,"details":%s}`, tt.kind, tt.details)
			m := e.hear()
			if m.Type != typeDone || m.ID != 5 || m.Error == nil || m.Error.Name != tt.want {
				t.Fatalf("%+v %+v, want done with %s", m, m.Error, tt.want)
			}
			if strings.Contains(m.Error.Message, "JSON") || strings.Contains(m.Error.Message, "reading") {
				t.Errorf("message %q tells the cause", m.Error.Message)
			}
		})
	}
}

func TestClosedPipeEndsTheHostAndWhatItAsked(t *testing.T) {
	t.Parallel()
	withdrawn := make(chan struct{})
	e, person := start(t, func(ctx context.Context, p authenticator.Prompt) (authenticator.Answer, error) {
		a, err := authtest.Leave(ctx, p)
		close(withdrawn)
		return a, err
	})
	asked := person.Seen()
	e.say(`{"type":"create","id":1,"details":%s}`, details(origin, creating))
	e.hearOf(typeShow, 1)
	e.say(`{"type":"act","id":1,"action":{"do":"choose","kind":"this-device"}}`)
	e.hearOf(typeShow, 1)
	<-asked
	if err := e.to.Close(); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, e.from) }()
	if err := <-e.ended; err != nil {
		t.Errorf("Run() = %v, want nil", err)
	}
	<-withdrawn
}

func TestBrokenPipeIsAnError(t *testing.T) {
	t.Parallel()
	e, _ := start(t)
	if _, err := e.to.Write([]byte{9, 0, 0, 0, '{'}); err != nil {
		t.Fatal(err)
	}
	if err := e.to.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-e.ended; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Run() = %v, want io.ErrUnexpectedEOF", err)
	}
}

func TestMessagesOutOfPlaceChangeNothing(t *testing.T) {
	t.Parallel()
	e, _ := start(t)
	e.say(`{"type":"get","id":1,"details":%s}`, details(origin, `,"rpId":"cardea.localhost"`))
	e.hearOf(typeShow, 1)
	for _, m := range []string{
		`not JSON`, `[]`, `{"type":"dance"}`, `{"type":"cancel","id":99}`, `{"type":"closed","id":99}`,
		`{"type":"act","id":99,"action":{"do":"cancel"}}`, `{"type":"act","id":1,"action":{"do":"dance"}}`,
		`{"type":"act","id":1,"action":{"do":"choose","kind":"toaster"}}`, `{"type":"status"}`,
	} {
		e.say("%s", m)
	}
	if m := e.hear(); m.Type != typeReady {
		t.Errorf("%+v, want the answer to status and nothing before", m)
	}
}

func TestHostDoesNotOpenMoreWindowsThanAnybodyWants(t *testing.T) {
	t.Parallel()
	e, _ := start(t)
	for i := range maxRequests + 1 {
		e.say(`{"type":"get","id":%d,"details":%s}`, i+1, details(fmt.Sprintf("https://s%d.example", i), ""))
		if i < maxRequests {
			e.hearOf(typeShow, ID(i+1))
		}
	}
	if m := e.hearOf(typeDone, maxRequests+1); m.Error == nil || m.Error.Name != "UnknownError" {
		t.Errorf("the last one: %+v", m.Error)
	}
}
