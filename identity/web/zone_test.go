package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"cardea/identity/web/words"
)

func TestTimesAreThoseOfTheReadersClock(t *testing.T) {
	t.Parallel()
	utc := func(s string) time.Time {
		at, err := time.Parse("2006-01-02 15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, tt := range []struct {
		name, zone, now, at, want string
	}{
		{"the same day in the east", "Asia/Tokyo", "2026-11-22 14:02", "2026-11-22 13:58", "Today, 22:58"},
		{"after midnight in the east", "Asia/Tokyo", "2026-11-22 16:00", "2026-11-22 14:59", "Yesterday, 23:59"},
		{"today in the east, yesterday by UTC", "Asia/Tokyo", "2026-11-22 01:00", "2026-11-21 15:00", "Today, 00:00"},
		{"still yesterday in the west", "America/Los_Angeles", "2026-11-22 07:59", "2026-11-22 07:00", "Today, 23:00"},
		{"the day before in the west", "America/Los_Angeles", "2026-11-22 14:00", "2026-11-22 07:00", "Yesterday, 23:00"},
		{"half hours", "Asia/Kolkata", "2026-11-22 14:02", "2026-11-22 13:02", "Today, 18:32"},
		{"summer time, seen in winter", "Europe/Berlin", "2026-11-22 14:02", "2026-07-01 12:00", "1 Jul, 14:00"},
		{"winter time, seen in summer", "Europe/Berlin", "2026-07-01 12:00", "2026-01-15 12:00", "15 Jan, 13:00"},
		{"a day of 23 hours", "Europe/Berlin", "2026-03-29 21:30", "2026-03-28 22:30", "Yesterday, 23:30"},
		{"a day of 25 hours", "Europe/Berlin", "2026-10-25 22:30", "2026-10-24 22:30", "Today, 00:30"},
		{"a day without a midnight", "America/Santiago", "2026-09-06 05:00", "2026-09-06 03:30", "Yesterday, 23:30"},
		{"a day that was left out", "Pacific/Apia", "2011-12-30 12:00", "2011-12-30 09:00", "29 Dec, 23:00"},
		{"the year before in the west", "America/New_York", "2026-06-01 12:00", "2026-01-01 04:00", "31 Dec 2025"},
		{"this year in the east", "Pacific/Auckland", "2026-06-01 12:00", "2025-12-31 12:00", "1 Jan, 01:00"},
		{"nobody knows where", "", "2026-11-22 14:02", "2026-11-21 23:59", "Yesterday, 23:59 UTC"},
		{"never", "Asia/Tokyo", "2026-11-22 14:02", "1970-01-01 00:00", "Never"},
	} {
		ui := New(Site{}, func() time.Time { return utc(tt.now) }).By(ParseZone(tt.zone))
		if got := ui.When(utc(tt.at)); got != tt.want {
			t.Errorf("%s: When = %q, want %q", tt.name, got, tt.want)
		}
	}
}

// What is told to others names its distance from UTC; what is in the log is in
// UTC whoever reads it.
func TestMomentsSayTheirZoneAndStampsAreUTC(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC)
	for zone, want := range map[string]string{
		"":                    "1 Jul 2026, 22:30 UTC",
		"Europe/Berlin":       "2 Jul 2026, 00:30 UTC+2",
		"Europe/London":       "1 Jul 2026, 23:30 UTC+1",
		"Asia/Kathmandu":      "2 Jul 2026, 04:15 UTC+5:45",
		"America/St_Johns":    "1 Jul 2026, 20:00 UTC−2:30",
		"America/Los_Angeles": "1 Jul 2026, 15:30 UTC−7",
	} {
		ui := New(Site{}, nil).By(ParseZone(zone))
		if got := ui.Moment(at); got != want {
			t.Errorf("%q: Moment = %q, want %q", zone, got, want)
		}
		if got := ui.Stamp(at); got != "1 Jul 2026, 22:30 UTC" {
			t.Errorf("%q: Stamp = %q", zone, got)
		}
	}
}

func TestNonsenseInTheCookieIsUTC(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "Local", "Europe/Nowhere", "europe/berlin\n", "../../etc/passwd", "/etc/localtime", "Europe/../Europe/Berlin", "Europe//Berlin",
		"Europe", "<script>", "Europe/Berlin; Secure", "Europe\\Berlin", strings.Repeat("A", 5000), "A/" + strings.Repeat("b/", 100), "tzdata.zi", "\x00",
	} {
		if zone := ParseZone(name); zone != time.UTC {
			t.Errorf("ParseZone(%q) = %s, want UTC", name, zone)
		}
	}
	for old, name := range renamed {
		if zone := ParseZone(old); zone.String() != name {
			t.Errorf("ParseZone(%q) = %s, want %s", old, zone, name)
		}
	}
	for _, name := range []string{"Europe/Berlin", "America/Argentina/Buenos_Aires", "America/Port-au-Prince", "Etc/GMT+12", "Etc/GMT-14", "EST5EDT", "GB", "UTC"} {
		if zone := ParseZone(name); zone.String() != name {
			t.Errorf("ParseZone(%q) = %s", name, zone)
		}
	}
}

func FuzzParseZone(f *testing.F) {
	for _, s := range []string{"Europe/Berlin", "Etc/GMT+12", "Local", "../x", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		zone := ParseZone(name)
		if zone == nil || zone == time.Local && time.Local != time.UTC {
			t.Fatalf("ParseZone(%q) = %v", name, zone)
		}
		if zone != time.UTC && zone.String() != name && zone.String() != renamed[name] {
			t.Errorf("ParseZone(%q) = %s", name, zone)
		}
	})
}

// Whoever says that they live somewhere else, in another language, each time,
// has the server render, and never parse.
func TestNoClockAndNoLanguageCostsAnotherPress(t *testing.T) {
	t.Parallel()
	all := &presses{free: make(chan *press, 2), unmade: make(chan struct{}, 2)}
	all.unmade <- struct{}{}
	all.unmade <- struct{}{}
	all.put(all.take())
	ui := New(Site{Name: "Alder"}, nil)
	ui.presses = all
	zones := []string{"Europe/Berlin", "Asia/Tokyo", "America/Lima", "Pacific/Apia", "Africa/Lagos", "No/Where"}
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			other := ui.In(words.Languages()[i%6]).By(ParseZone(zones[i/6%6]))
			html, err := other.HTML(History{Me: Me{DisplayName: "Maia"}})
			if err != nil || !strings.Contains(string(html), `<html lang="`+string(other.Language())+`"`) {
				t.Errorf("%s by %s: %v", other.Language(), other.zone, err)
			}
			if name := other.zoneName(); name != "" && !strings.Contains(string(html), name) {
				t.Errorf("the page by %s does not say so", name)
			}
		})
	}
	wg.Wait()
	// One more than two could not have been given back.
	if len(all.free)+len(all.unmade) != 2 {
		t.Errorf("%d presses are free and %d can be made, want 2 in all", len(all.free), len(all.unmade))
	}
}

// A press is given back whatever happens with it.
func TestPressIsGivenBackAfterAFault(t *testing.T) {
	t.Parallel()
	all := &presses{free: make(chan *press, 1), unmade: make(chan struct{}, 1)}
	all.unmade <- struct{}{}
	ui := New(Site{}, nil)
	ui.presses = all
	for range 3 {
		if _, err := ui.HTML(Security{Passkeys: []PasskeyRow{{Icon: "no such icon"}}}); err == nil {
			t.Fatal("a fault in a page is not told")
		}
	}
	if len(all.free) != 1 {
		t.Error("the press is gone")
	}
}

func TestSurfaceGoesByTheCookie(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 14, 2, 0, 0, time.UTC)
	for _, origin := range []string{"https://myaccount.example", "http://myaccount.localhost"} {
		s := NewSurface(New(Site{AccountURL: origin}, func() time.Time { return now }), origin, DidNotWork, Link{})
		name := s.UI.zoneCookie()
		if want := s.Cookies.Name(ZoneCookie); name != want {
			t.Errorf("%s: the script is told of %s, want %s", origin, name, want)
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: name, Value: "Asia/Tokyo"})
		w := httptest.NewRecorder()
		if err := s.Render(w, r, http.StatusOK, Sessions{Sessions: []SessionRow{{Icon: "laptop", Since: now, Seen: now}}}); err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(w.Result().Body)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(body), "today, 23:02<") || !strings.Contains(string(body), "Asia/Tokyo") {
			t.Errorf("%s: %s", origin, body)
		}
		if got := w.Header().Get("Vary"); !strings.Contains(got, "Cookie") {
			t.Errorf("Vary = %q: a cache would show one reader's clock to another", got)
		}
	}
}

func BenchmarkPage(b *testing.B) {
	ui := New(Site{Name: "Alder"}, nil)
	page := History{Me: Me{DisplayName: "Maia"}, Events: sampleEvents(time.Now())}
	b.Run("rendered", func(b *testing.B) {
		for b.Loop() {
			if _, err := ui.In(words.German).By(ParseZone("Asia/Tokyo")).HTML(page); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parsed and rendered", func(b *testing.B) {
		for b.Loop() {
			all := &presses{free: make(chan *press, 1), unmade: make(chan struct{}, 1)}
			all.unmade <- struct{}{}
			other := *ui
			other.presses = all
			if _, err := other.HTML(page); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("zone", func(b *testing.B) {
		for b.Loop() {
			ParseZone("Asia/Tokyo")
		}
	})
	b.Run("zone that there is not", func(b *testing.B) {
		for b.Loop() {
			ParseZone("Asia/Nowhere")
		}
	})
}
