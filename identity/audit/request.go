package audit

import "context"

// A Request is what is known of the request that a change came with. The HTTP
// surfaces put it into the context once; a Store fills it into events that do
// not say themselves.
type Request struct {
	Reference string
	Address   string
	UserAgent string
}

// What is kept of what a client says of itself, in bytes. Anybody may say
// anything, and the record is for ever.
const (
	MaxUserAgent = 512
	MaxAddress   = 64
)

type requestKey struct{}

// With returns a context that carries r, cut to what is kept.
func With(ctx context.Context, r Request) context.Context {
	r.UserAgent = r.UserAgent[:min(len(r.UserAgent), MaxUserAgent)]
	r.Address = r.Address[:min(len(r.Address), MaxAddress)]
	return context.WithValue(ctx, requestKey{}, r)
}

// Complete fills what e does not say from the Request in ctx, and gives e an
// ID if it has none.
func Complete(ctx context.Context, e Event) Event {
	r, _ := ctx.Value(requestKey{}).(Request)
	if e.Reference == "" {
		e.Reference = r.Reference
	}
	if e.Address == "" {
		e.Address = r.Address
	}
	if e.UserAgent == "" {
		e.UserAgent = r.UserAgent
	}
	if e.ID == "" {
		e.ID = NewID(e.Time)
	}
	return e
}
