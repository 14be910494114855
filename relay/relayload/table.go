//go:build linux

package relayload

import (
	"context"
	"fmt"
	"io"
	"time"
)

// A Starter starts a relay in a process of its own.
type Starter func(ctx context.Context, k Kind) (t *Target, stop func(), err error)

// Counts are the numbers of connections that a Table is about.
var Counts = []int{1000, 10000, 19000}

// Table measures each kind of relay and writes what it finds as tables in
// Markdown: memory, accepts, messages. Each rate is measured for d.
func Table(ctx context.Context, out io.Writer, start Starter, kinds []Kind, d time.Duration) error {
	fmt.Fprintf(out, "User memory of the relay, per connection (bytes of RssAnon over that with none):\n\n")
	row(out, "relay", "connection", "at 1,000", "at 10,000", "at 19,000", "slope 1,000 to 19,000", "goroutines at 19,000")
	row(out, "---", "---", "--:", "--:", "--:", "--:", "--:")
	for _, k := range kinds {
		for _, sort := range []string{Waiting, Joined, Registered} {
			if err := idleRow(ctx, out, start, k, sort); err != nil {
				return fmt.Errorf("%v, %s: %w", k, sort, err)
			}
		}
	}
	fmt.Fprintf(out, "\nTunnels opened and broken off, one after the other from 8 clients:\n\n")
	row(out, "relay", "per second", "relay's time for one", "per second and core")
	row(out, "---", "--:", "--:", "--:")
	for _, k := range kinds {
		err := with(ctx, start, k, func(t *Target) error {
			r, err := Accepts(t, d)
			row(out, k, wall(r), micro(r), int(r.PerCore()))
			return err
		})
		if err != nil {
			return fmt.Errorf("%v, accepting: %w", k, err)
		}
	}
	fmt.Fprintf(out, "\nMessages of 1 KiB through joined tunnels, all of them in turn, 32 at a time:\n\n")
	row(out, "relay", "connections", "at once through one", "per second", "relay's time for one", "per second and core")
	row(out, "---", "--:", "--:", "--:", "--:", "--:")
	floor, err := Floor(ctx, d)
	if err != nil {
		return fmt.Errorf("the floor: %w", err)
	}
	row(out, "none: epoll_wait, read, write", 64, 1, wall(floor), micro(floor), int(floor.PerCore()))
	for _, k := range kinds {
		for _, n := range Counts {
			for _, window := range []int{1, 8} {
				if err := messagesRow(ctx, out, start, k, n, window, d); err != nil {
					return fmt.Errorf("%v, messages through %d: %w", k, n, err)
				}
			}
		}
	}
	return nil
}

func with(ctx context.Context, start Starter, k Kind, do func(*Target) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t, stop, err := start(ctx, k)
	if err != nil {
		return err
	}
	defer stop()
	return do(t)
}

func idleRow(ctx context.Context, out io.Writer, start Starter, k Kind, sort string) error {
	return with(ctx, start, k, func(t *Target) error {
		s, err := Idle(t, sort, Counts...)
		if err != nil {
			return err
		}
		per := func(from, to int) int64 {
			n := s[to].Connections - s[from].Connections
			return (s[to].Resident - s[from].Resident) / n
		}
		row(out, k, sort, per(0, 1), per(0, 2), per(0, 3), per(1, 3), s[3].Goroutines)
		return nil
	})
}

func messagesRow(ctx context.Context, out io.Writer, start Starter, k Kind, n, window int, d time.Duration) error {
	return with(ctx, start, k, func(t *Target) error {
		r, err := Messages(t, n, window, d)
		if err != nil {
			return err
		}
		row(out, k, n, window, wall(r), micro(r), int(r.PerCore()))
		return nil
	})
}

func wall(r Rate) int { return int(float64(r.Times) / r.Took.Seconds()) }

func micro(r Rate) string { return fmt.Sprintf("%.1f µs", float64(r.Each().Nanoseconds())/1000) }

func row(out io.Writer, cells ...any) {
	for _, c := range cells {
		fmt.Fprintf(out, "| %v ", c)
	}
	fmt.Fprintln(out, "|")
}
