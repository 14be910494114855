package platform

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cardea/webauthn"
)

func TestRPIDTable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		origin webauthn.Origin
		rp     webauthn.RPID
		want   Name // empty for accepted
	}{
		{"https://login.example.org", "example.org", ""},
		{"https://login.example.org", "login.example.org", ""},
		{"https://login.example.org", "", ""},
		{"https://login.example.org:8443", "example.org", ""},
		{"https://example.org", "login.example.org", SecurityError},
		{"https://login.example.org", "ample.org", SecurityError},
		{"https://login.example.org", "org", SecurityError},
		{"https://login.example.org", "Example.org", SecurityError},
		{"https://login.example.org", "example.org.", SecurityError},
		{"https://login.example.org", ".example.org", SecurityError},
		{"https://login.example.org", "example.org:443", SecurityError},
		{"https://login.example.org", "other.org", SecurityError},
		{"https://a.github.io", "github.io", SecurityError},
		{"https://a.github.io", "a.github.io", ""},
		{"https://x.co.uk", "co.uk", SecurityError},
		{"http://login.cardea.localhost:4000", "cardea.localhost", ""},
		{"http://login.cardea.localhost", "localhost", SecurityError},
		{"http://login.cardea.localhost", "other.localhost", SecurityError},
		{"http://localhost:8080", "localhost", ""},
		{"http://localhost:8080", "cardea.localhost", SecurityError},
		{"http://127.0.0.1:8080", "127.0.0.1", SecurityError},
		{"http://127.0.0.1:8080", "", SecurityError},
		{"https://127.0.0.1", "", SecurityError},
		{"https://[::1]", "", SecurityError},
		{"https://[::1]", "::1", SecurityError},
		{"http://example.org", "example.org", SecurityError},
		{"https://login.corp", "corp", SecurityError},
		{"https://login.corp", "login.corp", ""},
		{"https://example.org.", "example.org", SecurityError},
		{"https://EXAMPLE.org", "example.org", SecurityError},
		{"https://example.org/", "example.org", SecurityError},
		{"https://example.org:443", "example.org", SecurityError},
		{"https://user@example.org", "example.org", SecurityError},
		{"https://bücher.example", "bücher.example", SecurityError},
		{"https://xn--bcher-kva.example", "xn--bcher-kva.example", ""},
		{"null", "example.org", SecurityError},
		{"file://", "example.org", SecurityError},
		{"file:///home", "example.org", SecurityError},
		{"chrome-extension://fkjacecdoknnnnlkdokofogncdeflabo", "example.org", SecurityError},
		{"", "example.org", SecurityError},
	} {
		t.Run(fmt.Sprintf("%s for %s", tt.origin, tt.rp), func(t *testing.T) {
			t.Parallel()
			rp, err := new(Client).relyingParty(t.Context(), Caller{Origin: tt.origin, SameOriginWithAncestors: true}, tt.rp)
			if tt.want != "" {
				wantName(t, err, tt.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tt.rp != "" && rp != tt.rp || rp == "" {
				t.Errorf("RP ID = %q, want %q", rp, tt.rp)
			}
		})
	}
}

func TestPageInAFrameOfAnotherOriginIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, take(ThisDevice))
	_, err := w.Create(t.Context(), Caller{Origin: testOrigin}, creation())
	wantName(t, err, NotAllowedError)
	_, err = w.Get(t.Context(), Caller{Origin: testOrigin}, request())
	wantName(t, err, NotAllowedError)
	if got := w.dialog.sorts(); len(got) != 0 {
		t.Errorf("the person saw %q, want nothing", got)
	}
}

func TestRelatedOriginsAreReadInOrder(t *testing.T) {
	t.Parallel()
	const many = `"https://a.example.com","https://b.de","https://c.de","https://d.de","https://e.de","https://f.de"`
	for _, tt := range []struct {
		name     string
		document string
		caller   webauthn.Origin
		want     bool
	}{
		{"listed", `{"origins":["https://shop.de","https://shop.fr"]}`, "https://shop.fr", true},
		{"not listed", `{"origins":["https://shop.de"]}`, "https://shop.fr", false},
		{"part of a listed one", `{"origins":["https://shop.de"]}`, "https://www.shop.de", false},
		{"another port", `{"origins":["https://shop.de"]}`, "https://shop.de:8443", false},
		{"bad entries are passed over", `{"origins":["","ftp://x","https://com","https://shop.de"]}`, "https://shop.de", true},
		{"the fifth name", `{"origins":[` + many + `]}`, "https://e.de", true},
		{"the sixth name", `{"origins":[` + many + `]}`, "https://f.de", false},
		{"a name that was seen", `{"origins":[` + many + `,"https://b.fr"]}`, "https://b.fr", true},
		{"a number among them", `{"origins":["https://shop.de",1]}`, "https://shop.de", false},
		{"not JSON", `origins`, "https://shop.de", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := Client{Related: func(_ context.Context, rp webauthn.RPID) ([]byte, error) {
				if rp != testRP {
					t.Errorf("fetched for %s, want %s", rp, testRP)
				}
				return []byte(tt.document), nil
			}}
			rp, err := c.relyingParty(t.Context(), Caller{Origin: tt.caller, SameOriginWithAncestors: true}, testRP)
			if tt.want != (err == nil && rp == testRP) {
				t.Errorf("relyingParty() = %q, %v; want accepted: %t", rp, err, tt.want)
			}
			if err != nil {
				wantName(t, err, SecurityError)
			}
		})
	}
}

func TestUnreachableRelatedOriginsAreRefused(t *testing.T) {
	t.Parallel()
	c := Client{Related: func(context.Context, webauthn.RPID) ([]byte, error) { return nil, errors.New("offline") }}
	_, err := c.relyingParty(t.Context(), Caller{Origin: "https://shop.fr", SameOriginWithAncestors: true}, testRP)
	if e := wantName(t, err, SecurityError); strings.Contains(e.Message, "offline") {
		t.Errorf("message %q tells the page why", e.Message)
	}
}

func TestProgramNamesWhatAPageOfItsSiteCould(t *testing.T) {
	t.Parallel()
	asked := false
	c := &Client{Related: func(context.Context, webauthn.RPID) ([]byte, error) {
		asked = true
		return []byte(`{"origins":["https://login.example.org","cardea-native://login.example.org/cardea-cli"]}`), nil
	}}
	for _, tt := range []struct {
		by   Caller
		rp   webauthn.RPID
		want Name // empty for accepted
	}{
		{Program("cardea-native://login.example.org/cardea-cli"), "example.org", ""},
		{Program("cardea-native://login.example.org:8443/cardea-cli"), "login.example.org", ""},
		{Program("cardea-native://login.cardea.localhost:8480/cardea-cli"), "cardea.localhost", ""},
		{Program("cardea-native://login.example.org/cardea-cli"), "", ""},
		{Program("cardea-native://login.example.org/cardea-cli"), "org", SecurityError},
		// A site whose program this is cannot ask for another site's passkeys,
		// not even if that one lists it: related origins are for pages.
		{Program("cardea-native://login.example.org/cardea-cli"), "bank.example", SecurityError},
		{Program("cardea-native://127.0.0.1/cardea-cli"), "", SecurityError},
		{Program("cardea-native://login.example.org"), "example.org", SecurityError},
		{Program("https://login.example.org"), "example.org", SecurityError},
		{Program(""), "example.org", SecurityError},
		// A page cannot say that it is a program.
		{Caller{Origin: "cardea-native://login.example.org/cardea-cli", SameOriginWithAncestors: true}, "example.org", SecurityError},
	} {
		_, err := c.relyingParty(t.Context(), tt.by, tt.rp)
		var got Name
		if err != nil {
			got = ErrorOf(err).Name
		}
		if got != tt.want {
			t.Errorf("relyingParty(%+v, %q) = %v, want %q", tt.by, tt.rp, err, tt.want)
		}
		if asked {
			t.Errorf("relyingParty(%+v, %q) asked the other site", tt.by, tt.rp)
			asked = false
		}
	}
}
