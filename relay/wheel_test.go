package relay

import (
	"testing"
	"time"
)

// Whatever is put in comes up once, not before its time, and at the latest a
// tick after it or a turn after it was put in.
func TestWheelForgetsNothing(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_800_000_000, 0)
	w := wheel[int]{now: start.UnixNano() / int64(tickTime)}
	random := dice(7)
	due := map[int]time.Time{}
	ticks := map[int]int64{}
	now := start
	for i := range 3000 {
		due[i] = now.Add(time.Duration(random.IntN(60_000)) * time.Millisecond)
		ticks[i] = w.put(i, due[i])
		now = now.Add(time.Duration(random.IntN(300)) * time.Millisecond)
		if i == 1500 {
			now = now.Add(time.Hour) // the machine slept
		}
		w.turn(now, func(v int, tick int64) {
			if ticks[v] > tick {
				t.Fatalf("%d came up at tick %d, put in for %d", v, tick, ticks[v])
			}
			if now.Before(due[v]) { // early: it is put in again
				ticks[v] = w.put(v, due[v])
				return
			}
			delete(due, v)
		})
		for v, at := range due {
			if now.Sub(at) > tickTime && i-v > 0 {
				t.Fatalf("%d is late by %v", v, now.Sub(at))
			}
		}
	}
	w.turn(now.Add(time.Minute), func(v int, _ int64) { delete(due, v) })
	if len(due) > 0 {
		t.Errorf("%d never came up", len(due))
	}
}
