package server

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"cardea/webauthn"
)

// maxLabels is how many sites a browser looks at in the list of related origins
// before it stops (WebAuthn §5.11.1 asks for at least five; that is what
// browsers do). All hosts under one registrable name are one site.
const maxLabels = 5

var languageTag = regexp.MustCompile(`^[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8})*$`) // RFC 5646 §2.1, its common part

func (c Config) checkWellKnown(report func(field string, err error)) {
	if c.SecurityContact != "" {
		u, err := url.Parse(c.SecurityContact)
		// RFC 9116 §2.5.3: a URI, and if it is a web page then over TLS.
		if err != nil || !slices.Contains([]string{"https", "mailto", "tel"}, u.Scheme) || !oneLine(c.SecurityContact) {
			report("security_contact", errors.New("want a URI with mailto:, https: or tel:"))
		}
	}
	report("security_policy_url", checkPage(c.SecurityPolicyURL))
	for _, l := range c.SecurityLanguages {
		if !languageTag.MatchString(l) {
			report("security_languages", fmt.Errorf("%q is no language tag, like en or pt-BR", l))
		}
	}
	for _, o := range c.RelatedOrigins {
		u, err := url.Parse(string(o))
		if err != nil || u.Scheme != "https" || u.Host == "" || "https://"+u.Host != string(o) || strings.ToLower(string(o)) != string(o) {
			report("related_origins", fmt.Errorf("%q: want an origin in lower case, like https://shop.example", o))
		}
	}
}

// checkPage says what is wrong with the address of a page of the organization's,
// which may be left out.
func checkPage(page string) error {
	if page == "" {
		return nil
	}
	u, err := url.Parse(page)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || !oneLine(page) {
		return errors.New("want a URL")
	}
	return nil
}

func oneLine(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// origins are the hosts' own and the related ones, each once.
func (c Config) origins() []string {
	all := []string{c.LoginURL, c.AccountURL}
	for _, o := range c.RelatedOrigins {
		if !slices.Contains(all, string(o)) {
			all = append(all, string(o))
		}
	}
	return all
}

func (c Config) securityLanguages() []string {
	if len(c.SecurityLanguages) == 0 {
		return []string{"en"}
	}
	return c.SecurityLanguages
}

// Warnings are what will work in part only, in the operator's words.
func (c Config) Warnings() []string {
	labels := map[string]bool{}
	for _, o := range c.origins() {
		labels[label(webauthn.Origin(o))] = true
	}
	if len(labels) <= maxLabels {
		return nil
	}
	return []string{fmt.Sprintf("related_origins: browsers look at %d different names only, and these are %d; those at the end of the list will not work",
		maxLabels, len(labels))}
}

// label is the name that an origin counts under: what stands before the public
// suffix. It is told from its place here, which counts shop.example.co.uk and
// shop.example.com alike as "example" only if the suffix is short; the count is
// for a warning.
func label(o webauthn.Origin) string {
	u, err := url.Parse(string(o))
	if err != nil {
		return string(o)
	}
	parts := strings.Split(u.Hostname(), ".")
	at := len(parts) - 2
	if at > 0 && len(parts[at]) <= 3 && len(parts[len(parts)-1]) == 2 {
		at-- // example.co.uk
	}
	return parts[max(at, 0)]
}
