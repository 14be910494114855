package policy

import (
	"errors"
	"slices"

	"cardea/identity/directory"
	"cardea/webauthn"
)

// Passkeys is the house's rule on passkeys: of which kinds they may be, who may
// add one, and how many. The zero value lets everybody have any.
//
// What a passkey is, it says itself (its AAGUID and its backup flags). Nobody
// vouches for it as long as no attestation is verified: the rule leads honest
// people to the right kinds, and keeps nobody out who writes an authenticator.
type Passkeys struct {
	// Accept are the only kinds that are taken. Empty: all.
	Accept []webauthn.AAGUID
	// Refuse are kinds that are not taken, even if Accept has them.
	Refuse []webauthn.AAGUID
	// DeviceBoundOnly: passkeys that may leave their device are not taken.
	DeviceBoundOnly bool
	// NoSelfService: people add passkeys with an access pass and not otherwise.
	NoSelfService bool
	// Max is how many a person may come to have by themselves. Zero:
	// directory.MaxPasskeys.
	Max int
}

// The reasons of Passkeys for a no.
var (
	// ErrKind: passkeys of this provider are not taken.
	ErrKind = errors.New("kind of passkey is not accepted")
	// ErrLeaves: this passkey may be copied to other devices.
	ErrLeaves = errors.New("passkey may leave its device")
	// ErrNoSelfService: a passkey is added with an access pass here.
	ErrNoSelfService = errors.New("people do not add passkeys themselves")
)

// Restricts reports whether there are passkeys that the rule does not take.
func (r Passkeys) Restricts() bool {
	return len(r.Accept) > 0 || len(r.Refuse) > 0 || r.DeviceBoundOnly
}

// MayUse decides whether a passkey is taken, at its registration and at each
// sign-in: what is no longer accepted opens nothing any more.
func (r Passkeys) MayUse(k directory.Passkey) error {
	switch {
	case slices.Contains(r.Refuse, k.AAGUID):
		return ErrKind
	case len(r.Accept) > 0 && !slices.Contains(r.Accept, k.AAGUID):
		return ErrKind
	case r.DeviceBoundOnly && !k.DeviceBound():
		return ErrLeaves
	}
	return nil
}

// Takes reports whether a passkey is taken: the directory's WayIn.
func (r Passkeys) Takes(k directory.Passkey) bool { return r.MayUse(k) == nil }

// WaysIn counts the passkeys among keys that are taken.
func (r Passkeys) WaysIn(keys []directory.Passkey) int {
	n := 0
	for _, k := range keys {
		if r.Takes(k) {
			n++
		}
	}
	return n
}

// WaysInWithout is WaysIn of the passkeys but for the one of that ID.
func (r Passkeys) WaysInWithout(id directory.PasskeyID, keys []directory.Passkey) int {
	return r.WaysIn(slices.DeleteFunc(slices.Clone(keys), func(k directory.Passkey) bool { return k.ID == id }))
}

// Limit returns how many passkeys a person may come to have. An access pass is
// for those who cannot use what they have: neither Max nor the passkeys that
// they lost may stand in its way.
func (r Passkeys) Limit(p Proof) int {
	switch {
	case p.ByPass:
		return directory.MaxPasskeysByPass
	case r.Max > 0:
		return min(r.Max, directory.MaxPasskeys)
	}
	return directory.MaxPasskeys
}

// Accepted returns the kinds of Accept that Refuse leaves.
func (r Passkeys) Accepted() []webauthn.AAGUID {
	var all []webauthn.AAGUID
	for _, a := range r.Accept {
		if !slices.Contains(r.Refuse, a) {
			all = append(all, a)
		}
	}
	return all
}
