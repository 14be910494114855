// Package local is the platform.Route to the authenticator in this device: the
// one that runs as this person and is offered to their programs over a Unix
// socket (package authenticator/agent).
//
// The authenticator asks its person itself, on pages of its own or in a window
// of its own. The route only says where: a dialog goes to that page, and comes
// back when there is an answer.
package local

import (
	"context"
	"fmt"

	"cardea/authenticator/agent"
	"cardea/ctap"
	"cardea/platform"
	"cardea/webauthn"
)

// A Route reaches the authenticator at a socket. It is safe for concurrent
// use: each request has a connection of its own.
type Route struct {
	// Socket is the path of the agent's Unix socket.
	Socket string
	// Name is what this program calls itself to the person at the
	// authenticator, such as "Chromium". It may be empty.
	Name string
}

var _ platform.Route = (*Route)(nil)

// Kind is ThisDevice.
func (r *Route) Kind() platform.Kind { return platform.ThisDevice }

// Ready asks whether the authenticator runs and what it would tell anybody: a
// locked vault does not say what it holds.
func (r *Route) Ready(ctx context.Context, rp webauthn.RPID) platform.Readiness {
	remote, err := agent.Dial(ctx, r.Socket)
	if err != nil {
		return platform.Readiness{Why: platform.NotRunning}
	}
	has, known, err := remote.HasPasskey(ctx, rp)
	switch {
	case err != nil:
		return platform.Readiness{Why: platform.NotRunning}
	case !known:
		return platform.Readiness{Usable: true, Holds: platform.HoldsUnknown}
	case has:
		return platform.Readiness{Usable: true, Holds: platform.HoldsSome}
	}
	return platform.Readiness{Usable: true, Holds: platform.HoldsNone}
}

// Open connects to the authenticator and shows where it asks its person.
func (r *Route) Open(ctx context.Context, _ platform.Purpose, show func(platform.Progress)) (platform.Connection, error) {
	remote, err := agent.Dial(ctx, r.Socket)
	if err != nil {
		return nil, failure(ctx, fmt.Errorf("reaching the authenticator: %w", err))
	}
	remote.Name = r.Name
	info, err := remote.Info(ctx)
	if err != nil {
		return nil, failure(ctx, fmt.Errorf("asking the authenticator what it is: %w", err))
	}
	show(platform.Progress{Stage: platform.StageAskHere, PageURL: remote.PageURL()})
	return &connection{remote: remote, info: info}, nil
}

// failure makes a *platform.Failure of err, unless the request has ended.
func failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &platform.Failure{Leg: platform.LegDevice, Err: err}
}

type connection struct {
	remote *agent.Remote
	info   ctap.Info
}

func (c *connection) Send(ctx context.Context, request []byte) ([]byte, error) {
	response, err := c.remote.Send(ctx, request)
	if err != nil {
		return nil, failure(ctx, err)
	}
	return response, nil
}

func (c *connection) Info() ctap.Info   { return c.info }
func (c *connection) Transport() string { return webauthn.TransportInternal }

// Close has nothing to close: each command has a connection of its own, which
// ends with it.
func (c *connection) Close() error { return nil }
