package web

import (
	"bytes"
	"fmt"
	"html"
	"strings"
	"time"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/web/words"
	"cardea/webauthn"
)

// A GalleryPage is one page in one of its states, rendered as a person sees it.
type GalleryPage struct {
	Name string // as in "signin--failed"
	HTML []byte // without scripts, so that it keeps its state
}

// Gallery returns every page in every state, about people who do not exist. Its
// pages expect the assets at AssetPrefix, which Assets serves.
func Gallery() ([]GalleryPage, error) { return GalleryIn(words.English) }

// GalleryIn is Gallery in another language.
func GalleryIn(l words.Language) ([]GalleryPage, error) {
	now := time.Date(2026, 11, 22, 14, 2, 0, 0, time.UTC)
	ui := New(Site{
		Name: "Alder Library Trust", RPID: "alder.example",
		LoginURL: "https://login.alder.example", AccountURL: "https://myaccount.alder.example",
		HelpURL: "https://help.alder.example",
	}, func() time.Time { return now }).In(l)
	var all []GalleryPage
	for _, e := range exhibits(now) {
		page, err := ui.HTML(e.page)
		if err != nil {
			return nil, err
		}
		page = withoutScripts(page)
		if e.state != "" {
			page = inState(page, e.state)
		}
		all = append(all, GalleryPage{Name: e.name, HTML: page})
	}
	return all, nil
}

// An exhibit is a page to render; state is the one of its states that a script
// would show.
type exhibit struct {
	name  string
	page  Page
	state string
}

func exhibits(now time.Time) []exhibit {
	all := append(gateExhibits(now), append(accountExhibits(now), passkeyExhibits(now)...)...)
	all = append(all, supportExhibits()...)
	return append(all, consoleExhibits(now)...)
}

func gateExhibits(now time.Time) []exhibit {
	const onward = Continue("/oauth2/authorize?client_id=reading-room")
	get := Attempt{Begin: "/signin/passkey/begin", Finish: "/signin/passkey/finish", Continue: onward,
		Reference: "7F3C-91DA-20B8", Failing: NotSignedIn}
	create := Attempt{Begin: "/setup/begin", Finish: "/setup/finish", Reference: get.Reference, Failing: NotSetUp}
	old := NoticeFor(ParseAgent("Mozilla/5.0 (iPhone; CPU iPhone OS 16_7 like Mac OS X)"))
	oldAndroid := NoticeFor(ParseAgent("Mozilla/5.0 (Linux; Android 13; SM-A536B)"))
	spent := &Failure{Words: Words{What: "This access pass has been used already.", Do: "Ask your help desk for a new one."},
		Reference: get.Reference, Time: now}
	return []exhibit{
		{"signin", SignIn{Attempt: get, App: "Reading Room"}, ""},
		{"signin--named", SignIn{Attempt: get, Username: "maia@alder.example"}, ""},
		{"signin--waiting", SignIn{Attempt: get, App: "Reading Room"}, "waiting"},
		{"signin--failed", SignIn{Attempt: get, App: "Reading Room"}, "failed"},
		{"signin--old-iphone", SignIn{Attempt: get, Notice: old}, ""},
		{"signin-options", SignInOptions{Attempt: get}, ""},
		{"signin-options--waiting", SignInOptions{Attempt: get}, "waiting"},
		{"signin-options--failed", SignInOptions{Attempt: get}, "failed"},
		{"signin-options--old-android", SignInOptions{Attempt: get, Notice: oldAndroid}, ""},
		{"signin-passkey", SignInPasskey{Attempt: get, Username: "maia@alder.example"}, ""},
		{"access-pass", AccessPass{Continue: onward}, ""},
		{"access-pass--refused", AccessPass{Username: "maia@alder.example", Refused: spent}, ""},
		{"onward", Onward{To: "https://myaccount.alder.example/security/add"}, ""},
		{"stopped", Stopped{Failure: Failure{Words: Words{Title: "You're not signed in yet", What: "We lost track of where you were.", Do: "Start again."},
			Reference: get.Reference, Time: now}, Primary: Link{words.Say("failure.start_again"), "/signin"}}, ""},
		{"setup", Setup{Attempt: create}, ""},
		{"setup--waiting", Setup{Attempt: create}, "waiting"},
		{"setup--failed", Setup{Attempt: create}, "failed"},
		{"signed-out", SignedOut{Again: "/"}, ""},
	}
}

func accountExhibits(now time.Time) []exhibit {
	me := func(here string) Me {
		return Me{DisplayName: "Maia Oduya", Username: "maia@alder.example", Admin: true, Here: here}
	}
	home := Home{Me: me("home"), FirstName: "Maia", Passkeys: 3, LastUsed: now.Add(-4 * time.Minute), Sessions: 3,
		SignIns: 14, Stopped: 1, Lately: sampleEvents(now)}
	home.Signals = &Signals{RPID: "alder.example", UserHandle: webauthn.UserHandle("handle"), Name: me("").Username,
		DisplayName: me("").DisplayName, Accepted: []webauthn.CredentialID{{1, 2, 3}, {4, 5, 6}}}
	one := Home{Me: me("home"), FirstName: "Maia", Passkeys: 1, Sessions: 1}
	keys := samplePasskeys(now)
	sessions := []SessionRow{
		{ID: "1", Agent: sampleAgent("Chromium", "Windows"), Icon: "laptop", Current: true, Address: "192.0.2.17", Since: now.Add(-4 * time.Minute), Seen: now, With: words.Plain("Maia's phone")},
		{ID: "2", Agent: sampleAgent("Safari", "iPad"), Icon: "phone", Address: "192.0.2.44", Since: now.Add(-17 * time.Hour), Seen: now.Add(-16 * time.Hour), With: words.Plain("Home passwords")},
		{ID: "3", Agent: sampleAgent("Chrome", "Android"), Icon: "phone", Address: "2001:db8::8a2e:370:7334", Since: now.Add(-80 * time.Hour), Seen: now.Add(-75 * time.Hour), With: words.Say("account.with_deleted")},
	}
	rename := RenamePasskey{Passkey: keys[0], Value: keys[0].Name, Action: "/security/name", Cancel: "/security"}
	wrong := rename
	wrong.Value, wrong.Wrong = "", "Give it a name of up to 64 characters that can be shown."
	return []exhibit{
		{"account", home, ""},
		{"account--new", one, ""},
		{"account-security", Security{Me: me("security"), Passkeys: keys}, ""},
		{"account-security--only", Security{Me: me("security"), Passkeys: keys[:1]}, ""},
		{"account-security--added", Security{Me: me("security"), Passkeys: keys, Added: "Maia's phone"}, ""},
		{"account-security--deleted", Security{Me: me("security"), Passkeys: keys[:2], Deleted: true}, ""},
		{"account-rename", rename, ""},
		{"account-rename--wrong", wrong, ""},
		{"account-delete", DeletePasskey{Passkey: keys[2], Others: 2}, ""},
		{"account-sessions", Sessions{Me: me("sessions"), Sessions: sessions}, ""},
		{"account-sessions--ended", Sessions{Me: me("sessions"), Sessions: sessions[:1], Ended: 2}, ""},
		{"account-history", History{Me: me("history"), Events: sampleEvents(now)}, ""},
		{"account-history--empty", History{Me: me("history")}, ""},
	}
}

func consoleExhibits(now time.Time) []exhibit {
	me := func(here string) Me {
		return Me{DisplayName: "Tomas Berg", Username: "tomas@alder.example", Admin: true, Here: here}
	}
	people := []PersonRow{
		{ID: "1", DisplayName: "Ines Faria", Username: "ines@alder.example", Passkeys: 1, LastUsed: now.Add(-30 * time.Hour), Added: now.Add(-900 * time.Hour)},
		{ID: "2", DisplayName: "Jo Lindqvist", Username: "jo@alder.example", Added: now.Add(-time.Hour)},
		{ID: "3", DisplayName: "Maia Oduya", Username: "maia@alder.example", Passkeys: 3, LastUsed: now.Add(-4 * time.Minute), Added: now.Add(-15000 * time.Hour)},
		{ID: "4", DisplayName: "Sam Okafor-Featherstonehaugh", Username: "samuel.okafor-featherstonehaugh@branch-east.alder.example", Disabled: true, Passkeys: 2, Added: now.Add(-15000 * time.Hour)},
		{ID: "5", DisplayName: "Tomas Berg", Username: "tomas@alder.example", Admin: true, Passkeys: 2, LastUsed: now.Add(-9 * time.Minute), Added: now.Add(-16000 * time.Hour)},
	}
	events := sampleEvents(now)
	for i := range events {
		events[i].Who = "maia@alder.example"
	}
	events[2].Who = "jo@alder.example (by tomas@alder.example)"
	live := &PassRow{Issued: now.Add(-20 * time.Minute), Expires: now.Add(40 * time.Minute), Live: true}
	used := &PassRow{Issued: now.Add(-99 * time.Hour), Expires: now.Add(-98 * time.Hour), Used: now.Add(-98*time.Hour - time.Minute)}
	return []exhibit{
		{"admin", People{Me: me("people"), People: people, Two: 3, One: 1, None: 1}, ""},
		{"admin-add-person", AddPerson{Me: me("people")}, ""},
		{"admin-add-person--wrong", AddPerson{Me: me("people"), Username: "Maia Oduya", DisplayName: "Maia Oduya",
			WrongUsername: "Use up to 64 letters a to z, digits, and . _ - + @."}, ""},
		{"admin-person", Person{Me: me("people"), Person: people[2], Passkeys: samplePasskeys(now), Sessions: 3, Pass: used, Events: sampleEvents(now)}, ""},
		{"admin-person--new", Person{Me: me("people"), Person: people[1], JustMade: true}, ""},
		{"admin-person--closed", Person{Me: me("people"), Person: people[3], Pass: live}, ""},
		{"admin-issue-pass", IssuePass{Me: me("people"), Person: people[1]}, ""},
		{"admin-issue-pass--again", IssuePass{Me: me("people"), Person: people[2], Pass: live}, ""},
		{"admin-pass", PassIssued{Me: me("people"), Person: people[1], Code: "K7QM4-TXA9E", Expires: now.Add(time.Hour),
			SignIn: "https://myaccount.alder.example"}, ""},
		{"admin-events", Events{Me: me("events"), Events: events}, ""},
	}
}

func samplePasskeys(now time.Time) []PasskeyRow {
	return []PasskeyRow{
		{ID: "1", Name: "Maia's phone", Provider: words.Plain("Cardea Authenticator on Android"), Icon: "phone", Kind: DeviceBound,
			Added: now.Add(-100 * time.Hour), LastUsed: now.Add(-4 * time.Minute), UsedFrom: sampleAgent("Chromium", "Windows")},
		{ID: "2", Name: "Home passwords", Provider: words.Plain("iCloud Keychain"), Icon: "cloud", Kind: Synced,
			Added: now.Add(-1950 * time.Hour), LastUsed: now.Add(-260 * time.Hour), UsedFrom: sampleAgent("Safari", "iPad")},
		{ID: "3", Name: "Blue desk key", Provider: words.Plain("YubiKey 5"), Icon: "key", Kind: DeviceBound, Added: now.Add(-15000 * time.Hour)},
	}
}

func sampleAgent(browser, system string) words.Text {
	return Agent{Browser: browser, System: system}.Words()
}

func sampleEvents(now time.Time) []EventRow {
	const phone, here, windows = "Maia's phone", "192.0.2.17", "Windows Chromium/156"
	var rows []EventRow
	for _, e := range []audit.Event{
		{Time: now.Add(-4 * time.Minute), Kind: audit.SignIn, PasskeyID: phone, UserAgent: windows, Address: here, Reference: "91B0-7CE2-9A44"},
		{Time: now.Add(-17 * time.Hour), Kind: audit.PassSignIn, Outcome: audit.Refused, Reason: string(ceremony.ReasonPassSpent), UserAgent: "curl/8", Address: "203.0.113.9", Reference: "51B0-7CE2-9A44"},
		{Time: now.Add(-100 * time.Hour), Kind: audit.PasskeyAdded, PasskeyID: phone, UserAgent: windows, Address: here, Reference: "01B0-7CE2-9A44"},
		{Time: now.Add(-100*time.Hour - 2*time.Minute), Kind: audit.PassSignIn, UserAgent: windows, Address: here, Reference: "21B0-7CE2-9A44"},
		{Time: now.Add(-9000 * time.Hour), Kind: audit.SignCountBack, PasskeyID: "deleted", UserAgent: windows, Address: here, Reference: "31B0-7CE2-9A44"},
	} {
		name := ""
		if e.PasskeyID == phone {
			name = phone
		}
		rows = append(rows, RowOf(e, name))
	}
	return rows
}

// withoutScripts takes the script elements out: a script would begin something
// that cannot be finished here.
func withoutScripts(page []byte) []byte {
	for {
		head, rest, ok := bytes.Cut(page, []byte("<script "))
		if !ok {
			return page
		}
		_, tail, _ := bytes.Cut(rest, []byte("</script>\n"))
		page = append(head[:len(head):len(head)], tail...)
	}
}

// inState does to a page what its script would do to show one of its states.
func inState(page []byte, state string) []byte {
	s := string(page)
	s = strings.Replace(s, `data-state="start"`, `data-state="start" hidden`, 1)
	s = strings.Replace(s, fmt.Sprintf(`data-state="%s" hidden`, state), fmt.Sprintf(`data-state="%s"`, state), 1)
	w := Words{What: "The browser's window closed before a passkey was used.",
		Do: "Try again, and keep your phone or key within reach. If it closes by itself, use another way."}
	title, _, _ := strings.Cut(s[strings.Index(s, `data-title="`)+len(`data-title="`):], `"`)
	for slot, text := range map[string]string{"title": html.UnescapeString(title), "what": w.What, "do": w.Do} {
		s = strings.Replace(s, ` data-`+slot+`></`, ` data-`+slot+`>`+html.EscapeString(text)+`</`, 1)
	}
	s = savedSomewhere(s)
	s = strings.Replace(s, `name="name" maxlength="64" required autocomplete="off" aria-`, `name="name" maxlength="64" required autocomplete="off" value="Cardea Authenticator on Android" aria-`, 1)
	return []byte(s)
}
