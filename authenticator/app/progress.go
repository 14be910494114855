package app

import (
	"net/http"

	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/tunnel"
)

type progressPage struct {
	Frame             frame
	Title, Says, ToDo string
	Icon, Tone        string
	Legs              []legRow
	Running           bool
	Again             bool   // scanning another code is the way on
	Remembered        string // what the computer is called that is remembered now
}

// A progressAnswer is a progressPage for programs.
type progressAnswer struct {
	Running bool   `json:"running"`
	Sent    bool   `json:"sent"`
	Title   string `json:"title"`
	Says    string `json:"says"`
	ToDo    string `json:"todo,omitempty"`
}

// A legRow is one part of the way to the other device.
type legRow struct {
	Name, Says, Icon string
	State            string // "ok", "go", "bad", or empty: not reached
	Chip, Word       string
}

func (a *App) progressPage(w http.ResponseWriter, r *http.Request) error {
	t := a.transaction()
	if t == nil {
		return see(w, r, "/scan")
	}
	p := a.progress(*t)
	if wantsJSON(r) {
		writeJSON(w, http.StatusOK, progressAnswer{Running: p.Running, Sent: t.Result == resultSent, Title: p.Title, Says: p.Says, ToDo: p.ToDo})
		return nil
	}
	p.Frame = a.frame(p.Title, "").live()
	return a.render(w, http.StatusOK, "progress", p)
}

// progress puts a transaction into words.
func (a *App) progress(t transactionView) progressPage {
	p := a.story(t)
	p.Remembered = t.Remembered
	if t.Computer != "" { // which may call again, and there is no code
		p.Again = false
		p.Legs = nil
	}
	return p
}

func (a *App) story(t transactionView) progressPage {
	d := a.words.Device
	switch t.Result {
	case resultNone:
		return a.underWay(t)
	case resultSent:
		says := "Carry on at the other device. You can put your " + d + " away."
		if t.Hint == hybrid.HintMakeCredential {
			says = "The passkey is saved here. " + says
		}
		return progressPage{Title: "Sent", Says: says, Icon: "check", Tone: "ok"}
	case resultDeclined:
		return progressPage{Title: "Not sent", Icon: "close", Tone: "plain", Again: true,
			Says: "The other device was told that this " + d + " said no."}
	case resultNoPasskey:
		return progressPage{Title: "No passkey here", Icon: "passkey", Tone: "warn",
			Says: "This " + d + " has no passkey that the other device accepts. It was told so.",
			ToDo: "choose another way to sign in there, or use the device that has your passkey."}
	case resultExcluded:
		return progressPage{Title: "You have one already", Icon: "passkey", Tone: "plain",
			Says: "This " + d + " keeps a passkey for that account. The other device was told so."}
	case resultCancelled:
		says := "Nothing was sent."
		if t.Asked {
			says = "The other device may not have the answer." + left(t)
		}
		return progressPage{Title: "Cancelled", Icon: "close", Tone: "plain", Again: true, Says: says}
	case resultRefused:
		p := progressPage{Title: "Nothing was sent", Icon: "warning", Tone: "warn", Again: true,
			Says: "The other device asked for something that this " + d + " can't do.", ToDo: "choose another way to sign in there."}
		if t.Asked {
			p.Title, p.Says = "That can't be done here", p.Says+" It was told so."
		}
		return p
	}
	p := a.broken(t)
	p.Says += left(t)
	return p
}

// left says what a transaction without a good end leaves behind.
func left(t transactionView) string {
	if t.Saved {
		return " A passkey was saved here; you can delete it."
	}
	return ""
}

func (a *App) underWay(t transactionView) progressPage {
	p := progressPage{Title: "Connecting to the other device", Icon: "near", Running: true, Legs: a.legs(t),
		Says: "Keep this " + a.words.Device + " next to it."}
	switch {
	case t.Asked:
		p.Title, p.Says = "Sending the answer", "The other device takes it from here."
	case t.Computer != "":
		p.Title, p.Says = "Connected", t.Computer+" is next to this "+a.words.Device+". Waiting for what it asks."
	case t.Stage == link.StageReady:
		p.Title, p.Says = "Connected", "Waiting for what the other device asks."
	}
	return p
}

// broken names the leg that failed and what to do about it.
func (a *App) broken(t transactionView) progressPage {
	d := a.words.Device
	p := progressPage{Icon: "warning", Tone: "danger", Again: true, Legs: a.legs(t)}
	if t.Computer != "" {
		return a.brokenCall(t, p)
	}
	switch t.Leg {
	case link.LegRadio:
		p.Title, p.Says = "Bluetooth is off on this "+d, "It's how the other device knows that you're close by. Nothing is paired."
		p.ToDo = "turn it on, then scan the code again."
	case link.LegRelay:
		return a.brokenRelay(t, p)
	case link.LegAdvert:
		p.Title, p.Says = "The other device didn't hear this "+d, "It may be too far away, or its Bluetooth is off."
		p.ToDo = "hold this " + d + " next to it, check its Bluetooth and its network, and scan a new code."
	case link.LegHandshake:
		p.Title, p.Says = "That code doesn't fit any more", "What came from the other device doesn't belong to the code you scanned."
		p.ToDo = "start again on the other device, and scan the new code."
	case link.LegTimeout:
		p.Title, p.Says = "The other device went quiet", "It connected, and then didn't answer in time."
		p.ToDo = "start again on the other device, and scan the new code."
	default:
		p.Title, p.Says = "The other device closed the connection", "Someone may have pressed Cancel there, or closed the page."
		p.ToDo = "start again there, and scan the new code."
	}
	return p
}

// brokenRelay says why this phone is not at the relay. Nothing was advertised
// then, so the other device doesn't know that its code was scanned.
func (a *App) brokenRelay(t transactionView, p progressPage) progressPage {
	d := a.words.Device
	p.Title, p.Says = "This "+d+" couldn't reach the relay", "The two devices meet there. It didn't answer from this network."
	p.ToDo = "check that this " + d + " is online, or try another network. Then scan a new code."
	switch {
	case t.Stage != "":
		p.Title, p.Says = "The connection broke", "This "+d+" or the relay, where the two devices meet, went offline before they were done."
	case t.Trouble == tunnel.TroubleName:
		p.Says = "The two devices meet there. This " + d + " is offline, or its network doesn't know the relay's name."
	case t.Trouble == tunnel.TroubleCertificate:
		p.Title = "Something stands between this " + d + " and the relay"
		p.Says = "Whoever answered isn't the relay. Company networks and virus scanners do that when they open encrypted connections. Nothing was sent."
		p.ToDo = "use another network, or ask whoever runs this one to let the relay through. Then scan a new code."
	case t.Trouble == tunnel.TroubleClock:
		p.Title = "Check the date and time on this " + d
		p.Says = "By its clock, the certificate of the relay, where the two devices meet, isn't valid now."
		p.ToDo = "set the date and time in the settings, and scan a new code."
	case t.Trouble == tunnel.TroubleBetween:
		p.Title = "This network wants something first"
		p.Says = "A sign-in page or a proxy answered in place of the relay, where the two devices meet."
		p.ToDo = "open any page in the browser and sign in to the network, or use another one. Then scan a new code."
	case t.Trouble == tunnel.TroubleService:
		p.Title, p.Says = "The relay can't help just now", "The two devices meet there. It answered, but it has no room, or a fault."
		p.ToDo = "wait a minute, and scan a new code."
	case t.Trouble == troubleUnknown:
		p.Title = "The other device doesn't know this " + d + "'s relay"
		p.Says = "The two devices would meet there. The other device, or its browser, may be too old."
		p.ToDo = "bring it up to date, or choose another way to sign in there."
	}
	return p
}

// brokenCall is broken for a computer that has called, and so was met: there is
// no code to scan, and it is asked there whether to call again.
func (a *App) brokenCall(t transactionView, p progressPage) progressPage {
	p.ToDo = "start again there. If it doesn't find this " + a.words.Device + " then, it shows a code to scan."
	switch t.Leg {
	case link.LegTimeout:
		p.Title, p.Says = "The computer went quiet", t.Computer+" connected, and then didn't answer in time."
	case link.LegRelay:
		p.Title, p.Says = "The connection broke", "This "+a.words.Device+" or the relay went offline while "+t.Computer+" was connected."
	default:
		p.Title, p.Says = "The computer closed the connection", "Someone may have pressed Cancel at "+t.Computer+", or closed the page."
	}
	return p
}

// reached is how many legs each stage has behind it.
var reached = map[link.Stage]int{link.StageConnected: 1, link.StageWaiting: 1, link.StageJoined: 2, link.StageReady: 3}

// brokenLeg is the leg, counted from zero, that an error's name stands for.
var brokenLeg = map[link.Leg]int{link.LegRelay: 0, link.LegRadio: 1, link.LegAdvert: 1, link.LegHandshake: 2, link.LegTimeout: 2, link.LegPeer: 2}

// legs shows the way: this phone to the relay, the signal that it is near,
// and the other device's answer.
func (a *App) legs(t transactionView) []legRow {
	d := a.words.Device
	legs := []legRow{
		{Name: "This " + d + " to the relay", Says: "Over the internet", Icon: "globe"},
		{Name: "This " + d + " is close by", Says: "Told over Bluetooth", Icon: "near"},
		{Name: "The other device answers", Says: "Through the relay, sealed end to end", Icon: "laptop"},
	}
	at, bad := reached[t.Stage], -1
	if !t.Running {
		bad = brokenLeg[t.Leg]
		at = min(at, bad)
	}
	for i := range legs {
		switch {
		case i == bad:
			legs[i].State, legs[i].Chip, legs[i].Word = "bad", "danger", "Failed"
		case i < at:
			legs[i].State, legs[i].Chip, legs[i].Word = "ok", "ok", "Works"
		case i == at && t.Running:
			legs[i].State, legs[i].Chip, legs[i].Word = "go", "info", "Trying"
		default:
			legs[i].Word = "Not yet"
		}
	}
	return legs
}
