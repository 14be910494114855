package vault

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"cardea/authenticator"
	"cardea/internal/cbor"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// contents is an unlocked vault: the log, and in memory what it says.
type contents struct {
	journal   *journal
	byID      map[string]*item
	byRP      map[webauthn.RPID]*group
	byAccount map[account]*item // the discoverable ones
	all       group
	loading   bool   // byRP and all are not there yet
	saved     uint64 // items ever saved
	revision  uint64 // see Vault.Revision
	notes     map[string][]byte
	taken     uint64   // records of the log that is read
	ended     bool     // what ends the snapshots was read
	singles   uint64   // records in the log after what it began with
	rewriting *rewrite // nil if the log is not being written anew
	patience  uint64   // singles that must be there before it is tried again

	vaultKey  secret.Key
	pinLength int // code points
}

func createContents(path string, k unwrapped) (*contents, error) {
	aead, err := recordAEAD(k.key)
	if err != nil {
		return nil, err
	}
	j, err := createJournal(path, aead)
	if err != nil {
		return nil, err
	}
	return newContents(j, k), nil
}

func openContents(path string, k unwrapped) (*contents, error) {
	aead, err := recordAEAD(k.key)
	if err != nil {
		return nil, err
	}
	c := newContents(nil, k)
	c.loading = true
	c.journal, err = openJournal(path, aead, c.take, c.whole)
	c.arrange()
	if err != nil {
		c.wipe()
		return nil, err
	}
	return c, nil
}

// whole reports whether all is there that a log which was written anew began
// with.
func (c *contents) whole(rewritten bool) error {
	if rewritten && !c.ended {
		return errors.New("log is cut short in the middle of its snapshots")
	}
	return nil
}

// arrange makes the lists, once and in order: keeping them in order while the
// passkeys come in some other order would take the square of the time.
func (c *contents) arrange() {
	c.loading = false
	for _, i := range slices.SortedFunc(maps.Values(c.byID), older) {
		c.list(i)
	}
}

func (c *contents) list(i *item) {
	if c.byRP[i.rp] == nil {
		c.byRP[i.rp] = new(group)
	}
	c.byRP[i.rp].add(i)
	c.all.add(i)
}

// newContents keeps a copy of the key.
func newContents(j *journal, k unwrapped) *contents {
	return &contents{
		journal: j, byID: map[string]*item{}, byRP: map[webauthn.RPID]*group{}, byAccount: map[account]*item{},
		revision: revisions.Add(1), notes: map[string][]byte{}, vaultKey: secret.New(k.key.Expose()), pinLength: k.length,
	}
}

// do writes down what happens and then lets it happen.
func (c *contents) do(r record) error {
	b, err := cbor.Encode(r)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	defer clear(b)
	// What could not be read again must not be written.
	e, err := decodeEntry(bytes.Clone(b))
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	if err := c.journal.append(b); err != nil {
		return err
	}
	if c.rewriting != nil {
		c.rewriting.missed = append(c.rewriting.missed, bytes.Clone(b))
	}
	return c.take(e)
}

// take changes what is in memory. Reading the log does the same again, so it
// may depend on nothing but the records.
func (c *contents) take(e entry) error {
	before := len(c.byID)
	for n := range e.items {
		c.add(&e.items[n])
	}
	c.taken++
	if len(e.items) != 0 || len(e.other.Delete) != 0 {
		c.revision = revisions.Add(1)
	}
	if e.snapshot {
		// A snapshot is read quickly, but what it replaced is history.
		c.singles += uint64(len(e.items) - (len(c.byID) - before))
		return nil
	}
	c.singles++
	if len(e.items) != 0 {
		return nil
	}
	switch r := e.other; {
	case r.Use != nil:
		return c.change(r.Use.ID, func(i *item) {
			i.count = r.Use.Count
			if r.Use.At != 0 {
				i.lastUsed = r.Use.At
			}
		})
	case r.Rename != nil:
		return c.change(r.Rename.ID, func(i *item) { i.nickname = r.Rename.Nickname })
	case r.Note != nil:
		c.notes[r.Note.Name] = bytes.Clone(r.Note.Text)
		return nil
	case r.Whole != 0:
		if r.Whole != c.taken {
			return fmt.Errorf("%d records, want %d", c.taken, r.Whole)
		}
		c.ended, c.singles = true, 0
	case len(r.Delete) != 0:
		i := c.byID[string(r.Delete)]
		if i == nil {
			return authenticator.ErrNoPasskey
		}
		c.remove(i)
	}
	return nil
}

// change puts a changed copy of a passkey in its place.
func (c *contents) change(id []byte, f func(*item)) error {
	old := c.byID[string(id)]
	if old == nil {
		return authenticator.ErrNoPasskey
	}
	i := *old
	f(&i)
	i.changed = true
	c.byID[i.id] = &i
	if !c.loading {
		c.byRP[i.rp].replace(&i)
		c.all.replace(&i)
	}
	if i.discoverable {
		c.byAccount[i.account()] = &i
	}
	return nil
}

func (c *contents) add(i *item) {
	if old := c.byID[i.id]; old != nil {
		c.remove(old)
	}
	c.saved++
	i.number = c.saved
	if i.discoverable {
		// CTAP §6.1.2 step 18: one discoverable passkey for each account.
		if old := c.byAccount[i.account()]; old != nil {
			c.remove(old)
		}
		c.byAccount[i.account()] = i
	}
	c.byID[i.id] = i
	if !c.loading {
		c.list(i)
	}
}

func (c *contents) remove(i *item) {
	delete(c.byID, i.id)
	if !c.loading {
		c.unlist(i)
	}
	if i.discoverable {
		delete(c.byAccount, i.account())
	}
	if c.rewriting != nil {
		c.rewriting.removed = append(c.rewriting.removed, i) // it may be about to be written
		return
	}
	i.wipe()
}

func (c *contents) unlist(i *item) {
	c.all.remove(i)
	if c.byRP[i.rp].remove(i); len(*c.byRP[i.rp]) == 0 {
		delete(c.byRP, i.rp)
	}
}

// passkeys returns those of rp, or all, newest first.
func (c *contents) passkeys(rp webauthn.RPID) []authenticator.Passkey {
	from := c.all
	if rp != "" {
		if c.byRP[rp] == nil {
			return nil
		}
		from = *c.byRP[rp]
	}
	passkeys := make([]authenticator.Passkey, 0, len(from))
	for _, i := range slices.Backward(from) {
		passkeys = append(passkeys, i.passkey())
	}
	return passkeys
}

// close forgets the keys.
func (c *contents) close() {
	c.stopRewriting()
	c.journal.close()
	c.wipe()
}

func (c *contents) wipe() {
	for _, i := range c.all {
		i.wipe()
	}
	for _, n := range c.notes {
		clear(n)
	}
	c.vaultKey.Wipe()
}
