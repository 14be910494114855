package app

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"cardea/internal/httpd"
)

// errNotListed says that the system does not list a connection.
var errNotListed = errors.New("the system does not list the connection")

// ownUser lets only programs of the user that this one runs as come to next,
// where the system tells. The port is open to everyone on this machine, and
// whoever reaches the pages can guess at the passcode, or erase the vault.
func (a *App) ownUser(next http.Handler) http.Handler {
	return httpd.Wrap(func(w http.ResponseWriter, r *http.Request) error {
		if err := checkUser(r); err != nil {
			return &httpd.Error{Status: http.StatusForbidden, Code: "other_user", Err: err,
				Public: "This " + a.words.Device + " belongs to someone else on this computer."}
		}
		next.ServeHTTP(w, r)
		return nil
	}, httpd.PlainError)
}

// ends returns the two ends of the connection that r came by.
func ends(r *http.Request) (client, server netip.AddrPort, err error) {
	client, err = netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return client, server, fmt.Errorf("address of the client: %w", err)
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return client, server, errors.New("not a TCP connection")
	}
	return unmap(client), unmap(local.AddrPort()), nil
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// established is the state of a connection that both ends still hold. In the
// others the table may name user 0 for want of an owner.
const established = "01"

// ownerOf finds whose the client's end of a connection is in a table of the
// form of /proc/net/tcp and tcp6 (proc_pid_net(5)): after the number of the
// line come the line's own end, the other end, the state, three columns of no
// use here, and the user. The error is errNotListed if there is no such line.
func ownerOf(table io.Reader, client, server netip.AddrPort) (uid int, err error) {
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 8 || f[3] != established {
			continue
		}
		own, ok1 := parseEnd(f[1])
		other, ok2 := parseEnd(f[2])
		if !ok1 || !ok2 || own != client || other != server {
			continue
		}
		uid, err := strconv.Atoi(f[7])
		if err != nil {
			return 0, fmt.Errorf("reading the user: %w", err)
		}
		return uid, nil
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, errNotListed
}

// parseEnd reads an address and port, such as 0100007F:1F90 for 127.0.0.1:8080
// on most machines: the address is in words of 32 bits in the machine's order.
func parseEnd(text string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(text, ":")
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, false
	}
	b, err := hex.DecodeString(host)
	if err != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for w := b; len(w) > 0; w = w[4:] {
		binary.NativeEndian.PutUint32(w, binary.BigEndian.Uint32(w))
	}
	ip, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(ip.Unmap(), uint16(number)), ok
}
