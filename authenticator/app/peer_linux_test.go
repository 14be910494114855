package app

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Another user of this machine stands before no phone's screen. Only root can
// play that user: the pages' other tests show that one's own gets in.
func TestAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can open a connection as someone else")
	}
	s := start(t, nil)
	for _, path := range []string{"/", "/settings", "/assets/app.css"} {
		conn := dialAs(t, 65534, netip.MustParseAddrPort(strings.TrimPrefix(s.url, "http://")))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Write(conn); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("GET %s of another user = %s, want 403", path, resp.Status)
		}
	}
	if !strings.Contains(s.log.String(), "program of user 65534") {
		t.Errorf("the log does not name the user:\n%s", s.log)
	}
}

// dialAs connects with a socket that belongs to another user.
func dialAs(t *testing.T, uid int, to netip.AddrPort) net.Conn {
	t.Helper()
	// Of this thread only, which ends with its goroutine.
	made := make(chan int)
	go func() {
		runtime.LockOSThread()
		if _, err := unix.SetfsuidRetUid(uid); err != nil {
			t.Error(err)
		}
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
		}
		made <- fd
	}()
	fd := <-made
	f := os.NewFile(uintptr(fd), "socket of another user")
	defer f.Close()
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	conn, err := net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// The system's table may leave out a connection that is there.
func TestConnectionThatTheTableLeftOutIsLookedForAgain(t *testing.T) {
	t.Parallel()
	client, server := netip.MustParseAddrPort("127.0.0.1:40000"), netip.MustParseAddrPort("127.0.0.1:8482")
	word := func(a netip.AddrPort) string {
		b := a.Addr().As4()
		return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(b[:]), a.Port())
	}
	line := fmt.Sprintf("   0: %s %s 01 00000000:00000000 00:00000000 00000000  1000        0 1\n", word(client), word(server))
	for _, tt := range []struct {
		name    string
		listed  int // from which reading of the IPv4 table on
		missing bool
		uid     int
		err     error
	}{
		{"at once", 1, false, 1000, nil},
		{"later", 3, false, 1000, nil},
		{"later, without IPv6", 3, true, 1000, nil},
		{"never", 1 << 10, false, 0, errNotListed},
	} {
		read := 0
		open := func(path string) (io.ReadCloser, error) {
			if path == "/proc/net/tcp6" {
				if tt.missing {
					return nil, os.ErrNotExist
				}
				return io.NopCloser(strings.NewReader("")), nil
			}
			if read++; read < tt.listed {
				return io.NopCloser(strings.NewReader("")), nil
			}
			return io.NopCloser(strings.NewReader(line)), nil
		}
		if uid, err := lookUp(open, client, server); uid != tt.uid || !errors.Is(err, tt.err) {
			t.Errorf("listed %s: user %d, %v; want %d, %v", tt.name, uid, err, tt.uid, tt.err)
		}
		if read > readings {
			t.Errorf("listed %s: the table was read %d times", tt.name, read)
		}
	}
}
