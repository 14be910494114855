package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cardea/identity/policy"
)

func TestLostPhoneIsShutOut(t *testing.T) {
	t.Parallel()
	h, v, first := signedIn(t)
	second := newSoft(t)
	h.wait(time.Second) // the list is in the order of time
	if got := v.register(second); got.Passkey == "" {
		t.Fatalf("the second passkey: %+v", got)
	}
	lost := string(h.passkeys("maia")[0].ID)
	mine := must[[]string](t)(h.sessionsOf("maia"))[0]
	finder := h.visitor()
	onward := finder.get(finder.account + "/").at.Query().Get("continue")
	finder.get(finder.login + finder.signIn(first, onward).Location)
	theirs := slices.DeleteFunc(must[[]string](t)(h.sessionsOf("maia")), func(id string) bool { return id == mine })
	held := h.holding("maia", terminal, theirs[0])
	if a := finder.refresh(terminal.ID, held.Refresh); a.status != http.StatusOK {
		t.Fatalf("refreshing before: %d %s", a.status, a.body)
	}
	if body := v.get(v.account + "/lost").body; !strings.Contains(body, `href="/lost/`+lost+`"`) {
		t.Errorf("the list: %s", text(body))
	}
	if body := text(v.get(v.account + "/lost/" + lost).body); !strings.Contains(body, "1 place that was signed in with it is signed out") || !strings.Contains(body, "This browser was signed in with it too.") {
		t.Errorf("the plan: %s", body)
	}
	if n := len(h.passkeys("maia")); n != 2 {
		t.Errorf("looking at the plan left %d passkeys, want 2", n)
	}
	a := v.post(v.account+"/lost/"+lost, url.Values{"days": {"30"}})
	if body := v.get(a.location).body; !strings.Contains(body, "is shut out") || !strings.Contains(body, "/history?days=30") {
		t.Errorf("what is left: %s", text(body))
	}
	if got := h.visitor().signIn(first, ""); got.Reason != "unknown_passkey" {
		t.Errorf("sign-in with the lost phone: %+v", got)
	}
	if a := finder.get(finder.account + "/security"); a.at.Path != "/signin" {
		t.Errorf("the finder: at %s, want /signin", a.at)
	}
	if a := finder.refresh(terminal.ID, held.Refresh); a.status != http.StatusBadRequest || !strings.Contains(a.body, "invalid_grant") {
		t.Errorf("refreshing after: %d %s, want invalid_grant", a.status, a.body)
	}
	if a := v.get(v.account + "/lost/" + string(h.passkeys("maia")[0].ID) + "/done"); a.status != http.StatusNotFound {
		t.Errorf("a passkey that was not shut out is said to be: %d", a.status)
	}
	if body := v.get(v.account + "/admin/events").body; !strings.Contains(body, "Passkey of a lost device deleted") {
		t.Errorf("administrators are not told: %s", text(body))
	}
}

// Who has nothing else adds another first, and comes back to what they were at.
func TestOnlyPasskeyIsShutOutOnceThereIsAnother(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	lost := string(h.passkeys("maia")[0].ID)
	if body := text(v.get(v.account + "/lost/" + lost).body); !strings.Contains(body, "First, another passkey") {
		t.Errorf("the plan for the only passkey: %s", body)
	}
	if a := v.post(v.account+"/lost/"+lost, nil); a.status != http.StatusForbidden || len(h.passkeys("maia")) != 1 {
		t.Errorf("shutting out the only passkey: %d, %d left", a.status, len(h.passkeys("maia")))
	}
	done := v.register(newSoft(t))
	a := v.post(v.account+"/security/name", url.Values{"id": {done.Passkey}, "name": {"New laptop"}, "new": {"1"}})
	if a.location != v.account+"/lost/"+lost {
		t.Fatalf("after naming the new one: to %q, want back", a.location)
	}
	if body := text(v.get(a.location).body); !strings.Contains(body, "What will happen") {
		t.Errorf("the plan: %s", body)
	}
	again := v.register(newSoft(t))
	if a := v.post(v.account+"/security/name", url.Values{"id": {again.Passkey}, "name": {"Another"}, "new": {"1"}}); !strings.HasPrefix(a.location, v.account+"/security?added=") {
		t.Errorf("naming another later: to %q, want the list", a.location)
	}
}

// In a shared browser nobody is led to what another was at.
func TestWayBackIsForWhoLeft(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	v.get(v.account + "/lost/" + string(h.passkeys("maia")[0].ID))
	jo, _ := h.member("jo")
	jo.has(jo.account, "cardea-lost", v.holds(v.account, "cardea-lost"))
	done := jo.register(newSoft(t))
	a := jo.post(jo.account+"/security/name", url.Values{"id": {done.Passkey}, "name": {"Jo's other one"}, "new": {"1"}})
	if !strings.HasPrefix(a.location, jo.account+"/security?added=") {
		t.Errorf("jo is led to %q, want the list", a.location)
	}
}

func TestShuttingOutNeedsAFreshProof(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	second := newSoft(t)
	h.wait(time.Second) // the list is in the order of time
	if got := v.register(second); got.Passkey == "" {
		t.Fatalf("the second passkey: %+v", got)
	}
	lost := h.passkeys("maia")[0].ID
	h.wait(policy.Freshness + time.Second)
	if a := v.post(v.account+"/lost/"+string(lost), nil); a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, v.login) || len(h.passkeys("maia")) != 2 {
		t.Errorf("shutting out after 5 minutes: %d to %q, %d passkeys", a.status, a.location, len(h.passkeys("maia")))
	}
	a := v.get(v.account + "/lost/" + string(lost))
	if a.at.Path != "/signin" {
		t.Fatalf("the plan after 5 minutes: at %s, want /signin", a.at)
	}
	done := v.signIn(second, a.at.Query().Get("continue"))
	if a := v.get(v.login + done.Location); a.at.Path != "/lost/"+string(lost) {
		t.Errorf("after unlocking with the other passkey: at %s, want the plan", a.at)
	}
}

func TestPhonesOfOthersAreNotShutOut(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	h.member("jo")
	if got := v.register(newSoft(t)); got.Passkey == "" {
		t.Fatalf("the second passkey: %+v", got)
	}
	id := string(h.passkeys("jo")[0].ID)
	for name, a := range map[string]answer{"plan": v.get(v.account + "/lost/" + id), "act": v.post(v.account+"/lost/"+id, nil), "what is left": v.get(v.account + "/lost/" + id + "/done")} {
		if a.status != http.StatusNotFound {
			t.Errorf("%s for somebody else's passkey: %d, want 404", name, a.status)
		}
	}
	if n := len(h.passkeys("jo")); n != 1 {
		t.Errorf("jo has %d passkeys, want 1", n)
	}
}

// An access pass opens none of these pages.
func TestNewcomersSeeNothingButAdding(t *testing.T) {
	t.Parallel()
	h, _, _ := signedIn(t)
	_, code := h.newcomer("jo")
	jo := h.visitor()
	jo.post(jo.login+"/signin/pass", url.Values{"username": {"jo"}, "code": {code}})
	jo.get(jo.account + "/security/add")
	for _, path := range []string{"/lost", "/lost/x", "/history", "/history/x", "/history/x/not-me", "/apps", "/apps/x/remove", "/profile", "/sessions/all/end"} {
		if a := jo.get(jo.account + path); a.at.Path != "/security/add" {
			t.Errorf("%s by a newcomer: at %s, want /security/add", path, a.at)
		}
	}
	for _, path := range []string{"/lost/x", "/history/x/not-me", "/apps/x/remove", "/profile/name", "/profile/language", "/sessions/all/end"} {
		if a := jo.post(jo.account+path, url.Values{"name": {"J"}, "language": {"de"}}); a.location != jo.account+"/security/add" {
			t.Errorf("posting to %s by a newcomer: %d to %q", path, a.status, a.location)
		}
	}
}

func TestWhoCannotSignInIsToldWhatToDo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visitor()
	if body := v.get(v.login + "/signin/options").body; !strings.Contains(body, `href="/lost-phone"`) {
		t.Error("the ways to sign in do not lead there")
	}
	body := text(v.get(v.login + "/lost-phone").body)
	for _, want := range []string{"Use another passkey", "still signed in", "Ask your help desk for an access pass", "What to have ready"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q: %s", want, body)
		}
	}
}
