package web

// Lost begins the way of somebody who lost a phone: which passkey is on it?
type Lost struct {
	Me
	Passkeys []PasskeyRow
	Unsure   bool // the reader doesn't know; those on phones come first
}

func (Lost) template() (string, string) { return "lost", account }

// LostPlan shows what shutting out a passkey does, and asks.
type LostPlan struct {
	Me
	Passkey  PasskeyRow
	Sessions []SessionRow // what ends with it
	Own      bool         // the reader's own session began with it, and stays
	Others   int          // passkeys that are left
}

func (LostPlan) template() (string, string) { return "lost_plan", account }

// Whens are the choices for when the phone was seen last, by how many days of
// history belong to them.
func (LostPlan) Whens() []WhenChoice {
	return []WhenChoice{{7, "week"}, {30, "month"}, {0, "longer"}}
}

// A WhenChoice is a number of days with the end of its message's key.
type WhenChoice struct {
	Days int
	Key  string
}

// LostDone leads through what is left to do once a passkey is shut out.
type LostDone struct {
	Me
	Name      string
	Reference string
	Days      int // of history to look through; zero for all
	Passkeys  int // that are left
	Synced    bool
}

func (LostDone) template() (string, string) { return "lost_done", account }

// LostPublic is for who can't sign in at all.
type LostPublic struct{}

func (LostPublic) template() (string, string) { return "lost_public", "plain" }
