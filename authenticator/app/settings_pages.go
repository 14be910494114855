package app

import (
	"fmt"
	"net/http"
	"strings"

	"cardea/authenticator"
	"cardea/authenticator/vault"
)

type activityPage struct {
	Frame frame
	Rows  []eventRow
}

type eventRow struct {
	What, Detail, When, From, Icon, Tone string
}

type settingsPage struct {
	Frame                          frame
	Notice                         string
	Sensor, SensorSays, SensorIcon string
	Version, Count, AAGUID         string
	Form                           preferenceForm
	Computers                      string // how many are linked; empty where none can be
}

type secretPage struct {
	Frame                 frame
	Kind                  vault.Kind // of the new one
	Pattern               bool
	Current, First, Again secretField
	Problem               string
	OtherHref, OtherLabel string
}

func (a *App) activityPage(w http.ResponseWriter, r *http.Request) error {
	page := activityPage{Frame: a.frame("Activity", tabActivity).live()}
	for _, e := range a.activity.list() {
		page.Rows = append(page.Rows, a.eventRow(e))
	}
	return a.render(w, http.StatusOK, "activity", page)
}

// outcomeWords say what came of a request, with the icon and tone of the row.
var outcomeWords = map[outcome][3]string{
	outcomeAllowed:   {"You allowed it", "check", "ok"},
	outcomeDeclined:  {"You said no", "close", "plain"},
	outcomeNoAnswer:  {"Nobody answered in time", "clock", "warn"},
	outcomeWithdrawn: {"The other side took it back", "close", "plain"},
	outcomeTold:      {"You were told", "info", "plain"},
	outcomeTooOld:    {"Refused: the system is too old", "warning", "warn"},
	outcomeLinked:    {"It can ask without a code now", "laptop", "ok"},
	outcomeForgotten: {"It needs a code again", "laptop", "plain"},
	outcomeCallRadio: {"You weren't asked: Bluetooth is off here", "near", "warn"},
	outcomeCallFar:   {"You weren't asked: it wasn't near, or gave up", "near", "plain"},
	outcomeCallLost:  {"You weren't asked: the connection broke", "warning", "plain"},
}

// computerWords say what happened with a computer, beside being asked by one.
var computerWords = map[outcome]string{
	outcomeLinked: "Computer remembered", outcomeForgotten: "Computer forgotten",
	outcomeCallRadio: "Call from a computer", outcomeCallFar: "Call from a computer", outcomeCallLost: "Call from a computer",
}

var kindWords = map[authenticator.Kind]string{
	authenticator.Unlock:      "Unlock for",
	authenticator.MakePasskey: "Save a passkey for",
	authenticator.UsePasskey:  "Sign in to",
	authenticator.AlreadyHere: "There was a passkey already for",
	authenticator.NoPasskey:   "No passkey here for",
	authenticator.Select:      "Choose this device",
	authenticator.Verify:      "Let a program in for",
	authenticator.Reset:       "Erase every passkey",
}

func (a *App) eventRow(e Event) eventRow {
	o := outcomeWords[e.Outcome]
	row := eventRow{What: kindWords[e.Kind], Detail: o[0], Icon: o[1], Tone: o[2], When: a.day(e.At), From: a.asker(e.Caller)}
	if what, ok := computerWords[e.Outcome]; ok {
		row.What = what
		return row
	}
	if e.Site != "" {
		row.What += " " + e.Site
	} else {
		row.What = strings.TrimSuffix(row.What, " for")
	}
	if e.Account != "" {
		row.Detail += " as " + e.Account
	}
	return row
}

func (a *App) settingsPage(w http.ResponseWriter, r *http.Request) error {
	all, err := a.keeper.Passkeys(r.Context(), "")
	if err != nil {
		return fmt.Errorf("counting passkeys: %w", err)
	}
	page := settingsPage{
		Frame: a.frame("Settings", tabSettings), Version: a.cfg.OSVersion, SensorIcon: a.words.Sensors[0].Icon,
		Count: count(len(all), "passkey", "passkeys"), AAGUID: a.aaguid().String(),
		Sensor: "No sensor", SensorSays: "This " + a.words.Device + " asks for the " + a.words.secret(a.keeper.Kind()).Noun + " each time",
	}
	page.Form = a.preferenceForm(r)
	if a.links != nil {
		page.Computers = countComputers(len(a.links.list()))
	}
	if a.cfg.Finger != nil {
		page.Sensor, page.SensorSays = "Fingerprint reader", page.Form.FingerSays
	}
	if a.cfg.Sensor {
		page.Sensor, page.SensorSays = "Simulated sensor", "A button stands for "+a.words.Fingers
	}
	if r.URL.Query().Get("saved") != "" {
		page.Notice = "Saved."
	}
	if r.URL.Query().Get("changed") != "" {
		page.Notice = "Changed. Use the new " + page.Frame.Secret.Noun + " from now on."
	}
	return a.render(w, http.StatusOK, "settings", page)
}

func (a *App) secretPage(w http.ResponseWriter, r *http.Request) error {
	kind := a.keeper.Kind()
	if k := r.URL.Query().Get("kind"); k != "" {
		kind = a.kindOf(k)
	}
	return a.renderSecret(w, http.StatusOK, kind, "")
}

func (a *App) renderSecret(w http.ResponseWriter, status int, kind vault.Kind, problem string) error {
	now, next := a.words.secret(a.keeper.Kind()), a.words.secret(kind)
	page := secretPage{
		Frame: a.frame("Change "+now.Noun, ""), Kind: kind, Pattern: kind == vault.Pattern, Problem: problem,
		Current: a.secretField("current", "Current "+now.Noun, a.keeper.Kind(), ""),
		First:   a.secretField("secret", "New "+next.Noun, kind, ""),
		Again:   a.secretField("again", "New "+next.Noun+" again", kind, ""),
	}
	page.OtherHref, page.OtherLabel = a.otherKind("/settings/secret", kind)
	return a.render(w, status, "secret", page)
}

func (a *App) changeSecret(w http.ResponseWriter, r *http.Request) error {
	kind, secret := a.kindOf(r.PostFormValue("kind")), r.PostFormValue("secret")
	if secret != r.PostFormValue("again") {
		return a.renderSecret(w, http.StatusUnprocessableEntity, kind, "The two new ones aren't the same. Try once more.")
	}
	if err := vault.CheckPolicy(kind, secret); err != nil { // before a try is spent on the old one
		problem, err := a.secretProblem(err, kind)
		if err != nil {
			return fmt.Errorf("checking the new secret: %w", err)
		}
		return a.renderSecret(w, http.StatusUnprocessableEntity, kind, problem)
	}
	if kind == vault.PIN {
		if _, err := authenticator.CheckNewPIN(a.keeper.Settings(), secret, secret == r.PostFormValue("current")); err != nil {
			return a.renderSecret(w, http.StatusUnprocessableEntity, kind, "That won't do: "+err.Error()+".")
		}
	}
	if err := a.keeper.Change(r.Context(), r.PostFormValue("current"), kind, secret); err != nil {
		problem, err := a.secretProblem(err, a.keeper.Kind())
		if err != nil {
			return fmt.Errorf("changing the secret: %w", err)
		}
		if a.keeper.Locked() {
			return see(w, r, "/")
		}
		return a.renderSecret(w, http.StatusUnprocessableEntity, kind, problem)
	}
	a.news.tell()
	return see(w, r, "/settings?changed=1")
}
