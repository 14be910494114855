package web

import (
	"html"
	"strings"
	"time"

	"cardea/identity/web/words"
)

// signinExhibits are the pages of a browser that knows somebody, and the
// question that comes before it does.
func signinExhibits(time.Time) []exhibit {
	get := Attempt{Begin: "/signin/passkey/begin", Finish: "/signin/passkey/finish", Continue: "/oauth2/authorize?client_id=reading-room",
		Reference: "7F3C-91DA-20B8", Failing: NotSignedIn}
	const elsewhere = "https://reading-room.alder.example/"
	maia := AccountTile{DisplayName: "Maia Oduya", Username: "maia@alder.example", Way: OnThisDevice, Kept: true}
	tomas := AccountTile{DisplayName: "Tomas Berg", Username: "tomas@alder.example", Way: OnAPhone, Kept: true}
	ines := AccountTile{DisplayName: "Ines Faria", Username: "ines@alder.example", Way: OnASecurityKey, Kept: true}
	sam := AccountTile{DisplayName: "Sam Okafor-Featherstonehaugh", Username: "samuel.okafor-featherstonehaugh@branch-east.alder.example", Way: OnThisDevice, Kept: true, Closed: true}
	here := AccountTile{DisplayName: maia.DisplayName, Username: maia.Username, Here: true}
	one := SignInAccounts{Attempt: get, App: "Reading Room", Elsewhere: elsewhere, Accounts: []AccountTile{maia}}
	stay := StaySignedIn{DisplayName: maia.DisplayName, Username: maia.Username, Session: "session", Way: OnAPhone, Continue: get.Continue,
		KeptIdle: 7 * 24 * time.Hour, KeptAbsolute: 30 * 24 * time.Hour, Idle: 8 * time.Hour}
	return []exhibit{
		{"signin--other-name", SignIn{Attempt: get, App: "Reading Room", Elsewhere: elsewhere, Back: true}, ""},
		{"signin--wrong-account", SignIn{Attempt: get, App: "Reading Room", Elsewhere: elsewhere}, "other"},
		{"signin--unable", SignIn{Attempt: get, App: "Reading Room", Elsewhere: elsewhere}, "unable"},
		{"signin-accounts", one, ""},
		{"signin-accounts--several", SignInAccounts{Attempt: get, Elsewhere: elsewhere, Accounts: []AccountTile{maia, tomas, ines, sam}}, ""},
		{"signin-accounts--here", SignInAccounts{Attempt: get, App: "My Account", Elsewhere: elsewhere, Accounts: []AccountTile{here}}, ""},
		{"signin-accounts--waiting", one, "waiting"},
		{"signin-accounts--failed", one, "failed"},
		{"signin-accounts--wrong-account", one, "other"},
		{"signin-options--declined", SignInOptions{Attempt: get, Elsewhere: elsewhere, Declined: true}, ""},
		{"stay-signed-in", stay, ""},
	}
}

// stoppedForAnother does what signin.js does when the passkey was another's.
func stoppedForAnother(ui *UI, s string) string {
	say := func(key string) string {
		return html.EscapeString(ui.Say(words.Say(key, "Owner", "Tomas Berg", "Username", "tomas@alder.example", "Chosen", "maia@alder.example")))
	}
	return strings.NewReplacer(
		` data-other></`, ` data-other>`+say("accounts.other")+`</`, ` data-other-what></`, ` data-other-what>`+say("accounts.other_more")+`</`,
		` data-go-on></`, ` data-go-on>`+say("accounts.go_on")+`</`,
	).Replace(s)
}
