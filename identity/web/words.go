package web

import (
	"fmt"
	"net/http"
	"regexp"

	"cardea/identity/ceremony"
	"cardea/identity/web/words"
	"cardea/internal/httpd"
)

// Words tell a person what went wrong and what to do, in their language. The
// reason is the stable code that scripts and help desks know it by.
type Words struct {
	Reason string
	Title  string
	What   string
	Do     string
}

// Titles of failures, by what the person was doing: keys of messages.
const (
	NotSignedIn = "failure.title.not_signed_in"
	NotAdded    = "failure.title.not_added"
	NotSetUp    = "failure.title.not_set_up"
	DidNotWork  = "failure.title.did_not_work"

	titleNothingHere = "failure.title.nothing_here"
	titleWentWrong   = "failure.title.went_wrong"
)

// scriptFailures are the reasons that a page's script may find by itself: the
// window was closed, the server could not be reached. Their words are in the
// page.
var scriptFailures = []string{
	"not_used", "too_long", "already_here", "cannot_check", "not_supported", "busy_window", "device_fault",
	"offline", "no_passkeys", "no_code", "our_fault",
}

// WordsFor returns the words for the reason code below title, a message's key.
// fallback is the English sentence for a code that the catalogue doesn't have.
func (ui *UI) WordsFor(title, code, fallback string) Words {
	w := split(fallback)
	if key := "failure." + code + ".what"; code != "" && words.Has(key) {
		w = Words{What: ui.Say(words.Say(key))}
		if do := "failure." + code + ".do"; words.Has(do) {
			w.Do = ui.Say(words.Say(do))
		}
	}
	w.Reason, w.Title = code, ui.Say(words.Say(title))
	return w
}

// WordsForRefusal returns what to tell a person of a ceremony's no.
func (ui *UI) WordsForRefusal(title string, r *ceremony.Refusal) Words {
	w := ui.WordsFor(title, string(r.Outward), r.Public)
	if title != NotSignedIn && !words.Has("failure."+w.Reason+".what") {
		// Knowing more would not help anybody to mend it.
		w = ui.WordsFor(title, "not_added", r.Public)
		w.Reason = string(r.Outward)
	}
	return w
}

// Fault returns the error of a page or an action: its words are the messages
// failure.<code>.what and failure.<code>.do. The rest is the cause, for the log,
// as by fmt.Errorf.
func Fault(status int, code, format string, args ...any) *httpd.Error {
	en := words.For(words.English)
	what, err := en.T("failure." + code + ".what")
	if err != nil {
		what = http.StatusText(status)
	}
	if do, err := en.T("failure." + code + ".do"); err == nil {
		what += " " + do
	}
	return &httpd.Error{Status: status, Code: code, Public: what, Err: fmt.Errorf(format, args...)}
}

// sentence finds where the first of several sentences ends.
var sentence = regexp.MustCompile(`^(.*?[a-z0-9]\.) ([A-Z].*)$`)

// split takes what happened and what to do apart.
func split(public string) Words {
	if m := sentence.FindStringSubmatch(public); m != nil {
		return Words{What: m[1], Do: m[2]}
	}
	return Words{What: public}
}
