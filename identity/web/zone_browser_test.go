package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"cardea/identity/web"
)

// moves takes the browser to another time zone.
func (b *tab) moves(zone string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: zone})
	b.check(err)
}

// From the second page on, times are those of the clock on the reader's wall;
// and when they have travelled, of the clock there.
func TestBrowserTellsItsZone(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	b := newTab(t)
	b.adopt(v)
	signedInAt := func(zone string) string { return h.clock().In(web.ParseZone(zone)).Format("15:04") }
	kept := func(zone string) {
		b.until("the cookie", `document.cookie.split('; ').includes('`+web.ZoneCookie+`=`+zone+`')`)
	}
	b.moves("Asia/Kolkata")
	b.open(h.account + "/history")
	b.reads("Today, " + h.clock().UTC().Format("15:04") + " UTC")
	kept("Asia/Calcutta") // as Chromium calls it
	for _, path := range []string{"/", "/history", "/sessions", "/admin/events"} {
		b.open(h.account + path)
		b.reads("Times are by the clock of Asia/Kolkata.")
		b.until("no other clock", `!document.body.innerText.includes('UTC')`)
	}
	b.reads(signedInAt("Asia/Kolkata"))
	b.moves("America/Los_Angeles")
	b.open(h.account + "/history")
	kept("America/Los_Angeles")
	b.open(h.account + "/history")
	b.reads("Times are by the clock of America/Los Angeles.")
	b.reads(signedInAt("America/Los_Angeles"))
	if len(b.problems) > 0 {
		t.Errorf("the console complains: %q", b.problems)
	}
	if strings.Contains(h.logged(), "Kolkata") {
		t.Error("the zone is in the log")
	}
}
