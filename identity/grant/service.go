package grant

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"cardea/identity/directory"
	"cardea/internal/secret"
)

// What is wrong with a code or a token that was presented. To a client the
// first six are one and the same, invalid_grant.
var (
	ErrNoCode        = errors.New("no such code")
	ErrOtherClient   = errors.New("code of another client")
	ErrOtherRedirect = errors.New("code of another redirect URI")
	ErrVerifier      = errors.New("code verifier does not fit")
	ErrCodeExpired   = errors.New("code expired")
	ErrCodeSpent     = errors.New("code was redeemed before")

	ErrNoToken = errors.New("no such access token")
)

// A Store keeps codes and tokens. Implementations are safe for concurrent use,
// and each method is one transaction.
type Store interface {
	// AddCode keeps a new code, together with the record that a client was told
	// who is signed in.
	AddCode(ctx context.Context, c Code) error
	// Code returns a code, spent and expired ones too, or ErrNoCode.
	Code(ctx context.Context, h Hash) (Code, error)
	// RedeemCode marks the code t.Code as spent at t.Issued and keeps t. Of
	// several calls for one code only one may do so. The others delete the
	// tokens that the code was redeemed for, with their family, and return
	// ErrCodeSpent. A code that has expired unspent is ErrCodeExpired, one that
	// is gone ErrNoCode. If f is not nil it begins too, with the refresh token
	// first.
	RedeemCode(ctx context.Context, t AccessToken, f *Family, first Hash) error
	// Token returns an access token, expired ones too, or ErrNoToken.
	Token(ctx context.Context, h Hash) (AccessToken, error)
	// EndToken ends one access token. One that is gone is no error.
	EndToken(ctx context.Context, h Hash) error
	// Family returns the family of a refresh token, replaced and expired ones
	// too, or ErrNoRefresh.
	Family(ctx context.Context, refresh Hash) (Family, error)
	// Rotate marks r.Was as replaced by r.Next and keeps r.Next and r.Access.
	// If it was replaced before, by r.Next, not before r.Again, and r.Next has
	// not been used, only r.Access is kept. Otherwise the family ends, with a
	// record of it, and the error is ErrRefreshReused. A token that is gone is
	// ErrNoRefresh.
	Rotate(ctx context.Context, r Rotation) error
	// EndFamily ends a family and all its tokens, with a record of it. One that
	// is gone is no error.
	EndFamily(ctx context.Context, f Family, now time.Time) error
	// Told returns the clients that were told who the person is, or have
	// anything of theirs, since the person last removed them. Pages of our own
	// are not among them, nor clients that are gone.
	Told(ctx context.Context, user directory.UserID) ([]Told, error)
	// Holdings returns what all clients hold for the person that has not
	// expired, whatever became of the session that it stands on.
	Holdings(ctx context.Context, user directory.UserID, now time.Time) ([]Holding, error)
	// EndClient ends what a client holds for the person, with the sessions that
	// only it has a use for, and records it. It returns ErrNoApp if Told does
	// not name the client.
	EndClient(ctx context.Context, user directory.UserID, client directory.ClientID, now time.Time) error
	// SweepGrants deletes codes that expired before codes, tokens and families
	// that expired before tokens, and families whose session is gone.
	SweepGrants(ctx context.Context, codes, tokens time.Time) error
}

// Config is what a Service needs.
type Config struct {
	Store Store
	// RefreshKey makes refresh tokens of those before; 32 bytes that are not
	// kept with the Store. If it changes, a retry of that moment counts as a
	// copy; empty means
	// a new one.
	RefreshKey secret.Key
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// A Service issues and redeems codes. It is safe for concurrent use.
type Service struct {
	store Store
	key   secret.Key
	now   func() time.Time
}

// New returns a Service over cfg.Store.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.RefreshKey.Len() == 0 {
		cfg.RefreshKey = secret.Random(32)
	}
	return &Service{store: cfg.Store, key: cfg.RefreshKey, now: cfg.Now}
}

// Issue returns a new code for a. The code is not kept and cannot be had again.
func (s *Service) Issue(ctx context.Context, a Authorization) (code string, err error) {
	code, now := random(), s.now()
	err = s.store.AddCode(ctx, Code{Authorization: a, Hash: hashCode(code), Issued: now, Expires: now.Add(CodeLife)})
	if err != nil {
		return "", fmt.Errorf("issuing code: %w", err)
	}
	return code, nil
}

// A Presentation is what a client brings to redeem a code. The client has been
// authenticated.
type Presentation struct {
	Code        string
	ClientID    directory.ClientID
	RedirectURI string // empty if the client did not repeat it (OAuth 2.1 §10.2)
	Verifier    string
}

// Redeemed is what a code was good for.
type Redeemed struct {
	Code  Code
	Token string // for the client and nowhere else
	// Refresh is the first refresh token, if the code's scope has ScopeOffline.
	Refresh string
	AccessToken
}

// Redeem spends a code. alive is asked last, before the code is spent, whether
// what it stands on still holds (the session, the person); its error is
// returned as it is. Any other refusal is one of the errors above.
func (s *Service) Redeem(ctx context.Context, p Presentation, alive func(context.Context, Code) error) (Redeemed, error) {
	c, err := s.store.Code(ctx, hashCode(p.Code))
	if err != nil {
		return Redeemed{}, err
	}
	if err := c.bound(p); err != nil {
		return Redeemed{}, err
	}
	now := s.now()
	if c.Spent.IsZero() {
		if !now.Before(c.Expires) {
			return Redeemed{}, ErrCodeExpired
		}
		if err := alive(ctx, c); err != nil {
			return Redeemed{}, err
		}
	}
	token := random()
	t := AccessToken{
		Hash: hashToken(token), Code: c.Hash, ClientID: c.ClientID, UserID: c.UserID, SID: c.SID,
		Scope: c.Scope, Issued: now, Expires: now.Add(TokenLife),
	}
	// A spent code goes this way too: it is the Store that ends its tokens.
	var f *Family
	var refresh string
	if c.Scope.Has(ScopeOffline) {
		begins := c.family(now)
		f, refresh = &begins, refreshPrefix+random()
	}
	if err := s.store.RedeemCode(ctx, t, f, hashRefresh(refresh)); err != nil {
		return Redeemed{}, err
	}
	return Redeemed{Code: c, Token: token, Refresh: refresh, AccessToken: t}, nil
}

// bound reports whether p comes from whom the code was meant for.
func (c Code) bound(p Presentation) error {
	switch {
	case c.ClientID != p.ClientID:
		return ErrOtherClient
	case p.RedirectURI != "" && p.RedirectURI != c.RedirectURI: // PKCE makes up for its absence
		return ErrOtherRedirect
	case !c.Challenge.Answers(p.Verifier):
		return ErrVerifier
	}
	return nil
}

// ByToken returns the access token that text is, or ErrNoToken. Whether its
// session lives is for the caller to ask.
func (s *Service) ByToken(ctx context.Context, text string) (AccessToken, error) {
	t, err := s.store.Token(ctx, hashToken(text))
	if err != nil {
		return AccessToken{}, err
	}
	if !s.now().Before(t.Expires) {
		return AccessToken{}, ErrNoToken
	}
	return t, nil
}

// Sweep deletes what no answer depends on any more.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.now()
	return s.store.SweepGrants(ctx, now.Add(-Tombstone), now)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
