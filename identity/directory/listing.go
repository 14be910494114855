package directory

import (
	"context"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A Member is a person and what an administrator wants to see of everybody at a
// glance.
type Member struct {
	User
	Passkeys int
	// LastUsed is when a passkey of theirs was last used; zero if none was.
	LastUsed time.Time
}

// A Listing says which people are wanted.
type Listing struct {
	// Name is part of the user name or the display name, in any case and with
	// or without accents. Empty means everybody.
	Name string
	// After is a user name: only those who come after it.
	After string
	Limit int
}

// Readiness counts people by how many passkeys they have.
type Readiness struct{ Two, One, None int }

// People returns how many there are.
func (r Readiness) People() int { return r.Two + r.One + r.None }

// maxName is how many characters of a name are looked for: no name is longer.
const maxName = max(MaxUsername, MaxDisplayName)

// MaxListing is the most that one call of List returns.
const MaxListing = 1000

// List returns the people whom l says, in the order of their user names.
func (d *Directory) List(ctx context.Context, l Listing) ([]Member, error) {
	l.Limit = max(0, min(l.Limit, MaxListing))
	l.Name = strings.TrimSpace(l.Name)
	if r := []rune(l.Name); len(r) > maxName {
		return nil, nil // and SQLite takes no pattern of any length
	}
	return d.store.List(ctx, l)
}

// Readiness counts everybody.
func (d *Directory) Readiness(ctx context.Context) (Readiness, error) { return d.store.Readiness(ctx) }

// FoldName returns a name in the form in which names are looked for: in lower
// case, without accents.
func FoldName(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(name))
}
