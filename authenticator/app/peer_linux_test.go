package app

import (
	"bufio"
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
