package web

import (
	"fmt"
	"time"

	"cardea/identity/audit"
	"cardea/identity/grant"
	"cardea/identity/web/words"
)

func maia(here string) Me {
	return Me{DisplayName: "Maia Oduya", Username: "maia@alder.example", Admin: true, Here: here}
}

// openable gives rows the addresses of their pages.
func openable(rows []EventRow) []EventRow {
	for i := range rows {
		rows[i].Open = fmt.Sprintf("/history/%d", i+1)
	}
	return rows
}

func historyExhibits(now time.Time) []exhibit {
	events, keys := openable(sampleEvents(now)), samplePasskeys(now)
	asked := Asked{Text: "chrome", Show: audit.Stopped, Days: 30}
	signIn := HistoryEntry{Me: maia("history"), Event: events[0], ID: "1", Browser: "Chromium", System: "Windows", Deniable: true,
		Do: WhatToDo(audit.Event{Kind: audit.SignIn})}
	app := signIn
	app.Event, app.App = RowOf(audit.Event{Time: now.Add(-time.Hour), Kind: audit.ClientSignIn, Client: "reading-room", ClientName: "Reading Room",
		UserAgent: "Windows Chromium/156", Address: "192.0.2.17", Reference: "61B0-7CE2-9A44"}, ""), "Reading Room"
	stopped := HistoryEntry{Me: maia("history"), Event: events[1], ID: "2", Deniable: true, Do: WhatToDo(audit.Event{Kind: audit.PassSignIn, Outcome: audit.Refused})}
	denied := signIn
	denied.Denied = now.Add(-2 * time.Minute)
	said := HistoryEntry{Me: maia("history"), ID: "3", Event: RowOf(audit.Event{Time: now.Add(-2 * time.Minute), Kind: audit.NotMe, Detail: "91B0-7CE2-9A44",
		UserAgent: "Windows Chromium/156", Address: "192.0.2.17", Reference: "71B0-7CE2-9A44"}, ""), Browser: "Chromium", System: "Windows"}
	issued := HistoryEntry{Me: maia("history"), ID: "4", Event: RowOf(audit.Event{Time: now.Add(-time.Hour), Kind: audit.PassIssued, Reference: "81B0-7CE2-9A44"}, ""),
		ByOther: true, Deniable: true, Do: WhatToDo(audit.Event{Kind: audit.PassIssued})}
	return []exhibit{
		{"account-history", History{Me: maia("history"), Events: events, Older: "/history?before=1"}, ""},
		{"account-history--searched", History{Me: maia("history"), Asked: asked, Events: events[1:2], Newer: asked.Query("after", "2"), Older: asked.Query("before", "2")}, ""},
		{"account-history--nothing", History{Me: maia("history"), Asked: asked}, ""},
		{"account-history--mine", History{Me: maia("history"), Events: events[:2], Mine: true}, ""},
		{"account-history--empty", History{Me: maia("history")}, ""},
		{"account-history-entry", signIn, ""},
		{"account-history-entry--app", app, ""},
		{"account-history-entry--stopped", stopped, ""},
		{"account-history-entry--denied", denied, ""},
		{"account-history-entry--said", said, ""},
		{"account-history-entry--by-other", issued, ""},
		{"account-not-me", NotMe{Me: maia("history"), Event: events[0], ID: "1", Others: 2}, ""},
		{"account-not-me--alone", NotMe{Me: maia("history"), Event: events[0], ID: "1"}, ""},
		{"account-not-me--stopped", NotMe{Me: maia("history"), Event: events[1], ID: "2", Others: 1, Stopped: true}, ""},
		{"account-not-me-done", NotMeDone{Me: maia("history"), Event: events[0], Ended: 2, Passkey: &keys[0]}, ""},
		{"account-not-me-done--only", NotMeDone{Me: maia("history"), Event: events[0], Passkey: &keys[0], Only: true}, ""},
		{"account-not-me-done--gone", NotMeDone{Me: maia("history"), Event: events[3]}, ""},
	}
}

func lostExhibits(now time.Time) []exhibit {
	keys := samplePasskeys(now)
	sessions := []SessionRow{
		{ID: "2", Agent: sampleAgent("Safari", "iPad"), Icon: "phone", Address: "192.0.2.44", Since: now.Add(-17 * time.Hour), Seen: now.Add(-16 * time.Hour)},
		{ID: "3", Agent: sampleAgent("Chrome", "Android"), Icon: "phone", Address: "2001:db8::8a2e:370:7334", Since: now.Add(-80 * time.Hour), Seen: now.Add(-75 * time.Hour)},
	}
	return []exhibit{
		{"account-lost", Lost{Me: maia("security"), Passkeys: keys}, ""},
		{"account-lost--unsure", Lost{Me: maia("security"), Passkeys: keys, Unsure: true}, ""},
		{"account-lost-plan", LostPlan{Me: maia("security"), Passkey: keys[0], Sessions: sessions, Others: 2}, ""},
		{"account-lost-plan--synced", LostPlan{Me: maia("security"), Passkey: keys[1], Own: true, Others: 2}, ""},
		{"account-lost-plan--only", LostPlan{Me: maia("security"), Passkey: keys[0]}, ""},
		{"account-lost-done", LostDone{Me: maia("security"), Name: keys[0].Name, Reference: "7F3C-91DA-20B8", Days: 7, Passkeys: 2}, ""},
		{"account-lost-done--synced", LostDone{Me: maia("security"), Name: keys[1].Name, Reference: "7F3C-91DA-20B8", Passkeys: 1, Synced: true}, ""},
		{"lost-phone", LostPublic{}, ""},
	}
}

func appExhibits(now time.Time) []exhibit {
	apps := []AppRow{
		AppRowOf(grant.App{Told: grant.Told{Client: "terminal", Name: "Cardea in a terminal", Native: true, First: now.Add(-700 * time.Hour), Last: now.Add(-3 * time.Hour)},
			Scope: grant.ParseScope("openid profile offline_access"), Until: now.Add(100 * time.Hour)}),
		AppRowOf(grant.App{Told: grant.Told{Client: "reading-room", Name: "Reading Room", First: now.Add(-9000 * time.Hour), Last: now.Add(-30 * time.Minute)},
			Scope: grant.ParseScope("openid profile")}),
		AppRowOf(grant.App{Told: grant.Told{Client: "catalog", Name: "Catalog", First: now.Add(-90 * time.Hour), Last: now.Add(-80 * time.Hour)}}),
	}
	profile := Profile{Me: maia("profile"), Value: "Maia Oduya", Since: now.Add(-15000 * time.Hour), Passkeys: 3}
	wrong, unlocked, chosen := profile, profile, profile
	wrong.Value, wrong.Wrong = "", true
	unlocked.Value, unlocked.Unlocked = "Maia O.", true
	chosen.Chosen, chosen.Saved = words.German, true
	named := profile
	named.NameSaved = true
	return []exhibit{
		{"account-apps", Apps{Me: maia("apps"), Apps: apps}, ""},
		{"account-apps--removed", Apps{Me: maia("apps"), Apps: apps[:1], Removed: true}, ""},
		{"account-apps--none", Apps{Me: maia("apps")}, ""},
		{"account-apps-remove", RemoveApp{App: apps[1]}, ""},
		{"account-profile", profile, ""},
		{"account-profile--wrong", wrong, ""},
		{"account-profile--unlocked", unlocked, ""},
		{"account-profile--named", named, ""},
		{"account-profile--language", chosen, ""},
	}
}
