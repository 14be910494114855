package web

import (
	"net/http"
	"slices"

	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/session"
	"cardea/identity/web/words"
	"cardea/webauthn"
)

// A Visitor is a person who is signed in to My Account.
type Visitor struct {
	User    directory.User
	Session session.Session
}

// Proof returns how and when the visitor proved who they are.
func (v Visitor) Proof() policy.Proof {
	return policy.Proof{At: v.Session.AuthTime, ByPass: v.Session.ByPass()}
}

// Me returns what the frame shows of the visitor, on a page of the tab here.
func (v Visitor) Me(here string) Me {
	return Me{DisplayName: v.User.DisplayName, Username: v.User.Username, Admin: v.User.Admin, Here: here}
}

// A Gate lets visitors in. If there is none, it has answered already, most
// likely by sending the browser to sign in, and ok is false.
type Gate func(w http.ResponseWriter, r *http.Request) (v Visitor, ok bool, err error)

// A Fresh lets a visitor pass who proved who they are not long ago. All others
// it sends to do it once more and to come back to the same page; then ok is
// false.
type Fresh func(w http.ResponseWriter, r *http.Request, v Visitor) (ok bool, err error)

// JustDone reports whether a page of ours led to r. Only then may what the
// address says was done be shown as done: a link from elsewhere could say
// anything. A browser that doesn't tell (Fetch Metadata §2.3) shows less.
func JustDone(r *http.Request) bool { return r.Header.Get("Sec-Fetch-Site") == "same-origin" }

// SignalsOf returns what a person's passkey managers should know. all must be
// every passkey that they have.
func SignalsOf(rp webauthn.RPID, u directory.User, all []directory.Passkey) *Signals {
	s := &Signals{RPID: rp, UserHandle: u.Handle, Name: u.Username, DisplayName: u.DisplayName}
	for _, p := range all {
		s.Accepted = append(s.Accepted, p.CredentialID)
	}
	return s
}

// PasskeyRows returns a person's passkeys as pages show them.
func PasskeyRows(all []directory.Passkey) []PasskeyRow {
	rows := make([]PasskeyRow, len(all))
	for i, p := range all {
		rows[i] = PasskeyRowOf(p)
	}
	return rows
}

// PasskeyRowOf returns a passkey as pages show it.
func PasskeyRowOf(p directory.Passkey) PasskeyRow {
	row := PasskeyRow{
		ID: string(p.ID), Name: p.Name, Provider: providerOf(p), Kind: Syncable,
		Added: p.Created, LastUsed: p.LastUsed,
	}
	if p.LastUsedFrom.UserAgent != "" {
		row.UsedFrom = ParseAgent(p.LastUsedFrom.UserAgent).Words()
	}
	switch {
	case p.DeviceBound():
		row.Kind = DeviceBound
	case p.Synced():
		row.Kind = Synced
	}
	row.Icon = passkeyIcon(p, row)
	return row
}

// passkeyIcon guesses what holds the passkey. It is decoration.
func passkeyIcon(p directory.Passkey, row PasskeyRow) string {
	if provider, ok := directory.ProviderOf(p.AAGUID); ok {
		return providerIcons[provider.Kind]
	}
	switch {
	case row.Kind == Synced:
		return "cloud"
	case p.Attachment == webauthn.AttachmentPlatform:
		return "laptop"
	case slices.Contains(p.Transports, webauthn.TransportHybrid):
		return "phone"
	case slices.Contains(p.Transports, webauthn.TransportUSB), slices.Contains(p.Transports, webauthn.TransportNFC):
		return "key"
	}
	return "passkey"
}

// SessionRows returns a person's sessions as pages show them.
func SessionRows(all []session.Session, current session.ID, passkeys []directory.Passkey) []SessionRow {
	rows := make([]SessionRow, len(all))
	for i, s := range all {
		a := ParseAgent(s.UserAgent)
		rows[i] = SessionRow{
			ID: string(s.ID), Agent: a.Words(), Icon: a.Icon(), Current: s.ID == current,
			Address: s.Address, Since: s.Created, Seen: s.LastSeen, With: with(s, passkeys),
		}
	}
	return rows
}

func with(s session.Session, passkeys []directory.Passkey) words.Text {
	if s.ByPass() {
		return words.Say("account.with_pass")
	}
	if name := PasskeyName(passkeys, s.PasskeyID); name != "" {
		return words.Plain(name)
	}
	return words.Say("account.with_deleted")
}

// PasskeyName returns the name of the passkey id, empty if it is not in all.
func PasskeyName(all []directory.Passkey, id directory.PasskeyID) string {
	for _, p := range all {
		if p.ID == id {
			return p.Name
		}
	}
	return ""
}
