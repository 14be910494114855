package session

import (
	"context"
	"fmt"
	"time"

	"cardea/identity/directory"
)

// A Store keeps sessions. Each method is one transaction. A missing session is
// ErrNone, never a zero one; whether one is over is the Service's business.
// EndSession and EndSessions write their event in the same transaction. A
// session that another takes the place of, or that goes with its passkey or when
// its person is disabled, has no event of its own: what ended it has one.
type Store interface {
	SessionByToken(ctx context.Context, h TokenHash) (Session, error)
	SessionByID(ctx context.Context, id ID) (Session, error)
	// Sessions returns a person's sessions, the last seen first.
	Sessions(ctx context.Context, user directory.UserID) ([]Session, error)
	// TouchSession moves LastSeen forward, never back.
	TouchSession(ctx context.Context, id ID, seen time.Time) error
	// KeepSession makes the session one that is kept, until expires. It returns
	// ErrNone if there is none.
	KeepSession(ctx context.Context, id ID, expires time.Time) error
	// EndSession ends one session. It returns ErrNone if there is none.
	EndSession(ctx context.Context, id ID, at time.Time) error
	// EndSessions ends a person's sessions but one, and says how many.
	EndSessions(ctx context.Context, user directory.UserID, except ID, at time.Time) (int, error)
	// Deny ends a person's sessions but one, and all that applications hold for
	// the person, and records that they said of what about refers to that it
	// was not them, once if it changes nothing. It says how many sessions it
	// ended.
	Deny(ctx context.Context, user directory.UserID, except ID, about string, at time.Time) (int, error)
	// SignOut ends all of a person's sessions on behalf of by, and says how many.
	SignOut(ctx context.Context, by, user directory.UserID, at time.Time) (int, error)
}

// Config is what a Service needs.
type Config struct {
	Store Store
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// A Service finds and ends sessions. It is safe for concurrent use.
type Service struct {
	store Store
	now   func() time.Time
}

// New returns a Service over cfg.Store.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Service{store: cfg.Store, now: cfg.Now}
}

// ByToken returns the live session that token opens, or ErrNone, and notes
// that it was seen.
func (v *Service) ByToken(ctx context.Context, token string) (Session, error) {
	if token == "" {
		return Session{}, ErrNone
	}
	s, err := v.store.SessionByToken(ctx, HashToken(token))
	if err != nil {
		return Session{}, err
	}
	return v.seen(ctx, s)
}

// ByID returns the live session of that ID, or ErrNone, and notes that it was
// seen: a relying party that asks about a session speaks for its person.
func (v *Service) ByID(ctx context.Context, id ID) (Session, error) {
	s, err := v.store.SessionByID(ctx, id)
	if err != nil {
		return Session{}, err
	}
	return v.seen(ctx, s)
}

func (v *Service) seen(ctx context.Context, s Session) (Session, error) {
	now := v.now()
	if !s.Alive(now) {
		return Session{}, ErrNone
	}
	if now.Sub(s.LastSeen) < touchEvery {
		return s, nil
	}
	if err := v.store.TouchSession(ctx, s.ID, now); err != nil {
		return Session{}, fmt.Errorf("noting that a session was seen: %w", err)
	}
	s.LastSeen = now
	return s, nil
}

// Keep makes s one whose person stays signed in, and returns it so. If the
// person may not be asked any more (MayKeep), or the session is over, it is
// ErrNone.
func (v *Service) Keep(ctx context.Context, s Session) (Session, error) {
	if !s.MayKeep(v.now()) {
		return s, ErrNone
	}
	s.Keep()
	return s, v.store.KeepSession(ctx, s.ID, s.Expires)
}

// List returns a person's live sessions, the last seen first.
func (v *Service) List(ctx context.Context, user directory.UserID) ([]Session, error) {
	all, err := v.store.Sessions(ctx, user)
	if err != nil {
		return nil, err
	}
	now := v.now()
	live := all[:0]
	for _, s := range all {
		if s.Alive(now) {
			live = append(live, s)
		}
	}
	return live, nil
}

// End ends one session. It returns ErrNone if there is none. Whose session it
// is the caller has checked.
func (v *Service) End(ctx context.Context, id ID) error {
	return v.store.EndSession(ctx, id, v.now())
}

// EndAll ends a person's sessions but one (except may be empty), and says how
// many.
func (v *Service) EndAll(ctx context.Context, user directory.UserID, except ID) (int, error) {
	return v.store.EndSessions(ctx, user, except, v.now())
}

// Deny is EndAll for a person who says of something in their history that it
// was not them. about is the reference of that; the record keeps it for
// administrators. Applications lose what they hold, even what began in the
// session that stays: nobody knows how far a stranger came.
func (v *Service) Deny(ctx context.Context, user directory.UserID, except ID, about string) (int, error) {
	return v.store.Deny(ctx, user, except, about, v.now())
}

// SignOut ends all of a person's sessions on behalf of by, and says how many.
func (v *Service) SignOut(ctx context.Context, by, user directory.UserID) (int, error) {
	return v.store.SignOut(ctx, by, user, v.now())
}
