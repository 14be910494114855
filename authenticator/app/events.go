package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"cardea/internal/httpd"
)

// A change is what an open page is told: enough to know whether it is still
// right, never what is being asked.
type change struct {
	Sheet  string `json:"sheet"`  // key of the sheet; empty if nothing is asked
	Page   int    `json:"page"`   // edition of everything else
	Locked bool   `json:"locked"` // the vault
}

var errOtherPage = errors.New("events asked for by a page of another site")

// ownPage reports whether r comes from a page of ours, as far as the browser
// tells. What is no browser says nothing, and need not be one.
func ownPage(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	origin := r.Header.Get("Origin")
	return origin == "" || origin == "http://"+r.Host
}

// events tells a page, as server-sent events, what is current now and at each
// change, until the page goes or the App ends.
func (a *App) events(w http.ResponseWriter, r *http.Request) error {
	if !ownPage(r) {
		// It would count as a page in sight, and keep the question from being
		// shown where the person does look.
		return &httpd.Error{Status: http.StatusForbidden, Code: "other_page", Err: errOtherPage,
			Public: "Only the pages of this app hear of its changes."}
	}
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
