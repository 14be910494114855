package signin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// An Account is one issuer's tokens on this machine.
type Account struct {
	Issuer string
	Store  Store
	// Folder is where processes meet that refresh the same tokens.
	Folder string
	// Connect returns a Client; it is called only if the provider is needed.
	Connect func(ctx context.Context) (*Client, error)
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

func (a *Account) now() time.Time {
	if a.Now == nil {
		return time.Now()
	}
	return a.Now()
}

// Current returns kept tokens of which the one that is needed is good for a
// minute at least, and refreshes them if it is not. ErrNotSignedIn or
// ErrSignedOut: the person has to sign in; what was kept is forgotten.
func (a *Account) Current(ctx context.Context, need Need) (Tokens, error) {
	t, err := a.Store.Load(a.Issuer)
	if err != nil || t.Good(need, a.now()) {
		return t, err
	}
	return a.refresh(ctx, func(t Tokens) bool { return !t.Good(need, a.now()) })
}

// Renew refreshes the tokens although they look good, unless another process
// has done so: somebody has found that rejected, the access token, is not.
func (a *Account) Renew(ctx context.Context, rejected string) (Tokens, error) {
	return a.refresh(ctx, func(t Tokens) bool { return t.AccessToken == rejected })
}

// refresh takes its turn, looks again, and refreshes if stale says so.
func (a *Account) refresh(ctx context.Context, stale func(Tokens) bool) (Tokens, error) {
	release, err := a.turn(ctx)
	if err != nil {
		return Tokens{}, err
	}
	defer release()
	t, err := a.Store.Load(a.Issuer)
	if err != nil || !stale(t) {
		return t, err
	}
	c, err := a.Connect(ctx)
	if err != nil {
		return Tokens{}, err
	}
	next, err := c.Refresh(ctx, t)
	if errors.Is(err, ErrSignedOut) {
		return Tokens{}, errors.Join(err, a.Store.Forget(a.Issuer))
	}
	if err != nil {
		return Tokens{}, err
	}
	return next, a.Store.Save(next)
}

// Keep keeps the tokens of a new sign-in.
func (a *Account) Keep(ctx context.Context, t Tokens) error {
	release, err := a.turn(ctx)
	if err != nil {
		return err
	}
	defer release()
	return a.Store.Save(t)
}

// SignOut gives the tokens back and forgets them. They are forgotten also if the
// provider cannot be told: then the error says so.
func (a *Account) SignOut(ctx context.Context) error {
	release, err := a.turn(ctx)
	if err != nil {
		return err
	}
	defer release()
	t, err := a.Store.Load(a.Issuer)
	if err != nil {
		return errors.Join(err, a.Store.Forget(a.Issuer))
	}
	c, err := a.Connect(ctx)
	if err == nil {
		err = c.Revoke(ctx, t)
	}
	return errors.Join(err, a.Store.Forget(a.Issuer))
}

// lookAgain is how often a lock that another process holds is tried.
const lookAgain = 20 * time.Millisecond

// turn waits until no other process is at the tokens.
func (a *Account) turn(ctx context.Context) (release func(), err error) {
	if err := os.MkdirAll(a.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for tokens: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(a.Folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("waiting for other programs: %w", err)
	}
	for {
		err := tryLock(f)
		if err == nil {
			return func() { unlock(f); f.Close() }, nil
		}
		if !errors.Is(err, errLocked) {
			return nil, errors.Join(fmt.Errorf("waiting for other programs: %w", err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		case <-time.After(lookAgain):
		}
	}
}
