package web

import (
	"regexp"

	"cardea/identity/ceremony"
)

// Words tell a person what went wrong and what to do. The reason is the stable
// code that scripts and help desks know it by.
type Words struct {
	Reason string
	Title  string
	What   string
	Do     string
}

// Titles of failures, by what the person was doing.
const (
	NotSignedIn = "You're not signed in yet"
	NotAdded    = "Your passkey wasn't added"
	NotSetUp    = "We're not set up yet"
)

// failures of the page's own half: the window was closed, the server could not
// be reached. The script finds them by reason. "What" is put after the title of
// what the person was doing.
var failures = []Words{
	{Reason: "not_used", What: "The browser's window closed before a passkey was used.",
		Do: "Try again, and keep your phone or key within reach. If it closes by itself, use another way."},
	{Reason: "too_long", What: "That took longer than 5 minutes, so we ended it to keep you safe.",
		Do: "Start again when you're ready."},
	{Reason: "already_here", What: "The device or key you chose already has a passkey for your account.",
		Do: "Sign in with that one, or choose another device."},
	{Reason: "cannot_check", What: "The device or key you chose can't check that it's you.",
		Do: "Set a PIN or a screen lock on it, or use another one."},
	{Reason: "not_supported", What: "The device or key you chose makes a kind of passkey that doesn't work here.",
		Do: "Use another device."},
	{Reason: "busy", What: "Your browser still has another passkey window open.",
		Do: "Close that one, then try again."},
	{Reason: "device_fault", What: "Something went wrong on the device with the passkey.",
		Do: "Try again. If it goes on, use another device."},
	{Reason: "offline", What: "We couldn't be reached from this device.",
		Do: "Check that it's online, then try again."},
	{Reason: "no_passkeys", What: "This browser can't use passkeys the way these pages need.",
		Do: "Update it, or use a current version of Chrome, Edge, Firefox, or Safari."},
	{Reason: "no_code", What: "This page needs the one-time link that Cardea printed when it started.",
		Do: "Open the whole link again, with everything after the # in it."},
	{Reason: "our_fault", What: "Something went wrong on our side.",
		Do: "Try again in a moment."},
}

// Failures returns the words that a page's script may have to choose from, with
// title above each.
func Failures(title string) []Words {
	all := make([]Words, len(failures))
	for i, f := range failures {
		f.Title = title
		all[i] = f
	}
	return all
}

// outward has words for refusals whose sentence says too little for a page.
var outward = map[ceremony.Reason]Words{
	ceremony.ReasonUnknownPasskey: {
		What: "This passkey isn't known here. It may have been deleted from your account while your device kept its copy.",
		Do:   "Use another passkey, and delete this one on the device that offers it. If it was your only one, ask your help desk for an access pass.",
	},
	ceremony.ReasonPasskeyExists: {
		What: "The device or key you chose already has a passkey for your account.",
		Do:   "Sign in with that one, or choose another device.",
	},
}

// sentence finds where the first of several sentences ends.
var sentence = regexp.MustCompile(`^(.*?[a-z0-9]\.) ([A-Z].*)$`)

// WordsFor returns what to tell a person of a refusal, below title.
func WordsFor(title string, r *ceremony.Refusal) Words {
	w, ok := outward[r.Outward]
	if !ok {
		w = split(r.Public)
	}
	w.Reason, w.Title = string(r.Outward), title
	return w
}

// split takes what happened and what to do apart.
func split(public string) Words {
	if m := sentence.FindStringSubmatch(public); m != nil {
		return Words{What: m[1], Do: m[2]}
	}
	return Words{What: public}
}
