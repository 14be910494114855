package directory

import (
	"errors"
	"slices"
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
}

// ErrNoClient is returned when there is no client of that ID.
var ErrNoClient = errors.New("no such client")

// Redirects reports whether uri is one of the client's redirect URIs.
func (c Client) Redirects(uri string) bool { return slices.Contains(c.RedirectURIs, uri) }
