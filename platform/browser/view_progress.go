package browser

import (
	"fmt"
	"strings"

	"cardea/platform"
)

// progress is the screen of a way that is being tried.
func (w words) progress(s platform.Screen) view {
	p := s.Progress
	switch p.Stage {
	case platform.StageAskHere:
		return view{
			Key: "ask-here", Middle: true, Tile: string(platform.ThisDevice), Page: pageURL(p.PageURL),
			Title: "Continue in Cardea Authenticator", Text: "It's asking you now, here on " + w.here + ".",
			Buttons: []button{cancelButton, otherButton},
		}
	case platform.StageRadioOff:
		return view{
			Key: "radio-off", Middle: true, Alert: true, Tile: "radio",
			Title:   "Bluetooth is off on " + w.here,
			Text:    "It's how " + w.here + " knows your phone is close by. Nothing is paired.",
			Note:    "Turn it on in the settings. The code appears by itself.",
			Buttons: []button{cancelButton, otherButton},
		}
	case platform.StageCalling:
		return w.calling(s.Name, p)
	case platform.StageShowCode:
		return w.showCode(s.Name, p)
	case platform.StageHeard, platform.StageRelayed:
		return w.connecting(p)
	case platform.StageAnswered:
		return w.answered()
	case platform.StageInsertKey:
		return w.key("Plug in your security key", "We'll notice it by itself.")
	case platform.StageChooseKey:
		return w.key("Touch the key you want to use", "There's more than one plugged in.")
	case platform.StageTouchKey:
		return w.key("Touch your security key", "Touch its metal part or its fingerprint reader.")
	}
	panic("browser: internal error: no view for stage " + string(p.Stage))
}

func (w words) calling(name string, p platform.Progress) view {
	return view{
		Key: "calling", Title: "Look at " + name, Text: "It's being asked now. Keep it next to " + w.here + ".", Art: "wait",
		Ticks: []tick{
			{"radio", "Bluetooth on, on both"},
			{"globe", "Both online. They can be on different networks"},
		},
		Buttons: []button{cancelButton, otherButton}, Until: p.Until.UnixMilli(),
	}
}

func (w words) showCode(name string, p platform.Progress) view {
	v := view{
		Key: "code", Title: "Scan this with your phone", Text: "Use the camera, or Cardea Authenticator.",
		Code: drawCode(p.Code),
		Ticks: []tick{
			{"radio", "Bluetooth on, and the phone next to " + w.here},
			{"globe", "Both online. They can be on different networks"},
		},
		Buttons: []button{cancelButton, backButton},
	}
	if !p.Until.IsZero() {
		v.Until = p.Until.UnixMilli()
	}
	switch p.Instead {
	case platform.InsteadOfSilence:
		v.Alert, v.Text = true, name+" didn't answer. Scan this with it, or with another phone."
	case platform.InsteadOfUnheard:
		v.Alert, v.Text = true, name+" couldn't be heard close by. Turn on its Bluetooth, then scan this with it."
	case platform.InsteadOfForgotten:
		v.Alert, v.Text = true, name+" doesn't remember "+w.here+" any more. Scan this with it, or with another phone."
	}
	return v
}

func (w words) connecting(p platform.Progress) view {
	relay, answer := "work", "idle"
	if p.Stage == platform.StageRelayed {
		relay, answer = "ok", "work"
	}
	return view{
		Key: "connecting", Title: "Connecting to your phone", Text: "Keep it next to " + w.here + ".", Art: "wait",
		Legs:    w.legs(p.Relay, "ok", relay, answer),
		Buttons: []button{cancelButton},
	}
}

func (w words) answered() view {
	v := view{
		Key: "answered", Middle: true, Art: "connected",
		Title: "Phone connected", Text: "Continue on your phone. Choose your passkey there and unlock it.",
		Buttons: []button{cancelButton},
	}
	if w.Purpose == platform.MakePasskey {
		v.Text = "Continue on your phone. Save the passkey there and unlock it."
	}
	return v
}

func (w words) key(title, text string) view {
	return view{Key: "key", Middle: true, Art: "key", Title: title, Text: text, Buttons: []button{cancelButton, otherButton}}
}

// legs are the three parts of the way to a phone, in the order in which they
// are tried, each with its state.
func (w words) legs(relay, near, reach, answer string) []leg {
	if relay == "" {
		relay = "The phone's own relay"
	}
	details := map[string]string{"ok": "Heard over Bluetooth", "bad": "Nothing heard over Bluetooth"}
	return []leg{
		{Icon: "radio", Title: "Phone is close by", Detail: details[near], State: near, Chip: chips[near]},
		{Icon: "relay", Title: w.Here() + " to the relay", Detail: relay, State: reach, Chip: chips[reach]},
		{Icon: "phone", Title: "Phone answers", Detail: "Through the relay, sealed end to end", State: answer, Chip: chips[answer]},
	}
}

var chips = map[string]string{"ok": "Works", "bad": "Failed", "idle": "Not tried", "work": "Working"}

// drawCode makes one SVG path of the dark modules, a rectangle for each run.
func drawCode(m platform.Matrix) *code {
	var b strings.Builder
	for y, row := range m {
		for x := 0; x < len(row); x++ {
			if !row[x] {
				continue
			}
			run := x
			for run < len(row) && row[run] {
				run++
			}
			fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x, y, run-x, run-x)
			x = run
		}
	}
	return &code{Size: len(m), Path: b.String(), Name: "Code for your phone's camera"}
}
