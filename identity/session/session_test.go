package session_test

import (
	"context"
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"cardea/identity/directory"
	"cardea/identity/session"
)

// shelf is a Store that holds one session and counts the touches.
type shelf struct {
	s       session.Session
	token   session.TokenHash
	touches int
}

func (f *shelf) SessionByToken(_ context.Context, h session.TokenHash) (session.Session, error) {
	if h != f.token {
		return session.Session{}, session.ErrNone
	}
	return f.s, nil
}

func (f *shelf) SessionByID(_ context.Context, id session.ID) (session.Session, error) {
	if id != f.s.ID {
		return session.Session{}, session.ErrNone
	}
	return f.s, nil
}

func (f *shelf) Sessions(context.Context, directory.UserID) ([]session.Session, error) {
	return []session.Session{f.s}, nil
}

func (f *shelf) TouchSession(_ context.Context, _ session.ID, seen time.Time) error {
	f.touches++
	f.s.LastSeen = seen
	return nil
}

func (f *shelf) KeepSession(_ context.Context, id session.ID, expires time.Time) error {
	if id != f.s.ID {
		return session.ErrNone
	}
	f.s.Kept, f.s.Expires = true, expires
	return nil
}

func (f *shelf) EndSession(context.Context, session.ID, time.Time) error { return session.ErrNone }

func (f *shelf) EndSessions(context.Context, directory.UserID, session.ID, time.Time) (int, error) {
	return 0, nil
}

func (f *shelf) Deny(context.Context, directory.UserID, session.ID, string, time.Time) (int, error) {
	return 0, nil
}

func (f *shelf) SignOut(context.Context, directory.UserID, directory.UserID, time.Time) (int, error) {
	return 0, nil
}

// begun returns a service with one session in it, and its clock.
func begun(passkey directory.PasskeyID) (v *session.Service, f *shelf, token string, now *time.Time) {
	n := time.Unix(1_790_000_000, 0)
	f = &shelf{}
	f.s, token = session.Begin(n, "u", passkey, directory.From{})
	f.token = session.HashToken(token)
	return session.New(session.Config{Store: f, Now: func() time.Time { return n }}), f, token, &n
}

func TestTokenOpensItsSession(t *testing.T) {
	t.Parallel()
	v, f, token, _ := begun("passkey")
	if raw, err := base64.RawURLEncoding.DecodeString(token); err != nil || len(raw) != 32 {
		t.Errorf("token is %d bytes (%v), want 32", len(raw), err)
	}
	if s, err := v.ByToken(t.Context(), token); err != nil || s.ID != f.s.ID {
		t.Errorf("ByToken() = %v, %v", s.ID, err)
	}
	for _, other := range []string{"", token + "A", string(f.s.ID)} {
		if _, err := v.ByToken(t.Context(), other); !errors.Is(err, session.ErrNone) {
			t.Errorf("ByToken(%q) = %v, want %v", other, err, session.ErrNone)
		}
	}
}

func TestIdleSessionEndsAfterEightHours(t *testing.T) {
	t.Parallel()
	v, _, token, now := begun("passkey")
	*now = now.Add(session.Idle - 1)
	if _, err := v.ByToken(t.Context(), token); err != nil {
		t.Fatalf("just before: %v", err)
	}
	// It was seen, so it lives for another eight hours.
	*now = now.Add(session.Idle - 1)
	if _, err := v.ByID(t.Context(), mustID(t, v, token)); err != nil {
		t.Fatalf("just before, again: %v", err)
	}
	*now = now.Add(session.Idle)
	if _, err := v.ByToken(t.Context(), token); !errors.Is(err, session.ErrNone) {
		t.Errorf("after eight hours: %v, want %v", err, session.ErrNone)
	}
	if list, err := v.List(t.Context(), "u"); err != nil || len(list) != 0 {
		t.Errorf("List() = %v, %v, want none", list, err)
	}
}

func mustID(t *testing.T, v *session.Service, token string) session.ID {
	t.Helper()
	s, err := v.ByToken(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return s.ID
}

func TestBusySessionEndsAfterAWeek(t *testing.T) {
	t.Parallel()
	v, f, token, now := begun("passkey")
	end := now.Add(session.Absolute)
	for now.Before(end) {
		if _, err := v.ByToken(t.Context(), token); err != nil {
			t.Fatalf("%v before the end: %v", end.Sub(*now), err)
		}
		*now = now.Add(time.Hour)
	}
	if _, err := v.ByToken(t.Context(), token); !errors.Is(err, session.ErrNone) {
		t.Errorf("after a week: %v, want %v", err, session.ErrNone)
	}
	if _, err := v.ByID(t.Context(), f.s.ID); !errors.Is(err, session.ErrNone) {
		t.Errorf("by ID after a week: %v, want %v", err, session.ErrNone)
	}
}

func TestBusySessionIsTouchedOnceAMinute(t *testing.T) {
	t.Parallel()
	v, f, token, now := begun("passkey")
	for range 180 { // three minutes of one request each second
		if _, err := v.ByToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		*now = now.Add(time.Second)
	}
	if f.touches != 2 {
		t.Errorf("touched %d times in three minutes, want 2", f.touches)
	}
}

func TestPassSessionIsShortAndSaysSo(t *testing.T) {
	t.Parallel()
	v, f, token, now := begun("")
	if !f.s.ByPass() || f.s.ACR == session.ACRPasskey {
		t.Errorf("acr = %q, want the pass's", f.s.ACR)
	}
	*now = now.Add(session.PassLifetime)
	if _, err := v.ByToken(t.Context(), token); !errors.Is(err, session.ErrNone) {
		t.Errorf("after half an hour: %v, want %v", err, session.ErrNone)
	}
}

func TestKeptSessionLivesLonger(t *testing.T) {
	t.Parallel()
	v, f, token, now := begun("passkey")
	begin := *now
	s, err := v.Keep(t.Context(), f.s)
	if err != nil || !s.Kept || !s.Expires.Equal(begin.Add(session.KeptAbsolute)) {
		t.Fatalf("Keep() = %+v, %v", s, err)
	}
	for now.Before(begin.Add(session.KeptAbsolute)) { // somebody who comes once a week
		if _, err := v.ByToken(t.Context(), token); err != nil {
			t.Fatalf("after %v: %v", now.Sub(begin), err)
		}
		*now = now.Add(session.KeptIdle - 1)
	}
	if _, err := v.ByToken(t.Context(), token); !errors.Is(err, session.ErrNone) {
		t.Errorf("after %v: %v, want %v", now.Sub(begin), err, session.ErrNone)
	}
}

func TestKeptSessionEndsWhenIdleForAWeek(t *testing.T) {
	t.Parallel()
	v, f, token, now := begun("passkey")
	if _, err := v.Keep(t.Context(), f.s); err != nil {
		t.Fatal(err)
	}
	*now = now.Add(session.KeptIdle)
	if _, err := v.ByToken(t.Context(), token); !errors.Is(err, session.ErrNone) {
		t.Errorf("after a week: %v, want %v", err, session.ErrNone)
	}
}

// Whoever finds a browser open may not make its session last.
func TestOnlyAFreshSessionIsKept(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		passkey directory.PasskeyID
		change  func(*session.Session)
		wait    time.Duration
		want    error
	}{
		"in time":              {"passkey", func(*session.Session) {}, session.AskKept - 1, nil},
		"too late":             {"passkey", func(*session.Session) {}, session.AskKept, session.ErrNone},
		"twice":                {"passkey", func(s *session.Session) { s.Keep() }, 0, session.ErrNone},
		"of an access pass":    {"", func(*session.Session) {}, 0, session.ErrNone},
		"of a program":         {"passkey", func(s *session.Session) { s.ACR = session.ACRNative }, 0, session.ErrNone},
		"that has ended since": {"passkey", func(s *session.Session) { s.ID = "ended" }, 0, session.ErrNone},
	} {
		v, f, _, now := begun(tt.passkey)
		s := f.s
		tt.change(&s)
		*now = now.Add(tt.wait)
		if _, err := v.Keep(t.Context(), s); !errors.Is(err, tt.want) || f.s.Kept != (tt.want == nil) {
			t.Errorf("keeping a session %s: %v, kept %t; want %v", name, err, f.s.Kept, tt.want)
		}
	}
}

func TestTokensAndIDsAreTheirOwn(t *testing.T) {
	t.Parallel()
	a, ta := session.Begin(time.Time{}, "u", "p", directory.From{})
	b, tb := session.Begin(time.Time{}, "u", "p", directory.From{})
	if a.ID == b.ID || ta == tb || string(a.ID) == ta {
		t.Error("two sessions share a name")
	}
}
