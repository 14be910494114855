package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"cardea/identity/web/words"
	"cardea/webauthn"
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

// ruled returns keys of which some are not taken any more.
func ruled(keys []PasskeyRow, refused ...int) []PasskeyRow {
	keys = slices.Clone(keys)
	for _, i := range refused {
		keys[i].Refused = true
	}
	return keys
}

// The kinds of passkeys that the gallery has icons for: one that is drawn
// differently on dark pages, and one that is not.
var owlKeys, fernKeys = webauthn.AAGUID{1}, webauthn.AAGUID{2}

func sampleProviders() *ProviderBook {
	svg := func(inner string) string {
		return "data:image/svg+xml," + url.PathEscape(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">`+inner+`</svg>`)
	}
	owl := `<circle cx="8" cy="12" r="5" fill="%[1]s"/><circle cx="16" cy="12" r="5" fill="%[1]s"/>`
	list, err := json.Marshal(map[string]map[string]string{
		owlKeys.String():  {"name": "Owl Keys", "icon_light": svg(fmt.Sprintf(owl, "#4a3b8c")), "icon_dark": svg(fmt.Sprintf(owl, "#c9bdf5"))},
		fernKeys.String(): {"name": "Fern Passwords", "icon_light": svg(`<path d="M4 20C4 8 12 4 20 4c0 10-6 16-16 16z" fill="#2e8b57"/>`)},
	})
	if err != nil {
		panic("web: internal error: " + err.Error())
	}
	b, err := ParseProviderBook(list)
	if err != nil {
		panic("web: internal error: " + err.Error())
	}
	return b
}

// drawn returns keys of which two are of kinds that have icons.
func drawn(keys []PasskeyRow) []PasskeyRow {
	keys = slices.Clone(keys)
	keys[0].AAGUID, keys[1].AAGUID = owlKeys, fernKeys
	return keys
}

// GalleryAssets serves below AssetPrefix what the pages of the gallery are made
// of: Assets, and the icons of the passkey providers in it.
func GalleryAssets() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(AssetPrefix, Assets())
	mux.Handle(ProviderPrefix, sampleProviders())
	return mux
}

// savedSomewhere does what add.js does when a passkey was saved.
func savedSomewhere(s string) string {
	return strings.NewReplacer(
		` data-provider></`, ` data-provider>Google Password Manager</`, `data-where="client-device" hidden`, `data-where="client-device"`,
		`data-elsewhere hidden`, `data-elsewhere`, `data-dropped="cannot" hidden`, `data-dropped="cannot"`,
	).Replace(s)
}
