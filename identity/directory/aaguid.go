package directory

import (
	"fmt"
	"slices"
	"strings"

	"cardea/webauthn"
)

// DefaultPasskeyName is offered when the authenticator does not say what it is.
const DefaultPasskeyName = "Passkey"

// OfferName returns the name to suggest for a new passkey, never empty. The
// zero AAGUID is nobody's and gets the default.
func OfferName(a webauthn.AAGUID) string {
	if p, ok := ProviderOf(a); ok {
		return p.Name
	}
	return DefaultPasskeyName
}

// NumberName returns name, or name with the first number behind it that none
// of its person's other passkeys bears: "YubiKey 5 (2)". Names that differ only
// in case count as the same to a reader.
func NumberName(name string, others []Passkey) string {
	taken := func(n string) bool {
		return slices.ContainsFunc(others, func(k Passkey) bool { return strings.EqualFold(k.Name, n) })
	}
	numbered := name
	for n := 2; taken(numbered); n++ {
		numbered = fmt.Sprintf("%s (%d)", name, n)
	}
	return numbered
}
