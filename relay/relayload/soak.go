//go:build linux

package relayload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// The stages at which a soak breaks off. At each, what has been done so far is
// all there ever is.
var stages = []string{
	"connected", "half a request", "request", "opened", "opened, early message", "half a join", "join", "joined",
	"half a header", "half a message", "half a fragment", "after messages", "half a close", "text", "orderly",
	"registered", "called", "call answered", "call refused", "call taken up",
}

// A Tally counts what a soak has done.
type Tally struct {
	mu       sync.Mutex
	Stages   map[string]int64 // how often it was broken off at each
	Messages int64            // that arrived and were checked
	Bytes    int64
}

func (t *Tally) did(stage string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Stages[stage]++
}

func (t *Tally) arrived(m []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Messages++
	t.Bytes += int64(len(m))
}

// String says how often each stage was reached.
func (t *Tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b bytes.Buffer
	for _, s := range slices.Sorted(maps.Keys(t.Stages)) {
		fmt.Fprintf(&b, "%s: %d; ", s, t.Stages[s])
	}
	fmt.Fprintf(&b, "%d messages with %d bytes arrived as they were sent", t.Messages, t.Bytes)
	return b.String()
}

// Soak opens, uses and breaks off tunnels and calls from several workers until
// ctx ends. The error is the first message that was not what was sent to it, or
// connection that the relay left hanging. Then everything is closed, and it is
// an error too if the relay still has a tunnel or a connection.
func Soak(ctx context.Context, t *Target, workers int) (*Tally, error) {
	tally := &Tally{Stages: map[string]int64{}}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	var turn atomic.Uint32
	for range workers {
		group.Go(func() {
			for ctx.Err() == nil {
				s := &scene{Target: t, dice: newDice(), tally: tally, id: nextID()}
				stage := stages[turn.Add(1)%uint32(len(stages))]
				if err := s.play(stage); err != nil {
					cancel(fmt.Errorf("%s: %w", stage, err))
					return
				}
				tally.did(stage)
			}
		})
	}
	group.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return tally, err
	}
	return tally, t.settle()
}
