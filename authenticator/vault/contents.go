package vault

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"

	"cardea/authenticator"
	"cardea/internal/cbor"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// defaultSlack is how many dead records a log may have beyond one for each
// passkey, before it is written anew. Rewriting costs as much as reading, so it
// should be rare; a thousand records are a quarter of a megabyte.
const defaultSlack = 1024

// contents is an unlocked vault: the log, and in memory what it says.
type contents struct {
	journal   *journal
	byID      map[string]*item
	byRP      map[webauthn.RPID]map[string]*item // and then by ID
	byAccount map[account]*item                  // the discoverable ones
	saved     uint64                             // items ever saved
	notes     map[string][]byte

	vaultKey  secret.Key
	pinLength int // code points
}

// account is who a discoverable passkey is for.
type account struct {
	rp     webauthn.RPID
	handle string
}

func accountOf(s *stored) account { return account{s.RPID, string(s.Handle)} }

type item struct {
	*stored
	number uint64 // later saved, higher
}

func createContents(path string, k unwrapped) (*contents, error) {
	aead, err := recordAEAD(k.key)
	if err != nil {
		return nil, err
	}
	j, err := createJournal(path, aead, nil)
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
	c.journal, err = openJournal(path, aead, func(b []byte) error {
		r, err := decodeRecord(b)
		if err != nil {
			return err
		}
		return c.apply(r)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// newContents keeps a copy of the key.
func newContents(j *journal, k unwrapped) *contents {
	return &contents{
		journal: j, byID: map[string]*item{},
		byRP: map[webauthn.RPID]map[string]*item{}, byAccount: map[account]*item{},
		notes: map[string][]byte{}, vaultKey: secret.New(k.key.Expose()), pinLength: k.length,
	}
}

// do writes down what happens and then lets it happen.
func (c *contents) do(r record) error {
	b, err := cbor.Encode(r)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	defer clear(b)
	if err := c.journal.append(b); err != nil {
		return err
	}
	return c.apply(r)
}

// apply changes what is in memory. Reading the log does the same again, so it
// may depend on nothing but the records.
func (c *contents) apply(r record) error {
	switch {
	case r.Save != nil:
		c.add(r.Save)
		return nil
	case r.Use != nil:
		return c.change(r.Use.ID, func(s *stored) {
			s.SignCount = r.Use.Count
			if r.Use.At != 0 {
				s.LastUsed = r.Use.At
			}
		})
	case r.Rename != nil:
		return c.change(r.Rename.ID, func(s *stored) { s.Nickname = r.Rename.Nickname })
	case r.Note != nil:
		c.notes[r.Note.Name] = bytes.Clone(r.Note.Text)
		return nil
	}
	i := c.byID[string(r.Delete)]
	if i == nil {
		return authenticator.ErrNoPasskey
	}
	c.remove(i)
	return nil
}

func (c *contents) change(id []byte, f func(*stored)) error {
	i := c.byID[string(id)]
	if i == nil {
		return authenticator.ErrNoPasskey
	}
	f(i.stored)
	return nil
}

func (c *contents) add(s *stored) {
	if old := c.byID[string(s.ID)]; old != nil {
		c.remove(old)
	}
	c.saved++
	i := &item{stored: s, number: c.saved}
	if s.Discoverable {
		// CTAP §6.1.2 step 18: one discoverable passkey for each account.
		if old := c.byAccount[accountOf(s)]; old != nil {
			c.remove(old)
		}
		c.byAccount[accountOf(s)] = i
	}
	c.byID[string(s.ID)] = i
	if c.byRP[s.RPID] == nil {
		c.byRP[s.RPID] = map[string]*item{}
	}
	c.byRP[s.RPID][string(s.ID)] = i
}

func (c *contents) remove(i *item) {
	delete(c.byID, string(i.ID))
	delete(c.byRP[i.RPID], string(i.ID))
	if len(c.byRP[i.RPID]) == 0 {
		delete(c.byRP, i.RPID)
	}
	if i.Discoverable {
		delete(c.byAccount, accountOf(i.stored))
	}
	i.wipe()
}

// items returns those of rp, or all, newest first.
func (c *contents) items(rp webauthn.RPID) []*item {
	from := c.byID
	if rp != "" {
		from = c.byRP[rp]
	}
	return slices.SortedFunc(maps.Values(from), func(a, b *item) int {
		return cmp.Or(cmp.Compare(b.CreatedAt, a.CreatedAt), cmp.Compare(b.number, a.number))
	})
}

// tidy writes the log anew if it has become mostly history. The order of
// saving is kept, as it decides between passkeys of one moment.
func (c *contents) tidy(slack int) error {
	if c.journal.count <= uint64(2*(len(c.byID)+len(c.notes))+slack) {
		return nil
	}
	all := slices.SortedFunc(maps.Values(c.byID), func(a, b *item) int { return cmp.Compare(a.number, b.number) })
	records := make([][]byte, len(all))
	for n, i := range all {
		records[n] = cbor.MustEncode(record{Save: i.stored})
	}
	for _, name := range slices.Sorted(maps.Keys(c.notes)) {
		records = append(records, cbor.MustEncode(record{Note: &note{Name: name, Text: c.notes[name]}}))
	}
	fresh, err := createJournal(c.journal.path, c.journal.aead, records)
	for _, r := range records {
		clear(r)
	}
	if err != nil {
		c.journal.checkInPlace()
		return err
	}
	c.journal.close()
	c.journal = fresh
	return nil
}

// close forgets the keys.
func (c *contents) close() {
	c.journal.close()
	for _, i := range c.byID {
		i.wipe()
	}
	for _, n := range c.notes {
		clear(n)
	}
	c.vaultKey.Wipe()
}
