package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"cardea/internal/look"
	"cardea/platform"
)

// A GalleryPage is one screen of the dialog in one state, about people and
// sites that do not exist. Its HTML needs nothing else: it is the extension's
// own page with its files within it.
type GalleryPage struct {
	Name string // "dialog-choose"
	HTML []byte
}

// Gallery draws every screen of the dialog, for people to look at and for
// tests. The window is 480 by 640.
func Gallery() ([]GalleryPage, error) {
	frame, err := galleryFrame()
	if err != nil {
		return nil, fmt.Errorf("drawing the gallery: %w", err)
	}
	var pages []GalleryPage
	for _, s := range galleryStates() {
		v, err := json.Marshal(viewOf(s.request, s.form, s.screen))
		if err != nil {
			return nil, fmt.Errorf("drawing the gallery: %w", err)
		}
		pages = append(pages, GalleryPage{
			Name: "dialog-" + s.name,
			HTML: bytes.Replace(frame, []byte("GALLERY_VIEW"), v, 1),
		})
	}
	return pages, nil
}

// galleryFrame is dialog.html with its files inside, and a worker that sends
// one view and hears nothing.
func galleryFrame() ([]byte, error) {
	tokens, _ := look.File("tokens.css")
	text := map[string]string{}
	for _, name := range []string{"dialog.html", "dialog.css", "icons.js", "dialog.js"} {
		b, err := extensionFiles.ReadFile("extension/" + name)
		if err != nil {
			return nil, err
		}
		text[name] = string(b)
	}
	const worker = `<script>var chrome = {runtime: {connect: () => ({
  postMessage() {}, onDisconnect: {addListener() {}}, onMessage: {addListener: (draw) => draw(GALLERY_VIEW)},
})}};</script>`
	page := strings.NewReplacer(
		`<link rel="icon" href="mark.svg" type="image/svg+xml">`, "",
		`<link rel="stylesheet" href="tokens.css">`, "<style>"+string(tokens)+"</style>",
		`<link rel="stylesheet" href="dialog.css">`, "<style>"+text["dialog.css"]+"</style>",
		`<script src="icons.js" defer></script>`, "",
		`<script src="dialog.js" defer></script>`, "",
		`</body>`, worker+"<script>(() => {"+text["icons.js"]+text["dialog.js"]+"})();</script></body>",
	).Replace(text["dialog.html"])
	return []byte(page), nil
}

type galleryState struct {
	name    string
	request platform.Request
	form    platform.Form
	screen  platform.Screen
}

var galleryReasons = []platform.Reason{
	platform.ReasonDeclined, platform.ReasonNoPasskey, platform.ReasonTooLate, platform.ReasonFull, platform.ReasonTooOld,
	platform.ReasonCannotVerify, platform.ReasonBlocked, platform.ReasonUnplug, platform.ReasonNotUnlock, platform.ReasonFault,
	platform.ReasonUnexpected,
}

var galleryLegs = []platform.Leg{
	platform.LegDevice, platform.LegRadio, platform.LegAdvert, platform.LegRelay, platform.LegHandshake, platform.LegPeer,
	platform.LegTimeout, platform.LegNoKey, platform.LegKey,
}

var galleryTroubles = []platform.Trouble{
	platform.TroubleName, platform.TroubleConnect, platform.TroubleCertificate, platform.TroubleClock, platform.TroubleBetween,
	platform.TroubleService,
}

var galleryStages = []platform.Stage{
	platform.StageAskHere, platform.StageCalling, platform.StageRadioOff, platform.StageShowCode, platform.StageHeard, platform.StageRelayed,
	platform.StageAnswered, platform.StageInsertKey, platform.StageChooseKey, platform.StageTouchKey,
}

// The two requests of the gallery.
var (
	gallerySignIn = platform.Request{
		Purpose: platform.UsePasskey, Origin: "https://login.alder.example", RPID: "alder.example",
	}
	galleryRegister = platform.Request{
		Purpose: platform.MakePasskey, Origin: "http://myaccount.cardea.localhost:8480", RPID: "cardea.localhost",
		Account: "maia@alder.example",
	}
)

// galleryStates lists every screen that there is.
func galleryStates() []galleryState {
	desk := platform.FormDesktop
	all := append(galleryChoices(), galleryWays()...)
	return append(all,
		galleryState{"accounts", gallerySignIn, desk, platform.Screen{
			Sort: platform.ScreenAccounts, Accounts: []string{"maia@alder.example", "ops@alder.example", ""},
		}},
		galleryState{"pin", gallerySignIn, desk, platform.Screen{Sort: platform.ScreenPIN, PIN: &platform.PIN{Retries: -1}}},
		galleryState{"pin-wrong", gallerySignIn, desk, platform.Screen{
			Sort: platform.ScreenPIN, PIN: &platform.PIN{Wrong: true, Retries: 6},
		}},
		galleryState{"pin-last", gallerySignIn, desk, platform.Screen{
			Sort: platform.ScreenPIN, PIN: &platform.PIN{Wrong: true, Retries: 1},
		}},
		galleryState{"pin-new", galleryRegister, desk, platform.Screen{
			Sort: platform.ScreenPIN, PIN: &platform.PIN{New: true, Least: 6, Retries: -1},
		}},
		galleryState{"pin-new-other", galleryRegister, desk, platform.Screen{
			Sort: platform.ScreenPIN, PIN: &platform.PIN{New: true, Least: 6, Wrong: true, Retries: -1},
		}},
		galleryState{"consent", galleryRegister, desk, platform.Screen{Sort: platform.ScreenConsent}})
}

// galleryChoices are the choices: all open, and each reason for a closed one.
func galleryChoices() []galleryState {
	choose := func(here, others platform.Readiness) platform.Screen {
		return platform.Screen{Sort: platform.ScreenChoose, Ways: []platform.Way{
			{Kind: platform.ThisDevice, Readiness: here},
			{Kind: platform.Phone, Readiness: others}, {Kind: platform.SecurityKey, Readiness: others},
		}}
	}
	usable := platform.Readiness{Usable: true}
	holds := platform.Readiness{Usable: true, Holds: platform.HoldsSome}
	all := []galleryState{
		{"choose", gallerySignIn, platform.FormDesktop, choose(holds, usable)},
		{"choose-make", galleryRegister, platform.FormDesktop, choose(usable, usable)},
	}
	remembered := choose(holds, usable)
	remembered.Ways = append([]platform.Way{
		{Kind: platform.Phone, ID: "1", Name: "Maia's Pixel 9", Readiness: usable},
		{Kind: platform.Phone, ID: "2", Name: "Workshop phone with a name that is much too long for one line", Readiness: usable},
	}, remembered.Ways...)
	all = append(all, galleryState{"choose-remembered", gallerySignIn, platform.FormDesktop, remembered})
	for _, o := range []platform.Obstacle{platform.NotRunning, platform.NoBluetooth, platform.NotPermitted, platform.NotSupported,
		platform.NotWanted, platform.NothingHere} {
		no := platform.Readiness{Why: o}
		all = append(all, galleryState{"choose-" + string(o), gallerySignIn, platform.FormPhone, choose(no, no)})
	}
	return all
}

// galleryWays are the ways as they are tried, and as they fail.
func galleryWays() (all []galleryState) {
	add := func(name string, s platform.Screen) {
		all = append(all, galleryState{name, gallerySignIn, platform.FormDesktop, s})
	}
	for _, s := range galleryStages {
		add(string(s), platform.Screen{Sort: platform.ScreenProgress, Name: "Maia's Pixel 9", Progress: platform.Progress{
			Stage: s, Code: galleryCode(), Relay: galleryRelay(s), Until: time.Now().Add(278 * time.Second),
		}})
	}
	for _, i := range []platform.Instead{platform.InsteadOfSilence, platform.InsteadOfUnheard, platform.InsteadOfForgotten} {
		add("instead-"+string(i), platform.Screen{Sort: platform.ScreenProgress, Name: "Maia's Pixel 9", Progress: platform.Progress{
			Stage: platform.StageShowCode, Code: galleryCode(), Until: time.Now().Add(178 * time.Second), Instead: i,
		}})
	}
	for _, l := range galleryLegs {
		add("failed-"+string(l), platform.Screen{
			Sort: platform.ScreenFailed, Kind: platform.Phone, Failed: &platform.Failed{Leg: l, Relay: "relay.alder.example"},
		})
	}
	for _, tr := range galleryTroubles {
		add("failed-relay-"+string(tr), platform.Screen{Sort: platform.ScreenFailed, Kind: platform.Phone,
			Failed: &platform.Failed{Leg: platform.LegRelay, Relay: "relay.alder.example", Trouble: tr},
		})
	}
	add("failed-no-passkey-phone", platform.Screen{
		Sort: platform.ScreenFailed, Kind: platform.Phone, Failed: &platform.Failed{Reason: platform.ReasonNoPasskey},
	})
	kinds := []platform.Kind{platform.Phone, platform.SecurityKey, platform.ThisDevice}
	for i, r := range galleryReasons {
		add("failed-"+string(r), platform.Screen{
			Sort: platform.ScreenFailed, Kind: kinds[i%len(kinds)], Failed: &platform.Failed{Reason: r},
		})
	}
	return all
}

func galleryRelay(s platform.Stage) string {
	if s == platform.StageHeard || s == platform.StageRelayed {
		return "relay.alder.example"
	}
	return ""
}

// galleryCode looks like a QR code and says nothing.
func galleryCode() platform.Matrix {
	const size = 57
	m := make(platform.Matrix, size)
	noise := uint32(1)
	for y := range m {
		m[y] = make([]bool, size)
		for x := range m[y] {
			noise = noise*1664525 + 1013904223
			m[y][x] = noise>>31 == 1
			for _, corner := range [][2]int{{0, 0}, {size - 7, 0}, {0, size - 7}} {
				if dx, dy := x-corner[0], y-corner[1]; dx >= -1 && dx <= 7 && dy >= -1 && dy <= 7 {
					ring := max(dx-3, 3-dx, dy-3, 3-dy)
					m[y][x] = ring <= 1 || ring == 3
				}
			}
		}
	}
	return m
}
