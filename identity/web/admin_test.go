package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"cardea/identity/directory"
)

func TestAdministratorAddsAPersonAndLetsThemIn(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	a := v.post(v.account+"/admin/people", url.Values{"username": {"Jo"}, "display": {"Jo <b>Lindqvist</b>"}})
	person := v.get(a.location)
	if person.status != http.StatusOK || !strings.Contains(person.body, "Jo &lt;b&gt;Lindqvist&lt;/b&gt;</b> is added.") {
		t.Fatalf("after adding: %d: %s", person.status, text(person.body))
	}
	pass := v.post(strings.Split(a.location, "?")[0]+"/pass", url.Values{"ttl": {"1h"}})
	m := regexp.MustCompile(`id="code">([0-9A-Z]{5}-[0-9A-Z]{5})<`).FindStringSubmatch(pass.body)
	if pass.status != http.StatusOK || m == nil || pass.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("issuing: %d: %s", pass.status, text(pass.body))
	}
	if again := v.get(a.location); strings.Contains(again.body, m[1]) || !strings.Contains(again.body, "works until") {
		t.Errorf("the person's page after issuing: %s", text(again.body))
	}
	jo := h.visitor()
	if a := jo.post(jo.login+"/signin/pass", url.Values{"username": {"jo"}, "code": {m[1]}}); a.status != http.StatusSeeOther {
		t.Errorf("jo with the pass: %d: %s", a.status, text(a.body))
	}
	events := v.get(v.account + "/admin/events").body
	for _, want := range []string{"Person added", "Access pass issued", "jo (by maia)", "Signed in with an access pass"} {
		if !strings.Contains(events, want) {
			t.Errorf("events lack %q: %s", want, text(events))
		}
	}
	if strings.Contains(h.logged(), m[1]) {
		t.Error("the code of a pass is in the log")
	}
}

func (h *house) logged() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.said.String()
}

func TestMistakesInAFormComeBackWithTheForm(t *testing.T) {
	t.Parallel()
	_, v, _ := signedIn(t)
	for _, tt := range []struct{ username, display, want string }{
		{"maia", "Another Maia", "Somebody has this user name already."},
		{"maia oduya", "Maia", "Use up to 64 letters a to z, digits"},
		{"sam", " ", "Give a name of up to 64 characters"},
	} {
		a := v.post(v.account+"/admin/people", url.Values{"username": {tt.username}, "display": {tt.display}})
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, tt.want) || !strings.Contains(a.body, `value="`+tt.username+`"`) {
			t.Errorf("adding %q %q: %d: %s", tt.username, tt.display, a.status, text(a.body))
		}
	}
	maia := must[directory.User](t)(v.directory.UserByName(t.Context(), "maia"))
	if a := v.post(v.account+"/admin/people/"+string(maia.ID)+"/pass", url.Values{"ttl": {"9000h"}}); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a pass for a year: %d, want 422", a.status)
	}
}
