package web_test

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/web"
)

func TestAdministratorAddsAPersonAndLetsThemIn(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	a := v.post(v.account+"/admin/people", url.Values{"username": {"Jo"}, "display": {"Jo <b>Lindqvist</b>"}})
	person := v.get(a.location)
	if person.status != http.StatusOK || !strings.Contains(person.body, "Jo &lt;b&gt;Lindqvist&lt;/b&gt; is added.") {
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

// A session that was left open must not be enough for a pass, with which to
// add a passkey to the administrator's own account.
func TestLettingPeopleInNeedsAFreshProof(t *testing.T) {
	t.Parallel()
	h, v, key := signedIn(t)
	maia := must[directory.User](t)(h.directory.UserByName(t.Context(), "maia"))
	person := "/admin/people/" + string(maia.ID)
	h.wait(policy.Freshness + time.Second)
	for _, post := range []struct {
		path, form string
		values     url.Values
	}{
		{person + "/pass", person + "/pass", url.Values{"ttl": {"1h"}}},
		{"/admin/people", "/admin/people/new", url.Values{"username": {"jo"}, "display": {"Jo"}}},
	} {
		a := v.post(v.account+post.path, post.values)
		if a.status != http.StatusForbidden || !strings.Contains(a.body, `href="`+post.form+`"`) || !strings.Contains(a.body, "since you last unlocked") {
			t.Errorf("%s after 5 minutes: %d: %s", post.path, a.status, text(a.body))
		}
	}
	if _, err := h.directory.AccessPass(t.Context(), maia.ID); !errors.Is(err, directory.ErrNoPass) {
		t.Errorf("a stale administrator's pass: %v, want none", err)
	}
	if all := must[[]directory.User](t)(h.directory.Users(t.Context())); len(all) != 1 {
		t.Errorf("%d people, want 1", len(all))
	}
	for _, path := range []string{"/admin", person, "/admin/events"} { // looking needs no new proof
		if a := v.get(v.account + path); a.status != http.StatusOK || a.at.Path != path {
			t.Errorf("%s after 5 minutes: %d at %s", path, a.status, a.at)
		}
	}
	for _, path := range []string{"/admin/people/new", person + "/pass"} {
		a := v.get(v.account + path)
		if a.at.Path != "/signin" {
			t.Fatalf("%s after 5 minutes: at %s, want /signin", path, a.at)
		}
		done := v.signIn(key, a.at.Query().Get("continue"))
		if a := v.get(v.login + done.Location); a.status != http.StatusOK || a.at.Path != path {
			t.Errorf("after unlocking once more: %d at %s, want %s", a.status, a.at, path)
		}
		h.wait(policy.Freshness + time.Second)
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

// has sets a cookie of a host, as a page's script would.
func (v *visitor) has(origin, name, value string) {
	v.t.Helper()
	at := must[*url.URL](v.t)(url.Parse(origin))
	v.client.Jar.SetCookies(at, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// The console, and all that goes wrong in it or before it, is in the reader's
// language.
func TestConsoleSpeaksTheReadersLanguage(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	v.has(v.account, web.LanguageCookie, "de")
	v.has(v.login, web.LanguageCookie, "de")
	maia := "/admin/people/" + string(must[directory.User](t)(h.directory.UserByName(t.Context(), "maia")).ID)
	for path, want := range map[string]string{
		"/admin":               "1 Person. Zum Anmelden",
		"/admin/people/new":    "Buchstaben a bis z",
		maia:                   "Neuer Zugangspass",
		maia + "/pass":         "Ein Zugangspass für Maia Oduya",
		"/admin/events":        "Cardea eingerichtet",
		"/admin/people/nobody": "Unter dieser Adresse gibt es niemanden.",
		"/admin/nothing":       "Unter dieser Adresse gibt es keine Seite.",
	} {
		if a := v.get(v.account + path); !strings.Contains(a.body, want) || !strings.Contains(a.body, `<html lang="de"`) {
			t.Errorf("%s: %d, want %q: %s", path, a.status, want, text(a.body))
		}
	}
	if a := v.post(v.account+"/admin/people", url.Values{"username": {"maia"}, "display": {"Maia"}}); !strings.Contains(a.body, "hat schon jemand") {
		t.Errorf("a name that is taken: %s", text(a.body))
	}
	for query, want := range map[string]string{
		"client_id=nobody": "ist uns nicht bekannt",
		"client_id=my-account&redirect_uri=https%3A%2F%2Fevil.example": "die ihr nicht gehört",
		"%zz": "die wir nicht verstehen",
	} {
		if a := v.get(v.login + "/oauth2/authorize?" + query); a.status != http.StatusBadRequest || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d, want %q: %s", query, a.status, want, text(a.body))
		}
	}
}

// Whoever there is, and whatever happened, is on exactly one page.
// The console goes by the language of the profile, in any browser, and what is
// chosen at the foot of one of its pages is that.
func TestConsoleKeepsTheProfilesLanguage(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	v.post(v.account+"/profile/language", url.Values{"language": {"de"}})
	v.has(v.account, "cardea-language", "fr")
	if a := v.get(v.account + "/admin"); !strings.Contains(a.body, `<html lang="de"`) {
		t.Errorf("the console of who reads German: %s", a.body[:60])
	}
	v.post(v.account+"/admin/nothing", url.Values{"page-language": {"ja"}})
	if u := must[directory.User](t)(h.directory.UserByName(t.Context(), "maia")); u.Language != "ja" {
		t.Errorf("the profile says %q, want what was chosen", u.Language)
	}
	if a := v.get(v.account + "/admin?name=" + strings.Repeat("x", 60_000)); a.status != http.StatusOK {
		t.Errorf("looking for a name that nobody can have: %d", a.status)
	}
}

func TestPeopleAndEventsComeInPages(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	maia := must[directory.User](t)(h.directory.UserByName(t.Context(), "maia"))
	for i := range 220 {
		h.wait(time.Second)
		n := directory.NewUser{Username: fmt.Sprintf("p%03d", i), DisplayName: fmt.Sprintf("Pérson & %03d", i)}
		must[directory.User](t)(h.directory.AddUser(t.Context(), maia.ID, n))
	}
	link := func(a answer, text string) string {
		m := regexp.MustCompile(`href="([^"]*)"[^>]*>` + text + `<`).FindStringSubmatch(a.body)
		if m == nil {
			return ""
		}
		return v.account + html.UnescapeString(m[1])
	}
	names := regexp.MustCompile(`(?s)<a class="strong" href="/admin/people/[a-z0-9]+">(.*?)</a>`)
	seen, sizes := map[string]bool{}, []int{}
	for u := v.account + "/admin?name=E"; u != ""; {
		a := v.get(u)
		found := names.FindAllStringSubmatch(a.body, -1)
		sizes = append(sizes, len(found))
		for _, m := range found {
			if seen[m[1]] {
				t.Errorf("%s is on two pages", m[1])
			}
			seen[m[1]] = true
		}
		if first := link(a, "First page"); (first == "") != (len(sizes) == 1) || first != "" && first != v.account+"/admin?name=E" {
			t.Errorf("page %d leads to the first at %q", len(sizes), first)
		}
		u = link(a, "Next page")
	}
	if !slices.Equal(sizes, []int{100, 100, 20}) || len(seen) != 220 {
		t.Errorf("pages of %v with %d people, want 100, 100 and 20", sizes, len(seen))
	}
	if a := v.get(v.account + "/admin?name=person+%26+007"); !strings.Contains(a.body, "Pérson &amp; 007") || len(names.FindAllString(a.body, -1)) != 1 || !strings.Contains(a.body, "221 people.") {
		t.Errorf("looking for one: %s", text(a.body))
	}
	if a := v.get(v.account + "/admin?name=%3Cscript%3E"); !strings.Contains(a.body, "Nobody is called that.") || !strings.Contains(a.body, `value="&lt;script&gt;"`) {
		t.Errorf("looking for nobody: %s", text(a.body))
	}

	rows := func(a answer) []string {
		var whos []string
		for _, m := range regexp.MustCompile(`data-l="Who">(.*?)<`).FindAllStringSubmatch(a.body, -1) {
			whos = append(whos, m[1])
		}
		return whos
	}
	first := v.get(v.account + "/admin/events")
	second := v.get(link(first, "Older"))
	third := v.get(link(second, "Older"))
	if rows(first)[0] != "p219 (by maia)" || rows(second)[0] != "p119 (by maia)" || rows(third)[0] != "p019 (by maia)" || len(rows(third)) < 20 {
		t.Errorf("pages begin with %q, %q and %q", rows(first)[0], rows(second)[0], rows(third)[0])
	}
	if link(first, "Newer") != "" || link(third, "Older") != "" {
		t.Error("a page leads on where nothing is")
	}
	if back := v.get(link(third, "Newer")); !slices.Equal(rows(back), rows(second)) {
		t.Errorf("back from the third: %q, want the second", rows(back)[0])
	}
	if back := v.get(link(second, "Newer")); !slices.Equal(rows(back), rows(first)) || link(back, "Newer") != "" {
		t.Errorf("back from the second: %q, want the first", rows(back)[0])
	}
	for _, nonsense := range []string{"?before=", "?after=~", "?before=%00", "?after=zzz"} {
		if a := v.get(v.account + "/admin/events" + nonsense); a.status != http.StatusOK || rows(a)[0] != "p219 (by maia)" {
			t.Errorf("%s: %d", nonsense, a.status)
		}
	}
}

// Whoever has lost everything is helped at the desk: out everywhere, the lost
// passkey gone, a pass to come back in; and their account shut until then.
func TestAdministratorHelpsWhoLostEverything(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	jo, code := h.newcomer("jo")
	theirs, key := h.visitor(), newSoft(t)
	theirs.post(theirs.login+"/signin/pass", url.Values{"username": {"jo"}, "code": {code}})
	theirs.get(theirs.account + "/security/add")
	if got := theirs.register(key); got.Passkey == "" {
		t.Fatalf("jo's first passkey: %+v", got)
	}
	at := v.account + "/admin/people/" + string(jo.ID)
	act := func(path, done string) {
		t.Helper()
		if a := v.get(at + path); a.status != http.StatusOK || !strings.Contains(a.body, `action="/admin/people/`+string(jo.ID)+path+`"`) {
			t.Errorf("%s: %d: %s", path, a.status, text(a.body))
		}
		a := v.post(at+path, nil)
		if page := v.get(a.location); a.status != http.StatusSeeOther || !strings.Contains(page.body, done) {
			t.Errorf("after %s: %d: %s", path, a.status, text(page.body))
		}
	}
	out := func(after string) {
		t.Helper()
		if a := theirs.get(theirs.account + "/security"); a.at.Path != "/signin" {
			t.Errorf("after %s jo is at %s, want /signin", after, a.at)
		}
	}
	act("/sign-out", "Signed out everywhere.")
	out("signing out")
	again := func() answer {
		done := theirs.signIn(key, "")
		if done.Location == "" {
			return answer{body: done.Reason}
		}
		return theirs.get(theirs.account + "/security")
	}
	if a := again(); a.status != http.StatusOK || a.at.Path != "/security" {
		t.Fatalf("jo signs in again: %s", text(a.body))
	}
	act("/close", "The account is closed.")
	out("closing")
	if a := again(); a.body != "disabled" && a.body != "refused" {
		t.Errorf("jo signs in to a closed account: %s", text(a.body))
	}
	act("/open", "The account is open again.")
	if a := again(); a.status != http.StatusOK || a.at.Path != "/security" {
		t.Errorf("jo signs in to the account that is open again: %s", text(a.body))
	}

	lost := "/passkeys/" + string(h.passkeys("jo")[0].ID) + "/delete"
	if a := v.get(at + lost); !strings.Contains(a.body, "Issue an access pass first") || strings.Contains(a.body, "<button") {
		t.Errorf("the only passkey, without a pass: %s", text(a.body))
	}
	if a := v.post(at+lost, nil); a.status != http.StatusConflict || len(h.passkeys("jo")) != 1 {
		t.Errorf("the only passkey was deleted without a pass: %d: %s", a.status, text(a.body))
	}
	v.post(at+"/pass", url.Values{"ttl": {"1h"}})
	if a := v.get(at + lost); !strings.Contains(a.body, "the access pass is the only way in") {
		t.Errorf("the only passkey, with a pass: %s", text(a.body))
	}
	act(lost, "The passkey is deleted.")
	out("the deletion")
	if a := v.get(at + lost); a.status != http.StatusNotFound {
		t.Errorf("deleting it again: %d", a.status)
	}
	page := v.get(at).body
	for _, want := range []string{"Signed out everywhere", "Account closed", "Account opened again", "Passkey deleted", "By an administrator"} {
		if !strings.Contains(page, want) {
			t.Errorf("jo's page lacks %q: %s", want, text(page))
		}
	}
}

// An administrator cannot lock themselves out here, nor do anything of it with a
// session that was left open.
func TestActsUponAccountsAreGuarded(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	maia := must[directory.User](t)(h.directory.UserByName(t.Context(), "maia"))
	jo, _ := h.newcomer("jo")
	own := h.passkeys("maia")[0]
	for _, path := range []string{"/sign-out", "/close", "/open", "/passkeys/" + string(own.ID) + "/delete"} {
		for _, a := range []answer{v.get(v.account + "/admin/people/" + string(maia.ID) + path), v.post(v.account+"/admin/people/"+string(maia.ID)+path, nil)} {
			if a.status != http.StatusForbidden || !strings.Contains(a.body, "This is your own account.") {
				t.Errorf("%s of the administrator's own: %d: %s", path, a.status, text(a.body))
			}
		}
		// Somebody else's passkey under jo's name is nobody's.
		if strings.HasPrefix(path, "/passkeys") {
			if a := v.post(v.account+"/admin/people/"+string(jo.ID)+path, nil); a.status != http.StatusNotFound {
				t.Errorf("the administrator's passkey by way of jo: %d", a.status)
			}
		}
	}
	h.wait(policy.Freshness + time.Second)
	for _, path := range []string{"/sign-out", "/close", "/open"} {
		u := v.account + "/admin/people/" + string(jo.ID) + path
		if a := v.post(u, nil); a.status != http.StatusForbidden || !strings.Contains(a.body, "since you last unlocked") {
			t.Errorf("%s after 5 minutes: %d: %s", path, a.status, text(a.body))
		}
		if a := v.get(u); a.at.Path != "/signin" {
			t.Errorf("the page of %s after 5 minutes: at %s, want /signin", path, a.at)
		}
	}
	if u := must[directory.User](t)(h.directory.User(t.Context(), jo.ID)); u.Disabled || len(h.passkeys("maia")) != 1 {
		t.Error("something was done all the same")
	}
}
