package grant_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cardea/identity/audit"
	"cardea/identity/grant"
	"cardea/identity/storage"
)

const (
	verifier    = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	challenge   = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	redirectURI = "https://app.example/callback"
)

// world is a Service on a real database, with a clock that stands still.
type world struct {
	*grant.Service
	db *storage.DB

	mu  sync.Mutex
	now time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{now: time.Unix(1_790_000_000, 0)}
	var err error
	if w.db, err = storage.Open(t.Context(), filepath.Join(t.TempDir(), "cardea.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
	})
	w.Service = grant.New(grant.Config{Store: w.db, Now: w.clock})
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func authorization() grant.Authorization {
	return grant.Authorization{
		ClientID: "app", RedirectURI: redirectURI, Challenge: challenge, Scope: grant.ParseScope("openid profile"),
		Nonce: "n-0S6_WzA2Mj", UserID: "maia", SID: "sid", AuthTime: time.Unix(1_789_999_000, 0),
		ACR: "phr", AMR: []string{"pop", "user", "mfa"},
	}
}

func (w *world) issue(t testing.TB) string {
	t.Helper()
	code, err := w.Issue(t.Context(), authorization())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func presentation(code string) grant.Presentation {
	return grant.Presentation{Code: code, ClientID: "app", RedirectURI: redirectURI, Verifier: verifier}
}

func alive(context.Context, grant.Code) error { return nil }

func TestCodeComesBackAsItWasIssued(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, err := w.Redeem(t.Context(), presentation(w.issue(t)), alive)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(authorization(), got.Code.Authorization, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("authorization (-issued +redeemed):\n%s", diff)
	}
	token, err := w.ByToken(t.Context(), got.Token)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got.AccessToken, token, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("access token (-redeemed +found):\n%s", diff)
	}
}

func TestRedeemRefuses(t *testing.T) {
	t.Parallel()
	over := errors.New("session is over")
	tests := []struct {
		name  string
		edit  func(*grant.Presentation)
		wait  time.Duration
		alive func(context.Context, grant.Code) error
		want  error
	}{
		{"a code that nobody issued", func(p *grant.Presentation) { p.Code += "x" }, 0, alive, grant.ErrNoCode},
		{"no code", func(p *grant.Presentation) { p.Code = "" }, 0, alive, grant.ErrNoCode},
		{"another client", func(p *grant.Presentation) { p.ClientID = "other" }, 0, alive, grant.ErrOtherClient},
		{"another redirect URI", func(p *grant.Presentation) { p.RedirectURI += "/" }, 0, alive, grant.ErrOtherRedirect},
		{"another verifier", func(p *grant.Presentation) { p.Verifier = strings.Repeat("v", 43) }, 0, alive, grant.ErrVerifier},
		{"no verifier", func(p *grant.Presentation) { p.Verifier = "" }, 0, alive, grant.ErrVerifier},
		{"the challenge as verifier", func(p *grant.Presentation) { p.Verifier = challenge }, 0, alive, grant.ErrVerifier},
		{"a code of a minute ago", nil, grant.CodeLife, alive, grant.ErrCodeExpired},
		{"a session that is over", nil, 0, func(context.Context, grant.Code) error { return over }, over},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			code := w.issue(t)
			p := presentation(code)
			if tt.edit != nil {
				tt.edit(&p)
			}
			w.wait(tt.wait)
			if _, err := w.Redeem(t.Context(), p, tt.alive); !errors.Is(err, tt.want) {
				t.Fatalf("Redeem() = %v, want %v", err, tt.want)
			}
			if tt.wait > 0 {
				return
			}
			// None of these may spoil the code for whom it belongs to.
			if _, err := w.Redeem(t.Context(), presentation(code), alive); err != nil {
				t.Errorf("Redeem() of the rightful client afterwards = %v", err)
			}
		})
	}
}

func TestCodeIsGoodUntilTheLastMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.issue(t)
	w.wait(grant.CodeLife - time.Millisecond)
	if _, err := w.Redeem(t.Context(), presentation(code), alive); err != nil {
		t.Errorf("Redeem() = %v", err)
	}
}

func TestRedirectURINeedNotBeRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := presentation(w.issue(t))
	p.RedirectURI = ""
	if _, err := w.Redeem(t.Context(), p, alive); err != nil {
		t.Errorf("Redeem() = %v", err)
	}
}

func TestSpentCodeEndsItsToken(t *testing.T) {
	t.Parallel()
	// A copy may show up long after the code itself has expired.
	for _, later := range []time.Duration{0, 30 * time.Second, 30 * time.Minute} {
		t.Run(later.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			code := w.issue(t)
			first, err := w.Redeem(t.Context(), presentation(code), alive)
			if err != nil {
				t.Fatal(err)
			}
			w.wait(later)
			if _, err := w.ByToken(t.Context(), first.Token); err != nil {
				t.Fatalf("ByToken() before the copy = %v", err)
			}
			if _, err := w.Redeem(t.Context(), presentation(code), alive); !errors.Is(err, grant.ErrCodeSpent) {
				t.Fatalf("second Redeem() = %v, want ErrCodeSpent", err)
			}
			if _, err := w.ByToken(t.Context(), first.Token); !errors.Is(err, grant.ErrNoToken) {
				t.Errorf("ByToken() after the copy = %v, want ErrNoToken", err)
			}
		})
	}
}

func TestSpentCodeWithoutVerifierEndsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.issue(t)
	first, err := w.Redeem(t.Context(), presentation(code), alive)
	if err != nil {
		t.Fatal(err)
	}
	p := presentation(code)
	p.Verifier = ""
	if _, err := w.Redeem(t.Context(), p, alive); !errors.Is(err, grant.ErrVerifier) {
		t.Fatalf("second Redeem() = %v, want ErrVerifier", err)
	}
	if _, err := w.ByToken(t.Context(), first.Token); err != nil {
		t.Errorf("ByToken() = %v", err)
	}
}

func TestOneOfManyRedemptionsWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.issue(t)
	errs := make([]error, 100)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { _, errs[i] = w.Redeem(t.Context(), presentation(code), alive) })
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, grant.ErrCodeSpent):
			t.Errorf("Redeem() = %v, want nil or ErrCodeSpent", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d redemptions won, want 1", won, len(errs))
	}
}

func TestAccessTokenExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, err := w.Redeem(t.Context(), presentation(w.issue(t)), alive)
	if err != nil {
		t.Fatal(err)
	}
	w.wait(grant.TokenLife - time.Millisecond)
	if _, err := w.ByToken(t.Context(), got.Token); err != nil {
		t.Errorf("ByToken() in its last moment = %v", err)
	}
	w.wait(time.Millisecond)
	if _, err := w.ByToken(t.Context(), got.Token); !errors.Is(err, grant.ErrNoToken) {
		t.Errorf("ByToken() after that = %v, want ErrNoToken", err)
	}
}

func TestCodeIsNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.ByToken(t.Context(), w.issue(t)); !errors.Is(err, grant.ErrNoToken) {
		t.Errorf("ByToken(code) = %v, want ErrNoToken", err)
	}
}

func TestSweepKeepsTombstones(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.issue(t)
	if _, err := w.Redeem(t.Context(), presentation(code), alive); err != nil {
		t.Fatal(err)
	}
	redeemAgain := func() error {
		if err := w.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := w.Redeem(t.Context(), presentation(code), alive)
		return err
	}
	w.wait(grant.Tombstone)
	if err := redeemAgain(); !errors.Is(err, grant.ErrCodeSpent) {
		t.Errorf("Redeem() after an hour = %v, want ErrCodeSpent", err)
	}
	w.wait(grant.CodeLife)
	if err := redeemAgain(); !errors.Is(err, grant.ErrNoCode) {
		t.Errorf("Redeem() after the tombstone = %v, want ErrNoCode", err)
	}
}

func TestIssuingWritesAnEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := audit.With(t.Context(), audit.Request{Reference: "7F3C-91DA-20B8", Address: "192.0.2.7", UserAgent: "test"})
	if _, err := w.Issue(ctx, authorization()); err != nil {
		t.Fatal(err)
	}
	got, err := audit.New(w.db).ByUser(t.Context(), "maia", 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []audit.Event{{
		Time: w.clock(), Kind: audit.ClientSignIn, UserID: "maia", Client: "app", Outcome: audit.Done,
		Reference: "7F3C-91DA-20B8", Address: "192.0.2.7", UserAgent: "test",
	}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(audit.Event{}, "ID"), cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestChallengeIsAnsweredOnlyByItsVerifier(t *testing.T) {
	t.Parallel()
	s256 := func(v string) grant.Challenge {
		sum := sha256.Sum256([]byte(v))
		return grant.Challenge(base64.RawURLEncoding.EncodeToString(sum[:]))
	}
	long := strings.Repeat("a", 128)
	tests := []struct {
		name      string
		challenge grant.Challenge
		verifier  string
		want      bool
	}{
		{"the example of RFC 7636", challenge, verifier, true},
		{"the longest", s256(long), long, true},
		{"one character more", s256(long + "a"), long + "a", false},
		{"one character less than the shortest", s256(verifier[1:]), verifier[1:], false},
		{"a character outside of the set", s256(verifier + "+"), verifier + "+", false},
		{"no challenge and no verifier", "", "", false},
		{"no challenge", "", verifier, false},
	}
	for _, tt := range tests {
		if got := tt.challenge.Answers(tt.verifier); got != tt.want {
			t.Errorf("%s: Answers() = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestParseChallengeWantsASHA256(t *testing.T) {
	t.Parallel()
	if _, err := grant.ParseChallenge(challenge); err != nil {
		t.Errorf("ParseChallenge(%q) = %v", challenge, err)
	}
	for _, bad := range []string{"", challenge[1:], challenge + "A", challenge + "=", strings.Replace(challenge, "-", "+", 1), challenge[:42] + "N"} {
		if _, err := grant.ParseChallenge(bad); !errors.Is(err, grant.ErrChallenge) {
			t.Errorf("ParseChallenge(%q) = %v, want ErrChallenge", bad, err)
		}
	}
}

func FuzzParseChallenge(f *testing.F) {
	f.Add(challenge)
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := grant.ParseChallenge(s)
		if err == nil && (string(c) != s || len(c) != 43) {
			t.Errorf("ParseChallenge(%q) = %q", s, c)
		}
		if c.Answers(s) {
			t.Errorf("%q answers itself", s)
		}
	})
}

func TestScopeDropsDoubles(t *testing.T) {
	t.Parallel()
	s := grant.ParseScope(" openid  profile openid ")
	if s.String() != "openid profile" || !s.Has("profile") || s.Has("email") {
		t.Errorf("ParseScope() = %q", s)
	}
}

func BenchmarkRedeem(b *testing.B) {
	w := newWorld(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := w.Redeem(b.Context(), presentation(w.issue(b)), alive); err != nil {
				b.Error(err)
			}
		}
	})
}
