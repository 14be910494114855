package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cardea/identity/directory"
)

// Whatever an application asks for that the provider knows, a person who has only an access pass comes
// through it to a passkey and is in: nowhere is a passkey asked for in order to
// make one.
func TestAccessPassLeadsToAPasskeyUnderEveryPolicy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.visitor().setUp(newSoft(t))
	clients := []directory.Client{
		{ID: "first", Name: "First", Public: true, FirstParty: true},
		{ID: "third", Name: "Third", Public: true},
		{ID: "native-first", Name: "Native first", Public: true, FirstParty: true, Native: true},
		{ID: "native-third", Name: "Native third", Public: true, Native: true},
	}
	for i := range clients {
		clients[i].RedirectURIs = []string{h.account + "/elsewhere"}
		if err := h.directory.PutClient(t.Context(), clients[i]); err != nil {
			t.Fatal(err)
		}
	}
	asks := []url.Values{
		{}, {"prompt": {"login"}},
		{"max_age": {"0"}}, {"max_age": {"60"}}, {"acr_values": {"phr"}}, {"acr_values": {"phr urn:cardea:acr:native"}},
		{"prompt": {"login"}, "max_age": {"0"}, "acr_values": {"phr"}, "login_hint": {"jo"}},
	}
	for _, c := range clients {
		for n, ask := range asks {
			name := fmt.Sprintf("%s-%d", c.ID, n)
			t.Run(string(c.ID)+" "+ask.Encode(), func(t *testing.T) { passThrough(t, h, c, ask, name) })
		}
	}
}

func passThrough(t *testing.T, h *house, c directory.Client, ask url.Values, name string) {
	t.Helper()
	_, code := h.newcomer(name)
	v, key := h.visitor(), newSoft(t)
	q := url.Values{
		"client_id": {string(c.ID)}, "redirect_uri": c.RedirectURIs, "response_type": {"code"}, "scope": {"openid"},
		"code_challenge": {strings.Repeat("a", 42) + "A"}, "code_challenge_method": {"S256"}, "state": {"s"}, "nonce": {"n"},
	}
	for k, values := range ask {
		q[k] = values
	}
	a := v.get(h.login + "/oauth2/authorize?" + q.Encode())
	if a.at.Path != "/signin" || !strings.Contains(a.body, `href="/signin/options`) {
		t.Fatalf("the application led to %d %s, want the sign-in page with its options", a.status, a.at)
	}
	onward := a.at.Query().Get("continue")
	pass := h.login + "/signin/pass?" + url.Values{"continue": {onward}}.Encode()
	if a := v.post(pass, url.Values{"username": {name}, "code": {code}}); a.status != http.StatusSeeOther || a.location != h.login+"/signin/welcome" {
		t.Fatalf("the pass led to %d %s: %s", a.status, a.location, text(a.body))
	}
	if a := v.get(h.login + "/signin/welcome"); !strings.Contains(a.body, h.account+"/security/add") {
		t.Fatalf("the welcome does not lead to the first passkey: %s", text(a.body))
	}
	if a := v.get(h.account + "/security/add"); a.status != http.StatusOK || a.at.Path != "/security/add" {
		t.Fatalf("with a pass, the first passkey is asked for at %s (%d)", a.at, a.status)
	}
	if done := v.register(key); done.Passkey == "" {
		t.Fatalf("registering: %+v", done)
	}
	// Back at the application, at most one more sign-in, by the new passkey.
	got := v.until(h.login+onward, c.RedirectURIs[0])
	if strings.HasPrefix(got, h.login+"/signin?") {
		at := must[*url.URL](t)(url.Parse(got))
		done := v.signIn(key, at.Query().Get("continue"))
		got = v.until(h.login+done.Location, c.RedirectURIs[0])
	}
	in := must[*url.URL](t)(url.Parse(got))
	if !strings.HasPrefix(got, c.RedirectURIs[0]) || in.Query().Get("code") == "" {
		t.Fatalf("with a passkey, the application is reached at %s, want a code", got)
	}
}

// until follows where u leads, to an address that begins with want or to a
// page, and returns which.
func (v *visitor) until(u, want string) string {
	v.t.Helper()
	for range 12 {
		if strings.HasPrefix(u, want) {
			return u
		}
		a := v.do(v.request(http.MethodGet, u, "", nil))
		if a.location == "" {
			return u
		}
		u = a.location
	}
	v.t.Fatalf("%s leads in a circle", u)
	return ""
}
