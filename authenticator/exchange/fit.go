package exchange

import (
	"time"

	"cardea/authenticator"
)

// Why passkeys are left out of an import.
const (
	whyAnother = "this account has another passkey here, and that one stays"
	whyEarlier = "the document has a later one for the same account"
)

// Fit makes i ready for a vault that holds here: it leaves out what would take
// the place of another passkey, for a vault keeps one for each account (CTAP
// §6.1.2 step 18). How many those are it returns.
//
// Merge goes by the times at which passkeys were made. Those of a backup are as
// good as our own, but nobody vouches for a document's: another app writes down
// when it took a passkey in, or what a wrong clock said, and the one that is here
// may be the only one that the site knows. So the person decides, by deleting it
// first. No time is after now, so that a passkey made in the meantime is not
// replaced either.
func (i *Import) Fit(here []authenticator.Passkey, now time.Time) (others int) {
	held, last := map[account]string{}, map[account]int{}
	for _, p := range here {
		if p.Discoverable {
			held[accountOf(p)] = string(p.ID)
		}
	}
	for n, p := range i.Passkeys {
		if was, there := last[accountOf(p)]; !there || !p.CreatedAt.Before(i.Passkeys[was].CreatedAt) {
			last[accountOf(p)] = n
		}
	}
	var fit []authenticator.Passkey
	for n, p := range i.Passkeys {
		left := Left{Site: p.RPID, Account: p.Account.Name}
		ours, there := held[accountOf(p)]
		switch {
		case there && ours != string(p.ID):
			others++
			left.Why = whyAnother
		case last[accountOf(p)] != n && !there:
			left.Why = whyEarlier
		default:
			p.CreatedAt, p.LastUsed = notAfter(now, p.CreatedAt), notAfter(now, p.LastUsed)
			fit = append(fit, p)
			continue
		}
		i.Left = append(i.Left, left)
	}
	i.Passkeys = fit
	return others
}

func notAfter(now, t time.Time) time.Time {
	if t.After(now) {
		return now
	}
	return t
}
