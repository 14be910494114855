package web

import (
	"strconv"
	"strings"
	"time"

	"cardea/identity/web/words"
)

// When says when t was to somebody who reads it now: "Today, 14:02",
// "Yesterday, 21:31", "19 Nov, 03:14", "7 Mar 2025". If nobody knows what clock
// the reader goes by, it says that it is UTC: "Today, 14:02 UTC".
func (ui *UI) When(t time.Time) string { return ui.when(t, "when") }

// At is When in the middle of a sentence: "today, 14:02".
func (ui *UI) At(t time.Time) string { return ui.when(t, "at") }

// when says t by the messages time.<manner>.today and so on.
func (ui *UI) when(t time.Time, manner string) string {
	if t.IsZero() || t.UnixMilli() == 0 {
		return ui.Say(words.Say("time." + manner + ".never"))
	}
	t, now := t.In(ui.zone), ui.now().In(ui.zone)
	clock := t.Format("15:04")
	if ui.byUTC() {
		clock += " UTC"
	}
	switch today := date(now); {
	case date(t).Equal(today):
		return ui.Say(words.Say("time."+manner+".today", "Clock", clock))
	case date(t).Equal(today.AddDate(0, 0, -1)):
		return ui.Say(words.Say("time."+manner+".yesterday", "Clock", clock))
	case t.Year() == now.Year():
		return ui.Say(words.Say("time.day_clock", "Day", t.Day(), "Month", month(t), "Clock", clock))
	}
	return ui.Day(t)
}

// date returns the day of the calendar that t is on, without its clock: days do
// not all have 24 hours, nor does each have a midnight.
func date(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// Day says which day t was on: "7 Mar 2025".
func (ui *UI) Day(t time.Time) string {
	t = t.In(ui.zone)
	return ui.Say(words.Say("time.day", "Day", t.Day(), "Month", month(t), "Year", strconv.Itoa(t.Year())))
}

// Moment says when t is to the reader and to whom they tell it: "22 Nov 2026,
// 15:02 UTC+1".
func (ui *UI) Moment(t time.Time) string { return ui.exactly(t.In(ui.zone)) }

// Stamp says when t was so that it means the same to everybody, whatever clock
// they go by: "22 Nov 2026, 14:02 UTC".
func (ui *UI) Stamp(t time.Time) string { return ui.exactly(t.UTC()) }

func (ui *UI) exactly(t time.Time) string {
	return ui.stamp(strconv.Itoa(t.Day()), month(t), strconv.Itoa(t.Year()), t.Format("15:04")+" "+offset(t))
}

func (ui *UI) stamp(day string, month any, year, clock string) string {
	return ui.Say(words.Say("time.stamp", "Day", day, "Month", month, "Year", year, "Clock", clock))
}

// stampForm is Stamp for a script that fills it in: {day}, {month}, {year} and
// {clock} stand where the parts of the time belong.
func (ui *UI) stampForm() string {
	return ui.stamp("{day}", "{month}", "{year}", "{clock} UTC")
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
