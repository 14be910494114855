package grant

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"cardea/identity/directory"
)

// ScopeOffline is the scope value that a refresh token comes with (Core §11).
// Whoever issues the code decides whether the client may have it.
const ScopeOffline = "offline_access"

const (
	// FamilyLife is how long a family lives at most. Its session may end first.
	FamilyLife = 7 * 24 * time.Hour
	// Grace is how long a token that was just replaced may be brought again by
	// a client that did not get the answer.
	Grace = 30 * time.Second
)

// What is wrong with a refresh token that was presented.
var (
	ErrNoRefresh      = errors.New("no such refresh token")
	ErrRefreshExpired = errors.New("refresh token expired")
	ErrRefreshReused  = errors.New("refresh token was replaced before")
	// ErrScope: more was asked for than was granted.
	ErrScope = errors.New("scope is wider than what was granted")
)

// A Family is one sign-in, and the refresh tokens that follow from it.
type Family struct {
	ID       Hash // of the code that it began with
	ClientID directory.ClientID
	UserID   directory.UserID
	SID      string
	Scope    Scope
	AuthTime time.Time
	ACR      string
	AMR      []string
	Issued   time.Time
	Expires  time.Time
}

// A Rotation replaces one refresh token by the next.
type Rotation struct {
	Family Hash
	Was    Hash // the token that was presented
	Next   Hash
	Access AccessToken
	Now    time.Time
	// Again is the earliest time at which Was may have been replaced for it to
	// be a retry.
	Again time.Time
}

// refreshPrefix makes tokens known to programs that look for secrets in files
// that were made public by mistake.
const refreshPrefix = "crt_"

func hashRefresh(token string) Hash { return sha256.Sum256([]byte("refresh token\x00" + token)) }

// successor returns the token that takes the place of token: always the same,
// so that a client that did not get the answer can ask again without making a
// second branch of the family. Only who has token and the key can tell.
func (s *Service) successor(token string) string {
	mac := hmac.New(sha256.New, s.key.Expose())
	mac.Write([]byte("refresh token\x00" + token))
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// family returns what begins with c.
func (c Code) family(now time.Time) Family {
	return Family{
		ID: c.Hash, ClientID: c.ClientID, UserID: c.UserID, SID: c.SID, Scope: c.Scope,
		AuthTime: c.AuthTime, ACR: c.ACR, AMR: c.AMR, Issued: now, Expires: now.Add(FamilyLife),
	}
}

// A Refresh is what a client brings to get new tokens. The client has been
// authenticated.
type Refresh struct {
	Token    string
	ClientID directory.ClientID
	Scope    Scope // empty for all that was granted
}

// Refreshed is what a refresh token was good for.
type Refreshed struct {
	Family  Family
	Token   string // the access token
	Refresh string // takes the place of the one that was brought
	AccessToken
}

// Refresh replaces a refresh token by the next and issues an access token. alive
// is asked last, before anything is changed, whether what the family stands on
// still holds; its error is returned as it is. Any other refusal is
// ErrOtherClient or one of the errors above; with ErrRefreshReused the family
// has ended.
func (s *Service) Refresh(ctx context.Context, r Refresh, alive func(context.Context, Family) error) (Refreshed, error) {
	was := hashRefresh(r.Token)
	f, err := s.store.Family(ctx, was)
	if err != nil {
		return Refreshed{}, err
	}
	now := s.now()
	scope := f.Scope
	if len(r.Scope) > 0 {
		scope = r.Scope
	}
	switch {
	case f.ClientID != r.ClientID:
		return Refreshed{}, ErrOtherClient
	case !now.Before(f.Expires):
		return Refreshed{}, ErrRefreshExpired
	case slices.ContainsFunc(scope, func(v string) bool { return !f.Scope.Has(v) }): // RFC 6749 §6
		return Refreshed{}, ErrScope
	}
	if err := alive(ctx, f); err != nil {
		return Refreshed{}, err
	}
	token, next := random(), s.successor(r.Token)
	t := AccessToken{
		Hash: hashToken(token), Code: f.ID, ClientID: f.ClientID, UserID: f.UserID, SID: f.SID,
		Scope: scope, Issued: now, Expires: now.Add(TokenLife),
	}
	err = s.store.Rotate(ctx, Rotation{
		Family: f.ID, Was: was, Next: hashRefresh(next), Access: t, Now: now, Again: now.Add(-Grace),
	})
	if err != nil {
		return Refreshed{}, err
	}
	return Refreshed{Family: f, Token: token, Refresh: next, AccessToken: t}, nil
}

// Revoke ends what text stands for: with a refresh token, current or replaced,
// its whole family (RFC 7009 §2.1), with an access token that one. ended is the
// family. A text that is no token of that client is ErrNoRefresh and changes
// nothing.
func (s *Service) Revoke(ctx context.Context, client directory.ClientID, text string) (ended *Family, err error) {
	f, err := s.store.Family(ctx, hashRefresh(text))
	if errors.Is(err, ErrNoRefresh) {
		t, err := s.store.Token(ctx, hashToken(text))
		switch {
		case errors.Is(err, ErrNoToken) || err == nil && t.ClientID != client:
			return nil, ErrNoRefresh
		case err != nil:
			return nil, err
		}
		return nil, s.store.EndToken(ctx, t.Hash)
	}
	if err != nil {
		return nil, err
	}
	if f.ClientID != client {
		return nil, ErrNoRefresh
	}
	return &f, s.store.EndFamily(ctx, f, s.now())
}
