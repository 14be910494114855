package web

import (
	"cardea/identity/audit"
	"cardea/identity/ceremony"
)

// kindWords says what an event was about.
var kindWords = map[audit.Kind]struct{ done, refused, icon string }{
	audit.SignIn:         {"Signed in", "Sign-in with a passkey", "check"},
	audit.PassSignIn:     {"Signed in with an access pass", "Sign-in with an access pass", "pass"},
	audit.NativeSignIn:   {"Signed in from a terminal", "Sign-in from a terminal", "check"},
	audit.TokenReused:    {"A program's access may have been copied", "A program's access may have been copied", "warning"},
	audit.TokenRevoked:   {"Signed out in a program", "Signing out in a program", "out"},
	audit.PasskeyAdded:   {"Passkey added", "Adding a passkey", "plus"},
	audit.SetUp:          {"Cardea set up", "Setting up Cardea", "check"},
	audit.SessionEnded:   {"Signed out", "Signing out", "out"},
	audit.SessionsEnded:  {"Signed out everywhere else", "Signing out everywhere else", "out"},
	audit.ClientSignIn:   {"Signed in to an app", "Sign-in to an app", "check"},
	audit.SignCountBack:  {"A passkey may have been copied", "A passkey may have been copied", "warning"},
	audit.UserAdded:      {"Person added", "Adding a person", "plus"},
	audit.UserDisabled:   {"Account closed", "Closing an account", "trash"},
	audit.UserEnabled:    {"Account opened again", "Opening an account again", "check"},
	audit.PasskeyRenamed: {"Passkey renamed", "Renaming a passkey", "edit"},
	audit.PasskeyDeleted: {"Passkey deleted", "Deleting a passkey", "trash"},
	audit.PassIssued:     {"Access pass issued", "Issuing an access pass", "pass"},
	audit.SetupOffered:   {"One-time set-up link made", "Making a set-up link", "pass"},
}

// reasonWords says why something was refused, to the person it concerns and to
// administrators.
var reasonWords = map[string]string{
	string(ceremony.ReasonNoCeremony):       "What came back had not been begun here.",
	string(ceremony.ReasonChallengeSpent):   "The same answer was sent twice. Only the first one counted.",
	string(ceremony.ReasonChallengeExpired): "It took longer than 5 minutes.",
	string(ceremony.ReasonOtherBrowser):     "It was begun in one browser and finished in another. Somebody may have tried to use an answer that wasn't theirs.",
	string(ceremony.ReasonOtherClient):      "It was begun by one program and finished by another.",
	"token_reused":                          "A program used an old key to your account again. We've ended its access; sign in there once more.",
	string(ceremony.ReasonPageOrigin):       "It came from a page that isn't ours.",
	string(ceremony.ReasonMalformed):        "The device's answer could not be read.",
	string(ceremony.ReasonUnknownPasskey):   "The passkey isn't known here. It may have been deleted while the device kept its copy.",
	string(ceremony.ReasonNoUserHandle):     "The device didn't say whose passkey it is.",
	string(ceremony.ReasonWrongUser):        "The passkey belongs to somebody else.",
	string(ceremony.ReasonWrongAccount):     "Another account had been chosen.",
	string(ceremony.ReasonWrongType):        "The answer was for something else.",
	string(ceremony.ReasonWrongChallenge):   "The answer was to another question than the one we asked.",
	string(ceremony.ReasonWrongOrigin):      "The passkey was used on a page that isn't ours. Somebody may have copied our pages.",
	string(ceremony.ReasonCrossOrigin):      "The passkey was used inside another site's page.",
	string(ceremony.ReasonWrongRP):          "The passkey was made for another site.",
	string(ceremony.ReasonNotPresent):       "Nobody confirmed on the device.",
	string(ceremony.ReasonNotVerified):      "The device didn't check who was using it.",
	string(ceremony.ReasonBackupFlags):      "The device contradicted itself about whether the passkey is synced.",
	string(ceremony.ReasonBackupChanged):    "The passkey can suddenly be synced, or suddenly can't. That shouldn't happen.",
	string(ceremony.ReasonAlgorithm):        "The device makes a kind of passkey that doesn't work here.",
	string(ceremony.ReasonAttestation):      "The device's statement about itself didn't hold.",
	string(ceremony.ReasonBadSignature):     "The signature didn't match the passkey.",
	string(ceremony.ReasonPasskeyExists):    "That passkey is registered already.",
	string(ceremony.ReasonExtensions):       "The answer had something in it that we didn't ask for.",
	string(ceremony.ReasonNotStored):        "The device didn't keep the passkey so that it can find it again.",
	string(ceremony.ReasonDisabled):         "The account is closed.",
	string(ceremony.ReasonSessionEnded):     "The session had ended.",
	string(ceremony.ReasonNotFresh):         "The last unlock was more than 5 minutes ago.",
	string(ceremony.ReasonName):             "The name for the passkey couldn't be used.",
	string(ceremony.ReasonUsername):         "The user name couldn't be used.",
	string(ceremony.ReasonDisplayName):      "The name couldn't be used.",
	string(ceremony.ReasonTooManyPasskeys):  "There were too many passkeys already.",
	string(ceremony.ReasonPassWrong):        "The access pass was wrong.",
	string(ceremony.ReasonPassExpired):      "The access pass had run out.",
	string(ceremony.ReasonPassSpent):        "The access pass had been used already.",
	string(ceremony.ReasonPassLocked):       "There were too many wrong access passes for this name.",
	string(ceremony.ReasonSetupCode):        "The set-up link was wrong or too old.",
	string(ceremony.ReasonSetUp):            "Cardea was set up already.",
	"pass_only_registers":                   "An access pass is only good for adding a passkey.", // of the provider
	string(ceremony.ReasonBusy):             "Too much happened to the same passkey at once.",
}

// RowOf says e in words. passkey is the name of the passkey that took part, if
// it is known still.
func RowOf(e audit.Event, passkey string) EventRow {
	k, known := kindWords[e.Kind]
	if !known {
		k.done, k.refused, k.icon = string(e.Kind), string(e.Kind), "info"
	}
	if e.Kind == audit.ClientSignIn && e.ClientName != "" {
		k.done, k.refused = "Signed in to "+e.ClientName, "Sign-in to "+e.ClientName
	}
	row := EventRow{
		Time: e.Time, What: k.done, Icon: k.icon, How: howOf(e, passkey), Agent: agentOf(e.UserAgent),
		Address: e.Address, Reference: e.Reference,
	}
	switch {
	case e.Outcome == audit.Refused:
		row.Result, row.Tone, row.Icon, row.What = "Stopped", "danger", "warning", k.refused
		row.Why = reasonWords[e.Reason]
		if row.Why == "" {
			row.Why = "It was refused (" + e.Reason + ")."
		}
	case e.Kind == audit.SignCountBack:
		row.Result, row.Tone = "Look at this", "warn"
		row.Why = "A passkey that can't leave its device counted backwards. If that goes on, delete it and add a new one."
	case e.Kind == audit.SignIn, e.Kind == audit.PassSignIn, e.Kind == audit.NativeSignIn, e.Kind == audit.ClientSignIn:
		row.Result, row.Tone = "Signed in", "ok"
	case e.Kind == audit.SessionEnded, e.Kind == audit.SessionsEnded, e.Kind == audit.TokenRevoked:
		row.Result = "Signed out"
	default:
		row.Result = "Changed"
	}
	return row
}

func howOf(e audit.Event, passkey string) string {
	switch {
	case passkey != "":
		return passkey
	case e.PasskeyID != "":
		return "A passkey deleted since"
	case e.Kind == audit.PassSignIn:
		return "Access pass"
	case e.Kind == audit.SignIn, e.Kind == audit.NativeSignIn:
		return "Passkey"
	}
	return "–"
}

func agentOf(userAgent string) string {
	if userAgent == "" {
		return "–"
	}
	return ParseAgent(userAgent).String()
}
