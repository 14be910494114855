package manage

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"cardea/authenticator"
)

// minRef is how much of a reference names a passkey: less is likely a slip.
const minRef = 4

// Ref is a short name of a passkey for the command line: 16 hexadecimal
// digits that begin no flag and tell nothing of the credential.
func Ref(p authenticator.Passkey) string {
	sum := sha256.Sum256(p.ID)
	return hex.EncodeToString(sum[:8])
}

// An AmbiguousError says that words fit several passkeys.
type AmbiguousError struct {
	Words   string
	Matches []authenticator.Passkey
}

// Error does not list them.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q fits %d passkeys", e.Words, len(e.Matches))
}

// Find returns the passkey that words name: by the beginning of its Ref (four
// digits or more), its whole credential ID, the name its person gave it, its
// site, its account, or "site/account". What fits more exactly goes first, in
// that order. Otherwise it is an *AmbiguousError or authenticator.ErrNoPasskey.
func Find(all []authenticator.Passkey, words string) (authenticator.Passkey, error) {
	for _, fits := range []func(authenticator.Passkey) bool{
		func(p authenticator.Passkey) bool { return p.ID.String() == words },
		func(p authenticator.Passkey) bool {
			return len(words) >= minRef && strings.HasPrefix(Ref(p), strings.ToLower(words))
		},
		func(p authenticator.Passkey) bool { return p.Nickname != "" && strings.EqualFold(p.Nickname, words) },
		func(p authenticator.Passkey) bool {
			site, account, both := strings.Cut(words, "/")
			return both && strings.EqualFold(string(p.RPID), site) && isAccount(p, account)
		},
		func(p authenticator.Passkey) bool {
			return strings.EqualFold(string(p.RPID), words) || isAccount(p, words)
		},
	} {
		var matches []authenticator.Passkey
		for _, p := range all {
			if fits(p) {
				matches = append(matches, p)
			}
		}
		switch len(matches) {
		case 0:
			continue
		case 1:
			return matches[0], nil
		}
		return authenticator.Passkey{}, &AmbiguousError{words, matches}
	}
	return authenticator.Passkey{}, fmt.Errorf("%q: %w", words, authenticator.ErrNoPasskey)
}

func isAccount(p authenticator.Passkey, words string) bool {
	return words != "" && (strings.EqualFold(p.Account.Name, words) || strings.EqualFold(p.Account.DisplayName, words))
}
