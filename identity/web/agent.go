package web

import (
	"net/http"
	"strconv"
	"strings"

	"cardea/identity/web/words"
)

// An Agent is what a browser says of itself and of what it runs on. It is shown
// to people so that they recognize their own devices, and never decides
// anything that matters: a browser may say what it likes.
type Agent struct {
	Browser string // "Chromium", "Safari"; empty if unknown
	System  string // "Windows", "iPhone", "Android"; empty if unknown
	Version Version
	Mobile  bool
}

// A Version is that of a system, as far as it is known: major and minor.
type Version struct {
	Major, Minor int
	Known        bool
}

// String returns "16.7" or "16".
func (v Version) String() string {
	if v.Minor == 0 {
		return strconv.Itoa(v.Major)
	}
	return strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor)
}

// Browsers and systems by a word of theirs in the User-Agent, the most telling
// first: each also claims to be some of those that follow.
var (
	browserWords = []struct{ word, name string }{
		{"Cardea-Terminal/", terminal}, {"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"},
		{"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"},
		{"Version/", "Safari"},
	}
	systemWords = []struct {
		word, name string
		mobile     bool
	}{
		{"iPhone", "iPhone", true}, {"iPad", "iPad", true}, {"Android", "Android", true}, {"CrOS", "ChromeOS", false},
		{"Windows", "Windows", false}, {"Macintosh", "Mac", false}, {"Linux", "Linux", false},
	}
)

// ParseAgent reads a User-Agent header.
func ParseAgent(userAgent string) Agent {
	var a Agent
	for _, b := range browserWords {
		if strings.Contains(userAgent, b.word) {
			a.Browser = b.name
			break
		}
	}
	for _, s := range systemWords {
		if strings.Contains(userAgent, s.word) {
			a.System, a.Mobile = s.name, s.mobile
			break
		}
	}
	switch a.System {
	case "iPhone", "iPad": // "CPU iPhone OS 16_7_2 like Mac OS X"
		if _, rest, ok := strings.Cut(userAgent, " OS "); ok {
			a.Version = parseVersion(rest, "_")
		}
	case "Android": // "Android 13; Pixel 6"
		// Chrome freezes this to "Android 10; K" whatever the phone has, and
		// tells the truth in a client hint.
		if _, rest, ok := strings.Cut(userAgent, "Android "); ok && !strings.HasPrefix(rest, "10; K") {
			a.Version = parseVersion(rest, ".")
		}
	}
	return a
}

// AgentOf is ParseAgent for a request, with what its client hints add (User-Agent
// Client Hints §3.8; the version is sent only once the site has asked for it).
func AgentOf(r *http.Request) Agent {
	a := ParseAgent(r.UserAgent())
	platform := strings.Trim(r.Header.Get("Sec-CH-UA-Platform"), `"`)
	if system, ok := hintedSystems[platform]; ok {
		// A phone that asks for the desktop's pages writes so in the user agent.
		a.System, a.Mobile = system, platform == "Android"
	}
	version := parseVersion(strings.Trim(r.Header.Get("Sec-CH-UA-Platform-Version"), `"`), ".")
	switch {
	case !version.Known:
	case platform == "Android":
		a.Version = version
	case platform == "Windows" && version.Major >= 13: // counts updates, not versions
		a.Version = Version{Major: 11, Known: true}
	case platform == "Windows" && version.Major > 0:
		a.Version = Version{Major: 10, Known: true}
	}
	return a
}

// hintedSystems are the systems by their names in Sec-CH-UA-Platform.
var hintedSystems = map[string]string{
	"Android": "Android", "Windows": "Windows", "macOS": "Mac", "Chrome OS": "ChromeOS", "Chromium OS": "ChromeOS", "Linux": "Linux",
}

// AskForHints asks the browser to say which version its system has.
func AskForHints(h http.Header) { h.Set("Accept-CH", "Sec-CH-UA-Platform, Sec-CH-UA-Platform-Version") }

func parseVersion(s, sep string) Version {
	end := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && string(r) != sep })
	if end >= 0 {
		s = s[:end]
	}
	parts := strings.Split(s, sep)
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return Version{}
	}
	v := Version{Major: major, Known: true}
	if len(parts) > 1 {
		v.Minor, _ = strconv.Atoi(parts[1]) // not a number is as good as zero
	}
	return v
}

// terminal is what our own program calls itself where others have a browser.
const terminal = "Cardea in a terminal"

// Words says what the agent is in a person's words: "Chrome on Android".
func (a Agent) Words() words.Text {
	browser := words.Plain(a.Browser)
	if a.Browser == terminal {
		browser = words.Say("agent.terminal")
	}
	switch {
	case a.Browser != "" && a.System != "":
		return words.Say("agent.on", "Browser", browser, "System", a.System)
	case a.Browser != "":
		return browser
	case a.System != "":
		return words.Say("agent.a_browser", "System", a.System)
	}
	return words.Say("agent.unknown")
}

// Icon returns the icon that stands for the agent's device.
func (a Agent) Icon() string {
	if a.Mobile {
		return "phone"
	}
	return "laptop"
}
