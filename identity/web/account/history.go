package account

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/web"
)

// perPage is how many events a page of the history shows.
const perPage = 50

func (s *Surface) history(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	query := r.URL.Query()
	passkeys, err := s.cfg.Directory.Passkeys(r.Context(), v.User.ID)
	if err != nil {
		return fmt.Errorf("listing passkeys: %w", err)
	}
	p := web.History{Me: v.Me("history"), Asked: web.ParseAsked(query), Mine: query.Has("mine") && web.JustDone(r)}
	q := p.Asked.Search(s.In(r), v.User.ID, passkeys)
	q.Before, q.After, q.Limit = query.Get("before"), query.Get("after"), perPage+1
	events, err := s.cfg.Audit.Find(r.Context(), q)
	if err != nil {
		return fmt.Errorf("reading history: %w", err)
	}
	events, newer, older := onePage(events, q)
	if newer {
		p.Newer = p.Asked.Query("after", events[0].ID)
	}
	if older {
		p.Older = p.Asked.Query("before", events[len(events)-1].ID)
	}
	for _, e := range events {
		p.Events = append(p.Events, entryRow(e, passkeys))
	}
	return s.Render(w, r, http.StatusOK, p)
}

// onePage takes off the event that was only asked for to know whether there is
// another page. There is always something on the side that the reader came from.
func onePage(events []audit.Event, q audit.Search) (page []audit.Event, newer, older bool) {
	more := len(events) > perPage
	switch {
	case len(events) == 0:
		return nil, false, false
	case q.After != "":
		if more {
			events = events[1:]
		}
		return events, more, true
	case more:
		events = events[:perPage]
	}
	return events, q.Before != "", more
}

func entryRow(e audit.Event, passkeys []directory.Passkey) web.EventRow {
	row := web.RowOf(e, web.PasskeyName(passkeys, e.PasskeyID))
	row.Open = "/history/" + e.ID
	return row
}

// event returns the event that the address of r names. One that concerns
// somebody else is not there.
func (s *Surface) event(r *http.Request, v web.Visitor) (audit.Event, error) {
	e, err := s.cfg.Audit.Event(r.Context(), v.User.ID, r.PathValue("id"))
	if errors.Is(err, audit.ErrNone) {
		return e, web.Fault(http.StatusNotFound, "not_found", "%w", err)
	}
	if err != nil {
		return e, fmt.Errorf("reading an event: %w", err)
	}
	return e, nil
}

func (s *Surface) entry(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	e, err := s.event(r, v)
	if err != nil {
		return err
	}
	passkeys, err := s.cfg.Directory.Passkeys(r.Context(), v.User.ID)
	if err != nil {
		return fmt.Errorf("listing passkeys: %w", err)
	}
	p := web.HistoryEntry{
		Me: v.Me("history"), Event: entryRow(e, passkeys), ID: e.ID, App: e.ClientName, Do: web.WhatToDo(e),
		ByOther: e.By != "" && e.By != v.User.ID, Deniable: mayDeny(e),
	}
	agent := web.ParseAgent(e.UserAgent)
	p.Browser, p.System = agent.Browser, agent.System
	if p.Denied, err = s.cfg.Audit.Denied(r.Context(), e); err != nil {
		return fmt.Errorf("reading history: %w", err)
	}
	return s.Render(w, r, http.StatusOK, p)
}

// deniable is event for what a person may say of that it was not them. What they
// said is not among it.
func (s *Surface) deniable(r *http.Request, v web.Visitor) (audit.Event, error) {
	e, err := s.event(r, v)
	if err == nil && !mayDeny(e) {
		err = web.Fault(http.StatusNotFound, "not_found", "denying a denial")
	}
	return e, err
}

func mayDeny(e audit.Event) bool { return e.Kind != audit.NotMe }

// askNotMe shows what will happen if the visitor says that an event was not
// them. Of one that was refused there is nothing to undo.
func (s *Surface) askNotMe(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	e, err := s.deniable(r, v)
	if err != nil {
		return err
	}
	sessions, err := s.cfg.Sessions.List(r.Context(), v.User.ID)
	if err != nil {
		return fmt.Errorf("listing sessions: %w", err)
	}
	return s.Render(w, r, http.StatusOK, web.NotMe{
		Me: v.Me("history"), Event: web.RowOf(e, ""), ID: e.ID, Others: len(sessions) - 1, Stopped: e.Outcome == audit.Refused,
	})
}

// notMe shuts all others out. It needs no fresh proof: whoever is at this
// browser could sign out all others anyway, and the owner who fears the worst
// should not be asked to unlock first.
func (s *Surface) notMe(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	e, err := s.deniable(r, v)
	if err != nil {
		return err
	}
	n, err := s.cfg.Sessions.Deny(r.Context(), v.User.ID, v.Session.ID, e.About())
	if err != nil {
		return fmt.Errorf("shutting all others out: %w", err)
	}
	http.Redirect(w, r, "/history/"+url.PathEscape(e.ID)+"/not-me/done?ended="+strconv.Itoa(n), http.StatusSeeOther)
	return nil
}

// notMeDone leads through what is left. It can be come back to, from the entry.
func (s *Surface) notMeDone(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
	e, err := s.deniable(r, v)
	if err != nil {
		return err
	}
	switch denied, err := s.cfg.Audit.Denied(r.Context(), e); {
	case err != nil:
		return fmt.Errorf("reading history: %w", err)
	case denied.IsZero(): // nothing was done yet, whoever made this address
		http.Redirect(w, r, "/history/"+url.PathEscape(e.ID)+"/not-me", http.StatusSeeOther)
		return nil
	}
	passkeys, err := s.cfg.Directory.Passkeys(r.Context(), v.User.ID)
	if err != nil {
		return fmt.Errorf("listing passkeys: %w", err)
	}
	p := web.NotMeDone{Me: v.Me("history"), Event: web.RowOf(e, "")}
	for _, k := range passkeys {
		if k.ID == e.PasskeyID {
			row := web.PasskeyRowOf(k)
			p.Passkey, p.Only = &row, s.cfg.Passkeys.WaysInWithout(k.ID, passkeys) < 1
		}
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("ended")); err == nil && n > 0 && web.JustDone(r) {
		p.Ended = n
	}
	return s.Render(w, r, http.StatusOK, p)
}
