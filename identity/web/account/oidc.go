package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"cardea/identity/directory"
)

// OIDCConfig says who the client is and where its provider lives.
type OIDCConfig struct {
	Issuer      string             // as in the provider's metadata, exactly
	ClientID    directory.ClientID // a public client
	RedirectURL string             // as registered, exactly

	// Dial opens the connections of the back channel. Nil dials what the URLs
	// say. A provider in the same process may be reached at its own listener:
	// the name of the issuer need not resolve there.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// backChannelTimeout bounds one request to the provider.
const backChannelTimeout = 10 * time.Second

// clockSkew is how far the provider's clock may differ from ours.
const clockSkew = 10 * time.Second

// An OIDC is a RelyingParty that speaks the authorization code flow with PKCE
// (OpenID Connect Core §3.1, RFC 7636) as any other client would, although its
// provider usually runs in the same process: what works here works for others.
//
// It reads the provider's metadata when it first needs them, since the provider
// may start after it, and keeps them.
type OIDC struct {
	cfg    OIDCConfig
	client *http.Client

	ctx   context.Context // of what no single request is for
	close context.CancelFunc

	mu   sync.Mutex
	last *discovery // nil until the first
}

// A discovery is one reading of the provider's metadata. Whoever needs them
// while it is under way waits for it, each as long as they like.
type discovery struct {
	done     chan struct{} // closed when the rest is known
	provider *oidc.Provider
	err      error
	ended    time.Time
}

// discoveryPause is how long a failure to read the metadata is remembered: who
// comes meanwhile is told so at once.
const discoveryPause = time.Second

var _ RelyingParty = (*OIDC)(nil)

// NewOIDC returns a client of one provider. It asks the provider nothing yet.
func NewOIDC(cfg OIDCConfig) (*OIDC, error) {
	redirect, err := url.Parse(cfg.RedirectURL)
	switch {
	case cfg.Issuer == "":
		return nil, errors.New("relying party: Issuer is missing")
	case cfg.ClientID == "":
		return nil, errors.New("relying party: ClientID is missing")
	case err != nil || !redirect.IsAbs() || redirect.Host == "" || redirect.Fragment != "":
		return nil, fmt.Errorf("relying party: RedirectURL %q will not do", cfg.RedirectURL)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &OIDC{
		cfg: cfg, ctx: ctx, close: cancel,
		client: &http.Client{
			Transport: &http.Transport{
				DialContext:         cfg.Dial,
				ForceAttemptHTTP2:   true,
				MaxIdleConnsPerHost: 4,
				IdleConnTimeout:     time.Minute,
			},
			Timeout: backChannelTimeout,
			// No endpoint of a provider redirects; what does is not one.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close gives up reading metadata, and lets go of the connections that are kept
// for the next request.
func (o *OIDC) Close() {
	o.close()
	o.client.CloseIdleConnections()
}

// Begin implements RelyingParty.
func (o *OIDC) Begin(ctx context.Context, opts BeginOptions) (Pending, error) {
	config, _, err := o.discover(ctx)
	if err != nil {
		return Pending{}, fmt.Errorf("beginning sign-in: %w", err)
	}
	p := Pending{State: randomText(), Nonce: randomText(), Verifier: oauth2.GenerateVerifier()}
	params := []oauth2.AuthCodeOption{oidc.Nonce(p.Nonce), oauth2.S256ChallengeOption(p.Verifier)}
	if opts.MaxAge >= 0 {
		seconds := int64(opts.MaxAge / time.Second)
		params = append(params, oauth2.SetAuthURLParam("max_age", strconv.FormatInt(seconds, 10)))
		p.Oldest = o.cfg.Now().Add(-time.Duration(seconds) * time.Second)
	}
	p.Location = config.AuthCodeURL(p.State, params...)
	return p, nil
}

// Finish implements RelyingParty.
func (o *OIDC) Finish(ctx context.Context, p Pending, query url.Values) (Identity, error) {
	id, err := o.finish(ctx, p, query)
	if err != nil {
		return Identity{}, fmt.Errorf("finishing sign-in: %w", err)
	}
	return id, nil
}

func (o *OIDC) finish(ctx context.Context, p Pending, query url.Values) (Identity, error) {
	if p.State == "" || !hmac.Equal([]byte(query.Get("state")), []byte(p.State)) {
		return Identity{}, errors.New("answer to another request")
	}
	// RFC 9207 §2.4: another provider's answer must not be taken to ours.
	if query.Get("iss") != o.cfg.Issuer {
		return Identity{}, errors.New("answer of another issuer")
	}
	if code := query.Get("error"); code != "" {
		return Identity{}, &AnswerError{Code: code, Description: query.Get("error_description")}
	}
	if query.Get("code") == "" {
		return Identity{}, errors.New("answer without a code")
	}
	config, provider, err := o.discover(ctx)
	if err != nil {
		return Identity{}, err
	}
	ctx = oidc.ClientContext(ctx, o.client)
	token, err := config.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(p.Verifier))
	if err != nil {
		return Identity{}, fmt.Errorf("redeeming code: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := provider.Verifier(&oidc.Config{ClientID: string(o.cfg.ClientID), Now: o.cfg.Now}).Verify(ctx, raw)
	if err != nil {
		return Identity{}, fmt.Errorf("verifying id_token: %w", err)
	}
	return identityOf(p, idToken)
}

// identityOf makes the checks of OpenID Connect Core §3.1.3.7 that the library
// leaves to its caller.
func identityOf(p Pending, t *oidc.IDToken) (Identity, error) {
	if p.Nonce == "" || !hmac.Equal([]byte(t.Nonce), []byte(p.Nonce)) { // step 11
		return Identity{}, errors.New("id_token with another nonce")
	}
	if len(t.Audience) != 1 { // step 3: we trust nobody else
		return Identity{}, errors.New("id_token for more than us")
	}
	var claims struct {
		SID      string `json:"sid"`
		AuthTime int64  `json:"auth_time"`
	}
	if err := t.Claims(&claims); err != nil {
		return Identity{}, fmt.Errorf("reading id_token: %w", err)
	}
	if t.Subject == "" || claims.SID == "" || claims.AuthTime == 0 {
		return Identity{}, errors.New("id_token without sub, sid or auth_time")
	}
	authTime := time.Unix(claims.AuthTime, 0)
	if !p.Oldest.IsZero() && authTime.Before(p.Oldest.Add(-clockSkew)) { // step 13
		return Identity{}, errors.New("id_token of an older sign-in than was asked for")
	}
	return Identity{Subject: t.Subject, SID: claims.SID, AuthTime: authTime}, nil
}

// discover returns the client's configuration and the provider. One request at
// a time asks for the metadata; the others wait for its answer.
func (o *OIDC) discover(ctx context.Context) (*oauth2.Config, *oidc.Provider, error) {
	d := o.discovery()
	select {
	case <-d.done:
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("reading provider metadata: %w", ctx.Err())
	}
	if d.err != nil {
		return nil, nil, fmt.Errorf("reading provider metadata: %w", d.err)
	}
	endpoint := d.provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams // a public client has nothing to put in a header
	return &oauth2.Config{
		ClientID:    string(o.cfg.ClientID),
		RedirectURL: o.cfg.RedirectURL,
		Endpoint:    endpoint,
		Scopes:      []string{oidc.ScopeOpenID},
	}, d.provider, nil
}

// discovery returns the one that counts: the one that succeeded, is under way
// or failed a moment ago, or else a new one.
func (o *OIDC) discovery() *discovery {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last != nil {
		select {
		case <-o.last.done:
			if o.last.err == nil || o.cfg.Now().Sub(o.last.ended) < discoveryPause {
				return o.last
			}
		default:
			return o.last
		}
	}
	d := &discovery{done: make(chan struct{})}
	o.last = d
	go func() {
		defer close(d.done)
		// Not the context of the request that happens to be the first: if that
		// one is given up, the others want to know still.
		d.provider, d.err = oidc.NewProvider(oidc.ClientContext(o.ctx, o.client), o.cfg.Issuer)
		d.ended = o.cfg.Now()
	}()
	return d
}

// randomText returns 256 random bits as text.
func randomText() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
