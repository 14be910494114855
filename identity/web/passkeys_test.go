package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cardea/identity/policy"
)

// Who is asked to unlock once more after typing a name finds it again.
func TestNameTypedTooLateIsNotLost(t *testing.T) {
	t.Parallel()
	h, v, key := signedIn(t)
	done := v.register(newSoft(t))
	h.wait(policy.Freshness + time.Second)
	a := v.post(v.account+"/security/name", url.Values{"id": {done.Passkey}, "name": {"Desk <key>"}, "new": {"1"}})
	if a.status != http.StatusSeeOther || strings.Contains(a.location, "Desk") {
		t.Fatalf("naming after 5 minutes: %d to %q, want to unlock, and the name nowhere in an address", a.status, a.location)
	}
	if got := nameOf(h, done.Passkey); got == "Desk <key>" {
		t.Errorf("the name was given without a proof")
	}
	at := v.get(a.location)
	unlocked := v.signIn(key, at.at.Query().Get("continue"))
	page := v.get(v.login + unlocked.Location)
	if !strings.Contains(page.body, `value="Desk &lt;key&gt;"`) || !strings.Contains(page.body, `name="new" value="1"`) {
		t.Fatalf("after unlocking, at %s: %s", page.at, page.body)
	}
	a = v.post(v.account+"/security/name", url.Values{"id": {done.Passkey}, "name": {"Desk <key>"}, "new": {"1"}})
	if got := nameOf(h, done.Passkey); got != "Desk <key>" || !strings.Contains(a.location, "added=") {
		t.Errorf("name = %q, led to %q", got, a.location)
	}
	if again := v.get(v.account + "/security/passkeys/" + otherThan(h, done.Passkey) + "/rename"); strings.Contains(again.body, "Desk") {
		t.Errorf("another passkey's page offers the name, too")
	}
}

func TestPasskeySavedInTheWrongPlaceIsTakenBack(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	first := string(h.passkeys("maia")[0].ID)
	var no said
	if v.script(v.account+"/security/add/undo", map[string]string{"passkey": first}, &no); no.Reason != "last_way_in" {
		t.Errorf("taking back the only passkey: %+v, want last_way_in", no)
	}
	second := newSoft(t)
	done := v.register(second)
	if done.Provider != "Cardea Authenticator on Android" || done.Where != "client-device" {
		t.Errorf("said to be in %q on %q", done.Provider, done.Where)
	}
	if done.Name != "Cardea Authenticator on Android (2)" {
		t.Errorf("offered name %q, want the second of its kind", done.Name)
	}
	if a := v.script(v.account+"/security/add/undo", map[string]string{"passkey": done.Passkey}, nil); a.status != http.StatusOK {
		t.Fatalf("taking back: %d %s", a.status, a.body)
	}
	if n := len(h.passkeys("maia")); n != 1 {
		t.Errorf("%d passkeys, want 1", n)
	}
	if got := h.visitor().signIn(second, ""); got.Reason != "unknown_passkey" {
		t.Errorf("sign-in with it: %+v", got)
	}
}

func nameOf(h *house, id string) string {
	for _, k := range h.passkeys("maia") {
		if string(k.ID) == id {
			return k.Name
		}
	}
	return ""
}

func otherThan(h *house, id string) string {
	for _, k := range h.passkeys("maia") {
		if string(k.ID) != id {
			return string(k.ID)
		}
	}
	return ""
}
