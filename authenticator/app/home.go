package app

import (
	"fmt"
	"net/http"

	"cardea/authenticator"
	"cardea/authenticator/vault"
	"cardea/internal/httpd"
)

type oldPage struct {
	Frame   frame
	Version string
}

type errorPage struct {
	Frame                    frame
	Heading, Says, Reference string
}

type setupPage struct {
	Frame                 frame
	Kind                  vault.Kind
	Pattern               bool
	First, Again          secretField
	Problem               string
	OtherHref, OtherLabel string // the other kind of secret, where there is one
}

type lockPage struct {
	Frame   frame
	Field   secretField
	Problem string
	Blocked bool
}

// home is the first page: set up, unlock, or the list of passkeys.
func (a *App) home(w http.ResponseWriter, r *http.Request) error {
	switch {
	case !a.keeper.Exists():
		return see(w, r, "/setup")
	case a.keeper.Locked():
		return a.lockScreen(w, r, http.StatusOK, "")
	default:
		return a.passkeysPage(w, r, "")
	}
}

func (a *App) lockScreen(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	kind := a.keeper.Kind()
	p := lockPage{Frame: a.frame("Locked", ""), Problem: problem, Blocked: a.keeper.Blocked(),
		Field: a.secretField("secret", a.words.secret(kind).Label, kind, problem)}
	p.Frame.Live, p.Field.Focus = "lock", true
	if !a.sessions.knows(r) {
		p.Frame.Live, p.Frame.Alone, p.Frame.Sheet = "", true, sheet{}
	}
	return a.render(w, status, "lock", p)
}

func (a *App) setupPage(w http.ResponseWriter, r *http.Request) error {
	if a.keeper.Exists() {
		return see(w, r, "/")
	}
	return a.renderSetUp(w, http.StatusOK, a.kindOf(r.URL.Query().Get("kind")), r.URL.Query().Get("bare") != "", "")
}

// kindOf reads a kind of secret from a form. Only Android has patterns.
func (a *App) kindOf(s string) vault.Kind {
	if a.cfg.Style == Android && s == string(vault.Pattern) {
		return vault.Pattern
	}
	return vault.PIN
}

func (a *App) renderSetUp(w http.ResponseWriter, status int, kind vault.Kind, bare bool, problem string) error {
	label := a.words.secret(kind).Label
	p := setupPage{
		Frame: a.frame("Set up", ""), Kind: kind, Pattern: kind == vault.Pattern, Problem: problem,
		First: a.secretField("secret", label, kind, problem), Again: a.secretField("again", label+" again", kind, ""),
	}
	p.Frame.Bare = bare
	p.OtherHref, p.OtherLabel = a.otherKind("/setup", kind)
	if bare && p.OtherHref != "" {
		p.OtherHref += "&bare=1"
	}
	p.Frame.Alone, p.Frame.Sheet = true, sheet{}
	return a.render(w, status, "setup", p)
}

// otherKind is the way to the kind of secret that is not shown.
func (a *App) otherKind(path string, kind vault.Kind) (href, label string) {
	switch {
	case a.cfg.Style != Android:
		return "", ""
	case kind == vault.Pattern:
		return path + "?kind=pin", "Use a PIN instead"
	default:
		return path + "?kind=pattern", "Use a pattern instead"
	}
}

// setUp makes the vault. What waited for it to be unlocked goes on: choosing
// a secret shows who one is as much as repeating it.
func (a *App) setUp(w http.ResponseWriter, r *http.Request) error {
	kind, bare := a.kindOf(r.PostFormValue("kind")), r.PostFormValue("bare") != ""
	secret, again := r.PostFormValue("secret"), r.PostFormValue("again")
	if secret != again {
		return a.renderSetUp(w, http.StatusUnprocessableEntity, kind, bare, "The two aren't the same. Try once more.")
	}
	switch err := a.keeper.Create(kind, secret); {
	case err == nil:
	case a.keeper.Exists():
		return see(w, r, "/") // made on another page meanwhile
	default:
		problem, err := a.secretProblem(err, kind)
		if err != nil {
			return fmt.Errorf("making the vault: %w", err)
		}
		return a.renderSetUp(w, http.StatusUnprocessableEntity, kind, bare, problem)
	}
	a.sessions.give(w)
	a.desk.unlocked()
	a.settle()
	if bare {
		return see(w, r, "/prompt")
	}
	return a.onward(w, r)
}

// onward leads from an opened vault to what is going on.
func (a *App) onward(w http.ResponseWriter, r *http.Request) error {
	if t := a.transaction(); t != nil && t.Running {
		return see(w, r, "/scan/progress")
	}
	return see(w, r, "/")
}

func (a *App) unlock(w http.ResponseWriter, r *http.Request) error {
	if !a.keeper.Exists() {
		return see(w, r, "/setup")
	}
	if err := a.keeper.Prove(r.Context(), r.PostFormValue("secret")); err != nil {
		problem, err := a.secretProblem(err, a.keeper.Kind())
		if err != nil {
			return fmt.Errorf("unlocking: %w", err)
		}
		return a.lockScreen(w, r, http.StatusUnprocessableEntity, problem)
	}
	a.sessions.give(w)
	a.desk.unlocked()
	a.settle()
	return a.onward(w, r)
}

func (a *App) lock(w http.ResponseWriter, r *http.Request) error {
	a.keeper.Lock()
	a.news.tell()
	return see(w, r, "/")
}

// erase removes a vault that nobody can open any more. It is refused for any
// other: there is no way back, and who holds the secret can delete passkeys
// one by one.
func (a *App) erase(w http.ResponseWriter, r *http.Request) error {
	if r.PostFormValue("sure") != "yes" || !a.keeper.Blocked() {
		return httpd.Errorf(http.StatusConflict, "Only what is blocked can be erased here.", "erase without need")
	}
	if err := a.keeper.Erase(); err != nil {
		return fmt.Errorf("erasing: %w", err)
	}
	if q, _ := a.desk.see(); q != nil && q.prompt.Kind == authenticator.Unlock {
		a.desk.decline(q.id) // the passkeys it was about are gone
	}
	a.news.tell()
	return see(w, r, "/setup")
}
