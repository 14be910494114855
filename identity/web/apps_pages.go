package web

import (
	"time"

	"cardea/identity/grant"
	"cardea/identity/web/words"
)

// Apps lists the applications of a person.
type Apps struct {
	Me
	Apps    []AppRow
	Removed bool // the access of one was just removed
}

func (Apps) template() (string, string) { return "apps", account }

// An AppRow is one application as its person sees it.
type AppRow struct {
	ID      string
	Name    string
	Program bool
	Since   time.Time
	Last    time.Time
	Sees    []words.Text // empty if it holds nothing
	Until   time.Time
}

// RemoveApp asks whether to remove the access of one, and shows what that does.
type RemoveApp struct {
	App AppRow
}

func (RemoveApp) template() (string, string) { return "remove_app", gate }

// AppRowOf returns an application as pages show it.
func AppRowOf(a grant.App) AppRow {
	row := AppRow{ID: string(a.Client), Name: a.Name, Program: a.Native, Since: a.First, Last: a.Last, Until: a.Until}
	for _, v := range a.Scope {
		if key := "apps.scope." + v; words.Has(key) {
			row.Sees = append(row.Sees, words.Say(key))
		} else {
			row.Sees = append(row.Sees, words.Plain(v))
		}
	}
	return row
}
