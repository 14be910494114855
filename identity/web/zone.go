package web

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // for machines that have no time zones of their own
)

// ZoneCookie holds the name of the time zone that a browser is in, as the script
// of our pages found it: "Europe/Berlin", and nothing else. Its name on the wire
// is Cookies.Name(ZoneCookie). Unlike the others it is for a script, which
// renews it when its person has travelled.
const ZoneCookie = "cardea-zone"

// zoneForm is what names in the IANA database look like. "Local" is not one of
// them: it would be the server's own.
var zoneForm = regexp.MustCompile(`^[A-Z][A-Za-z0-9_+-]{0,31}(?:/[A-Za-z0-9_+-]{1,32}){0,2}$`)

// ParseZone returns the time zone of that name, and UTC if there is none.
func ParseZone(name string) *time.Location {
	if !zoneForm.MatchString(name) || name == time.Local.String() {
		return time.UTC
	}
	if today, ok := renamed[name]; ok {
		name = today
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

// renamed are the zones that browsers still call by the names that their towns
// had (Unicode CLDR never changes an identifier). People read the name.
var renamed = map[string]string{
	"Africa/Asmera":        "Africa/Asmara",
	"America/Buenos_Aires": "America/Argentina/Buenos_Aires",
	"America/Catamarca":    "America/Argentina/Catamarca",
	"America/Cordoba":      "America/Argentina/Cordoba",
	"America/Godthab":      "America/Nuuk",
	"America/Indianapolis": "America/Indiana/Indianapolis",
	"America/Jujuy":        "America/Argentina/Jujuy",
	"America/Louisville":   "America/Kentucky/Louisville",
	"America/Mendoza":      "America/Argentina/Mendoza",
	"Asia/Calcutta":        "Asia/Kolkata",
	"Asia/Katmandu":        "Asia/Kathmandu",
	"Asia/Rangoon":         "Asia/Yangon",
	"Asia/Saigon":          "Asia/Ho_Chi_Minh",
	"Atlantic/Faeroe":      "Atlantic/Faroe",
	"Europe/Kiev":          "Europe/Kyiv",
	"Pacific/Enderbury":    "Pacific/Kanton",
	"Pacific/Ponape":       "Pacific/Pohnpei",
	"Pacific/Truk":         "Pacific/Chuuk",
}

// Zone returns the time zone of who is on the other side of r, and UTC if their
// browser doesn't tell.
func (s Surface) Zone(r *http.Request) *time.Location { return ParseZone(s.Cookies.Get(r, ZoneCookie)) }

// zoneCookie returns the name of the cookie for the script that sets it.
func (ui *UI) zoneCookie() string {
	return Cookies{Secure: strings.HasPrefix(ui.site.AccountURL, "https:")}.Name(ZoneCookie)
}

// zoneName returns the name of the zone that the pages go by, as people write it, and nothing if
// that is UTC: then each time says so itself.
func (ui *UI) zoneName() string {
	if ui.byUTC() {
		return ""
	}
	return strings.ReplaceAll(ui.zone.String(), "_", " ")
}

func (ui *UI) byUTC() bool { return ui.zone == time.UTC }

// offset says how far t is from UTC: "UTC", "UTC+1", "UTC−3:30".
func offset(t time.Time) string {
	_, seconds := t.Zone()
	if seconds == 0 {
		return "UTC"
	}
	sign := "+"
	if seconds < 0 {
		sign, seconds = "−", -seconds
	}
	hours, minutes := seconds/3600, seconds%3600/60
	if minutes == 0 {
		return fmt.Sprintf("UTC%s%d", sign, hours)
	}
	return fmt.Sprintf("UTC%s%d:%02d", sign, hours, minutes)
}
