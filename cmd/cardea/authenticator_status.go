package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"cardea/authenticator/agent"
	"cardea/authenticator/desktop"
	"cardea/authenticator/manage"
	"cardea/authenticator/uhid"
	"cardea/authenticator/vault"
)

type authenticatorStatusCommand struct {
	Place authenticatorPlace `embed:""`
	JSON  bool               `name:"json" help:"Tell it as JSON."`
}

// An authenticatorStatus is what status tells.
type authenticatorStatus struct {
	Running bool     `json:"running"`
	Page    string   `json:"page,omitempty"` // where its person is asked
	Agent   string   `json:"agent"`
	Vault   string   `json:"vault"`
	Made    bool     `json:"vault_made"`              // there are, or were, passkeys
	Keys    []string `json:"hid_devices"`             // such as /dev/hidraw0
	Trouble string   `json:"hid_trouble,omitempty"`   // why there can be none
	Opens   []string `json:"holders"`                 // that may open the vault without its PIN: "tpm", "keyring"
	Secret  string   `json:"vault_secret,omitempty"`  // "pin", "pattern", "none"; empty if it is not known
	Notify  string   `json:"notifications,omitempty"` // the program that shows them
	Answers bool     `json:"notifications_answerable"`
	Fingers []string `json:"fingers"` // that the fingerprint reader knows
	// Of an app that runs, and tells it.
	Locked    *bool `json:"vault_locked,omitempty"`
	Computers int   `json:"linked_computers,omitempty"`
	Unit      bool  `json:"unit_installed"`
	Rule      bool  `json:"rule_installed"`
}

// Run ends with status 1 if the app does not run.
func (c *authenticatorStatusCommand) Run(s *session) error {
	status, err := c.look(s.ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		err = e.Encode(status)
	} else {
		_, err = fmt.Fprint(s.out, status)
	}
	if err == nil && !status.Running {
		return errShown
	}
	return err
}

func (c *authenticatorStatusCommand) look(ctx context.Context) (st authenticatorStatus, err error) {
	if err := c.Place.fill(); err != nil {
		return st, err
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return st, fmt.Errorf("finding your settings folder: %w", err)
	}
	st = authenticatorStatus{
		Agent: c.Place.Agent, Vault: c.Place.Vault, Made: exists(c.Place.Vault),
		Keys: hidDevices(os.DirFS("/sys"), uhid.DefaultIdentity.Name),
		Unit: exists(filepath.Join(config, "systemd", "user", unitName)),
		Rule: exists(filepath.Join(ruleHome, ruleName)),
	}
	if f, err := os.OpenFile("/dev/uhid", os.O_RDWR, 0); err != nil {
		st.Trouble = uhidTrouble(err).Error()
	} else {
		f.Close() // until something is written there is no device
	}
	st.lookAround(ctx)
	switch app, err := agent.Dial(ctx, c.Place.Agent); {
	case err == nil:
		st.Running, st.Page = true, app.PageURL()
		st.ask(ctx, app.Manager())
	case !errors.Is(err, agent.ErrNotRunning):
		return st, err
	}
	return st, nil
}

// lookTimeout is how long a desktop may take to say what it has.
const lookTimeout = 3 * time.Second

// lookAround finds what a desktop lends the app. Of a vault that the app has
// open, the header is read without opening it.
func (st *authenticatorStatus) lookAround(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	st.Opens, st.Fingers = []string{}, []string{}
	if server, err := (&desktop.Notifier{}).Server(ctx); err == nil {
		st.Notify, st.Answers = server.Name, server.Answers()
	}
	if fingers, err := (&desktop.Reader{}).Fingers(ctx); err == nil {
		st.Fingers = fingers
	}
	if v, err := vault.Open(st.Vault); err == nil { // the app does not run
		st.Secret, st.Opens = string(v.Kind()), append(st.Opens, v.Holders()...)
		_ = v.Close()
	}
}

// ask has the app tell of the vault that it holds. One that does not is older
// than this program.
func (st *authenticatorStatus) ask(ctx context.Context, app manage.Manager) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	v, err := app.Status(ctx)
	if err != nil {
		return
	}
	st.Locked, st.Secret, st.Computers = &v.Locked, string(v.Kind), v.Computers
	st.Opens = append(st.Opens[:0], v.Holders...)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// hidDevices returns the device files of the HID devices called name; sys is
// /sys.
func hidDevices(sys fs.FS, name string) []string {
	found := []string{}
	all, err := fs.Glob(sys, "class/hidraw/*/device/uevent")
	if err != nil {
		panic("cardea: internal error: " + err.Error()) // the pattern
	}
	for _, f := range all {
		text, err := fs.ReadFile(sys, f)
		if err != nil {
			continue // pulled out in the meantime
		}
		for line := range strings.Lines(string(text)) {
			if strings.TrimSpace(line) == "HID_NAME="+name {
				found = append(found, "/dev/"+path.Base(path.Dir(path.Dir(f))))
			}
		}
	}
	return found
}

// String is the status as people read it.
func (st authenticatorStatus) String() string {
	var b strings.Builder
	say := func(what, how string) { fmt.Fprintf(&b, "%-14s%s\n", what, how) }
	if st.Running {
		say("App", "runs; you are asked on "+st.Page)
	} else {
		say("App", "does not run; nothing answers on "+st.Agent)
	}
	vault := st.Vault + pick(st.Made, "", " (not made yet)")
	if st.Made && st.Locked != nil {
		vault += pick(*st.Locked, ", locked", ", open")
	}
	say("Vault", vault)
	switch {
	case len(st.Keys) > 0:
		say("Security key", strings.Join(st.Keys, ", "))
	case st.Trouble != "":
		say("Security key", "none: "+st.Trouble)
	default:
		say("Security key", "none; it can be had with: cardea authenticator run --hid")
	}
	if st.Secret != "" {
		say("Opened by", strings.Join(append([]string{st.Secret}, st.Opens...), ", "))
	}
	if st.Computers > 0 {
		say("Computers", fmt.Sprintf("%d linked; each can ask without a code", st.Computers))
	}
	say("Notifications", pick(st.Notify == "", "none here", "shown by "+st.Notify+pick(st.Answers, "", ", which takes no answers")))
	say("Fingerprint", pick(len(st.Fingers) == 0, "no reader that knows you", strings.Join(st.Fingers, ", ")))
	say("At login", pick(st.Unit, "the unit is installed", "not; see: cardea authenticator install"))
	say("udev rule", pick(st.Rule, "installed", "not installed"))
	return b.String()
}

func pick(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}
