package phone

import (
	"cmp"
	"context"
	"errors"
	"time"

	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/tunnel"
	"cardea/platform"
	"cardea/webauthn"
)

// answerFor is how long a phone that was called may take to come near: it is
// woken, and perhaps taken out of a bag. After that the code is the better way.
const answerFor = 30 * time.Second

// Remembered returns a route to each phone in r.Links, the newest first.
func (r *Route) Remembered() []platform.Remembered {
	if r.Links == nil || r.Scanner == nil {
		return nil
	}
	links, err := r.Links.All()
	if err != nil {
		return nil // there is always the code
	}
	routes := make([]platform.Remembered, len(links))
	for i, k := range links {
		routes[i] = &linked{r, k}
	}
	return routes
}

// linked is the route to a phone that was linked before. It falls back to the
// code.
type linked struct {
	*Route
	to hybrid.Link
}

var _ platform.Remembered = (*linked)(nil)

func (l *linked) ID() string { return idOf(l.to) }

func (l *linked) Name() string {
	if l.to.Name == "" {
		return "Phone"
	}
	return l.to.Name
}

func (l *linked) Forget() error { return l.Links.Forget(l.to) }

// Ready does not know whether the phone is on: to ask would wake it.
func (l *linked) Ready(context.Context, webauthn.RPID) platform.Readiness {
	return platform.Readiness{Usable: true}
}

// Open calls the phone, and shows a code if it does not come. A phone that has
// ended the link is forgotten.
func (l *linked) Open(ctx context.Context, purpose platform.Purpose, show func(platform.Progress)) (platform.Connection, error) {
	conn, err := l.call(ctx, purpose, show)
	if err == nil || ctx.Err() != nil {
		return conn, err
	}
	instead := platform.InsteadOfSilence
	switch {
	case errors.Is(err, link.ErrUnheard):
		instead = platform.InsteadOfUnheard
	case errors.Is(err, tunnel.ErrContactGone):
		instead = platform.InsteadOfForgotten
		if err := l.Forget(); err != nil {
			return nil, err
		}
	}
	return l.Route.Open(ctx, purpose, func(p platform.Progress) {
		if p.Stage == platform.StageShowCode {
			p.Instead = instead
		}
		show(p)
	})
}

func (l *linked) call(ctx context.Context, purpose platform.Purpose, show func(platform.Progress)) (platform.Connection, error) {
	j := journey{show: show, timeouts: l.Timeouts}
	j.timeouts.Find = min(cmp.Or(j.timeouts.Find, answerFor), answerFor)
	show(platform.Progress{Stage: platform.StageCalling, Until: time.Now().Add(j.timeouts.Find)})
	client, err := link.Call(ctx, l.to, hints[purpose], link.DialConfig{
		Scanner: l.Scanner, Tunnel: j.follow(l.Tunnel), Progress: j.called, Timeouts: j.timeouts,
	})
	if err != nil {
		return nil, j.failure(ctx, err)
	}
	return &connection{client: client, relay: j.relay, links: l.Links}, nil
}

// called shows the stages of a call. The relay comes first there, and says
// nothing to a person before the phone is heard.
func (j *journey) called(s link.Stage) {
	switch s {
	case link.StageHeard:
		j.tell(platform.StageRelayed)
	case link.StageReady:
		j.tell(platform.StageAnswered)
	}
}

func (j *journey) tell(s platform.Stage) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stage = s
	j.show(platform.Progress{Stage: s, Relay: j.relay})
}
