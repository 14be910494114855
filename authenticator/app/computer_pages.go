package app

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"cardea/internal/httpd"
)

type computersPage struct {
	Frame           frame
	Rows            []computerRow
	Notice, Trouble string
}

type computerRow struct{ Name, Says, Href string }

type computerPage struct {
	Frame             frame
	Name, Typed, Href string
	Linked, Used      string
	Notice, Problem   string
}

type forgetComputersPage struct {
	Frame frame
	Count string
}

func countComputers(n int) string {
	if n == 0 {
		return "None yet"
	}
	return count(n, "computer", "computers")
}

// href is the page of c. The link's ID, which the relay sees too, is not in it.
func (c linkedComputer) href() string {
	sum := sha256.Sum256(c.ID[:])
	return "/settings/computers/" + hex.EncodeToString(sum[:8])
}

func (a *App) computerRow(c linkedComputer) computerRow {
	r := computerRow{Name: c.Name, Says: "Linked " + a.dayWithin(c.Since), Href: c.href()}
	if !c.Used.IsZero() {
		r.Says = "Asked " + a.dayWithin(c.Used)
	}
	return r
}

func (a *App) computersPage(w http.ResponseWriter, r *http.Request) error {
	p := computersPage{Frame: a.frame("Linked computers", "").live()}
	for _, c := range a.links.list() {
		p.Rows = append(p.Rows, a.computerRow(c))
	}
	switch {
	case r.URL.Query().Get("forgot") == "all":
		p.Notice = "Forgotten, all of them."
	case r.URL.Query().Get("forgot") != "":
		p.Notice = "Forgotten."
	}
	a.mu.Lock()
	unreachable := a.unreachable
	a.mu.Unlock()
	if unreachable != nil {
		p.Trouble = "They can't ask just now: this " + a.words.Device + " isn't connected to its relay. A code still works."
	}
	return a.render(w, http.StatusOK, "computers", p)
}

// computerOf finds the computer that the path names.
func (a *App) computerOf(r *http.Request) (linkedComputer, error) {
	for _, c := range a.links.list() {
		if c.href() == "/settings/computers/"+r.PathValue("ref") {
			return c, nil
		}
	}
	return linkedComputer{}, httpd.Errorf(http.StatusNotFound, "That computer isn't linked any more.", "no such computer")
}

func (a *App) computerPage(w http.ResponseWriter, r *http.Request) error {
	c, err := a.computerOf(r)
	if err != nil {
		return err
	}
	notice := ""
	if r.URL.Query().Get("saved") != "" {
		notice = "Saved."
	}
	return a.renderComputer(w, http.StatusOK, c, c.Name, notice, "")
}

func (a *App) renderComputer(w http.ResponseWriter, status int, c linkedComputer, typed, notice, problem string) error {
	return a.render(w, status, "computer", computerPage{
		Frame: a.frame("Linked computer", ""), Name: c.Name, Typed: typed, Href: c.href(),
		Linked: a.day(c.Since), Used: a.day(c.Used), Notice: notice, Problem: problem,
	})
}

// renameComputer gives a computer the person's name for it. Two with one name
// could not be told apart when they ask.
func (a *App) renameComputer(w http.ResponseWriter, r *http.Request) error {
	c, err := a.computerOf(r)
	if err != nil {
		return err
	}
	name, problem := strings.Join(strings.Fields(r.PostFormValue("name")), " "), ""
	switch {
	case name == "":
		problem = "Give it a name."
	case utf8.RuneCountInString(name) > maxNickname:
		problem = "That name is longer than 30 characters."
	}
	for _, o := range a.links.list() {
		if o.ID != c.ID && strings.EqualFold(o.Name, name) {
			problem = "Another computer has that name."
		}
	}
	if problem != "" {
		return a.renderComputer(w, http.StatusUnprocessableEntity, c, name, "", problem)
	}
	if err := a.links.edit(c.ID, func(c *linkedComputer) { c.Name = name }); err != nil {
		return fmt.Errorf("renaming a computer: %w", err)
	}
	a.news.tell()
	return see(w, r, c.href()+"?saved=1")
}

func (a *App) forgetComputer(w http.ResponseWriter, r *http.Request) error {
	c, err := a.computerOf(r)
	if err != nil {
		return err
	}
	if err := a.links.forget(c.ID); err != nil {
		return fmt.Errorf("forgetting a computer: %w", err)
	}
	a.activity.add(Event{At: a.cfg.Now(), Caller: linkedCaller(c.Name), Outcome: outcomeForgotten})
	a.news.tell()
	return see(w, r, "/settings/computers?forgot=1")
}

func (a *App) forgetComputersPage(w http.ResponseWriter, r *http.Request) error {
	return a.render(w, http.StatusOK, "forget_computers", forgetComputersPage{
		Frame: a.frame("Forget all computers?", ""), Count: countComputers(len(a.links.list()))})
}

func (a *App) forgetComputers(w http.ResponseWriter, r *http.Request) error {
	all := a.links.list()
	if err := a.links.forgetAll(); err != nil {
		return fmt.Errorf("forgetting all computers: %w", err)
	}
	for _, c := range all {
		a.activity.add(Event{At: a.cfg.Now(), Caller: linkedCaller(c.Name), Outcome: outcomeForgotten})
	}
	a.news.tell()
	return see(w, r, "/settings/computers?forgot=all")
}
