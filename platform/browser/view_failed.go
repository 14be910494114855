package browser

import "cardea/platform"

// failed is the screen of a way that did not work: which part, what to do, and
// the ways on.
func (w words) failed(k platform.Kind, f platform.Failed) view {
	v, ok := w.failedLeg(f)
	if !ok {
		v = w.failedReason(k, f.Reason)
	}
	v.Key, v.Alert = "failed "+string(f.Leg)+string(f.Reason)+string(f.Trouble), true
	v.Buttons = []button{cancelButton, otherButton, againButton}
	return v
}

// failedLeg has words for the legs, ok unless there is none.
func (w words) failedLeg(f platform.Failed) (v view, ok bool) {
	switch f.Leg {
	case platform.LegDevice:
		return view{Middle: true, Tile: string(platform.ThisDevice),
			Title: "Cardea Authenticator doesn't answer",
			Text:  "It isn't running on " + w.here + ", or it has stopped.",
			Todo:  []string{"Start Cardea Authenticator, then try again."}}, true
	case platform.LegRadio:
		return view{Middle: true, Tile: "radio",
			Title: "Bluetooth is off on " + w.here,
			Text:  "It's how " + w.here + " knows your phone is close by. Nothing is paired.",
			Todo:  []string{"Turn Bluetooth on in the settings, then try again."}}, true
	case platform.LegAdvert:
		return view{Legs: w.legs("", "bad", "idle", "idle"),
			Title: "We didn't hear your phone",
			Text:  "No phone that scanned this code came close enough in time.",
			Todo: []string{"Turn on Bluetooth on the phone.", "Hold it within an arm's length of " + w.here + ".",
				"Check that the phone is online, then scan again."}}, true
	case platform.LegRelay:
		return w.failedRelay(f), true
	}
	return w.failedPhone(f)
}

// failedRelay says why the relay was not reached. The phone was heard by then.
func (w words) failedRelay(f platform.Failed) view {
	relay := f.Relay
	if relay == "" {
		relay = "the relay"
	}
	v := view{Legs: w.legs(f.Relay, "ok", "bad", "idle"), Title: w.Here() + " couldn't reach the relay"}
	switch f.Trouble {
	case platform.TroubleName:
		v.Text = w.Here() + " is offline, or this network doesn't know " + relay + "."
		v.Todo = []string{"Check that " + w.here + " is online, or try another network, such as your phone's hotspot."}
	case platform.TroubleCertificate:
		v.Title = "Something stands between " + w.here + " and the relay"
		v.Text = "Whoever answered isn't " + relay + ". Company networks and virus scanners do that when they open encrypted connections. Nothing was sent."
		v.Todo = []string{"Use another network, or ask whoever runs this one to let " + relay + " through."}
	case platform.TroubleClock:
		v.Title = "Check the date and time on " + w.here
		v.Text = "By its clock, the relay's certificate isn't valid now."
		v.Todo = []string{"Set the date and time in the settings, then try again."}
	case platform.TroubleBetween:
		v.Title = "This network wants something first"
		v.Text = "A sign-in page or a proxy answered in place of " + relay + "."
		v.Todo = []string{"Open any page in the browser and sign in to the network, or use another one."}
	case platform.TroubleService:
		v.Title = "The relay can't help just now"
		v.Text = "It answered, but it has no room, or a fault."
		v.Todo = []string{"Try again in a minute, or use another way."}
	default:
		v.Text = "Your phone is close by and ready. " + relay + " didn't answer from this network."
		if f.Relay == "" {
			v.Text = "Your phone is close by and ready. The relay didn't answer from this network."
		}
		v.Todo = []string{"Try another network, such as your phone's hotspot, or use another way."}
	}
	return v
}

// failedPhone has words for the legs after the relay, and for keys.
func (w words) failedPhone(f platform.Failed) (v view, ok bool) {
	legs := w.legs(f.Relay, "ok", "ok", "bad")
	switch f.Leg {
	case platform.LegHandshake:
		return view{Legs: legs,
			Title: "That wasn't the phone that scanned this code",
			Text:  "Something answered, but it couldn't prove that it had seen the code. Nothing was sent to it.",
			Todo:  []string{"Scan the new code with your own phone."}}, true
	case platform.LegPeer:
		return view{Legs: legs,
			Title: "Your phone closed the connection",
			Text:  "It was connected and then went away.",
			Todo:  []string{"Keep the phone unlocked and its app open.", "Scan the new code."}}, true
	case platform.LegTimeout:
		return view{Legs: legs,
			Title: "Your phone didn't answer in time",
			Text:  "It was close by and then fell silent.",
			Todo:  []string{"Look at the phone: it may be waiting for you.", "Scan the new code."}}, true
	case platform.LegNoKey:
		return view{Middle: true, Tile: string(platform.SecurityKey),
			Title: "We didn't find a security key",
			Text:  "None was plugged in in time.",
			Todo:  []string{"Plug it in, then try again."}}, true
	case platform.LegKey:
		return view{Middle: true, Tile: string(platform.SecurityKey),
			Title: "We lost your security key",
			Text:  "It was pulled out, or it reported a fault.",
			Todo:  []string{"Plug it in again, then try once more."}}, true
	}
	return view{}, false
}

// holder is what a person calls the thing that holds their passkeys.
var holders = map[platform.Kind]string{
	platform.ThisDevice: "this device", platform.Phone: "your phone", platform.SecurityKey: "this key",
}

// failedReason has words for what an authenticator that was reached has said.
func (w words) failedReason(k platform.Kind, r platform.Reason) view {
	holder := holders[k]
	v := view{Middle: true, Tile: string(k)}
	switch r {
	case platform.ReasonDeclined:
		v.Title, v.Text = "Your phone said no", "The request was turned down there, so nothing was sent."
		if k == platform.SecurityKey {
			v.Title, v.Text = "The key said no", "The request was turned down there, so nothing was sent."
		}
	case platform.ReasonNoPasskey:
		v.Title = "No passkey for " + string(w.RPID) + " on " + holder
		v.Text = "Your passkey may be on another device."
		if k == platform.Phone {
			// A stock phone says no more than that: which profiles it has is its own.
			v.Text += " If the phone has a work profile, scan with the camera app of the profile that has the passkey."
		}
	case platform.ReasonTooLate:
		v.Title, v.Text = "That took too long", "Nobody answered on "+holder+", so the request ended."
	case platform.ReasonFull:
		v.Title, v.Text = "No room for another passkey", "Delete one on "+holder+", or keep this one somewhere else."
	case platform.ReasonCannotVerify:
		v.Title = "This site needs you to unlock " + holder
		v.Text = "It has no PIN, face, or fingerprint set up. Set one up in its settings, or use another way."
		if k == platform.SecurityKey {
			v.Text = "It has neither a PIN nor a fingerprint reader. Use another way."
		}
	case platform.ReasonBlocked:
		v.Title, v.Text = "That's blocked for now", "There were too many wrong tries on "+holder+"."
	case platform.ReasonUnplug:
		v.Title, v.Text = "Unplug the key and plug it in again", "There were three wrong tries in a row."
	case platform.ReasonNotUnlock:
		v.Title, v.Text = "It wasn't unlocked", "This site needs you to unlock "+holder+" when you use your passkey."
	case platform.ReasonTooOld:
		v.Title, v.Text = "This site needs something newer", w.cannot(k)
	default:
		v.Title, v.Text = "Something went wrong over there", "The answer from "+holder+" couldn't be used, so nothing was sent."
	}
	return v
}

func (w words) cannot(k platform.Kind) string {
	if k == platform.SecurityKey {
		return "This key can't make or use passkeys the way the site asks."
	}
	return "Passkeys on " + holders[k] + " can't do what the site asks."
}
