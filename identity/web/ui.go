package web

import (
	"embed"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cardea/identity/web/words"
	"cardea/webauthn"
)

// Site is what the pages say about where they are.
type Site struct {
	Name       string        // of the organization, as in "Alder Library Trust"
	RPID       webauthn.RPID // of the passkeys
	LoginURL   string        // origin of the sign-in pages, without a slash at the end
	AccountURL string        // origin of My Account, without a slash at the end
	HelpURL    string        // the organization's help page; may be empty
	Contact    string        // mailto:, tel: or a page of the help desk; may be empty
	PrivacyURL string        // legal pages, each of which may be empty
	TermsURL   string
	ImprintURL string
	Brand      Brand
	Providers  *ProviderBook // names and icons of passkey providers; may be nil
}

// A UI renders pages in one language and by one clock. It is safe for concurrent
// use.
type UI struct {
	site    Site
	now     func() time.Time
	printer *words.Printer
	zone    *time.Location
	presses *presses
}

//go:embed templates/*.html
var templateFiles embed.FS

// New returns the UI of site, in English and by UTC. now says what time "today"
// is; nil is time.Now.
func New(site Site, now func() time.Time) *UI {
	if now == nil {
		now = time.Now
	}
	return &UI{site: site, now: now, printer: words.For(words.English), zone: time.UTC, presses: house()}
}

// In returns the UI of the same site in the language l.
func (ui *UI) In(l words.Language) *UI {
	other := *ui
	if l.Known() {
		other.printer = words.For(l)
	}
	return &other
}

// By returns the UI of the same site by the clocks of zone.
func (ui *UI) By(zone *time.Location) *UI {
	other := *ui
	other.zone = zone
	return &other
}

// Language returns the language that the UI speaks.
func (ui *UI) Language() words.Language { return ui.printer.Language() }

// Say returns t in the UI's language. A message that is not there is a mistake
// in the program, which the tests find; its key is better than no page.
func (ui *UI) Say(t words.Text) string {
	said, err := ui.printer.Say(t)
	if err != nil {
		return t.Key()
	}
	return said
}

// Site returns what the UI was made with.
func (ui *UI) Site() Site { return ui.site }

// Now returns the time that the pages go by.
func (ui *UI) Now() time.Time { return ui.now() }

// A Page is one of the page types of this package.
type Page interface {
	// template returns the name of the page's file and of the frame around it.
	template() (name, frame string)
}

// view is what templates see: the site as S and the page as P.
type view struct {
	S   Site
	P   Page
	Now time.Time
	L   words.Language
	// Frame is the one around the page.
	Frame string
}

// HTML returns p as a document.
func (ui *UI) HTML(p Page) ([]byte, error) { return ui.presses.html(ui, p) }

// Render writes p with status. Nothing is written before the whole page stands,
// so that an error leaves the response to the caller.
func (ui *UI) Render(w http.ResponseWriter, status int, p Page) error {
	html, err := ui.HTML(p)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(ui.Language()))
	w.Header().Add("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, err = w.Write(html)
	return err
}

// withQuery returns path with a query parameter, unless the value is empty.
func withQuery(path, key string, value Continue) string {
	if value == "" {
		return path
	}
	return path + "?" + url.Values{key: {string(value)}}.Encode()
}

// initials returns the one or two letters of an avatar.
func initials(name string) string {
	var s []rune
	for _, word := range strings.Fields(name) {
		s = append(s, []rune(strings.ToUpper(string([]rune(word)[:1])))...)
	}
	switch len(s) {
	case 0:
		return "?"
	case 1, 2:
		return string(s)
	}
	return string([]rune{s[0], s[len(s)-1]})
}
