package platform

import (
	"context"
	"log/slog"

	"cardea/webauthn"
)

// A Form is the sort of device that the client runs on.
type Form string

// The forms. On a phone the passkey is most often in the phone itself, so the
// client begins there and offers the other ways after.
const (
	FormDesktop Form = "desktop"
	FormPhone   Form = "phone"
)

// A Client answers navigator.credentials.create() and get() for the pages of
// one browser. It is safe for concurrent use; each request has a Dialog of its
// own.
type Client struct {
	// Routes are the ways there are, at most one of each Kind, in the order in
	// which they are offered.
	Routes []Route
	// Remembered returns the routes that come and go, before the others in the
	// order; it may be nil.
	Remembered func() []Remembered
	// Open opens the window for a request. It is called once the request has
	// been found to be in order.
	Open func(ctx context.Context, r Request) (Dialog, error)
	// Related fetches lists of related origins. Without it a relying party ID
	// must be a part of the caller's domain.
	Related Related
	Form    Form
	// Log gets one record for each request; nil discards it.
	Log *slog.Logger
}

// Create makes a passkey (WebAuthn §5.1.3). The error is an *Error, which is
// what the page may see. If ctx ends first its name is AbortError, and the page
// is not waiting any more.
func (c *Client) Create(ctx context.Context, by Caller, o webauthn.CreationOptions) (webauthn.RegistrationResponse, error) {
	m := making{by: by, options: o, wants: creationWants(o)}
	r, err := c.create(ctx, &m)
	return r, c.finish(ctx, MakePasskey, by, m.rp, err)
}

func (c *Client) create(ctx context.Context, m *making) (r webauthn.RegistrationResponse, err error) {
	if err := checkCreation(m.options); err != nil {
		return r, err
	}
	if m.rp, err = c.relyingParty(ctx, m.by, m.options.RP.ID); err != nil {
		return r, err
	}
	var ok bool
	if m.algorithms, ok = algorithms(m.options.PubKeyCredParams); !ok {
		return r, &Error{Name: NotSupportedError, Message: msgAlgorithms}
	}
	s := session{
		client: c, wants: m.wants,
		request: Request{Purpose: MakePasskey, Origin: m.by.Origin, RPID: m.rp, Account: m.options.User.Name},
	}
	return run(ctx, &s, m.options.Timeout, m.command)
}

// Get signs in with a passkey (WebAuthn §5.1.4). For its error see Create.
func (c *Client) Get(ctx context.Context, by Caller, o webauthn.RequestOptions) (webauthn.AuthenticationResponse, error) {
	u := using{by: by, options: o, wants: wants{
		userVerification: knownOr(o.UserVerification, webauthn.Preferred, requirements),
		hints:            o.Hints,
		listed:           len(o.AllowCredentials) > 0,
	}}
	r, err := c.get(ctx, &u)
	return r, c.finish(ctx, UsePasskey, by, u.rp, err)
}

func (c *Client) get(ctx context.Context, u *using) (r webauthn.AuthenticationResponse, err error) {
	if err := checkRequest(u.options); err != nil {
		return r, err
	}
	if u.rp, err = c.relyingParty(ctx, u.by, u.options.RPID); err != nil {
		return r, err
	}
	s := session{
		client: c, wants: u.wants,
		request: Request{Purpose: UsePasskey, Origin: u.by.Origin, RPID: u.rp},
	}
	return run(ctx, &s, u.options.Timeout, u.command)
}

// finish makes sure that a page sees an *Error and nothing else, and notes how
// the request ended.
func (c *Client) finish(ctx context.Context, p Purpose, by Caller, rp webauthn.RPID, err error) error {
	var e *Error
	if err != nil {
		e = ErrorOf(err)
	}
	if err != nil && ctx.Err() != nil {
		e = &Error{Name: AbortError, Message: msgAborted, Err: context.Cause(ctx)}
	}
	if c.Log != nil {
		attrs := []slog.Attr{
			slog.String("purpose", string(p)), slog.String("origin", string(by.Origin)), slog.String("rp", string(rp)),
		}
		if e != nil {
			attrs = append(attrs, slog.String("answer", string(e.Name)), slog.String("error", e.Error()))
		}
		c.Log.LogAttrs(ctx, slog.LevelInfo, "passkey request", attrs...)
	}
	if e == nil {
		return nil
	}
	return e
}
