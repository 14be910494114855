// Package phone is the platform.Route to a phone that scans a code: the
// client's half of the FIDO hybrid transport (package hybrid/link) as a person
// goes through it.
//
//	StageShowCode   the code is on the screen, the radio listens
//	StageHeard      a phone that has scanned it is close by
//	StageRelayed    this device is at the phone's relay
//	StageAnswered   the phone has proved that it knows the code
//
// While Bluetooth is off there is StageRadioOff, and the code comes by itself
// once it is on. A code serves one attempt; each attempt shows a new one.
package phone

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cardea/ctap"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/qrimage"
	"cardea/hybrid/tunnel"
	"cardea/platform"
	"cardea/webauthn"
)

// A Route reaches whichever phone scans the code. It is safe for concurrent
// use.
type Route struct {
	// Scanner is the radio that hears phones. Without one the route is not
	// usable.
	Scanner hybrid.Scanner
	// Tunnel opens the tunnel at the phone's relay; nil means the relays at
	// their own domains.
	Tunnel *tunnel.Dialer
	// Direct offers phones to be connected to over Bluetooth, without a relay.
	// It needs a Scanner that is a hybrid.DirectScanner.
	Direct bool
	// Timeouts bound the stages.
	Timeouts link.Timeouts
	// Links keeps what phones give that want to be remembered. Without it none
	// is asked.
	Links *Links
}

var _ platform.Route = (*Route)(nil)

const (
	// findFor is how long a code stays on the screen.
	findFor = 3 * time.Minute
	// lookAgain is how often a radio that is off is tried, and lookFor how
	// long.
	lookAgain = 2 * time.Second
	lookFor   = 250 * time.Millisecond
)

// Kind is Phone.
func (r *Route) Kind() platform.Kind { return platform.Phone }

// Ready reports whether there is a radio at all. What phones hold is not known
// before one has come.
func (r *Route) Ready(context.Context, webauthn.RPID) platform.Readiness {
	if r.Scanner == nil {
		return platform.Readiness{Why: platform.NoBluetooth}
	}
	return platform.Readiness{Usable: true}
}

// Open shows a code and waits for a phone.
func (r *Route) Open(ctx context.Context, purpose platform.Purpose, show func(platform.Progress)) (platform.Connection, error) {
	if r.Scanner == nil {
		return nil, failure(ctx, &link.Error{Leg: link.LegRadio, Err: hybrid.ErrRadioOff}, "")
	}
	for {
		conn, err := r.once(ctx, purpose, show)
		var f *platform.Failure
		if !errors.As(err, &f) || f.Leg != platform.LegRadio {
			return conn, err
		}
		show(platform.Progress{Stage: platform.StageRadioOff})
		for !r.radioOn(ctx) {
			select {
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			case <-time.After(lookAgain):
			}
		}
	}
}

var hints = map[platform.Purpose]hybrid.Hint{
	platform.MakePasskey: hybrid.HintMakeCredential, platform.UsePasskey: hybrid.HintGetAssertion,
}

// radioOn reports whether a scan lasts: a radio that is off refuses at once.
// It looks before the next code is made, so that none is shown in vain.
func (r *Route) radioOn(ctx context.Context) bool {
	short, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	err := r.Scanner.Scan(short, func([]byte) bool { return false })
	return !errors.Is(err, hybrid.ErrRadioOff) && ctx.Err() == nil
}

func (r *Route) once(ctx context.Context, purpose platform.Purpose, show func(platform.Progress)) (platform.Connection, error) {
	invitation, err := r.invite(hints[purpose])
	if err != nil {
		return nil, fmt.Errorf("making a code: %w", err)
	}
	code, err := draw(invitation.Text())
	if err != nil {
		return nil, fmt.Errorf("drawing the code: %w", err)
	}
	j := journey{show: show, code: code, timeouts: r.Timeouts}
	if j.timeouts.Find == 0 {
		j.timeouts.Find = findFor
	}
	client, err := link.Dial(ctx, invitation, link.DialConfig{
		Scanner: r.Scanner, Tunnel: j.follow(r.Tunnel), Progress: j.reached, Timeouts: j.timeouts,
	})
	if err != nil {
		return nil, j.failure(ctx, err)
	}
	return &connection{client: client, relay: j.relay, links: r.Links}, nil
}

func (r *Route) invite(hint hybrid.Hint) (*hybrid.Invitation, error) {
	switch {
	case r.Direct:
		return hybrid.NewDirectInvitation(hint, r.Links != nil)
	case r.Links != nil:
		return hybrid.NewLinkingInvitation(hint)
	}
	return hybrid.NewInvitation(hint)
}

func draw(text string) (platform.Matrix, error) {
	symbol, err := qrimage.Encode(text)
	if err != nil {
		return nil, err
	}
	m := make(platform.Matrix, symbol.Size())
	for y := range m {
		m[y] = make([]bool, symbol.Size())
		for x := range m[y] {
			m[y][x] = symbol.Black(x, y)
		}
	}
	return m, nil
}

// A journey is one attempt as it is shown.
type journey struct {
	code     platform.Matrix
	timeouts link.Timeouts

	mu    sync.Mutex // the tunnel may be opened from another goroutine
	show  func(platform.Progress)
	relay string
	stage platform.Stage
}

// follow returns a dialer that also notes the name of the relay, which the
// advertisement tells and only the dialer learns.
func (j *journey) follow(d *tunnel.Dialer) *tunnel.Dialer {
	f := tunnel.Dialer{}
	if d != nil {
		f = *d
	}
	base := f.Base
	f.Base = func(domain string) string {
		j.mu.Lock()
		j.relay = domain
		if j.stage == platform.StageHeard {
			j.show(platform.Progress{Stage: j.stage, Relay: domain})
		}
		j.mu.Unlock()
		if base == nil {
			return "wss://" + domain
		}
		return base(domain)
	}
	return &f
}

var stages = map[link.Stage]platform.Stage{
	link.StageWaiting:   platform.StageShowCode,
	link.StageHeard:     platform.StageHeard,
	link.StageConnected: platform.StageRelayed,
	link.StageReady:     platform.StageAnswered,
}

func (j *journey) reached(s link.Stage) {
	stage, ok := stages[s]
	if !ok {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stage = stage
	p := platform.Progress{Stage: stage, Relay: j.relay}
	if stage == platform.StageShowCode {
		p.Code, p.Until = j.code, time.Now().Add(j.timeouts.Find)
	}
	j.show(p)
}

func (j *journey) failure(ctx context.Context, err error) error {
	return failure(ctx, err, j.relay)
}

// failure makes a *platform.Failure of an error of package link, unless the
// request has ended. The legs, and the troubles of package tunnel, have the same
// names there.
func failure(ctx context.Context, err error, relay string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	leg := platform.LegPeer
	var l *link.Error
	if errors.As(err, &l) {
		leg = platform.Leg(l.Leg)
	}
	f := &platform.Failure{Leg: leg, Relay: relay, Err: err}
	if leg == platform.LegRelay {
		f.Trouble = platform.Trouble(tunnel.TroubleOf(err))
	}
	return f
}

type connection struct {
	client *link.Client
	relay  string
	links  *Links // may be nil
}

func (c *connection) Send(ctx context.Context, request []byte) ([]byte, error) {
	response, err := c.client.Send(ctx, request)
	if err != nil {
		return nil, failure(ctx, err, c.relay)
	}
	return response, nil
}

func (c *connection) Info() ctap.Info   { return c.client.Info() }
func (c *connection) Transport() string { return webauthn.TransportHybrid }

// Close ends the transaction, and keeps the link that the phone may have given.
// A person who has signed in is not told if that does not work: the code will
// do the next time.
func (c *connection) Close() error {
	if l, ok := c.client.Linking(); ok && c.links != nil {
		_ = c.links.Keep(l)
	}
	return c.client.Close()
}
