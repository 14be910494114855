package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/grant"
)

// happened writes events of a person, one a minute, the last one now.
func (h *house) happened(username string, events ...audit.Event) {
	h.t.Helper()
	u := must[directory.User](h.t)(h.directory.UserByName(h.t.Context(), username))
	for i, e := range events {
		e.UserID, e.Time = u.ID, h.clock().Add(time.Duration(i-len(events)+1)*time.Minute)
		if e.Outcome == "" {
			e.Outcome = audit.Done
		}
		if err := h.log.Add(h.t.Context(), e); err != nil {
			h.t.Fatal(err)
		}
	}
}

// member adds a person who has come in and registered a passkey.
func (h *house) member(name string) (*visitor, *soft) {
	h.t.Helper()
	_, code := h.newcomer(name)
	v, key := h.visitor(), newSoft(h.t)
	v.post(v.login+"/signin/pass", url.Values{"username": {name}, "code": {code}})
	v.get(v.account + "/security/add")
	if got := v.register(key); got.Passkey == "" {
		h.t.Fatalf("%s's registration: %+v", name, got)
	}
	return v, key
}

var entryLink = regexp.MustCompile(`href="(/history/[0-9a-f]+)"`)

// entryAbout returns the address of the entry whose reference is given.
func (v *visitor) entryAbout(reference string) string {
	v.t.Helper()
	m := entryLink.FindStringSubmatch(v.get(v.account + "/history?q=" + reference).body)
	if m == nil {
		v.t.Fatalf("no entry with the reference %s", reference)
	}
	return v.account + m[1]
}

const onEdge = "Mozilla/5.0 (Windows NT 10.0) Chrome/156.0 Safari/537.36 Edg/156.0"

func TestHistoryIsSearchedInTheWordsOfTheReader(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	h.member("jo")
	h.wait(60 * 24 * time.Hour)
	key := newSoft(t)
	maia, _ := signedInAgain(h, v)
	if got := maia.register(key); got.Passkey == "" {
		t.Fatalf("registering: %+v", got)
	}
	id := h.passkeys("maia")[1].ID
	if err := h.directory.RenamePasskey(t.Context(), h.passkeys("maia")[1].UserID, id, "Kitchen tablet"); err != nil {
		t.Fatal(err)
	}
	h.happened("maia",
		audit.Event{Kind: audit.SignIn, Reference: "AAAA-EDGE", UserAgent: onEdge, Address: "198.51.100.7"},
		audit.Event{Kind: audit.SignIn, Reference: "AAAA-KEY", PasskeyID: id, UserAgent: "Mozilla/5.0 (Windows NT 10.0) Chrome/156.0 Safari/537.36"},
		audit.Event{Kind: audit.PassSignIn, Outcome: audit.Refused, Reason: "pass_spent", Reference: "AAAA-STOP"},
		audit.Event{Kind: audit.PasskeyDeleted, Reference: "AAAA-GONE"},
	)
	h.happened("jo", audit.Event{Kind: audit.SignIn, Reference: "JOJO-0001", UserAgent: onEdge})
	all := []string{"AAAA-EDGE", "AAAA-KEY", "AAAA-STOP", "AAAA-GONE"}
	for _, tt := range []struct{ name, query, want string }{
		{"a browser", "q=edge", "AAAA-EDGE"},
		{"a browser that others claim to be", "q=chrome+windows", "AAAA-KEY"},
		{"an address", "q=198.51", "AAAA-EDGE"},
		{"a passkey's name", "q=kitchen+chrome", "AAAA-KEY"},
		{"what is on the page", "q=access+pass+stopped", "AAAA-STOP"},
		{"why", "q=already&show=stopped", "AAAA-STOP"},
		{"a reference", "q=aaaa-gone", "AAAA-GONE"},
		{"what was stopped", "show=stopped", "AAAA-STOP"},
		{"changes called deleted", "show=changes&q=deleted", "AAAA-GONE"},
		{"somebody else's", "q=JOJO-0001", ""},
		{"nothing", "q=nowhere", ""},
	} {
		body := maia.get(maia.account + "/history?" + tt.query).body
		for _, reference := range all {
			link := strings.TrimPrefix(maia.entryAbout(reference), maia.account)
			if got := strings.Contains(body, `"`+link+`"`); got != (reference == tt.want) {
				t.Errorf("%s: %s is listed: %v, want %v", tt.name, reference, got, !got)
			}
		}
		if tt.want == "" && !strings.Contains(body, "Nothing fits that.") {
			t.Errorf("%s: %s", tt.name, text(body))
		}
	}
	if body := maia.get(maia.account + "/history?days=7").body; strings.Contains(body, "Cardea set up") {
		t.Errorf("what is two months old is within 7 days: %s", text(body))
	}
	if body := maia.get(maia.account + "/history?days=90").body; !strings.Contains(body, "Cardea set up") {
		t.Errorf("what is two months old is not within 90 days: %s", text(body))
	}
}

// signedInAgain signs in once more in the browser of v, whose session is over.
func signedInAgain(h *house, v *visitor) (*visitor, *soft) {
	h.t.Helper()
	maia := must[directory.User](h.t)(h.directory.UserByName(h.t.Context(), "maia"))
	code, _, err := h.directory.IssueAccessPass(h.t.Context(), maia.ID, maia.ID, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	key := newSoft(h.t)
	v.post(v.login+"/signin/pass", url.Values{"username": {"maia"}, "code": {code}})
	v.get(v.account + "/security/add")
	if got := v.register(key); got.Passkey == "" {
		h.t.Fatalf("registering again: %+v", got)
	}
	return v, key
}

func TestHistoryIsReadPageByPage(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	var events []audit.Event
	for i := range 120 {
		events = append(events, audit.Event{Kind: audit.SignIn, Reference: fmt.Sprintf("PAGE-%03d", i), Address: "203.0.113.5"})
	}
	h.happened("maia", events...)
	next := regexp.MustCompile(`href="([^"]+)" rel="(next|prev)"`)
	links := func(body string) map[string]string {
		found := map[string]string{}
		for _, m := range next.FindAllStringSubmatch(body, -1) {
			found[m[2]] = v.account + strings.ReplaceAll(m[1], "&amp;", "&")
		}
		return found
	}
	seen := map[string]bool{}
	body, pages := v.get(v.account+"/history?q=203.0.113.5").body, 0
	for {
		pages++
		for _, m := range entryLink.FindAllStringSubmatch(body, -1) {
			if seen[m[1]] {
				t.Fatalf("%s is on two pages", m[1])
			}
			seen[m[1]] = true
		}
		older, ok := links(body)["next"]
		if !ok {
			break
		}
		body = v.get(older).body
	}
	if pages != 3 || len(seen) != 120 {
		t.Errorf("%d entries on %d pages, want 120 on 3", len(seen), pages)
	}
	for range 2 {
		body = v.get(links(body)["prev"]).body
	}
	if n := len(entryLink.FindAllString(body, -1)); n != 50 || links(body)["prev"] != "" || links(body)["next"] == "" {
		t.Errorf("back at the first page: %d entries, %v", n, links(body))
	}
}

func TestEntryTellsAllThatIsKnown(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	h.happened("maia", audit.Event{Kind: audit.PassSignIn, Outcome: audit.Refused, Reason: "pass_spent", Reference: "TELL-ALL", UserAgent: onEdge, Address: "198.51.100.7"})
	body := text(v.get(v.entryAbout("TELL-ALL")).body)
	for _, want := range []string{"Stopped", "The access pass had been used already.", "Edge", "Windows", "198.51.100.7", "TELL-ALL", "Nobody got in.", "Was this you?"} {
		if !strings.Contains(body, want) {
			t.Errorf("the entry lacks %q: %s", want, body)
		}
	}
}

func TestEntriesOfOthersDoNotExist(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	jo, _ := h.member("jo")
	h.happened("jo", audit.Event{Kind: audit.SignIn, Reference: "JOJO-0001"})
	at := jo.entryAbout("JOJO-0001")
	before := must[[]string](t)(h.sessionsOf("jo"))
	for name, a := range map[string]answer{
		"entry": v.get(at), "question": v.get(at + "/not-me"), "act": v.post(at+"/not-me", nil), "what is left": v.get(at + "/not-me/done"),
	} {
		if a.status != http.StatusNotFound {
			t.Errorf("%s of somebody else's entry: %d, want 404", name, a.status)
		}
	}
	if after := must[[]string](t)(h.sessionsOf("jo")); len(after) != len(before) {
		t.Errorf("jo has %d sessions, want %d", len(after), len(before))
	}
	if body := v.get(v.account + "/history").body; strings.Contains(body, "JOJO-0001") {
		t.Error("somebody else's entry is listed")
	}
}

// holding has the terminal hold a refresh token for a person, which stands on
// one of their sessions.
func (h *house) holding(username string, client directory.Client, sid string) grant.Redeemed {
	h.t.Helper()
	ctx := h.t.Context()
	if err := h.directory.PutClient(ctx, client); err != nil {
		h.t.Fatal(err)
	}
	u := must[directory.User](h.t)(h.directory.UserByName(ctx, username))
	challenge := must[grant.Challenge](h.t)(grant.ParseChallenge(pkceChallenge))
	code := must[string](h.t)(h.grants.Issue(ctx, grant.Authorization{
		ClientID: client.ID, RedirectURI: client.RedirectURIs[0], Challenge: challenge, UserID: u.ID, SID: sid, AuthTime: h.clock(),
		Scope: grant.ParseScope("openid profile offline_access"),
	}))
	return must[grant.Redeemed](h.t)(h.grants.Redeem(ctx, grant.Presentation{Code: code, ClientID: client.ID, Verifier: pkceVerifier},
		func(context.Context, grant.Code) error { return nil }))
}

// The pair of RFC 7636, appendix B.
const (
	pkceVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	pkceChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

var terminal = directory.Client{ID: "terminal", Name: "Our terminal", RedirectURIs: []string{"http://127.0.0.1/callback"}, Public: true, FirstParty: true, Native: true}

// refresh has a client bring its refresh token to the provider.
func (v *visitor) refresh(client directory.ClientID, token string) answer {
	v.t.Helper()
	return v.post(v.login+"/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {string(client)}, "refresh_token": {token}})
}

func TestNotMeShutsOutEverybodyElse(t *testing.T) {
	t.Parallel()
	h, v, key := signedIn(t)
	mine := must[[]string](t)(h.sessionsOf("maia"))[0]
	held := h.holding("maia", terminal, mine)
	if a := v.refresh(terminal.ID, held.Refresh); a.status != http.StatusOK {
		t.Fatalf("refreshing before: %d %s", a.status, a.body)
	}
	stranger := h.visitor()
	onward := stranger.get(stranger.account + "/").at.Query().Get("continue")
	stranger.get(stranger.login + stranger.signIn(key, onward).Location)
	h.happened("maia", audit.Event{Kind: audit.SignIn, PasskeyID: h.passkeys("maia")[0].ID, Reference: "NOT-ME"})
	at := v.entryAbout("NOT-ME")
	if a := v.get(at + "/not-me/done"); a.at.Path != strings.TrimPrefix(at, v.account)+"/not-me" {
		t.Errorf("what is left, before anything was done: at %s, want the question", a.at)
	}
	if body := text(v.get(at + "/not-me").body); !strings.Contains(body, "sign out 1 other place") || !strings.Contains(body, "NOT-ME") {
		t.Errorf("the question: %s", body)
	}
	if n := len(must[[]string](t)(h.sessionsOf("maia"))); n != 2 {
		t.Errorf("looking at the question left %d sessions, want 2", n)
	}
	h.wait(time.Hour) // nobody has to unlock first to shut a stranger out
	a := v.post(at+"/not-me", nil)
	if body := text(v.get(a.location).body); !strings.Contains(body, "1 session is signed out.") || !strings.Contains(body, "NOT-ME") || !strings.Contains(body, "your only passkey") {
		t.Errorf("what is left: %s", body)
	}
	if a := stranger.get(stranger.account + "/security"); a.at.Path != "/signin" {
		t.Errorf("the stranger: at %s, want /signin", a.at)
	}
	if a := v.get(v.account + "/security"); a.at.Path != "/security" {
		t.Errorf("who said it: at %s, want to stay in", a.at)
	}
	if a := v.refresh(terminal.ID, held.Refresh); a.status != http.StatusBadRequest || !strings.Contains(a.body, "invalid_grant") {
		t.Errorf("refreshing after: %d %s, want invalid_grant", a.status, a.body)
	}
	if body := text(v.get(at).body); !strings.Contains(body, "You told us that this wasn") {
		t.Errorf("the entry afterwards: %s", body)
	}
	if body := v.get(v.account + "/admin/events").body; !strings.Contains(body, "Said: this wasn&#39;t me") || !strings.Contains(body, "NOT-ME") {
		t.Errorf("administrators are not told: %s", text(body))
	}
}

// What was said of one entry is not said of another, and cannot be unsaid by
// saying it of that.
func TestDenialIsOfOneEntry(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	h.happened("maia", audit.Event{Kind: audit.SignIn}, audit.Event{Kind: audit.PassIssued}) // by no request: they have no reference
	events := must[[]audit.Event](t)(h.log.ByUser(t.Context(), h.passkeys("maia")[0].UserID, 2))
	one, other := v.account+"/history/"+events[0].ID, v.account+"/history/"+events[1].ID
	v.post(one+"/not-me", nil)
	const said = "You told us that this wasn"
	if !strings.Contains(text(v.get(one).body), said) || strings.Contains(text(v.get(other).body), said) {
		t.Errorf("denied: %s\nnot denied: %s", text(v.get(one).body), text(v.get(other).body))
	}
	denial := must[[]audit.Event](t)(h.log.ByUser(t.Context(), h.passkeys("maia")[0].UserID, 1))[0]
	at := v.account + "/history/" + denial.ID
	for name, a := range map[string]answer{"question": v.get(at + "/not-me"), "act": v.post(at+"/not-me", nil), "what is left": v.get(at + "/not-me/done")} {
		if a.status != http.StatusNotFound {
			t.Errorf("%s of a denial: %d, want 404", name, a.status)
		}
	}
}

func TestNotMeOffersThePasskeyThatTookPart(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	if got := v.register(newSoft(t)); got.Passkey == "" {
		t.Fatalf("the second passkey: %+v", got)
	}
	id := h.passkeys("maia")[1].ID
	h.happened("maia", audit.Event{Kind: audit.SignIn, PasskeyID: id, Reference: "TOOK-PART"}, audit.Event{Kind: audit.PassSignIn, Reference: "BY-PASS"})
	link := `href="/security/passkeys/` + string(id) + `/delete"`
	for reference, want := range map[string]bool{"TOOK-PART": true, "BY-PASS": false} {
		body := v.get(v.post(v.entryAbout(reference)+"/not-me", nil).location).body
		if strings.Contains(body, link) != want {
			t.Errorf("%s: the passkey can be deleted: %v, want %v", reference, !want, want)
		}
	}
}

func TestStoppedAttemptNeedsNothing(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	h.happened("maia", audit.Event{Kind: audit.SignIn, Outcome: audit.Refused, Reason: "bad_signature", Reference: "STOPPED"})
	body := text(v.get(v.entryAbout("STOPPED") + "/not-me").body)
	if !strings.Contains(body, "You don&#39;t need to do anything.") || !strings.Contains(body, "When to worry") {
		t.Errorf("what is said of a refused attempt: %s", body)
	}
}
