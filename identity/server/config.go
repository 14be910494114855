package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	"cardea/internal/httpd"
	"cardea/webauthn"
)

// Config says what a Server is. Fields that may be empty say so.
type Config struct {
	// Database is the path of the SQLite file. It is made if there is none.
	Database string `json:"database"`
	// KeyFile is the path of the key that all of the server's keys come of. Empty:
	// Database with ".key" behind. It is made if there is none.
	KeyFile string `json:"key_file"`

	// LoginURL and AccountURL are the origins of the two hosts, as people see
	// them: scheme, host and, unless it is the scheme's own, port. The first is
	// also the issuer of ID tokens and should never change. http is for hosts
	// below localhost only.
	LoginURL   string `json:"login_url"`
	AccountURL string `json:"account_url"`
	// RPID is the name that passkeys are for: both hosts are it or are below
	// it. If it changes, all passkeys are lost.
	RPID webauthn.RPID `json:"rp_id"`

	// Name is what the organization is called. Empty: Cardea.
	Name string `json:"name"`
	// HelpURL is the organization's help page. May be empty.
	HelpURL string `json:"help_url"`

	// Branding is how the pages look and where their footers lead. May be empty.
	Branding Branding `json:"branding"`

	// ProviderIcons is the path of a file with the names and icons of passkey
	// providers by AAGUID, as web.ParseProviderBook reads it. Empty: icons by
	// kind, and the names that we know.
	ProviderIcons string `json:"provider_icons"`

	// SecurityContact is where faults are reported, as security.txt has it: an
	// address with its scheme, such as "mailto:security@example.org". Empty:
	// there is no security.txt.
	SecurityContact string `json:"security_contact"`
	// SecurityPolicyURL is how to report them. May be empty.
	SecurityPolicyURL string `json:"security_policy_url"`
	// SecurityLanguages are those that reports may be in. Empty: en.
	SecurityLanguages []string `json:"security_languages"`
	// RelatedOrigins are sites besides the two hosts that may use the passkeys of
	// RPID (WebAuthn §5.11). May be empty.
	RelatedOrigins []webauthn.Origin `json:"related_origins"`

	// Passkeys says which passkeys people may have. May be empty.
	Passkeys Passkeys `json:"passkeys"`

	// NoTerminal refuses sign-in from a terminal, with a browser or without. What
	// was begun there is refreshed no more and ends within the hour.
	NoTerminal bool `json:"no_terminal"`

	// TrustedProxies are the addresses or prefixes of reverse proxies that say
	// in X-Forwarded-For where requests come from. Empty: for https whoever is on
	// this machine, since the server itself speaks no TLS and something before
	// it must; for http nobody. If the proxy is on another machine, name it
	// here, or all the world is one client, with one limit on its posts.
	TrustedProxies []string `json:"trusted_proxies"`
	// BackChannel is the address that My Account reaches the login host at, if
	// its name does not lead there from this machine: host:port, speaking what
	// the scheme of LoginURL says. Empty: the server's own listener for http,
	// where LoginURL points for https.
	BackChannel string `json:"back_channel"`
}

// ReadConfig reads a Config as JSON. An unknown member is an error, and so is
// anything that Check finds.
func ReadConfig(r io.Reader) (Config, error) {
	var c Config
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("reading configuration: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Config{}, errors.New("reading configuration: something follows it")
	}
	if err := c.Check(); err != nil {
		return Config{}, fmt.Errorf("reading configuration: %w", err)
	}
	return c, nil
}

// Check names every field that will not do, and why.
func (c Config) Check() error {
	var errs []error
	report := func(field string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", field, err))
		}
	}
	if c.Database == "" {
		report("database", errors.New("missing"))
	}
	login, err := c.checkHost(c.LoginURL)
	report("login_url", err)
	account, err := c.checkHost(c.AccountURL)
	report("account_url", err)
	if login != nil && account != nil {
		switch {
		case login.Hostname() == account.Hostname(): // RFC 6265 §8.5: cookies know no ports
			report("account_url", errors.New("want another host than login_url: the two share no cookies"))
		case login.Scheme != account.Scheme:
			report("account_url", errors.New("want the scheme of login_url"))
		}
	}
	report("rp_id", checkRPID(c.RPID))
	report("help_url", checkPage(c.HelpURL))
	c.Branding.check(report)
	if c.ProviderIcons != "" {
		_, err := readProviders(c.ProviderIcons)
		report("provider_icons", err)
	}
	c.checkWellKnown(report)
	c.Passkeys.check(report)
	_, err = httpd.ParseProxies(c.TrustedProxies)
	report("trusted_proxies", err)
	if c.BackChannel != "" {
		_, _, err = net.SplitHostPort(c.BackChannel)
		report("back_channel", err)
	}
	return errors.Join(errs...)
}

func (c Config) checkHost(origin string) (*url.URL, error) {
	if origin == "" {
		return nil, errors.New("missing")
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin || strings.ToLower(origin) != origin {
		return nil, errors.New("want an origin in lower case, like https://login.example.com, without a slash at the end")
	}
	host := u.Hostname()
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("want https")
	case u.Scheme == "http" && host != "localhost" && !strings.HasSuffix(host, ".localhost"):
		return nil, errors.New("want https, except for hosts below localhost") // browsers have no passkeys there
	case host != string(c.RPID) && !strings.HasSuffix(host, "."+string(c.RPID)):
		return nil, fmt.Errorf("want a host that is rp_id (%s) or below it", c.RPID) // WebAuthn §5.1.3 step 8
	}
	return u, nil
}

func checkRPID(id webauthn.RPID) error {
	switch s := string(id); {
	case s == "":
		return errors.New("missing")
	case s != strings.ToLower(s) || strings.ContainsAny(s, ":/ ") || strings.HasPrefix(s, ".") || strings.HasSuffix(s, "."):
		return errors.New("want a host name in lower case, without scheme or port")
	case net.ParseIP(s) != nil:
		return errors.New("want a name, not an address")
	}
	return nil
}

// withDefaults fills what may be empty.
func (c Config) withDefaults() Config {
	if c.KeyFile == "" {
		c.KeyFile = c.Database + ".key"
	}
	if c.Name == "" {
		c.Name = "Cardea"
	}
	if len(c.TrustedProxies) == 0 && strings.HasPrefix(c.LoginURL, "https:") {
		c.TrustedProxies = []string{"127.0.0.0/8", "::1"}
	}
	return c
}
