package web

import (
	"time"

	"cardea/identity/web/words"
)

// Profile is who a person is here, and in which language they are spoken to.
type Profile struct {
	Me
	Value     string // of the field for the name
	Wrong     bool   // Value can't be a name
	Unlocked  bool   // Value was typed before the reader had to unlock
	NameSaved bool
	Chosen    words.Language // empty for the browser's
	Saved     bool           // the language was just chosen
	Since     time.Time
	Passkeys  int
}

func (Profile) template() (string, string) { return "profile", account }

// Languages are those to choose from.
func (Profile) Languages() []words.Language { return words.Languages() }
