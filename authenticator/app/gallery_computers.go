package app

import (
	"time"

	"cardea/authenticator"
	"cardea/authenticator/vault"
	"cardea/hybrid/link"
)

// computers draws what there is on a phone that computers may be linked with.
func (g *gallery) computers() {
	title := "Linked computers"
	g.add("computers-empty", "computers", computersPage{Frame: g.frame(title, "")})
	all := []linkedComputer{
		{ID: linkID{1}, Name: "Computer linked 19 Nov", Since: galleryTime.Add(-26 * time.Hour)},
		{ID: linkID{2}, Name: "Study", Since: galleryTime.Add(-400 * time.Hour), Used: galleryTime.Add(-2 * time.Hour)},
	}
	p := computersPage{Frame: g.frame(title, "")}
	for _, c := range all {
		p.Rows = append(p.Rows, g.computerRow(c))
	}
	g.add("computers", "computers", p)
	p.Notice, p.Trouble = "Forgotten.", "They can't ask just now: this phone isn't connected to its relay. A code still works."
	g.add("computers-unreachable", "computers", p)
	one := computerPage{Frame: g.frame("Linked computer", ""), Name: all[1].Name, Typed: all[1].Name, Href: all[1].href(),
		Linked: g.day(all[1].Since), Used: g.day(all[1].Used)}
	g.add("computer", "computer", one)
	one.Typed, one.Problem = all[0].Name, "Another computer has that name."
	g.add("computer-problem", "computer", one)
	g.add("computers-forget", "forget_computers", forgetComputersPage{Frame: g.frame("Forget all computers?", ""), Count: countComputers(2)})
	page := activityPage{Frame: g.frame("Activity", tabActivity)}
	for i, e := range []Event{{Kind: authenticator.UsePasskey, Site: "login.alder.example", Account: "maia@alder.example", Outcome: outcomeAllowed},
		{Outcome: outcomeCallRadio}, {Outcome: outcomeCallFar}, {Outcome: outcomeLinked}, {Outcome: outcomeForgotten}} {
		e.At, e.Caller = galleryTime.Add(-time.Duration(i*9)*time.Hour), linkedCaller("Study")
		page.Rows = append(page.Rows, g.eventRow(e))
	}
	g.add("activity-computers", "activity", page)
}

// linkedScanning is what differs when a computer is remembered, or has called.
func (g *gallery) linkedScanning(show func(string, transactionView)) {
	found := scanPage{Frame: g.frame("Scan", ""), Found: &scanAnswer{Code: "x", Label: g.words.UsePasskey, Linking: true}}
	found.Frame.Camera = true
	g.add("scan-remember", "scan", found)
	show("remembered", transactionView{Result: resultSent, Remembered: "Computer linked 20 Nov"})
	show("called", transactionView{Running: true, Stage: link.StageReady, Computer: "Study"})
	show("called-declined", transactionView{Result: resultDeclined, Computer: "Study"})
	show("called-failed", transactionView{Result: resultFailed, Leg: link.LegPeer, Stage: link.StageReady, Computer: "Study"})
}

// linkedSheets are questions of a computer that has called.
func (g *gallery) linkedSheets() {
	all := g.sample()
	ask := authenticator.Prompt{Kind: authenticator.UsePasskey, RPID: all[0].RPID, Passkeys: all[:1], Verify: true,
		Caller: linkedCaller("Study"), Deadline: galleryTime.Add(2 * time.Minute)}
	g.asking(question{step: stepConfirm, prompt: ask})
	g.add("ask-linked", "passkeys", passkeysPage{Frame: g.frame("Passkeys", tabPasskeys), Sites: bySite(all)})
	ask.Kind, ask.Passkeys = authenticator.Unlock, nil
	g.asking(question{step: stepSecret, prompt: ask})
	g.add("ask-linked-locked", "lock", lockPage{Frame: g.frame("Locked", ""), Field: g.field("pin", "PIN", vault.PIN)})
}
