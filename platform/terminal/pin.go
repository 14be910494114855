package terminal

import (
	"fmt"

	"cardea/platform"
)

// askPIN asks for a security key's PIN. What is typed is not shown.
func (d *dialog) askPIN(p platform.PIN) {
	if d.terminal.In == nil || d.terminal.Echo == nil {
		d.say("This security key wants its PIN, and there is no terminal here to type it in unseen.")
		return
	}
	if err := d.terminal.Echo(false); err != nil {
		d.say("This security key wants its PIN, and this terminal can't hide what you type: " + err.Error())
		d.terminal.Echo = nil // nor will it the next time
		return
	}
	d.hidden = true
	d.say(d.words.pin(p)...)
	if p.New {
		d.prompt("New PIN: ")
		return
	}
	d.prompt("PIN of the key, or nothing for another way: ")
}

// typedPIN takes a line as the PIN, or as the first or the second of two.
func (d *dialog) typedPIN(line string) (platform.Action, bool) {
	d.say("") // the end of a line that was not shown
	p := d.screen.PIN
	switch {
	case line == "":
		return platform.Action{Do: platform.DoBack}, true
	case p.New && d.pin == "":
		d.pin = line
		d.prompt("Once more: ")
		return platform.Action{}, false
	case p.New && d.pin != line:
		d.pin = ""
		d.prompt("The two aren't the same. New PIN: ")
		return platform.Action{}, false
	}
	d.pin = ""
	return platform.Action{Do: platform.DoPIN, Text: line}, true
}

// reveal shows again what is typed.
func (d *dialog) reveal() {
	if !d.hidden {
		return
	}
	d.hidden = false
	if err := d.terminal.Echo(true); err != nil {
		d.say("This terminal doesn't show what you type any more; to make it, type: stty sane")
	}
}

func (w words) pin(p platform.PIN) []string {
	switch {
	case p.New && p.Wrong:
		return []string{"", fmt.Sprintf("The key doesn't take this PIN. It wants at least %d characters, and none that's easy to guess.", p.Least)}
	case p.New:
		return []string{"", fmt.Sprintf("Choose a PIN for this key, of at least %d characters. It asks for it wherever you use it.", p.Least)}
	case p.Wrong && p.Retries == 1:
		return []string{"", "That isn't this key's PIN. One try is left; after that the key can only be erased."}
	case p.Wrong && p.Retries > 1:
		return []string{"", fmt.Sprintf("That isn't this key's PIN. %d tries are left.", p.Retries)}
	case p.Wrong:
		return []string{"", "That isn't this key's PIN."}
	}
	return []string{"", "This security key wants its PIN."}
}
