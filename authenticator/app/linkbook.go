package app

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"cardea/hybrid"
	"cardea/hybrid/tunnel"
	"cardea/internal/secret"
)

// A linkID names a computer to this phone.
type linkID [8]byte

// A linkedComputer is one that may call this phone without a code.
type linkedComputer struct {
	ID    linkID    `json:"id"`
	Name  string    `json:"name"` // the person's, and unlike the others
	Since time.Time `json:"since"`
	Used  time.Time `json:"used,omitzero"` // when it last came through
}

// A contactKey is what the phone is called by at one relay.
type contactKey struct {
	service hybrid.Service
	key     secret.Key
}

// A linkBook keeps the computers that are linked with this phone, in a file
// beside the vault. The file is not sealed, since calls come while the vault is
// locked; docs/decisions/0020-linked-computers.md says what that means.
//
// No secret of a single link is in it: each comes from the root, the contact and
// the link's ID (hybrid.LinkSecret). There is no file before the first link.
type linkBook struct {
	path string

	mu        sync.Mutex
	root      secret.Key
	contact   contactKey
	retiring  []contactKey     // dead, and the relay does not know it yet
	computers []linkedComputer // the latest link first
	// turned is closed, and replaced, when other keys than before have to be
	// shown to relays: with the first link and after the last. Calls under way
	// end with that.
	turned chan struct{}
}

// Limits of the book.
const (
	rootSize    = 32
	linkVersion = 1
	// maxComputers bounds the links; the one that was used longest ago goes
	// first.
	maxComputers = 32
	maxRetiring  = 8
)

// linkFile is the book at rest.
type linkFile struct {
	Version   int              `json:"version"`
	Root      []byte           `json:"root"`
	Contact   contactFile      `json:"contact"`
	Retiring  []contactFile    `json:"retiring,omitempty"`
	Computers []linkedComputer `json:"computers"`
}

type contactFile struct {
	Service hybrid.Service `json:"service"`
	Key     []byte         `json:"key"`
}

// MarshalText implements encoding.TextMarshaler.
func (id linkID) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%x", id[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *linkID) UnmarshalText(b []byte) error {
	var n uint64
	n, err := strconv.ParseUint(string(b), 16, 64)
	if err != nil || len(b) != 2*len(id) {
		return errors.New("link ID is not 16 hexadecimal digits")
	}
	for i := range id {
		id[i] = byte(n >> (56 - 8*i))
	}
	return nil
}

// openLinkBook reads the file at path, or begins a book if there is none.
// Links that were given at another relay than service are of no use: the
// computers look for this phone there. They end.
func openLinkBook(path string, service hybrid.Service) (*linkBook, error) {
	b := &linkBook{path: path, turned: make(chan struct{}), root: secret.Random(rootSize),
		contact: contactKey{service, hybrid.NewContactKey()}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err == nil {
		err = b.decode(text)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the linked computers in %s: %w", path, err)
	}
	if b.contact.service != service {
		if err := b.change(func() { b.retire(); b.contact.service = service }); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *linkBook) decode(text []byte) error {
	defer clear(text)
	var f linkFile
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return err
	}
	if f.Version != linkVersion {
		return fmt.Errorf("version %d, want %d", f.Version, linkVersion)
	}
	if len(f.Root) != rootSize {
		return fmt.Errorf("root of %d bytes, want %d", len(f.Root), rootSize)
	}
	b.root, b.computers = secret.New(f.Root), f.Computers
	for i, c := range append(f.Retiring, f.Contact) {
		k := contactKey{c.Service, secret.New(c.Key)}
		if _, err := hybrid.ContactIDOf(k.key); err != nil {
			return err
		}
		if i < len(f.Retiring) {
			b.retiring = append(b.retiring, k)
		} else {
			b.contact = k
		}
	}
	return nil
}

func (k contactKey) file() contactFile { return contactFile{k.service, k.key.Expose()} }

// change does f and keeps what it did, or does not do it.
func (b *linkBook) change(f func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	root, contact, retiring, computers := b.root, b.contact, b.retiring, b.computers
	b.retiring, b.computers = slices.Clone(retiring), slices.Clone(computers)
	f()
	if err := b.write(); err != nil {
		b.root, b.contact, b.retiring, b.computers = root, contact, retiring, computers
		return fmt.Errorf("keeping the linked computers: %w", err)
	}
	if (len(computers) == 0) != (len(b.computers) == 0) || !contact.key.Equal(b.contact.key) {
		close(b.turned)
		b.turned = make(chan struct{})
	}
	return nil
}

func (b *linkBook) write() error {
	f := linkFile{Version: linkVersion, Root: b.root.Expose(), Contact: b.contact.file(), Computers: b.computers}
	for _, k := range b.retiring {
		f.Retiring = append(f.Retiring, k.file())
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	defer clear(text)
	aside, err := os.CreateTemp(filepath.Dir(b.path), filepath.Base(b.path)+".*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(aside.Name())
	_, err = aside.Write(text)
	if err = errors.Join(err, aside.Sync(), aside.Close()); err != nil {
		return err
	}
	return os.Rename(aside.Name(), b.path)
}

// list returns the computers, the latest link first. A nil book has none.
func (b *linkBook) list() []linkedComputer {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.computers)
}

func (b *linkBook) find(id linkID) (linkedComputer, bool) {
	for _, c := range b.list() {
		if c.ID == id {
			return c, true
		}
	}
	return linkedComputer{}, false
}

// newLink returns the ID of a link that may be given.
func newLink() (id linkID) {
	rand.Read(id[:])
	return id
}

// offer is what the phone and the computer called id share.
func (b *linkBook) offer(id linkID, phone string) (hybrid.LinkOffer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	contact, err := hybrid.ContactIDOf(b.contact.key)
	if err != nil {
		return hybrid.LinkOffer{}, err
	}
	return hybrid.LinkOffer{
		ContactID: contact[:], LinkID: id, Secret: hybrid.LinkSecret(b.root, contact[:], id),
		Identity: hybrid.IdentityKey(b.root), Name: phone,
	}, nil
}

// keep notes that a link was given, and returns what the computer is called
// until the person finds a better name.
func (b *linkBook) keep(id linkID, now time.Time) (name string, err error) {
	err = b.change(func() {
		name = b.freeName("Computer linked " + now.Format("2 Jan"))
		b.computers = slices.Insert(b.computers, 0, linkedComputer{ID: id, Name: name, Since: now})
		if len(b.computers) > maxComputers {
			oldest := slices.MinFunc(b.computers[1:], func(x, y linkedComputer) int { return x.latest().Compare(y.latest()) })
			b.remove(oldest.ID)
		}
	})
	return name, err
}

func (c linkedComputer) latest() time.Time {
	if c.Used.After(c.Since) {
		return c.Used
	}
	return c.Since
}

// freeName makes name unlike the others.
func (b *linkBook) freeName(name string) string {
	taken := func(s string) bool {
		return slices.ContainsFunc(b.computers, func(c linkedComputer) bool { return c.Name == s })
	}
	free := name
	for n := 2; taken(free); n++ {
		free = fmt.Sprintf("%s (%d)", name, n)
	}
	return free
}

// remove removes a computer, and retires the contact with the last: it is then
// the relay that says that the link has ended.
func (b *linkBook) remove(id linkID) {
	b.computers = slices.DeleteFunc(b.computers, func(c linkedComputer) bool { return c.ID == id })
	if len(b.computers) == 0 {
		b.retire()
	}
}

func (b *linkBook) retire() {
	b.computers = nil
	b.retiring = append(b.retiring, b.contact)
	b.retiring = b.retiring[max(0, len(b.retiring)-maxRetiring):]
	b.contact.key = hybrid.NewContactKey()
}

// edit changes what is noted of a computer.
func (b *linkBook) edit(id linkID, f func(*linkedComputer)) error {
	return b.change(func() {
		for i := range b.computers {
			if b.computers[i].ID == id {
				f(&b.computers[i])
			}
		}
	})
}

// forget ends a link. The computer hears of it when it next calls.
func (b *linkBook) forget(id linkID) error {
	if _, ok := b.find(id); !ok {
		return nil
	}
	return b.change(func() { b.remove(id) })
}

// forgetAll ends every link, given and kept or not.
func (b *linkBook) forgetAll() error { return b.change(b.retire) }

// unwanted ends a link that was given and not kept.
func (b *linkBook) unwanted() error {
	if len(b.list()) > 0 {
		return nil // it is unknown, which the computer will hear
	}
	return b.forgetAll()
}

// erase makes the phone another one. A book without a file has no links.
func (b *linkBook) erase() error {
	if _, err := os.Stat(b.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return b.change(func() { b.retire(); b.root = secret.Random(rootSize) })
}

// reach tells what keys to show to relays now, and when to ask again.
func (b *linkBook) reach() (listen *contactKey, retiring []contactKey, turned <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.computers) > 0 {
		k := b.contact
		listen = &k
	}
	return listen, slices.Clone(b.retiring), b.turned
}

// retired notes that a relay knows of the end of a contact.
func (b *linkBook) retired(k contactKey) error {
	return b.change(func() {
		b.retiring = slices.DeleteFunc(b.retiring, func(o contactKey) bool { return o.key.Equal(k.key) })
	})
}

// at returns k as a contact that dialer reaches.
func (k contactKey) at(dialer *tunnel.Dialer) *tunnel.Contact {
	return &tunnel.Contact{Dialer: dialer, Service: k.service, Key: k.key}
}
