package app

import (
	"strconv"
	"strings"
	"time"

	"cardea/authenticator/vault"
)

// A frame is what every page has around its content.
type frame struct {
	Style    Style
	Words    Words
	Secret   secretWords
	Device   string // the name of the phone or computer
	Title    string
	Clock    string
	Tabs     []tab
	Tab      string // the section that is open; empty for a page without sections
	Camera   bool   // dark, with the camera behind it
	Bare     bool   // without the phone or window around it
	Alone    bool   // without the sheet of what is asked: the page is the way to its answer
	Live     string // "page": redraw when something changes; "lock": leave when unlocked
	Revision int
	Sheet    sheet
}

type tab struct {
	Href, Label, Icon string
	Current           bool
}

// The sections of the app.
const (
	tabPasskeys = "Passkeys"
	tabScan     = "Scan"
	tabActivity = "Activity"
	tabSettings = "Settings"
)

// frame returns the frame of a page in a section, with the sheet of what is
// being asked now.
func (a *App) frame(title, section string) frame {
	revision, _ := a.news.latest()
	f := frame{
		Style: a.cfg.Style, Words: a.words, Secret: a.words.secret(a.keeper.Kind()), Device: a.cfg.DeviceName,
		Title: title, Clock: a.cfg.Now().Format("15:04"), Tab: section, Revision: revision, Sheet: a.sheet(false),
	}
	if section == "" {
		return f
	}
	f.Tabs = []tab{{"/", tabPasskeys, "passkey", section == tabPasskeys}, {"/scan", tabScan, "scan", section == tabScan},
		{"/activity", tabActivity, "clock", section == tabActivity}, {"/settings", tabSettings, "gear", section == tabSettings}}
	// The section list has no Scan on Android, where a button of its own leads
	// to it, and on a computer, which has no camera to hold before a screen.
	if a.cfg.Style != IOS {
		f.Tabs = append(f.Tabs[:1], f.Tabs[2:]...)
	}
	return f
}

// live makes the page follow what happens elsewhere.
func (f frame) live() frame {
	f.Live = "page"
	return f
}

// A secretField asks for a passcode, PIN or pattern.
type secretField struct {
	Name, Label, Problem string
	Pattern              bool
	Numeric              bool // bring up digits
	Focus                bool
}

func (a *App) secretField(name, label string, k vault.Kind, problem string) secretField {
	return secretField{
		Name: name, Label: label, Problem: problem, Pattern: k == vault.Pattern,
		// An iPhone's passcode may have letters, and a computer has keys.
		Numeric: a.cfg.Style == Android,
	}
}

// day writes a time for people: the hour if it was today, else the date.
func (a *App) day(t time.Time) string {
	if t.IsZero() {
		return "Never"
	}
	now := a.cfg.Now()
	t = t.In(now.Location())
	switch days := calendarDay(now) - calendarDay(t); days {
	case 0:
		return "Today, " + t.Format("15:04")
	case 1:
		return "Yesterday, " + t.Format("15:04")
	default:
		return t.Format("2 Jan 2006")
	}
}

// dayWithin is day within a sentence.
func (a *App) dayWithin(t time.Time) string {
	s := a.day(t)
	if rest, ok := strings.CutPrefix(s, "Today"); ok {
		return "today" + rest
	}
	if rest, ok := strings.CutPrefix(s, "Yesterday"); ok {
		return "yesterday" + rest
	}
	return s
}

// calendarDay numbers the days of t's calendar.
func calendarDay(t time.Time) int {
	y, m, d := t.Date()
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60))
}

// count writes a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
