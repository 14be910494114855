package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cardea/identity/web/capability"
)

func TestHintsSayMoreThanTheUserAgent(t *testing.T) {
	t.Parallel()
	const desktop = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"
	const windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"
	for _, tt := range []struct {
		name, agent, platform, version, system string
		major                                  int
		notice                                 bool
	}{
		{"a phone that asks for desktop pages", desktop, `"Android"`, `"13.0.0"`, "Android", 13, true},
		{"a phone that is new enough", desktop, `"Android"`, `"14.0.0"`, "Android", 14, false},
		{"Windows 11", windows, `"Windows"`, `"15.0.0"`, "Windows", 11, false},
		{"Windows 10", windows, `"Windows"`, `"10.0.0"`, "Windows", 10, false},
		{"Windows 8", windows, `"Windows"`, `"0.3.0"`, "Windows", 0, false},
		{"ChromeOS", desktop, `"Chrome OS"`, ``, "ChromeOS", 0, false},
		{"a system nobody knows", desktop, `"Haiku"`, `"1"`, "Linux", 0, false},
		{"no hints", desktop, ``, ``, "Linux", 0, false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("User-Agent", tt.agent)
		r.Header.Set("Sec-CH-UA-Platform", tt.platform)
		r.Header.Set("Sec-CH-UA-Platform-Version", tt.version)
		a := AgentOf(r)
		if a.System != tt.system || a.Version.Major != tt.major || (NoticeFor(a) != nil) != tt.notice {
			t.Errorf("%s: %+v, notice %v", tt.name, a, NoticeFor(a))
		}
	}
}

// Every cell has words, and every system that people bring has a row.
func TestTableOfSystemsIsWhole(t *testing.T) {
	t.Parallel()
	systems := map[string]bool{}
	for _, row := range capability.Rows {
		systems[row.System] = true
		for i, c := range row.Cells {
			if c.Answer == "" || c.Since != "" && c.Answer != capability.Yes {
				t.Errorf("%s with %s, %s: %+v", row.System, row.Browser, capability.Legs[i], c)
			}
		}
	}
	for _, s := range []string{"iPhone, iPad", "Android", "Windows", "Mac", "ChromeOS", "Linux"} {
		if !systems[s] {
			t.Errorf("no row for %s", s)
		}
	}
	html, err := New(Site{Name: "Alder"}, nil).HTML(Support{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<caption", `scope="row"`, "<noscript>", "iOS 17", "Android 14", "Windows 11 23H2", `content="all"`} {
		if !strings.Contains(string(html), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if n := strings.Count(string(html), "<td "); n != len(capability.Rows)*len(capability.Legs) {
		t.Errorf("%d cells, want %d", n, len(capability.Rows)*len(capability.Legs))
	}
}
