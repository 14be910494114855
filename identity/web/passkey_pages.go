package web

// AddPasskey asks on which kind of device a new passkey should live.
type AddPasskey struct {
	Cancel string // where to go instead; empty if the person has no passkey yet
	Kinds  *Kinds // which passkeys are taken; nil if any
}

func (AddPasskey) template() (string, string) { return "add_passkey", gate }

// AddPasskeyOn leads through registering a passkey on one kind of device: what
// it needs, the browser's window, where it was saved, and its name.
type AddPasskeyOn struct {
	Attempt
	Way    Where
	Name   string // path that the form with the new passkey's name goes to
	Undo   string // path that a passkey saved in the wrong place is taken back at
	Back   string // where another kind of device is chosen
	Cancel string // as in AddPasskey
}

func (AddPasskeyOn) template() (string, string) { return "add_passkey_on", gate }
