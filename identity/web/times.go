package web

import (
	"strconv"
	"strings"
	"time"

	"cardea/identity/web/words"
)

// When says when t was to somebody who reads it now: "Today, 14:02 UTC",
// "Yesterday, 21:31 UTC", "19 Nov, 03:14 UTC", "7 Mar 2025". The pages do not
// know where the reader is, so they say which clock they go by.
func (ui *UI) When(t time.Time) string { return ui.when(t, "when") }

// At is When in the middle of a sentence: "today, 14:02 UTC".
func (ui *UI) At(t time.Time) string { return ui.when(t, "at") }

// when says t by the messages time.<manner>.today and so on.
func (ui *UI) when(t time.Time, manner string) string {
	t, now := t.UTC(), ui.now().UTC()
	if t.IsZero() || t.UnixMilli() == 0 {
		return ui.Say(words.Say("time." + manner + ".never"))
	}
	day := func(t time.Time) time.Time { return t.Truncate(24 * time.Hour) }
	clock := t.Format("15:04")
	switch {
	case day(t).Equal(day(now)):
		return ui.Say(words.Say("time."+manner+".today", "Clock", clock))
	case day(t).Equal(day(now).Add(-24 * time.Hour)):
		return ui.Say(words.Say("time."+manner+".yesterday", "Clock", clock))
	case t.Year() == now.Year():
		return ui.Say(words.Say("time.day_clock", "Day", t.Day(), "Month", month(t), "Clock", clock))
	}
	return ui.Day(t)
}

// Day says which day t was on: "7 Mar 2025".
func (ui *UI) Day(t time.Time) string {
	t = t.UTC()
	return ui.Say(words.Say("time.day", "Day", t.Day(), "Month", month(t), "Year", strconv.Itoa(t.Year())))
}

// Stamp says when t was so that it means the same to everybody: "22 Nov 2026,
// 14:02 UTC".
func (ui *UI) Stamp(t time.Time) string {
	t = t.UTC()
	return ui.Say(words.Say("time.stamp", "Day", t.Day(), "Month", month(t), "Year", strconv.Itoa(t.Year()), "Clock", t.Format("15:04")))
}

// stampForm is Stamp for a script that fills it in: {day}, {month}, {year} and
// {clock} stand where the parts of the time belong.
func (ui *UI) stampForm() string {
	return ui.Say(words.Say("time.stamp", "Day", "{day}", "Month", "{month}", "Year", "{year}", "Clock", "{clock}"))
}

// months are the names of the months for such a script, with | between them.
func (ui *UI) months() string {
	var all []string
	for m := time.January; m <= time.December; m++ {
		all = append(all, ui.Say(words.Say("time.month."+strconv.Itoa(int(m)))))
	}
	return strings.Join(all, "|")
}

func month(t time.Time) words.Text { return words.Say("time.month." + strconv.Itoa(int(t.Month()))) }
