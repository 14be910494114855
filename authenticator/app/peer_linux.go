package app

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
)

// checkUser makes sure that r comes from a program of our own user. What
// cannot be found out is not let in.
func checkUser(r *http.Request) error {
	client, server, err := ends(r)
	if err != nil {
		return err
	}
	uid, err := lookUp(openFile, client, server)
	switch {
	case err != nil:
		return err
	case uid != os.Getuid():
		return fmt.Errorf("program of user %d", uid)
	}
	return nil
}

func openFile(path string) (io.ReadCloser, error) { return os.Open(path) }

// readings is how often the tables are read before a connection counts as not
// listed. A table is no snapshot: it is read piece by piece, and others that
// come or go between two pieces can hide one that stays.
const readings = 5

// lookUp finds whose the client's end of a connection is in the system's
// tables.
func lookUp(open func(path string) (io.ReadCloser, error), client, server netip.AddrPort) (uid int, err error) {
	for range readings {
		if uid, err = lookOnce(open, client, server); !errors.Is(err, errNotListed) {
			break
		}
	}
	return uid, err
}

func lookOnce(open func(path string) (io.ReadCloser, error), client, server netip.AddrPort) (uid int, err error) {
	// A connection over IPv4 may be in the table of IPv6 too, and there may be
	// no such table.
	var missing error
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := open(table)
		if err != nil {
			missing = err
			continue
		}
		uid, err := ownerOf(f, client, server)
		f.Close()
		switch {
		case errors.Is(err, errNotListed):
		case err != nil:
			return 0, fmt.Errorf("reading %s: %w", table, err)
		default:
			return uid, nil
		}
	}
	return 0, errors.Join(errNotListed, missing)
}
