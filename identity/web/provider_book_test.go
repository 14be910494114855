package web

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/webauthn"
)

const (
	lightIcon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><circle cx="12" cy="12" r="9" fill="#123"/></svg>`
	darkIcon  = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><circle cx="12" cy="12" r="9" fill="#def"/></svg>`
	onePixel  = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
	unknownID = "01020304-0506-0708-090a-0b0c0d0e0f10"
	icloudID  = "fbfc3007-154e-4ecc-8c0b-6e020557d7bd"
)

func svgURL(svg string) string {
	return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(svg))
}

func bookOf(t *testing.T, content string) *ProviderBook {
	t.Helper()
	b, err := ParseProviderBook([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestProvidersOfAFileAreNamedAndShown(t *testing.T) {
	t.Parallel()
	b := bookOf(t, fmt.Sprintf(`{%q: {"name": "Owl Keys", "icon_light": %q, "icon_dark": %q, "more": [1]}, %q: {"name": "Another name", "icon_dark": "data:image/png;base64,%s"}}`,
		unknownID, svgURL(lightIcon), "data:image/svg+xml;charset=utf-8,"+url.PathEscape(darkIcon), icloudID, onePixel))
	if len(b.LeftOut) != 0 {
		t.Errorf("left out: %q", b.LeftOut)
	}
	ui := New(Site{Name: "Alder", Providers: b}, nil)
	rows := PasskeyRows([]directory.Passkey{
		{ID: "1", AAGUID: webauthn.MustParseAAGUID(unknownID)}, {ID: "2", AAGUID: webauthn.MustParseAAGUID(icloudID)}, {ID: "3"},
	}, policy.Passkeys{})
	html, err := ui.HTML(Security{Passkeys: rows})
	if err != nil {
		t.Fatal(err)
	}
	light, dark := b.Icon(rows[0].AAGUID)
	for want, n := range map[string]int{
		`<source srcset="` + dark + `" media="(prefers-color-scheme: dark)"><img src="` + light + `" alt="" width="24" height="24">`: 1,
		"Owl Keys": 1, "Another name": 0, "iCloud Keychain": 1, "<picture>": 2, "<source": 1, "Maker not known": 1,
	} {
		if got := strings.Count(string(html), want); got != n {
			t.Errorf("%q is on the page %d times, want %d", want, got, n)
		}
	}
	for address, want := range map[string]string{light: lightIcon, dark: darkIcon} {
		w := httptest.NewRecorder()
		b.ServeHTTP(w, httptest.NewRequest(http.MethodGet, address, nil))
		h := w.Header()
		if w.Code != http.StatusOK || w.Body.String() != want || h.Get("Content-Type") != "image/svg+xml" || h.Get("Content-Security-Policy") != brandCSP ||
			h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", address, w.Code, h)
		}
	}
}

func TestNoFileOfProvidersChangesNothing(t *testing.T) {
	t.Parallel()
	var b *ProviderBook
	ui := New(Site{Name: "Alder", Providers: b}, nil)
	row := PasskeyRowOf(directory.Passkey{AAGUID: webauthn.MustParseAAGUID(unknownID)})
	if light, dark := b.Icon(row.AAGUID); light != "" || dark != "" || ui.MakerOf(row) != "Maker not known" {
		t.Errorf("icon %q, %q and name %q without a file", light, dark, ui.MakerOf(row))
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, httptest.NewRequest(http.MethodGet, ProviderPrefix+"x.svg", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("an icon without a file: %d", w.Code)
	}
}

func TestIconsThatCouldDoAnythingAreLeftOut(t *testing.T) {
	t.Parallel()
	for name, icon := range map[string]string{
		"a script":                        svgURL(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
		"an event":                        svgURL(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`),
		"a picture elsewhere":             svgURL(`<svg xmlns="http://www.w3.org/2000/svg"><image href="https://evil.example/x.png"/></svg>`),
		"a page":                          "data:text/html;base64," + base64.StdEncoding.EncodeToString([]byte("<p>")),
		"a page that is called a picture": "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte("<html>")),
		"an address":                      "https://evil.example/x.svg",
		"a script's address":              "javascript:alert(1)",
		"broken base64":                   "data:image/png;base64,!!!",
		"broken escapes":                  "data:image/svg+xml,%zz",
		"too large":                       svgURL(`<svg xmlns="http://www.w3.org/2000/svg"><title>` + strings.Repeat("x", 65<<10) + `</title></svg>`),
	} {
		b := bookOf(t, fmt.Sprintf(`{%q: {"name": "Owl Keys", "icon_light": %q, "icon_dark": %q}}`, unknownID, icon, svgURL(darkIcon)))
		id := webauthn.MustParseAAGUID(unknownID)
		if light, dark := b.Icon(id); len(b.LeftOut) != 1 || len(b.files) != 1 || dark != "" || !strings.HasPrefix(light, ProviderPrefix) || b.name(id) != "Owl Keys" {
			t.Errorf("%s: icons %q and %q, left out %q; want the other icon for both", name, light, dark, b.LeftOut)
		}
	}
}

func TestFilesOfProvidersThatAreWrongAreRefused(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"nothing": "", "a list": "[]", "half of it": `{"` + unknownID + `": {`, "two": "{} {}", "no AAGUID": `{"x": {"name": "Owl"}}`,
		"no name": `{"` + unknownID + `": {}}`, "a name that turns around": `{"` + unknownID + `": {"name": "a\u202eb"}}`,
		"a name that is a book": `{"` + unknownID + `": {"name": "` + strings.Repeat("x", 65) + `"}}`,
		"too much":              strings.Repeat(" ", MaxProviderBook+1),
	} {
		if b, err := ParseProviderBook([]byte(content)); err == nil {
			t.Errorf("%s: %+v, want an error", name, b)
		}
	}
}

func FuzzProviderBook(f *testing.F) {
	f.Add([]byte(fmt.Sprintf(`{%q: {"name": "Owl Keys", "icon_light": %q, "icon_dark": "data:image/png;base64,%s"}}`, unknownID, svgURL(lightIcon), onePixel)))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		b, err := ParseProviderBook(content)
		if err != nil {
			return
		}
		for id := range b.entries {
			if !providerName(b.entries[id].name) {
				t.Errorf("name %q", b.entries[id].name)
			}
			for _, address := range []string{b.entries[id].light, b.entries[id].dark} {
				if _, ok := b.files[address]; address != "" && !ok {
					t.Errorf("%s leads nowhere", address)
				}
			}
		}
		for address, file := range b.files {
			if file.contentType != "image/png" && file.contentType != "image/svg+xml" {
				t.Errorf("%s is a %s", address, file.contentType)
			}
		}
	})
}
