package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/vault/vaulttest"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// victims are the programs that are killed. They change a vault without end, or
// wait when they have done what they do; an error ends them.
var victims = map[string]func(path string) error{
	"write": writeUntilKilled, "pin": changePINUntilKilled, "enroll": enrollUntilKilled,
	"batch": saveAllUntilKilled, "create": createAndWait, "upgrade": upgradeAndWait, "guess": guessUntilKilled,
}

// tell does something between saying that it begins and that it is done.
func tell(do func() error, args ...any) error {
	fmt.Print("begin ", fmt.Sprintln(args...))
	if err := do(); err != nil {
		return err
	}
	fmt.Print("done ", fmt.Sprintln(args...))
	return nil
}

func openVictim(path string) (*Vault, error) {
	v, err := Open(path)
	if err != nil {
		return nil, err
	}
	v.slack = 2 // so that it writes the log anew most of the time
	return v, v.Unlock(context.Background(), rightPIN)
}

func writeUntilKilled(path string) error {
	v, err := openVictim(path)
	if err != nil {
		return err
	}
	ctx := context.Background()
	for n := 0; ; n++ {
		p := vaulttest.NewPasskey(1, "example.org", "user")
		p.ID, p.Account.Handle = secret.Random(16).Expose(), secret.Random(16).Expose()
		steps := []error{tell(func() error { return v.Save(ctx, p) }, "save", p.ID, 0)}
		for i := range 3 {
			steps = append(steps, tell(func() error {
				_, err := v.Use(ctx, p.ID, p.CreatedAt)
				return err
			}, "use", p.ID, i+1))
		}
		steps = append(steps, tell(func() error { return v.Rename(ctx, p.ID, "blue") }, "rename", p.ID, 3, "blue"))
		if n%4 != 0 {
			steps = append(steps, tell(func() error { return v.Delete(ctx, p.ID) }, "delete", p.ID))
		}
		if n%5 == 4 { // the header is replaced as well
			steps = append(steps, v.SetSettings(ctx, []byte{byte(n)}))
		}
		if err := errors.Join(steps...); err != nil {
			return err
		}
	}
}

// batches are the sites that saveAllUntilKilled saves passkeys for, and how many
// at once: so many that they take one record, and so many that they do not.
var batches = map[string]int{"few.example": 20, "many.example": 300}

// saveAllUntilKilled replaces all passkeys of a site, again and again. Those of
// one time have a nickname in common.
func saveAllUntilKilled(path string) error {
	v, err := openVictim(path)
	if err != nil {
		return err
	}
	for {
		for site, n := range batches {
			tag := rand.Text()[:8]
			var all []authenticator.Passkey
			for i := range n {
				p := vaulttest.NewPasskey(1, webauthn.RPID(site), fmt.Sprint(i))
				p.ID, p.Nickname = secret.Random(16).Expose(), tag
				all = append(all, p)
			}
			if err := tell(func() error { return v.SaveAll(context.Background(), all) }, "batch", site, tag); err != nil {
				return err
			}
		}
	}
}

func changePINUntilKilled(args string) error {
	path, pin, _ := strings.Cut(args, " ")
	v, err := Open(path)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		next := rand.Text()[:8]
		if err := tell(func() error { return v.ChangePIN(context.Background(), pin, next) }, "change", next); err != nil {
			return err
		}
		pin = next
	}
}

func enrollUntilKilled(path string) error {
	v, err := openVictim(path)
	if err != nil {
		return err
	}
	h, ctx := fileHolder{dir: path + ".keys"}, context.Background()
	if len(v.Holders()) != 0 {
		if err := tell(func() error { return v.Unenroll(ctx, h.Name(), h) }, "unenroll", 0); err != nil {
			return err
		}
	}
	for {
		for range 2 { // the second takes the place of the first
			if err := tell(func() error { return v.Enroll(ctx, rightPIN, h) }, "enroll", 0); err != nil {
				return err
			}
		}
		if err := tell(func() error { return v.Unenroll(ctx, h.Name(), h) }, "unenroll", 0); err != nil {
			return err
		}
	}
}

func createAndWait(path string) error {
	err := tell(func() error {
		_, err := Create(path, rightPIN, WithCost(TestCost))
		return err
	}, "create", 0)
	if err != nil {
		return err
	}
	time.Sleep(time.Hour)
	return nil
}

func upgradeAndWait(path string) error {
	err := tell(func() error {
		v, err := Open(path)
		if err != nil {
			return err
		}
		v.slack = -2 // the log is brought up to date as well
		return v.Unlock(context.Background(), rightPIN)
	}, "open", 0)
	if err != nil {
		return err
	}
	time.Sleep(time.Hour)
	return nil
}

func guessUntilKilled(path string) error {
	v, err := Open(path)
	if err != nil {
		return err
	}
	for range MaxRetries - 1 {
		err := tell(func() error {
			if err := v.Unlock(context.Background(), "9999"); err == nil {
				return errors.New("the wrong PIN opened it")
			}
			return nil
		}, "guess", 0)
		if err != nil {
			return err
		}
	}
	time.Sleep(time.Hour)
	return nil
}

// fileHolder holds keys in files, so that they outlive the program.
type fileHolder struct{ dir string }

func (fileHolder) Name() string { return "file" }

func (h fileHolder) Hold(_ context.Context, _ []byte, key secret.Key) ([]byte, error) {
	blob := rand.Text()
	return []byte(blob), replaceFile(filepath.Join(h.dir, blob), key.Expose())
}

func (h fileHolder) Give(_ context.Context, _, blob []byte) (secret.Key, error) {
	b, err := os.ReadFile(filepath.Join(h.dir, string(blob)))
	if errors.Is(err, fs.ErrNotExist) {
		return secret.Key{}, ErrHolderLost
	}
	return secret.New(b), err
}

func (h fileHolder) Forget(_ context.Context, _, blob []byte) error {
	return removeIfThere(filepath.Join(h.dir, string(blob)))
}
