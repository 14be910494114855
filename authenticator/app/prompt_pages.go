package app

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/vault"
	"cardea/internal/httpd"
)

type promptPage struct{ Frame frame }

func (a *App) promptPage(w http.ResponseWriter, r *http.Request) error {
	f := a.frame("Request", "")
	f.Bare, f.Sheet = true, a.sheet(true)
	return a.render(w, http.StatusOK, "prompt", promptPage{f})
}

// promptSheet answers the sheet alone, for pages that are open already.
func (a *App) promptSheet(w http.ResponseWriter, r *http.Request) error {
	return a.writeSheet(w, r.URL.Query().Get("bare") != "")
}

func (a *App) writeSheet(w http.ResponseWriter, bare bool) error {
	name := "sheet"
	if bare {
		name = "bare"
	}
	s := a.sheet(bare)
	b, err := execute("prompt", name, s)
	if err != nil {
		return err
	}
	w.Header().Set("X-Sheet-Key", s.Key)
	if t := a.transaction(); t != nil && t.Computer != "" {
		// Nobody came to this page for the computer that has called. When the
		// question has gone, the page of the call says what became of it.
		w.Header().Set("X-Onward", "/scan/progress")
	}
	writeHTML(w, http.StatusOK, b)
	return nil
}

// answerPrompt does what a button of the sheet says. A button of a question
// that has gone does nothing: another page was faster, or it was withdrawn.
func (a *App) answerPrompt(w http.ResponseWriter, r *http.Request) error {
	if q, _ := a.desk.see(); q != nil && q.id == r.PostFormValue("id") {
		if err := a.press(r.Context(), q, r); err != nil {
			return err
		}
	}
	bare := r.PostFormValue("bare") != ""
	switch {
	case r.Header.Get("Accept") == sheetOnly:
		return a.writeSheet(w, bare)
	case bare:
		return see(w, r, "/prompt")
	case a.transaction() != nil:
		return see(w, r, "/scan/progress")
	default:
		return see(w, r, "/")
	}
}

// sheetOnly is what our script asks for: the next sheet, not a whole page.
const sheetOnly = "text/html;fragment=sheet"

func (a *App) press(ctx context.Context, q *question, r *http.Request) error {
	do := r.PostFormValue("do")
	switch {
	case do == "cancel":
		a.desk.decline(q.id)
	case do == "continue" && q.step == stepTold:
		a.desk.allow(q.id, false)
	case do == "continue" && q.step == stepConfirm:
		return a.confirm(q, r.PostFormValue("choice"))
	case q.step == stepHold:
		a.hold(q, do)
	case do == "other":
		a.desk.move(q.id, stepVerify, func(q *question) { q.step = stepSecret })
	case strings.HasPrefix(do, "sensor-") && q.step == stepVerify:
		a.touch(q)
	case do == "secret" && q.step == stepSecret:
		return a.prove(ctx, q, r.PostFormValue("secret"))
	}
	return nil
}

func (a *App) confirm(q *question, chosen string) error {
	choice := 0
	if len(q.prompt.Passkeys) > 1 {
		n, err := strconv.Atoi(chosen)
		if err != nil || n < 0 || n >= len(q.prompt.Passkeys) {
			return httpd.Errorf(http.StatusBadRequest, "Choose one of the passkeys.", "choice %q of %d", chosen, len(q.prompt.Passkeys))
		}
		choice = n
	}
	next, done := a.afterConfirm(q)
	if !a.desk.move(q.id, stepConfirm, func(q *question) {
		q.choice = choice
		if !done {
			q.step = next
		}
	}) {
		return nil
	}
	if done {
		a.desk.allow(q.id, false)
	}
	return nil
}

// heldFor is how long the button that forgets everything has to be held: as long
// as the key wants, and long enough to read what is lost.
const heldFor = 3 * time.Second

func (q *question) heldFor() time.Duration { return max(heldFor, q.prompt.Hold) }

// hold is what pressing, letting go and having held a button do. The time is
// taken here, not by the page. Without a script two presses stand for one that
// lasts.
func (a *App) hold(q *question, do string) {
	now := a.cfg.Now()
	switch {
	case do == "press" && (q.pressed.IsZero() || now.Sub(q.pressed) < q.heldFor()):
		a.desk.move(q.id, stepHold, func(q *question) { q.pressed = now })
	case do == "release":
		a.desk.move(q.id, stepHold, func(q *question) { q.pressed = time.Time{} })
	case do == "press", do == "held" && !q.pressed.IsZero() && now.Sub(q.pressed) >= q.heldFor():
		a.desk.allow(q.id, false)
	}
}

// touch is the simulated sensor. If the vault was locked meanwhile it knows
// nobody, and the secret is asked for.
func (a *App) touch(q *question) {
	if a.sensorWorks() {
		a.desk.allow(q.id, true)
		return
	}
	a.desk.move(q.id, stepVerify, func(q *question) { q.step = stepSecret })
}

func (a *App) prove(ctx context.Context, q *question, secret string) error {
	err := a.keeper.Prove(ctx, secret)
	if err == nil {
		a.desk.allow(q.id, true)
		a.settle() // the lock screen may be open elsewhere
		return nil
	}
	problem, err := a.secretProblem(err, a.keeper.Kind())
	if err != nil {
		return err
	}
	a.desk.move(q.id, stepSecret, func(q *question) { q.problem, q.tries = problem, q.tries+1 })
	return nil
}

// secretProblem puts a wrong secret into words. Any other error is returned.
func (a *App) secretProblem(err error, kind vault.Kind) (string, error) {
	noun := a.words.secret(kind).Noun
	var wrong *vault.PINError
	switch {
	case errors.As(err, &wrong):
		return "That's not the " + noun + ". " + count(wrong.Retries, "try is", "tries are") + " left.", nil
	case errors.Is(err, vault.ErrBlocked):
		return "The wrong " + noun + " was tried too often.", nil
	case errors.Is(err, vault.ErrPolicy):
		if kind == vault.Pattern {
			return "Join at least 4 dots, each of them once.", nil
		}
		return "That's too short or too long. Use 4 characters or more.", nil
	case errors.Is(err, authenticator.ErrLocked):
		return "It was locked meanwhile. Unlock it first.", nil
	}
	return "", err
}
