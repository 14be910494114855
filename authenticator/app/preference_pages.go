package app

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"cardea/authenticator/vault"
	"cardea/internal/httpd"
)

// A preferenceForm is what can be chosen on this device.
type preferenceForm struct {
	Now                    preferences
	Notify, Finger, Away   bool // there is something to choose
	FingerSays             string
	LockChoices            []lockChoice
	Openers                []openerRow
	LockTitle, OpenersSays string
}

type lockChoice struct {
	Minutes int
	Label   string
	Chosen  bool
}

type openerRow struct {
	Name, Label, Says string
	On                bool
}

type openerPage struct {
	Frame   frame
	Row     openerRow
	Field   secretField
	Problem string
}

// openerWords are what holders of a key are to people.
var openerWords = map[string]string{
	"tpm":     "Unlock with this computer's security chip",
	"keyring": "Unlock with your desktop's keyring",
}

func (a *App) preferenceForm(r *http.Request) preferenceForm {
	f := preferenceForm{Now: a.cabinet.get(), Notify: a.cfg.Notifier != nil, Finger: a.cfg.Finger != nil, Away: a.cfg.Away != nil,
		LockTitle: "Lock by itself"}
	if f.Finger {
		f.FingerSays = "In place of your " + a.words.secret(a.keeper.Kind()).Noun + ", while your passkeys are open"
		if !a.cfg.Finger.Ready(r.Context()) {
			f.FingerSays = "No reader here knows your finger yet. Add one in your system's settings."
		}
	}
	for _, c := range lockChoices {
		f.LockChoices = append(f.LockChoices, lockChoice{c.Minutes, c.Label, c.Minutes == f.Now.LockAfter})
	}
	for _, h := range a.cfg.Holders {
		f.Openers = append(f.Openers, a.openerRow(h))
	}
	return f
}

func (a *App) openerRow(h vault.KeyHolder) openerRow {
	r := openerRow{Name: h.Name(), Label: openerWords[h.Name()], On: slices.Contains(a.keeper.Holders(), h.Name())}
	if r.Label == "" {
		r.Label = "Unlock with " + h.Name()
	}
	r.Says = "Off. Each start asks for your " + a.words.secret(a.keeper.Kind()).Noun
	if r.On {
		r.Says = "On. Your passkeys are open after each start"
	}
	return r
}

// setPreferences keeps what the form says. What is not on the form stays.
func (a *App) setPreferences(w http.ResponseWriter, r *http.Request) error {
	p := a.cabinet.get()
	minutes, err := strconv.Atoi(r.PostFormValue("lock"))
	if err != nil || !slices.ContainsFunc(a.preferenceForm(r).LockChoices, func(c lockChoice) bool { return c.Minutes == minutes }) {
		return httpd.Errorf(http.StatusBadRequest, "Choose when to lock.", "lock after %q", r.PostFormValue("lock"))
	}
	p.LockAfter = minutes
	for _, box := range []struct {
		there bool
		name  string
		to    *bool
	}{{a.cfg.Notifier != nil, "notify", &p.Notify}, {a.cfg.Finger != nil, "finger", &p.Finger}, {a.cfg.Away != nil, "away", &p.LockAway}} {
		if box.there {
			*box.to = r.PostFormValue(box.name) != ""
		}
	}
	if err := a.cabinet.set(p); err != nil {
		return err
	}
	a.settle()
	return see(w, r, "/settings?saved=1")
}

// holder finds the holder that a page is about.
func (a *App) holder(r *http.Request) (vault.KeyHolder, error) {
	for _, h := range a.cfg.Holders {
		if h.Name() == r.PathValue("name") {
			return h, nil
		}
	}
	return nil, httpd.Errorf(http.StatusNotFound, "There is no such setting here.", "no holder %q", r.PathValue("name"))
}

func (a *App) openerPage(w http.ResponseWriter, r *http.Request) error {
	h, err := a.holder(r)
	if err != nil {
		return err
	}
	return a.renderOpener(w, http.StatusOK, h, "")
}

func (a *App) renderOpener(w http.ResponseWriter, status int, h vault.KeyHolder, problem string) error {
	kind, row := a.keeper.Kind(), a.openerRow(h)
	return a.render(w, status, "opener", openerPage{Frame: a.frame(row.Label, ""), Row: row, Problem: problem,
		Field: a.secretField("secret", a.words.secret(kind).Label, kind, problem)})
}

// setOpener lets a holder open the vault, for which the secret is wanted, or
// takes that back, which only takes away.
func (a *App) setOpener(w http.ResponseWriter, r *http.Request) error {
	h, err := a.holder(r)
	if err != nil {
		return err
	}
	if r.PostFormValue("do") == "off" {
		if err := a.keeper.Unenroll(r.Context(), h); err != nil {
			return fmt.Errorf("turning off %s: %w", h.Name(), err)
		}
		return see(w, r, "/settings?saved=1")
	}
	if err := a.keeper.Enroll(r.Context(), r.PostFormValue("secret"), h); err != nil {
		problem, other := a.secretProblem(err, a.keeper.Kind())
		if other != nil { // not the secret: the chip or the keyring
			a.cfg.Log.WarnContext(r.Context(), "enrolling", "holder", h.Name(), "error", err)
			problem = "This computer couldn't keep the key, so nothing was changed. It may have no such chip or keyring, or not let this app use it."
		}
		return a.renderOpener(w, http.StatusUnprocessableEntity, h, problem)
	}
	return see(w, r, "/settings?saved=1")
}
