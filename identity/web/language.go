package web

import (
	"net/http"
	"net/url"

	"cardea/identity/web/words"
)

// LanguageCookie holds the language that a person chose. Its name on the wire is
// Cookies.Name(LanguageCookie).
const LanguageCookie = "cardea-language"

// Language returns the language for who is on the other side of r: the one they
// chose here, else what the application that sent them says (ui_locales, OpenID
// Connect Core §3.1.2.1), else what their browser prefers.
func (s Surface) Language(r *http.Request) words.Language {
	if l := words.Language(s.Cookies.Get(r, LanguageCookie)); l.Known() {
		return l
	}
	onward := ParseContinue(r.URL.Query().Get("continue"))
	return words.Match(onward.UILocales(), r.Header.Get("Accept-Language"))
}

// Render writes p with status, in the language and by the clock of who is on the
// other side of r.
func (s Surface) Render(w http.ResponseWriter, r *http.Request, status int, p Page) error {
	return s.In(r).Render(w, status, p)
}

// In returns the UI in the language and by the clock of who is on the other side
// of r.
func (s Surface) In(r *http.Request) *UI { return s.UI.In(s.Language(r)).By(s.Zone(r)) }

// UILocales returns the languages that the client asks for, if it does.
func (c Continue) UILocales() string {
	u, err := url.Parse(string(c))
	if err != nil {
		return ""
	}
	return u.Query().Get("ui_locales")
}
