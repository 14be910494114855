package phone

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"cardea/hybrid"
)

// maxLinks is how many phones are remembered; the oldest goes first.
const maxLinks = 16

// Links keeps the phones that let themselves be remembered, in a file that only
// this person can read: who has it can make a phone that is near ask its owner.
// It is safe for concurrent use, and by several programs but for the last of
// two changes at the same moment.
type Links struct {
	path string
	mu   sync.Mutex
}

// OpenLinks returns the Links at path. There need not be a file yet.
func OpenLinks(path string) *Links { return &Links{path: path} }

// linksFile is the file: newest first.
type linksFile struct {
	Version int      `json:"version"`
	Links   [][]byte `json:"links"` // each as hybrid.Link.Encode has it
}

const linksVersion = 1

// All returns the phones, the newest first.
func (l *Links) All() ([]hybrid.Link, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.read()
}

// Keep adds a phone. Another link to the same phone is replaced.
func (l *Links) Keep(k hybrid.Link) error {
	return l.change(func(links []hybrid.Link) []hybrid.Link {
		links = slices.DeleteFunc(links, k.SamePhone)
		links = slices.Insert(links, 0, k)
		return links[:min(len(links), maxLinks)]
	})
}

// Forget removes a phone. One that is not there is no error.
func (l *Links) Forget(k hybrid.Link) error {
	return l.change(func(links []hybrid.Link) []hybrid.Link { return slices.DeleteFunc(links, k.SamePhone) })
}

func (l *Links) change(f func([]hybrid.Link) []hybrid.Link) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	links, err := l.read()
	if err != nil {
		return err
	}
	return l.write(f(links))
}

func (l *Links) read() ([]hybrid.Link, error) {
	b, err := os.ReadFile(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading remembered phones: %w", err)
	}
	links, err := parseLinks(b)
	if err != nil {
		return nil, fmt.Errorf("reading remembered phones: %s: %w; remove the file to begin anew", l.path, err)
	}
	return links, nil
}

func parseLinks(b []byte) ([]hybrid.Link, error) {
	var f linksFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	if f.Version != linksVersion {
		return nil, fmt.Errorf("version %d, want %d", f.Version, linksVersion)
	}
	links := make([]hybrid.Link, 0, len(f.Links))
	for _, raw := range f.Links {
		k, err := hybrid.ParseLink(raw)
		if err != nil {
			return nil, err
		}
		links = append(links, k)
	}
	return links, nil
}

// write replaces the file. A crash leaves the old one or the new one.
func (l *Links) write(links []hybrid.Link) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("keeping remembered phones: %w", err)
		}
	}()
	f := linksFile{Version: linksVersion, Links: make([][]byte, len(links))}
	for i, k := range links {
		f.Links[i] = k.Encode()
	}
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	dir := filepath.Dir(l.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	t, err := os.CreateTemp(dir, filepath.Base(l.path)+".*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(t.Name())
	_, err = t.Write(b)
	if err = errors.Join(err, t.Sync(), t.Close()); err != nil {
		return err
	}
	return os.Rename(t.Name(), l.path)
}

// idOf names a phone by its identity key.
func idOf(k hybrid.Link) string {
	sum := sha256.Sum256(k.Identity.Bytes())
	return hex.EncodeToString(sum[:8])
}
