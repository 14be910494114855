package signin_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zalando/go-keyring"

	"cardea/signin"
)

func someTokens(issuer string) signin.Tokens {
	now := time.Now().UTC().Truncate(time.Second)
	return signin.Tokens{
		Issuer: issuer, ClientID: "cardea-cli", Subject: "maia-id", Username: "maia", SignedIn: now,
		AccessToken: "access", AccessExpires: now.Add(time.Hour), IDToken: "id", IDExpires: now.Add(10 * time.Minute), RefreshToken: "r0",
	}
}

// testStore is what every Store does.
func testStore(t *testing.T, s signin.Store) {
	t.Helper()
	const here, there = "https://login.example.org", "https://login.example.org:8443"
	if _, err := s.Load(here); !errors.Is(err, signin.ErrNotSignedIn) {
		t.Errorf("Load() of nothing = %v", err)
	}
	if err := s.Forget(here); err != nil {
		t.Errorf("Forget() of nothing = %v", err)
	}
	for _, issuer := range []string{here, there} {
		if err := s.Save(someTokens(issuer)); err != nil {
			t.Fatal(err)
		}
	}
	again := someTokens(here)
	again.AccessToken = "newer"
	if err := s.Save(again); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Load(here); err != nil || cmp.Diff(again, got) != "" {
		t.Errorf("Load() = %v, %v\n%s", got, err, cmp.Diff(again, got))
	}
	if err := s.Forget(here); err != nil {
		t.Error(err)
	}
	if _, err := s.Load(here); !errors.Is(err, signin.ErrNotSignedIn) {
		t.Errorf("Load() after Forget() = %v", err)
	}
	if got, err := s.Load(there); err != nil || got.Issuer != there {
		t.Errorf("Load() of the other issuer = %v, %v", got, err)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	testStore(t, signin.Files{Folder: filepath.Join(t.TempDir(), "a", "b")})
}

// Not parallel: there is one keyring in a process.
func TestKeyring(t *testing.T) {
	keyring.MockInit()
	testStore(t, signin.Keyring{})
	keyring.MockInit()
	files := signin.Files{Folder: t.TempDir()}
	testStore(t, signin.Either{First: signin.Keyring{}, Second: files})

	keyring.MockInitWithError(errors.New("locked"))
	testStore(t, signin.Either{First: signin.Keyring{}, Second: signin.Files{Folder: t.TempDir()}})
	if _, err := (signin.Keyring{}).Load("https://login.example.org"); err == nil || errors.Is(err, signin.ErrNotSignedIn) {
		t.Errorf("Load() of a keyring that is locked = %v, want its error", err)
	}

	// What went into the file when there was no keyring leaves it when there is.
	keyring.MockInit()
	old := someTokens("https://login.example.org")
	if err := files.Save(old); err != nil {
		t.Fatal(err)
	}
	if err := (signin.Either{First: signin.Keyring{}, Second: files}).Save(old); err != nil {
		t.Fatal(err)
	}
	either := signin.Either{First: signin.Keyring{}, Second: files}
	if got := either.Holder(old.Issuer).Name(); got != "your keyring" {
		t.Errorf("Holder() = %s, want the keyring", got)
	}
	if got := either.Holder("https://other.example").Name(); got != files.Folder {
		t.Errorf("Holder() of what the keyring has not = %s, want the folder", got)
	}
	if _, err := files.Load(old.Issuer); !errors.Is(err, signin.ErrNotSignedIn) {
		t.Errorf("the file is still there: %v", err)
	}
}

func TestFilesAreTheirOwners(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "tokens")
	s := signin.Files{Folder: dir}
	tokens := someTokens("https://login.example.org")
	if err := s.Save(tokens); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("folder holds %v, %v", entries, err)
	}
	path := filepath.Join(dir, entries[0].Name())
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file: %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(tokens.Issuer); err == nil {
		t.Error("tokens that others could read were taken")
	}
	if err := s.Save(tokens); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(tokens.Issuer); err != nil {
		t.Errorf("after saving anew: %v", err)
	}
	for _, bad := range []string{"", "{", "null", "{}", `{"issuer":"https://other.example","client_id":"x"}`} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Load(tokens.Issuer); !errors.Is(err, signin.ErrUnreadable) {
			t.Errorf("Load() of %q = %v, %v", bad, got, err)
		}
	}
}

func (p *idp) account() *signin.Account {
	dir := p.t.TempDir()
	return &signin.Account{
		Issuer: p.srv.URL, Store: signin.Files{Folder: dir}, Folder: dir,
		Connect: func(ctx context.Context) (*signin.Client, error) {
			return signin.Discover(ctx, p.srv.URL, signin.Config{})
		},
	}
}

func TestAccountRefreshesWhatIsOld(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	a := p.account()
	if _, err := a.Current(t.Context(), signin.NeedID); !errors.Is(err, signin.ErrNotSignedIn) {
		t.Errorf("Current() = %v, want ErrNotSignedIn", err)
	}
	if err := a.Keep(t.Context(), p.signIn()); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	a.Now = func() time.Time { return now }
	for _, tt := range []struct {
		later time.Duration
		need  signin.Need
		want  string // refresh token that is kept then
	}{
		{8 * time.Minute, signin.NeedID, "r0"},
		{10 * time.Minute, signin.NeedAccess, "r0"},
		{10 * time.Minute, signin.NeedID, "r1"},
		{61 * time.Minute, signin.NeedAccess, "r2"},
	} {
		now = time.Now().Add(tt.later)
		if got, err := a.Current(t.Context(), tt.need); err != nil || got.RefreshToken != tt.want {
			t.Errorf("Current(%s) after %v = %s, %v, want %s", tt.need, tt.later, got.RefreshToken, err, tt.want)
		}
	}
}

func TestManyAtOnceRefreshOnce(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	a := p.account()
	first := p.signIn()
	first.IDExpires = time.Now()
	if err := a.Keep(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got, err := a.Current(t.Context(), signin.NeedID); err != nil || got.RefreshToken != "r1" {
				t.Errorf("Current() = %s, %v", got.RefreshToken, err)
			}
		})
	}
	all.Wait()
}

func TestEndedSignInIsForgotten(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	a := p.account()
	first := p.signIn()
	first.IDExpires, first.RefreshToken = time.Now(), "stolen and used"
	if err := a.Keep(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Current(t.Context(), signin.NeedID); !errors.Is(err, signin.ErrSignedOut) {
		t.Errorf("Current() = %v, want ErrSignedOut", err)
	}
	if _, err := a.Store.Load(a.Issuer); !errors.Is(err, signin.ErrNotSignedIn) {
		t.Errorf("Load() = %v, want ErrNotSignedIn", err)
	}
}

// A provider that cannot be reached is no reason to forget a sign-in.
func TestTroubleOnTheWayKeepsTheTokens(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	a := p.account()
	first := p.signIn()
	first.IDExpires = time.Now()
	if err := a.Keep(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	p.srv.Close()
	if _, err := a.Current(t.Context(), signin.NeedID); err == nil || errors.Is(err, signin.ErrSignedOut) || errors.Is(err, signin.ErrNotSignedIn) {
		t.Errorf("Current() = %v", err)
	}
	if _, err := a.Store.Load(a.Issuer); err != nil {
		t.Errorf("Load() = %v", err)
	}
	if err := a.SignOut(t.Context()); err == nil {
		t.Error("SignOut() said nothing of a provider that could not be told")
	}
	if _, err := a.Store.Load(a.Issuer); !errors.Is(err, signin.ErrNotSignedIn) {
		t.Errorf("Load() after SignOut() = %v, want ErrNotSignedIn", err)
	}
}

func TestRenewIsForTheRejectedTokenOnly(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	a := p.account()
	if err := a.Keep(t.Context(), p.signIn()); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Renew(t.Context(), "another"); err != nil || got.AccessToken != "access0" {
		t.Errorf("Renew(another) = %s, %v", got.AccessToken, err)
	}
	if got, err := a.Renew(t.Context(), "access0"); err != nil || got.AccessToken != "access1" {
		t.Errorf("Renew(access0) = %s, %v", got.AccessToken, err)
	}
}
