//go:build linux

package relayload

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"cardea/relay"
)

// soakTime is enough to reach every stage several times, as a rule.
const soakTime = 2 * time.Second

// Whatever breaks off at whatever stage, no message arrives where it does not
// belong, nobody is left hanging, and nothing stays behind.
func TestShortSoak(t *testing.T) {
	for _, tt := range []struct {
		name string
		mode relay.Mode
		tls  bool
	}{{"goroutines", relay.Goroutines, false}, {"epoll", relay.Epoll, false}, {"TLS", relay.Goroutines, true}} {
		t.Run(tt.name, func(t *testing.T) {
			r := relay.New(relay.Config{Mode: tt.mode, Limits: Roomy(), Log: slog.New(slog.DiscardHandler)})
			srv := httptest.NewUnstartedServer(r)
			target := &Target{Stats: func() (Stats, error) { return StatsOf(r) }}
			if tt.tls {
				srv.StartTLS()
				target.TLS = &tls.Config{InsecureSkipVerify: true}
			} else {
				srv.Start()
			}
			target.Addr = srv.Listener.Addr().String()
			for _, stage := range stages { // each at least once, however slow this machine is
				s := &scene{Target: target, dice: newDice(), tally: &Tally{}, id: nextID()}
				if err := s.play(stage); err != nil {
					t.Fatalf("%s: %v", stage, err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), soakTime)
			defer cancel()
			tally, err := Soak(ctx, target, 12)
			if err != nil {
				t.Error(err)
			}
			t.Log(tally)
			now, stop := context.WithCancel(context.Background())
			stop()
			r.Shutdown(now)
			srv.Close()
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			for _, kind := range []string{"relay.(*tunnel)", "relay.(*blocking)", "relay.(*loop)", "relay.(*phone)"} {
				if bytes.Contains(stacks, []byte(kind)) {
					t.Errorf("a goroutine in %s is left:\n%s", kind, stacks)
				}
			}
		})
	}
}

// A relay that swaps two tunnels, or changes a byte, is found out.
func TestSoakFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	one, two := nextID(), nextID()
	right := messageOf(one, 0, 0, 100)
	for name, tt := range map[string]struct {
		got  []byte
		fine bool
	}{
		"what was sent":     {right, true},
		"another tunnel":    {messageOf(two, 0, 0, 100), false},
		"another direction": {messageOf(one, 1, 0, 100), false},
		"another place":     {messageOf(one, 0, 1, 100), false},
		"a byte changed":    {append(bytes.Clone(right[:len(right)-1]), 0), false},
		"cut short":         {right[:len(right)-1], false},
		"nothing":           {nil, false},
	} {
		ours, theirs := net.Pipe()
		go ws.WriteFrame(theirs, ws.NewBinaryFrame(tt.got))
		s := &scene{id: one, tally: &Tally{}}
		if err := s.check(&peer{Conn: ours}, 0, 0); (err == nil) != tt.fine {
			t.Errorf("%s: %v", name, err)
		}
		theirs.Close()
	}
}
