package terminal

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"cardea/platform"
)

// words is what the sentences are about.
type words struct{ platform.Request }

var wayTitles = map[platform.Kind]string{
	platform.ThisDevice:  "This device",
	platform.Phone:       "iPhone, iPad, or Android device",
	platform.SecurityKey: "Security key",
}

func (w words) choose(ways []platform.Way) []string {
	lines := []string{"", "Which device has your passkey for " + string(w.RPID) + "?"}
	for i, way := range ways {
		number := fmt.Sprint(i + 1)
		if !way.Usable {
			number = "-"
		}
		title := wayTitles[way.Kind]
		if way.ID != "" {
			title = printable(way.Name)
		}
		lines = append(lines, fmt.Sprintf("  %s  %-31s  %s", number, title, w.detail(way)))
	}
	return lines
}

// detail is what is said of a way: what it is, or why it cannot be taken.
func (w words) detail(way platform.Way) string {
	switch way.Why {
	case platform.NotRunning:
		return "Cardea Authenticator isn't running here; start it with: cardea authenticator"
	case platform.NoBluetooth:
		return "This computer has no Bluetooth to find your phone with"
	case platform.NotPermitted:
		return "This computer doesn't let Cardea talk to security keys; see: cardea authenticator install"
	case platform.NotSupported:
		return "Not available on this computer yet"
	case platform.NotWanted:
		return "Not wanted here"
	case platform.NothingHere:
		return "No passkey for " + string(w.RPID) + " here"
	}
	switch {
	case !way.Usable:
		return "Not available at the moment"
	case way.ID != "":
		return "Without a code. It's asked directly"
	case way.Kind == platform.Phone:
		return "Scan a code with its camera"
	case way.Kind == platform.SecurityKey:
		return "Plug it in and touch it"
	case way.Holds == platform.HoldsSome:
		return "Has a passkey for " + string(w.RPID)
	}
	return "Unlock it to see your passkeys"
}

func (w words) accounts(names []string) []string {
	lines := []string{"", "This key has more than one passkey for " + string(w.RPID) + ". Which account?"}
	for i, name := range names {
		if name == "" {
			name = "Account without a name"
		}
		lines = append(lines, fmt.Sprintf("  %d  %q", i+1, name))
	}
	return lines
}

// progress is the step that a way is at.
func (w words) progress(name string, p platform.Progress) []string {
	switch p.Stage {
	case platform.StageCalling:
		return []string{"Look at " + printable(name) + ": it's being asked now. Keep it next to this computer, with Bluetooth on."}
	case platform.StageAskHere:
		lines := []string{"Continue in Cardea Authenticator. It's asking you now, here on this computer."}
		if p.PageURL != "" {
			lines = append(lines, "  "+p.PageURL)
		}
		return lines
	case platform.StageRadioOff:
		return []string{"Bluetooth is off on this computer. Turn it on: it's how this computer knows that your phone is close by. The code appears by itself."}
	case platform.StageShowCode:
		line := "Scan this with your phone: Bluetooth on, and both online."
		if !p.Until.IsZero() {
			line += " It waits until " + p.Until.Format(time.TimeOnly) + "."
		}
		return []string{line}
	case platform.StageHeard:
		if p.Relay != "" {
			return []string{"  Connecting through " + p.Relay + " ..."}
		}
		return []string{"  Heard your phone close by."}
	case platform.StageRelayed:
		return []string{"  Reached the relay. Waiting for your phone ..."}
	case platform.StageAnswered:
		return []string{"  Your phone is connected. Continue there: choose your passkey and unlock it."}
	case platform.StageInsertKey:
		return []string{"Plug in your security key."}
	case platform.StageChooseKey:
		return []string{"There's more than one key. Touch the one you want to use."}
	case platform.StageTouchKey:
		return []string{"Touch your security key."}
	}
	return []string{"  " + string(p.Stage)}
}

// instead says why a code follows though a remembered phone was chosen.
func (w words) instead(name string, i platform.Instead) string {
	switch i {
	case platform.InsteadOfSilence:
		return printable(name) + " didn't answer."
	case platform.InsteadOfUnheard:
		return printable(name) + " couldn't be heard close by. Check that its Bluetooth is on."
	case platform.InsteadOfForgotten:
		return printable(name) + " doesn't remember this computer any more."
	}
	return ""
}

// printable is a name that somebody else has chosen, as a terminal may show it.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name)
}

// failed is what went wrong, and what to do.
func (w words) failed(k platform.Kind, f platform.Failed) []string {
	said, todo := w.leg(f)
	if said == "" {
		said, todo = w.reason(k, f.Reason)
	}
	lines := []string{"", "That didn't work: " + said}
	if todo != "" {
		lines = append(lines, "  "+todo)
	}
	return lines
}

// leg has words for the part of the way that failed.
func (w words) leg(f platform.Failed) (said, todo string) {
	relay := f.Relay
	if relay == "" {
		relay = "the phone's relay"
	}
	switch f.Leg {
	case "":
		return "", ""
	case platform.LegDevice:
		return "Cardea Authenticator doesn't answer on this computer.", "Start it with: cardea authenticator"
	case platform.LegRadio:
		return "Bluetooth is off on this computer.", "Turn it on in the settings, then try again."
	case platform.LegAdvert:
		return "no phone that scanned this code came close enough in time.",
			"Turn on Bluetooth on the phone, hold it next to this computer, check that it is online, and scan again."
	case platform.LegRelay:
		if said, todo := trouble(f.Trouble, relay); said != "" {
			return said, todo
		}
		return "your phone is close by and ready, but " + relay + " can't be reached from this network.",
			"Try another network, such as your phone's hotspot, or another way."
	case platform.LegHandshake:
		return "something answered that couldn't prove that it had seen the code. Nothing was sent to it.",
			"Scan the new code with your own phone."
	case platform.LegPeer:
		return "your phone was connected and then went away.", "Keep it unlocked and its app open, and scan the new code."
	case platform.LegTimeout:
		return "your phone was close by and then fell silent.", "Look at the phone: it may be waiting for you. Scan the new code."
	case platform.LegNoKey:
		return "no security key was plugged in in time.", "Plug it in, then try again."
	case platform.LegKey:
		return "the security key was pulled out or reported a fault.", "Plug it in again, then try once more."
	}
	return "the part called " + string(f.Leg) + ".", "Try again, or another way."
}

// trouble has words for why the relay was not reached.
func trouble(t platform.Trouble, relay string) (said, todo string) {
	switch t {
	case platform.TroubleName:
		return "this computer is offline, or its network doesn't know " + relay + ".", "Check that it's online, or try another network."
	case platform.TroubleCertificate:
		return "whoever answered isn't " + relay + ": something on this network opens encrypted connections. Nothing was sent.",
			"Use another network, or ask whoever runs this one to let " + relay + " through."
	case platform.TroubleClock:
		return "by this computer's clock the relay's certificate isn't valid now.", "Set the date and time, then try again."
	case platform.TroubleBetween:
		return "a sign-in page or a proxy answered in place of " + relay + ".", "Sign in to this network first, or use another one."
	case platform.TroubleService:
		return relay + " answered, but it has no room, or a fault.", "Try again in a minute, or another way."
	}
	return "", ""
}

// holders are what a person calls the things that hold their passkeys.
var holders = map[platform.Kind]string{
	platform.ThisDevice: "this device", platform.Phone: "your phone", platform.SecurityKey: "this key",
}

// reason has words for what an authenticator that was reached has said.
func (w words) reason(k platform.Kind, r platform.Reason) (said, todo string) {
	holder := holders[k]
	switch r {
	case platform.ReasonDeclined:
		return "the request was turned down on " + holder + ".", "Nothing was sent."
	case platform.ReasonNoPasskey:
		if k == platform.Phone {
			return "there is no passkey for " + string(w.RPID) + " on " + holder + ".",
				"It may be on another device, or in the phone's other profile: scan with the camera app of the one that has it."
		}
		return "there is no passkey for " + string(w.RPID) + " on " + holder + ".", "It may be on another device."
	case platform.ReasonTooLate:
		return "nobody answered on " + holder + " in time.", ""
	case platform.ReasonCannotVerify:
		return holder + " has no PIN, face, or fingerprint to check that it's you.", "Set one up in its settings, or use another way."
	case platform.ReasonBlocked:
		return "there were too many wrong tries on " + holder + ".", "It is blocked for now."
	case platform.ReasonUnplug:
		return "there were three wrong tries in a row.", "Unplug the key and plug it in again."
	case platform.ReasonNotUnlock:
		return holder + " answered without being unlocked.", "Unlock it when it asks."
	case platform.ReasonTooOld:
		return holder + " is too old for what is asked here.", "Use another way."
	}
	return "something went wrong on " + holder + ", and its answer couldn't be used.", "Nothing was sent."
}
