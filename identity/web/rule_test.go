package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/webauthn"
)

var (
	goodKind = webauthn.MustParseAAGUID("cb69481e-8ff7-4039-93ec-0a2729a154a8") // YubiKey 5
	oldKind  = webauthn.MustParseAAGUID("53414d53-554e-4700-0000-000000000000") // Samsung Pass
)

// of is newSoft of a kind, which may leave its device or not.
func of(t testing.TB, kind webauthn.AAGUID, leaves bool) *soft {
	s := newSoft(t)
	s.aaguid = kind
	if leaves {
		s.flags |= webauthn.FlagBackupEligible | webauthn.FlagBackupState
	}
	return s
}

// rules are all that the rule on passkeys can say, one by one and together.
var rules = []struct {
	name string
	rule policy.Passkeys
}{
	{"none", policy.Passkeys{}},
	{"no self-service", policy.Passkeys{NoSelfService: true}},
	{"one passkey", policy.Passkeys{Max: 1}},
	{"some kinds are accepted", policy.Passkeys{Accept: []webauthn.AAGUID{goodKind}}},
	{"a kind is refused", policy.Passkeys{Refuse: []webauthn.AAGUID{oldKind}}},
	{"device-bound only", policy.Passkeys{DeviceBoundOnly: true}},
	{"all together", policy.Passkeys{Accept: []webauthn.AAGUID{goodKind, oldKind}, Refuse: []webauthn.AAGUID{oldKind},
		DeviceBoundOnly: true, NoSelfService: true, Max: 1}},
}

// Whatever the rule, an access pass leads its person to a passkey that is taken:
// a newcomer, and who has passkeys that are refused now. Nowhere on the way is a
// passkey asked for, and afterwards they sign in with the new one.
func TestAccessPassLeadsToAPasskeyUnderEveryRule(t *testing.T) {
	t.Parallel()
	for _, tt := range rules {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.visitor().setUp(of(t, goodKind, false))
			_, fresh := h.newcomer("jo")
			old, kept := h.veteran("ana", 3)
			full, _ := h.veteran("kim", directory.MaxPasskeys)
			again, fuller := h.pass(old), h.pass(full)
			h.restart(tt.rule)
			for name, code := range map[string]string{"jo": fresh, "ana": again, "kim": fuller} {
				throughPass(t, h, name, code)
			}
			// What the rule refuses opens nothing, and the page says so.
			got, taken := h.visitor().signIn(kept, ""), tt.rule.MayUse(directory.Passkey{AAGUID: kept.aaguid, Flags: kept.flags}) == nil
			if taken != (got.Location != "") || !taken && got.Reason != "kind_refused" {
				t.Errorf("ana with an old passkey, which is taken: %t: %+v", taken, got)
			}
		})
	}
}

// veteran adds a person who has n passkeys of an old kind, and returns one.
func (h *house) veteran(name string, n int) (directory.User, *soft) {
	h.t.Helper()
	u, code := h.newcomer(name)
	v := h.visitor()
	v.post(v.login+"/signin/pass", url.Values{"username": {name}, "code": {code}})
	v.get(v.account + "/security/add")
	var key *soft
	for range n {
		key = of(h.t, oldKind, true)
		if done := v.register(key); done.Passkey == "" {
			h.t.Fatalf("%s's passkeys: %+v", name, done)
		}
	}
	return u, key
}

// pass issues an access pass for somebody.
func (h *house) pass(u directory.User) string {
	h.t.Helper()
	maia := must[directory.User](h.t)(h.directory.UserByName(h.t.Context(), "maia"))
	code, _, err := h.directory.IssueAccessPass(h.t.Context(), maia.ID, u.ID, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

func throughPass(t *testing.T, h *house, name, code string) {
	t.Helper()
	v, key := h.visitor(), of(t, goodKind, false)
	if a := v.post(v.login+"/signin/pass", url.Values{"username": {name}, "code": {code}}); a.location != v.login+"/signin/welcome" {
		t.Fatalf("%s's pass led to %d %s: %s", name, a.status, a.location, text(a.body))
	}
	for _, page := range []string{"/security/add", "/security/add/device", "/security/add/phone", "/security/add/key"} {
		if a := v.get(v.account + page); a.status != http.StatusOK || a.at.Path != page {
			t.Fatalf("%s, with a pass, is led from %s to %d %s: %s", name, page, a.status, a.at, text(a.body))
		}
	}
	if wrong := of(t, oldKind, true); h.rule.Restricts() {
		if no := v.register(wrong); no.Reason != "passkey_kind" && no.Reason != "passkey_leaves" {
			t.Errorf("%s adds what is not taken: %+v", name, no)
		}
	}
	// The refusal did not use the pass up.
	if done := v.register(key); done.Passkey == "" {
		t.Fatalf("%s, with a pass, registers a passkey that is taken: %+v", name, done)
	}
	if a := v.get(v.account + "/"); a.status != http.StatusOK || a.at.Path != "/" {
		t.Errorf("%s, with a new passkey, is led to %d %s", name, a.status, a.at)
	}
	if in := h.visitor().signIn(key, ""); in.Location != h.account+"/" {
		t.Errorf("%s signs in with the new passkey: %+v", name, in)
	}
}

// With passes a person comes to have as many as browsers take in a list, and no
// more: all are excluded, shown, and open the account.
func TestSixtyFourPasskeysWorkAndNoMore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.visitor().setUp(of(t, goodKind, false))
	kim, key := h.veteran("kim", directory.MaxPasskeys)
	enter := func() (*visitor, said) {
		t.Helper()
		v := h.visitor()
		v.post(v.login+"/signin/pass", url.Values{"username": {"kim"}, "code": {h.pass(kim)}})
		v.get(v.account + "/security/add")
		var begun said
		v.script(v.account+"/security/add/begin", map[string]string{"hint": "hybrid"}, &begun)
		return v, begun
	}
	var last *visitor
	for n := directory.MaxPasskeys; n < directory.MaxPasskeysByPass; n++ {
		v, begun := enter()
		var options webauthn.CreationOptions
		if err := json.Unmarshal(begun.Options, &options); err != nil || len(options.ExcludeCredentials) != n {
			t.Fatalf("of %d passkeys %d are excluded (%v): %+v", n, len(options.ExcludeCredentials), err, begun)
		}
		var done said
		v.script(v.account+"/security/add/finish", map[string]any{"id": begun.ID, "response": of(t, goodKind, false).create(begun.Options, v.account)}, &done)
		if done.Passkey == "" {
			t.Fatalf("passkey %d: %+v", n+1, done)
		}
		last = v
	}
	if _, begun := enter(); begun.Reason != "too_many_passkeys" {
		t.Errorf("one more: %+v", begun)
	}
	a := last.get(last.account + "/security")
	if n := strings.Count(a.body, `/rename"`); a.status != http.StatusOK || n != directory.MaxPasskeysByPass {
		t.Errorf("security info: %d, %d passkeys", a.status, n)
	}
	v := h.visitor()
	v.yes(key)
	v.signOut()
	if in := v.comeIn(key, "kim", ""); in.Location == "" || v.listed("kim") != 0 {
		t.Errorf("signing in as one who is remembered: %+v", in)
	}
}

// Where people may not add passkeys by themselves they are told at once who does
// it, and are not asked to unlock first.
func TestNoSelfServiceIsToldAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouseWith(t, policy.Passkeys{NoSelfService: true})
	v := h.visitor()
	v.setUp(newSoft(t))
	v.get(v.account + "/")
	var begun said
	if v.script(v.account+"/security/add/begin", map[string]string{}, &begun); begun.Reason != "no_self_service" {
		t.Errorf("the script is told %+v", begun)
	}
	h.wait(policy.Freshness + 1)
	for _, page := range []string{"/security/add", "/security/add/phone"} {
		a := v.get(v.account + page)
		if a.status != http.StatusForbidden || a.at.Path != page || !strings.Contains(a.body, "Here, passkeys are added with an access pass.") ||
			!strings.Contains(a.body, "Ask your help desk for one.") {
			t.Errorf("%s: %d at %s: %s", page, a.status, a.at, text(a.body))
		}
	}
}

func TestTooManyPasskeysAreToldAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouseWith(t, policy.Passkeys{Max: 2})
	v := h.visitor()
	v.setUp(newSoft(t))
	v.get(v.account + "/")
	if done := v.register(newSoft(t)); done.Passkey == "" {
		t.Fatalf("the second of two: %+v", done)
	}
	if done := v.register(newSoft(t)); done.Reason != "too_many_passkeys" {
		t.Errorf("the third of two: %+v", done)
	}
	a := v.get(v.account + "/security/add")
	if a.status != http.StatusForbidden || !strings.Contains(a.body, "as many passkeys as one person may have here") {
		t.Errorf("the page to add one: %d: %s", a.status, text(a.body))
	}
}

// The page where one chooses, and the page that failed, name what works.
func TestKindsThatWorkAreNamed(t *testing.T) {
	t.Parallel()
	unnamed := webauthn.AAGUID{1, 2, 3}
	for _, tt := range []struct {
		rule  policy.Passkeys
		wants []string
		lacks []string
	}{
		{policy.Passkeys{}, nil, []string{"These do work", "data-kinds"}},
		{policy.Passkeys{Accept: []webauthn.AAGUID{goodKind, oldKind}, Refuse: []webauthn.AAGUID{oldKind}},
			[]string{"These do work:", "<li>YubiKey 5</li>"}, []string{"Samsung", "Your help desk knows", "stays on one device works"}},
		{policy.Passkeys{Accept: []webauthn.AAGUID{goodKind, unnamed}}, []string{"<li>YubiKey 5</li>", "Your help desk knows which."}, nil},
		{policy.Passkeys{Refuse: []webauthn.AAGUID{oldKind}}, []string{"don&#39;t work here:", "<li>Samsung Pass</li>"}, []string{"These do work"}},
		{policy.Passkeys{DeviceBoundOnly: true}, []string{"Only a passkey that stays on one device works here."}, []string{"<li>YubiKey"}},
	} {
		h := newHouseWith(t, tt.rule)
		v := h.visitor()
		v.setUp(of(t, goodKind, false))
		for _, page := range []string{h.account + "/security/add", h.account + "/security/add/key", h.login + "/setup"} {
			body := v.get(page).body
			for _, want := range tt.wants {
				if !strings.Contains(body, want) {
					t.Errorf("%+v: %s lacks %q: %s", tt.rule, page, want, body)
				}
			}
			for _, lack := range tt.lacks {
				if strings.Contains(body, lack) {
					t.Errorf("%+v: %s has %q", tt.rule, page, lack)
				}
			}
		}
	}
}

// The only passkey that is still taken is the last way in, however many others
// there are.
func TestLastPasskeyThatIsTakenCannotBeDeleted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v, good, old := h.visitor(), of(t, goodKind, false), of(t, oldKind, true)
	v.setUp(good)
	v.get(v.account + "/")
	spare := v.register(old)
	h.restart(policy.Passkeys{Refuse: []webauthn.AAGUID{oldKind}})
	only := otherThan(h, spare.Passkey)
	a := v.post(v.account+"/security/passkeys/"+only+"/delete", nil)
	if a.status != http.StatusForbidden || len(h.passkeys("maia")) != 2 {
		t.Errorf("deleting the last that is taken: %d, %d passkeys left: %s", a.status, len(h.passkeys("maia")), text(a.body))
	}
	var no said
	if v.script(v.account+"/security/add/undo", map[string]string{"passkey": only}, &no); no.Reason != "last_way_in" {
		t.Errorf("taking it back: %+v", no)
	}
	if a := v.post(v.account+"/security/passkeys/"+spare.Passkey+"/delete", nil); a.status != http.StatusSeeOther || len(h.passkeys("maia")) != 1 {
		t.Errorf("deleting the one that is refused: %d, %d left", a.status, len(h.passkeys("maia")))
	}
}

// My Account says of each passkey whether it is still taken, counts those that
// are, and invites nobody to what the rule has no place for.
func TestSecurityInfoGoesByTheRule(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v, good, old := h.visitor(), of(t, goodKind, false), of(t, oldKind, true)
	v.setUp(good)
	v.get(v.account + "/")
	spare := v.register(old)
	only := otherThan(h, spare.Passkey)
	const mark, add = "Not accepted any more</span>", `href="/security/add"`
	remove := func(id string) string { return `href="/security/passkeys/` + id + `/delete"` }
	for _, tt := range []struct {
		name            string
		rule            policy.Passkeys
		security, home  []string
		securityNo, not []string // of security, and of both
	}{
		{"none", policy.Passkeys{}, []string{add, remove(only), remove(spare.Passkey)}, nil,
			nil, []string{mark, "only way in", "You have one way in", "added with an access pass"}},
		{"a kind is refused", policy.Passkeys{Refuse: []webauthn.AAGUID{oldKind}},
			[]string{mark, "This is your only way in", "you have no other passkey that is accepted", add, remove(spare.Passkey)},
			[]string{"You have one way in", add}, []string{remove(only)}, nil},
		{"no self-service", policy.Passkeys{Refuse: []webauthn.AAGUID{oldKind}, NoSelfService: true},
			[]string{mark, "Here, passkeys are added with an access pass.", `aria-disabled="true" aria-describedby="no-adding"`},
			[]string{"You have one way in", "Here, passkeys are added with an access pass."}, nil, []string{add}},
		{"nothing is taken", policy.Passkeys{Refuse: []webauthn.AAGUID{oldKind, goodKind}},
			[]string{mark, "None of your passkeys is accepted any more"}, []string{"None of your passkeys is accepted any more"},
			[]string{remove(only), remove(spare.Passkey)}, []string{"only way in", "You have one way in"}},
	} {
		h.restart(tt.rule)
		security, home := v.get(v.account+"/security").body, v.get(v.account+"/").body
		admin := v.get(v.account + "/admin/people/" + string(must[directory.User](t)(h.directory.UserByName(t.Context(), "maia")).ID)).body
		for _, want := range tt.security {
			if !strings.Contains(security, want) {
				t.Errorf("%s: /security lacks %q: %s", tt.name, want, text(security))
			}
		}
		for _, want := range tt.home {
			if !strings.Contains(home, want) {
				t.Errorf("%s: / lacks %q: %s", tt.name, want, text(home))
			}
		}
		for _, no := range append(tt.securityNo, tt.not...) {
			if strings.Contains(security, no) {
				t.Errorf("%s: /security has %q", tt.name, no)
			}
		}
		for _, no := range tt.not {
			if strings.Contains(home, no) {
				t.Errorf("%s: / has %q", tt.name, no)
			}
		}
		if strings.Count(admin, mark) != strings.Count(security, mark) {
			t.Errorf("%s: the console marks %d passkeys, My Account %d", tt.name, strings.Count(admin, mark), strings.Count(security, mark))
		}
	}
}

// Nor does an administrator take it, who would lock its person out: they issue a
// pass first.
func TestAdministratorLeavesAWayInThatIsTaken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visitor()
	v.setUp(of(t, goodKind, false))
	v.get(v.account + "/")
	jo, code := h.newcomer("jo")
	theirs, good := h.visitor(), of(t, goodKind, false)
	theirs.post(theirs.login+"/signin/pass", url.Values{"username": {"jo"}, "code": {code}})
	theirs.get(theirs.account + "/security/add")
	first := theirs.register(good)
	refused := theirs.register(of(t, oldKind, true))
	h.restart(policy.Passkeys{Refuse: []webauthn.AAGUID{oldKind}})
	at := func(id string) string {
		return v.account + "/admin/people/" + string(jo.ID) + "/passkeys/" + id + "/delete"
	}
	if a := v.get(at(first.Passkey)); !strings.Contains(a.body, "No other passkey of theirs is accepted here.") || strings.Contains(a.body, "<button") {
		t.Errorf("the last that is taken: %s", text(a.body))
	}
	if a := v.post(at(first.Passkey), nil); a.status != http.StatusConflict || len(h.passkeys("jo")) != 2 {
		t.Errorf("the last that is taken was deleted: %d: %s", a.status, text(a.body))
	}
	if a := v.post(at(refused.Passkey), nil); a.status != http.StatusSeeOther || len(h.passkeys("jo")) != 1 {
		t.Errorf("the one that is refused: %d: %s", a.status, text(a.body))
	}
}

// An administrator finds what a person reads out, in whatever form, and is told
// what it means that there is nothing.
func TestReferenceFindsTheEvent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.visitor()
	maia.setUp(of(t, goodKind, false))
	maia.get(maia.account + "/")
	_, key := h.veteran("ana", 1)
	h.restart(policy.Passkeys{Refuse: []webauthn.AAGUID{oldKind}})
	no := h.visitor().signIn(key, "")
	if no.Reason != "kind_refused" || no.Reference == "" {
		t.Fatalf("ana's sign-in: %+v", no)
	}
	look := func(reference string) string {
		return text(maia.get(maia.account + "/admin/events?" + url.Values{"reference": {reference}}.Encode()).body)
	}
	loose := strings.ToLower(strings.ReplaceAll(no.Reference, "-", " "))
	for _, typed := range []string{no.Reference, loose} {
		page := look(typed)
		if !strings.Contains(page, "ana") || !strings.Contains(page, "of its kind aren&#39;t accepted here any more") || strings.Contains(page, "Cardea set up") || !strings.Contains(page, "Samsung Pass") {
			t.Errorf("under %q: %s", typed, page)
		}
	}
	for typed, want := range map[string]string{
		"0000-0000-0000": "Nothing was recorded under this reference", "not_used": "That isn&#39;t a reference", "' OR 1=1": "That isn&#39;t a reference",
	} {
		if page := look(typed); !strings.Contains(page, want) || strings.Contains(page, "ana") {
			t.Errorf("under %q, want %q: %s", typed, want, page)
		}
	}
	// The page's own reference, which a script shows for what never reached the
	// server, stands in the log.
	page := h.visitor().get(h.login + "/signin").body
	_, after, _ := strings.Cut(page, "data-reference>")
	shown, _, _ := strings.Cut(after, "<")
	if shown == "" || !strings.Contains(h.logged(), "reference="+shown) {
		t.Errorf("the log has no line for the page's reference %q", shown)
	}
	if page := look(shown); !strings.Contains(page, "Nothing was recorded under this reference") || !strings.Contains(page, "The server&#39;s log has a line for every request") {
		t.Errorf("under the page's reference: %s", page)
	}
}
