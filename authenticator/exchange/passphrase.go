package exchange

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"cardea/internal/secret"
)

// Limits of a passphrase. Twelve random letters are some 2^56 guesses; four
// words are as good and easier to keep.
const (
	MinPassphrase = 12      // code points
	maxPassphrase = 1 << 10 // bytes
	minDistinct   = 5       // different characters
)

// ErrPassphrase says that a passphrase is not the one of the backup. A head
// that was changed looks the same.
var ErrPassphrase = errors.New("wrong passphrase for this backup")

// ErrWeakPassphrase says that a passphrase would not protect a backup.
var ErrWeakPassphrase = errors.New("passphrase is too easy to guess")

// CheckPassphrase reports whether a passphrase may seal a backup: nil, or an
// error that wraps ErrWeakPassphrase and says what is wanted and why.
func CheckPassphrase(passphrase string) error {
	distinct := map[rune]bool{}
	for _, r := range passphrase {
		distinct[r] = true
	}
	switch {
	case !utf8.ValidString(passphrase) || len(passphrase) > maxPassphrase:
		return fmt.Errorf("%w: want text of at most %d bytes", ErrWeakPassphrase, maxPassphrase)
	case utf8.RuneCountInString(strings.TrimSpace(passphrase)) < MinPassphrase:
		return fmt.Errorf("%w: want at least %d characters, four words or more: whoever finds the file can try as often as they like", ErrWeakPassphrase, MinPassphrase)
	case len(distinct) < minDistinct:
		return fmt.Errorf("%w: want at least %d different characters", ErrWeakPassphrase, minDistinct)
	}
	return nil
}

// Cost is what one guess at the passphrase costs, as argon2id counts it (RFC
// 9106 §3.1).
type Cost struct {
	Time    uint32 // passes
	Memory  uint32 // KiB
	Threads uint8
}

// DefaultCost takes four times the memory of the vault's: a backup is opened
// seldom and guessed at without end.
var DefaultCost = Cost{Time: 3, Memory: 256 << 10, Threads: 4}

// TestCost makes a guess cheap. It is for tests alone.
var TestCost = Cost{Time: 1, Memory: 64, Threads: 1}

// check keeps a foreign file from asking for all memory there is, or for an
// hour.
func (c Cost) check() error {
	const maxTime, maxMemory, maxThreads = 16, 1 << 20, 32
	if c.Time < 1 || c.Time > maxTime || c.Threads < 1 || c.Threads > maxThreads ||
		c.Memory < 8*uint32(c.Threads) || c.Memory > maxMemory {
		return fmt.Errorf("argon2id cost out of range: %d passes, %d KiB, %d threads", c.Time, c.Memory, c.Threads)
	}
	return nil
}

// key is the file key.
func (c Cost) key(passphrase string, salt []byte) secret.Key {
	b := argon2.IDKey([]byte(passphrase), salt, c.Time, c.Memory, c.Threads, keySize)
	defer clear(b)
	return secret.New(b)
}
