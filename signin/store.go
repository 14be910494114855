package signin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/zalando/go-keyring"
)

// ErrNotSignedIn says that nothing is kept for an issuer.
var ErrNotSignedIn = errors.New("not signed in")

// ErrUnreadable says that what is kept for an issuer is no set of tokens of it.
// The next that are saved take its place.
var ErrUnreadable = errors.New("what was kept of the last sign-in cannot be read")

// A Store keeps tokens, one set for each issuer.
type Store interface {
	// Name says where, for people.
	Name() string
	// Load returns what is kept for issuer, or ErrNotSignedIn, or ErrUnreadable.
	Load(issuer string) (Tokens, error)
	Save(t Tokens) error
	// Forget of an issuer that nothing is kept for is no error.
	Forget(issuer string) error
}

// Files keeps each set in a file of mode 0600. The folder has mode 0700 if it was
// not there.
type Files struct{ Folder string }

var _ Store = Files{}

// Name is the folder.
func (f Files) Name() string { return f.Folder }

// path is a name that a person recognizes, and that no two issuers share.
func (f Files) path(issuer string) string {
	host := "issuer"
	if u, err := url.Parse(issuer); err == nil && u.Hostname() != "" {
		host = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
				return r
			}
			return '_'
		}, u.Hostname())
	}
	sum := sha256.Sum256([]byte(issuer))
	return filepath.Join(f.Folder, host+"-"+hex.EncodeToString(sum[:6])+".json")
}

// Load refuses a file that others may read: its tokens may be theirs already.
func (f Files) Load(issuer string) (Tokens, error) {
	path := f.path(issuer)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Tokens{}, ErrNotSignedIn
	}
	if err != nil {
		return Tokens{}, fmt.Errorf("reading tokens: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return Tokens{}, fmt.Errorf("%s can be read by others (%v); sign out and in again", path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Tokens{}, fmt.Errorf("reading tokens: %w", err)
	}
	return decode(b, issuer)
}

// Save replaces the file in one step: who reads it sees the old or the new.
func (f Files) Save(t Tokens) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("keeping tokens: %w", err)
		}
	}()
	if err := os.MkdirAll(f.Folder, 0o700); err != nil {
		return err
	}
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(f.Folder, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone already, if all went well
	_, err = file.Write(b)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), f.path(t.Issuer))
}

// Forget removes the file.
func (f Files) Forget(issuer string) error {
	if err := os.Remove(f.path(issuer)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting tokens: %w", err)
	}
	return nil
}

// Keyring keeps tokens in the desktop's own place for secrets: the Secret
// Service, the Keychain, the Credential Manager.
type Keyring struct{}

var _ Store = Keyring{}

// keyringService is what the keyring shows people.
const keyringService = "Cardea"

// HasKeyring reports whether there is likely to be a keyring. Where there is no
// session bus, asking for one would try to start it.
func HasKeyring() bool {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" || os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(dir, "bus"))
	return err == nil
}

// Name is "your keyring".
func (Keyring) Name() string { return "your keyring" }

// Load implements Store.
func (Keyring) Load(issuer string) (Tokens, error) {
	text, err := keyring.Get(keyringService, issuer)
	if errors.Is(err, keyring.ErrNotFound) {
		return Tokens{}, ErrNotSignedIn
	}
	if err != nil {
		return Tokens{}, fmt.Errorf("reading your keyring: %w", err)
	}
	return decode([]byte(text), issuer)
}

// Save implements Store.
func (Keyring) Save(t Tokens) error {
	b, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("keeping tokens: %w", err)
	}
	if err := keyring.Set(keyringService, t.Issuer, string(b)); err != nil {
		return fmt.Errorf("keeping tokens in your keyring: %w", err)
	}
	return nil
}

// Forget implements Store.
func (Keyring) Forget(issuer string) error {
	if err := keyring.Delete(keyringService, issuer); err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return fmt.Errorf("forgetting what is in your keyring: %w", err)
	}
	return nil
}

// Either keeps tokens in First, or in Second if First cannot. It reads both,
// First first.
type Either struct{ First, Second Store }

var _ Store = Either{}

// Name names both.
func (e Either) Name() string { return e.First.Name() + " or " + e.Second.Name() }

// Load implements Store.
func (e Either) Load(issuer string) (Tokens, error) {
	t, err := e.First.Load(issuer)
	if err == nil {
		return t, nil
	}
	t, second := e.Second.Load(issuer)
	if errors.Is(second, ErrNotSignedIn) && !errors.Is(err, ErrNotSignedIn) {
		return t, errors.Join(ErrNotSignedIn, err)
	}
	return t, second
}

// Holder returns which of the two keeps what there is for issuer.
func (e Either) Holder(issuer string) Store {
	if _, err := e.First.Load(issuer); err == nil {
		return e.First
	}
	return e.Second
}

// Save leaves nothing old in the other place.
func (e Either) Save(t Tokens) error {
	if err := e.First.Save(t); err == nil {
		return e.Second.Forget(t.Issuer)
	}
	return e.Second.Save(t)
}

// Forget forgets in both. A First that cannot be asked has kept nothing.
func (e Either) Forget(issuer string) error {
	_ = e.First.Forget(issuer)
	return e.Second.Forget(issuer)
}

// decode reads what was kept for issuer.
func decode(b []byte, issuer string) (Tokens, error) {
	var t Tokens
	if err := json.Unmarshal(b, &t); err != nil || t.Issuer != issuer || t.ClientID == "" {
		return Tokens{}, ErrUnreadable
	}
	return t, nil
}
