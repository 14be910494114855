package local_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"cardea/authenticator/agent"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/platform"
	"cardea/platform/local"
	"cardea/platform/routetest"
	"cardea/webauthn"
)

const page = "http://127.0.0.1:8482/prompt"

// serve runs an agent and returns the path of its socket.
func serve(t *testing.T, script ...authtest.Reply) (socket string, person *authtest.Person) {
	t.Helper()
	a, _, person := authtest.New(script...)
	socket = filepath.Join(t.TempDir(), "run", "agent.sock")
	l, err := agent.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := agent.Serve(ctx, l, a, page); err != nil {
			t.Errorf("Serve() = %v", err)
		}
	})
	t.Cleanup(func() { cancel(); serving.Wait() })
	return socket, person
}

func TestRoute(t *testing.T) {
	t.Parallel()
	routetest.Run(t, func(t *testing.T) routetest.World {
		socket, _ := serve(t)
		return routetest.World{
			Route:     &local.Route{Socket: socket, Name: "test"},
			Dead:      &local.Route{Socket: filepath.Join(t.TempDir(), "nobody.sock")},
			Transport: webauthn.TransportInternal,
		}
	})
}

func TestWindowIsToldWhereThePersonIsAsked(t *testing.T) {
	t.Parallel()
	socket, _ := serve(t)
	var got []platform.Progress
	conn, err := (&local.Route{Socket: socket}).Open(t.Context(), platform.MakePasskey, func(p platform.Progress) {
		got = append(got, p)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if len(got) != 1 || got[0].Stage != platform.StageAskHere || got[0].PageURL != page {
		t.Errorf("shown %+v, want the page %s", got, page)
	}
}

func TestAuthenticatorThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	r := &local.Route{Socket: filepath.Join(t.TempDir(), "nobody.sock")}
	if got := r.Ready(t.Context(), "example.org"); got.Usable || got.Why != platform.NotRunning {
		t.Errorf("Ready() = %+v, want not running", got)
	}
	_, err := r.Open(t.Context(), platform.UsePasskey, func(platform.Progress) { t.Error("something was shown") })
	var f *platform.Failure
	if !errors.As(err, &f) || f.Leg != platform.LegDevice || !errors.Is(err, agent.ErrNotRunning) {
		t.Errorf("Open() = %v, want the leg %s", err, platform.LegDevice)
	}
}

func TestWithdrawnCommandTakesTheQuestionAway(t *testing.T) {
	t.Parallel()
	socket, person := serve(t, authtest.Leave)
	seen := person.Seen()
	conn, err := (&local.Route{Socket: socket}).Open(t.Context(), platform.MakePasskey, func(platform.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	why := errors.New("the page changed its mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-seen
		cancel(why)
	}()
	if err := ctap.Selection(ctx, conn); !errors.Is(err, why) {
		t.Errorf("Selection() = %v, want %v", err, why)
	}
}
