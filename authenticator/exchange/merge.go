package exchange

import (
	"context"
	"fmt"
	"slices"

	"cardea/authenticator"
	"cardea/webauthn"
)

// Counts says what came of passkeys that were brought in.
type Counts struct {
	Added    int `cbor:"1,keyasint" json:"added"`    // were not there
	Replaced int `cbor:"2,keyasint" json:"replaced"` // were there, older
	Kept     int `cbor:"3,keyasint" json:"kept"`     // were there, no older
}

// Total is how many passkeys there were.
func (c Counts) Total() int { return c.Added + c.Replaced + c.Kept }

// A Vault is what passkeys are brought into. *vault.Vault is one.
type Vault interface {
	// Passkeys is that of authenticator.Vault.
	Passkeys(ctx context.Context, rp webauthn.RPID) ([]authenticator.Passkey, error)
	// SaveAll does what a Save of each would, in their order, or nothing. It
	// takes no count back.
	SaveAll(ctx context.Context, passkeys []authenticator.Passkey) error
}

// Merge brings passkeys into a vault: all that come in, or none. The same
// passkey, by ID and key, gets the higher count and the later use; its own
// nickname stays. A passkey for an account that has another discoverable one
// replaces it if it was made later, and is left out if not: a vault keeps one
// for each account (CTAP §6.1.2 step 18). One with the ID but not the key of a
// passkey that is here is left out.
//
// When Merge fails, the Counts are zero and the vault is as it was.
func Merge(ctx context.Context, v Vault, incoming []authenticator.Passkey) (Counts, error) {
	here, err := v.Passkeys(ctx, "")
	if err != nil {
		return Counts{}, fmt.Errorf("reading the vault: %w", err)
	}
	defer wipeAll(here)
	m, c := newMerger(here), Counts{}
	// The oldest first: where there are two for one account, the last stays.
	incoming = slices.Clone(incoming)
	slices.SortStableFunc(incoming, func(a, b authenticator.Passkey) int { return a.CreatedAt.Compare(b.CreatedAt) })
	var come []authenticator.Passkey
	for _, p := range incoming {
		p, count := m.decide(p, &c)
		if count != &c.Kept {
			come = append(come, p)
			m.note(p)
		}
		*count++
	}
	if len(come) == 0 {
		return c, nil
	}
	if err := v.SaveAll(ctx, come); err != nil {
		return Counts{}, err
	}
	return c, nil
}

// wipeAll wipes the keys of copies.
func wipeAll(passkeys []authenticator.Passkey) {
	for _, p := range passkeys {
		p.PrivateKey.Wipe()
		p.HMACSecrets.Wipe()
		p.CredBlob.Wipe()
		p.LargeBlobKey.Wipe()
	}
}

// account is who a discoverable passkey is for.
type account struct {
	rp     webauthn.RPID
	handle string
}

func accountOf(p authenticator.Passkey) account { return account{p.RPID, string(p.Account.Handle)} }

// A merger knows what is in the vault.
type merger struct {
	byID      map[string]authenticator.Passkey
	byAccount map[account]authenticator.Passkey // the discoverable ones
}

func newMerger(here []authenticator.Passkey) *merger {
	m := &merger{map[string]authenticator.Passkey{}, map[account]authenticator.Passkey{}}
	for _, p := range here {
		m.note(p)
	}
	return m
}

// note does in m what Save does in the vault.
func (m *merger) note(p authenticator.Passkey) {
	m.byID[string(p.ID)] = p
	if !p.Discoverable {
		return
	}
	if old, there := m.byAccount[accountOf(p)]; there && string(old.ID) != string(p.ID) {
		delete(m.byID, string(old.ID))
	}
	m.byAccount[accountOf(p)] = p
}

// decide returns what to save and which of the counts it falls under.
func (m *merger) decide(p authenticator.Passkey, c *Counts) (authenticator.Passkey, *int) {
	if old, there := m.byID[string(p.ID)]; there {
		merged, newer := join(old, p)
		if !newer {
			return old, &c.Kept
		}
		return merged, &c.Replaced
	}
	if old, there := m.byAccount[accountOf(p)]; there && p.Discoverable {
		if !p.CreatedAt.After(old.CreatedAt) {
			return old, &c.Kept
		}
		return p, &c.Replaced
	}
	return p, &c.Added
}

// join makes one of two states of a passkey. It reports whether that is more
// than what is here.
func join(here, other authenticator.Passkey) (authenticator.Passkey, bool) {
	if !here.PrivateKey.Equal(other.PrivateKey) || here.RPID != other.RPID {
		return here, false // the site has the key of one of them, and ours is here
	}
	joined := here
	joined.SignCount = max(here.SignCount, other.SignCount)
	if other.LastUsed.After(here.LastUsed) {
		joined.LastUsed = other.LastUsed
	}
	if joined.Nickname == "" {
		joined.Nickname = other.Nickname
	}
	return joined, joined.SignCount != here.SignCount || !joined.LastUsed.Equal(here.LastUsed) || joined.Nickname != here.Nickname
}
