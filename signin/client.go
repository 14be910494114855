package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// DefaultClientID is the client that a Cardea provider knows by itself.
const DefaultClientID = "cardea-cli"

// scopes are asked for at every sign-in.
const scopes = "openid profile offline_access"

const (
	// patience bounds one request to the provider.
	patience = 15 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 1 << 20
)

// Config is what a Client needs to know. The zero value will do.
type Config struct {
	// ClientID is DefaultClientID if it is empty.
	ClientID string
	// UserAgent is what the provider shows to the person of this client.
	UserAgent string
	// Transport carries the requests; nil is http.DefaultTransport, except that
	// names below localhost lead to this machine (RFC 6761 §6.3).
	Transport http.RoundTripper
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// A Client is an OAuth client of one provider. It is safe for concurrent use.
type Client struct {
	issuer    string
	cfg       Config
	http      *http.Client
	provider  *oidc.Provider
	endpoints endpoints
}

// endpoints are what is looked at of the metadata besides what go-oidc does.
type endpoints struct {
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Challenge     string   `json:"authorization_challenge_endpoint"`
	Revocation    string   `json:"revocation_endpoint"`
	UserInfo      string   `json:"userinfo_endpoint"`
	JWKS          string   `json:"jwks_uri"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
}

// An Error is a no of the provider, in the words of the protocol.
type Error struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// Error returns code and description.
func (e *Error) Error() string {
	if e.Description == "" {
		return "the identity provider says " + e.Code
	}
	return "the identity provider says " + e.Code + ": " + e.Description
}

// CheckIssuer says whether issuer can be one: an origin, with https unless it is
// this machine.
func CheckIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != issuer {
		return fmt.Errorf("issuer %q: want an origin like https://login.example.org, without a slash at the end", issuer)
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && local(u.Hostname())) {
		return fmt.Errorf("issuer %q: want https, except on this machine", issuer)
	}
	return nil
}

// local reports whether host can only be this machine.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// Discover reads the metadata of the provider at issuer.
func Discover(ctx context.Context, issuer string, cfg Config) (*Client, error) {
	if err := CheckIssuer(issuer); err != nil {
		return nil, err
	}
	if cfg.ClientID == "" {
		cfg.ClientID = DefaultClientID
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Transport == nil {
		cfg.Transport = defaultTransport()
	}
	c := &Client{issuer: issuer, cfg: cfg, http: &http.Client{
		Transport: agent{cfg.UserAgent, cfg.Transport}, Timeout: patience,
		// No endpoint of a provider redirects; what does is not one.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	var err error
	if c.provider, err = oidc.NewProvider(c.context(ctx), issuer); err != nil {
		return nil, fmt.Errorf("asking %s what it is: %w", issuer, err)
	}
	if err := c.provider.Claims(&c.endpoints); err != nil {
		return nil, fmt.Errorf("reading what %s is: %w", issuer, err)
	}
	e := c.endpoints
	for _, e := range []string{e.Authorization, e.Token, e.Challenge, e.Revocation, e.UserInfo, e.JWKS} {
		if e != "" && !strings.HasPrefix(e, issuer+"/") {
			return nil, fmt.Errorf("%s names an endpoint that is not its own", issuer)
		}
	}
	return c, nil
}

// context gives go-oidc our client.
func (c *Client) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, c.http)
}

// agent says who asks.
type agent struct {
	name string
	next http.RoundTripper
}

func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.name != "" {
		r = r.Clone(r.Context())
		r.Header.Set("User-Agent", a.name)
	}
	return a.next.RoundTrip(r)
}

// defaultTransport is http.DefaultTransport that knows where localhost is: Go
// asks a resolver for the names below it, which may know nothing.
func defaultTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("127.0.0.1", port)
		}
		return dial(ctx, network, address)
	}
	return t
}

// post sends a form and reads JSON into answer. A status other than 200 is an
// *Error, if the provider says so; more takes the members of that, if it is not
// nil.
func (c *Client) post(ctx context.Context, endpoint string, form url.Values, answer, more any) error {
	form.Set("client_id", c.cfg.ClientID)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(b, answer); err != nil {
			return errors.New("the identity provider's answer is no JSON")
		}
		return nil
	}
	no := new(Error)
	if err := json.Unmarshal(b, no); err != nil || no.Code == "" {
		return fmt.Errorf("the identity provider answered with status %d", resp.StatusCode)
	}
	if more != nil {
		if err := json.Unmarshal(b, more); err != nil {
			return errors.New("the identity provider's answer does not fit the protocol")
		}
	}
	return no
}
