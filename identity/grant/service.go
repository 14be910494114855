package grant

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"cardea/identity/directory"
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
	// tokens that the code was redeemed for and return ErrCodeSpent. A code
	// that has expired unspent is ErrCodeExpired, one that is gone ErrNoCode.
	RedeemCode(ctx context.Context, t AccessToken) error
	// Token returns an access token, expired ones too, or ErrNoToken.
	Token(ctx context.Context, h Hash) (AccessToken, error)
	// SweepGrants deletes codes that expired before codes and tokens that
	// expired before tokens.
	SweepGrants(ctx context.Context, codes, tokens time.Time) error
}

// Config is what a Service needs.
type Config struct {
	Store Store
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// A Service issues and redeems codes. It is safe for concurrent use.
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
	if err := s.store.RedeemCode(ctx, t); err != nil {
		return Redeemed{}, err
	}
	return Redeemed{Code: c, Token: token, AccessToken: t}, nil
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
