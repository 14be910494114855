package app

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// A change is what an open page is told: enough to know whether it is still
// right, never what is being asked.
type change struct {
	Sheet  string `json:"sheet"`  // key of the sheet; empty if nothing is asked
	Page   int    `json:"page"`   // edition of everything else
	Locked bool   `json:"locked"` // the vault
}

// events tells a page, as server-sent events, what is current now and at each
// change, until the page goes or the App ends.
func (a *App) events(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	defer a.inSight()()
	for {
		edition, next := a.news.latest()
		b, err := json.Marshal(change{Sheet: a.sheet(false).Key, Page: edition, Locked: a.keeper.Locked()})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", b); err != nil {
			return nil // the page has gone
		}
		if err := out.Flush(); err != nil {
			return nil
		}
		select {
		case <-next:
		case <-r.Context().Done():
			return nil
		case <-a.closing:
			return nil
		}
	}
}
