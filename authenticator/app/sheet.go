package app

import (
	"context"
	"fmt"
	"strings"

	"cardea/authenticator"
	"cardea/ctap"
)

// A sheet is what slides up when something is asked: one step of a question,
// or, on the bare page, that nothing is asked now.
type sheet struct {
	Key     string // differs whenever the sheet does; empty if there is none
	ID      string // of the question; empty if there is none
	Step    step
	Title   string
	Says    string
	Site    string // shown in bold after Says
	Rows    []row  // passkeys to choose from
	Account *row   // the one there is
	Sensors []Sensor
	Secret  secretWords
	Field   secretField
	Problem string
	Blocked bool
	Words   Words
	Bare    bool
	End     *ending
	From    string   // which program asks, where that is known
	Lost    []string // what a reset forgets
	Hold    int64    // how long a button has to be held, in milliseconds
	Reader  bool     // a fingerprint reader waits
	Until   int64    // when the question ends, in milliseconds since 1970; zero if open
	UntilAt string   // the same for people
}

// A row is a passkey or an account.
type row struct {
	Index        int
	Name, Detail string
	Chosen       bool
}

// An ending tells the bare page's reader how the last question ended.
type ending struct {
	Title, Says, Icon string
	Good              bool
}

// sheet draws the question on the screen.
func (a *App) sheet(bare bool) sheet {
	q, last := a.desk.see()
	s := sheet{Bare: bare, Words: a.words, Secret: a.words.secret(a.keeper.Kind())}
	if q == nil {
		s.End = a.ending(last)
		return s
	}
	s = a.draw(q)
	s.Bare = bare
	return s
}

// draw draws a question.
func (a *App) draw(q *question) sheet {
	s := sheet{Words: a.words, Secret: a.words.secret(a.keeper.Kind())}
	s.ID, s.Step, s.Problem = q.id, q.step, q.problem
	s.Key = fmt.Sprintf("%s-%s-%d", q.id, q.step, q.tries)
	s.Site, s.From = authenticator.SiteName(q.prompt.RPID), a.from(q.prompt.Caller)
	if at := q.prompt.Deadline; !at.IsZero() {
		s.Until, s.UntilAt = at.UnixMilli(), at.In(a.cfg.Now().Location()).Format("15:04:05")
	}
	switch q.step {
	case stepVerify:
		a.drawVerify(&s, q)
	case stepSecret:
		a.drawSecret(&s, q)
	case stepSetUp:
		s.Title = "Set up this " + a.words.Device + " first"
		s.Says, s.Site = a.asker(q.prompt.Caller)+" is asking for a passkey. First choose how "+a.words.Unlocked+" unlocked.", ""
	case stepTold:
		a.drawTold(&s, q)
	case stepHold:
		a.drawReset(&s, q)
	default:
		a.drawConfirm(&s, q)
	}
	return s
}

// asker names who brings the request, as far as the phone can tell.
func (a *App) asker(c authenticator.Caller) string {
	switch c.Via {
	case authenticator.ViaHybrid:
		if c.Name != "" {
			return c.Name // the person's own word for it
		}
		return "A device next to this " + a.words.Device
	case "hid":
		if a.cfg.Style == Computer {
			return "A program on this computer" // a wire of its own leads back to it
		}
		return "A computer connected to this " + a.words.Device
	}
	switch {
	case c.Program != "":
		return "The program " + c.Program
	case c.Name != "":
		return c.Name + " on this " + a.words.Device
	}
	return "The browser on this " + a.words.Device
}

// from says more about who asks: what a program calls itself is its own word.
func (a *App) from(c authenticator.Caller) string {
	if c.Via == authenticator.ViaHybrid && c.Name != "" {
		return c.Name + " is a computer that you linked. It's next to this " + a.words.Device + " now."
	}
	if c.Via != authenticator.ViaLocal || c.Program == "" {
		return ""
	}
	if c.Name == "" || strings.EqualFold(c.Name, c.Program) {
		return "It runs on this " + a.words.Device + "."
	}
	return "It runs on this " + a.words.Device + " and calls itself " + c.Name + "."
}

func (a *App) drawConfirm(s *sheet, q *question) {
	p, who := q.prompt, a.asker(q.prompt.Caller)
	switch p.Kind {
	case authenticator.MakePasskey:
		s.Title, s.Says = a.words.SaveTitle, who+" is asking to save a passkey for"
		account := rowOf(p.Account, "")
		s.Account = &account
	case authenticator.UsePasskey:
		s.Title, s.Says = a.useTitle(p), who+" is asking for"
		for i, k := range p.Passkeys {
			r := rowOf(k.Account, k.Nickname)
			r.Index, r.Chosen = i, i == q.choice
			s.Rows = append(s.Rows, r)
		}
		if len(s.Rows) == 1 {
			s.Account, s.Rows = &s.Rows[0], nil
		}
	case authenticator.AlreadyHere, authenticator.NoPasskey:
		a.drawTold(s, q)
	case authenticator.Verify:
		a.drawPermissions(s, q)
	case authenticator.Unlock:
		s.Title, s.Says = "Open your passkeys?", who+" is asking for"
		if s.Site == "" {
			s.Says = who + " is asking for them."
		}
	default: // Select
		s.Title = "Use this " + a.words.Device + "?"
		s.Says, s.Site = who+" wants to know whether this is the one you mean.", ""
	}
}

func (a *App) useTitle(p authenticator.Prompt) string {
	if a.cfg.Style != IOS {
		if len(p.Passkeys) > 1 {
			return "Choose a passkey"
		}
		return "Use your passkey?"
	}
	name := authenticator.SiteName(p.RPID)
	if len(p.Passkeys) > 0 && p.Passkeys[0].RPName != "" {
		name = p.Passkeys[0].RPName
	}
	return "Sign in to " + name + "?"
}

func (a *App) drawVerify(s *sheet, q *question) {
	s.Title, s.Says = "Verify it's you", doing(q)
	if q.prompt.Kind == authenticator.Unlock {
		s.Title, s.Says = "Open your passkeys", "For"
	}
	if s.Site == "" {
		s.Says = "To show that it's you."
	}
	if s.Reader = q.finger; !s.Reader {
		s.Sensors = a.words.Sensors
	}
}

// drawPermissions draws what a program may do for a while if it is let.
func (a *App) drawPermissions(s *sheet, q *question) {
	who, may := a.asker(q.prompt.Caller), q.prompt.Permissions
	using, making := may&ctap.PermitGetAssertion != 0, may&ctap.PermitMakeCredential != 0
	switch {
	case making && !using:
		s.Title, s.Says = a.words.SaveTitle, who+" is asking to save a passkey for"
	case using && !making:
		s.Title, s.Says = "Use your passkey?", who+" is asking to use a passkey for"
	case s.Site != "":
		s.Title, s.Says = "Use or save a passkey?", who+" is asking for"
	default:
		s.Title, s.Says = "Let a program in?", who+" wants to do more with your security key. If you continue, it may:"
	}
	if rest := may &^ (ctap.PermitGetAssertion | ctap.PermitMakeCredential); rest != 0 {
		s.Lost = permitted(rest)
	}
}

// permitted lists what permissions allow, one line each.
func permitted(p ctap.Permission) (lines []string) {
	for _, w := range []struct {
		bit  ctap.Permission
		what string
	}{
		{ctap.PermitManagement, "See, rename and delete your passkeys"},
		{ctap.PermitReadOnly, "See which passkeys you have, from now on, without asking"},
		{ctap.PermitLargeBlobWrite, "Change what sites keep with your passkeys"},
		{ctap.PermitConfig, "Change the rules of this security key"},
	} {
		if p&w.bit != 0 {
			lines = append(lines, w.what)
		}
	}
	return lines
}

// drawReset says what will be lost, as far as that can be seen.
func (a *App) drawReset(s *sheet, q *question) {
	s.Title, s.Site = "Erase all your passkeys?", ""
	s.Says = a.asker(q.prompt.Caller) + " is asking to reset your security key. That erases every passkey on this " +
		a.words.Device + ", for every site, and its " + s.Secret.Noun + ". There is no way back."
	s.Hold = q.heldFor().Milliseconds()
	all, err := a.keeper.Passkeys(context.Background(), "")
	if err != nil {
		return // locked: the sentence above has to do
	}
	for _, site := range bySite(all) {
		s.Lost = append(s.Lost, site.Name+": "+count(len(site.Passkeys), "passkey", "passkeys"))
		if rest := len(all); len(s.Lost) == maxLost && rest > 0 {
			s.Lost = append(s.Lost, "and more: "+count(len(all), "passkey", "passkeys")+" in all")
			break
		}
	}
}

// maxLost is how many sites are named.
const maxLost = 6

// doing says what the person is about to do, up to the name of the site.
func doing(q *question) string {
	if q.prompt.Kind == authenticator.MakePasskey {
		return "Saving a passkey for " + accountName(q.prompt.Account) + " at"
	}
	if q.prompt.Kind == authenticator.Verify {
		return "For a request from"
	}
	if q.choice < len(q.prompt.Passkeys) {
		return "Signing in as " + accountName(q.prompt.Passkeys[q.choice].Account) + " to"
	}
	return "For"
}

func (a *App) drawSecret(s *sheet, q *question) {
	kind := a.keeper.Kind()
	s.Title, s.Says = s.Secret.Title, doing(q)
	if q.prompt.Kind == authenticator.Unlock {
		s.Says = "To open your passkeys for"
		if s.Site == "" {
			s.Says = "To open your passkeys on this " + a.words.Device + "."
		}
	} else if s.Site == "" {
		s.Says = "To show that it's you."
	}
	s.Field = a.secretField("secret", s.Secret.Label, kind, q.problem)
	if s.Blocked = a.keeper.Blocked(); s.Blocked {
		s.Title, s.Says, s.Site = a.words.Blocked, "No passkey here can be opened any more.", ""
		s.Problem = "The wrong " + s.Secret.Noun + " was tried too often. Sign in another way, then open this app to see what to do."
	}
}

func (a *App) drawTold(s *sheet, q *question) {
	if q.prompt.Kind == authenticator.AlreadyHere {
		s.Title, s.Says = "You have a passkey here already", "This "+a.words.Device+" keeps one for this account at"
		return
	}
	s.Title, s.Says = "No passkey here", "This "+a.words.Device+" has no passkey for"
}

func (a *App) ending(o outcome) *ending {
	close := "You can close this window."
	switch o {
	case outcomeAllowed:
		return &ending{"Sent", "Carry on where you were. " + close, "check", true}
	case outcomeTold:
		return &ending{"That's all", close, "check", true}
	case outcomeDeclined:
		return &ending{"You said no", "Nothing was shared. " + close, "close", false}
	case outcomeNoAnswer:
		return &ending{"Nobody answered in time", "The request has ended. " + close, "clock", false}
	case outcomeWithdrawn:
		return &ending{"The request is gone", "Who asked has taken it back. " + close, "close", false}
	}
	return nil
}

// rowOf names an account the way its owner knows it: by their own name for the
// passkey if there is one.
func rowOf(acct authenticator.Account, nickname string) row {
	r := row{Name: nickname, Detail: acct.Name}
	if r.Name == "" {
		r.Name = acct.DisplayName
	}
	if r.Name == "" || r.Name == acct.Name {
		r.Name, r.Detail = accountName(acct), ""
	}
	return r
}

// accountName is never empty: a site may leave the name out.
func accountName(acct authenticator.Account) string {
	switch {
	case acct.Name != "":
		return acct.Name
	case acct.DisplayName != "":
		return acct.DisplayName
	}
	return "an account without a name"
}
