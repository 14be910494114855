package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"cardea/authenticator"
	"cardea/internal/secret"
)

// What a vault says when it cannot be had.
var (
	ErrInUse   = errors.New("vault is in use by another program")
	ErrNone    = errors.New("there is no vault here")
	ErrExists  = errors.New("there is a vault here already")
	ErrDamaged = errors.New("vault is damaged")
	ErrClosed  = errors.New("vault is closed")
	ErrNewer   = errors.New("vault was written by a newer program")
)

// Names of the files of a vault.
const (
	headerFile = "header"
	logFile    = "passkeys"
	lockFile   = "lock"
)

// A Vault is one folder of passkeys, open in this program and in no other. It
// implements authenticator.Vault.
type Vault struct {
	path string
	lock *os.File

	// attempts is held while a secret is tried or changed, which takes a good
	// part of a second. It is taken before mu.
	attempts sync.Mutex

	mu     sync.RWMutex
	header header
	open   *contents // nil while locked
	closed bool
	slack  int // records before a log is rewritten

	idle       idle           // has a mutex of its own, taken after mu
	background sync.WaitGroup // what Close waits for
}

var _ authenticator.Vault = (*Vault)(nil)

type options struct {
	kind Kind
	cost Cost
}

// An Option changes what Create makes.
type Option func(*options)

// WithKind chooses the kind of secret; without it that is PIN.
func WithKind(k Kind) Option { return func(o *options) { o.kind = k } }

// WithCost chooses what an attempt at the secret costs; without it that is
// DefaultCost. The cost stays with the vault, through changes of the secret.
func WithCost(c Cost) Option { return func(o *options) { o.cost = c } }

// Exists reports whether there is a vault at path, whether or not it is in use.
func Exists(path string) bool {
	_, err := os.Stat(filepath.Join(path, headerFile))
	return err == nil
}

// Create makes an empty vault in the folder path and returns it unlocked. It
// returns ErrExists if there is one already, and ErrPolicy if the secret will
// not do.
func Create(path, pin string, opts ...Option) (*Vault, error) {
	o := options{kind: PIN, cost: DefaultCost}
	for _, opt := range opts {
		opt(&o)
	}
	if err := CheckPolicy(o.kind, pin); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("creating vault: %w", err)
	}
	lock, err := takeLock(filepath.Join(path, lockFile))
	if err != nil {
		return nil, fmt.Errorf("creating vault: %w", err)
	}
	v := &Vault{path: path, lock: lock, slack: defaultSlack}
	if err := v.create(o, pin); err != nil {
		releaseLock(lock)
		return nil, fmt.Errorf("creating vault: %w", err)
	}
	return v, nil
}

func (v *Vault) create(o options, pin string) error {
	if Exists(v.path) {
		return ErrExists
	}
	vaultKey := secret.Random(keySize)
	h, err := newHeader(o.kind, o.cost)
	if err != nil {
		return err
	}
	if err := h.wrap(pin, vaultKey); err != nil {
		return err
	}
	// The log first: the header is what makes a vault.
	k := unwrapped{key: vaultKey, length: lengthOf(o.kind, pin)}
	if v.open, err = createContents(filepath.Join(v.path, logFile), k); err != nil {
		return err
	}
	return v.writeHeader(h)
}

// Open opens the vault at path, locked unless it has no secret. The caller
// closes it.
func Open(path string) (*Vault, error) {
	v, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("opening vault: %w", err)
	}
	return v, nil
}

func open(path string) (*Vault, error) {
	if !Exists(path) {
		return nil, ErrNone
	}
	lock, err := takeLock(filepath.Join(path, lockFile))
	if err != nil {
		return nil, err
	}
	h, err := readHeader(filepath.Join(path, headerFile))
	if err == nil {
		err = removeUnfinished(path)
	}
	if err != nil {
		releaseLock(lock)
		return nil, err
	}
	v := &Vault{path: path, lock: lock, header: h, slack: defaultSlack}
	if h.Version < formatVersion {
		// Older programs must know that they cannot write it any more.
		h.Version = formatVersion
		if err := v.writeHeader(h); err != nil {
			releaseLock(lock)
			return nil, fmt.Errorf("bringing it up to date: %w", err)
		}
	}
	if h.Kind == NoPIN {
		if err := v.Unlock(context.Background(), ""); err != nil {
			releaseLock(lock)
			return nil, err
		}
	}
	return v, nil
}

// Erase destroys the vault at path and every passkey in it. There is no way
// back. It returns ErrInUse while the vault is open anywhere.
func Erase(path string) error {
	if err := erase(path); err != nil {
		return fmt.Errorf("erasing vault: %w", err)
	}
	return nil
}

func erase(path string) error {
	if !Exists(path) {
		return ErrNone
	}
	lock, err := takeLock(filepath.Join(path, lockFile))
	if err != nil {
		return err
	}
	defer releaseLock(lock)
	// The header first: without the wrapped key in it the rest says nothing.
	for _, name := range []string{headerFile, logFile, logFile + tornSuffix} {
		if err := os.Remove(filepath.Join(path, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := removeUnfinished(path); err != nil {
		return err
	}
	return syncDir(path)
}

// Close locks the vault and lets other programs have it.
func (v *Vault) Close() error {
	err := v.close()
	v.background.Wait()
	return err
}

func (v *Vault) close() error {
	v.LockAfter(0)
	v.attempts.Lock()
	defer v.attempts.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil
	}
	v.closed = true
	if v.open != nil {
		v.open.close()
		v.open = nil
	}
	return releaseLock(v.lock)
}

// Kind returns the kind of secret that opens the vault.
func (v *Vault) Kind() Kind {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.header.Kind
}

// Retries returns how many wrong attempts are left. Zero means blocked.
func (v *Vault) Retries() int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return int(v.header.Retries)
}

// Locked reports whether the passkeys are out of reach.
func (v *Vault) Locked() bool {
	v.lockIfExpired()
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.open == nil
}

// Lock forgets the keys until the next Unlock. A method that is under way ends
// first.
// A vault without a secret stays open.
func (v *Vault) Lock() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open != nil && v.header.Kind != NoPIN {
		v.open.close()
		v.open = nil
		v.tellLocked()
	}
}

func (v *Vault) writeHeader(h header) error {
	if err := replaceFile(filepath.Join(v.path, headerFile), h.encode()); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.header = h
	return nil
}
