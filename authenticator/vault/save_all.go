package vault

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"cardea/authenticator"
	"cardea/internal/cbor"
	"cardea/webauthn"
)

// SaveAll does what a Save of each passkey would, in their order; after an
// error or a crash none of them is there. Of one that is here already the
// higher count and the later use stay, as it may be used while somebody makes
// up the list.
//
// A few take one record and one sync. More are written with everything else
// into a log that takes the place of this one: a second or two for 100,000, for
// which the vault does nothing else.
func (v *Vault) SaveAll(ctx context.Context, passkeys []authenticator.Passkey) error {
	v.used()
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.readable(ctx); err != nil {
		return err
	}
	items, err := v.open.itemsOf(passkeys)
	if err == nil && len(items) != 0 {
		err = v.open.saveAll(ctx, items)
	}
	if err != nil {
		return fmt.Errorf("saving %d passkeys: %w", len(passkeys), err)
	}
	v.tidy()
	return nil
}

// itemsOf makes items of passkeys. What could not be read again is refused
// here, before anything is written.
func (c *contents) itemsOf(passkeys []authenticator.Passkey) (items group, err error) {
	defer func() {
		if err != nil {
			wipeAll(items)
		}
	}()
	for _, p := range passkeys {
		if err := checkID(p.ID); err != nil {
			return items, err
		}
		s := store(p)
		if here := c.byID[string(p.ID)]; here != nil {
			s.SignCount, s.LastUsed = max(s.SignCount, here.count), max(s.LastUsed, here.lastUsed)
		}
		raw, err := cbor.Encode(s)
		clear(s.PrivateKey)
		clear(s.HMACSecrets)
		if err != nil {
			return items, fmt.Errorf("encoding: %w", err)
		}
		i, err := scanItem(raw)
		if err != nil {
			return items, fmt.Errorf("encoding: %w", err)
		}
		items = append(items, &i)
	}
	return items, nil
}

func checkID(id webauthn.CredentialID) error {
	if len(id) == 0 || len(id) > webauthn.MaxCredentialID {
		return fmt.Errorf("credential ID of %d bytes", len(id))
	}
	return nil
}

func wipeAll(items group) {
	for _, i := range items {
		i.wipe()
	}
}

// saveAll writes the items, and then lets them be there.
func (c *contents) saveAll(ctx context.Context, items group) error {
	if block, rest := snapshot(items); len(rest) == 0 {
		defer wipeAll(items)
		defer clear(block)
		return c.appendAll(block)
	}
	if err := c.replaceLog(ctx, items); err != nil {
		wipeAll(items)
		return err
	}
	c.revision = revisions.Add(1)
	c.loading = true // the lists are made once, at the end
	for _, i := range items {
		c.add(i)
	}
	c.byRP, c.all = map[webauthn.RPID]*group{}, nil
	c.arrange()
	return nil
}

// appendAll adds a snapshot to the end of the log. It is one record, so it is
// whole or not there.
func (c *contents) appendAll(block []byte) error {
	e, err := decodeEntry(bytes.Clone(block))
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	if err := c.journal.append(block); err != nil {
		return err
	}
	if c.rewriting != nil {
		c.rewriting.missed = append(c.rewriting.missed, bytes.Clone(block))
	}
	return c.take(e)
}

// replaceLog puts a log in the place of this one that has the items as well.
// The caller holds the vault's mutex all the while: whoever came in between
// would have to be written after what they do not know of yet.
func (c *contents) replaceLog(ctx context.Context, items group) error {
	if c.journal.broken != nil {
		return c.journal.broken
	}
	c.stopRewriting()
	r := c.newRewrite(slices.Concat(c.all, items))
	defer context.AfterFunc(ctx, func() { r.stop.Store(true) })()
	r.err = r.write()
	close(r.written)
	if err := c.finish(r); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	return nil
}
