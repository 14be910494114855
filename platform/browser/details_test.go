package browser

import (
	"encoding/json"
	"strings"
	"testing"

	"cardea/platform"
)

// The options come from a page, by the browser; who asks comes from the browser
// alone.
func FuzzParseDetails(f *testing.F) {
	const challenge = `{"challenge":"AQEBAQEBAQEBAQEBAQEBAQ","extensions":{`
	const who = `"remoteDesktopClientOverride":{"origin":"https://a.example","sameOriginWithAncestors":true}`
	for _, text := range []string{
		challenge + who + `}` + creating + `}`,
		challenge + who + `},"rpId":"a.example","allowCredentials":[{"type":"public-key","id":"AQ","transports":["usb"]}]}`,
		challenge + `"credProps":true}` + creating + `}`,
		challenge + `"remoteDesktopClientOverride":{"origin":"https://a.example"}}}`,
		challenge + `"remoteDesktopClientOverride":null}}`,
		`{"extensions":null}`, `{}`, `null`, `[]`, ``,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, details string) {
		check := func(by platform.Caller, extensions map[string]json.RawMessage, err error) {
			if err != nil {
				return
			}
			if by.Origin == "" || !strings.Contains(strings.ToLower(details), "origin") && !strings.Contains(details, `\u`) {
				t.Errorf("%q asks, whom nobody named: %q", by.Origin, details)
			}
			if _, still := extensions[override]; still {
				t.Errorf("the browser's word is handed on: %q", details)
			}
		}
		by, create, err := parseCreate(details)
		check(by, create.Extensions, err)
		by, get, err := parseGet(details)
		check(by, get.Extensions, err)
	})
}
