package web

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cardea/identity/web/words"
)

// LanguageCookie holds the language that a person chose. Its name on the wire is
// Cookies.Name(LanguageCookie).
const LanguageCookie = "cardea-language"

type languageKey struct{}

// WithLanguage returns a context for who is known to have chosen l, on whatever
// device. One that the pages don't speak changes nothing.
func WithLanguage(ctx context.Context, l words.Language) context.Context {
	if !l.Known() {
		return ctx
	}
	return context.WithValue(ctx, languageKey{}, l)
}

// Language returns the language for who is on the other side of r: the one they
// chose, if we know who they are; the one chosen in this browser; what the
// application that sent them says (ui_locales, OpenID Connect Core §3.1.2.1);
// what their browser prefers.
func (s Surface) Language(r *http.Request) words.Language {
	if l, ok := r.Context().Value(languageKey{}).(words.Language); ok {
		return l
	}
	if l := words.Language(s.Cookies.Get(r, LanguageCookie)); l.Known() {
		return l
	}
	onward := ParseContinue(r.URL.Query().Get("continue"))
	return words.Match(onward.UILocales(), r.Header.Get("Accept-Language"))
}

// languageLife is how long a browser remembers the language that was chosen in
// it. Browsers keep no cookie for longer than 400 days (RFC 6265bis §5.5).
const languageLife = 400 * 24 * time.Hour

// KeepLanguage has the browser remember l; empty leaves it to what the browser
// says.
func (s Surface) KeepLanguage(w http.ResponseWriter, l words.Language) {
	if l == "" {
		s.Cookies.Clear(w, LanguageCookie)
		return
	}
	s.Cookies.Set(w, LanguageCookie, string(l), languageLife)
}

// LanguageField is the field of the form at the foot of the sign-in pages. The
// form goes to the page that it is on, whichever that is, and comes back to it.
const LanguageField = "page-language"

// languages takes the posts of that form before the pages see them. mux knows the
// addresses of pages.
func (s Surface) languages(mux, pages http.Handler) http.Handler {
	choose := s.Page(func(w http.ResponseWriter, r *http.Request) error { return s.chooseLanguage(w, r, mux) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if chosenLanguage(r).Known() {
			choose.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

func (s Surface) chooseLanguage(w http.ResponseWriter, r *http.Request, pages http.Handler) error {
	l := chosenLanguage(r)
	if s.Speak != nil {
		if err := s.Speak(r, l); err != nil {
			return fmt.Errorf("choosing a language: %w", err)
		}
	}
	s.KeepLanguage(w, l)
	to := s.Home.To
	// A browser would read "//host" as another site.
	if at := r.URL.RequestURI(); len(at) > 1 && at[0] == '/' && at[1] != '/' && at[1] != '\\' && !formsOnly(pages, r) {
		to = at
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// formsOnly reports whether the address of r takes forms and shows no page: what
// the reader has in front of them is the answer to a form, a failure perhaps,
// and there is nothing to come back to.
func formsOnly(pages http.Handler, r *http.Request) bool {
	mux, ok := pages.(*http.ServeMux)
	if !ok {
		return false
	}
	get := r.Clone(r.Context())
	get.Method = http.MethodGet
	_, shown := mux.Handler(get)
	_, taken := mux.Handler(r)
	return strings.HasPrefix(taken, http.MethodPost+" ") && shown == "/"
}

// chosenLanguage returns what the form says, empty if r is something else.
func chosenLanguage(r *http.Request) words.Language {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); r.Method != http.MethodPost || err != nil || t != "application/x-www-form-urlencoded" {
		return ""
	}
	return words.Language(r.PostFormValue(LanguageField))
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
