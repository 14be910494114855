package authtest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"cardea/authenticator"
)

// A Reply is how a scripted person answers one prompt.
type Reply func(ctx context.Context, p authenticator.Prompt) (authenticator.Answer, error)

// Approve says yes to the newest passkey, and is verified if the prompt wants
// it.
func Approve(_ context.Context, p authenticator.Prompt) (authenticator.Answer, error) {
	return authenticator.Answer{Verified: p.Verify}, nil
}

// Choose says yes to passkey n of the prompt.
func Choose(n int) Reply {
	return func(_ context.Context, p authenticator.Prompt) (authenticator.Answer, error) {
		return authenticator.Answer{Choice: n, Verified: p.Verify}, nil
	}
}

// Tap says yes and leaves the PIN out, whatever the prompt wants.
func Tap(context.Context, authenticator.Prompt) (authenticator.Answer, error) {
	return authenticator.Answer{}, nil
}

// Decline says no.
func Decline(context.Context, authenticator.Prompt) (authenticator.Answer, error) {
	return authenticator.Answer{}, authenticator.ErrDeclined
}

// Fail is what happens when a person proves to be somebody else.
func Fail(context.Context, authenticator.Prompt) (authenticator.Answer, error) {
	return authenticator.Answer{}, authenticator.ErrNotVerified
}

// Leave does not answer until the prompt is withdrawn.
func Leave(ctx context.Context, _ authenticator.Prompt) (authenticator.Answer, error) {
	<-ctx.Done()
	return authenticator.Answer{}, ctx.Err()
}

// UnlockWith answers an Unlock prompt by calling unlock, which is to unlock the
// vault, until it returns nil or the tries are used up; then the person gives
// up. A wrong PIN is a try.
func UnlockWith(tries int, unlock func(try int) error) Reply {
	return func(_ context.Context, p authenticator.Prompt) (authenticator.Answer, error) {
		for try := range tries {
			if unlock(try) == nil {
				return authenticator.Answer{Verified: true}, nil
			}
		}
		return authenticator.Answer{}, authenticator.ErrDeclined
	}
}

// A Person answers prompts by script: the first by the first Reply, and so on.
// After the last one it goes on with Then. The zero Person approves everything.
// It fails the one rule of its interface loudly: Ask panics if it is called
// while another prompt is open.
type Person struct {
	// Then answers what the script does not; nil is Approve.
	Then Reply

	mu     sync.Mutex
	script []Reply
	asked  []authenticator.Prompt
	open   bool
	seen   chan authenticator.Prompt
}

var _ authenticator.Person = (*Person)(nil)

// NewPerson returns a Person with a script.
func NewPerson(script ...Reply) *Person { return &Person{script: script} }

// Script appends to the script.
func (p *Person) Script(replies ...Reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script = append(p.script, replies...)
}

// Asked returns the prompts so far, in order.
func (p *Person) Asked() []authenticator.Prompt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// Kinds returns the kinds of the prompts so far, in order.
func (p *Person) Kinds() []authenticator.Kind {
	var kinds []authenticator.Kind
	for _, a := range p.Asked() {
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

// Seen returns a channel on which every later prompt comes before it is
// answered. The receiver must keep up: the person waits for it.
func (p *Person) Seen() <-chan authenticator.Prompt {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil {
		p.seen = make(chan authenticator.Prompt)
	}
	return p.seen
}

// Ask answers by the script.
func (p *Person) Ask(ctx context.Context, prompt authenticator.Prompt) (authenticator.Answer, error) {
	reply, seen := p.begin(prompt)
	defer p.end()
	if seen != nil {
		select {
		case seen <- prompt:
		case <-ctx.Done():
			return authenticator.Answer{}, ctx.Err()
		}
	}
	return reply(ctx, prompt)
}

func (p *Person) begin(prompt authenticator.Prompt) (Reply, chan<- authenticator.Prompt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		panic(fmt.Sprintf("authtest: asked %q while another prompt is open", prompt.Kind))
	}
	p.open = true
	p.asked = append(p.asked, prompt)
	reply := p.Then
	if len(p.script) != 0 {
		reply, p.script = p.script[0], p.script[1:]
	}
	if reply == nil {
		reply = Approve
	}
	return reply, p.seen
}

func (p *Person) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = false
}
