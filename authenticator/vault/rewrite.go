package vault

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"slices"
	"sync/atomic"

	"cardea/internal/cbor"
)

// defaultSlack is how many single records a log may have beyond one for each
// four passkeys, before it is written anew. Reading a snapshot is some ten times
// as fast as reading its passkeys one by one.
const defaultSlack = 1024

const (
	blockSize = 32 << 10 // of a snapshot record, unsealed; a passkey may make it larger
	syncSize  = 4 << 20  // written between two syncs: others wait for the disk as well
)

var errStopped = errors.New("stopped")

// A rewrite is a log on its way to take the place of the one that is in use.
// It is written in three steps:
//
//  1. begin, with the vault's mutex: what there is now is listed
//  2. write, without it, however long it takes: the list, as snapshots, into a
//     file aside; the vault goes on meanwhile and what happens is noted, in
//     missed, beside being written to the old log
//  3. finish, with the mutex: what was missed is written too, and the file is
//     moved into place
//
// Before the move the old log has everything, and after it the new one.
type rewrite struct {
	items group
	notes map[string][]byte
	fresh *journal

	stop    atomic.Bool
	written chan struct{} // closed when write has returned
	err     error         // what it returned

	missed  [][]byte // records
	removed []*item  // to be wiped when nobody reads them any more
}

// tidy begins to write the log anew if it has many single records. The caller
// holds mu.
func (v *Vault) tidy() {
	c := v.open
	if c.rewriting != nil || int64(c.singles) <= int64(len(c.byID)/4+len(c.notes)+v.slack) || c.singles < c.patience {
		return
	}
	r := c.newRewrite(slices.Clone(c.all))
	c.rewriting = r
	v.background.Go(func() {
		r.err = r.write()
		close(r.written)
		v.mu.Lock()
		defer v.mu.Unlock()
		// Whoever locked the vault meanwhile has taken care of r.
		if v.open == c && c.rewriting == r {
			_ = c.finish(r) // tried again; the old log has it all
		}
	})
}

// newRewrite begins a log of the items and the notes.
func (c *contents) newRewrite(items group) *rewrite {
	return &rewrite{
		items: items, notes: maps.Clone(c.notes), written: make(chan struct{}),
		fresh: &journal{path: c.journal.path, aead: c.journal.aead},
	}
}

// write writes what was there at the beginning.
func (r *rewrite) write() error {
	f, err := os.OpenFile(r.fresh.path+tmpSuffix, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	r.fresh.begin(f, rewrittenMagic)
	for items, first := r.items, true; first || len(items) != 0; first = false {
		var block []byte
		block, items = snapshot(items)
		err := r.add(block)
		clear(block)
		if err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.notes)) {
		if err := r.add(cbor.MustEncode(record{Note: &note{Name: name, Text: r.notes[name]}})); err != nil {
			return err
		}
	}
	if err := r.add(cbor.MustEncode(record{Whole: r.fresh.count + 1})); err != nil {
		return err
	}
	return r.fresh.flush()
}

func (r *rewrite) add(record []byte) error {
	if r.stop.Load() {
		return errStopped
	}
	return r.fresh.add(record)
}

// snapshot makes a record of the first items, and returns the others.
func snapshot(items group) (block []byte, rest group) {
	var body []byte
	n := 0
	for _, i := range items {
		b := i.encoded()
		if n != 0 && len(body)+len(b) > blockSize {
			break
		}
		body = append(body, b...)
		n++
	}
	defer clear(body)
	return bytes.Join([][]byte{[]byte(snapshotHead), arrayHead(n), body}, nil), items[n:]
}

// arrayHead is the head of an array of n, in CBOR.
func arrayHead(n int) []byte {
	b := cbor.MustEncode(uint(n))
	b[0] |= majorArray << 5
	return b
}

// finish puts the new log in the place of the old one. The caller holds mu.
func (c *contents) finish(r *rewrite) error {
	c.rewriting = nil
	defer r.forget()
	err := r.err
	for _, b := range r.missed {
		if err == nil {
			err = r.fresh.add(b)
		}
	}
	if err == nil {
		err = r.fresh.flush()
	}
	if err == nil {
		err = moveIntoPlace(r.fresh.path)
	}
	if err != nil {
		// Nothing is lost, the old log has it all. It is tried again, but not
		// with each change: the disk may be full.
		c.patience = c.singles + c.singles/4
		r.discard()
		c.journal.checkInPlace()
		return err
	}
	c.journal.close()
	c.journal = r.fresh
	c.singles, c.patience = uint64(len(r.missed)), 0
	return nil
}

// stopRewriting gives up what is being written. The caller holds mu.
func (c *contents) stopRewriting() {
	r := c.rewriting
	if r == nil {
		return
	}
	r.stop.Store(true)
	<-r.written
	c.rewriting = nil
	r.discard()
	r.forget()
}

func (r *rewrite) discard() {
	if r.fresh.f != nil {
		r.fresh.f.Close()
	}
	_ = removeIfThere(r.fresh.path + tmpSuffix) // Open removes it, too
}

func (r *rewrite) forget() {
	for _, b := range r.missed {
		clear(b)
	}
	for _, i := range r.removed {
		i.wipe()
	}
}
