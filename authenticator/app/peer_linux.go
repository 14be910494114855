package app

import (
	"errors"
	"fmt"
	"net/http"
	"os"
)

// checkUser makes sure that r comes from a program of our own user. What
// cannot be found out is not let in.
func checkUser(r *http.Request) error {
	client, server, err := ends(r)
	if err != nil {
		return err
	}
	// A connection over IPv4 may be in the table of IPv6 too.
	err = errNotListed
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, openErr := os.Open(table)
		if openErr != nil {
			err = openErr // as where there is no IPv6
			continue
		}
		uid, findErr := ownerOf(f, client, server)
		f.Close()
		switch {
		case errors.Is(findErr, errNotListed):
		case findErr != nil:
			return fmt.Errorf("reading %s: %w", table, findErr)
		case uid != os.Getuid():
			return fmt.Errorf("program of user %d", uid)
		default:
			return nil
		}
	}
	return err
}
