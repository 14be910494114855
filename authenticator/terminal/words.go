package terminal

import (
	"fmt"
	"strings"
	"unicode"

	"cardea/authenticator"
	"cardea/ctap"
)

// Asker names who brings a request, as far as it is known.
func Asker(c authenticator.Caller) string {
	switch {
	case c.Via == authenticator.ViaHybrid:
		return "a device next to this one"
	case c.Program != "" && c.Name != "" && !strings.EqualFold(c.Name, c.Program):
		return fmt.Sprintf("the program %s on this computer, which calls itself %s", clean(c.Program), clean(c.Name))
	case c.Program != "":
		return "the program " + clean(c.Program) + " on this computer"
	case c.Name != "":
		return "a program on this computer that calls itself " + clean(c.Name)
	}
	return "a program on this computer"
}

// Question says what is asked, in one sentence.
func Question(q authenticator.Prompt) string {
	site := clean(authenticator.SiteName(q.RPID))
	switch q.Kind {
	case authenticator.Unlock:
		if site == "" {
			return "Unlock your passkeys"
		}
		return "Unlock your passkeys for " + site
	case authenticator.MakePasskey:
		return fmt.Sprintf("Save a passkey for %s at %s", clean(account(q.Account)), site)
	case authenticator.UsePasskey:
		if len(q.Passkeys) == 1 {
			return fmt.Sprintf("Sign in to %s as %s", site, clean(account(q.Passkeys[0].Account)))
		}
		return "Sign in to " + site
	case authenticator.AlreadyHere:
		return "There is a passkey here already for this account at " + site
	case authenticator.NoPasskey:
		return "There is no passkey here for " + site
	case authenticator.Reset:
		return "Erase every passkey here and the PIN. There is no way back"
	case authenticator.Verify:
		return Permitted(q.Permissions) + siteAt(site)
	}
	return "Is this the security key you mean?"
}

func siteAt(site string) string {
	if site == "" {
		return ""
	}
	return " at " + site
}

// Permitted says what a program may do for a while if it is let.
func Permitted(p ctap.Permission) string {
	var may []string
	for _, w := range []struct {
		bit  ctap.Permission
		what string
	}{
		{ctap.PermitMakeCredential, "save a passkey"}, {ctap.PermitGetAssertion, "use a passkey"},
		{ctap.PermitManagement, "see, rename and delete passkeys"}, {ctap.PermitReadOnly, "see which passkeys there are, from now on"},
		{ctap.PermitLargeBlobWrite, "change what sites keep with your passkeys"}, {ctap.PermitConfig, "change how this security key works"},
	} {
		if p&w.bit != 0 {
			may = append(may, w.what)
		}
	}
	if len(may) == 0 {
		return "Check that it's you"
	}
	list := may[0]
	if n := len(may); n > 1 {
		list = strings.Join(may[:n-1], ", ") + " and " + may[n-1]
	}
	return strings.ToUpper(list[:1]) + list[1:]
}

func account(a authenticator.Account) string {
	switch {
	case a.Name != "":
		return a.Name
	case a.DisplayName != "":
		return a.DisplayName
	}
	return "an account without a name"
}

// clean is text without what moves a cursor or turns text around.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, text)
}
