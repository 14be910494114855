package directory

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/netip"
	"strings"
	"time"

	"cardea/internal/secret"
)

// How long an access pass may live.
const (
	DefaultPassTTL = time.Hour
	MinPassTTL     = 10 * time.Minute
	MaxPassTTL     = 30 * 24 * time.Hour
)

// Wrong codes that end the guessing: after MaxPassTries for one user name from
// one network within PassTryWindow, every code for it from there is refused
// until the window is over or a new pass is issued. Others can still come in:
// if they could not, anybody could keep a newcomer out by guessing badly.
// MaxNameTries is the same for one user name from everywhere; with codes of 50
// bits it is far from a guess that succeeds.
const (
	MaxPassTries  = 10
	MaxNameTries  = 10_000
	PassTryWindow = time.Hour
)

// An AccessPass lets one person in once, to register a passkey. The code is
// known only to who was told it. A person has at most one pass: a new one
// replaces the old.
type AccessPass struct {
	UserID   UserID
	IssuedBy UserID
	Issued   time.Time
	Expires  time.Time
	// Used is zero until the pass is spent.
	Used time.Time
}

// Live reports whether the pass can be used at the time now.
func (p AccessPass) Live(now time.Time) bool { return p.Used.IsZero() && now.Before(p.Expires) }

// What is wrong with an access pass.
var (
	ErrPassTTL = errors.New("access pass: want a lifetime of 10 minutes to 30 days")
	ErrNoPass  = errors.New("no access pass")
)

// A CodeHash is what is stored of a code.
type CodeHash [sha256.Size]byte

// passAlphabet is Crockford's base 32: no I, L, O or U, so that a code read
// aloud or copied by hand arrives. 256 is a multiple of its length, so a random
// byte picks without bias.
const passAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const passKeySize = 32

// passLength in characters: 50 bits.
const passLength = 10

func newPassCode() string {
	b := make([]byte, passLength)
	rand.Read(b)
	for i, v := range b {
		b[i] = passAlphabet[int(v)%len(passAlphabet)]
	}
	return string(b[:passLength/2]) + "-" + string(b[passLength/2:])
}

var passConfusions = strings.NewReplacer(" ", "", "-", "", "\t", "", "O", "0", "I", "1", "L", "1")

// normalizePass forgives what people do to a code: case, blanks, hyphens and
// the letters that look like digits.
func normalizePass(code string) string {
	return passConfusions.Replace(strings.ToUpper(strings.TrimSpace(code)))
}

// HashAccessPass returns what is stored of a code of that person. The hash is
// keyed because a code is short enough to be guessed from a plain one.
func HashAccessPass(key secret.Key, id UserID, code string) CodeHash {
	m := hmac.New(sha256.New, key.Expose())
	m.Write([]byte("access pass\x00" + string(id) + "\x00" + normalizePass(code)))
	return CodeHash(m.Sum(nil))
}

// HashName returns the name under which wrong codes for a user name are counted.
// It is the same work whether there is such a person or not.
func HashName(key secret.Key, username string) CodeHash {
	m := hmac.New(sha256.New, key.Expose())
	m.Write([]byte("guesser\x00" + NormalizeUsername(username)))
	return CodeHash(m.Sum(nil))
}

// HashGuesser is HashName for those of them that come from the network of
// address.
func HashGuesser(key secret.Key, username, address string) CodeHash {
	m := hmac.New(sha256.New, key.Expose())
	m.Write([]byte("guesser in a network\x00" + network(address) + "\x00" + NormalizeUsername(username)))
	return CodeHash(m.Sum(nil))
}

// network returns what counts as one place: whoever has an IPv6 address has all
// those of the same /64. Addresses that cannot be read are one place.
func network(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		panic("directory: internal error: " + err.Error())
	}
	return prefix.String()
}
