package directory

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// A Client is an OpenID Connect client that people sign in to.
type Client struct {
	ID   ClientID
	Name string
	// RedirectURIs are compared character by character (RFC 9700 §2.1).
	RedirectURIs []string
	// Public clients have no secret and prove themselves by PKCE alone.
	Public bool
	// FirstParty clients are ours: nobody is asked for consent.
	FirstParty bool
	// Native clients are programs on people's own machines. They may have any
	// port of the loopback interface (RFC 8252 §7.3), refresh tokens, and, if
	// they are ours, a sign-in without a page.
	Native bool
}

// ErrNoClient is returned when there is no client of that ID.
var ErrNoClient = errors.New("no such client")

// Redirects reports whether uri is one of the client's redirect URIs. For a
// Native client the port of a loopback address is left out of the comparison:
// the system gives it one when it starts (RFC 8252 §7.3).
func (c Client) Redirects(uri string) bool {
	if slices.Contains(c.RedirectURIs, uri) {
		return true
	}
	plain, ok := withoutPort(uri)
	return ok && c.Native && slices.Contains(c.RedirectURIs, plain)
}

// withoutPort takes the port out of an http URI on a loopback address. Only the
// two addresses will do, to the letter: localhost is a name, and names can be
// led elsewhere (RFC 8252 §8.3).
func withoutPort(uri string) (plain string, ok bool) {
	for _, origin := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, found := strings.CutPrefix(uri, origin+":")
		if !found {
			continue
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if end < 0 {
			end = len(rest)
		}
		port, err := strconv.ParseUint(rest[:end], 10, 16)
		return origin + rest[end:], err == nil && port > 0 && rest[0] != '0'
	}
	return "", false
}
