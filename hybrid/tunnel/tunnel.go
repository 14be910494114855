package tunnel

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/coder/websocket"

	"cardea/hybrid"
)

const (
	// Subprotocol is what both ends and the service must agree on.
	Subprotocol = "fido.cable"

	// MaxMessage bounds a message in bytes, as Chromium's client does.
	MaxMessage = 1 << 20

	// maxRedirects is how often a service may send us on.
	maxRedirects = 5

	headerRoutingID     = "X-caBLE-Routing-ID"
	headerClientPayload = "X-caBLE-Client-Payload"
	headerSignal        = "X-caBLE-Signal-Connection"
)

// A Dialer opens tunnels. Its zero value is ready to use, and it is safe for
// concurrent use.
type Dialer struct {
	// Base returns the URL under which the service of a domain is reached,
	// without a path: "wss://" and the domain when Base is nil. It maps
	// services that run on an address of their own.
	Base func(domain string) string

	// Client makes the upgrade request; nil means one with the default
	// transport. Its rule for redirects is replaced.
	Client *http.Client
}

var (
	// ErrContactGone says that the phone no longer knows this contact: its
	// link must be forgotten.
	ErrContactGone = errors.New("the phone has ended this link")

	// ErrNoTunnel says that the service has no such tunnel, or that both of its
	// places are taken.
	ErrNoTunnel = errors.New("there is no such tunnel")
)

// A StatusError is the refusal of a service, before there was a tunnel.
type StatusError struct {
	Status int // of HTTP
}

// Error names the status.
func (e *StatusError) Error() string {
	return fmt.Sprintf("the tunnel service answered %d %s", e.Status, http.StatusText(e.Status))
}

// Is makes 410 an ErrContactGone, and 404 and 409 an ErrNoTunnel.
func (e *StatusError) Is(target error) bool {
	switch e.Status {
	case http.StatusGone:
		return target == ErrContactGone
	case http.StatusNotFound, http.StatusConflict:
		return target == ErrNoTunnel
	default:
		return false
	}
}

// New opens a tunnel and takes the phone's place in it. The routing ID is
// where the service has put it; a client learns it from the advertisement.
func (d *Dialer) New(ctx context.Context, s hybrid.Service, id hybrid.TunnelID) (*Conn, hybrid.RoutingID, error) {
	conn, header, err := d.dial(ctx, s, "/cable/new/"+upperHex(id[:]), nil)
	if err != nil {
		return nil, hybrid.RoutingID{}, fmt.Errorf("opening a tunnel: %w", err)
	}
	routing, err := parseRoutingID(header)
	if err != nil {
		conn.Abort()
		return nil, hybrid.RoutingID{}, fmt.Errorf("opening a tunnel: reading the routing ID: %w", err)
	}
	return conn, routing, nil
}

// Connect takes the client's place in a tunnel that a phone has opened.
func (d *Dialer) Connect(ctx context.Context, s hybrid.Service, r hybrid.RoutingID, id hybrid.TunnelID) (*Conn, error) {
	conn, _, err := d.dial(ctx, s, "/cable/connect/"+upperHex(r[:])+"/"+upperHex(id[:]), nil)
	if err != nil {
		return nil, fmt.Errorf("joining the tunnel: %w", err)
	}
	return conn, nil
}

// Contact asks the service to wake a linked phone and takes the client's place
// in the tunnel that the phone will join. The error is ErrContactGone when the
// phone has ended the link. The service is asked to say when the phone is there,
// which Read keeps to itself.
func (d *Dialer) Contact(ctx context.Context, s hybrid.Service, contactID, payload []byte) (*Conn, error) {
	header := http.Header{}
	header.Set(headerClientPayload, upperHex(payload))
	header.Set(headerSignal, "true")
	conn, answer, err := d.dial(ctx, s, "/cable/contact/"+base64.RawURLEncoding.EncodeToString(contactID), header)
	if err != nil {
		return nil, fmt.Errorf("contacting the phone: %w", err)
	}
	conn.signals = answer.Get(headerSignal) != ""
	return conn, nil
}

func (d *Dialer) dial(ctx context.Context, s hybrid.Service, path string, header http.Header) (*Conn, http.Header, error) {
	domain, err := s.Domain()
	if err != nil {
		return nil, nil, err
	}
	base := "wss://" + domain
	if d != nil && d.Base != nil {
		base = strings.TrimSuffix(d.Base(domain), "/")
	}
	origin, err := originOf(base)
	if err != nil {
		return nil, nil, fmt.Errorf("address of the service %s: %w", domain, err)
	}
	if header == nil {
		header = http.Header{}
	}
	// Some services refuse a connection without an origin; none needs it.
	header.Set("Origin", origin)

	ws, response, err := websocket.Dial(ctx, base+path, &websocket.DialOptions{
		HTTPClient:   d.client(),
		HTTPHeader:   header,
		Subprotocols: []string{Subprotocol},
	})
	if err != nil {
		return nil, nil, dialError(response, err)
	}
	if ws.Subprotocol() != Subprotocol {
		ws.CloseNow()
		return nil, nil, fmt.Errorf("the tunnel service does not speak %s", Subprotocol)
	}
	ws.SetReadLimit(MaxMessage)
	return &Conn{ws: ws}, response.Header, nil
}

// client returns a copy of the HTTP client that follows few redirects, and
// none from an encrypted connection to one that is not.
func (d *Dialer) client() *http.Client {
	client := http.Client{}
	if d != nil && d.Client != nil {
		client = *d.Client
	}
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errors.New("sent on too often")
		}
		if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
			return errors.New("sent on to a connection without encryption")
		}
		return nil
	}
	return &client
}

// dialError leaves the address out of the error: it holds the tunnel's ID,
// which has no place in a log.
func dialError(response *http.Response, err error) error {
	if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
		return &StatusError{Status: response.StatusCode}
	}
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func originOf(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	switch u.Scheme {
	case "wss", "ws", "https", "http":
	default:
		return "", fmt.Errorf("scheme %q", u.Scheme)
	}
	if u.Host == "" {
		return "", errors.New("no host")
	}
	return u.Scheme + "://" + u.Host, nil
}

func parseRoutingID(h http.Header) (r hybrid.RoutingID, err error) {
	b, err := hex.DecodeString(h.Get(headerRoutingID))
	if err != nil {
		return r, err
	}
	if len(b) != len(r) {
		return r, fmt.Errorf("%d bytes, want %d", len(b), len(r))
	}
	return hybrid.RoutingID(b), nil
}

// upperHex writes capitals, as most do; services must ignore the case.
func upperHex(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }
