package web

import (
	"net/url"
	"slices"
	"strings"
)

// A Continue is where a sign-in goes on to: the path and query of an
// authorization request at this host, or nothing. Make it with ParseContinue.
type Continue string

const (
	authorizePath = "/oauth2/authorize"
	maxContinue   = 8 << 10
)

// ParseContinue returns s if it is an authorization request of this host, and
// otherwise nothing: a sign-in page that went on to any address it was given
// would lend its name to whoever wrote the link (an open redirect).
//
// The check is on the text as well as on its parts, because browsers read some
// addresses differently from net/url: they take a backslash for a slash and
// drop tabs and line ends.
func ParseContinue(s string) Continue {
	if len(s) > maxContinue || !strings.HasPrefix(s, authorizePath+"?") {
		return ""
	}
	for _, r := range s {
		if r <= ' ' || r == 0x7f || r == '\\' || r == '#' {
			return ""
		}
	}
	u, err := url.ParseRequestURI(s)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Path != authorizePath || u.RawPath != "" {
		return ""
	}
	return Continue(s)
}

// ClientID returns the client that asks for the sign-in, if any.
func (c Continue) ClientID() string { return c.query().Get("client_id") }

// SelectAccount reports whether the client wants the person to choose an account
// (prompt=select_account, OpenID Connect Core §3.1.2.1).
func (c Continue) SelectAccount() bool {
	return slices.Contains(strings.Fields(c.query().Get("prompt")), "select_account")
}

// RedirectURI returns where the client wants to be answered. Whether that is its
// own is for the caller to check.
func (c Continue) RedirectURI() string { return c.query().Get("redirect_uri") }

// AppHome returns the start page of the site at RedirectURI, empty if it is none.
func (c Continue) AppHome() string {
	u, err := url.Parse(c.RedirectURI())
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host + "/"
}

func (c Continue) query() url.Values {
	u, err := url.Parse(string(c))
	if err != nil {
		return nil
	}
	return u.Query()
}

// LoginHint returns the user name that the client expects, if it said
// (OpenID Connect Core §3.1.2.1).
func (c Continue) LoginHint() string { return c.query().Get("login_hint") }
