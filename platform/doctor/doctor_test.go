package doctor_test

import (
	"context"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cardea/authenticator/agent"
	"cardea/authenticator/authtest"
	"cardea/hybrid"
	"cardea/hybrid/radio/air"
	"cardea/hybrid/tunnel"
	"cardea/platform"
	"cardea/platform/doctor"
	"cardea/platform/local"
	"cardea/platform/securitykey"
	"cardea/relay"
	"cardea/webauthn"
)

func relayAt(url string) *tunnel.Dialer {
	return &tunnel.Dialer{Base: func(string) string { return strings.Replace(url, "http", "ws", 1) }}
}

// healthy is a device on which everything works.
func healthy(t *testing.T) doctor.Examination {
	t.Helper()
	r := relay.New(relay.Config{Log: slog.New(slog.DiscardHandler)})
	server := httptest.NewServer(r)
	t.Cleanup(func() { r.Close(); server.Close() })

	folder := t.TempDir()
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(folder, "agent.sock")
	l, err := agent.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	a, _, _ := authtest.New()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- agent.Serve(ctx, l, a, "") }()
	t.Cleanup(func() { cancel(); <-served })

	return doctor.Examination{
		Radio: air.New(), CanAdvertise: func(context.Context) error { return nil }, Relays: []hybrid.Service{hybrid.DevelopmentService}, Tunnel: relayAt(server.URL),
		Routes: []platform.Route{&local.Route{Socket: socket}, &securitykey.Route{Sys: t.TempDir()}},
	}
}

func TestAHealthyDevice(t *testing.T) {
	t.Parallel()
	domain, err := hybrid.DevelopmentService.Domain()
	if err != nil {
		t.Fatal(err)
	}
	want := []doctor.Finding{
		{Leg: platform.LegRadio, Name: "Bluetooth", State: doctor.Works},
		{Leg: platform.LegRadio, Name: "Bluetooth, as a phone", State: doctor.Works},
		{Leg: platform.LegRelay, Name: domain, State: doctor.Works},
		{Leg: platform.LegDevice, Name: "Passkey app", State: doctor.Works},
		{Leg: platform.LegKey, Name: "Security keys", State: doctor.Works},
	}
	got := healthy(t).Examine(t.Context())
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(doctor.Finding{}, "Found")); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// Each leg is broken by itself, found, and named, and says what to do.
func TestEachBrokenLegIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, e *doctor.Examination)
		leg   platform.Leg
		state doctor.State
		todo  string
	}{
		"radio off": {func(t *testing.T, e *doctor.Examination) {
			off := air.New()
			off.SetPower(false)
			e.Radio, e.CanAdvertise = off, nil
		}, platform.LegRadio, doctor.Missing, "Turn Bluetooth on"},
		"relay down": {func(t *testing.T, e *doctor.Examination) {
			e.Tunnel = relayAt("http://127.0.0.1:1")
		}, platform.LegRelay, doctor.Broken, "firewall"},
		"number of no relay": {func(t *testing.T, e *doctor.Examination) {
			e.Relays[0] = 17
		}, platform.LegRelay, doctor.Broken, "number from 256"},
		"relay that nobody trusts": {func(t *testing.T, e *doctor.Examination) {
			server := httptest.NewTLSServer(nil)
			t.Cleanup(server.Close)
			e.Tunnel = relayAt(server.URL)
		}, platform.LegRelay, doctor.Broken, "--relay-ca"},
		"relay whose name is not found": {func(t *testing.T, e *doctor.Examination) {
			e.Tunnel = relayAt("ws://relay.invalid")
		}, platform.LegRelay, doctor.Broken, "is online"},
		"relay whose certificate is of another time": {func(t *testing.T, e *doctor.Examination) {
			e.Tunnel = outOfDate(t)
		}, platform.LegRelay, doctor.Broken, "date and time"},
		"a sign-in page in the relay's place": {func(t *testing.T, e *doctor.Examination) {
			e.Tunnel = answering(t, http.StatusOK)
		}, platform.LegRelay, doctor.Broken, "Sign in to the network"},
		"a relay that is full": {func(t *testing.T, e *doctor.Examination) {
			e.Tunnel = answering(t, http.StatusServiceUnavailable)
		}, platform.LegRelay, doctor.Broken, "look at its log"},
		"app not running": {func(t *testing.T, e *doctor.Examination) {
			e.Routes[0] = &local.Route{Socket: filepath.Join(t.TempDir(), "none.sock")}
		}, platform.LegDevice, doctor.Missing, "cardea authenticator run"},
		"system without security keys": {func(t *testing.T, e *doctor.Examination) {
			e.Routes[1] = &securitykey.Route{Sys: filepath.Join(t.TempDir(), "none")}
		}, platform.LegKey, doctor.Missing, "another way"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := healthy(t)
			c.spoil(t, &e)
			for _, f := range e.Examine(t.Context()) {
				if f.Leg != c.leg {
					if f.State != doctor.Works {
						t.Errorf("%+v, want it to work", f)
					}
					continue
				}
				if f.State != c.state || !strings.Contains(f.Todo, c.todo) || f.Found == "" {
					t.Errorf("%+v, want it %s and %q", f, c.state, c.todo)
				}
			}
		})
	}
}

// answering is the way to something that answers every request with one status.
func answering(t *testing.T, status int) *tunnel.Dialer {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(server.Close)
	return relayAt(server.URL)
}

// outOfDate is the way to a relay that is trusted, from a device whose clock is
// wrong.
func outOfDate(t *testing.T) *tunnel.Dialer {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	d := relayAt(server.URL)
	d.Client = server.Client()
	trust := d.Client.Transport.(*http.Transport).TLSClientConfig
	trust.Time = func() time.Time { return server.Certificate().NotAfter.Add(time.Hour) }
	return d
}

// A computer that cannot be heard is still one that hears.
func TestDeviceThatCouldNotBeThePhone(t *testing.T) {
	t.Parallel()
	e := doctor.Examination{Radio: air.New(), CanAdvertise: func(context.Context) error { return hybrid.ErrRadioOff }}
	got := e.Examine(t.Context())
	if len(got) != 2 || got[0].State != doctor.Works || got[1].State != doctor.Missing || !strings.Contains(got[1].Todo, "to be the phone") {
		t.Errorf("findings %+v", got)
	}
}

// barred is a route to keys that this user may not open. A test that runs as
// root could not make any.
type barred struct{ platform.Route }

func (barred) Kind() platform.Kind { return platform.SecurityKey }

func (barred) Ready(context.Context, webauthn.RPID) platform.Readiness {
	return platform.Readiness{Why: platform.NotPermitted}
}

func TestKeysThatMayNotBeOpened(t *testing.T) {
	t.Parallel()
	e := doctor.Examination{Routes: []platform.Route{barred{}}}
	if f := e.Examine(t.Context())[0]; f.State != doctor.Broken || !strings.Contains(f.Todo, "udev") {
		t.Errorf("%+v", f)
	}
}
