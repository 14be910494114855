package web

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"cardea/identity/directory"
	"cardea/identity/web/words"
	"cardea/internal/httpd"
	"cardea/internal/look"
	"cardea/webauthn"
)

// ProviderPrefix is the path below which each host serves the icons of passkey
// providers.
const ProviderPrefix = AssetPrefix + "providers/"

// MaxProviderBook is the size of a ProviderBook's file at most.
const MaxProviderBook = 16 << 20

// A ProviderBook has the names and icons of passkey providers by AAGUID, as the
// community's list gives them. A nil one knows nothing. It is safe for
// concurrent use.
type ProviderBook struct {
	entries map[webauthn.AAGUID]providerEntry
	files   map[string]brandFile
	// LeftOut says which icons were refused, and why.
	LeftOut []string
}

type providerEntry struct {
	name        string
	light, dark string // addresses; empty if there is none
}

// ParseProviderBook reads a JSON object of AAGUIDs, each with an object that has
// a name and, as data: URLs of an SVG or PNG, icon_light and icon_dark. Members
// that it does not know it passes over, for the list is others' and grows.
//
// An icon is looked through as a logo is. One that could do more than be seen,
// or is too large, is left out, and LeftOut says so: makers change their icons,
// and a list that others keep must not keep a server from starting. Whatever
// else is wrong is an error.
func ParseProviderBook(content []byte) (*ProviderBook, error) {
	if len(content) > MaxProviderBook {
		return nil, fmt.Errorf("more than %d MB", MaxProviderBook>>20)
	}
	var raw map[string]struct {
		Name  string `json:"name"`
		Light string `json:"icon_light"`
		Dark  string `json:"icon_dark"`
	}
	d := json.NewDecoder(bytes.NewReader(content))
	if err := d.Decode(&raw); err != nil {
		return nil, fmt.Errorf("want an object of AAGUIDs: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the object")
	}
	b := &ProviderBook{entries: map[webauthn.AAGUID]providerEntry{}, files: map[string]brandFile{}}
	for text, r := range raw {
		id, err := webauthn.ParseAAGUID(text)
		if err != nil {
			return nil, fmt.Errorf("%.40q: %w", text, err)
		}
		e := providerEntry{name: strings.TrimSpace(r.Name), light: b.keep(text+": icon_light", r.Light), dark: b.keep(text+": icon_dark", r.Dark)}
		if !providerName(e.name) {
			return nil, fmt.Errorf("%s: want a name of 1 to %d characters that can be shown", text, maxProviderName)
		}
		b.entries[id] = e
	}
	slices.Sort(b.LeftOut)
	return b, nil
}

const maxProviderName = 64

func providerName(s string) bool {
	hidden := func(r rune) bool { return !unicode.IsGraphic(r) || unicode.Is(unicode.Bidi_Control, r) }
	return s != "" && len([]rune(s)) <= maxProviderName && !strings.ContainsFunc(s, hidden)
}

// keep looks through an icon and returns its address; none if there is no icon
// or it is refused.
func (b *ProviderBook) keep(what, dataURL string) (address string) {
	if dataURL == "" {
		return ""
	}
	content, err := dataOf(dataURL)
	if err == nil {
		var icon *look.Logo
		if icon, err = look.ParseLogo(content); err == nil {
			address = ProviderPrefix + icon.Hash() + "." + icon.Ext
			b.files[address] = brandFile{icon.Type, icon.Content}
			return address
		}
	}
	b.LeftOut = append(b.LeftOut, what+": "+err.Error())
	return ""
}

// dataOf returns what a data: URL of an SVG or PNG holds (RFC 2397 §3).
func dataOf(s string) ([]byte, error) {
	head, data, ok := strings.Cut(s, ",")
	kind, ok2 := strings.CutPrefix(head, "data:")
	if !ok || !ok2 {
		return nil, errors.New("want a data: URL")
	}
	kind, coded := strings.CutSuffix(kind, ";base64")
	kind, _, _ = strings.Cut(kind, ";") // a charset says nothing new: XML is UTF-8
	if kind != "image/svg+xml" && kind != "image/png" {
		return nil, fmt.Errorf("want an SVG or a PNG, not %.40q", kind)
	}
	if coded {
		return base64.StdEncoding.DecodeString(data)
	}
	text, err := url.PathUnescape(data)
	return []byte(text), err
}

// Icon returns the addresses of a provider's icons, for light pages and for
// dark ones. The second is empty if there is one for both.
func (b *ProviderBook) Icon(id webauthn.AAGUID) (light, dark string) {
	if b == nil {
		return "", ""
	}
	e := b.entries[id]
	if e.light == "" {
		return e.dark, ""
	}
	return e.light, e.dark
}

// name returns what a provider is called; empty if it is not in the book.
func (b *ProviderBook) name(id webauthn.AAGUID) string {
	if b == nil || id == (webauthn.AAGUID{}) { // the zero one is nobody's
		return ""
	}
	return b.entries[id].name
}

// ServeHTTP answers below ProviderPrefix.
func (b *ProviderBook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b == nil {
		http.NotFound(w, r)
		return
	}
	httpd.Headers(brandCSP, serveHashed(b.files)).ServeHTTP(w, r)
}

// MakerOf says what keeps a passkey, by the name that its person knows: ours if
// we have one, else the book's.
func (ui *UI) MakerOf(row PasskeyRow) string {
	if _, ours := directory.ProviderOf(row.AAGUID); !ours {
		if name := ui.site.Providers.name(row.AAGUID); name != "" {
			return ui.Say(words.Plain(name))
		}
	}
	return ui.Say(row.Provider)
}

// Drawn is a provider's icon as the template draws it.
type Drawn struct {
	Icon        string // of its kind, for who has no other
	Light, Dark string
}

// drawnAs returns the icon of what keeps a passkey.
func (ui *UI) drawnAs(row PasskeyRow) Drawn {
	d := Drawn{Icon: row.Icon}
	if row.AAGUID != (webauthn.AAGUID{}) {
		d.Light, d.Dark = ui.site.Providers.Icon(row.AAGUID)
	}
	return d
}
