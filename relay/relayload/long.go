//go:build linux

package relayload

import (
	"context"
	"fmt"
	"io"
	"time"
)

// samples is how often a long soak looks at the relay.
const samples = 20

// LongSoak soaks a relay for d and tells on out what it holds on the way. It is
// an error if the relay's memory grows beyond what it had after the first
// twentieth, with a quarter and 4 MB of grace for the collector, or if it ends
// with more goroutines than it began with.
func LongSoak(ctx context.Context, out io.Writer, t *Target, d time.Duration, workers int) error {
	before, err := t.Stats()
	if err != nil {
		return err
	}
	tell(out, 0, before)
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	began := time.Now()
	type result struct {
		tally *Tally
		err   error
	}
	done := make(chan result, 1)
	go func() {
		tally, err := Soak(ctx, t, workers)
		done <- result{tally, err}
	}()
	tick := time.NewTicker(d / samples)
	defer tick.Stop()
	var first, last Stats
	for {
		select {
		case <-tick.C:
			if ctx.Err() != nil {
				continue
			}
			if last, err = t.Stats(); err != nil {
				return err
			}
			if first.Resident == 0 {
				first = last
			}
			tell(out, time.Since(began), last)
		case r := <-done:
			fmt.Fprintln(out, r.tally)
			if r.err != nil {
				return r.err
			}
			return t.isAsBefore(out, before, first, time.Since(began))
		}
	}
}

func tell(out io.Writer, at time.Duration, s Stats) {
	fmt.Fprintf(out, "%8s  resident %6d KB  heap %6d KB  stacks %5d KB  goroutines %4d  tunnels %3d  connections %3d  CPU %v\n",
		at.Round(time.Second), s.Resident>>10, s.Heap>>10, s.Stacks>>10, s.Goroutines, s.Tunnels, s.Connections, s.CPU.Round(time.Millisecond))
}

func (t *Target) isAsBefore(out io.Writer, before, first Stats, took time.Duration) error {
	// Half a request is given up after ten seconds.
	var end Stats
	for patient := time.Now().Add(patience); ; time.Sleep(time.Second) {
		var err error
		if end, err = t.Stats(); err != nil {
			return err
		}
		if end.Goroutines <= before.Goroutines || time.Now().After(patient) {
			break
		}
	}
	tell(out, took, end)
	if end.Goroutines > before.Goroutines {
		return fmt.Errorf("%d goroutines, %d before", end.Goroutines, before.Goroutines)
	}
	if first.Resident > 0 && end.Resident > first.Resident*5/4+4<<20 {
		return fmt.Errorf("memory grew from %d KB to %d KB", first.Resident>>10, end.Resident>>10)
	}
	return nil
}
