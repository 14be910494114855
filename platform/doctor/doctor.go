package doctor

import (
	"context"
	"errors"
	"sync"
	"time"

	"cardea/hybrid"
	"cardea/hybrid/tunnel"
	"cardea/platform"
)

// A State is how a leg is.
type State string

// The states.
const (
	Works   State = "works"
	Missing State = "missing" // not there; other ways may do
	Broken  State = "broken"  // meant to be there, and does not work
)

// A Finding is what was found on one leg.
type Finding struct {
	// Leg is what was looked at, and Name which of that kind, such as the
	// domain of a relay.
	Leg   platform.Leg `json:"leg"`
	Name  string       `json:"name"`
	State State        `json:"state"`
	// Found says what is, in a sentence without its full stop.
	Found string `json:"found"`
	// Todo says what to do, if the state is not Works.
	Todo string `json:"todo,omitempty"`
}

// An Examination says what to look at. A nil part is not looked at.
type Examination struct {
	// Radio hears phones.
	Radio hybrid.Scanner
	// CanAdvertise says what keeps this device from being the phone, which has to
	// be heard.
	CanAdvertise func(context.Context) error
	// Relays are the services to knock at, reached by Tunnel; a nil Tunnel
	// reaches them at their own domains.
	Relays []hybrid.Service
	Tunnel *tunnel.Dialer
	// Routes are those to this device's authenticator and to security keys.
	Routes []platform.Route
}

// How long a look may take. Silence is a finding.
const (
	listenFor = 500 * time.Millisecond
	knockFor  = 10 * time.Second
	helloFor  = 3 * time.Second
)

// Examine looks at everything at the same time and returns the findings in the
// order of the Examination. It returns early only if ctx ends.
func (e Examination) Examine(ctx context.Context) []Finding {
	var looks []func(context.Context) Finding
	if e.Radio != nil {
		looks = append(looks, e.radio)
	}
	if e.CanAdvertise != nil {
		looks = append(looks, e.voice)
	}
	for _, s := range e.Relays {
		looks = append(looks, func(ctx context.Context) Finding { return e.relay(ctx, s) })
	}
	for _, r := range e.Routes {
		looks = append(looks, func(ctx context.Context) Finding { return route(ctx, r) })
	}
	findings := make([]Finding, len(looks))
	var all sync.WaitGroup
	for i, look := range looks {
		all.Go(func() { findings[i] = look(ctx) })
	}
	all.Wait()
	return findings
}

// radio listens for a moment: a radio that is off refuses at once.
func (e Examination) radio(ctx context.Context) Finding {
	f := Finding{Leg: platform.LegRadio, Name: "Bluetooth", State: Works, Found: "it listens"}
	ctx, cancel := context.WithTimeout(ctx, listenFor)
	defer cancel()
	err := e.Radio.Scan(ctx, func([]byte) bool { return false })
	switch {
	case errors.Is(err, hybrid.ErrRadioOff):
		f.State, f.Found = Missing, err.Error()
		f.Todo = "Turn Bluetooth on. Without it phones can't be found; security keys and this device still work."
	case err != nil && ctx.Err() == nil:
		f.State, f.Found = Broken, err.Error()
		f.Todo = "See what the system's Bluetooth service says, or restart it."
	}
	return f
}

// voice asks whether the radio could be heard. It is not used for that: whoever
// hears it would wonder.
func (e Examination) voice(ctx context.Context) Finding {
	f := Finding{Leg: platform.LegRadio, Name: "Bluetooth, as a phone", State: Works, Found: "it can advertise"}
	ctx, cancel := context.WithTimeout(ctx, helloFor)
	defer cancel()
	if err := e.CanAdvertise(ctx); err != nil {
		f.State, f.Found = Missing, err.Error()
		f.Todo = "Only a device that is to be the phone needs it: turn Bluetooth on there, or use an adapter that can advertise."
	}
	return f
}

// relay knocks at a tunnel service.
func (e Examination) relay(ctx context.Context, s hybrid.Service) Finding {
	f := Finding{Leg: platform.LegRelay, State: Works, Found: "it answers"}
	domain, err := s.Domain()
	if err != nil {
		f.Name, f.State, f.Found, f.Todo = "relay", Broken, err.Error(), "Use 0, 1, or a number from 256 on."
		return f
	}
	f.Name = domain
	ctx, cancel := context.WithTimeout(ctx, knockFor)
	defer cancel()
	if err = e.Tunnel.Probe(ctx, s); err == nil {
		return f
	}
	f.State, f.Found = Broken, err.Error()
	f.Todo = todos[tunnel.TroubleOf(err)]
	return f
}

var todos = map[tunnel.Trouble]string{
	tunnel.TroubleName:        "Check that this device is online. If other sites work, the network's name server keeps this name back: use another network or name server.",
	tunnel.TroubleConnect:     "A firewall is in the way, or the relay is down. Try another network.",
	tunnel.TroubleCertificate: "Somebody on the way opens encrypted connections, or the relay's authority isn't trusted here. Ask whoever runs the network to let this name through; for a private relay name its authority: relay_ca in the settings, or --relay-ca.",
	tunnel.TroubleClock:       "Set this device's date and time.",
	tunnel.TroubleBetween:     "A sign-in page or a proxy answers in the relay's place. Sign in to the network, or let this name through the proxy.",
	tunnel.TroubleService:     "The relay answers and can't help. Try again in a minute; if it's yours, look at its log.",
	tunnel.TroubleOther:       "Try another network. If it's your relay, look at its log.",
}

// route asks an authenticator's route whether it is ready.
func route(ctx context.Context, r platform.Route) Finding {
	f := Finding{Leg: platform.LegDevice, Name: "Passkey app", State: Works, Found: "it answers"}
	if r.Kind() == platform.SecurityKey {
		f.Leg, f.Name, f.Found = platform.LegKey, "Security keys", "the system lets us talk to them"
	}
	ctx, cancel := context.WithTimeout(ctx, helloFor)
	defer cancel()
	is := r.Ready(ctx, "localhost")
	if is.Usable {
		return f
	}
	f.State = Missing
	switch is.Why {
	case platform.NotRunning:
		f.Found, f.Todo = "it isn't running", "Start it with: cardea authenticator run"
	case platform.NotPermitted:
		f.State, f.Found = Broken, "the system doesn't let this user at them"
		f.Todo = "Install the rule for security keys (Debian: apt install libu2f-udev), then plug the key in again."
	default:
		f.Found, f.Todo = "not available on this system", "Use another way."
	}
	return f
}
