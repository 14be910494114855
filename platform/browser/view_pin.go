package browser

import (
	"strconv"

	"cardea/platform"
)

// maxPIN is how long a PIN can be in any case (CTAP §6.5.1: 63 bytes).
const maxPIN = 63

// pin asks for a security key's PIN, or for a new one. It says whose PIN it is:
// people have many.
func (w words) pin(p platform.PIN) view {
	v := view{Key: "pin", Tile: string(platform.SecurityKey), Title: "Enter this key's PIN",
		Text:    "The PIN of your security key. " + site(w.Origin) + " doesn't get to see it.",
		Fields:  []field{{Label: "PIN of the key", Least: 1, Short: "Type the PIN first.", Most: maxPIN}},
		Buttons: []button{cancelButton, otherButton, press(platform.DoPIN, "Continue", "primary")},
	}
	if p.New {
		short := "At least " + strconv.Itoa(p.Least) + " characters."
		v.Key, v.Title = "new-pin", "Choose a PIN for this key"
		v.Text = short + " The key asks for it wherever you use it, so keep it in mind."
		v.Fields = []field{
			{Label: "New PIN", Least: p.Least, Short: short, Most: maxPIN},
			{Label: "Once more", Least: p.Least, Short: short, Most: maxPIN, Differs: "The two aren't the same."},
		}
	}
	if !p.Wrong {
		return v
	}
	v.Alert = true
	v.Key += " again " + strconv.Itoa(p.Retries)
	switch {
	case p.New:
		v.Title, v.Text = "Choose another PIN", "The key doesn't take this one. It wants at least "+strconv.Itoa(p.Least)+" characters, and none that's easy to guess."
	case p.Retries < 0:
		v.Text = "That isn't this key's PIN. Try again."
	case p.Retries == 1:
		v.Text = "That isn't this key's PIN. One try is left. After that the key can only be erased."
	default:
		v.Text = "That isn't this key's PIN. " + strconv.Itoa(p.Retries) + " tries are left."
	}
	return v
}
