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

// Unlock tries the secret and, if it is right, makes the passkeys readable. On
// a vault that is unlocked it is Verify. A wrong secret is a *PINError, or
// ErrBlocked if no attempt is left; a secret that cannot be right is ErrPolicy
// and costs no attempt.
func (v *Vault) Unlock(ctx context.Context, pin string) error {
	v.attempts.Lock()
	defer v.attempts.Unlock()
	k, err := v.try(ctx, pin)
	if err != nil {
		return err
	}
	defer k.key.Wipe()
	return v.unlock(k)
}

// unlock reads the log. The caller holds attempts.
func (v *Vault) unlock(k unwrapped) error {
	v.mu.RLock()
	h, open := v.header, v.open != nil
	v.mu.RUnlock()
	if open {
		v.begun()
		return nil
	}
	if err := h.checkSettings(k.key); err != nil {
		return fmt.Errorf("unlocking vault: %w", err)
	}
	read := openContents
	if h.Fresh {
		read = createContents
	}
	c, err := read(filepath.Join(v.path, logFile), k)
	if err != nil {
		return fmt.Errorf("unlocking vault: %w", err)
	}
	if h.Fresh {
		h.Fresh = false
		if err := v.writeHeader(h); err != nil {
			c.close()
			return fmt.Errorf("unlocking vault: %w", err)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open = c
	v.begun()
	v.tidy()
	return nil
}

// Verify tries the secret and changes nothing but the count of attempts. Its
// errors are those of Unlock.
func (v *Vault) Verify(ctx context.Context, pin string) error {
	v.attempts.Lock()
	defer v.attempts.Unlock()
	k, err := v.try(ctx, pin)
	k.key.Wipe()
	return err
}

// ChangePIN replaces the secret by another of the same kind. Errors about the
// old one are those of Unlock; the new one may be ErrPolicy.
func (v *Vault) ChangePIN(ctx context.Context, old, new string) error {
	return v.ChangeSecret(ctx, old, v.Kind(), new)
}

// ChangeSecret replaces the secret, and perhaps its kind.
func (v *Vault) ChangeSecret(ctx context.Context, old string, kind Kind, new string) error {
	if err := CheckPolicy(kind, new); err != nil {
		return fmt.Errorf("new %w", err)
	}
	v.attempts.Lock()
	defer v.attempts.Unlock()
	k, err := v.try(ctx, old)
	if err != nil {
		return err
	}
	defer k.key.Wipe()
	h := v.header // nobody changes it while we hold attempts
	h.Kind = kind
	if err := h.wrap(new, k.key); err != nil {
		return fmt.Errorf("changing secret: %w", err)
	}
	if err := v.writeHeader(h); err != nil {
		return fmt.Errorf("changing secret: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open != nil {
		v.open.pinLength = lengthOf(kind, new)
	}
	return nil
}

// try spends an attempt on the secret and returns the vault key. The caller
// holds attempts.
func (v *Vault) try(ctx context.Context, pin string) (unwrapped, error) {
	h, err := v.mayTry(ctx)
	if err != nil {
		return unwrapped{}, err
	}
	if err := CheckPolicy(h.Kind, pin); err != nil {
		return unwrapped{}, err
	}
	return v.tryProof(h, proofOf(h.Kind, pin))
}

// mayTry returns the header, unless no attempt is left.
func (v *Vault) mayTry(ctx context.Context) (header, error) {
	if err := ctx.Err(); err != nil {
		return header{}, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	switch {
	case v.closed:
		return header{}, ErrClosed
	case v.header.Retries == 0:
		return header{}, ErrBlocked
	}
	return v.header, nil
}

func (v *Vault) tryProof(h header, proof []byte) (unwrapped, error) {
	// Counted before it is tried, or cutting the power would win an attempt.
	h.Retries--
	if err := v.writeHeader(h); err != nil {
		return unwrapped{}, fmt.Errorf("counting the attempt: %w", err)
	}
	k, right := h.unwrap(proof)
	if !right {
		if h.Retries == 0 {
			v.Lock() // nobody may go on by a sensor with what is blocked
			return unwrapped{}, ErrBlocked
		}
		return unwrapped{}, &PINError{Retries: int(h.Retries)}
	}
	h.Retries = MaxRetries
	if err := v.writeHeader(h); err != nil {
		k.key.Wipe()
		return unwrapped{}, fmt.Errorf("counting the attempt: %w", err)
	}
	return k, nil
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
