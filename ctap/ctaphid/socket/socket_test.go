package socket

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"

	"cardea/ctap/ctaphid"
)

// listen opens a socket of a network at a port that is free.
func listen(t testing.TB, network string) *Socket {
	t.Helper()
	s, err := Listen(Address{network, netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// serve plugs in a device that answers each request with itself, and returns
// how to pull it out.
func serve(t testing.TB, s *Socket) (pull func()) {
	t.Helper()
	end, err := s.Plug()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- ctaphid.Serve(ctx, end, ctaphid.DeviceConfig{
			Handle: func(_ context.Context, request []byte) []byte { return append([]byte{0}, request...) },
		})
	}()
	pull = func() {
		cancel()
		if err := <-served; !errors.Is(err, context.Canceled) {
			t.Errorf("serve = %v, want context.Canceled", err)
		}
		served <- context.Canceled
	}
	t.Cleanup(pull)
	return pull
}

func dial(t testing.TB, s *Socket) io.ReadWriteCloser {
	t.Helper()
	rw, err := Dial(t.Context(), s.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rw.Close() })
	return rw
}

func both(t *testing.T, f func(t *testing.T, s *Socket)) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			f(t, listen(t, network))
		})
	}
}

func TestOnlyLoopbackIsTaken(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"udp:0.0.0.0:0", "tcp:192.0.2.1:80", "udp:[::]:0", "tcp:10.0.0.1:1", "udp:[::ffff:192.0.2.1]:9"} {
		if _, err := ParseAddress(text); !errors.Is(err, ErrNotLoopback) {
			t.Errorf("ParseAddress(%q) = %v, want ErrNotLoopback", text, err)
		}
	}
	for _, text := range []string{"", "udp", "udp:", "unix:/x", "udp:localhost:1", "tcp::80", "127.0.0.1:80"} {
		if a, err := ParseAddress(text); err == nil {
			t.Errorf("ParseAddress(%q) = %v, want an error", text, a)
		}
	}
	for _, text := range []string{"udp:127.0.0.1:8111", "tcp:[::1]:1", "tcp:127.8.8.8:2"} {
		if a, err := ParseAddress(text); err != nil || a.String() != text {
			t.Errorf("ParseAddress(%q) = %v, %v", text, a, err)
		}
	}
	if _, err := Listen(Address{"udp", netip.MustParseAddrPort("0.0.0.0:0")}); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("Listen = %v, want ErrNotLoopback", err)
	}
}

func TestClientsShareTheDevice(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s *Socket) {
		serve(t, s)
		long := bytes.Repeat([]byte{7}, 1000) // of many packets
		var clients []*ctaphid.Client
		for range 3 {
			c, err := ctaphid.Open(t.Context(), dial(t, s))
			if err != nil {
				t.Fatal(err)
			}
			clients = append(clients, c)
		}
		for i, c := range clients {
			request := append([]byte{byte(i)}, long...)
			if got, err := c.Send(t.Context(), request); err != nil || !bytes.Equal(got[1:], request) {
				t.Errorf("client %d got %.8x, %v", i, got, err)
			}
		}
	})
}

// Two clients that ask at once with nonces of their own each hear only the
// answer to theirs.
func TestAnswersGoToWhoAsked(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s *Socket) {
		serve(t, s)
		a, b := dial(t, s), dial(t, s)
		ask := func(rw io.Writer, nonce byte) {
			m := ctaphid.Message{Channel: ctaphid.Broadcast, Command: ctaphid.Init, Payload: bytes.Repeat([]byte{nonce}, 8)}
			reports, err := m.Reports()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := rw.Write(reports[0][:]); err != nil {
				t.Fatal(err)
			}
		}
		hear := func(rw io.Reader, nonce byte) ctaphid.Channel {
			r := make([]byte, ctaphid.ReportSize+1)
			n, err := rw.Read(r)
			if err != nil || n != ctaphid.ReportSize {
				t.Fatalf("read %d bytes, %v", n, err)
			}
			if !bytes.Equal(r[7:15], bytes.Repeat([]byte{nonce}, 8)) {
				t.Errorf("asked with %x, heard the answer to %x", nonce, r[7:15])
			}
			return ctaphid.Channel(binary.BigEndian.Uint32(r[15:]))
		}
		ask(a, 1)
		ask(b, 2)
		ask(a, 3)
		if x, y, z := hear(a, 1), hear(b, 2), hear(a, 3); x == y || y == z || x == z {
			t.Errorf("channels %08x, %08x, %08x", uint32(x), uint32(y), uint32(z))
		}
	})
}

func TestDatagramThatIsNoReportIsDropped(t *testing.T) {
	t.Parallel()
	s := listen(t, "udp")
	serve(t, s)
	rw := dial(t, s)
	for _, n := range []int{0, 1, 63, 65, 2000} {
		if _, err := rw.Write(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ctaphid.Open(t.Context(), rw); err != nil {
		t.Errorf("open = %v", err)
	}
}

func TestPulledOutAndPluggedInAgain(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s *Socket) {
		pull := serve(t, s)
		if _, err := s.Plug(); !errors.Is(err, errTaken) {
			t.Errorf("a second device: %v, want errTaken", err)
		}
		first, err := ctaphid.Open(t.Context(), dial(t, s))
		if err != nil {
			t.Fatal(err)
		}
		pull()
		if s.Address().Network == "tcp" {
			if _, err := first.Send(t.Context(), []byte{4}); err == nil {
				t.Error("a device that was pulled out answered")
			}
			if _, err := ctaphid.Open(t.Context(), dial(t, s)); err == nil {
				t.Error("an empty port answered")
			}
		}
		serve(t, s)
		again, err := ctaphid.Open(t.Context(), dial(t, s))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := again.Send(t.Context(), []byte{4}); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s *Socket) {
		end, err := s.Plug()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := end.Read(make([]byte, ctaphid.ReportSize)); !errors.Is(err, io.EOF) {
			t.Errorf("read = %v, want EOF", err)
		}
		if _, err := end.Write(make([]byte, ctaphid.ReportSize)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("write = %v, want ErrClosedPipe", err)
		}
		if _, err := s.Plug(); !errors.Is(err, errClosed) {
			t.Errorf("plug = %v, want errClosed", err)
		}
	})
}

func TestWhatIsRememberedOfClientsIsBounded(t *testing.T) {
	t.Parallel()
	routes := newRoutes()
	conn, other := net.Pipe()
	defer conn.Close()
	defer other.Close()
	var r ctaphid.Report
	for i := range 3 * maxRoutes {
		binary.BigEndian.PutUint32(r[:], uint32(i+1))
		routes.heard(&r, connection{conn})
		init := ctaphid.Report{0xff, 0xff, 0xff, 0xff, initReport}
		binary.BigEndian.PutUint32(init[nonceAt:], uint32(i))
		routes.heard(&init, connection{conn})
	}
	if len(routes.channels) != maxRoutes || len(routes.nonces) != maxRoutes {
		t.Errorf("%d channels and %d nonces, want %d", len(routes.channels), len(routes.nonces), maxRoutes)
	}
	if routes.route(&r) == nil {
		t.Error("the latest client was forgotten")
	}
}
