package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/web/words"
	"cardea/internal/secret"
	"cardea/webauthn"
)

func TestWordsTellWhatHappenedAndWhatToDo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		public string
		want   Words
	}{
		{"This was finished already. Start again.", Words{What: "This was finished already.", Do: "Start again."}},
		{"Use up to 64 letters a to z, digits, and . _ - + @ for the user name.", Words{What: "Use up to 64 letters a to z, digits, and . _ - + @ for the user name."}},
		{"One. Two. Three.", Words{What: "One.", Do: "Two. Three."}},
		{"", Words{}},
	} {
		if diff := cmp.Diff(tt.want, split(tt.public)); diff != "" {
			t.Errorf("split(%q) (-want +got):\n%s", tt.public, diff)
		}
	}
	w := New(Site{}, nil).WordsForRefusal(NotSignedIn, &ceremony.Refusal{Reason: ceremony.ReasonUnknownPasskey, Outward: ceremony.ReasonUnknownPasskey, Public: "x"})
	if w.Reason != "unknown_passkey" || w.Title != "You're not signed in yet" || !strings.Contains(w.Do, "delete this one") {
		t.Errorf("words for an unknown passkey: %+v", w)
	}
}

func TestEventsInWords(t *testing.T) {
	t.Parallel()
	ui := New(Site{}, nil)
	for _, tt := range []struct {
		e                     audit.Event
		passkey, result, what string
		how, why, agent, icon string
	}{
		{e: audit.Event{Kind: audit.SignIn, Outcome: audit.Done, PasskeyID: "1"}, passkey: "My phone",
			result: "Signed in", what: "Signed in", how: "My phone", agent: "–", icon: "check"},
		{e: audit.Event{Kind: audit.SignIn, Outcome: audit.Refused, Reason: "bad_signature", PasskeyID: "1"},
			result: "Stopped", what: "Sign-in with a passkey", how: "A passkey deleted since", why: "The signature didn't match the passkey.", agent: "–", icon: "warning"},
		{e: audit.Event{Kind: audit.ClientSignIn, Outcome: audit.Done, Client: "app", ClientName: "Catalog"},
			result: "Signed in", what: "Signed in to Catalog", how: "–", agent: "–", icon: "check"},
		{e: audit.Event{Kind: audit.ClientSignIn, Outcome: audit.Refused, Reason: "disabled", Client: "app", ClientName: "Catalog"},
			result: "Stopped", what: "Sign-in to Catalog", how: "–", why: "The account is closed.", agent: "–", icon: "warning"},
		{e: audit.Event{Kind: audit.ClientSignIn, Outcome: audit.Done, Client: "gone"},
			result: "Signed in", what: "Signed in to an app", how: "–", agent: "–", icon: "check"},
		{e: audit.Event{Kind: "new_kind", Outcome: audit.Refused, Reason: "new_reason"},
			result: "Stopped", what: "new_kind", how: "–", why: "It was refused (new_reason).", agent: "–", icon: "warning"},
		{e: audit.Event{Kind: audit.PassSignIn, Outcome: audit.Done, UserAgent: "Firefox/130 Linux"},
			result: "Signed in", what: "Signed in with an access pass", how: "Access pass", agent: "Firefox on Linux", icon: "pass"},
	} {
		r := RowOf(tt.e, tt.passkey)
		got := [...]string{ui.Say(r.Result), ui.Say(r.What), ui.Say(r.How), ui.Say(r.Why), ui.Say(r.Agent), r.Icon}
		want := [...]string{tt.result, tt.what, tt.how, tt.why, tt.agent, tt.icon}
		if got != want {
			t.Errorf("RowOf(%s %s) = %q, want %q", tt.e.Kind, tt.e.Outcome, got, want)
		}
		if _, err := icon(r.Icon, 14); err != nil {
			t.Error(err)
		}
	}
	for kind, name := range kindIcons {
		if _, err := icon(name, 14); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		for _, key := range []string{"done", "refused"} {
			if key = "event." + string(kind) + "." + key; !words.Has(key) {
				t.Errorf("no message %s", key)
			}
		}
	}
}

func TestAgents(t *testing.T) {
	t.Parallel()
	ui := New(Site{}, nil)
	for _, tt := range []struct{ agent, want, version string }{
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0", "Edge on Windows", "0"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1", "Safari on iPhone", "18.1"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 CriOS/140.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone", "17"},
		{"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 Version/16.6 Safari/604.1", "Safari on iPad", "16.6"},
		{"Mozilla/5.0 (Linux; Android 13; SM-A536B) Chrome/120 Mobile Safari/537.36", "Chrome on Android", "13"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.1 Safari/605.1.15", "Safari on Mac", "0"},
		{"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox on Linux", "0"},
		{"Android Android", "A browser on Android", "0"},
		{"iPhone OS _", "A browser on iPhone", "0"},
		{"curl/8", "Unknown browser", "0"},
	} {
		a := ParseAgent(tt.agent)
		if got := ui.Say(a.Words()); got != tt.want || a.Version.String() != tt.version {
			t.Errorf("ParseAgent(%q) = %s %s, want %s %s", tt.agent, got, a.Version, tt.want, tt.version)
		}
	}
}

func FuzzParseAgent(f *testing.F) {
	f.Add("Mozilla/5.0 (iPhone; CPU iPhone OS 16_7_2 like Mac OS X)")
	f.Add("Android 99999999999999999999.1; K")
	f.Fuzz(func(t *testing.T, s string) {
		if a := ParseAgent(s); a.Words().IsZero() || a.Version.Major < 0 {
			t.Errorf("ParseAgent(%q) = %+v", s, a)
		}
	})
}

func TestPasskeysAsTheirOwnersSeeThem(t *testing.T) {
	t.Parallel()
	ui := New(Site{}, nil)
	const up, be, bs = webauthn.FlagUserPresent, webauthn.FlagBackupEligible, webauthn.FlagBackupState
	iphone := webauthn.MustParseAAGUID("3fd0e7a2-5c1b-4b0e-9d57-0c4f5a2e17a1")
	for _, tt := range []struct {
		p              directory.Passkey
		kind           PasskeyKind
		icon, provider string
	}{
		{directory.Passkey{AAGUID: iphone, Flags: up}, DeviceBound, "phone", "Cardea Authenticator on iPhone"},
		{directory.Passkey{Flags: up | be | bs}, Synced, "cloud", "Maker not known"},
		{directory.Passkey{Flags: up | be, Attachment: webauthn.AttachmentPlatform}, Syncable, "laptop", "Maker not known"},
		{directory.Passkey{Flags: up, Transports: []string{webauthn.TransportHybrid, webauthn.TransportInternal}}, DeviceBound, "phone", "Maker not known"},
		{directory.Passkey{Flags: up, Transports: []string{webauthn.TransportUSB}}, DeviceBound, "key", "Maker not known"},
		{directory.Passkey{Flags: up}, DeviceBound, "passkey", "Maker not known"},
	} {
		row := PasskeyRowOf(tt.p)
		if row.Kind != tt.kind || row.Icon != tt.icon || ui.Say(row.Provider) != tt.provider {
			t.Errorf("PasskeyRowOf(%s, %v) = %s, %s, %s; want %s, %s, %s",
				tt.p.Flags, tt.p.Transports, row.Kind, row.Icon, ui.Say(row.Provider), tt.kind, tt.icon, tt.provider)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 14, 2, 0, 0, time.FixedZone("far east", 9*3600))
	ui := New(Site{}, func() time.Time { return now })
	for _, tt := range []struct {
		ago  time.Duration
		want string
	}{
		{0, "Today, 05:02 UTC"}, {5 * time.Hour, "Today, 00:02 UTC"}, {6 * time.Hour, "Yesterday, 23:02 UTC"},
		{54 * time.Hour, "19 Nov, 23:02 UTC"}, {9000 * time.Hour, "12 Nov 2025"},
	} {
		if got := ui.When(now.Add(-tt.ago)); got != tt.want {
			t.Errorf("When(%s ago) = %q, want %q", tt.ago, got, tt.want)
		}
	}
	if got := ui.When(time.Time{}); got != "Never" {
		t.Errorf("When(zero) = %q, want Never", got)
	}
	if got := ui.Stamp(now); got != "22 Nov 2026, 05:02 UTC" {
		t.Errorf("Stamp = %q", got)
	}
}

func TestSealedValuesOpenOnlyHereAndForTheirPurpose(t *testing.T) {
	t.Parallel()
	if _, err := NewSealer(secret.Random(31)); err == nil {
		t.Error("a short key is accepted")
	}
	s, err := NewSealer(secret.Random(32))
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewSealer(secret.Random(32))
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.Seal("one", "value")
	if err != nil {
		t.Fatal(err)
	}
	var got string
	if err := s.Open("one", text, &got); err != nil || got != "value" {
		t.Errorf("Open = %q, %v", got, err)
	}
	changed := "A" + text[1:]
	if changed == text {
		changed = "B" + text[1:]
	}
	for name, err := range map[string]error{
		"another purpose": s.Open("two", text, &got), "another key": other.Open("one", text, &got),
		"changed": s.Open("one", changed, &got), "nothing": s.Open("one", "", &got),
	} {
		if !errors.Is(err, ErrNotSealed) {
			t.Errorf("%s: %v, want ErrNotSealed", name, err)
		}
	}
	for i := range text {
		if err := s.Open("one", text[:i], &got); !errors.Is(err, ErrNotSealed) {
			t.Errorf("first %d characters: %v, want ErrNotSealed", i, err)
		}
	}
}

func TestCookiesOverTLSBelongToTheirHostAlone(t *testing.T) {
	t.Parallel()
	c := NewSurface(New(Site{}, nil), "https://login.example", "", Link{}).Cookies
	w := httptest.NewRecorder()
	c.Set(w, SessionCookie, "v", 0)
	if got := w.Header().Get("Set-Cookie"); got != "__Host-cardea-session=v; Path=/; HttpOnly; Secure; SameSite=Lax" {
		t.Errorf("Set-Cookie: %s", got)
	}
	plain := NewSurface(New(Site{}, nil), "http://login.localhost", "", Link{}).Cookies
	w = httptest.NewRecorder()
	plain.Set(w, SessionCookie, "v", time.Minute)
	if got := w.Header().Get("Set-Cookie"); got != "cardea-session=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax" {
		t.Errorf("Set-Cookie without TLS: %s", got)
	}
}

func TestABrowserKeepsItsNameAndAFewCeremonies(t *testing.T) {
	t.Parallel()
	c := Cookies{Secure: true}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	w := httptest.NewRecorder()
	name := c.Browser(w, r)
	r.AddCookie(w.Result().Cookies()[0])
	if again := c.Browser(httptest.NewRecorder(), r); again != name || len(name) < 40 {
		t.Errorf("Browser = %q, then %q", name, again)
	}
	for _, forged := range []string{"", "short", strings.Repeat("A", 44), strings.Repeat("!", 43)} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: "__Host-cardea-browser", Value: forged})
		if got := c.Browser(httptest.NewRecorder(), r); got == forged {
			t.Errorf("a browser may call itself %q", forged)
		}
	}
	for _, id := range []string{"1", "2", "3", "4"} {
		r.AddCookie(&http.Cookie{Name: "__Host-cardea-ceremony-" + id, Value: "sealed" + id})
	}
	w = httptest.NewRecorder()
	if got := c.Take(w, r, KeptCeremony, "2"); got != "sealed2" || !strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("Take = %q, %v", got, w.Header())
	}
	w = httptest.NewRecorder()
	c.Keep(w, r, KeptCeremony, "5", "sealed5", time.Minute)
	if got := len(w.Header().Values("Set-Cookie")); got != 5 {
		t.Errorf("keeping a fifth sets %d cookies, want four removed and one set", got)
	}
}
