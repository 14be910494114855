package web

import (
	"cardea/identity/audit"
	"cardea/identity/web/words"
)

// kindIcons is the icon for what an event was about. What it is called are the
// messages event.<kind>.done and event.<kind>.refused.
var kindIcons = map[audit.Kind]string{
	audit.SignIn:         "check",
	audit.PassSignIn:     "pass",
	audit.NativeSignIn:   "check",
	audit.TokenReused:    "warning",
	audit.TokenRevoked:   "out",
	audit.PasskeyAdded:   "plus",
	audit.SetUp:          "check",
	audit.SessionEnded:   "out",
	audit.SessionsEnded:  "out",
	audit.ClientSignIn:   "check",
	audit.SignCountBack:  "warning",
	audit.UserAdded:      "plus",
	audit.UserDisabled:   "trash",
	audit.UserEnabled:    "check",
	audit.PasskeyRenamed: "edit",
	audit.PasskeyDeleted: "trash",
	audit.PassIssued:     "pass",
	audit.SetupOffered:   "pass",
}

// nothing stands where there is nothing to say.
var nothing = words.Plain("–")

// RowOf says e in words. passkey is the name of the passkey that took part, if
// it is known still.
func RowOf(e audit.Event, passkey string) EventRow {
	row := EventRow{
		Time: e.Time, What: whatOf(e), Icon: "info", How: howOf(e, passkey), Agent: agentOf(e.UserAgent),
		Address: e.Address, Reference: e.Reference,
	}
	if icon, ok := kindIcons[e.Kind]; ok {
		row.Icon = icon
	}
	result := "changed"
	switch {
	case e.Outcome == audit.Refused:
		result, row.Tone, row.Icon, row.Why = "stopped", "danger", "warning", whyOf(e.Reason)
	case e.Kind == audit.SignCountBack:
		result, row.Tone, row.Why = "look", "warn", words.Say("event.why.sign_count_back")
	case e.Kind == audit.SignIn, e.Kind == audit.PassSignIn, e.Kind == audit.NativeSignIn, e.Kind == audit.ClientSignIn:
		result, row.Tone = "signed_in", "ok"
	case e.Kind == audit.SessionEnded, e.Kind == audit.SessionsEnded, e.Kind == audit.TokenRevoked:
		result = "signed_out"
	}
	row.Result = words.Say("event.result." + result)
	return row
}

// whatOf says what was done or refused. A kind that has no words is said by its
// code: better than nothing.
func whatOf(e audit.Event) words.Text {
	key := "event." + string(e.Kind) + ".done"
	if e.Outcome == audit.Refused {
		key = "event." + string(e.Kind) + ".refused"
	}
	switch {
	case e.Kind == audit.ClientSignIn && e.ClientName != "":
		return words.Say(key+"_named", "App", e.ClientName)
	case words.Has(key):
		return words.Say(key)
	}
	return words.Plain(string(e.Kind))
}

// whyOf says why something was refused, to the person it concerns and to
// administrators.
func whyOf(reason string) words.Text {
	if key := "event.why." + reason; words.Has(key) {
		return words.Say(key)
	}
	return words.Say("event.why.other", "Reason", reason)
}

func howOf(e audit.Event, passkey string) words.Text {
	switch {
	case passkey != "":
		return words.Plain(passkey)
	case e.PasskeyID != "":
		return words.Say("event.how.deleted")
	case e.Kind == audit.PassSignIn:
		return words.Say("event.how.pass")
	case e.Kind == audit.SignIn, e.Kind == audit.NativeSignIn:
		return words.Say("event.how.passkey")
	}
	return nothing
}

func agentOf(userAgent string) words.Text {
	if userAgent == "" {
		return nothing
	}
	return ParseAgent(userAgent).Words()
}
