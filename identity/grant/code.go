package grant

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"cardea/identity/directory"
)

// Lifetimes.
const (
	CodeLife  = time.Minute
	TokenLife = time.Hour // at most; a token also dies with its session
	// Tombstone is how long a code is remembered after it has expired. It must
	// not be less than TokenLife.
	Tombstone = time.Hour
)

// A Hash stands for a code or an access token in the Store.
type Hash [sha256.Size]byte

// The texts keep the two kinds apart: a code is never found as a token.
func hashCode(code string) Hash   { return sha256.Sum256([]byte("authorization code\x00" + code)) }
func hashToken(token string) Hash { return sha256.Sum256([]byte("access token\x00" + token)) }

// A Challenge is a PKCE code challenge of the method S256 (RFC 7636 §4.2).
type Challenge string

// ErrChallenge says that a text cannot be a code challenge.
var ErrChallenge = errors.New("code challenge: want the base64url of a SHA-256, 43 characters")

// ParseChallenge reads a code challenge. Nothing but S256 exists here: "plain"
// puts the verifier itself into the browser's history.
func ParseChallenge(s string) (Challenge, error) {
	if b, err := base64.RawURLEncoding.Strict().DecodeString(s); err != nil || len(b) != sha256.Size {
		return "", ErrChallenge
	}
	return Challenge(s), nil
}

// Length of a verifier in characters (RFC 7636 §4.1).
const minVerifier, maxVerifier = 43, 128

// Answers reports whether verifier is the one that c was made of.
func (c Challenge) Answers(verifier string) bool {
	if c == "" || len(verifier) < minVerifier || len(verifier) > maxVerifier || strings.ContainsFunc(verifier, reserved) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return equal(base64.RawURLEncoding.EncodeToString(sum[:]), string(c))
}

// reserved reports whether r is outside of the unreserved set of RFC 3986 §2.3.
func reserved(r rune) bool {
	switch {
	case 'A' <= r && r <= 'Z', 'a' <= r && r <= 'z', '0' <= r && r <= '9', strings.ContainsRune("-._~", r):
		return false
	}
	return true
}

// A Scope is a set of scope values in the order in which they were asked for.
type Scope []string

// ParseScope reads a space-separated list (RFC 6749 §3.3). Doubles are dropped.
func ParseScope(s string) Scope {
	var scope Scope
	for _, v := range strings.Fields(s) {
		if !scope.Has(v) {
			scope = append(scope, v)
		}
	}
	return scope
}

// Has reports whether v is in the scope.
func (s Scope) Has(v string) bool { return slices.Contains(s, v) }

// String returns the space-separated list.
func (s Scope) String() string { return strings.Join(s, " ") }

// An Authorization is what a person has allowed: one client, one session.
type Authorization struct {
	ClientID    directory.ClientID
	RedirectURI string
	Challenge   Challenge
	Scope       Scope
	Nonce       string // as the client sent it; may be empty

	UserID directory.UserID
	// SID is the session that the person had; what it was then is what the
	// client is told, not what it may have become.
	SID      string
	AuthTime time.Time
	ACR      string
	AMR      []string
}

// A Code is an Authorization that waits to be redeemed, or was.
type Code struct {
	Authorization
	Hash    Hash
	Issued  time.Time
	Expires time.Time
	Spent   time.Time // zero until it is redeemed
}

// An AccessToken opens the userinfo endpoint and nothing else.
type AccessToken struct {
	Hash     Hash
	Code     Hash // what it was redeemed for
	ClientID directory.ClientID
	UserID   directory.UserID
	SID      string
	Scope    Scope
	Issued   time.Time
	Expires  time.Time
}

// random returns 256 random bits as 43 characters that need no escaping.
func random() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
