package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/web/words"
)

// HistoryDays are how far back a history can be asked for; zero is all of it.
func HistoryDays() []int { return []int{7, 30, 90, 0} }

// maxAsked is how much of what somebody types into the search is read.
const maxAsked = 100

// Asked is what a reader wants to see of a history, as its form says.
type Asked struct {
	Text string
	Show audit.Show
	Days int
}

// ParseAsked reads the query of a history's address. What it does not know it
// takes for nothing said.
func ParseAsked(q url.Values) Asked {
	a := Asked{Text: strings.TrimSpace(q.Get("q")), Show: audit.Show(q.Get("show"))}
	if r := []rune(a.Text); len(r) > maxAsked {
		a.Text = string(r[:maxAsked])
	}
	if !slices.Contains([]audit.Show{audit.Worked, audit.Stopped, audit.Changes}, a.Show) {
		a.Show = audit.All
	}
	if days, err := strconv.Atoi(q.Get("days")); err == nil && slices.Contains(HistoryDays(), days) {
		a.Days = days
	}
	return a
}

// Any reports whether anything is asked for.
func (a Asked) Any() bool { return a != Asked{} }

// Query returns the address of the history that a asks for, with a place in it:
// "before" or "after" an event.
func (a Asked) Query(place, id string) string {
	q := url.Values{}
	for key, v := range map[string]string{"q": a.Text, "show": string(a.Show), place: id} {
		if key != "" && v != "" {
			q.Set(key, v)
		}
	}
	if a.Days > 0 {
		q.Set("days", strconv.Itoa(a.Days))
	}
	if len(q) == 0 {
		return "/history"
	}
	return "/history?" + q.Encode()
}

// Search returns what to look for in the record. Words of the pages are looked
// for as the reader sees them, in the language of ui, and passkeys by the names
// that they have today.
func (a Asked) Search(ui *UI, user directory.UserID, passkeys []directory.Passkey) audit.Search {
	s := audit.Search{User: user, Show: a.Show}
	if a.Days > 0 {
		s.Since = ui.Now().Add(-time.Duration(a.Days) * 24 * time.Hour)
	}
	for _, text := range strings.Fields(a.Text) {
		if len(s.Terms) == audit.MaxTerms {
			break
		}
		s.Terms = append(s.Terms, ui.term(text, passkeys))
	}
	return s
}

// term finds out what a word that somebody typed may mean.
func (ui *UI) term(text string, passkeys []directory.Passkey) audit.Term {
	within := func(said string) bool { return strings.Contains(strings.ToLower(said), strings.ToLower(text)) }
	t := audit.Term{Text: text, Agents: agentsCalled(within)}
	if len(t.Agents) == 0 {
		t.Agents = []audit.Agents{{Word: text}}
	}
	for kind := range kindIcons {
		for _, outcome := range []audit.Outcome{audit.Done, audit.Refused} {
			e := audit.Event{Kind: kind, Outcome: outcome}
			row := RowOf(e, "")
			if within(ui.Say(row.What)) || within(ui.Say(row.Result)) {
				t.Deeds = append(t.Deeds, audit.Deed{Kind: kind, Outcome: outcome})
			}
		}
	}
	for _, key := range words.Keys("event.why.") {
		// What stands in for reasons without words has none to find.
		if reason := strings.TrimPrefix(key, "event.why."); reason != "other" && within(ui.Say(words.Say(key))) {
			t.Reasons = append(t.Reasons, reason)
		}
	}
	for _, k := range passkeys {
		if within(k.Name) {
			t.Passkeys = append(t.Passkeys, k.ID)
		}
	}
	return t
}

// agentsCalled returns the user agents of browsers and systems of whose names
// called is true. Each says that it is some of those that follow it, too.
func agentsCalled(called func(name string) bool) (found []audit.Agents) {
	var before []string
	for _, b := range browserWords {
		if called(b.name) {
			found = append(found, audit.Agents{Word: b.word, But: slices.Clone(before)})
		}
		before = append(before, b.word)
	}
	before = nil
	for _, s := range systemWords {
		if called(s.name) {
			found = append(found, audit.Agents{Word: s.word, But: slices.Clone(before)})
		}
		before = append(before, s.word)
	}
	return found
}
