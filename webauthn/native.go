package webauthn

import (
	"net/url"
	"strings"
)

// nativeScheme is the scheme of the origins that programs state. No browser
// has pages at it.
const nativeScheme = "cardea-native"

// NativeOrigin returns the origin that a program states in its client data when
// it signs in at site without a page:
//
//	https://login.example.org, cardea-cli -> cardea-native://login.example.org/cardea-cli
//
// No browser can produce it, whatever page it shows: the origin of a page is a
// scheme, a host and a port (HTML, "serialization of an origin"), never a path.
// So what a page was given is of no use here, and what a program was given is of
// no use at a page. ok is false if site is not the origin of a page or client
// has other characters than lower-case letters, digits and hyphens.
func NativeOrigin(site Origin, client string) (o Origin, ok bool) {
	u, err := url.Parse(string(site))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Scheme+"://"+u.Host != string(site) {
		return "", false
	}
	if client == "" || strings.Trim(client, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "", false
	}
	return Origin(nativeScheme + "://" + u.Host + "/" + client), true
}

// NativeHost returns the host, without its port, of an origin that NativeOrigin
// has made, and false for any other text.
func (o Origin) NativeHost() (host string, ok bool) {
	u, err := url.Parse(string(o))
	if err != nil || u.Scheme != nativeScheme || u.Host == "" {
		return "", false
	}
	again, ok := NativeOrigin(Origin("https://"+u.Host), strings.TrimPrefix(u.Path, "/"))
	return u.Hostname(), ok && again == o
}
