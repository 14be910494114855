package web_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/session"
)

// signedIn returns a visitor in My Account, with the first administrator's
// passkey, and that passkey.
func signedIn(t *testing.T) (*house, *visitor, *soft) {
	t.Helper()
	h, key := newHouse(t), newSoft(t)
	v := h.visitor()
	v.setUp(key)
	if a := v.get(v.account + "/"); a.status != http.StatusOK {
		t.Fatalf("My Account: %d at %s", a.status, a.at)
	}
	return h, v, key
}

func (h *house) passkeys(username string) []directory.Passkey {
	h.t.Helper()
	u := must[directory.User](h.t)(h.directory.UserByName(h.t.Context(), username))
	return must[[]directory.Passkey](h.t)(h.directory.Passkeys(h.t.Context(), u.ID))
}

func TestPasskeyIsAddedNamedRenamedAndDeleted(t *testing.T) {
	t.Parallel()
	h, v, first := signedIn(t)
	second := newSoft(t)
	done := v.register(second)
	if done.Passkey == "" {
		t.Fatalf("adding: %+v", done)
	}
	if a := v.post(v.account+"/security/name", url.Values{"id": {done.Passkey}, "name": {"  "}}); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `aria-invalid="true"`) {
		t.Errorf("empty name: %d: %s", a.status, text(a.body))
	}
	if a := v.post(v.account+"/security/name", url.Values{"id": {done.Passkey}, "name": {"Blue <desk> key"}}); a.location != v.account+"/security" {
		t.Errorf("renaming: %d to %q", a.status, a.location)
	}
	body := v.get(v.account + "/security").body
	for _, want := range []string{"Blue &lt;desk&gt; key", first.id.String() + " ", second.id.String() + " "} {
		if !strings.Contains(body, want) {
			t.Errorf("list lacks %q: %s", want, body)
		}
	}
	if a := v.get(v.account + "/security/passkeys/" + done.Passkey + "/delete"); !strings.Contains(a.body, "still have 1 other passkey") {
		t.Errorf("question before deleting: %s", text(a.body))
	}
	if n := len(h.passkeys("maia")); n != 2 {
		t.Errorf("looking at the question left %d passkeys, want 2", n)
	}
	a := v.post(v.account+"/security/passkeys/"+done.Passkey+"/delete", nil)
	if a := v.get(a.location); !strings.Contains(a.body, "The passkey is deleted.") || strings.Contains(a.body, second.id.String()) {
		t.Errorf("after deleting: %s", text(a.body))
	}
	if got := h.visitor().signIn(second, ""); got.Reason != "unknown_passkey" {
		t.Errorf("sign-in with a deleted passkey: %+v", got)
	}
}

func TestLastWayInCannotBeDeleted(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	id := string(h.passkeys("maia")[0].ID)
	if a := v.get(v.account + "/security"); !strings.Contains(a.body, "This is your only way in") || strings.Contains(a.body, "/delete") {
		t.Errorf("list of one: %s", a.body)
	}
	for _, a := range []answer{
		v.get(v.account + "/security/passkeys/" + id + "/delete"),
		v.post(v.account+"/security/passkeys/"+id+"/delete", nil),
	} {
		if a.status != http.StatusForbidden || !strings.Contains(a.body, "You can&#39;t delete your only passkey.") {
			t.Errorf("deleting the only passkey: %d: %s", a.status, text(a.body))
		}
	}
	if n := len(h.passkeys("maia")); n != 1 {
		t.Errorf("%d passkeys, want 1", n)
	}
}

func TestDeletingAPasskeySignsOutWhoCameInWithIt(t *testing.T) {
	t.Parallel()
	h, v, first := signedIn(t)
	h.wait(time.Second)
	if got := v.register(newSoft(t)); got.Passkey == "" {
		t.Fatalf("adding: %+v", got)
	}
	thief := h.visitor()
	onward := thief.get(thief.account + "/").at.Query().Get("continue")
	thief.get(thief.login + thief.signIn(first, onward).Location)
	id := string(h.passkeys("maia")[0].ID)
	if a := v.get(v.account + "/security/passkeys/" + id + "/delete"); !strings.Contains(a.body, "Other places signed in with it are signed out.") {
		t.Errorf("question before deleting: %s", text(a.body))
	}
	v.post(v.account+"/security/passkeys/"+id+"/delete", nil)
	if got := thief.register(newSoft(t)); got.Reason != "session_ended" {
		t.Errorf("registering with the lost device's session: %+v, want session_ended", got)
	}
	if a := v.get(v.account + "/security"); a.at.Path != "/security" {
		t.Errorf("who deleted: at %s, want to stay in", a.at)
	}
}

// A browser that sends a registration twice, because the answer to the first was
// lost, must not be told to drop a passkey that is stored.
func TestLostAnswerDoesNotCostThePasskey(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	_, code := h.newcomer("jo")
	jo := h.visitor()
	jo.post(jo.login+"/signin/pass", url.Values{"username": {"jo"}, "code": {code}})
	jo.get(jo.account + "/security/add")
	script := must[[]byte](t)(os.ReadFile(filepath.Join("assets", "passkey.js")))
	m := regexp.MustCompile(`const unsure = \[([^\]]*)\];`).FindSubmatch(script)
	if m == nil {
		t.Fatal("the script names no reasons that leave open whether the passkey is stored")
	}
	for name, who := range map[string]*visitor{"a newcomer": jo, "a member": v} {
		var begun, done, again said
		who.script(who.account+"/security/add/begin", map[string]string{}, &begun)
		finish := map[string]any{"id": begun.ID, "response": newSoft(t).create(begun.Options, who.account)}
		before := who.visitor() // with the cookies from before the answer
		at := must[*url.URL](t)(url.Parse(who.account))
		before.client.Jar.SetCookies(at, who.client.Jar.Cookies(at))
		if who.script(who.account+"/security/add/finish", finish, &done); done.Passkey == "" {
			t.Fatalf("%s: %+v", name, done)
		}
		before.script(who.account+"/security/add/finish", finish, &again)
		if again.Reason == "" || !strings.Contains(string(m[1]), "'"+again.Reason+"'") {
			t.Errorf("%s, once more: %q, which has the script drop the passkey", name, again.Reason)
		}
	}
}

func TestPasskeysOfOthersDoNotExist(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	_, code := h.newcomer("jo")
	jo := h.visitor()
	jo.post(jo.login+"/signin/pass", url.Values{"username": {"jo"}, "code": {code}})
	jo.get(jo.account + "/security/add")
	if got := jo.register(newSoft(t)); got.Passkey == "" {
		t.Fatalf("jo's registration: %+v", got)
	}
	if got := v.register(newSoft(t)); got.Passkey == "" {
		t.Fatalf("maia's second: %+v", got)
	}
	id := string(h.passkeys("jo")[0].ID)
	for name, a := range map[string]answer{
		"rename page": v.get(v.account + "/security/passkeys/" + id + "/rename"),
		"rename":      v.post(v.account+"/security/name", url.Values{"id": {id}, "name": {"mine now"}}),
		"delete page": v.get(v.account + "/security/passkeys/" + id + "/delete"),
		"delete":      v.post(v.account+"/security/passkeys/"+id+"/delete", nil),
	} {
		if a.status != http.StatusNotFound {
			t.Errorf("%s of somebody else's passkey: %d, want 404", name, a.status)
		}
	}
	if k := h.passkeys("jo"); len(k) != 1 || k[0].Name == "mine now" {
		t.Errorf("jo's passkeys: %+v", k)
	}
}

func TestChangingPasskeysNeedsAFreshProof(t *testing.T) {
	t.Parallel()
	h, v, key := signedIn(t)
	if got := v.register(newSoft(t)); got.Passkey == "" {
		t.Fatalf("fresh: %+v", got)
	}
	h.wait(policy.Freshness + time.Second)
	id := string(h.passkeys("maia")[1].ID)
	if got := v.register(newSoft(t)); got.Reason != "not_fresh" {
		t.Errorf("registering after 5 minutes: %+v, want not_fresh", got)
	}
	if a := v.post(v.account+"/security/passkeys/"+id+"/delete", nil); a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, v.login) {
		t.Errorf("deleting after 5 minutes: %d to %q, want to unlock once more", a.status, a.location)
	}
	var no said
	if v.script(v.account+"/security/add/undo", map[string]string{"passkey": id}, &no); no.Reason != "not_fresh" {
		t.Errorf("taking back after 5 minutes: %+v, want not_fresh", no)
	}
	if n := len(h.passkeys("maia")); n != 2 {
		t.Errorf("%d passkeys after two deletions without a proof, want 2", n)
	}
	for _, path := range []string{"/security/add", "/security/add/phone", "/security/passkeys/" + id + "/delete", "/security/passkeys/" + id + "/rename"} {
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
	if n := len(must[[]string](t)(h.sessionsOf("maia"))); n != 1 {
		t.Errorf("%d sessions after signing in anew in the same browser, want 1", n)
	}
}

func (h *house) sessionsOf(username string) ([]string, error) {
	u, err := h.directory.UserByName(h.t.Context(), username)
	if err != nil {
		return nil, err
	}
	all, err := h.sessions.List(h.t.Context(), u.ID)
	var ids []string
	for _, s := range all {
		ids = append(ids, string(s.ID))
	}
	return ids, err
}

func TestProofThatIsAlmostTooOldDoesNotGoAroundInCircles(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	for range 40 {
		h.wait(policy.Freshness / 20)
		if a := v.get(v.account + "/security/add"); a.at.Path != "/security/add" && a.at.Path != "/signin" {
			t.Fatalf("at %s", a.at)
		}
	}
}

func TestEndedSessionIsOverAtOnce(t *testing.T) {
	t.Parallel()
	h, v, key := signedIn(t)
	other := h.visitor()
	onward := other.get(other.account + "/").at.Query().Get("continue")
	other.get(other.login + other.signIn(key, onward).Location)
	mine, err := h.sessionsOf("maia")
	if err != nil || len(mine) != 2 {
		t.Fatalf("sessions: %v, %v; want 2", mine, err)
	}
	a := v.post(v.account+"/sessions/others/end", nil)
	if body := v.get(a.location).body; !strings.Contains(body, "1 session is signed out.") {
		t.Errorf("after ending the others: %s", text(body))
	}
	if a := other.get(other.account + "/security"); a.at.Path != "/signin" {
		t.Errorf("the other browser: at %s, want /signin", a.at)
	}
	if a := other.post(other.account+"/sessions/others/end", nil); a.status != http.StatusUnauthorized || !strings.Contains(a.body, "You&#39;ve been signed out.") {
		t.Errorf("a form of the other browser: %d: %s", a.status, text(a.body))
	}
	var no said
	if a := other.script(other.account+"/security/add/begin", map[string]string{}, &no); a.status != http.StatusUnauthorized || no.Reason != "session_ended" {
		t.Errorf("a script of the other browser: %d %+v", a.status, no)
	}
}

func TestOneSessionIsEndedAndOnlyOnesOwn(t *testing.T) {
	t.Parallel()
	h, v, key := signedIn(t)
	h.visitor().signIn(key, "")
	_, code := h.newcomer("jo")
	jo := h.visitor()
	jo.post(jo.login+"/signin/pass", url.Values{"username": {"jo"}, "code": {code}})
	theirs := must[[]string](t)(h.sessionsOf("jo"))
	if a := v.post(v.account+"/sessions/"+theirs[0]+"/end", nil); a.status != http.StatusNotFound {
		t.Errorf("ending somebody else's session: %d, want 404", a.status)
	}
	if left := must[[]string](t)(h.sessionsOf("jo")); len(left) != 1 {
		t.Errorf("jo has %d sessions, want 1", len(left))
	}
	m := regexp.MustCompile(`/sessions/([^/"]+)/end"><button class="btn btn-quiet`).FindStringSubmatch(v.get(v.account + "/sessions").body)
	if m == nil {
		t.Fatal("the list offers no session to end")
	}
	v.post(v.account+"/sessions/"+m[1]+"/end", nil)
	left := must[[]string](t)(h.sessionsOf("maia"))
	if len(left) != 1 || left[0] == m[1] {
		t.Fatalf("sessions after ending %s: %v", m[1], left)
	}
	v.post(v.account+"/sessions/"+left[0]+"/end", nil)
	if left := must[[]string](t)(h.sessionsOf("maia")); len(left) != 0 {
		t.Errorf("maia has %d sessions, want none", len(left))
	}
}

func TestSigningOutHoldsOnBothHosts(t *testing.T) {
	t.Parallel()
	_, v, key := signedIn(t)
	a := v.post(v.account+"/signout", nil)
	if a := v.get(a.location); a.at.Host != strings.TrimPrefix(v.account, "http://") || !strings.Contains(a.body, "signed out") {
		t.Errorf("after signing out: %s at %s", text(a.body), a.at)
	}
	if a := v.get(v.account + "/"); a.at.Path != "/signin" {
		t.Errorf("My Account after signing out: at %s, want /signin", a.at)
	}
	v.signIn(key, "")
	v.post(v.login+"/signout", nil)
	if a := v.get(v.account + "/"); a.at.Path != "/signin" {
		t.Errorf("My Account after signing out of the login host: at %s, want /signin", a.at)
	}
}

func TestSigningOutTwiceIsSignedOut(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	for _, id := range must[[]string](t)(h.sessionsOf("maia")) {
		if err := h.sessions.End(t.Context(), session.ID(id)); err != nil {
			t.Fatal(err)
		}
	}
	for _, who := range []*visitor{v, h.visitor()} { // the second never was signed in
		a := who.post(who.account+"/signout", nil)
		if a.status != http.StatusSeeOther || a.location != who.account+"/signed-out" {
			t.Errorf("signing out after the session ended: %d to %q", a.status, a.location)
		}
	}
	at := must[*url.URL](t)(url.Parse(v.account))
	for _, c := range v.client.Jar.Cookies(at) {
		if c.Name == "cardea-account" {
			t.Error("the cookie of the session that ended is still there")
		}
	}
}

func TestHistoryTellsWhatHappened(t *testing.T) {
	t.Parallel()
	_, v, key := signedIn(t)
	other := v.visitor()
	var begun said
	other.script(other.login+"/signin/passkey/begin", map[string]string{}, &begun)
	response := key.get(begun.Options, "https://login.evil.example")
	other.script(other.login+"/signin/passkey/finish", map[string]any{"id": begun.ID, "response": response}, nil)
	body := v.get(v.account + "/history").body
	for _, want := range []string{"Stopped", "The passkey was used on a page that isn&#39;t ours.", "Chromium on Linux", "127.0.0.1", "Reference"} {
		if !strings.Contains(body, want) {
			t.Errorf("history lacks %q: %s", want, text(body))
		}
	}
}

func TestCallbackThatNobodyBeganLeadsToTheStart(t *testing.T) {
	t.Parallel()
	_, v, _ := signedIn(t)
	for _, query := range []string{"", "?state=x&code=y", "?error=access_denied&state=x"} {
		a := v.do(v.request(http.MethodGet, v.account+"/callback"+query, "", nil))
		if a.status != http.StatusSeeOther || a.location != v.account+"/" || len(a.header.Values("Set-Cookie")) != 0 {
			t.Errorf("callback%s: %d to %s, %v", query, a.status, a.location, a.header)
		}
	}
}

// Whoever has many pages open signs in once, and may go on in each of them.
func TestManyOpenPagesDoNotEndEachOther(t *testing.T) {
	t.Parallel()
	h, _, key := signedIn(t)
	v := h.visitor()
	var onward []string
	for range 16 {
		onward = append(onward, v.get(v.account+"/history").at.Query().Get("continue"))
	}
	done := v.signIn(key, onward[0])
	for i, to := range append([]string{done.Location}, onward[1:]...) {
		if a := v.get(v.login + to); a.status != http.StatusOK || a.at.Path != "/history" {
			t.Errorf("page %d: %d at %s", i+1, a.status, a.at)
		}
	}
}

func TestNoOfTheProviderIsPutIntoWords(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for code, want := range map[string]string{
		"access_denied": "You can&#39;t open this with the way you signed in.",
		"server_error":  "Signing in didn&#39;t work.",
	} {
		v := h.visitor()
		asked := must[*url.URL](t)(url.Parse(v.do(v.request(http.MethodGet, v.account+"/", "", nil)).location))
		answer := url.Values{"error": {code}, "state": {asked.Query().Get("state")}, "iss": {h.login}}
		a := v.get(v.account + "/callback?" + answer.Encode())
		if a.status < 400 || !strings.Contains(a.body, want) || strings.Contains(a.body, code) {
			t.Errorf("%s: %d: %s, want %q", code, a.status, text(a.body), want)
		}
		again := v.do(v.request(http.MethodGet, v.account+"/callback?"+answer.Encode(), "", nil))
		if again.status != http.StatusSeeOther || again.location != v.account+"/" {
			t.Errorf("the same answer again: %d to %s, want the start", again.status, again.location)
		}
	}
}

func TestCookieOfMyAccountThatIsNotOursOpensNothing(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	theirs, _, _ := signedIn(t)
	for _, value := range []string{"", "x", strings.Repeat("A", 200), cookieOf(v, "cardea-account")[1:]} {
		other := theirs.visitor()
		r := other.request(http.MethodGet, other.account+"/", "", nil)
		r.AddCookie(&http.Cookie{Name: "cardea-account", Value: value})
		if a := other.do(r); a.status != http.StatusSeeOther {
			t.Errorf("cookie %.20q: %d, want to be sent to sign in", value, a.status)
		}
	}
	r := h.visitor().request(http.MethodGet, h.account+"/", "", nil)
	r.AddCookie(&http.Cookie{Name: "cardea-account", Value: cookieOf(v, "cardea-account")})
	if a := h.visitor().do(r); a.status != http.StatusOK {
		t.Errorf("the right cookie: %d, want 200", a.status)
	}
}

func cookieOf(v *visitor, name string) string {
	u := must[*url.URL](v.t)(url.Parse(v.account))
	for _, c := range v.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	v.t.Fatalf("no cookie %s", name)
	return ""
}
