package web

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// The cookies that both hosts have. None is for scripts, none leaves its host.
const cookieBrowser = "cardea-browser" // a random value that names this browser

// A Kept is a kind of value that a browser keeps for us between two requests:
// the beginning of a cookie's name.
type Kept string

// The kinds.
const (
	KeptCeremony Kept = "cardea-ceremony-" // a passkey ceremony that has begun
	KeptSignIn   Kept = "cardea-begun-"    // a sign-in of My Account at the provider
)

// Cookies sets and reads cookies. Over https their names begin with __Host-,
// which browsers accept only from the host itself, for all of it and with
// Secure (RFC 6265bis §4.1.3.2). Development hosts without TLS have plain names.
type Cookies struct {
	Secure bool
}

// Name returns the name that a cookie travels under.
func (c Cookies) Name(name string) string {
	if c.Secure {
		return "__Host-" + name
	}
	return name
}

// Set sets a cookie. A maxAge of zero lets it live as long as the browser does.
func (c Cookies) Set(w http.ResponseWriter, name, value string, maxAge time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: c.Name(name), Value: value, Path: "/", MaxAge: int(maxAge.Seconds()),
		Secure: c.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// Clear removes a cookie.
func (c Cookies) Clear(w http.ResponseWriter, name string) {
	c.Set(w, name, "", -time.Second)
}

// Get returns the value of a cookie, empty if there is none.
func (c Cookies) Get(r *http.Request, name string) string {
	cookie, err := r.Cookie(c.Name(name))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// bindingSize is the size of the value that ties a ceremony to a browser.
const bindingSize = 32

// Browser returns the value that names this browser, and gives it one if it has
// none. A ceremony that begins in one browser cannot be finished in another.
func (c Cookies) Browser(w http.ResponseWriter, r *http.Request) string {
	v := c.Get(r, cookieBrowser)
	if b, err := base64.RawURLEncoding.DecodeString(v); err == nil && len(b) == bindingSize {
		return v
	}
	b := make([]byte, bindingSize)
	rand.Read(b)
	v = base64.RawURLEncoding.EncodeToString(b)
	c.Set(w, cookieBrowser, v, 0)
	return v
}

// maxKept is how many values of one kind are kept in a browser at a time. A
// ceremony is a cookie of a kilobyte or so, and few are under way at once. A
// sign-in is half of that, and each page of My Account that is open when the
// session ends, or is restored with its window, begins one.
var maxKept = map[Kept]int{KeptCeremony: 4, KeptSignIn: 16}

// Keep keeps what a page that begins something must know when it is finished,
// for life. Each has a cookie of its own, named by kind and id, so that two tabs
// do not end each other's; when there are too many of a kind, the others go.
func (c Cookies) Keep(w http.ResponseWriter, r *http.Request, kind Kept, id, value string, life time.Duration) {
	if kept := c.kept(r, kind); len(kept) >= maxKept[kind] {
		for _, name := range kept {
			c.Clear(w, name)
		}
	}
	c.Set(w, string(kind)+id, value, life)
}

// Take returns what Keep kept, and removes it. It is empty if there is nothing.
func (c Cookies) Take(w http.ResponseWriter, r *http.Request, kind Kept, id string) (value string) {
	if value = c.Get(r, string(kind)+id); value != "" {
		c.Clear(w, string(kind)+id)
	}
	return value
}

func (c Cookies) kept(r *http.Request, kind Kept) []string {
	var names []string
	for _, cookie := range r.Cookies() {
		name := cookie.Name
		if c.Secure {
			name, _ = strings.CutPrefix(name, "__Host-")
		}
		if strings.HasPrefix(name, string(kind)) {
			names = append(names, name)
		}
	}
	return names
}
