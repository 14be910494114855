package words

import (
	"golang.org/x/text/language"
)

// A Language is one that the pages speak, as a tag of BCP 47.
type Language string

// The languages. English comes first: it is what a reader gets whose languages
// are not among them.
const (
	English  Language = "en"
	German   Language = "de"
	French   Language = "fr"
	Spanish  Language = "es"
	Japanese Language = "ja"
	Arabic   Language = "ar"
)

var (
	languages = []Language{English, German, French, Spanish, Japanese, Arabic}
	own       = map[Language]string{
		English: "English", German: "Deutsch", French: "Français", Spanish: "Español", Japanese: "日本語", Arabic: "العربية",
	}
	matcher = language.NewMatcher(tags())
)

func tags() []language.Tag {
	all := make([]language.Tag, len(languages))
	for i, l := range languages {
		all[i] = language.MustParse(string(l))
	}
	return all
}

// Languages returns all that there are, English first.
func Languages() []Language { return append([]Language(nil), languages...) }

// All returns all languages, for a page that knows only its own.
func (Language) All() []Language { return Languages() }

// Name returns what speakers call the language.
func (l Language) Name() string { return own[l] }

// Dir returns the direction of the language's script, as HTML's dir takes it.
func (l Language) Dir() string {
	if l == Arabic {
		return "rtl"
	}
	return "ltr"
}

// Known reports whether the pages speak l.
func (l Language) Known() bool { return own[l] != "" }

// maxPreferences is how much of a list of preferences is read. A browser sends
// a few dozen characters.
const maxPreferences = 512

// Match returns the language that suits a reader best. Each of lists is a list
// of preferences in the form of Accept-Language (RFC 9110 §12.5.4) or, as in
// ui_locales (OpenID Connect Core §3.1.2.1), of tags with spaces between them.
// The first list that names a language of ours decides. What cannot be read is
// passed over.
func Match(lists ...string) Language {
	for _, list := range lists {
		if list == "" || len(list) > maxPreferences {
			continue
		}
		wanted, _, err := language.ParseAcceptLanguage(commas(list))
		if err != nil || len(wanted) == 0 {
			continue
		}
		if _, i, sure := matcher.Match(wanted...); sure >= language.High {
			return languages[i]
		}
	}
	return English
}

// commas puts a comma where only a space stands between two tags.
func commas(list string) string {
	b := []byte(list)
	for i := 1; i+1 < len(b); i++ {
		if b[i] == ' ' && b[i-1] != ',' && b[i-1] != ';' && b[i+1] != ';' && b[i+1] != ',' && b[i+1] != ' ' && b[i-1] != ' ' {
			b[i] = ','
		}
	}
	return string(b)
}
