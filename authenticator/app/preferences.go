package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// preferences are what the person has chosen about how they are asked. None of
// them lets a program do anything that it could not do otherwise.
type preferences struct {
	// Notify shows questions as notifications while no page is in sight.
	Notify bool `json:"notify"`
	// Finger lets the fingerprint reader stand for the secret.
	Finger bool `json:"fingerprint"`
	// LockAway locks the passkeys with the screen, and when the computer sleeps.
	LockAway bool `json:"lock_when_away"`
	// LockAfter is how many minutes without use lock the passkeys; 0 is never.
	LockAfter int `json:"lock_after_minutes"`
}

// lockChoices are the values of preferences.LockAfter, in the order shown.
var lockChoices = []struct {
	Minutes int
	Label   string
}{{5, "After 5 minutes"}, {15, "After 15 minutes"}, {60, "After an hour"}, {0, "Never by itself"}}

// defaultPreferences are those of the first start. A computer stands open on a
// desk more often than a phone does.
func defaultPreferences(s Style) preferences {
	p := preferences{Notify: true, Finger: true, LockAway: true}
	if s == Computer {
		p.LockAfter = 15
	}
	return p
}

// A cabinet keeps the preferences in a file beside the vault.
type cabinet struct {
	path string

	mu  sync.Mutex
	now preferences
}

// strict are the preferences of somebody whose own cannot be read: nothing
// stands for the secret, and whatever locks the passkeys does.
var strict = preferences{Notify: true, LockAway: true, LockAfter: 5}

// openCabinet reads the file, or goes by the defaults if there is none. A file
// that cannot be read must not keep the passkeys from their person: beside the
// error there is a cabinet with the strict ones, until others are chosen.
func openCabinet(path string, first preferences) (*cabinet, error) {
	c := &cabinet{path: path, now: first}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		err = d.Decode(&c.now)
	}
	if err != nil {
		c.now = strict
		return c, fmt.Errorf("reading the preferences in %s: %w", path, err)
	}
	return c, nil
}

func (c *cabinet) get() preferences {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// set keeps p, whole or not at all.
func (c *cabinet) set(p preferences) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the preferences: %w", err)
	}
	if err := replaceFile(c.path, append(b, '\n')); err != nil {
		return fmt.Errorf("writing the preferences: %w", err)
	}
	c.now = p
	return nil
}

// replaceFile puts a file in the place of another. It is on the disk before it
// has the name: a power cut leaves the old or the new one, never an empty one.
func replaceFile(path string, content []byte) error {
	aside := path + ".tmp"
	f, err := os.OpenFile(aside, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(aside))
	}
	return os.Rename(aside, path)
}

func (p preferences) lockAfter() time.Duration { return time.Duration(p.LockAfter) * time.Minute }
