package grant_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cardea/identity/audit"
	"cardea/identity/grant"
)

func living(context.Context, grant.Family) error { return nil }

// stay redeems a code whose client may stay signed in.
func (w *world) stay(t testing.TB) grant.Redeemed {
	t.Helper()
	a := authorization()
	a.Scope = grant.ParseScope("openid profile offline_access")
	code, err := w.Issue(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.Redeem(t.Context(), presentation(code), alive)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (w *world) refresh(t testing.TB, token string) (grant.Refreshed, error) {
	t.Helper()
	return w.Refresh(t.Context(), grant.Refresh{Token: token, ClientID: "app"}, living)
}

func (w *world) mustRefresh(t testing.TB, token string) grant.Refreshed {
	t.Helper()
	got, err := w.refresh(t, token)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// over fails the test unless neither token opens anything.
func (w *world) over(t testing.TB, access, refresh string) {
	t.Helper()
	if _, err := w.ByToken(t.Context(), access); !errors.Is(err, grant.ErrNoToken) {
		t.Errorf("ByToken() = %v, want ErrNoToken", err)
	}
	if _, err := w.refresh(t, refresh); !errors.Is(err, grant.ErrNoRefresh) {
		t.Errorf("Refresh() = %v, want ErrNoRefresh", err)
	}
}

func TestRefreshTokenComesOnlyWithItsScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, err := w.Redeem(t.Context(), presentation(w.issue(t)), alive)
	if err != nil || got.Refresh != "" {
		t.Errorf("Redeem() without offline_access = %q, %v; want no refresh token", got.Refresh, err)
	}
	if r := w.stay(t).Refresh; !strings.HasPrefix(r, "crt_") || len(r) != 47 {
		t.Errorf("refresh token = %q", r)
	}
}

func TestRefreshGivesWhatWasGranted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.stay(t)
	w.wait(time.Hour)
	got := w.mustRefresh(t, first.Refresh)
	want := grant.Family{
		ID: first.Code.Hash, ClientID: "app", UserID: "maia", SID: "sid", Scope: grant.ParseScope("openid profile offline_access"),
		AuthTime: time.Unix(1_789_999_000, 0), ACR: "phr", AMR: []string{"pop", "user", "mfa"},
		Issued: w.clock().Add(-time.Hour), Expires: w.clock().Add(grant.FamilyLife - time.Hour),
	}
	if diff := cmp.Diff(want, got.Family, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("family (-want +got):\n%s", diff)
	}
	if got.Refresh == first.Refresh || got.Token == first.Token || !got.AccessToken.Expires.Equal(w.clock().Add(grant.TokenLife)) {
		t.Errorf("refreshed = %+v, want everything new", got)
	}
	if _, err := w.ByToken(t.Context(), got.Token); err != nil {
		t.Errorf("ByToken() = %v", err)
	}
}

func TestRefreshRefuses(t *testing.T) {
	t.Parallel()
	over := errors.New("session is over")
	for _, tt := range []struct {
		name  string
		edit  func(*grant.Refresh)
		wait  time.Duration
		alive func(context.Context, grant.Family) error
		want  error
	}{
		{"a token that nobody issued", func(r *grant.Refresh) { r.Token += "x" }, 0, living, grant.ErrNoRefresh},
		{"no token", func(r *grant.Refresh) { r.Token = "" }, 0, living, grant.ErrNoRefresh},
		{"another client", func(r *grant.Refresh) { r.ClientID = "other" }, 0, living, grant.ErrOtherClient},
		{"more than was granted", func(r *grant.Refresh) { r.Scope = grant.ParseScope("openid admin") }, 0, living, grant.ErrScope},
		{"a family that is a week old", nil, grant.FamilyLife, living, grant.ErrRefreshExpired},
		{"a session that is over", nil, 0, func(context.Context, grant.Family) error { return over }, over},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			token := w.stay(t).Refresh
			r := grant.Refresh{Token: token, ClientID: "app"}
			if tt.edit != nil {
				tt.edit(&r)
			}
			w.wait(tt.wait)
			if _, err := w.Refresh(t.Context(), r, tt.alive); !errors.Is(err, tt.want) {
				t.Fatalf("Refresh() = %v, want %v", err, tt.want)
			}
			if tt.wait > 0 {
				return
			}
			// None of these may spoil the token for whom it belongs to.
			if _, err := w.refresh(t, token); err != nil {
				t.Errorf("Refresh() of the rightful client afterwards = %v", err)
			}
		})
	}
}

func TestNarrowerScopeIsForThisTokenOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, err := w.Refresh(t.Context(), grant.Refresh{Token: w.stay(t).Refresh, ClientID: "app", Scope: grant.ParseScope("openid")}, living)
	if err != nil || got.AccessToken.Scope.String() != "openid" {
		t.Fatalf("Refresh(openid) = %q, %v", got.AccessToken.Scope, err)
	}
	if next := w.mustRefresh(t, got.Refresh); next.AccessToken.Scope.String() != "openid profile offline_access" {
		t.Errorf("scope of the next = %q, want all of it again", next.AccessToken.Scope)
	}
}

func TestAnswerThatWasLostCanBeHadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.stay(t)
	lost := w.mustRefresh(t, first.Refresh)
	w.wait(grant.Grace)
	again := w.mustRefresh(t, first.Refresh)
	if again.Refresh != lost.Refresh {
		t.Error("the retry made a second branch of the family")
	}
	if _, err := w.refresh(t, again.Refresh); err != nil {
		t.Errorf("Refresh() with the token that was had again = %v", err)
	}
}

func TestReplacedTokenEndsItsFamily(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		act  func(t *testing.T, w *world, first grant.Redeemed) (latest grant.Refreshed)
	}{
		{"when its successor was used", func(t *testing.T, w *world, first grant.Redeemed) grant.Refreshed {
			return w.mustRefresh(t, w.mustRefresh(t, first.Refresh).Refresh)
		}},
		{"when the time for a retry is over", func(t *testing.T, w *world, first grant.Redeemed) grant.Refreshed {
			latest := w.mustRefresh(t, first.Refresh)
			w.wait(grant.Grace + time.Millisecond)
			return latest
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			first := w.stay(t)
			latest := tt.act(t, w, first)
			if _, err := w.refresh(t, first.Refresh); !errors.Is(err, grant.ErrRefreshReused) {
				t.Fatalf("Refresh() = %v, want ErrRefreshReused", err)
			}
			w.over(t, latest.Token, latest.Refresh)
			w.over(t, first.Token, first.Refresh)
			events, err := audit.New(w.db).ByUser(t.Context(), "maia", 1)
			if err != nil || len(events) != 1 || events[0].Kind != audit.TokenReused || events[0].Client != "app" || events[0].Outcome != audit.Refused {
				t.Errorf("events = %+v, %v; want one of a copy", events, err)
			}
			// Another sign-in of the same person at the same client is no affair of it.
			if _, err := w.refresh(t, w.stay(t).Refresh); err != nil {
				t.Errorf("Refresh() in another family = %v", err)
			}
		})
	}
}

func TestOneFamilyHasOneBranch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.stay(t)
	next := make([]string, 50)
	var all sync.WaitGroup
	for i := range next {
		all.Go(func() {
			got, err := w.refresh(t, first.Refresh)
			if err != nil {
				t.Errorf("Refresh() = %v", err)
			}
			next[i] = got.Refresh
		})
	}
	all.Wait()
	for _, n := range next {
		if n != next[0] {
			t.Fatal("two tokens follow one")
		}
	}
}

func TestSpentCodeEndsItsFamily(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := authorization()
	a.Scope = grant.ParseScope("openid offline_access")
	code, err := w.Issue(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	first, err := w.Redeem(t.Context(), presentation(code), alive)
	if err != nil {
		t.Fatal(err)
	}
	next := w.mustRefresh(t, first.Refresh)
	if _, err := w.Redeem(t.Context(), presentation(code), alive); !errors.Is(err, grant.ErrCodeSpent) {
		t.Fatalf("second Redeem() = %v, want ErrCodeSpent", err)
	}
	w.over(t, next.Token, next.Refresh)
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.stay(t)
	next := w.mustRefresh(t, first.Refresh)
	for _, text := range []string{"", "crt_unheard-of", next.Refresh + "x"} {
		if _, err := w.Revoke(t.Context(), "app", text); !errors.Is(err, grant.ErrNoRefresh) {
			t.Errorf("Revoke(%q) = %v, want ErrNoRefresh", text, err)
		}
	}
	for _, text := range []string{next.Refresh, next.Token} {
		if _, err := w.Revoke(t.Context(), "other", text); !errors.Is(err, grant.ErrNoRefresh) {
			t.Errorf("Revoke() by another client = %v, want ErrNoRefresh", err)
		}
	}
	if f, err := w.Revoke(t.Context(), "app", first.Token); f != nil || err != nil {
		t.Errorf("Revoke(access token) = %v, %v", f, err)
	}
	if _, err := w.ByToken(t.Context(), first.Token); !errors.Is(err, grant.ErrNoToken) {
		t.Errorf("ByToken() of the revoked one = %v", err)
	}
	if _, err := w.ByToken(t.Context(), next.Token); err != nil {
		t.Errorf("ByToken() of another = %v", err)
	}
	// A token that was replaced stands for its family too.
	f, err := w.Revoke(t.Context(), "app", first.Refresh)
	if err != nil || f == nil || f.SID != "sid" {
		t.Fatalf("Revoke() = %+v, %v", f, err)
	}
	w.over(t, next.Token, next.Refresh)
	events, err := audit.New(w.db).ByUser(t.Context(), "maia", 1)
	if err != nil || len(events) != 1 || events[0].Kind != audit.TokenRevoked {
		t.Errorf("events = %+v, %v", events, err)
	}
}

func TestSweepForgetsFamiliesWithoutASession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.stay(t) // its session was never there
	if err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.refresh(t, first.Refresh); !errors.Is(err, grant.ErrNoRefresh) {
		t.Errorf("Refresh() = %v, want ErrNoRefresh", err)
	}
}

func BenchmarkRefresh(b *testing.B) {
	w := newWorld(b)
	b.RunParallel(func(pb *testing.PB) {
		token := w.stay(b).Refresh
		for pb.Next() {
			got, err := w.refresh(b, token)
			if err != nil {
				b.Error(err)
				return
			}
			token = got.Refresh
		}
	})
}
