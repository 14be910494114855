package web

import "time"

// When says when t was to somebody who reads it at now: "Today, 14:02 UTC",
// "Yesterday, 21:31 UTC", "19 Nov, 03:14 UTC", "7 Mar 2025". The pages do not
// know where the reader is, so they say which clock they go by.
func When(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.IsZero() || t.UnixMilli() == 0 {
		return "Never"
	}
	day := func(t time.Time) time.Time { return t.Truncate(24 * time.Hour) }
	switch clock := t.Format("15:04 UTC"); {
	case day(t).Equal(day(now)):
		return "Today, " + clock
	case day(t).Equal(day(now).Add(-24 * time.Hour)):
		return "Yesterday, " + clock
	case t.Year() == now.Year():
		return t.Format("2 Jan, ") + clock
	default:
		return t.Format("2 Jan 2006")
	}
}

// Stamp says when t was so that it means the same to everybody: "22 Nov 2026,
// 14:02 UTC".
func Stamp(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }
