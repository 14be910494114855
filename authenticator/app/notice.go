package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"unicode"

	"cardea/authenticator"
	"cardea/authenticator/desktop"
)

// The actions of a notification.
const (
	actionAllow   = "allow"
	actionDecline = "decline"
	actionOpen    = "open"
)

// notify tells of the question called id by a notification, a new one for each
// of its steps. What is chosen there goes the way of a press on a page.
func (a *App) notify(ctx context.Context, id string) {
	for {
		var n desktop.Notice
		var s step
		at, left, ok := a.await(ctx, id, func(q *question) bool {
			if s == "" {
				s, n = q.step, a.notice(q)
			}
			return q.step == s
		})
		if !ok {
			return
		}
		action, err := a.cfg.Notifier.Notify(at, n)
		gone := at.Err() != nil
		left()
		switch {
		case gone: // the next step, or the end
		case errors.Is(err, desktop.ErrReadOnly):
			a.openPrompt(ctx)
			return
		case err != nil:
			a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "notifying", slog.Any("error", err))
			return
		case action == actionDecline:
			a.desk.decline(id)
			return
		case action == actionAllow:
			a.accept(id)
		case action == actionOpen, action == desktop.DefaultAction:
			a.openPrompt(ctx)
			return
		default:
			return // put away: the pages still ask
		}
	}
}

// accept is Continue, pressed outside the pages, where nothing is to be chosen.
func (a *App) accept(id string) {
	q, _ := a.desk.see()
	if q == nil || q.id != id || !a.plainYes(q) {
		return
	}
	if q.step == stepTold {
		a.desk.allow(id, false)
		return
	}
	// Its one error is a choice that is not there, and there was none.
	_ = a.confirm(q, "")
}

// plainYes reports whether one press can bring q on: no choice, no secret, and
// nothing that ought to be read first.
func (a *App) plainYes(q *question) bool {
	switch {
	case q.step == stepTold:
		return true
	case q.step != stepConfirm, q.prompt.Kind == authenticator.Reset, len(q.prompt.Passkeys) > 1:
		return false
	}
	return !q.prompt.Verify || q.finger
}

// notice puts the question into a notification. It says what the page does, and
// no secret is in either.
func (a *App) notice(q *question) desktop.Notice {
	s := a.draw(q)
	n := desktop.Notice{Title: line(s.Title), Body: line(s.Says)}
	if s.Site != "" {
		n.Body += " " + line(s.Site) + "."
	}
	if s.Account != nil {
		n.Body += "\n" + line(s.Account.Name)
	}
	if s.From != "" {
		n.Body += "\n" + line(s.From)
	}
	if s.Reader {
		n.Body += "\nTouch the fingerprint reader."
	}
	n.Actions = []desktop.Action{{Key: desktop.DefaultAction, Label: "Open"}}
	switch {
	case q.step == stepTold:
		n.Actions = append(n.Actions, desktop.Action{Key: actionAllow, Label: "OK"})
		return n
	case a.plainYes(q):
		n.Actions = append(n.Actions, desktop.Action{Key: actionAllow, Label: "Allow"})
	default:
		n.Actions = append(n.Actions, desktop.Action{Key: actionOpen, Label: "Open"})
	}
	n.Actions = append(n.Actions, desktop.Action{Key: actionDecline, Label: "Decline"})
	return n
}

// line is text in one line. A site names its accounts and a program itself; a
// name with lines of its own could pass for the line on who asks, and push that
// out of sight.
func line(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, text)
}

func (a *App) openPrompt(ctx context.Context) {
	if a.cfg.OpenPage == nil {
		return
	}
	if err := a.cfg.OpenPage(a.PromptURL()); err != nil {
		a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "opening the page of the question", slog.Any("error", err))
	}
}
