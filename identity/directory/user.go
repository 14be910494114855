package directory

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cardea/webauthn"
)

// A User is a person with an account.
type User struct {
	ID UserID
	// Handle is what their passkeys carry: 64 random bytes, never shown.
	Handle webauthn.UserHandle
	// Username is what the person types, in lower case; unique.
	Username    string
	DisplayName string
	Admin       bool
	// Disabled people keep their passkeys and cannot sign in.
	Disabled bool
	Created  time.Time
	// Language is the one that the person chose to read, as a tag of BCP 47;
	// empty if they leave it to their browser.
	Language string
}

// A NewUser is a User who does not exist yet.
type NewUser struct {
	Username    string
	DisplayName string
	Admin       bool
}

// Limits of the names of people and passkeys, in characters (runes).
const (
	MaxUsername    = 64
	MaxDisplayName = 64
	MaxPasskeyName = 64
)

// What is wrong with a new or changed User.
var (
	ErrUsername    = errors.New("user name: want 1 to 64 letters a-z, digits and . _ - + @")
	ErrDisplayName = errors.New("display name: want 1 to 64 characters that can be shown")
	ErrNameTaken   = errors.New("user name is taken")
	ErrNoUser      = errors.New("no such person")
	// ErrLastAdmin is the refusal to disable the only administrator left.
	ErrLastAdmin = errors.New("last administrator")
)

// NormalizeUsername returns the form in which user names are stored and
// compared: trimmed and in lower case.
func NormalizeUsername(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// Make gives n an ID, a handle and the normal form of its names. The User is
// not stored. It returns ErrUsername or ErrDisplayName.
func (n NewUser) Make(now time.Time) (User, error) {
	name := NormalizeUsername(n.Username)
	if !usernameOK(name) {
		return User{}, ErrUsername
	}
	display, err := CleanDisplayName(n.DisplayName)
	if err != nil {
		return User{}, err
	}
	handle := make(webauthn.UserHandle, webauthn.MaxUserHandle)
	rand.Read(handle)
	return User{
		ID: NewUserID(), Handle: handle, Username: name, DisplayName: display, Admin: n.Admin,
		Created: now,
	}, nil
}

// CleanDisplayName returns name trimmed, or ErrDisplayName.
func CleanDisplayName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || !showable(name, MaxDisplayName) {
		return "", ErrDisplayName
	}
	return name, nil
}

// usernameOK keeps to ASCII on purpose: user names are compared by eye and
// typed on any keyboard, and two that look alike must not be two people.
// Display names are free.
func usernameOK(s string) bool {
	if s == "" || len(s) > MaxUsername {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("._-+@", r) {
			return false
		}
	}
	return true
}

// showable reports whether s is at most max characters, one of which at least is
// seen, and none of which hides, breaks the line or turns its direction around.
func showable(s string, max int) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > max {
		return false
	}
	seen := false
	for _, r := range s {
		if !unicode.IsGraphic(r) && r != '\u200d' || unicode.Is(unicode.Bidi_Control, r) || blank(r) {
			return false
		}
		seen = seen || !unicode.In(r, unicode.M, unicode.Zs, unicode.Cf)
	}
	return seen
}

// blank reports whether r is a letter or symbol that looks like nothing: two
// names must not differ by that alone.
func blank(r rune) bool {
	const emptyBraille = '\u2800'
	return r == emptyBraille || unicode.IsGraphic(r) && unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// String names the person for logs: the ID, not the names.
func (u User) String() string { return fmt.Sprintf("user %s", u.ID) }
