package web

import (
	"strings"
	"time"

	"cardea/identity/web/words"
)

// passkeyExhibits are the pages on which a passkey is added.
func passkeyExhibits(now time.Time) []exhibit {
	on := func(way Where) AddPasskeyOn {
		return AddPasskeyOn{
			Attempt: Attempt{Begin: "/security/add/begin", Finish: "/security/add/finish", Reference: "7F3C-91DA-20B8", Failing: NotAdded},
			Way:     way, Name: "/security/name", Undo: "/security/add/undo", Back: "/security/add", Cancel: "/security",
		}
	}
	some := &Kinds{Work: []string{"Cardea Authenticator on iPhone", "Cardea Authenticator on Android", "YubiKey 5"}, Others: true, DeviceBound: true}
	picky := on(OnAPhone)
	picky.Kinds = some
	f := Words{Title: "That didn't work", What: "Here, passkeys are added with an access pass.", Do: "Ask your help desk for one."}
	return []exhibit{
		{"account-add--kinds", AddPasskey{Cancel: "/security", Kinds: some}, ""},
		{"account-add--not-these", AddPasskey{Cancel: "/security", Kinds: &Kinds{Not: []string{"Samsung Pass"}}}, ""},
		{"account-add--refused-kind", picky, "failed:passkey_kind"},
		{"account-add--no-self-service", Stopped{Failure: Failure{Words: f, Reference: "7F3C-91DA-20B8", Time: now},
			Primary: Link{words.Say("failure.your_account"), "/"}}, ""},
		{"account-add", AddPasskey{Cancel: "/security"}, ""},
		{"account-add--first", AddPasskey{}, ""},
		{"account-add--device", on(OnThisDevice), ""},
		{"account-add--phone", on(OnAPhone), ""},
		{"account-add--key", on(OnASecurityKey), ""},
		{"account-add--waiting", on(OnAPhone), "waiting"},
		{"account-add--confirm", on(OnAPhone), "confirm"},
		{"account-add--undone", on(OnAPhone), "undone"},
		{"account-add--name", on(OnAPhone), "name"},
		{"account-add--failed", on(OnAPhone), "failed"},
	}
}

// savedSomewhere does what add.js does when a passkey was saved.
func savedSomewhere(s string) string {
	return strings.NewReplacer(
		` data-provider></`, ` data-provider>Google Password Manager</`, `data-where="client-device" hidden`, `data-where="client-device"`,
		`data-elsewhere hidden`, `data-elsewhere`, `data-dropped="cannot" hidden`, `data-dropped="cannot"`,
	).Replace(s)
}
