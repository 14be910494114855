package web

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/web/words"
)

func TestAskedIsReadAndWrittenBack(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]Asked{
		"": {}, "q=+edge++windows+&show=stopped&days=30": {"edge  windows", audit.Stopped, 30},
		"show=secret&days=31": {}, "days=-1": {}, "days=x": {},
		"q=" + strings.Repeat("%C3%A9", 200): {Text: strings.Repeat("é", maxAsked)},
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := ParseAsked(q); got != want || got.Any() != (want != Asked{}) {
			t.Errorf("ParseAsked(%q) = %+v, want %+v", query, got, want)
		}
	}
	if got := (Asked{Text: "a&b", Show: audit.Worked, Days: 7}).Query("before", "0a"); got != "/history?before=0a&days=7&q=a%26b&show=worked" {
		t.Errorf("Query() = %s", got)
	}
}

// What a reader types is looked for in the words that they see, not in those of
// another language.
func TestTermsAreWordsOfTheReadersLanguage(t *testing.T) {
	t.Parallel()
	ui := New(Site{}, nil)
	deeds := func(l words.Language, text string) []audit.Kind {
		var kinds []audit.Kind
		s := Asked{Text: text}.Search(ui.In(l), "maia", nil)
		for _, d := range s.Terms[0].Deeds {
			if d.Outcome == audit.Done {
				kinds = append(kinds, d.Kind)
			}
		}
		return kinds
	}
	for l, text := range map[words.Language]string{words.English: "renamed", words.German: "umbenannt"} {
		if got := deeds(l, text); !slices.Contains(got, audit.PasskeyRenamed) || slices.Contains(got, audit.PasskeyDeleted) {
			t.Errorf("%s in %s means %v, want a passkey that was renamed", text, l, got)
		}
	}
	if got := deeds(words.German, "renamed"); len(got) != 0 {
		t.Errorf("an English word in German means %v", got)
	}
	s := Asked{Text: "KITCHEN one two three four five six seven"}.Search(ui, "maia", []directory.Passkey{{ID: "1", Name: "Kitchen tablet"}, {ID: "2", Name: "Desk"}})
	if got := s.Terms[0].Passkeys; !slices.Equal(got, []directory.PasskeyID{"1"}) || len(s.Terms) != audit.MaxTerms {
		t.Errorf("passkeys %v and %d terms, want the kitchen's and %d", got, len(s.Terms), audit.MaxTerms)
	}
}

func FuzzAsked(f *testing.F) {
	f.Add("q=edge&show=stopped&days=30")
	f.Add("q=%ff&days=99999999999999999999")
	ui := New(Site{}, nil)
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		a := ParseAsked(q)
		if s := a.Search(ui, "maia", nil); len(s.Terms) > audit.MaxTerms || utf8.RuneCountInString(a.Text) > maxAsked {
			t.Errorf("%q asks for too much: %+v", query, a)
		}
		again, err := url.Parse(a.Query("before", "0a"))
		if err != nil || ParseAsked(again.Query()) != a || again.Path != "/history" {
			t.Errorf("%q: %+v is written as %v, %v", query, a, again, err)
		}
	})
}
