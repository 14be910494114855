package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cardea/identity/directory"
	"cardea/identity/policy"
)

var catalog = directory.Client{ID: "catalog", Name: "Catalog <of books>", RedirectURIs: []string{"https://catalog.example/cb"}, Public: true}

func TestAccessOfAnAppIsRemoved(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	mine := must[[]string](t)(h.sessionsOf("maia"))[0]
	held := h.holding("maia", terminal, mine)
	other := h.holding("maia", catalog, mine)
	body := v.get(v.account + "/apps").body
	for _, want := range []string{"Our terminal", "Catalog &lt;of books&gt;", "your name and user name", "Stays signed in until"} {
		if !strings.Contains(body, want) {
			t.Errorf("the list lacks %q: %s", want, text(body))
		}
	}
	if strings.Contains(body, "My Account") {
		t.Error("My Account lists itself")
	}
	if body := text(v.get(v.account + "/apps/terminal/remove").body); !strings.Contains(body, "Remove the access of Our terminal?") {
		t.Errorf("the question: %s", body)
	}
	if a := v.refresh(terminal.ID, held.Refresh); a.status != http.StatusOK {
		t.Fatalf("refreshing before: %d %s", a.status, a.body)
	}
	a := v.post(v.account+"/apps/terminal/remove", nil)
	if body := v.get(a.location).body; !strings.Contains(body, "Its access is removed.") || strings.Contains(body, "Our terminal") || !strings.Contains(body, "Catalog") {
		t.Errorf("the list afterwards: %s", text(body))
	}
	if a := v.refresh(terminal.ID, held.Refresh); a.status != http.StatusBadRequest || !strings.Contains(a.body, "invalid_grant") {
		t.Errorf("refreshing after: %d %s, want invalid_grant", a.status, a.body)
	}
	for token, want := range map[string]int{held.Token: http.StatusUnauthorized, other.Token: http.StatusOK} {
		r := v.request(http.MethodGet, v.login+"/oauth2/userinfo", "", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		if a := v.do(r); a.status != want {
			t.Errorf("an access token afterwards: %d, want %d", a.status, want)
		}
	}
	if body := v.get(v.account + "/history").body; !strings.Contains(body, "Access of Our terminal removed") {
		t.Errorf("history: %s", text(body))
	}
	if a := v.post(v.account+"/apps/terminal/remove", nil); a.status != http.StatusNotFound {
		t.Errorf("removing it again: %d, want 404", a.status)
	}
}

func TestAppsOfOthersDoNotExist(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	jo, _ := h.member("jo")
	held := h.holding("jo", terminal, must[[]string](t)(h.sessionsOf("jo"))[0])
	for name, a := range map[string]answer{
		"question": v.get(v.account + "/apps/terminal/remove"), "act": v.post(v.account+"/apps/terminal/remove", nil), "our own page": v.post(v.account+"/apps/my-account/remove", nil),
	} {
		if a.status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", name, a.status)
		}
	}
	if body := v.get(v.account + "/apps").body; strings.Contains(body, "Our terminal") {
		t.Error("somebody else's app is listed")
	}
	if a := jo.refresh(terminal.ID, held.Refresh); a.status != http.StatusOK {
		t.Errorf("jo's refresh token: %d %s", a.status, a.body)
	}
}

func TestSignedOutEverywhereIsSignedOutHereToo(t *testing.T) {
	t.Parallel()
	h, v, key := signedIn(t)
	h.visitor().signIn(key, "")
	if body := text(v.get(v.account + "/sessions/all/end").body); !strings.Contains(body, "2 places are signed in now") {
		t.Errorf("the question: %s", body)
	}
	if n := len(must[[]string](t)(h.sessionsOf("maia"))); n != 2 {
		t.Fatalf("%d sessions after the question, want 2", n)
	}
	if a := v.post(v.account+"/sessions/all/end", nil); a.location != v.account+"/signed-out" {
		t.Errorf("signing out everywhere: to %q", a.location)
	}
	if n := len(must[[]string](t)(h.sessionsOf("maia"))); n != 0 {
		t.Errorf("%d sessions left, want none", n)
	}
	if a := v.get(v.account + "/"); a.at.Path != "/signin" {
		t.Errorf("this browser: at %s, want /signin", a.at)
	}
}

func TestNameIsChangedByItsPersonOnly(t *testing.T) {
	t.Parallel()
	h, v, key := signedIn(t)
	name := func() string { return must[directory.User](t)(h.directory.UserByName(t.Context(), "maia")).DisplayName }
	if a := v.post(v.account+"/profile/name", url.Values{"name": {" \u2066 "}}); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `aria-invalid="true"`) || name() != "Maia Oduya" {
		t.Errorf("a name that can't be shown: %d, now %q", a.status, name())
	}
	a := v.post(v.account+"/profile/name", url.Values{"name": {" Maia <O> "}, "username": {"root"}})
	if body := v.get(a.location).body; name() != "Maia <O>" || !strings.Contains(body, `data-display-name="Maia &lt;O&gt;"`) || !strings.Contains(body, "Your name is changed") {
		t.Errorf("after the change: %q: %s", name(), text(body))
	}
	if body := v.get(v.account + "/history").body; !strings.Contains(body, "Name changed") {
		t.Errorf("history: %s", text(body))
	}
	h.wait(policy.Freshness + time.Second)
	a = v.post(v.account+"/profile/name", url.Values{"name": {"Maia Typed"}})
	if !strings.HasPrefix(a.location, v.login) || name() != "Maia <O>" {
		t.Fatalf("after 5 minutes: to %q, now %q; want to unlock once more", a.location, name())
	}
	done := v.signIn(key, v.get(a.location).at.Query().Get("continue"))
	if a := v.get(v.login + done.Location); a.at.Path != "/profile" || !strings.Contains(a.body, `value="Maia Typed"`) {
		t.Errorf("after unlocking: at %s, want the profile with what was typed", a.at)
	}
}

func TestLanguageHoldsOnEveryDevice(t *testing.T) {
	t.Parallel()
	h, v, key := signedIn(t)
	a := v.post(v.account+"/profile/language", url.Values{"language": {"de"}})
	if body := v.get(a.location).body; !strings.Contains(body, `<html lang="de"`) {
		t.Errorf("the profile after choosing: %s", text(body))
	}
	other := h.visitor()
	onward := other.get(other.account + "/").at.Query().Get("continue")
	if a := other.get(other.login + other.signIn(key, onward).Location); !strings.Contains(a.body, `<html lang="de"`) {
		t.Errorf("another device: %s", text(a.body))
	}
	// The choice of another device holds at once, whatever this one remembers.
	other.post(other.account+"/profile/language", url.Values{"language": {"fr"}})
	if a := v.get(v.account + "/security"); !strings.Contains(a.body, `<html lang="fr"`) {
		t.Errorf("this device after the other chose: %s", text(a.body))
	}
	v.post(v.account+"/profile/language", url.Values{"language": {"tlh"}})
	r := v.request(http.MethodGet, v.account+"/profile", "", nil)
	r.Header.Set("Accept-Language", "es")
	if a := v.do(r); !strings.Contains(a.body, `<html lang="es"`) {
		t.Errorf("left to the browser: %s", text(a.body))
	}
}

func TestLanguageIsChosenAtTheFootOfAPage(t *testing.T) {
	t.Parallel()
	h, member, _ := signedIn(t)
	v := h.visitor()
	at := v.login + "/signin/options?continue=%2Foauth2%2Fauthorize%3Fclient_id%3Dapp%26ui_locales%3Dfr"
	if a := v.get(at); !strings.Contains(a.body, `<html lang="fr"`) || !strings.Contains(a.body, `name="page-language" value="ar"`) {
		t.Fatalf("before: %s", text(a.body))
	}
	a := v.post(at, url.Values{"page-language": {"ar"}})
	if a.location != at {
		t.Fatalf("choosing leads to %q, want back to %q", a.location, at)
	}
	if a := v.get(at); !strings.Contains(a.body, `<html lang="ar" dir="rtl"`) {
		t.Errorf("after: %s", text(a.body))
	}
	if a := v.post(v.login+"//evil.example/x", url.Values{"page-language": {"de"}}); !strings.HasPrefix(a.location, v.login+"/") {
		t.Errorf("an address that reads as another site: to %q", a.location)
	}
	if a := v.post(at, url.Values{"page-language": {"tlh"}}); a.status != http.StatusNotFound || len(a.header.Values("Set-Cookie")) != 0 {
		t.Errorf("a language that we don't speak: %d", a.status)
	}
	// Who is signed in chooses for their account.
	// Where a form only is taken, there is no page to come back to.
	if a := v.post(v.account+"/security/name", url.Values{"page-language": {"de"}}); a.location != v.account+"/" {
		t.Errorf("from the answer to a form: %d to %q, want home", a.status, a.location)
	}
	member.post(member.account+"/sessions/all/end?x", url.Values{"page-language": {"ja"}})
	u := must[directory.User](t)(h.directory.UserByName(t.Context(), "maia"))
	if n := len(must[[]string](t)(h.sessionsOf("maia"))); u.Language != "ja" || n != 1 {
		t.Errorf("chosen by who is signed in: %q with %d sessions, want ja and the one", u.Language, n)
	}
}
