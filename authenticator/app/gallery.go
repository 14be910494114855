package app

import (
	"fmt"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/desktop"
	"cardea/authenticator/vault"
	"cardea/ctap"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/tunnel"
	"cardea/webauthn"
)

// A GalleryPage is one page in one state, drawn with made-up people and sites.
type GalleryPage struct {
	Name string // "ios-list"
	HTML []byte
}

// Gallery draws every page in every state, for people to look at and for tests
// to compare. Its pages refer to "/assets/", which Handler serves.
func Gallery() ([]GalleryPage, error) {
	var pages []GalleryPage
	for _, style := range []Style{IOS, Android, Computer} {
		g := newGallery(style)
		for _, draw := range []func(){g.firstPages, g.passkeys, g.settings, g.scanning, g.sheets, g.barePages} {
			draw()
		}
		if g.err != nil {
			return nil, g.err
		}
		pages = append(pages, g.pages...)
	}
	return pages, nil
}

// A gallery is a device that only draws.
type gallery struct {
	*App
	pages []GalleryPage
	err   error
}

var galleryTime = time.Date(2026, 11, 20, 14, 2, 0, 0, time.UTC)

func newGallery(style Style) *gallery {
	is := map[Style]struct{ version, name string }{
		IOS: {"17.4", "Maia's iPhone"}, Android: {"14", "Maia's phone"}, Computer: {"", "Maia's computer"},
	}[style]
	a := &App{
		cfg:   Config{Style: style, OSVersion: is.version, DeviceName: is.name, Sensor: true, Now: func() time.Time { return galleryTime }},
		words: manners[style], news: newNews(), keeper: &keeper{}, cabinet: &cabinet{now: defaultPreferences(style)},
	}
	a.desk, a.sessions = newDesk(func() {}), newSessions("", true)
	return &gallery{App: a}
}

func (g *gallery) add(name, set string, data any) {
	b, err := execute(set, "page", data)
	if err != nil && g.err == nil {
		g.err = fmt.Errorf("drawing %s: %w", name, err)
	}
	g.pages = append(g.pages, GalleryPage{Name: string(g.cfg.Style) + "-" + name, HTML: b})
}

// kinds are the secrets that this style has.
func (g *gallery) kinds() []vault.Kind {
	if g.cfg.Style == Android {
		return []vault.Kind{vault.PIN, vault.Pattern}
	}
	return []vault.Kind{vault.PIN}
}

func (g *gallery) field(name, label string, k vault.Kind) secretField {
	return g.secretField(name, label, k, "")
}

func (g *gallery) firstPages() {
	version := "16.7"
	if g.cfg.Style == Android {
		version = "13"
	}
	if g.words.Minimum > 0 {
		g.add("old", "old", oldPage{Frame: g.frame("Update", ""), Version: version})
	}
	g.add("error", "error", errorPage{Frame: g.frame("That didn't work", ""), Heading: "That didn't work",
		Says: "That came from another site, so nothing was done.", Reference: "7F3C-91DA-20B8"})
	for _, k := range g.kinds() {
		label := g.words.secret(k).Label
		p := setupPage{Frame: g.frame("Set up", ""), Kind: k, Pattern: k == vault.Pattern,
			First: g.field("secret", label, k), Again: g.field("again", label+" again", k)}
		p.OtherHref, p.OtherLabel = g.otherKind("/setup", k)
		g.add("setup-"+string(k), "setup", p)
		p.Problem = "The two aren't the same. Try once more."
		g.add("setup-"+string(k)+"-problem", "setup", p)

		lock := lockPage{Frame: g.frame("Locked", ""), Field: g.field("secret", label, k)}
		lock.Frame.Secret = g.words.secret(k)
		g.add("lock-"+string(k), "lock", lock)
		lock.Problem, _ = g.secretProblem(&vault.PINError{Retries: 3}, k)
		g.add("lock-"+string(k)+"-problem", "lock", lock)
	}
	g.add("lock-blocked", "lock", lockPage{Frame: g.frame("Locked", ""), Blocked: true})
}

func (g *gallery) sample() []authenticator.Passkey {
	key := func(n byte, rp, name, account, display string) authenticator.Passkey {
		return authenticator.Passkey{ID: []byte{n}, RPID: webauthn.RPID(rp), RPName: name,
			Account:   authenticator.Account{Name: account, DisplayName: display},
			CreatedAt: galleryTime.Add(-50 * time.Hour), LastUsed: galleryTime.Add(-4 * time.Minute)}
	}
	return []authenticator.Passkey{
		key(1, "login.alder.example", "Alder Library Trust", "maia@alder.example", "Maia Oduya"),
		key(2, "login.alder.example", "Alder Library Trust", "desk@alder.example", "Weekend desk"),
		key(3, "fern.example", "Fern Pottery Club", "maia.o", ""),
	}
}

func (g *gallery) passkeys() {
	all := g.sample()
	g.add("list", "passkeys", passkeysPage{Frame: g.frame("Passkeys", tabPasskeys), Sites: bySite(all)})
	g.add("list-deleted", "passkeys", passkeysPage{Frame: g.frame("Passkeys", tabPasskeys), Sites: bySite(all[2:]),
		Notice: "Deleted here. Delete it in your account on the site too."})
	g.add("list-empty", "passkeys", passkeysPage{Frame: g.frame("Passkeys", tabPasskeys)})
	p := passkeyPage{Frame: g.frame("Passkey", ""), Name: "Maia Oduya", Site: "login.alder.example", SiteSays: "Alder Library Trust",
		Account: "maia@alder.example", Created: g.day(all[0].CreatedAt), LastUsed: g.day(all[0].LastUsed), Href: hrefOf(all[0])}
	g.add("passkey", "passkey", p)
	p.Nickname, p.Problem = "A name that is much longer than a row", "That name is longer than 30 characters."
	g.add("passkey-problem", "passkey", p)
	g.add("delete", "delete", deletePage{Frame: g.frame("Delete this passkey?", ""), Account: p.Account, Site: p.Site, Href: p.Href,
		Field: g.field("secret", g.words.secret(vault.PIN).Label, vault.PIN)})
}

func (g *gallery) settings() {
	g.add("activity-empty", "activity", activityPage{Frame: g.frame("Activity", tabActivity)})
	page := activityPage{Frame: g.frame("Activity", tabActivity)}
	for i, e := range []Event{
		{Kind: authenticator.UsePasskey, Account: "maia@alder.example", Caller: g.caller(), Outcome: outcomeAllowed},
		{Kind: authenticator.UsePasskey, Caller: g.caller(), Outcome: outcomeDeclined},
		{Kind: authenticator.MakePasskey, Account: "maia@alder.example", Caller: authenticator.Caller{Via: "local", Name: "Chromium"}, Outcome: outcomeAllowed},
		{Kind: authenticator.NoPasskey, Caller: authenticator.Caller{Via: "local"}, Outcome: outcomeTold},
		{Kind: authenticator.UsePasskey, Caller: g.caller(), Outcome: outcomeNoAnswer},
	} {
		e.At, e.Site = galleryTime.Add(-time.Duration(i*9)*time.Hour), "login.alder.example"
		page.Rows = append(page.Rows, g.eventRow(e))
	}
	g.add("activity", "activity", page)
	form := preferenceForm{Now: g.cabinet.get(), LockTitle: "Lock by itself"}
	for _, c := range lockChoices {
		form.LockChoices = append(form.LockChoices, lockChoice{c.Minutes, c.Label, c.Minutes == form.Now.LockAfter})
	}
	if g.cfg.Style == Computer {
		form.Notify, form.Finger, form.Away = true, true, true
		form.FingerSays = "In place of your PIN, while your passkeys are open"
		chip := openerRow{Name: "tpm", Label: openerWords["tpm"], Says: "Off. Each start asks for your PIN"}
		form.Openers = []openerRow{chip, {Name: "keyring", Label: openerWords["keyring"], Says: "On. Your passkeys are open after each start", On: true}}
		p := openerPage{Frame: g.frame(chip.Label, ""), Row: chip, Field: g.field("secret", "PIN", vault.PIN)}
		g.add("opener", "opener", p)
		p.Row.On = true
		g.add("opener-on", "opener", p)
	}
	linked := ""
	if g.words.Links {
		linked = countComputers(2)
		g.computers()
	}
	g.add("settings", "settings", settingsPage{Computers: linked, Form: form, Frame: g.frame("Settings", tabSettings), Notice: "Changed. Use the new " + g.words.BareSecret + " from now on.",
		Sensor: "Simulated sensor", SensorSays: "A button stands for " + g.words.Fingers, SensorIcon: g.words.Sensors[0].Icon,
		Version: g.cfg.OSVersion, Count: "3 passkeys", AAGUID: g.aaguid().String()})
	for _, k := range g.kinds() {
		w := g.words.secret(k)
		p := secretPage{Frame: g.frame("Change", ""), Kind: k, Pattern: k == vault.Pattern,
			Current: g.field("current", "Current "+w.Noun, k), First: g.field("secret", "New "+w.Noun, k), Again: g.field("again", "New "+w.Noun+" again", k)}
		p.Frame.Secret = w
		p.OtherHref, p.OtherLabel = g.otherKind("/settings/secret", k)
		p.Problem, _ = g.secretProblem(&vault.PINError{Retries: 1}, k)
		g.add("secret-"+string(k), "secret", p)
	}
}

func (g *gallery) scanning() {
	if !g.words.Camera {
		g.add("scan", "no_camera", noCameraPage{Frame: g.frame("Codes are for phones", "")})
		return
	}
	scan := scanPage{Frame: g.frame("Scan", "")}
	scan.Frame.Camera = true
	g.add("scan", "scan", scan)
	scan.Problem = "That code has ended. Scan it again."
	g.add("scan-ended", "scan", scan)
	scan.Problem = digitalIDProblem
	g.add("scan-digital-id", "scan", scan)
	show := func(name string, t transactionView) {
		p := g.progress(t)
		p.Frame = g.frame(p.Title, "")
		g.add("progress-"+name, "progress", p)
	}
	if g.words.Links {
		g.linkedScanning(show)
	}
	for _, s := range []link.Stage{"", link.StageWaiting, link.StageJoined, link.StageReady} {
		name := string(s)
		if s == "" {
			name = "begun"
		}
		show(name, transactionView{Running: true, Stage: s})
	}
	show("sending", transactionView{Running: true, Stage: link.StageReady, Asked: true})
	for _, r := range []result{resultSent, resultDeclined, resultNoPasskey, resultExcluded, resultCancelled, resultRefused} {
		show(string(r), transactionView{Result: r})
	}
	show("cancelled-late", transactionView{Result: resultCancelled, Asked: true})
	show("cancelled-saved", transactionView{Result: resultCancelled, Hint: hybrid.HintMakeCredential, Asked: true, Saved: true})
	show("refused-asked", transactionView{Result: resultRefused, Asked: true})
	show("failed-saved", transactionView{Result: resultFailed, Leg: link.LegPeer, Stage: link.StageReady, Hint: hybrid.HintMakeCredential, Asked: true, Saved: true})
	show("saved", transactionView{Result: resultSent, Hint: hybrid.HintMakeCredential})
	for _, f := range []transactionView{
		{Leg: link.LegRelay}, {Leg: link.LegRadio, Stage: link.StageConnected}, {Leg: link.LegAdvert, Stage: link.StageWaiting},
		{Leg: link.LegHandshake, Stage: link.StageJoined}, {Leg: link.LegTimeout, Stage: link.StageReady}, {Leg: link.LegPeer, Stage: link.StageReady},
	} {
		f.Result = resultFailed
		show("failed-"+string(f.Leg), f)
	}
	for _, trouble := range []tunnel.Trouble{tunnel.TroubleName, tunnel.TroubleCertificate, tunnel.TroubleClock, tunnel.TroubleBetween,
		tunnel.TroubleService, troubleUnknown} {
		show("failed-relay-"+string(trouble), transactionView{Result: resultFailed, Leg: link.LegRelay, Trouble: trouble})
	}
	show("failed-relay-broke", transactionView{Result: resultFailed, Leg: link.LegRelay, Stage: link.StageWaiting})
}

// caller is who asks most often: another device, or on a computer its browser.
func (g *gallery) caller() authenticator.Caller {
	if g.words.Camera {
		return authenticator.Caller{Via: "hybrid"}
	}
	return authenticator.Caller{Via: "local", Name: "Chromium"}
}

// asking puts a question on the desk as if it were asked.
func (g *gallery) asking(q question) {
	q.id = "question"
	g.desk.now = &q
}

// questions are the questions in each of their steps.
func (g *gallery) questions() map[string]question {
	all := g.sample()
	nearby, here := g.caller(), authenticator.Caller{Via: "local", Name: "Chromium"}
	use := authenticator.Prompt{Kind: authenticator.UsePasskey, RPID: all[0].RPID, Passkeys: all[:2], Caller: nearby, Verify: true}
	one := use
	one.Passkeys, one.Caller = all[:1], here
	save := authenticator.Prompt{Kind: authenticator.MakePasskey, RPID: all[0].RPID, Account: all[0].Account, Caller: nearby, Verify: true}
	told := func(k authenticator.Kind) question {
		return question{step: stepTold, prompt: authenticator.Prompt{Kind: k, RPID: all[0].RPID, Caller: nearby}}
	}
	return map[string]question{
		"choose":       {step: stepConfirm, prompt: use},
		"use":          {step: stepConfirm, prompt: one},
		"make":         {step: stepConfirm, prompt: save},
		"select":       {step: stepConfirm, prompt: authenticator.Prompt{Kind: authenticator.Select, Caller: here}},
		"verify":       {step: stepVerify, prompt: use},
		"verify-make":  {step: stepVerify, prompt: save},
		"secret":       {step: stepSecret, prompt: use},
		"secret-wrong": {step: stepSecret, prompt: use, problem: "That's not the " + g.words.BareSecret + ". 1 try is left.", tries: 1},
		"unlock-first": {step: stepConfirm, prompt: authenticator.Prompt{Kind: authenticator.Unlock, RPID: all[0].RPID, Caller: here}},
		"unlock":       {step: stepSecret, prompt: authenticator.Prompt{Kind: authenticator.Unlock, RPID: all[0].RPID, Caller: here}},
		"set-up-first": {step: stepSetUp, prompt: authenticator.Prompt{Kind: authenticator.Unlock, RPID: all[0].RPID, Caller: here}},
		"already-here": told(authenticator.AlreadyHere),
		"no-passkey":   told(authenticator.NoPasskey),

		"finger": {step: stepVerify, finger: true, prompt: one}, "finger-wrong": {step: stepVerify, finger: true, prompt: one, problem: tryWords[desktop.NotRecognized], tries: 1},
		"finger-gone": {step: stepSecret, prompt: one, problem: fingerProblem(desktop.ErrNotRecognized, g.words.BareSecret), tries: 2},
		"token-make":  {step: stepConfirm, prompt: g.token(ctap.PermitMakeCredential, all[0].RPID)},
		"token-use":   {step: stepConfirm, prompt: g.token(ctap.PermitGetAssertion|ctap.PermitLargeBlobWrite, all[0].RPID)},
		"token-all":   {step: stepConfirm, prompt: g.token(ctap.PermitManagement|ctap.PermitConfig, "")},
		"reset":       {step: stepHold, prompt: authenticator.Prompt{Kind: authenticator.Reset, Caller: authenticator.Caller{Via: authenticator.ViaHID}, Deadline: galleryTime.Add(time.Minute)}},
		"program": {step: stepConfirm, prompt: authenticator.Prompt{Kind: authenticator.UsePasskey, RPID: all[0].RPID, Passkeys: all[:1], Verify: true,
			Caller: authenticator.Caller{Via: authenticator.ViaLocal, Name: "A Browser", Program: "chromium"}, Deadline: galleryTime.Add(2 * time.Minute)}},
	}
}

// token is a question for a token with some permissions.
func (g *gallery) token(p ctap.Permission, rp webauthn.RPID) authenticator.Prompt {
	return authenticator.Prompt{Kind: authenticator.Verify, RPID: rp, Permissions: p, Verify: true, Caller: authenticator.Caller{Via: authenticator.ViaHID}}
}

var questionNames = []string{"choose", "use", "make", "select", "verify", "verify-make", "secret", "secret-wrong", "unlock", "set-up-first", "already-here", "no-passkey",
	"finger", "finger-wrong", "finger-gone", "token-make", "token-use", "token-all", "reset", "program"}

func (g *gallery) sheets() {
	questions := g.questions()
	for _, name := range questionNames {
		g.asking(questions[name])
		g.add("ask-"+name, "passkeys", passkeysPage{Frame: g.frame("Passkeys", tabPasskeys), Sites: bySite(g.sample())})
	}
	if g.cfg.Style == Android {
		g.asking(questions["secret"])
		p := passkeysPage{Frame: g.frame("Passkeys", tabPasskeys), Sites: bySite(g.sample())}
		w := g.words.secret(vault.Pattern)
		p.Frame.Sheet.Title, p.Frame.Sheet.Field = w.Title, g.field("secret", w.Label, vault.Pattern)
		g.add("ask-pattern", "passkeys", p)
	}
	if g.words.Links {
		g.linkedSheets()
	}
	g.desk.now = nil
}

func (g *gallery) barePages() {
	show := func(name string) {
		f := g.frame("Request", "")
		f.Bare, f.Sheet = true, g.sheet(true)
		g.add("bare-"+name, "prompt", promptPage{f})
	}
	questions := g.questions()
	for _, name := range []string{"choose", "make", "verify", "secret", "reset", "finger-wrong"} {
		g.asking(questions[name])
		show(name)
	}
	g.desk.now = nil
	show("waiting")
	for _, o := range []outcome{outcomeAllowed, outcomeDeclined, outcomeNoAnswer, outcomeWithdrawn} {
		g.desk.last = o
		show(string(o))
	}
	g.desk.last = ""
}
